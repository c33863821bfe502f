"""A straight strip of the keys, cut out of the picture by a plane, and the drawing of keys that it is held against.

Coordinates: ``along`` in white-key widths from the left edge of some C; ``across`` from the back edge of the white keys
(0) to their front edge (1). A plane is the homography ``(3, 3)`` from (along, across) to pixels. Planes are aligned by
ECC (Evangelidis & Psarakis, PAMI 2008).
"""

import cv2
import numpy as np

from pianoroll.keys import BLACK_KEY_LENGTH, BLACK_KEY_WIDTH
from video2roll.black_keys import BLACKS_IN_OCTAVE, black_along

X, Y = 12, 64  # strip pixels a white-key width, and a white-key length


def white_span(first: int, last: int) -> tuple[float, float]:
    """Outer edges of the white keys beside black key ``first`` and ``last``."""
    return float(np.floor(black_along(first) - 0.4)), float(np.ceil(black_along(last) + 0.4))


def key_strip(
    gray: np.ndarray, plane: np.ndarray, span: tuple[float, float], depth: tuple[float, float] = (0.0, 1.0)
) -> tuple[np.ndarray, np.ndarray]:
    """The picture over ``span`` (along) and ``depth`` (across): float32 ``(h, w)`` at X, Y pixels; and which of it
    lies in the picture, bool ``(h, w)``."""
    size = (max(1, round((span[1] - span[0]) * X)), max(1, round((depth[1] - depth[0]) * Y)))
    matrix = plane @ strip_to_keys(span, depth)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    strip = cv2.warpPerspective(gray, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    inside = cv2.warpPerspective(np.ones_like(gray), matrix, size, flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP)
    return strip.astype(np.float32), inside > 0


def strip_to_keys(span: tuple[float, float], depth: tuple[float, float]) -> np.ndarray:
    """Homography from strip pixels to (along, across)."""
    return np.array([[1 / X, 0, span[0] + 0.5 / X], [0, 1 / Y, depth[0] + 0.5 / Y], [0, 0, 1]])


def drawing(
    span: tuple[float, float], depth: tuple[float, float] = (0.0, 1.0), black_end: float = BLACK_KEY_LENGTH
) -> np.ndarray:
    """A drawn keyboard to compare strips with, float32 ``(h, w)``: white keys 1, gaps between 0.6, black keys 0."""
    width, height = round((span[1] - span[0]) * X), round((depth[1] - depth[0]) * Y)
    along = span[0] + (np.arange(width) + 0.5) / X
    across = depth[0] + (np.arange(height) + 0.5) / Y
    gap = np.abs(along - np.round(along)) < 0.06
    shades = np.where(gap, 0.6, 1.0)[None].repeat(height, axis=0)
    octave = np.arange(int(span[0] // 7) - 1, int(span[1] // 7) + 2)
    centres = black_along((octave[:, None] * BLACKS_IN_OCTAVE + np.arange(BLACKS_IN_OCTAVE)).ravel())
    black = (np.abs(along[:, None] - centres[None]) < BLACK_KEY_WIDTH / 2).any(axis=1)
    shades[np.ix_(across < black_end, black)] = 0.0
    return shades.astype(np.float32)


def even(strip: np.ndarray) -> np.ndarray:
    """A strip with its light evened out: divided by the white of the keys round about; 0..1.2."""
    white = cv2.dilate(cv2.blur(strip, (5, 5)), np.ones((1, 2 * X), np.uint8))
    white = cv2.blur(white, (6 * X + 1, 9))
    return np.clip(strip / np.maximum(white, 8), 0, 1.2)


def align(
    gray: np.ndarray,
    plane: np.ndarray,
    span: tuple[float, float],
    blur: int,
    black_end: float = BLACK_KEY_LENGTH,
) -> np.ndarray:
    """Move the plane until the picture over ``span`` meets the drawing best; as it was where that does not converge."""
    margin = (span[0] - 1.0, span[1] + 1.0)
    depth = (-0.1, 1.1)
    strip, inside = key_strip(gray, plane, margin, depth)
    drawn_keys = drawing(span, (0.06, 0.94), black_end)
    shift = np.array([[1, 0, X], [0, 1, round(0.16 * Y)], [0, 0, 1]], np.float32)  # drawing pixels -> strip pixels
    criteria = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 40, 1e-4)
    try:
        _, warp = cv2.findTransformECC(
            drawn_keys, even(strip), shift.copy(), cv2.MOTION_HOMOGRAPHY, criteria, inside.astype(np.uint8), blur
        )
    except cv2.error:
        return plane
    # from keys over drawing pixels and strip pixels back to keys
    drawn = np.linalg.inv(strip_to_keys(span, (0.06, 0.94)))
    moved = strip_to_keys(margin, depth) @ warp.astype(np.float64) @ drawn
    corners = np.array([[[span[0], 0.0], [span[1], 0.0], [span[0], 1.0], [span[1], 1.0]]])
    step = cv2.perspectiveTransform(corners, moved) - corners
    if np.abs(step[..., 0]).max() > 1.2 or np.abs(step[..., 1]).max() > 0.35:
        return plane
    aligned = plane @ moved
    return aligned / aligned[2, 2]


def agreement_of(
    gray: np.ndarray, plane: np.ndarray, first: int, last: int, black_end: float = BLACK_KEY_LENGTH
) -> float:
    """Correlation of picture and drawing over the keys from black key ``first`` to ``last``; -1..1."""
    span = white_span(first, last)
    strip, inside = key_strip(gray, plane, span)
    if inside.mean() < 0.3:
        return 0.0
    seen, drawn = even(strip)[inside], cv2.GaussianBlur(drawing(span, black_end=black_end), (0, 0), 1)[inside]
    if seen.std() < 1e-3:
        return 0.0
    return float(np.corrcoef(seen, drawn)[0, 1])
