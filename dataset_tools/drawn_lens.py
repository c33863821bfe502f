"""What makes a drawing a picture: light, motion, focus, the camera's curve and noise; and what editors paste in."""

import cv2
import numpy as np

from dataset_tools.drawn_camera import Camera, Motion, Wander, scene_keyboard
from dataset_tools.drawn_scene import Scene
from video2roll.rectify import KeyboardError

_SHIFTS = 64  # pixels by which grain is moved at most, from frame to frame
_FLICKER = (1.0, 3.0), (0.3, 4.0)  # bands in the height of the picture, and how many pass in a second
_SLOW = 0.6  # seconds in which the exposure follows


class Lens:
    """Light, motion, focus, mirror and noise: what makes a drawing a picture.

    ``playing``: seconds from which to which hands are in view, if they come and go."""

    def __init__(self, scene: Scene, camera: Camera, playing: tuple[float, float] | None = None) -> None:
        self.scene, self.motion, self._margin, self._playing = scene, Motion(scene), camera.margin, playing
        self._moves = not self.motion.still or scene.distortion != 0
        lit, seen = _room_light(scene, camera), _lens_light(scene)
        self._lit = lit if self._moves else lit * seen
        self._seen = seen if self._moves and np.ptp(seen) > 0 else None
        self._exposure = Wander([scene.seed, 50], 0.05, 0.3)
        levels = np.arange(256) / 255 - 0.5
        curve = np.tanh(scene.lighting.contrast * 1.6 * levels) / np.tanh(0.8)  # a shoulder before white clips
        self._curve = np.clip(255 * (0.5 + 0.5 * curve), 0, 255).astype(np.uint8)
        rng = np.random.default_rng([scene.seed, 2])
        self._bands = rng.uniform(*_FLICKER[0]), rng.uniform(*_FLICKER[1]) * rng.choice([-1, 1]), rng.uniform(0, 6)
        self._grains = [_grain(scene, rng, coarse) for coarse in (False, True)] if scene.noise > 0 else []

    def __call__(self, drawing: np.ndarray, time: float) -> np.ndarray:
        """The picture ``(H, W, 3)`` uint8 at ``time`` seconds; the same time gives the same noise."""
        scene = self.scene
        frame = cv2.multiply(drawing, self._gain(time), dtype=cv2.CV_8U)
        frame = self.motion.picture(frame, self._margin, time)
        if self._seen is not None:
            frame = cv2.multiply(frame, self._seen, dtype=cv2.CV_8U)
        if scene.lighting.contrast != 1:
            frame = cv2.LUT(frame, self._curve)
        blur = float(np.hypot(scene.blur, scene.handling.hunting * self.motion.out_of_focus(time)))
        if blur > 0:
            frame = cv2.GaussianBlur(frame, (0, 0), blur)
        if scene.mirrored:
            frame = cv2.flip(frame, 1)
        if scene.overlay:
            draw_overlay(frame, scene)
        return self._noisy(frame, time)

    def _gain(self, time: float) -> np.ndarray:
        """The light on the drawing now: the room's, what lamps' flicker leaves of it, and the camera's exposure."""
        lighting = self.scene.lighting
        if lighting.exposure == 0 and lighting.flicker == 0:
            return self._lit
        gain = np.exp(lighting.exposure * (0.5 * self._exposure(time) + self._presence(time)))
        if lighting.flicker > 0:
            count, speed, phase = self._bands
            down = np.linspace(0, 2 * np.pi * count, len(self._lit), dtype=np.float32)
            gain = gain * (1 + lighting.flicker * np.sin(down + 2 * np.pi * speed * time + phase))[:, None, None]
        return self._lit * np.asarray(gain, np.float32)

    def _presence(self, time: float) -> float:
        """How far the exposure has got used to the hands, 0..1: they are darker than white keys."""
        if self._playing is None:
            return 0.0
        come, go = ((time - moment) / _SLOW for moment in self._playing)
        return float((1 - np.exp(-max(0.0, come))) - (1 - np.exp(-max(0.0, go))))

    def _noisy(self, frame: np.ndarray, time: float) -> np.ndarray:
        """The frame with two fields of grain, each moved anew by chance for every frame, so that their sum is new."""
        if not self._grains:
            return frame
        rng = np.random.default_rng([self.scene.seed, 3, max(0, round(time * 1e6))])
        height, width = frame.shape[:2]
        for grain in self._grains:
            x, y = rng.integers(0, _SHIFTS + 1, 2)
            frame = cv2.add(frame, grain[y : y + height, x : x + width], dtype=cv2.CV_8U)
        return frame


def _room_light(scene: Scene, camera: Camera) -> np.ndarray:
    """Gain ``(H, W, 3)`` float32 of every place of the drawing: it lies on the things, and moves with them."""
    width, height = camera.size
    across = scene.light[0] * np.linspace(-0.5, 0.5, width, dtype=np.float32)[None]
    down = scene.light[1] * np.linspace(-0.5, 0.5, height, dtype=np.float32)[:, None]
    gain = (scene.brightness * (1 + across + down))[..., None] * np.array(scene.tint)
    if scene.lighting.spots > 0:
        gain = gain * _spots(scene, width, height)
    return gain.astype(np.float32)


