"""The camera of a drawn scene: millimetres of the world to pixels, counted from the centre of the upper-left pixel."""

import numpy as np

from dataset_tools.drawn_scene import WHITE_LENGTH, WHITE_WIDTH, Scene
from video2roll.rectify import Keyboard


class Camera:
    """Pinhole camera of a scene: world (mm) to pixels of the picture before it is mirrored."""

    def __init__(self, scene: Scene) -> None:
        side = -1.0 if scene.opposite else 1.0
        tilt, roll = np.radians(scene.tilt), np.radians(scene.roll)
        self.focal = scene.focal * scene.width  # pixels
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
        self._axes = np.stack([c * rightwards - s * down, s * rightwards + c * down, forward])
        self._centre = np.array([(scene.width - 1) / 2, (scene.height - 1) / 2])

    def __call__(self, points: np.ndarray) -> np.ndarray:
        """Pixels ``(..., 2)`` of world points ``(..., 3)``."""
        seen = (points - self.place) @ self._axes.T
        return seen[..., :2] / seen[..., 2:] * self.focal + self._centre

    def scale(self, point: np.ndarray) -> float:
        """Pixels a millimetre at a world point ``(3,)``."""
        return self.focal / float((point - self.place) @ self._axes[2])


class Mirrored(Camera):
    """A camera that sees the world turned ``(3, 3)`` about the origin: what it would see in a mirror."""

    def __init__(self, camera: Camera, turn: np.ndarray) -> None:
        self._camera, self._turn = camera, turn
        self.place = camera.place @ turn.T  # a mirror is its own inverse: the faces that are seen are those of there

    def __call__(self, points: np.ndarray) -> np.ndarray:
        """Pixels ``(..., 2)`` of the mirror images of world points ``(..., 3)``."""
        return self._camera(points @ self._turn.T)


def scene_keyboard(scene: Scene) -> Keyboard:
    """The corners of the white keys' plane in the picture, exactly."""
    left, right = scene.x_of(scene.first_along), scene.x_of(scene.last_along)
    points = np.array([[left, 0, 0], [right, 0, 0], [right, WHITE_LENGTH, 0], [left, WHITE_LENGTH, 0]])
    corners = Camera(scene)(points)
    if scene.mirrored:
        corners[:, 0] = scene.width - 1 - corners[:, 0]
    return Keyboard(corners, scene.lowest_pitch, scene.highest_pitch, mirrored=scene.mirrored)
