"""Find the keyboard in a picture or a video: no corners to click, at any angle, size and part of it in view.

1. Take the hands away: the median over time of a few pictures spread over the video.
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
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from pianoroll.keys import BLACK_KEY_LENGTH, BLACK_KEY_WIDTH, HIGHEST_PITCH, LOWEST_PITCH, key_edges, pitch_name
from video2roll.black_keys import BLACKS_IN_OCTAVE, Row, black_along, find_rows
from video2roll.rectify import CornersError, Keyboard, KeyboardError
from video2roll.video import read_image, sample_images

WORK_SIZE = 1280  # longest side in pixels of the picture that is searched
MIN_CONFIDENCE = 0.4  # agreement of drawing and picture below which there is no keyboard
KEY_SHAPE = (2.9, 11.0)  # length of a white key by its width, as seen; 6.4 from straight above
MIN_SPAN = 0.28  # of the picture's longer side that the keys must fill

_WHITE_CLASSES = (0, 2, 4, 5, 7, 9, 11)
_SIZES = ((21, 108), (28, 103), (28, 100), (29, 100), (36, 96), (36, 84), (36, 89), (41, 77), (53, 84), (48, 72))
_X, _Y = 12, 64  # strip pixels a white-key width, and a white-key length
_SYMMETRY = 3.0  # along -> 3 - along mirrors the pattern about D

NO_KEYBOARD = (
    "No keyboard was found in {what}; the black keys must be in view from above. "
    "Where there is one, give its corners: --corners."
)


def find_in_video(
    path: str | os.PathLike[str], *, start: float = 0.0, end: float | None = None, lowest_key: int | None = None
) -> Keyboard:
    """Find the keyboard in the part ``start`` to ``end`` (seconds) of a video. Raises KeyboardError and VideoError."""
    return _find(sample_images(path, start=start, end=end), lowest_key, what=Path(path).name)


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
    if fit is None and len(images) > 1:  # a camera that moves blurs the median: look at single pictures
        singles = [hands_free([images[len(images) * part // 4]]) for part in (1, 2, 3)]
        tries = [(found, single) for single in singles if (found := _best_fit(single)) is not None]
        if tries:
            fit, gray = max(tries, key=lambda pair: pair[0].agreement)
    if fit is None:
        raise KeyboardError(NO_KEYBOARD.format(what=what))
    keyboard = _name_keys(gray, fit, lowest_key)
    height, width = images[0].shape[:2]
    return replace(keyboard, corners=keyboard.corners * [width / gray.shape[1], height / gray.shape[0]])


def _best_fit(gray: np.ndarray) -> _Fit | None:
    """The keyboard that agrees best with a gray picture ``(h, w)``; None where none does."""
    rows = find_rows(gray)
    fits = [fit for row in rows[:4] if row.score > 0.6 * rows[0].score for fit in _fits(gray, row)]
    best = max(fits, key=lambda fit: fit.agreement, default=None)
    if best is None:
        return None
    refined = _refine(gray, best)
    return next((fit for fit in (refined, best) if _plausible(gray, fit)), None)


def _fits(gray: np.ndarray, row: Row) -> list[_Fit]:
    """Both readings of a row of black keys, front on either side, aligned with the picture."""
    fits = []
    for side in (1, -1):
        plane, index = _first_plane(row, side)
        if plane is None:
            continue
        first, last = int(index.min()), int(index.max())
        plane = _align(gray, plane, _white_span(first, last), blur=9)
        first, last = _count_blacks(gray, plane, first, last)
        if last - first + 1 < 5:
            continue
        agreement = _agreement(gray, plane, first, last) * _frontness(gray, plane, first, last)
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
        along, index = _SYMMETRY - along, 1 - index
    half = front * bars.length[:, None] / 2
    pixels = np.concatenate([bars.centre - half, bars.centre + half])
    depth = np.repeat([0.0, BLACK_KEY_LENGTH], len(along))
    keys = np.stack([np.tile(along, 2), depth], axis=1)
    tolerance = 0.12 * float(np.median(bars.length))
    plane, _ = cv2.findHomography(keys, pixels, cv2.RANSAC, tolerance)
    return plane, index


def _refine(gray: np.ndarray, fit: _Fit) -> _Fit:
    """Find the edges of the white keys and align once more, finely."""
    span = _white_span(fit.first, fit.last)
    plane, black_end = _set_edges(gray, fit.plane, span)
    plane = _align(gray, plane, span, blur=5, black_end=black_end)
    first, last = _count_blacks(gray, plane, fit.first, fit.last)
    span = _white_span(first, last)
    plane, black_end = _set_edges(gray, plane, span)
    plane = _align(gray, plane, span, blur=3, black_end=black_end)
    plane, black_end = _set_edges(gray, plane, span)
    agreement = _agreement(gray, plane, first, last, black_end)
    return _Fit(_settle_on_whites(gray, plane, span), first, last, agreement, black_end)


def _plausible(gray: np.ndarray, fit: _Fit) -> bool:
    """Whether a fit agrees with the picture and has the shape of keys seen from above, large enough to be read.

    Text has letters as wide as long; a keyboard seen from the side has keys that look narrow.
    """
    span = _white_span(fit.first, fit.last)
    box = np.array([[[span[0], 0], [span[1], 0], [span[1], 1], [span[0], 1]]], dtype=np.float64)
    corners = cv2.perspectiveTransform(box, fit.plane)[0]
    edges = np.roll(corners, -1, axis=0) - corners
    back, right, front, left = np.linalg.norm(edges, axis=1)
    turns = edges[:, 0] * np.roll(edges[:, 1], -1) - edges[:, 1] * np.roll(edges[:, 0], -1)
    shape = (left + right) / (back + front) * (span[1] - span[0])
    return (
        fit.agreement >= MIN_CONFIDENCE
        and bool(np.all(turns > 0))
        and KEY_SHAPE[0] < shape < KEY_SHAPE[1]
        and (back + front) / 2 > MIN_SPAN * max(gray.shape)
    )


# ---- strips and drawings ---------------------------------------------------------------------------------------------


def _strip(
    gray: np.ndarray, plane: np.ndarray, span: tuple[float, float], depth: tuple[float, float] = (0.0, 1.0)
) -> tuple[np.ndarray, np.ndarray]:
    """The picture over ``span`` (along) and ``depth`` (across): float32 ``(h, w)`` at _X, _Y pixels; and which of it
    lies in the picture, bool ``(h, w)``."""
    size = (max(1, round((span[1] - span[0]) * _X)), max(1, round((depth[1] - depth[0]) * _Y)))
    matrix = plane @ _strip_to_keys(span, depth)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    strip = cv2.warpPerspective(gray, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    inside = cv2.warpPerspective(np.ones_like(gray), matrix, size, flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP)
    return strip.astype(np.float32), inside > 0


def _strip_to_keys(span: tuple[float, float], depth: tuple[float, float]) -> np.ndarray:
    """Homography from strip pixels to (along, across)."""
    return np.array([[1 / _X, 0, span[0] + 0.5 / _X], [0, 1 / _Y, depth[0] + 0.5 / _Y], [0, 0, 1]])


def _drawing(
    span: tuple[float, float], depth: tuple[float, float] = (0.0, 1.0), black_end: float = BLACK_KEY_LENGTH
) -> np.ndarray:
    """A drawn keyboard to compare strips with, float32 ``(h, w)``: white keys 1, gaps between 0.6, black keys 0."""
    width, height = round((span[1] - span[0]) * _X), round((depth[1] - depth[0]) * _Y)
    along = span[0] + (np.arange(width) + 0.5) / _X
    across = depth[0] + (np.arange(height) + 0.5) / _Y
    gap = np.abs(along - np.round(along)) < 0.06
    drawing = np.where(gap, 0.6, 1.0)[None].repeat(height, axis=0)
    octave = np.arange(int(span[0] // 7) - 1, int(span[1] // 7) + 2)
    centres = black_along((octave[:, None] * BLACKS_IN_OCTAVE + np.arange(BLACKS_IN_OCTAVE)).ravel())
    black = (np.abs(along[:, None] - centres[None]) < BLACK_KEY_WIDTH / 2).any(axis=1)
    drawing[np.ix_(across < black_end, black)] = 0.0
    return drawing.astype(np.float32)


def _even(strip: np.ndarray) -> np.ndarray:
    """A strip with its light evened out: divided by the white of the keys round about; 0..1.2."""
    white = cv2.dilate(cv2.blur(strip, (5, 5)), np.ones((1, 2 * _X), np.uint8))
    white = cv2.blur(white, (6 * _X + 1, 9))
    return np.clip(strip / np.maximum(white, 8), 0, 1.2)


def _align(
    gray: np.ndarray,
    plane: np.ndarray,
    span: tuple[float, float],
    blur: int,
    black_end: float = BLACK_KEY_LENGTH,
) -> np.ndarray:
    """Move the plane until the picture over ``span`` meets the drawing best; as it was where that does not converge."""
    margin = (span[0] - 1.0, span[1] + 1.0)
    depth = (-0.1, 1.1)
    strip, inside = _strip(gray, plane, margin, depth)
    drawing = _drawing(span, (0.06, 0.94), black_end)
    shift = np.array([[1, 0, _X], [0, 1, round(0.16 * _Y)], [0, 0, 1]], np.float32)  # drawing pixels -> strip pixels
    criteria = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 40, 1e-4)
    try:
        _, warp = cv2.findTransformECC(
            drawing, _even(strip), shift.copy(), cv2.MOTION_HOMOGRAPHY, criteria, inside.astype(np.uint8), blur
        )
    except cv2.error:
        return plane
    # from keys over drawing pixels and strip pixels back to keys
    drawn = np.linalg.inv(_strip_to_keys(span, (0.06, 0.94)))
    moved = _strip_to_keys(margin, depth) @ warp.astype(np.float64) @ drawn
    corners = np.array([[[span[0], 0.0], [span[1], 0.0], [span[0], 1.0], [span[1], 1.0]]])
    step = cv2.perspectiveTransform(corners, moved) - corners
    if np.abs(step[..., 0]).max() > 1.2 or np.abs(step[..., 1]).max() > 0.35:
        return plane
    aligned = plane @ moved
    return aligned / aligned[2, 2]


def _agreement(
    gray: np.ndarray, plane: np.ndarray, first: int, last: int, black_end: float = BLACK_KEY_LENGTH
) -> float:
    """Correlation of picture and drawing over the keys from black key ``first`` to ``last``; -1..1."""
    span = _white_span(first, last)
    strip, inside = _strip(gray, plane, span)
    if inside.mean() < 0.3:
        return 0.0
    seen, drawn = _even(strip)[inside], cv2.GaussianBlur(_drawing(span, black_end=black_end), (0, 0), 1)[inside]
    if seen.std() < 1e-3:
        return 0.0
    return float(np.corrcoef(seen, drawn)[0, 1])


def _frontness(gray: np.ndarray, plane: np.ndarray, first: int, last: int) -> float:
    """How bright the white keys stay from between the black keys to their front, at the darkest row; 0..1.

    Read from the wrong side, the seam or the fallboard behind the keys makes a dark row, whatever lies beyond.
    """
    span = _white_span(first, last)
    strip, inside = _strip(gray, plane, span)
    columns = _drawing(span)[0] == 1
    rows = inside[:, columns].mean(axis=1) > 0.3
    profile = np.median(strip[:, columns], axis=1)
    across = (np.arange(len(profile)) + 0.5) / _Y
    back = rows & (across > 0.1) & (across < 0.5)
    front = rows & (across > 0.55) & (across < 0.88)
    if not back.any() or not front.any():
        return 0.0
    return float(np.clip(profile[front].min() / max(1.0, np.median(profile[back])), 0, 1))


# ---- edges -----------------------------------------------------------------------------------------------------------


def _set_edges(gray: np.ndarray, plane: np.ndarray, span: tuple[float, float]) -> tuple[np.ndarray, float]:
    """Stretch the plane across the keys, so that 0 and 1 fall on the back and the front edge of the white keys.

    The front ends of the black keys are a third line: any two of the three give the other where it is not in view.
    Returns the plane, and where on it (across) the black keys end.
    """
    depth = (-0.5, 1.7)
    strip, inside = _strip(gray, plane, span, depth)
    drawing = _drawing(span, (0.3, 0.3 + 1 / _Y))[0]
    across = depth[0] + (np.arange(len(strip)) + 0.5) / _Y
    searches = ((drawing == 1, -0.4, 0.25, 1), (drawing == 0, 0.45, 0.8, 1), (drawing == 1, 0.75, 1.5, -1))
    places: list[list[tuple[float, float]]] = [[], [], []]
    for window in np.array_split(np.arange(strip.shape[1]), max(4, min(12, strip.shape[1] // (4 * _X)))):
        for kind, (wanted, low, high, sign) in enumerate(searches):
            columns = window[wanted[window]]
            if len(columns) < _X // 2:
                continue
            visible = inside[:, columns].mean(axis=1) > 0.9
            place = _step(np.median(strip[:, columns], axis=1), across, visible, low, high, sign)
            if place is not None:
                places[kind].append((float(span[0] + (columns.mean() + 0.5) / _X), place))
    lines = [_edge_line(edge, span) for edge in places]
    back, middle, front = _three_levels([None if line is None else line[0] for line in lines])
    slope = float(np.mean([line[1] for line in lines if line is not None] or [0.0]))
    # (along, across) on the new plane -> on the old one: affine, so that nothing moves along the keys
    stretch = np.array([[1, 0, 0], [slope, front - back, back - slope * (span[0] + span[1]) / 2], [0, 0, 1]])
    return plane @ stretch, (middle - back) / (front - back)


def _three_levels(seen: list[float | None]) -> tuple[float, float, float]:
    """Across of the white keys' back edge, the black keys' front ends and the white keys' front edge, completed."""
    back, middle, front = seen
    if middle is not None and back is not None and front is not None:
        if 0.52 < (middle - back) / (front - back) < 0.76:
            return back, middle, front
        if abs(back) < abs(front - 1):  # one is no edge: trust the one that is nearer to where it was
            front = None
        else:
            back = None
    middle = BLACK_KEY_LENGTH if middle is None else middle
    if back is None:
        back = 0.0 if front is None else front - (front - middle) / (1 - BLACK_KEY_LENGTH)
    if front is None:
        front = back + (middle - back) / BLACK_KEY_LENGTH
    return back, middle, front


