"""What is about the keys of a drawn scene: the case with its gloss, name and buttons, the player's lap, and clutter."""

import itertools
from collections.abc import Callable, Sequence

import cv2
import numpy as np

from dataset_tools.drawn_camera import Camera
from dataset_tools.drawn_scene import FALLBOARD, WHITE_LENGTH, Scene

Fill = Callable[[np.ndarray, Sequence[Sequence[float]], np.ndarray], None]  # picture, world points of a face, colour
_LETTER = 10.0  # mm, height of a name on the fallboard
_FLOOR = -20.0  # mm


def case_depth(scene: Scene) -> float:
    """Millimetres from the keys' back edge to the far end of the case: of a stage piano, or beyond the picture."""
    if scene.room.clutter == 0 and scene.room.body is None:
        return 200.0
    return float(np.random.default_rng([scene.seed, 8]).choice([110.0, 200.0, 320.0, 1500.0]))


def furnish(image: np.ndarray, scene: Scene, fill: Fill) -> None:
    """The player's lap and clothes, boards and papers on the desk, cables: before the case is drawn over them."""
    rng, desk = np.random.default_rng([scene.seed, 9]), np.array(scene.desk)
    for _ in range(round(8 * scene.room.clutter)):
        far = rng.random() < 0.5
        y = -rng.uniform(100, 900) if far else rng.uniform(WHITE_LENGTH + 40, 900)
        box = _turned(rng.uniform(-900, 900), y, rng.uniform(60, 700), rng.uniform(60, 700), rng.normal(0, 0.2))
        shade = desk * rng.uniform(0.4, 1.6) if rng.random() < 0.7 else rng.uniform(10, 240) * rng.uniform(0.6, 1, 3)
        fill(image, [(x, y, _FLOOR) for x, y in box], shade)
    _cables(image, scene, fill, rng)
    if scene.room.body is not None:
        _lap(image, scene, fill, rng)


def _turned(x: float, y: float, width: float, length: float, angle: float) -> np.ndarray:
    """Corners ``(4, 2)`` of a rectangle."""
    corners = np.array([[-width, -length], [width, -length], [width, length], [-width, length]]) / 2
    c, s = np.cos(angle), np.sin(angle)
    return corners @ np.array([[c, s], [-s, c]]) + [x, y]


def _cables(image: np.ndarray, scene: Scene, fill: Fill, rng: np.random.Generator) -> None:
    for _ in range(round(3 * scene.room.clutter)):
        knots = np.cumsum(
            np.concatenate([[[rng.uniform(-700, 700), -150]], rng.normal([0, -60], [130, 60], (6, 2))]), 0
        )
        at = np.linspace(0, 6, 60)
        line = np.stack([np.interp(at, np.arange(7), knots[:, axis]) for axis in (0, 1)], axis=1)
        line = cv2.GaussianBlur(line, (1, 21), 4)
        for start, end in itertools.pairwise(line):
            normal = np.array([start[1] - end[1], end[0] - start[0]])
            normal *= 2.5 / max(float(np.linalg.norm(normal)), 1e-6)
            corners = [start - normal, end - normal, end + normal, start + normal]
            fill(image, [(x, y, _FLOOR) for x, y in corners], np.full(3, 25.0))


def _lap(image: np.ndarray, scene: Scene, fill: Fill, rng: np.random.Generator) -> None:
    """Two thighs and a trunk, seen from above, with folds."""
    cloth = np.array(scene.room.body)
    x, y = rng.normal(0, 80), WHITE_LENGTH + rng.uniform(20, 160)
    for side in (-1, 1):
        spread = rng.uniform(70, 130)
        for fold in range(12):  # darker to the sides, as round things are
            width = 75 * (1 - fold / 13)
            knee, hip = x + side * spread, x + side * 90
            thigh = [(knee - width, y), (knee + width, y), (hip + 1.1 * width, y + 420), (hip - 1.1 * width, y + 420)]
            fill(image, [(*place, _FLOOR) for place in thigh], cloth * (0.6 + 0.035 * fold))
    shirt = cloth[::-1] * rng.uniform(0.5, 1.6)
    angles = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    for fold in range(14):
        radius = 1 - fold / 20
        round_ = np.stack([x + 230 * radius * np.cos(angles), y + 480 + 170 * radius * np.sin(angles)], axis=1)
        fill(image, [(*place, _FLOOR) for place in round_], shirt * (0.65 + 0.03 * fold))


def decorate(image: np.ndarray, scene: Scene, camera: Camera, fill: Fill, outer: tuple[float, float]) -> None:
    """On the case: a bright edge where lacquer turns to the light, a row of buttons, and a name in gold."""
    room, case = scene.room, np.array(scene.fallboard)
    if room.gloss > 0:
        edge = [(outer[0], FALLBOARD[0] + 4, FALLBOARD[1] - 3), (outer[1], FALLBOARD[0] + 4, FALLBOARD[1] - 3)]
        edge += [(outer[1], *FALLBOARD), (outer[0], *FALLBOARD)]
        fill(image, edge, case * 1.3 + 90 * room.gloss)
    rng = np.random.default_rng([scene.seed, 10])
    if room.clutter > 0.4:
        for number in range(int(rng.integers(4, 20))):
            x, y = outer[0] + 200 + 28 * number, FALLBOARD[0] - 30
            shade = np.full(3, rng.choice([60.0, 110.0, 200.0]))
            fill(image, [(x, y, 50), (x + 16, y, 50), (x + 16, y + 8, 50), (x, y + 8, 50)], shade)
    if room.letters:
        _letter(image, scene, camera, np.array(((90.0, 160, 190), (200, 200, 200))[rng.integers(2)]))


def _letter(image: np.ndarray, scene: Scene, camera: Camera, colour: np.ndarray) -> None:
    """``letters`` painted on the fallboard, in its middle, in perspective; mirrored pictures come later."""
    (width, height), base = cv2.getTextSize(scene.room.letters, cv2.FONT_HERSHEY_TRIPLEX, 2.0, 3)
    paint = np.zeros((height + base, width), np.uint8)
    cv2.putText(paint, scene.room.letters, (0, height), cv2.FONT_HERSHEY_TRIPLEX, 2.0, (255.0,), 2, cv2.LINE_AA)
    half = _LETTER * width / height / 2
    upper, lower = np.array(FALLBOARD) * 0.75, np.array(FALLBOARD) * 0.45
    world = [(-half, *upper), (half, *upper), (half, *lower), (-half, *lower)]
    scale = image.shape[1] / camera.size[0]
    places = ((camera(np.array(world)) + 0.5) * scale - 0.5).astype(np.float32)
    corners = np.array([[0, 0], [width, 0], [width, height + base], [0, height + base]], np.float32)
    matrix = cv2.getPerspectiveTransform(corners, places)
    alpha = cv2.warpPerspective(paint, matrix, image.shape[1::-1], flags=cv2.INTER_AREA)[..., None] / np.float32(255)
    where = np.nonzero(alpha[..., 0])
    image[where] = (image[where] * (1 - alpha[where]) + colour * alpha[where]).astype(np.uint8)
