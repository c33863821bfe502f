"""The keyboard at rest: an estimate of the strip without hands, to compare each frame with."""

import cv2
import numpy as np

from pianoroll.keys import BLACK, BLACK_KEY_LENGTH, CENTRES
from video2roll.rectify import KEY_PIXELS, STRIP_BACK, STRIP_HEIGHT, STRIP_SCALE, STRIP_WIDTH

WHITE_QUANTILE = 0.75  # hands and their shadows are darker than a white key: a high quantile looks past them
BLACK_QUANTILE = 0.3  # and brighter than a black one
QUANTILES = (0.05, 0.2, 0.4, 0.6, 0.8, 0.95)  # of which one is the keyboard without hands
OCTAVE = 7 * STRIP_SCALE  # pixels
FEWEST_OCTAVES = 4  # that must be in view to tell from the others what one looks like
ODD = 0.15  # of a white key's brightness
WHITE_LEVEL = 0.8  # what the white keys at rest are scaled to
_BLACK_HALF = 0.3  # white-key widths


def black_key_mask() -> np.ndarray:
    """Bool ``(104, 624)``: the pixels of a strip where a black key lies (its top may lean over the back edge)."""
    along = (np.arange(STRIP_WIDTH) + 0.5) / STRIP_SCALE
    columns = np.any(np.abs(along[:, None] - CENTRES[BLACK][None]) < _BLACK_HALF, axis=1)
    across = (np.arange(STRIP_HEIGHT) + 0.5 - STRIP_BACK) / KEY_PIXELS
    return (across < BLACK_KEY_LENGTH)[:, None] & columns[None]


def rest_strip(strips: np.ndarray, keys_in_view: np.ndarray | None = None) -> np.ndarray:
    """The keyboard without hands, uint8 ``(104, 624)``, from strips ``(T, 104, 624)`` spread over some time.

    A pixel's quantile over time: hands move, and where they stay they darken white keys and brighten black ones. Where
    they hardly move that is not enough; but one octave of a keyboard looks like the others, and hands are not on all of
    them: so where a place looks odd, the quantile is taken that comes nearest to what the other octaves look like.
    ``keys_in_view`` bool ``(88,)``: all unless given.
    """
    ordered = np.sort(strips, axis=0)
    last = len(strips) - 1
    white, black = ordered[round(WHITE_QUANTILE * last)], ordered[round(BLACK_QUANTILE * last)]
    blend = cv2.GaussianBlur(black_key_mask().astype(np.float32), (0, 0), 0.8)
    rest = white + blend * (black.astype(np.float32) - white)
    front = slice(STRIP_BACK + KEY_PIXELS, STRIP_HEIGHT)
    rest[front] = ordered[last // 2, front]
    octaves = compare_octaves(rest, keys_in_view)
    if octaves is not None:
        columns, usual, odd = octaves
        candidates = np.stack([ordered[round(q * last), :, columns] for q in QUANTILES]).astype(np.float32)
        nearest = np.take_along_axis(candidates, np.abs(candidates - usual).argmin(axis=0)[None], axis=0)[0]
        hidden = cv2.dilate((odd > ODD).astype(np.uint8), np.ones((11, 11)))
        rest[:, columns] = np.where(hidden > 0, nearest, rest[:, columns])
    return np.round(rest).astype(np.uint8)


def compare_octaves(
    strip: np.ndarray, keys_in_view: np.ndarray | None = None
) -> tuple[slice, np.ndarray, np.ndarray] | None:
    """What each place of ``strip (104, 624)`` would look like if it looked like the other octaves.

    Returns the columns in view, what is usual there, and how far each place is off, in parts of a white key's
    brightness (thin edges left out, which differ everywhere); None where too few octaves are in view to tell.
    """
    left, right = _columns_in_view(keys_in_view)
    if right - left < FEWEST_OCTAVES * OCTAVE:
        return None
    usual, light = _like_other_octaves(strip[:, left:right])
    odd = cv2.erode(np.abs(strip[:, left:right] - usual) / light, np.ones((5, 5)))
    return slice(left, right), usual, odd


def _columns_in_view(keys: np.ndarray | None) -> tuple[int, int]:
    """First pixel column of the keys in view, and the one after the last."""
    if keys is None or not keys.any():
        return 0, STRIP_WIDTH
    places = CENTRES[np.flatnonzero(keys)[[0, -1]]] * STRIP_SCALE
    return max(0, round(places[0] - STRIP_SCALE / 2)), min(STRIP_WIDTH, round(places[1] + STRIP_SCALE / 2))


def _like_other_octaves(strip: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each pixel of ``strip (H, W)`` the median of those whole octaves away, in the light of its own place; and
    that light, ``(W,)``."""
    light = _light_along(strip)
    padded = np.full((strip.shape[0], -(-strip.shape[1] // OCTAVE) * OCTAVE), np.nan, dtype=np.float32)
    padded[:, : strip.shape[1]] = strip / light
    octaves = padded.reshape(strip.shape[0], -1, OCTAVE)
    usual = np.nanmedian(octaves, axis=1)
    return np.tile(usual, octaves.shape[1])[:, : strip.shape[1]] * light, light


def _light_along(strip: np.ndarray) -> np.ndarray:
    """How bright white keys are along the keyboard ``(W,)``: a parabola, hands left out."""
    level = np.median(strip[STRIP_BACK + 5 * KEY_PIXELS // 8 : STRIP_BACK + 7 * KEY_PIXELS // 8], axis=0)
    along = np.linspace(-1, 1, len(level))
    kept = np.ones(len(level), dtype=bool)
    fitted = level
    for _ in range(4):
        fitted = np.polyval(np.polyfit(along[kept], level[kept], 2), along)
        off = np.abs(level - fitted)
        kept = off <= 2 * np.median(off) + 1
    return np.maximum(fitted, 16).astype(np.float32)


def gain(rest: np.ndarray) -> float:
    """Factor that brings a strip at rest (0..255) to a common exposure: its bright keys to WHITE_LEVEL."""
    front = rest[STRIP_BACK + KEY_PIXELS // 2 : STRIP_BACK + KEY_PIXELS - 4]
    return WHITE_LEVEL * 255 / max(16.0, float(np.percentile(front, 80)))
