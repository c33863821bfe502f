"""The row of black keys in a picture: which dark bars belong to it, and which black key each of them is.

Black keys are the surest mark of a keyboard: dark, narrow bars of one size side by side on something bright, whose
gaps repeat short, long, short, short, long. They are found at any angle and any size, in three steps: dark bars
(a black top-hat at several scales), rows of bars alike (RANSAC over lines), and the labelling of a row with black keys
by its gaps, which also tells a keyboard from a fence. The pattern is symmetric about D and about G sharp, so that it
reads alike from both sides: which side is the front is decided elsewhere, by looking at the white keys.

Row coordinates: ``along`` in white-key widths, 0 at the left edge of some C, rising along the row's direction.
"""

import bisect
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from pianoroll.keys import key_centre

BLACKS_IN_OCTAVE = 5
WHITES_IN_OCTAVE = 7
BLACK_PITCH_CLASSES = (1, 3, 6, 8, 10)
_FROM_C = np.array([key_centre(60 + c) - (key_centre(60) - 0.5) for c in BLACK_PITCH_CLASSES])

_PLENTY = 32.0  # score of a row that is a whole piano's: 36 black keys, nearly all seen
MIN_BLACK_KEYS = 6  # fewer show no pattern that could be trusted
_LEVELS = 4  # full size, half, quarter, eighth
_LARGE = 900  # pixels of the longer side from which on half the size is looked at first
# What fills a dark bar but no broad dark surface: disks (bars at any angle), and lines across the bars, which also
# keep the bars apart from a thin dark seam at their ends. Pixels at each level: bars of a third of it up to its size.
_KERNELS = [(size, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))) for size in (9, 15)]
_KERNELS += [(size, np.ones(shape, np.uint8)) for size in (11, 17) for shape in ((1, size), (size, 1))]
_SHARP = 4.5  # pixels: narrower bars are seen, but not where exactly
_DEPTHS = (0.3, 0.55)  # how much darker than its surroundings a bar must be
_SNAP = 0.27  # white-key widths that a bar may lie beside its key


@dataclass(frozen=True)
class Bars:
    """Dark bars: ``centre (n, 2)``, ``length``, ``width (n,)`` in pixels, ``axis (n, 2)`` unit vectors along them."""

    centre: np.ndarray
    axis: np.ndarray
    length: np.ndarray
    width: np.ndarray

    def __len__(self) -> int:
        return len(self.length)

    def __getitem__(self, chosen: np.ndarray) -> "Bars":
        return Bars(self.centre[chosen], self.axis[chosen], self.length[chosen], self.width[chosen])


@dataclass(frozen=True)
class Row:
    """Bars known to be black keys. ``index (n,)``: which black key (0 the C sharp of some octave, 5 the next one);
    ``direction (2,)``: unit vector of rising index; ``score``: about the number of black keys that fit."""

    bars: Bars
    index: np.ndarray
    direction: np.ndarray
    score: float

    @property
    def along(self) -> np.ndarray:
        """Where the bars' keys lie ``(n,)``, in row coordinates."""
        return black_along(self.index)


def black_along(index: np.ndarray | int) -> np.ndarray:
    """Centre of black key ``index`` in row coordinates."""
    octave, place = np.divmod(index, BLACKS_IN_OCTAVE)
    return octave * WHITES_IN_OCTAVE + _FROM_C[place]


_TABLE_FIRST = -300  # more black keys than any picture shows
_TABLE = black_along(np.arange(_TABLE_FIRST, -_TABLE_FIRST)).tolist()  # their centres, for quick look-up


def find_rows(gray: np.ndarray) -> list[Row]:
    """Rows of black keys in a gray picture ``(H, W)`` uint8, best first; empty where there are none."""
    rows: list[Row] = []
    sharp: list[Row] = []
    for bars, scale in _dark_bars(_stretched(gray)):
        for line in _lines(bars):
            row = _label(line)
            if row is not None:
                rows.append(row)
                if np.median(row.bars.width) > _SHARP * scale:
                    sharp.append(row)
        if _settled(sharp, max(gray.shape)):
            break
    return sorted(rows, key=lambda row: -row.score)


def _settled(rows: list[Row], size: int) -> bool:
    """Whether the two best rows are the same black keys, nearly all seen: no need to look further.

    ``size``: longer side of the picture in pixels; a row that spans little of it may be a picture within the picture.
    """
    if len(rows) < 2:
        return False
    best, second = sorted(rows, key=lambda row: -row.score)[:2]
    if second.score > _PLENTY:
        return True
    ends = np.abs(best.bars.centre[[0, -1]] - second.bars.centre[[0, -1]]).max()
    return (
        second.score > 0.85 * len(best.bars)
        and bool(ends < 0.5 * np.median(best.bars.length))
        and bool(np.linalg.norm(np.ptp(best.bars.centre, axis=0)) > 0.6 * size)
    )


# ---- dark bars -------------------------------------------------------------------------------------------------------