def _spots(scene: Scene, width: int, height: int) -> np.ndarray:
    """Lamps' pools of light, mottled a little, and the keys darker at the back, where what is above keeps it off."""
    rng, strength = np.random.default_rng([scene.seed, 6]), scene.lighting.spots
    x, y = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, height / width, height))
    gain = np.full((height, width, 3), 1 - 0.4 * strength)
    for _ in range(int(rng.integers(1, 4))):
        place, size = rng.uniform([-0.1, 0.0], [1.1, height / width]), rng.uniform(0.15, 0.5)
        pool = np.exp(-((x - place[0]) ** 2 + (y - place[1]) ** 2) / (2 * size**2))
        gain += strength * pool[..., None] * (1 - 0.25 * rng.random(3))
    mottles = rng.normal(0, 0.04 * strength, (height // 20, width // 20)).astype(np.float32)
    gain *= 1 + cv2.resize(mottles, (width, height), interpolation=cv2.INTER_CUBIC)[..., None]
    try:
        keyboard = scene_keyboard(scene)
    except KeyboardError:
        return gain
    return gain * (1 - 0.5 * strength * _behind(scene, keyboard.corners, (width, height)))[..., None]


def _behind(scene: Scene, corners: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """1 at the back edge of the keys, falling to 0 within a third of their length before it and behind it."""
    grid = np.stack(np.meshgrid(np.arange(size[0]), np.arange(size[1])), axis=-1) - (size[0] - scene.width) / 2
    back, front = corners[:2], (corners[2] + corners[3]) / 2
    along = (back[1] - back[0]) / np.linalg.norm(back[1] - back[0])
    normal = np.array([-along[1], along[0]])
    length = float((front - back.mean(axis=0)) @ normal)
    return np.exp(-(((grid - back[0]) @ normal / (0.3 * length)) ** 2))


def _lens_light(scene: Scene) -> np.ndarray:
    """Gain ``(H, W, 3)`` of every pixel of the picture."""
    radius = np.hypot(*np.meshgrid(np.linspace(-1, 1, scene.width), np.linspace(-1, 1, scene.height)))
    return np.repeat((1 - scene.vignette / 2 * radius**2)[..., None], 3, axis=2).astype(np.float32)


def _grain(scene: Scene, rng: np.random.Generator, coarse: bool) -> np.ndarray:
    """Noise int16, larger than the picture: gray and fine, or blotches of colour as cameras make them in dim light."""
    height, width = scene.height + _SHIFTS, scene.width + _SHIFTS
    if coarse:
        small = rng.standard_normal((height // 3 + 1, width // 3 + 1, 3), dtype=np.float32)
        noise = cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR) * 0.9
    else:
        noise = rng.standard_normal((height, width, 1), dtype=np.float32) * 0.8
        noise = noise + rng.standard_normal((height, width, 3), dtype=np.float32) * 0.4
    return np.round(noise * scene.noise).astype(np.int16)


def draw_overlay(frame: np.ndarray, scene: Scene) -> None:
    """Paste in what video editors do: above the keys, or into a corner of the picture; black, white and bright bars."""
    height, width = frame.shape[:2]
    rng = np.random.default_rng([scene.seed, 4])
    if scene.overlay == "title":
        for line, text in enumerate(("Prelude in C, illi filii", "played by William Hill III")):
            place = (width // 10, round(height * (0.1 + 0.09 * line)))
            cv2.putText(frame, text, place, cv2.FONT_HERSHEY_DUPLEX, width / 900, (240, 240, 240), 2, cv2.LINE_AA)
        return
    corners = scene_keyboard(scene).corners
    top = int(np.clip(corners[:, 1].min() - 0.05 * height, 0.1 * height, 0.4 * height))
    if scene.overlay == "score":
        _score_panel(frame[:top], rng)
    elif scene.overlay == "falling":
        frame[:top] = 18
        for _ in range(40):
            x, y = int(rng.integers(0, width - 8)), int(rng.integers(-top // 4, top))
            shade = [(90, 200, 120), (210, 140, 70), (240, 240, 240)][rng.integers(3)]
            cv2.rectangle(frame[:top], (x, y), (x + width // 70, y + int(rng.integers(6, top // 2))), shade, -1)
    else:
        small = cv2.resize(frame, (width // 4, height // 4), interpolation=cv2.INTER_AREA)
        frame[6 : 6 + height // 4, 6 : 6 + width // 4] = small


def _score_panel(panel: np.ndarray, rng: np.random.Generator) -> None:
    """Two staves with notes: black on white."""
    height, width = panel.shape[:2]
    panel[:] = 250
    for staff in (0.3, 0.7):
        for line in range(-2, 3):
            y = round(height * (staff + 0.06 * line))
            cv2.line(panel, (width // 30, y), (width - width // 30, y), (20, 20, 20), 1)
        for x in range(width // 20, width - width // 20, width // 40):
            y = round(height * (staff + rng.uniform(-0.12, 0.12)))
            cv2.circle(panel, (x, y), max(2, height // 40), (10, 10, 10), -1)
            cv2.line(panel, (x + height // 40, y), (x + height // 40, y - height // 6), (10, 10, 10), 2)
