"""The camera of a drawn scene: millimetres of the world to pixels, counted from the centre of the upper-left pixel.

A scene is drawn as a camera that stands still sees it, without distortion, on a canvas a little larger than the picture
where it needs to be; ``Motion`` then turns and bends the drawing into the picture. A camera in the hand mostly turns,
and what a camera sees that turns is a homography of what it saw: so the truth stays exact.
"""

from functools import lru_cache

import cv2
import numpy as np

from dataset_tools.drawn_scene import WHITE_LENGTH, WHITE_WIDTH, Scene
from video2roll.rectify import Keyboard

_FURTHEST = 2.6  # deviations that a sum of Wander's waves ever comes from its middle


class Camera:
    """Pinhole camera of a scene: world (mm) to pixels of the drawing, before it is turned, bent and mirrored.

    ``margin``: pixels that the drawing is larger than the picture on each side; ``size``: its width and height."""

    def __init__(self, scene: Scene) -> None:
        side = -1.0 if scene.opposite else 1.0
        tilt, roll = np.radians(scene.tilt), np.radians(scene.roll)
        self.focal = scene.focal * scene.width  # pixels
        self.margin = _margin(scene)
        self.size = scene.width + 2 * self.margin, scene.height + 2 * self.margin
        left, right = scene.framed or (scene.first_along, scene.last_along)
        span = (right - left) * WHITE_WIDTH
        distance = span * scene.focal / scene.fill
        towards = np.array([np.tan(np.radians(scene.pan)), side * np.sin(tilt), np.cos(tilt)])
        forward = -towards / np.linalg.norm(towards)
        self.place = np.array([scene.x_of((left + right) / 2), WHITE_LENGTH / 2, 0.0]) - distance * forward
        rightwards = np.array([side, 0.0, 0.0])
        rightwards = rightwards - (rightwards @ forward) * forward
        rightwards /= np.linalg.norm(rightwards)
        down = np.cross(rightwards, forward)
        c, s = np.cos(roll), np.sin(roll)
        self.axes = np.stack([c * rightwards - s * down, s * rightwards + c * down, forward])
        self._centre = (np.array(self.size) - 1) / 2

    def __call__(self, points: np.ndarray) -> np.ndarray:
        """Pixels ``(..., 2)`` of world points ``(..., 3)``."""
        seen = (points - self.place) @ self.axes.T
        return seen[..., :2] / seen[..., 2:] * self.focal + self._centre

    def scale(self, point: np.ndarray) -> float:
        """Pixels a millimetre at a world point ``(3,)``."""
        return self.focal / float((point - self.place) @ self.axes[2])


class Mirrored(Camera):
    """A camera that sees the world turned ``(3, 3)`` about the origin: what it would see in a mirror."""

    def __init__(self, camera: Camera, turn: np.ndarray) -> None:
        self._camera, self._turn = camera, turn
        self.place = camera.place @ turn.T  # a mirror is its own inverse: the faces that are seen are those of there

    def __call__(self, points: np.ndarray) -> np.ndarray:
        """Pixels ``(..., 2)`` of the mirror images of world points ``(..., 3)``."""
        return self._camera(points @ self._turn.T)


class Wander:
    """Smooth chance: a sum of waves of ``slowest`` to ``fastest`` Hz with deviation 1, the same for a seed."""

    def __init__(self, seed: list[int], slowest: float, fastest: float) -> None:
        rng = np.random.default_rng(seed)
        self._rates = 2 * np.pi * np.exp(rng.uniform(np.log(slowest), np.log(fastest), 4))
        self._phases = rng.uniform(0, 2 * np.pi, 4)
        self._heights = rng.dirichlet(np.full(4, 3.0)) ** 0.5 * 2**0.5

    def __call__(self, time: float) -> float:
        return float(self._heights @ np.sin(self._rates * time + self._phases))


