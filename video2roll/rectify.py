"""Where the keyboard lies in the picture, and the straight strip that the networks read.

A strip shows the whole keyboard as the player sees it (bass left, back edge up), a fixed number of pixels to a white
key, with a margin behind the keys (the tops of black keys reach over the back edge where the camera looks aslant)
and before them (a pressed white key shows its front).
"""

from dataclasses import dataclass

import cv2
import numpy as np

from pianoroll import SilentkeysError
from pianoroll.keys import BLACK, CENTRES, HIGHEST_PITCH, LOWEST_PITCH, WHITE_KEYS, key_edges

STRIP_SCALE = 12  # pixels a white-key width
STRIP_WIDTH = WHITE_KEYS * STRIP_SCALE  # 624 pixels
KEY_PIXELS = 64  # pixels from the back edge of the keys to the front edge
STRIP_BACK = 16  # pixels shown behind the back edge
STRIP_HEIGHT = 104  # 16 behind, 64 of key, 24 before


class KeyboardError(SilentkeysError):
    """No keyboard, or corners that cannot be one."""

    exit_code = 3


class CornersError(SilentkeysError):
    """Corners or a lowest key given by the user that cannot be right."""


@dataclass(frozen=True)
class Keyboard:
    """A keyboard in a picture.

    ``corners (4, 2)``: pixels, back-left, back-right, front-right, front-left as the player sees it (bass at the left,
    back far from the player): the outer edges of the keys ``lowest_pitch`` to ``highest_pitch``; they may lie outside
    the picture. ``confidence`` 0..1. ``octave_guessed``: fewer than 88 keys are in view, so only the pitch classes are
    sure. ``mirrored``: the picture is a mirror image.
    """

    corners: np.ndarray
    lowest_pitch: int = LOWEST_PITCH
    highest_pitch: int = HIGHEST_PITCH
    confidence: float = 1.0
    octave_guessed: bool = False
    mirrored: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "corners", check_corners(self.corners))

    @property
    def to_picture(self) -> np.ndarray:
        """Homography ``(3, 3)`` from keyboard coordinates (along, across) to pixels of the picture."""
        left, right = key_edges(self.lowest_pitch)[0], key_edges(self.highest_pitch)[1]
        box = np.array([[left, 0], [right, 0], [right, 1], [left, 1]], dtype=np.float32)
        return cv2.getPerspectiveTransform(box, self.corners.astype(np.float32))

    @property
    def keys_in_view(self) -> np.ndarray:
        """Bool ``(88,)``: the keys between the lowest and the highest."""
        pitches = np.arange(LOWEST_PITCH, HIGHEST_PITCH + 1)
        return (pitches >= self.lowest_pitch) & (pitches <= self.highest_pitch)

    def key_centres(self, across: float | None = None) -> np.ndarray:
        """Centres of the keys in view, pixels ``(n, 2)``; white ones at 0.8, black ones at 0.35 of the depth."""
        depth = np.where(BLACK, 0.35, 0.8) if across is None else np.full(len(BLACK), across)
        points = np.stack([CENTRES, depth], axis=1)[self.keys_in_view]
        return cv2.perspectiveTransform(points[None].astype(np.float64), self.to_picture.astype(np.float64))[0]


def check_corners(corners: np.ndarray) -> np.ndarray:
    """Corners as float ``(4, 2)``. Raises CornersError unless they form a convex quadrilateral."""
    points = np.asarray(corners, dtype=np.float64)
    if points.shape != (4, 2) or not np.all(np.isfinite(points)):
        raise CornersError(
            'Corners are four points, "x,y x,y x,y x,y": back-left, back-right, front-right, front-left.'
        )
    edges = np.roll(points, -1, axis=0) - points
    turns = edges[:, 0] * np.roll(edges[:, 1], -1) - edges[:, 1] * np.roll(edges[:, 0], -1)
    if not (np.all(turns > 0) or np.all(turns < 0)) or np.min(np.abs(turns)) < 4:
        raise CornersError(
            "These corners form no quadrilateral; "
            "give back-left, back-right, front-right, front-left as the player sees it."
        )
    return points


def strip_to_picture(keyboard: Keyboard, scale: float = 1.0) -> np.ndarray:
    """Homography ``(3, 3)`` from pixels of a strip drawn ``scale`` times as large to pixels of the picture."""
    # pixel centres: strip pixel (u, v) looks at along = (u + 0.5) / scale, across = (v + 0.5 - back) / length
    to_keyboard = np.array(
        [
            [1 / (STRIP_SCALE * scale), 0, 0.5 / (STRIP_SCALE * scale)],
            [0, 1 / (KEY_PIXELS * scale), (0.5 / scale - STRIP_BACK) / KEY_PIXELS],
            [0, 0, 1],
        ]
    )
    return keyboard.to_picture @ to_keyboard


class Rectifier:
    """Turns pictures into strips ``(104, 624)`` for one keyboard; large pictures are reduced by areas: no aliasing."""

    def __init__(self, keyboard: Keyboard) -> None:
        to_picture = keyboard.to_picture
        middle = np.array([[[24.0, 0.5], [28.0, 0.5], [26.0, 0.0], [26.0, 1.0]]])
        a, b, c, d = cv2.perspectiveTransform(middle, to_picture.astype(np.float64))[0]
        ratio = max(float(np.hypot(*(b - a))) / (4 * STRIP_SCALE), float(np.hypot(*(d - c))) / KEY_PIXELS)
        self.oversampling = int(np.clip(round(ratio), 1, 4))
        self._matrix = strip_to_picture(keyboard, self.oversampling)
        self._size = (STRIP_WIDTH * self.oversampling, STRIP_HEIGHT * self.oversampling)

    def __call__(self, image: np.ndarray, outside: int | None = None) -> np.ndarray:
        """The strip of a gray or BGR picture, uint8; outside the picture its edge repeats, or all is ``outside``."""
        strip = cv2.warpPerspective(
            image,
            self._matrix,
            self._size,
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE if outside is None else cv2.BORDER_CONSTANT,
            borderValue=outside or 0,
        )
        if self.oversampling > 1:
            strip = cv2.resize(strip, (STRIP_WIDTH, STRIP_HEIGHT), interpolation=cv2.INTER_AREA)
        return strip