def _step(
    profile: np.ndarray, across: np.ndarray, visible: np.ndarray, low: float, high: float, sign: int
) -> float | None:
    """Where the profile rises (``sign`` 1) or falls (-1) most from ``low`` to ``high``; None where it hardly does."""
    slope = np.zeros_like(profile)
    slope[2:-2] = sign * (profile[3:-1] + profile[4:] - profile[1:-3] - profile[:-4]) / 2
    allowed = (across > low) & (across < high) & visible
    if not allowed.any():
        return None
    white = float(np.median(profile[(across > 0.2) & (across < 0.9)]))
    slope = np.where(allowed, slope, 0)
    best = int(np.argmax(slope))
    if slope[best] < 0.2 * white:
        return None
    return float(across[best])


def _edge_line(places: list[tuple[float, float]], span: tuple[float, float]) -> tuple[float, float] | None:
    """The line through most of the places (along, across): its across in the middle of ``span``, and its slope."""
    if len(places) < 3:
        return None
    x, y = np.array(places).T
    x = x - (span[0] + span[1]) / 2
    first, second = np.triu_indices(len(x), 1)
    slopes = (y[second] - y[first]) / (x[second] - x[first])
    lines = y[first, None] + slopes[:, None] * (x[None] - x[first, None])
    votes = np.where(np.abs(slopes) * (span[1] - span[0]) < 0.25, (np.abs(lines - y) < 0.035).sum(axis=1), 0)
    best = int(np.argmax(votes))
    if votes[best] < max(3, 0.45 * len(x)):
        return None
    good = np.abs(lines[best] - y) < 0.035
    slope, level = np.polyfit(x[good], y[good], 1)
    return float(level), float(slope)