def _stretched(gray: np.ndarray) -> np.ndarray:
    """A dim picture with its light turned up, until one pixel in a hundred is white."""
    bright = float(np.percentile(gray[::2, ::2], 99))
    return cv2.convertScaleAbs(gray, alpha=min(4.0, 235 / max(bright, 1.0))) if bright < 180 else gray


def _dark_bars(gray: np.ndarray) -> Iterator[tuple[Bars, float]]:
    """Dark bars at each scale and contrast, in pixels of ``gray``; and how many of these a pixel was wide."""
    levels: list[np.ndarray] = [gray]
    while len(levels) < _LEVELS and min(levels[-1].shape) >= 64:
        levels.append(cv2.pyrDown(levels[-1]))
    if len(levels) > 1 and max(gray.shape) > _LARGE:  # most keyboards are seen well enough at half the size
        levels[:2] = levels[1::-1]
    for level in levels:
        scale = gray.shape[1] / level.shape[1]
        for disk, kernel in _KERNELS:
            closed = cv2.morphologyEx(level, cv2.MORPH_CLOSE, kernel)
            depth = cv2.divide(cv2.subtract(closed, level), np.maximum(closed, 24), scale=255)
            for threshold in _DEPTHS:
                thin = max(2, disk // 4)
                dark = (depth > 255 * threshold).astype(np.uint8)
                mask = cv2.morphologyEx(dark, cv2.MORPH_OPEN, np.ones((thin, thin), np.uint8))
                bars = _bars_of(mask, scale, thin)
                if len(bars) >= MIN_BLACK_KEYS:
                    yield bars, scale


def _bars_of(mask: np.ndarray, scale: float, thin: int) -> Bars:
    """Components of a mask, holes filled, that are straight, full and longer than wide, measured by their moments."""
    contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    found = []
    for contour in contours:
        m = cv2.moments(contour)
        size = m["m00"]
        if len(contour) >= 4 * thin and size > thin * thin / 4:
            spread = m["mu20"] / size, m["mu11"] / size, m["mu02"] / size
            found.append((m["m10"] / size + 0.5, m["m01"] / size + 0.5, *spread, size, len(contour)))
    x, y, xx, xy, yy, area, around = np.array(found, dtype=np.float64).reshape(-1, 7).T
    middle, half = (xx + yy) / 2, np.hypot((xx - yy) / 2, xy)
    # a bar of length L has variance L^2 / 12; contours run through the middles of the outer pixels: half a pixel inside
    length = np.sqrt(12 * (middle + half)) + 1
    width = np.sqrt(12 * np.maximum(middle - half, 0)) + 1
    angle = np.arctan2(2 * xy, xx - yy) / 2
    full = (area + around / 2 + 1) / (length * width)
    good = (length >= 1.6 * width) & (full > 0.72) & (full < 1.2) & (length * width >= 2 * thin * thin)
    centre, axis = np.stack([x, y], axis=1), np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return Bars(centre * scale, axis, length * scale, width * scale)[good]


# ---- rows ------------------------------------------------------------------------------------------------------------


def _lines(bars: Bars, most: int = 2, trials: int = 400) -> Iterator[Bars]:
    """Sets of bars of like size that lie side by side on a line, sorted along it."""
    rng = np.random.default_rng(0)
    left = np.arange(len(bars))
    for _ in range(most):
        if len(left) < MIN_BLACK_KEYS:
            return
        pool = bars[left]
        chosen = _best_line(pool, rng, trials)
        if chosen.sum() < MIN_BLACK_KEYS:
            return
        row = pool[chosen]
        direction = _principal(row.centre)
        yield row[np.argsort(row.centre @ direction)]
        left = left[~chosen]


def _best_line(pool: Bars, rng: np.random.Generator, trials: int) -> np.ndarray:
    """Bool ``(n,)``: the bars on the line that holds most of them."""
    first = rng.integers(len(pool), size=trials)
    distance = np.linalg.norm(pool.centre[:, None] - pool.centre[None], axis=2)
    near = np.argsort(distance, axis=1)[:, 1 : 1 + min(12, len(pool) - 1)]
    second = near[first, rng.integers(near.shape[1], size=trials)]
    on = _on_line(pool, pool.centre[first], pool.centre[second] - pool.centre[first], first)
    best = on[int(np.argmax(on.sum(axis=1)))]
    for _ in range(3):  # straighten the line by all that lie on it, and collect again
        if best.sum() < 3:
            break
        middle = pool.centre[best].mean(axis=0)
        typical = np.flatnonzero(best)[np.argsort(pool.length[best])[best.sum() // 2]]
        direction = _principal(pool.centre[best])
        best = _on_line(pool, middle[None], direction[None], np.array([typical]), parallel=0.7)[0]
    return best


def _on_line(
    pool: Bars, origin: np.ndarray, direction: np.ndarray, like: np.ndarray, parallel: float = 0.92
) -> np.ndarray:
    """Bool ``(trials, n)``: bars like bar ``like`` that the line cuts near their middle.

    ``parallel``: least cosine between two bars; perspective fans them out, by 45 degrees at worst.
    """
    unit = direction / np.maximum(np.linalg.norm(direction, axis=1, keepdims=True), 1e-6)
    offset = pool.centre[None] - origin[:, None]
    beside = np.abs(offset[..., 0] * unit[:, None, 1] - offset[..., 1] * unit[:, None, 0])
    ratio = pool.length[None] / pool.length[like][:, None]
    broad = pool.width[None] / pool.width[like][:, None]
    slant = np.abs(pool.axis @ pool.axis[like].T).T
    upright = np.abs(pool.axis @ unit.T).T < 0.75  # bars stand across the row, not along it
    return (
        (beside < 0.22 * np.minimum(pool.length[None], pool.length[like][:, None]))
        & (ratio > 0.6)
        & (ratio < 1.65)
        & (broad > 0.5)
        & (broad < 2)
        & (slant > parallel)
        & upright
    )


def _principal(points: np.ndarray) -> np.ndarray:
    """Unit vector of the longest extent of points ``(n, 2)``."""
    return np.linalg.svd(points - points.mean(axis=0), full_matrices=False)[2][0]


# ---- which key is which ----------------------------------------------------------------------------------------------


def _label(bars: Bars) -> Row | None:
    """Name the bars of a sorted line by the pattern of their gaps; None where no keyboard's pattern fits."""
    direction = _principal(bars.centre)
    if direction @ (bars.centre[-1] - bars.centre[0]) < 0:
        direction = -direction
    place = bars.centre @ direction
    best_score, best = 0.0, np.zeros(0)
    count = len(place)
    tried = set()
    for start in np.unique(np.linspace(0, count - 2, min(10, count - 1)).astype(int)):
        for phase in range(BLACKS_IN_OCTAVE):
            index = _grow(place, int(start), phase)
            name = (index - np.nanmin(index) + np.nanmin(index) % BLACKS_IN_OCTAVE).tobytes()
            if name in tried:
                continue
            tried.add(name)
            score = _row_score(place, index)
            if score > best_score:
                best_score, best = score, index
    if best_score < MIN_BLACK_KEYS - 1.5:
        return None
    named = ~np.isnan(best)
    return Row(bars[named], best[named].astype(int), direction, best_score)


def _grow(bars: np.ndarray, start: int, phase: int) -> np.ndarray:
    """Take bars ``start`` and ``start + 1`` as neighbours beginning at black key ``phase``; name the others outwards.

    Returns float ``(n,)``: black-key numbers, nan where a bar fits none. The scale follows the last few bars, so that
    perspective does no harm.
    """
    place: list[float] = bars.tolist()
    index = np.full(len(place), np.nan)
    index[start], index[start + 1] = phase, phase + 1
    for step in (1, -1):
        known = [start, start + 1]
        if step < 0:  # go on from what was named on the way up
            known = [i for i in range(start, len(place)) if not np.isnan(index[i])][:6][::-1]
        at = start + 2 if step == 1 else start - 1
        while 0 <= at < len(place):
            recent = known[-6:]
            near, far = recent[-1], recent[0]
            base = _TABLE[int(index[near]) - _TABLE_FIRST]
            slope = (base - _TABLE[int(index[far]) - _TABLE_FIRST]) / (place[near] - place[far] or 1e-6)
            along = base + (place[at] - place[near]) * slope
            guess = _nearest_black(along)
            slack = _SNAP + 0.04 * abs(along - base)
            if abs(_TABLE[guess - _TABLE_FIRST] - along) < min(slack, 0.4) and (guess - index[near]) * step > 0:
                index[at] = guess
                known.append(at)
            at += step
    return index


def _nearest_black(along: float) -> int:
    """Number of the black key nearest to a place in row coordinates."""
    after = bisect.bisect(_TABLE, along)
    after = min(max(after, 1), len(_TABLE) - 1)
    nearest = after if _TABLE[after] - along < along - _TABLE[after - 1] else after - 1
    return nearest + _TABLE_FIRST


def _row_score(place: np.ndarray, index: np.ndarray) -> float:
    """How many black keys fit one perspective, less the keys that are missing and the bars that are none."""
    named = ~np.isnan(index)
    if named.sum() < 4:
        return 0.0
    which = index[named].astype(int)
    along, x = black_along(which), place[named]
    middle, size = x.mean(), np.ptp(x)
    u = (x - middle) / size
    # along = (a u + b) / (c u + 1), linear in a, b, c
    system = np.stack([u, np.ones_like(u), -u * along], axis=1)
    solution = np.linalg.lstsq(system, along, rcond=None)[0]
    if abs(solution[2]) > 1.2:
        return 0.0
    rest = (system @ solution - along) / (solution[2] * u + 1)
    fit = float(np.sum(np.clip(1 - (rest / _SNAP) ** 2, -1, 1)))
    missing = int(which.max() - which.min() + 1 - len(which))
    strangers = int(np.sum(~named & (place > x.min()) & (place < x.max())))
    return fit - 0.35 * missing - 0.5 * strangers
