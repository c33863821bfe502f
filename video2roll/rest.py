"""The keyboard at rest: an estimate of the strip without hands, to compare each frame with."""

import cv2
import numpy as np

from pianoroll.keys import BLACK, BLACK_KEY_LENGTH, CENTRES
from video2roll.rectify import KEY_PIXELS, STRIP_BACK, STRIP_HEIGHT, STRIP_SCALE, STRIP_WIDTH

WHITE_QUANTILE = 0.75  # hands and their shadows are darker than a white key: a high quantile looks past them
BLACK_QUANTILE = 0.3  # and brighter than a black one
WHITE_LEVEL = 0.8  # what the white keys at rest are scaled to
_BLACK_HALF = 0.3  # white-key widths


def black_key_mask() -> np.ndarray:
    """Bool ``(104, 624)``: the pixels of a strip where a black key lies (its top may lean over the back edge)."""
    along = (np.arange(STRIP_WIDTH) + 0.5) / STRIP_SCALE
    columns = np.any(np.abs(along[:, None] - CENTRES[BLACK][None]) < _BLACK_HALF, axis=1)
    across = (np.arange(STRIP_HEIGHT) + 0.5 - STRIP_BACK) / KEY_PIXELS
    return (across < BLACK_KEY_LENGTH)[:, None] & columns[None]


def rest_strip(strips: np.ndarray) -> np.ndarray:
    """The keyboard without hands, uint8 ``(104, 624)``, from strips ``(T, 104, 624)`` spread over some time.

    A pixel's quantile over time: hands move, and where they stay they darken white keys and brighten black ones.
    """
    ordered = np.sort(strips, axis=0)
    last = len(strips) - 1
    white, black = ordered[round(WHITE_QUANTILE * last)], ordered[round(BLACK_QUANTILE * last)]
    blend = cv2.GaussianBlur(black_key_mask().astype(np.float32), (0, 0), 0.8)
    return np.round(white + blend * (black.astype(np.float32) - white)).astype(np.uint8)


def gain(rest: np.ndarray) -> float:
    """Factor that brings a strip at rest (0..255) to a common exposure: its bright keys to WHITE_LEVEL."""
    front = rest[STRIP_BACK + KEY_PIXELS // 2 : STRIP_BACK + KEY_PIXELS - 4]
    return WHITE_LEVEL * 255 / max(16.0, float(np.percentile(front, 80)))