def _settle_on_whites(gray: np.ndarray, plane: np.ndarray, span: tuple[float, float]) -> np.ndarray:
    """Shift and stretch the plane along the keys until the gaps between the white keys fall on whole numbers.

    What was aligned so far are mostly the black keys, whose tops stand higher than the white keys: a camera near by
    sees them moved outwards, at the ends of the keyboard by as much as 0.4 of a white key.
    """
    wide = (span[0] - 2, span[1] + 2)
    darkness = gap_profile(gray, plane, wide)
    half = (span[1] - span[0]) / 2
    gaps = np.arange(-half + 1, half)  # from the middle; the outer edges are no gaps
    shift = np.linspace(-0.3, 0.3, 31)[:, None, None]
    stretch = np.linspace(-0.42, 0.42, 43)[None, :, None] / max(half, 8.0)
    along = gaps * (1 + stretch) + shift + (span[0] + span[1]) / 2
    score = np.interp((along - wide[0]) * _X - 0.5, np.arange(len(darkness)), darkness).mean(axis=2)
    best = np.unravel_index(int(np.argmax(score)), score.shape)
    if score[best] < 1.5 * np.median(score):  # no gaps to be seen
        return plane
    a, b = float(shift[best[0], 0, 0]), float(stretch[0, best[1], 0])
    middle = (span[0] + span[1]) / 2
    return plane @ np.array([[1 + b, 0, a - b * middle], [0, 1, 0], [0, 0, 1]])