class Motion:
    """How the drawing becomes the picture: the camera's turning and breathing at a time, then the lens's bending."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.still = scene.handling.still
        self._sway = [Wander([scene.seed, 20 + axis], 0.05, 0.5) for axis in range(3)]
        self._shake = [Wander([scene.seed, 30 + axis], 3.0, 9.0) for axis in range(3)]
        self._focus = Wander([scene.seed, 40], 0.08, 0.4)
        self._bent: tuple[np.ndarray, np.ndarray] | None = None

    def out_of_focus(self, time: float) -> float:
        """0 in focus, as it mostly is, to 1."""
        return float(np.clip(self._focus(time) - 0.8, 0, 1))

    def matrix(self, time: float) -> np.ndarray:
        """Homography ``(3, 3)`` from pixels of the picture without motion to those with it, both unbent."""
        scene, handling = self.scene, self.scene.handling
        across, down, turn = (
            handling.sway * sway(time) + handling.shake * shake(time)
            for sway, shake in zip(self._sway, self._shake, strict=True)
        )
        angles = np.array([-down / scene.focal, across / scene.focal, turn])
        rotation = cv2.Rodrigues(angles)[0]
        zoom = 1 + handling.breathing * self.out_of_focus(time)
        lens = np.array(
            [
                [scene.focal * scene.width, 0, (scene.width - 1) / 2],
                [0, scene.focal * scene.width, (scene.height - 1) / 2],
                [0, 0, 1],
            ]
        )
        return lens @ np.diag([zoom, zoom, 1]) @ rotation @ np.linalg.inv(lens)

    def __call__(self, points: np.ndarray, time: float) -> np.ndarray:
        """Where points ``(..., 2)`` of the picture without motion and bending are seen at ``time``."""
        moved = points if self.still else _apply(self.matrix(time), points)
        return _bend(moved, self.scene)

    def picture(self, drawing: np.ndarray, margin: int, time: float) -> np.ndarray:
        """The picture of a drawing that is ``margin`` pixels larger on each side."""
        scene, size = self.scene, (self.scene.width, self.scene.height)
        if not self.still:
            shift = np.array([[1.0, 0, margin], [0, 1, margin], [0, 0, 1]])
            kept = np.eye(3) if scene.distortion == 0 else shift  # what is to be bent keeps its margin
            matrix, flags = shift @ np.linalg.inv(self.matrix(time)) @ np.linalg.inv(kept), cv2.INTER_LINEAR
            to = size if scene.distortion == 0 else drawing.shape[1::-1]
            flags |= cv2.WARP_INVERSE_MAP
            drawing = cv2.warpPerspective(drawing, matrix, to, flags=flags, borderMode=cv2.BORDER_REPLICATE)
        if scene.distortion == 0:
            return drawing
        if self._bent is None:
            grid = np.stack(np.meshgrid(np.arange(size[0]), np.arange(size[1])), axis=-1)
            x, y = cv2.split((_straighten(grid, scene) + margin).astype(np.float32))
            first, second = cv2.convertMaps(x, y, cv2.CV_16SC2)
            self._bent = np.asarray(first), np.asarray(second)
        return cv2.remap(drawing, self._bent[0], self._bent[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def scene_keyboard(scene: Scene, time: float = 0.0) -> Keyboard:
    """The corners of the white keys' plane in the picture at ``time`` seconds, exactly.

    Where the lens distorts these are the places at which the corners are seen; what lies between them on the keys is
    then off the homography by up to 0.2 of a white key at a distortion of 0.02."""
    left, right = scene.x_of(scene.first_along), scene.x_of(scene.last_along)
    points = np.array([[left, 0, 0], [right, 0, 0], [right, WHITE_LENGTH, 0], [left, WHITE_LENGTH, 0]])
    corners = picture_points(scene, points, time)
    return Keyboard(corners, scene.lowest_pitch, scene.highest_pitch, mirrored=scene.mirrored)


def picture_points(scene: Scene, points: np.ndarray, time: float) -> np.ndarray:
    """Pixels ``(..., 2)`` of the picture at which world points ``(..., 3)`` are seen at ``time`` seconds."""
    camera, motion = _optics(scene)
    pixels = motion(camera(points) - camera.margin, time)
    if scene.mirrored:
        pixels[..., 0] = scene.width - 1 - pixels[..., 0]
    return pixels


@lru_cache(maxsize=8)
def _optics(scene: Scene) -> tuple[Camera, Motion]:
    return Camera(scene), Motion(scene)


def _margin(scene: Scene) -> int:
    """Pixels around the picture that motion and bending may bring into it."""
    handling = scene.handling
    moved = _FURTHEST * (handling.sway + handling.shake) * scene.width * 2
    bent = max(0.0, -scene.distortion) * 0.5 * scene.width * 1.8
    return 2 * int(np.ceil((moved + bent) / 2))


def _apply(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    seen = points @ matrix[:2, :2].T + matrix[:2, 2]
    return seen / (points @ matrix[2, :2] + matrix[2, 2])[..., None]


def _bend(points: np.ndarray, scene: Scene) -> np.ndarray:
    """Places of a picture without distortion -> with it."""
    centre, half = np.array([(scene.width - 1) / 2, (scene.height - 1) / 2]), scene.width / 2
    out = (points - centre) / half
    return out * (1 + scene.distortion * np.sum(out**2, axis=-1, keepdims=True)) * half + centre


def _straighten(points: np.ndarray, scene: Scene) -> np.ndarray:
    """The inverse of ``_bend``."""
    centre, half = np.array([(scene.width - 1) / 2, (scene.height - 1) / 2]), scene.width / 2
    bent = (points - centre) / half
    out = bent
    for _ in range(8):  # a contraction while distortion is small
        out = bent / (1 + scene.distortion * np.sum(out**2, axis=-1, keepdims=True))
    return out * half + centre
