"""A stack of falling bars -> notes: its columns are keys, its rows the seconds at which a bar meets the keys."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from pianoroll import Note
from pianoroll.keys import BLACK, CENTRES, LOWEST_PITCH, WHITE_KEYS
from video2roll.slant_stack import COLUMNS, PER_KEY, STEP

LEAST_LEVEL = 10.0  # gray levels by which a bar differs from what is behind it
SHARE_OF_LEVEL = 0.3  # of the brightest bars' level that the darkest have
SHORTEST, LONGEST = 0.03, 60.0  # seconds of a bar
LEAST_BARS = 5  # that must stand alone, to tell where the lanes are
WIDEST = 1.3  # white-key widths of a bar
MOST_SHIFT = 0.4  # white-key widths by which the bars may stand beside the keys that were found
MOST_STRETCH = 0.012  # relative: how wrong the keys that were found may be
UNLIKELY = 0.05  # price of a shift by a white key
MIDDLE = WHITE_KEYS / 2
MOST_ERROR = 0.09  # white-key widths that bars may usually be off their key
ROUNDS = 60  # of the least squares
COVERS = 0.45  # of the level beside it, from which on a black key's bar lies over it
SHADOW = 0.25  # of the level beside it: less is the glow of another key's bar
DIP = 0.75  # of a bar's level: below that it is parted


@dataclass(frozen=True)
class Lanes:
    """Where bars stand, in white-key widths.

    ``shift`` and ``scale`` of the keys' centres about the middle of the 88; widths of the bars of ``white`` and
    ``black`` keys; ``error``: how far bars usually are from the middle of their key.
    """

    shift: float
    scale: float
    white: float
    black: float
    error: float

    @property
    def edges(self) -> np.ndarray:
        """Left and right edges of the 88 lanes, white-key widths ``(88, 2)``."""
        middle = MIDDLE + self.shift + self.scale * (CENTRES - MIDDLE)
        half = np.where(BLACK, self.black, self.white) / 2
        return np.stack([middle - half, middle + half], axis=1)


def find_lanes(picture: np.ndarray) -> Lanes | None:
    """The lanes of a stack, from its bars that stand alone; None where these do not stand over keys."""
    alone = _lone_bars(picture)
    if len(alone) < LEAST_BARS:
        return None
    middles, widths = alone.mean(axis=1), alone[:, 1] - alone[:, 0]
    shifts = np.arange(-MOST_SHIFT, MOST_SHIFT + 1e-9, 0.02)
    scales = 1 + np.arange(-MOST_STRETCH, MOST_STRETCH + 1e-9, 0.002)
    fits = [_fit(middles, widths, shift, scale) for shift in shifts for scale in scales]
    best = min(fits, key=lambda fit: fit.error + UNLIKELY * (abs(fit.shift) + 10 * abs(fit.scale - 1)))
    return best if best.error < MOST_ERROR else None


def _fit(middles: np.ndarray, widths: np.ndarray, shift: float, scale: float) -> Lanes:
    """Lanes so placed; the error counts how unlike the bars of a colour are in width, too."""
    places = MIDDLE + shift + scale * (CENTRES - MIDDLE)
    keys = np.abs(middles[:, None] - places).argmin(axis=1)
    black = BLACK[keys]
    wide, narrow = (float(np.median(widths[part])) if part.any() else 0.0 for part in (~black, black))
    off = np.abs(middles - places[keys]) + np.abs(widths - np.where(black, narrow, wide)) / 2
    swapped = bool(narrow) and bool(wide) and narrow > wide + 0.1
    error = float(np.median(off)) + (1.0 if swapped else 0.0)
    return Lanes(float(shift), float(scale), wide or 1.5 * narrow, narrow or 0.6 * wide, error)


def _lone_bars(picture: np.ndarray) -> np.ndarray:
    """Left and right edges ``(n, 2)``, white-key widths, of what is as wide as one key."""
    found = []
    parts, _ = ndimage.label(picture > _threshold(picture))
    for number, place in enumerate(ndimage.find_objects(parts), start=1):
        part = np.where(parts[place] == number, picture[place], 0)
        if part.shape[0] * STEP < SHORTEST or part.shape[1] > 2.5 * PER_KEY or not np.any(part):
            continue
        rows, columns = place
        across = picture[rows, max(0, columns.start - 2) : columns.stop + 2].mean(axis=0)
        half = across.max() / 2
        on = np.flatnonzero(across > half)
        first, last = int(on[0]), int(on[-1])
        if first > 0 and last + 1 < len(across):
            left = first - (across[first] - half) / (across[first] - across[first - 1])
            right = last + (across[last] - half) / (across[last] - across[last + 1])
            start = max(0, columns.start - 2) + 0.5
            found.append(((start + left) / PER_KEY, (start + right) / PER_KEY))
    bars = np.array(found).reshape(-1, 2)
    return bars[(bars[:, 1] - bars[:, 0]) < WIDEST]


def _threshold(picture: np.ndarray) -> float:
    """Gray levels above which a stack may show a bar."""
    strong = picture[picture > LEAST_LEVEL]
    return max(LEAST_LEVEL, SHARE_OF_LEVEL * float(np.quantile(strong, 0.95))) if len(strong) else 255.0


def read_lanes(picture: np.ndarray, lanes: Lanes) -> np.ndarray:
    """How much of each key's bar a stack shows: levels ``(len(picture), 88)``.

    Each row is the sum of the bars' profiles with levels from 0 on (non-negative least squares, by the multiplicative
    updates of Lee & Seung, NIPS 2000), so that bars that touch are told apart. A black key's bar hides half of its
    neighbour's instead of adding to it: beside one, it is as bright as the darker of its halves.
    """
    columns = (np.arange(COLUMNS) + 0.5) / PER_KEY
    edges = lanes.edges
    left, right = edges.T[..., None]
    profiles = np.clip((columns - left) * PER_KEY + 0.5, 0, 1) * np.clip((right - columns) * PER_KEY + 0.5, 0, 1)
    profiles = ndimage.gaussian_filter1d(profiles, 0.5, axis=1).astype(np.float32)
    levels = np.full((len(picture), len(profiles)), max(1.0, float(picture.mean())), np.float32)
    wanted, overlaps = picture @ profiles.T, profiles @ profiles.T
    for _ in range(ROUNDS):
        levels *= wanted / np.maximum(levels @ overlaps, 1e-6)
    mean, on = _means(picture), levels > _threshold(picture)
    for key in np.flatnonzero(BLACK & on.any(axis=0)).tolist():
        middle = (edges[key - 1].mean() + edges[key + 1].mean()) / 2  # where the white keys meet
        darker = np.minimum(mean(edges[key, 0], middle), mean(middle, edges[key, 1]))
        beside = np.maximum(levels[:, key - 1], levels[:, key + 1])
        covers = (on[:, key - 1] ^ on[:, key + 1]) & (darker > COVERS * beside)
        levels[:, key] = np.where(covers, np.maximum(levels[:, key], darker), levels[:, key])
    return levels


def _means(picture: np.ndarray) -> Callable[[float, float], np.ndarray]:
    """Gives the mean of each row between two places, white-key widths."""
    total = np.pad(np.cumsum(picture, axis=1, dtype=np.float64), ((0, 0), (1, 0)))

    def until(place: float) -> np.ndarray:
        column = min(max(place * PER_KEY, 0.0), total.shape[1] - 1.0)
        whole = min(int(column), total.shape[1] - 2)
        return total[:, whole] + (column - whole) * (total[:, whole + 1] - total[:, whole])

    return lambda left, right: (until(right) - until(left)) / max(1e-6, (right - left) * PER_KEY)


def find_bars(levels: np.ndarray, first: float) -> tuple[list[Note], np.ndarray]:
    """The notes of ``levels (n, 88)``, STEP seconds apart from second ``first`` on, that are over before others go on
    at the end; and the last rows, which hold all that began later."""
    low = _threshold(levels)
    around = ndimage.maximum_filter1d(levels, 5, axis=1)
    over: list[tuple[int, int, int, float]] = []  # key, first row, row after the last, and level
    unfinished = len(levels)
    for key in np.flatnonzero((levels > low).any(axis=0)).tolist():
        for start, stop in _runs(levels[:, key] > low):
            level = float(np.median(levels[start:stop, key]))
            if level < SHADOW * float(np.median(around[start:stop, key])) or (stop - start) * STEP > LONGEST:
                continue
            if stop == len(levels):
                unfinished = min(unfinished, start)
            else:
                over.append((key, start, stop, level))
    notes: list[Note] = []
    rest = levels[unfinished:].copy()
    for key, start, stop, level in over:
        if start < unfinished:
            notes += _strokes(levels[:, key], start, stop, level, first, LOWEST_PITCH + key)
            rest[: max(0, stop - unfinished), key] = 0
    return notes, rest


def _strokes(line: np.ndarray, start: int, stop: int, level: float, first: float, pitch: int) -> list[Note]:
    """The notes of one stretch of a key's levels: a dip between two bars parts them."""
    notes = []
    tops = _runs(line[start:stop] > DIP * level)
    for number, (low, high) in enumerate(tops):
        before = start if number == 0 else start + tops[number - 1][1] - 1
        after = stop if number == len(tops) - 1 else start + tops[number + 1][0]
        onset, offset = (
            _crossing(line, start + low, before, level / 2),
            _crossing(line, start + high - 1, after, level / 2),
        )
        if (offset - onset) * STEP >= SHORTEST:
            notes.append(Note(first + onset * STEP, pitch, first + offset * STEP))
    return notes


def _crossing(line: np.ndarray, inside: int, limit: int, level: float) -> float:
    """Where a line falls below a level on the way from ``inside`` to ``limit``, between its samples; where it does not,
    its lowest place there."""
    way = range(inside, limit, 1 if limit > inside else -1)
    step = 1 if limit > inside else -1
    for index in way:
        other = index + step
        if not 0 <= other < len(line):
            break
        if line[index] >= level > line[other]:
            return index + step * float((line[index] - level) / (line[index] - line[other]))
    part = [line[index] for index in way]
    return float(inside + step * int(np.argmin(part))) if part else float(inside)


def _runs(on: np.ndarray) -> list[tuple[int, int]]:
    """First index of each stretch of True, and the one after its last."""
    edges = np.diff(np.concatenate([[0], on.astype(np.int8), [0]]))
    return list(zip(np.flatnonzero(edges > 0).tolist(), np.flatnonzero(edges < 0).tolist(), strict=True))