def gap_profile(gray: np.ndarray, plane: np.ndarray, span: tuple[float, float]) -> np.ndarray:
    """How much of a thin dark line runs through the front of the white keys, ``(w,)`` at _X pixels a white key."""
    strip, inside = _strip(gray, plane, span, (0.7, 0.94))
    smooth = cv2.GaussianBlur(strip, (3, 1), 0)
    dark = cv2.morphologyEx(smooth, cv2.MORPH_CLOSE, np.ones((1, 5), np.uint8)) - smooth
    profile = np.where(inside, dark / np.maximum(strip, 16), 0).mean(axis=0)
    return np.minimum(profile, 3 * profile.mean())


# ---- counting keys ---------------------------------------------------------------------------------------------------


def _white_span(first: int, last: int) -> tuple[float, float]:
    """Outer edges of the white keys beside black key ``first`` and ``last``."""
    return float(np.floor(black_along(first) - 0.4)), float(np.ceil(black_along(last) + 0.4))


def _count_blacks(gray: np.ndarray, plane: np.ndarray, first: int, last: int) -> tuple[int, int]:
    """The black keys that are really there: ``first`` and ``last`` moved in or out, key by key."""
    span = (float(black_along(first - 6)) - 2, float(black_along(last + 6)) + 2)
    strip, inside = _strip(gray, plane, span)

    def there(index: int) -> bool:
        return _black_there(strip, inside, float(black_along(index)) - span[0])

    while first < last and not there(first):
        first += 1
    while first < last and not there(last):
        last -= 1
    low, high = first - 5, last + 5
    while first > low and there(first - 1):
        first -= 1
    while last < high and there(last + 1):
        last += 1
    return first, last


