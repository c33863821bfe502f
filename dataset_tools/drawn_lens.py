"""What makes a drawing a picture: light, blur, mirror and noise; and what editors paste over it."""

import cv2
import numpy as np

from dataset_tools.drawn_camera import scene_keyboard
from dataset_tools.drawn_scene import Scene


class Lens:
    """Light, blur, mirror and noise: what makes a drawing a picture."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        across = scene.light[0] * np.linspace(-0.5, 0.5, scene.width, dtype=np.float32)[None]
        down = scene.light[1] * np.linspace(-0.5, 0.5, scene.height, dtype=np.float32)[:, None]
        radius = np.hypot(*np.meshgrid(np.linspace(-1, 1, scene.width), np.linspace(-1, 1, scene.height)))
        gain = scene.brightness * (1 + across + down) * (1 - scene.vignette / 2 * radius**2)
        self._gain = (gain[:, :, None] * scene.tint).astype(np.float32)
        rng = np.random.default_rng([scene.seed, 2])
        grain = rng.standard_normal((scene.height + 64, scene.width + 64, 3), dtype=np.float32)
        self._grain = np.round(grain * scene.noise).astype(np.int16)

    def __call__(self, frame: np.ndarray, time: float) -> np.ndarray:
        """The picture ``(H, W, 3)`` uint8 at ``time`` seconds; the same time gives the same noise."""
        scene = self.scene
        frame = cv2.multiply(frame, self._gain, dtype=cv2.CV_8U)
        if scene.blur > 0:
            frame = cv2.GaussianBlur(frame, (0, 0), scene.blur)
        if scene.mirrored:
            frame = cv2.flip(frame, 1)
        if scene.overlay:
            draw_overlay(frame, scene)
        if scene.noise > 0:
            key = [scene.seed, 3, max(0, round(time * 1e6))]
            x, y = np.random.default_rng(key).integers(0, 65, 2)
            frame = cv2.add(frame, self._grain[y : y + scene.height, x : x + scene.width], dtype=cv2.CV_8U)
        return frame


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
