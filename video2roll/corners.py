"""Which keys lie between four corners given by hand: as the user says, or counted in the picture.

Corners tell where a keyboard ends, not how many keys it has. Between them, from back-left to back-right, the black keys
stand at places that differ from one range of keys to the next, so each range that can be is compared with the
brightness of the back half of the keys: the one that agrees clearly best is taken.
"""

from collections.abc import Sequence

import cv2
import numpy as np

from pianoroll.keys import BLACK, BLACK_KEY_WIDTH, CENTRES, HIGHEST_PITCH, LOWEST_PITCH, is_black, key_edges, pitch_name
from video2roll.rectify import CornersError, Keyboard

FEWEST_WHITES = 8  # an octave: fewer keys have no pattern of their own
MIN_AGREEMENT = 0.5  # correlation of drawing and picture below which nothing is counted
MIN_LEAD = 0.13  # by which the best range must agree better than the next one
_DEPTHS = np.linspace(0.12, 0.5, 24)  # across: where black keys and the white between them are seen, the seam is not
_STEPS = 1024  # along, between the corners
_SLACK = np.array([-0.4, -0.2, 0.0, 0.2, 0.4])  # white-key widths by which corners may be off
_BLACK_CENTRES = CENTRES[BLACK]
_BETWEEN_BLACKS = (_BLACK_CENTRES[1:] + _BLACK_CENTRES[:-1]) / 2

Range = tuple[int, int]  # MIDI pitches, lowest and highest


def check_range(lowest: int | None, highest: int | None) -> None:
    """Raise CornersError unless a keyboard can go from ``lowest`` to ``highest`` (MIDI pitches, None: unknown)."""
    for option, pitch in (("--lowest-key", lowest), ("--highest-key", highest)):
        if pitch is not None and is_black(pitch):
            raise CornersError(
                f"{option} {pitch_name(pitch)} is a black key; a keyboard begins and ends with a white one."
            )
    if lowest is not None and highest is not None and lowest >= highest:
        raise CornersError(
            f"--highest-key {pitch_name(highest)} must lie above --lowest-key {pitch_name(lowest)}; "
            "the lowest key is at the player's left."
        )
    if lowest == HIGHEST_PITCH:
        raise CornersError("--lowest-key C8 leaves no keys between the corners; give a lower one.")
    if highest == LOWEST_PITCH:
        raise CornersError("--highest-key A0 leaves no keys between the corners; give a higher one.")


def assumed_range(lowest: int | None, highest: int | None) -> Range:
    """The range where nothing can be counted: from A0, up to C8."""
    return LOWEST_PITCH if lowest is None else lowest, HIGHEST_PITCH if highest is None else highest


def possible_ranges(lowest: int | None, highest: int | None) -> list[Range]:
    """All ranges of at least an octave that begin at ``lowest``, or that end at ``highest`` where that is known."""
    whites = [pitch for pitch in range(LOWEST_PITCH, HIGHEST_PITCH + 1) if not is_black(pitch)]
    lows = whites if lowest is None else [lowest]
    highs = whites if highest is None else [highest]
    return [(low, high) for low in lows for high in highs if key_edges(high)[1] - key_edges(low)[0] >= FEWEST_WHITES]


def count_keys(gray: np.ndarray, corners: np.ndarray, ranges: Sequence[Range]) -> Range | None:
    """The one of ``ranges`` whose keys are seen between ``corners (4, 2)`` of a gray picture ``(h, w)`` without hands.

    None where no range agrees well with the picture, or two agree nearly as well.
    """
    seen, inside = _brightness(gray, corners)
    if inside.mean() < 0.6 or not ranges or seen[inside].std() < 1.0:
        return None
    fits = [_agreement(seen, inside, *keys) for keys in ranges]
    order = np.argsort(fits)[::-1]
    lead = fits[order[0]] - fits[order[1]] if len(order) > 1 else np.inf
    return ranges[order[0]] if fits[order[0]] >= MIN_AGREEMENT and lead >= MIN_LEAD else None


def _brightness(gray: np.ndarray, corners: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Brightness from the left to the right of the corners, float ``(n,)``, light evened out; and what is in view."""
    box = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], dtype=np.float32)
    plane = cv2.getPerspectiveTransform(box, np.asarray(corners, dtype=np.float32)).astype(np.float64)
    along, across = np.meshgrid((np.arange(_STEPS) + 0.5) / _STEPS, _DEPTHS)
    points = cv2.perspectiveTransform(np.stack([along, across], axis=-1).reshape(1, -1, 2), plane)
    x, y = (part.reshape(along.shape).astype(np.float32) for part in (points[0, :, 0], points[0, :, 1]))
    strip = cv2.remap(gray, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE).astype(np.float64)
    seen = np.median(strip, axis=0)
    inside = ((x >= 0) & (y >= 0) & (x < gray.shape[1]) & (y < gray.shape[0])).mean(axis=0) > 0.5
    light = cv2.blur(cv2.dilate(seen[None], np.ones((1, _STEPS // 16))), (_STEPS // 8, 1))[0]
    return seen / np.maximum(light, 8.0) * 255.0, inside


def _agreement(seen: np.ndarray, inside: np.ndarray, lowest: int, highest: int) -> float:
    """Best correlation of the keys ``lowest`` to ``highest`` as drawn with what is seen, the corners a little off."""
    left, right = key_edges(lowest)[0], key_edges(highest)[1]
    values = seen[inside] - seen[inside].mean()
    best = -1.0
    for begin in left + _SLACK:
        for end in right + _SLACK:
            drawn = _drawn(begin, end)[inside]
            drawn = drawn - drawn.mean()
            norm = float(np.linalg.norm(drawn) * np.linalg.norm(values))
            best = max(best, float(drawn @ values) / norm if norm > 0 else -1.0)
    return best


def _drawn(left: float, right: float) -> np.ndarray:
    """The back half of the keys from ``left`` to ``right`` (along), float ``(n,)``: white 1, black 0."""
    along = left + (right - left) * (np.arange(_STEPS) + 0.5) / _STEPS
    nearest = np.searchsorted(_BETWEEN_BLACKS, along)
    return (np.abs(along - _BLACK_CENTRES[nearest]) >= BLACK_KEY_WIDTH / 2).astype(np.float64)


def given_keyboard(corners: np.ndarray, keys: Range, width: int, height: int) -> Keyboard:
    """The keyboard that the user's corners mark. Raises CornersError where they form none, or miss the picture."""
    keyboard = Keyboard(corners, *keys)
    box = np.array([[0, 0], [width, 0], [width, height], [0, height]], dtype=np.float32)
    area, _ = cv2.intersectConvexConvex(keyboard.corners.astype(np.float32), box)
    if area <= 0:
        raise CornersError(f"These corners lie outside the picture, which is {width} x {height} pixels.")
    (ax, ay), (bx, by), _, (dx, dy) = keyboard.corners
    turn = (bx - ax) * (dy - ay) - (by - ay) * (dx - ax)  # from above, the front is to the right of bass-to-treble
    return Keyboard(corners, *keys, mirrored=bool(turn < 0))