def _black_there(strip: np.ndarray, inside: np.ndarray, along: float) -> bool:
    """Whether a dark key stands between bright ones at ``along`` (white-key widths from the strip's left edge)."""
    rows = slice(round(0.12 * _Y), round(0.5 * _Y))

    def level(low: float, high: float) -> np.ndarray:
        columns = slice(round((along + low) * _X), max(round((along + high) * _X), round((along + low) * _X) + 1))
        if not inside[rows, columns].mean() > 0.9:
            return np.full(1, np.nan)
        return strip[rows, columns].mean(axis=1)

    black, left, right = level(-0.17, 0.17), level(-0.62, -0.4), level(0.4, 0.62)
    if any(np.isnan(part).any() for part in (black, left, right)):
        return False
    darker = np.maximum(black, 4) < 0.72 * np.minimum(left, right)
    return float(darker.mean()) > 0.5


# ---- naming keys -----------------------------------------------------------------------------------------------------

_FIRST_FULL, _LAST_FULL = 4, 39  # black keys of a full keyboard, A#0 to A#7, counted from C#0
_C0 = -5  # left edge of C0 in white-key widths from the left edge of A0


@dataclass(frozen=True)
class _Placement:
    """How row coordinates lie on the 88 keys: ``along`` of a key = ``sign`` * row coordinate + ``shift``."""

    sign: int
    shift: float
    octave_guessed: bool


def _name_keys(gray: np.ndarray, fit: _Fit, lowest_key: int | None) -> Keyboard:
    """Decide which of the 88 keys are in view, and give their corners."""
    low, high = _outer_whites(gray, fit)
    count = fit.last - fit.first + 1
    if count >= _LAST_FULL - _FIRST_FULL - 3:
        placement = _place_full(fit)
        ends = _ends_of_full(gray, fit, placement, count)
    else:
        placement = _place_part(gray, fit, low, high)
        ends = low + placement.shift, high + placement.shift
    lowest, highest = _white_pitch(round(ends[0])), _white_pitch(round(ends[1]) - 1)
    if lowest_key is not None:
        octaves = _octaves_to(lowest, lowest_key)
        placement = replace(placement, shift=placement.shift + 7 * octaves, octave_guessed=False)
        lowest, highest = lowest + 12 * octaves, highest + 12 * octaves
        if lowest < LOWEST_PITCH or highest > HIGHEST_PITCH:
            raise CornersError(f"With {pitch_name(lowest_key)} as the lowest key in view the keys would leave the 88.")
    row = (np.array([key_edges(lowest)[0], key_edges(highest)[1]]) - placement.shift) * placement.sign
    box = np.array([[[row[0], 0], [row[1], 0], [row[1], 1], [row[0], 1]]])
    corners = cv2.perspectiveTransform(box, fit.plane)[0]
    confidence = float(np.clip(fit.agreement, 0, 1))
    return Keyboard(corners, lowest, highest, confidence, placement.octave_guessed, mirrored=placement.sign < 0)


