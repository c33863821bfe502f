"""The hands of a drawn scene, and the shadow that they cast."""

from collections.abc import Sequence

import cv2
import numpy as np

from dataset_tools.drawn_camera import Camera
from dataset_tools.drawn_playing import HandMotion, Pose
from dataset_tools.drawn_scene import Colour, Scene, colour_of
from pianoroll.notes import Hand, Note


class Hands:
    """Draws both hands of a scene; notes without a hand are the left one's below middle C."""

    def __init__(self, scene: Scene, notes: Sequence[Note], camera: Camera) -> None:
        self.scene, self.camera = scene, camera
        parts: dict[Hand, list[Note]] = {"left": [], "right": []}
        for note in notes:
            parts[note.hand or ("left" if note.pitch < 60 else "right")].append(note)
        self.motions = [HandMotion(scene, part, hand) for hand, part in parts.items() if part]

    def draw(self, frame: np.ndarray, time: float) -> np.ndarray:
        """The frame ``(H, W, 3)`` with the hands and their shadow at ``time`` seconds."""
        poses = [motion(time) for motion in self.motions]
        if not poses:
            return frame
        frame = self._shadow(frame, poses)
        for pose in poses:
            self._hand(frame, pose)
        return frame

    def _shadow(self, frame: np.ndarray, poses: Sequence[Pose]) -> np.ndarray:
        """Darken the frame softly where the hands keep the light off."""
        size = (self.scene.width // 4, self.scene.height // 4)
        mask = np.zeros((size[1], size[0]), np.uint8)
        for pose in poses:
            lines = [*pose.fingers, np.stack([pose.palm, pose.wrist]), np.stack([pose.wrist, pose.elbow])]
            for line, radius in zip(lines, (8, 8, 8, 8, 7, 38, 30), strict=True):
                flat = line * [1.0, 1.0, 0.0] + np.outer(line[:, 2], [0.35, -0.25, 0.0])
                self._stroke(mask, flat, radius, (255.0, 255.0, 255.0), 4)
        soft = cv2.GaussianBlur(mask, (0, 0), 1.6).astype(np.float32) * (-0.42 / 255) + 1
        gain = cv2.resize(soft, (self.scene.width, self.scene.height), interpolation=cv2.INTER_LINEAR)
        return cv2.multiply(frame, cv2.merge([gain, gain, gain]), dtype=cv2.CV_8U)

    def _hand(self, frame: np.ndarray, pose: Pose) -> None:
        """Forearm, palm and fingers, each with a darker rim and a lighter ridge."""
        skin = np.array(self.scene.skin)
        arm = np.stack([pose.wrist, pose.elbow])
        self._stroke(frame, arm, 32, colour_of(skin * 0.78))
        self._stroke(frame, arm, 27, colour_of(skin * 0.92))
        self._stroke(frame, np.stack([pose.palm, pose.wrist]), 29, colour_of(skin * 0.9))
        across = pose.palm + np.array([[-14.0, -6.0, 0.0], [14.0, -6.0, 0.0]])
        self._stroke(frame, across, 33, colour_of(skin * 0.84))
        self._stroke(frame, across, 29, colour_of(skin * 0.95))
        for finger, line in enumerate(pose.fingers):
            radius = 9.5 if finger == 0 else 8.5 if finger < 4 else 7.0
            self._stroke(frame, line, radius, colour_of(skin * 0.7))
            self._stroke(frame, line, radius - 2, colour_of(skin))
            self._stroke(frame, line[:2], radius - 6, colour_of(np.minimum(skin * 1.08, 255)))
            nail = line[2] + np.array([[0.0, 1.0, 3.0], [0.0, 5.0, 5.0]])
            self._stroke(frame, nail, radius - 5, colour_of(np.minimum(skin * 1.1 + 12, 255)))

    def _stroke(self, image: np.ndarray, line: np.ndarray, radius: float, colour: Colour, reduced: int = 1) -> None:
        """A round-ended line through world points ``(n, 3)``, ``radius`` in mm, in a picture ``reduced`` times."""
        pixels = (self.camera(line) + 0.5) / reduced - 0.5
        thickness = max(1, round(2 * radius * self.camera.scale(line[0]) / reduced))
        points = np.round(pixels * 16).astype(np.int32)
        cv2.polylines(image, [points.reshape(-1, 1, 2)], False, colour, thickness, cv2.LINE_AA, 4)
