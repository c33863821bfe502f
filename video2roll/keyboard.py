"""Find the keyboard in a picture or a video: no corners to click, at any angle, size and part of it in view.

1. Take the hands away: the median over time of a few pictures of one scene (``scenes`` takes them from a video).
2. Find the row of black keys and name them by the pattern of their gaps (``black_keys``).
3. Their ends give a first perspective; the side to which the white keys go on unbroken is the front (the player's).
4. Align the picture with a drawing of the keys (ECC: Evangelidis & Psarakis, PAMI 2008), look for the rows where the
   white keys begin at the back and end at the front, and settle on the gaps between the white keys (parallax).
5. Count the keys: 36 black keys are a full keyboard; fewer are matched with the usual sizes, or the octave is guessed.
6. How well drawing and picture agree at last is the confidence; too little means that there is no keyboard.

Coordinates: ``along`` in white-key widths from the left edge of some C ("row coordinates") until the octave is known;
``across`` from the back edge of the white keys (0) to their front edge (1). A plane is the homography ``(3, 3)`` from
(along, across) to pixels.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from pianoroll.keys import BLACK_KEY_LENGTH, HIGHEST_PITCH, LOWEST_PITCH, WHITE_KEYS, key_edges, pitch_name
from video2roll.black_keys import BLACK_PITCH_CLASSES, BLACKS_IN_OCTAVE, Row, black_along, find_rows
from video2roll.key_names import MOST_WHITES, SYMMETRY, End, Placement, place, white_pitch
from video2roll.key_strip import X, Y, agreement_of, align, key_strip, white_span
from video2roll.rectify import CornersError, Keyboard, KeyboardError
from video2roll.video import read_image
from video2roll.white_edges import frontness, gap_profile, set_edges, settle_on_whites

__all__ = ["agreement", "find_in_image", "find_keyboard", "gap_profile", "hands_free"]

WORK_SIZE = 1280  # longest side in pixels of the picture that is searched
MIN_CONFIDENCE = 0.45  # agreement of drawing and picture below which there is no keyboard
HOPELESS = 0.2  # agreement of a first alignment that no refining makes up for
KEY_SHAPE = (2.9, 11.0)  # length of a white key by its width, as seen; 6.4 from straight above
MIN_SPAN = 0.28  # of the picture's longer side that the keys must fill

BLACKS_IN_PIANO = 36
_MOST_ADDED = 6  # black keys found beyond an end of the row before the plane is aligned anew
_MOST_SEEN = 0.5  # score of a row for each black key from its first to its last: letters in a line fit by chance
_C1 = 24  # MIDI pitch
_GROWTHS = 4
_TRIES = 4  # rows of black keys, and readings of them, that are looked at

NO_KEYBOARD = (
    "No keyboard was found in {what}; the black keys must be in view from above. "
    "Where there is one, give its corners: --corners."
)


def find_in_image(path: str | os.PathLike[str], *, lowest_key: int | None = None) -> Keyboard:
    """Find the keyboard in a still picture. Raises KeyboardError, and VideoError where the file is no picture."""
    return _find([read_image(path)], lowest_key, what=Path(path).name)


def find_keyboard(images: Sequence[np.ndarray], *, lowest_key: int | None = None) -> Keyboard:
    """Find the keyboard in pictures ``(H, W, 3)`` BGR uint8 of one scene, spread over time; one will do.

    ``lowest_key``: MIDI pitch of the lowest key in view, where the octave is known. Raises KeyboardError if there is
    no keyboard, and CornersError if the lowest key cannot be what ``lowest_key`` says.
    """
    if not images:
        raise KeyboardError("No picture was given to find a keyboard in.")
    return _find(images, lowest_key, what="the picture" if len(images) == 1 else "the pictures")


def agreement(gray: np.ndarray, keyboard: Keyboard) -> float:
    """How well a gray picture ``(h, w)`` shows a keyboard in its place: correlation with a drawing of it, -1..1."""
    octaves, classes = np.divmod(np.arange(keyboard.lowest_pitch, keyboard.highest_pitch + 1) - _C1, 12)
    black = np.isin(classes, BLACK_PITCH_CLASSES)
    index = octaves[black] * BLACKS_IN_OCTAVE + np.searchsorted(BLACK_PITCH_CLASSES, classes[black])
    if not len(index):
        return 0.0
    from_c = np.array([[1, 0, key_edges(_C1)[0]], [0, 1, 0], [0, 0, 1]])
    return agreement_of(gray, keyboard.to_picture @ from_c, int(index[0]), int(index[-1]))


def hands_free(images: Sequence[np.ndarray]) -> np.ndarray:
    """The scene without what moves: per-pixel median, gray uint8 ``(h, w)``, no side longer than WORK_SIZE."""
    grays = []
    for image in images:
        gray = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY) if image.ndim == 3 else image
        scale = min(1.0, WORK_SIZE / max(gray.shape))
        grays.append(cv2.resize(gray, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else gray)
    middle = len(grays) // 2
    return np.partition(np.stack(grays), middle, axis=0)[middle]


# ---- from a picture to a keyboard ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Fit:
    """A keyboard in row coordinates: its ``plane``, its black keys ``first`` to ``last``, and how well it agrees.

    ``black_end``: across, where the black keys' front ends are seen: they are higher than the white keys, so that
    where the camera looks from changes it.
    """

    plane: np.ndarray
    first: int
    last: int
    agreement: float
    black_end: float = BLACK_KEY_LENGTH


def _find(images: Sequence[np.ndarray], lowest_key: int | None, what: str) -> Keyboard:
    """The keyboard in pictures of one scene; ``what`` names them in the error message."""
    gray = hands_free(images)
    fit = _best_fit(gray)
    if fit is None:
        raise KeyboardError(NO_KEYBOARD.format(what=what))
    keyboard = _name_keys(gray, fit, lowest_key)
    height, width = images[0].shape[:2]
    return replace(keyboard, corners=keyboard.corners * [width / gray.shape[1], height / gray.shape[0]])


def _best_fit(gray: np.ndarray) -> _Fit | None:
    """The keyboard that agrees best with a gray picture ``(h, w)``; None where none does."""
    fits = [fit for row in _distinct(find_rows(gray)) for fit in _fits(gray, row)]
    fits.sort(key=lambda fit: -fit.agreement)
    for fit in [fit for fit in fits[:_TRIES] if fit.agreement > HOPELESS]:
        refined = _refine(gray, fit)
        if refined.agreement < MIN_CONFIDENCE:
            continue
        for candidate in (refined, fit):
            if _plausible(gray, candidate):
                return candidate
    return None


def _distinct(rows: list[Row]) -> list[Row]:
    """The best rows, of each place in the picture no more than two: a small copy in a corner may be seen often."""
    chosen: list[Row] = []
    for row in rows:
        middle, reach = row.bars.centre.mean(axis=0), np.ptp(row.bars.centre, axis=0).max() / 2
        alike = sum(float(np.linalg.norm(other.bars.centre.mean(axis=0) - middle)) < reach for other in chosen)
        keys = int(np.ptp(row.index)) + 1
        if alike < 2 and row.score > max(_MOST_SEEN * keys, 0.4 * rows[0].score):
            chosen.append(row)
    return chosen[:_TRIES]


def _fits(gray: np.ndarray, row: Row) -> list[_Fit]:
    """Both readings of a row of black keys, front on either side, aligned with the picture."""
    fits = []
    for side in (1, -1):
        plane, index = _first_plane(row, side)
        if plane is None:
            continue
        first, last = int(index.min()), int(index.max())
        for _ in range(_GROWTHS):
            plane = align(gray, plane, white_span(first, last), blur=9)
            before = last - first
            first, last = _count_blacks(gray, plane, first, last)
            if last - first < before + _MOST_ADDED - 2:
                break
        if last - first + 1 < 5:
            continue
        agreement = agreement_of(gray, plane, first, last) * frontness(gray, plane, first, last)
        fits.append(_Fit(plane, first, last, agreement))
    return fits


def _first_plane(row: Row, side: int) -> tuple[np.ndarray | None, np.ndarray]:
    """Perspective from the ends of the bars, with the front on one ``side`` (1 or -1); and the bars' black keys.

    The player sees the bass at the left, so where the row's direction runs the other way the pattern is read from its
    other end: about D it is its own mirror image.
    """
    bars = row.bars
    reference = np.array([-row.direction[1], row.direction[0]]) * side
    front = bars.axis * np.sign(bars.axis @ reference)[:, None]
    turn = float(np.mean(row.direction[0] * front[:, 1] - row.direction[1] * front[:, 0]))
    along, index = row.along, row.index
    if turn < 0:
        along, index = SYMMETRY - along, 1 - index
    half = front * bars.length[:, None] / 2
    pixels = np.concatenate([bars.centre - half, bars.centre + half])
    depth = np.repeat([0.0, BLACK_KEY_LENGTH], len(along))
    keys = np.stack([np.tile(along, 2), depth], axis=1)
    white = float(np.linalg.norm(bars.centre[-1] - bars.centre[0]) / max(1.0, abs(along[-1] - along[0])))  # pixels
    plane, inliers = cv2.findHomography(keys, pixels, cv2.RANSAC, 0.35 * white)
    if plane is None:
        return None, index
    index = index[inliers.reshape(2, -1).any(axis=0)]
    return plane, index


def _refine(gray: np.ndarray, fit: _Fit) -> _Fit:
    """Find the edges of the white keys and align once more, finely."""
    span = white_span(fit.first, fit.last)
    plane, black_end = set_edges(gray, fit.plane, span)
    plane = align(gray, plane, span, blur=5, black_end=black_end)
    first, last = _count_blacks(gray, plane, fit.first, fit.last)
    span = white_span(first, last)
    plane, black_end = set_edges(gray, plane, span)
    plane = align(gray, plane, span, blur=3, black_end=black_end)
    plane, black_end = set_edges(gray, plane, span)
    agreement = agreement_of(gray, plane, first, last, black_end)
    return _Fit(settle_on_whites(gray, plane, span), first, last, agreement, black_end)


def _plausible(gray: np.ndarray, fit: _Fit) -> bool:
    """Whether a fit agrees with the picture and has the shape of keys seen from above, large enough to be read.

    Text has letters as wide as long; a keyboard seen from the side has keys that look narrow.
    """
    span = white_span(fit.first, fit.last)
    box = np.array([[[span[0], 0], [span[1], 0], [span[1], 1], [span[0], 1]]], dtype=np.float64)
    corners = cv2.perspectiveTransform(box, fit.plane)[0]
    edges = np.roll(corners, -1, axis=0) - corners
    back, right, front, left = np.linalg.norm(edges, axis=1)
    turns = edges[:, 0] * np.roll(edges[:, 1], -1) - edges[:, 1] * np.roll(edges[:, 0], -1)
    shape = (left + right) / (back + front) * (span[1] - span[0])
    return (
        fit.agreement >= MIN_CONFIDENCE
        and span[1] - span[0] <= MOST_WHITES - 2  # there may be another one beside the outer black keys
        and bool(np.all(turns > 0))
        and KEY_SHAPE[0] < shape < KEY_SHAPE[1]
        and (back + front) / 2 > MIN_SPAN * max(gray.shape)
    )


# ---- counting keys ---------------------------------------------------------------------------------------------------


def _count_blacks(gray: np.ndarray, plane: np.ndarray, first: int, last: int) -> tuple[int, int]:
    """The black keys that are really there: ``first`` and ``last`` moved in or out, key by key."""
    span = (float(black_along(first - _MOST_ADDED - 1)) - 2, float(black_along(last + _MOST_ADDED + 1)) + 2)
    strip, inside = key_strip(gray, plane, span)

    def there(index: int) -> bool:
        return _black_there(strip, inside, float(black_along(index)) - span[0])

    while first < last and not there(first):
        first += 1
    while first < last and not there(last):
        last -= 1
    return first - _more(there, first, -1), last + _more(there, last, 1)


def _more(there: Callable[[int], bool], end: int, step: int) -> int:
    """How many black keys go on beyond ``end``: the last of them is seen, and most before it, be a hand on some."""
    seen = added = 0
    for number in range(1, _MOST_ADDED + 1):
        if there(end + step * number):
            seen += 1
            if seen >= 0.6 * number:
                added = number
    return added


def _black_there(strip: np.ndarray, inside: np.ndarray, along: float) -> bool:
    """Whether a dark key stands between bright ones at ``along`` (white-key widths from the strip's left edge)."""
    rows = slice(round(0.12 * Y), round(0.5 * Y))

    def level(low: float, high: float) -> np.ndarray:
        columns = slice(round((along + low) * X), max(round((along + high) * X), round((along + low) * X) + 1))
        if not inside[rows, columns].mean() > 0.9:
            return np.full(1, np.nan)
        return strip[rows, columns].mean(axis=1)

    black, left, right = level(-0.17, 0.17), level(-0.62, -0.4), level(0.4, 0.62)
    if any(np.isnan(part).any() for part in (black, left, right)):
        return False
    darker = np.maximum(black, 4) < 0.72 * np.minimum(left, right)
    return float(darker.mean()) > 0.5


# ---- naming keys -----------------------------------------------------------------------------------------------------


def _name_keys(gray: np.ndarray, fit: _Fit, lowest_key: int | None) -> Keyboard:
    """Decide which of the 88 keys are in view, and give their corners."""
    low, high = _outer_whites(gray, fit)
    ends = End(low, _cut_off(gray, fit, low, -1)), End(high, _cut_off(gray, fit, high, 1))
    placement = place(*ends)
    left, right = placement.low, placement.high
    if placement.whole_piano:
        left, right = _ends_of_piano(gray, fit, placement)
    lowest, highest = white_pitch(round(left)), white_pitch(round(right) - 1)
    octave_guessed = not placement.whole_piano
    if lowest_key is not None:
        octaves = _octaves_to(lowest, lowest_key)
        placement = replace(placement, shift=placement.shift + 7 * octaves)
        octave_guessed = False
        lowest, highest = lowest + 12 * octaves, highest + 12 * octaves
        if lowest < LOWEST_PITCH or highest > HIGHEST_PITCH:
            raise CornersError(f"With {pitch_name(lowest_key)} as the lowest key in view the keys would leave the 88.")
    row = (np.array([key_edges(lowest)[0], key_edges(highest)[1]]) - placement.shift) * placement.sign
    box = np.array([[[row[0], 0], [row[1], 0], [row[1], 1], [row[0], 1]]])
    corners = cv2.perspectiveTransform(box, fit.plane)[0]
    confidence = float(np.clip(fit.agreement, 0, 1))
    return Keyboard(corners, lowest, highest, confidence, octave_guessed, mirrored=placement.sign < 0)


def _ends_of_piano(gray: np.ndarray, fit: _Fit, placement: Placement) -> tuple[float, float]:
    """Outer edges (along, on the 88 keys) of a piano of which nearly all is in view: all but what the picture cuts."""
    if fit.last - fit.first + 1 > BLACKS_IN_PIANO - 1:
        return 0.0, float(WHITE_KEYS)
    whites = np.arange(WHITE_KEYS)
    inner = whites + np.where(whites < (placement.low + placement.high) / 2, 0.75, 0.25)  # seen if a quarter of it is
    row = (inner - placement.shift) * placement.sign
    seen = np.flatnonzero(_in_picture(gray, fit.plane, np.stack([row, np.full(WHITE_KEYS, 0.5)], axis=1)))
    return float(seen.min()), float(seen.max() + 1)


def _cut_off(gray: np.ndarray, fit: _Fit, along: float, side: int) -> bool:
    """Whether the picture ends within a third of a key beyond ``along``, on one ``side`` (-1 or 1)."""
    beyond = np.array([[along + 0.35 * side, across] for across in (0.25, 0.5, 0.75)])
    return not bool(_in_picture(gray, fit.plane, beyond)[1:].all())


def _in_picture(gray: np.ndarray, plane: np.ndarray, keys: np.ndarray) -> np.ndarray:
    """Bool ``(n,)``: which places ``(n, 2)`` (along, across) are in the picture."""
    x, y = cv2.perspectiveTransform(keys[None].astype(np.float64), plane)[0].T
    return (x >= 0) & (y >= 0) & (x < gray.shape[1]) & (y < gray.shape[0])


def _outer_whites(gray: np.ndarray, fit: _Fit) -> tuple[float, float]:
    """Outer edges of the white keys in view (row coordinates): beside an outer black key there may be two."""
    low, high = white_span(fit.first, fit.last)
    start = low - 1
    strip, inside = key_strip(gray, fit.plane, (start, high + 2), (0.68, 0.92))

    def level(white: float) -> float:
        columns = slice(round((white - start + 0.2) * X), round((white - start + 0.8) * X))
        return float(np.median(strip[:, columns])) if inside[:, columns].mean() > 0.5 else 0.0

    if fit.first % BLACKS_IN_OCTAVE in (0, 2) and level(low - 1) > 0.7 * level(low):
        low -= 1
    if fit.last % BLACKS_IN_OCTAVE in (1, 4) and level(high) > 0.7 * level(high - 1):
        high += 1
    return low, high


def _octaves_to(lowest: int, wanted: int) -> int:
    """How many octaves to move the ``lowest`` pitch so that it is ``wanted``. Raises CornersError if it cannot be."""
    octaves = round((wanted - lowest) / 12)
    if abs(lowest + 12 * octaves - wanted) > 1:
        raise CornersError(
            f"The lowest key in view looks like {pitch_name(lowest)[:-1]}, not like {pitch_name(wanted)}; "
            "check --lowest-key or give the corners."
        )
    return octaves