def _place_full(fit: _Fit) -> _Placement:
    """Lay 32 black keys or more on the 88 keys, as they are or mirrored; so many have only one place."""
    best = (-np.inf, 1, 0)
    for sign in (1, -1):
        first, last = (fit.first, fit.last) if sign == 1 else (1 - fit.last, 1 - fit.first)
        for octaves in range(-15, 16):
            low, high = first + BLACKS_IN_OCTAVE * octaves, last + BLACKS_IN_OCTAVE * octaves
            outside = max(0, _FIRST_FULL - low) + max(0, high - _LAST_FULL)
            fitting = (sign == 1) * 0.5 - outside
            if low <= _LAST_FULL and high >= _FIRST_FULL and fitting > best[0]:
                best = (fitting, sign, octaves)
    _, sign, octaves = best
    shift = 7.0 * octaves + _C0 + (_SYMMETRY if sign < 0 else 0)
    return _Placement(sign, shift, octave_guessed=False)


def _ends_of_full(gray: np.ndarray, fit: _Fit, placement: _Placement, count: int) -> tuple[float, float]:
    """Outer edges (along, on the 88 keys) of a keyboard that has all 88, less the white keys outside the picture."""
    if count > _LAST_FULL - _FIRST_FULL:
        return 0.0, 52.0
    whites = np.arange(52)
    middle = placement.sign * (fit.first + fit.last) / 2 / BLACKS_IN_OCTAVE * 7 + placement.shift
    inner = whites + np.where(whites < middle, 0.75, 0.25)  # in view if a quarter of it is
    points = np.stack([(inner - placement.shift) * placement.sign, np.full(52, 0.5)], axis=1)
    x, y = cv2.perspectiveTransform(points[None], fit.plane)[0].T
    seen = np.flatnonzero((x >= 0) & (y >= 0) & (x < gray.shape[1]) & (y < gray.shape[0]))
    return float(seen.min()), float(seen.max() + 1)


def _place_part(gray: np.ndarray, fit: _Fit, low: float, high: float) -> _Placement:
    """Choose the octave of white keys ``low`` to ``high`` (row coordinates): a usual size, or the middle of the 88."""
    options = [octaves * 7.0 + _C0 for octaves in range(-12, 13)]
    options = [shift for shift in options if low + shift >= 0 and high + shift <= 52]
    for lowest, highest in _SIZES:
        for shift in options:
            if (low + shift, high + shift) == (key_edges(lowest)[0], key_edges(highest)[1]):
                return _Placement(1, shift, octave_guessed=True)
    middle = (low + high) / 2
    return _Placement(1, min(options, key=lambda shift: abs(middle + shift - 26)), octave_guessed=True)


def _outer_whites(gray: np.ndarray, fit: _Fit) -> tuple[float, float]:
    """Outer edges of the white keys in view (row coordinates): beside an outer black key there may be two."""
    low, high = _white_span(fit.first, fit.last)
    strip, inside = _strip(gray, fit.plane, (low - 1, high + 2), (0.68, 0.92))

    def level(white: float) -> float:
        columns = slice(round((white - low + 1.2) * _X), round((white - low + 1.8) * _X))
        return float(np.median(strip[:, columns])) if inside[:, columns].mean() > 0.5 else 0.0

    if fit.first % BLACKS_IN_OCTAVE in (0, 2) and level(low - 1) > 0.7 * level(low):
        low -= 1
    if fit.last % BLACKS_IN_OCTAVE in (1, 4) and level(high) > 0.7 * level(high - 1):
        high += 1
    return low, high


def _white_pitch(white: int) -> int:
    """MIDI pitch of white key ``white`` (0 for A0)."""
    octave, place = divmod(white - _C0, len(_WHITE_CLASSES))
    return 12 * (octave + 1) + _WHITE_CLASSES[place]


def _octaves_to(lowest: int, wanted: int) -> int:
    """How many octaves to move the ``lowest`` pitch so that it is ``wanted``. Raises CornersError if it cannot be."""
    octaves = round((wanted - lowest) / 12)
    if abs(lowest + 12 * octaves - wanted) > 1:
        raise CornersError(
            f"The lowest key in view looks like {pitch_name(lowest)[:-1]}, not like {pitch_name(wanted)}; "
            "check --lowest-key or give the corners."
        )
    return octaves
