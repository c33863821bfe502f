"""Squares in a picture: where palms are looked for, where a hand lies, and what the picture shows there.

A square is an affine matrix ``(3, 3)`` that takes 0..1 along its sides (right, down) to pixels of the picture; it may
be turned but is never a mirror image. How a hand's square follows from its palm or from its landmarks is as in
MediaPipe's graphs, as that is what its networks have learned.
"""

import cv2
import numpy as np

from pianoroll.keys import key_edges
from video2roll.rectify import Keyboard

WIDE, NARROW = 24.0, 14.0  # white-key widths, the side of a square in which palms are looked for; a hand is 7 long
_STEP = 2 / 3  # of a window from one to the next, at most, so that no hand lies on the edge of all
_DARK = 0.45  # of white: darker crops are brightened to this mean
_STRONGEST_GAMMA = 0.5

_PALM_SCALE, _PALM_SHIFT = 2.6, 0.5  # hand's square from the palm's, and how far it lies towards the fingers
_HAND_SCALE, _HAND_SHIFT = 2.0, 0.1  # hand's square from the landmarks of the look before
_FIRM = (0, 1, 2, 3, 5, 6, 9, 10, 13, 14, 17, 18)  # landmarks that span that square: fingertips move too much


def search_windows(keyboard: Keyboard, width: float = WIDE) -> list[np.ndarray]:
    """Squares along the keyboard that hold its hands, the player at their bottom; ``width``: in white-key widths."""
    left, right = key_edges(keyboard.lowest_pitch)[0], key_edges(keyboard.highest_pitch)[1]
    number = max(1, int(np.ceil((right - left - width) / (width * _STEP))) + 1)
    ends = (left + width / 2, right - width / 2) if number > 1 else ((left + right) / 2,) * 2
    return [_window(keyboard, along, width) for along in np.linspace(*ends, number)]


def _window(keyboard: Keyboard, along: float, width: float) -> np.ndarray:
    """The square whose middle is at ``along`` on the front edge."""
    nearby = np.array([[[along, 1.0], [along + 1, 1.0], [along, 0.0]]])
    middle, beside, back = cv2.perspectiveTransform(nearby, keyboard.to_picture.astype(np.float64))[0]
    right = beside - middle
    down = np.array([-right[1], right[0]])
    if down @ (middle - back) < 0:  # a mirror image: the window itself is never mirrored
        right, down = -right, -down
    return _square(middle, np.stack([right, down], axis=1) * width)


def turned_round(square: np.ndarray) -> np.ndarray:
    """The same square, turned by 180°."""
    return np.asarray(square @ np.array([[-1.0, 0, 1], [0, -1, 1], [0, 0, 1]]))


def window_around(keyboard: Keyboard, place: np.ndarray, width: float) -> np.ndarray:
    """The window nearest to a place in the picture, pixels ``(2,)``."""
    left, right = key_edges(keyboard.lowest_pitch)[0], key_edges(keyboard.highest_pitch)[1]
    to_keyboard = np.linalg.inv(keyboard.to_picture)
    along = cv2.perspectiveTransform(np.asarray(place, dtype=np.float64)[None, None], to_keyboard)[0, 0, 0]
    return _window(keyboard, float(np.clip(along, left, right)), width)


def widened(square: np.ndarray, scale: float = 1.4) -> np.ndarray:
    shift = (1 - scale) / 2
    return np.asarray(square @ np.array([[scale, 0, shift], [0, scale, shift], [0, 0, 1]]))


def square_of_palm(points: np.ndarray, box: np.ndarray) -> np.ndarray:
    """Where the hand lies whose palm has ``points (7, 2)`` and ``box (4,)``: fingers up, from wrist to knuckle."""
    up = points[2] - points[0]
    up = up / max(float(np.hypot(*up)), 1e-9)
    side = float(np.max(box[2:] - box[:2]))
    middle = (box[:2] + box[2:]) / 2 + up * (box[3] - box[1]) * _PALM_SHIFT
    return _upright(middle, up, side * _PALM_SCALE)


def square_of_hand(points: np.ndarray) -> np.ndarray:
    """Where the hand lies that had landmarks ``points (21, 2)`` a moment ago."""
    firm = points[list(_FIRM)]
    towards = 0.25 * points[6] + 0.5 * points[10] + 0.25 * points[14]  # the middle joints of three fingers
    up = towards - points[0]
    up = up / max(float(np.hypot(*up)), 1e-9)
    axes = np.stack([[-up[1], up[0]], -up], axis=1)  # right and down of the hand
    placed = firm @ axes
    low, high = placed.min(axis=0), placed.max(axis=0)
    middle = axes @ ((low + high) / 2) + up * (high - low)[1] * _HAND_SHIFT
    return _upright(middle, up, float(np.max(high - low)) * _HAND_SCALE)


def _upright(middle: np.ndarray, up: np.ndarray, side: float) -> np.ndarray:
    return _square(middle, np.stack([[-up[1], up[0]], -up], axis=1) * max(side, 1e-6))


def _square(middle: np.ndarray, axes: np.ndarray) -> np.ndarray:
    """The matrix of a square from its middle and its two sides (columns: right, down)."""
    return np.vstack([np.column_stack([axes, middle - axes.sum(axis=1) / 2]), [0, 0, 1]])


def crop(picture: np.ndarray, square: np.ndarray, size: int) -> np.ndarray:
    """The part of a BGR picture in a square, ``(size, size, 3)`` uint8, brightened if dark; black outside."""
    reduction = float(np.hypot(*square[:2, 0])) / size
    finer = 2 if reduction > 1.5 else 1  # sampled twice as finely and averaged: fewer jagged edges
    matrix = square[:2] @ np.diag([1 / (size * finer)] * 2 + [1.0])
    matrix[:, 2] += matrix[:, :2] @ [0.5, 0.5] - 0.5  # pixel centres
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    part = cv2.warpAffine(picture, matrix, (size * finer, size * finer), flags=flags)
    if finer > 1:
        part = cv2.resize(part, (size, size), interpolation=cv2.INTER_AREA)
    return _brightened(part)


def _brightened(part: np.ndarray) -> np.ndarray:
    mean = float(part[::4, ::4].mean()) / 255
    if mean >= _DARK or mean < 1e-3:
        return part
    gamma = max(_STRONGEST_GAMMA, float(np.log(_DARK) / np.log(mean)))
    return cv2.LUT(part, (255 * (np.arange(256) / 255) ** gamma).round().astype(np.uint8))
