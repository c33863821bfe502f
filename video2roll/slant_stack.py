"""What falls onto the keys in a picture (or rises from them), laid over itself until it stands still: a slant stack.

What lies behind the keys is stretched to a panel: a fixed number of columns to a white key. Bars move through it at one
speed. Where frames are moved against each other by that speed and laid over each other, each bar falls on itself and
becomes sharp, and all else (particles, glow, titles, a moving background) blurs away: a slant stack, as seismologists
call it (Schultz & Claerbout, Geophysics 1978). How well the frames agree, their semblance (Neidell & Taner, Geophysics
1971), says whether there are such bars, and how fast they are.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from scipy.stats import theilslopes

from pianoroll import Note
from pianoroll.keys import WHITE_KEYS
from video2roll.rectify import Keyboard

ROWS = 192  # of the panel
PER_KEY = 4  # columns a white key
COLUMNS = PER_KEY * WHITE_KEYS
OVER_KEYS = 0.05  # of the panel's height that reaches over the keys: there bars are cut off
KEYS_AT = 1 / (1 + OVER_KEYS)  # row of the keys' back edge, as a fraction of the panel
LEAST_HEIGHT = 0.12  # of the picture: a lower panel shows too little of the bars
MOST_TILT = 0.05  # of the back edge: bars fall straight down the picture
SLOWEST, FASTEST = 1 / 15, 2.5  # panel heights a second
LEAST_SEMBLANCE = 0.12
LEAST_MOTION = 0.05  # gray levels from frame to frame, on average: less is a still picture
LEAST_FRAMES = 8  # of a run that is looked at
SAME_SPEED = 0.03  # relative
TOP, NEAR = 0.03, 0.12  # of the panel's height left out: where bars appear, and where they glow as they meet the keys
STEP = 0.01  # seconds of a row of the stack
LEAST_ROWS = 4  # that must have seen what meets the line
CUT_FROM = 0.85  # of the panel's height: bars are not cut off farther above the keys
ENOUGH = 400  # bars that are watched as they come to the keys
AROUND = 0.08  # seconds before and after a bar's arrival that are watched


@dataclass(frozen=True)
class Fall:
    """``speed``: panel heights a second, negative where bars rise from the keys; ``line``: row of the panel, as a
    fraction of its height, at which they meet the keys; ``semblance`` 0..1."""

    speed: float
    line: float
    semblance: float

    @property
    def travel(self) -> float:
        """Seconds from the panel's far edge to the line."""
        return self.line / abs(self.speed)


class Panel:
    """Cuts what lies behind the keys out of pictures: uint8 ``(ROWS, COLUMNS)``, bass left, the keys below."""

    def __init__(self, keyboard: Keyboard) -> None:
        along = (np.arange(COLUMNS) + 0.5) / PER_KEY
        edge = np.stack([along, np.zeros(COLUMNS)], axis=1)[None]
        x, y = cv2.perspectiveTransform(edge, keyboard.to_picture.astype(np.float64))[0].T
        height = float(y.mean()) / KEYS_AT
        down = (np.arange(ROWS)[:, None] + 0.5) / ROWS * height - 0.5
        self._x, self._y = (np.broadcast_to(place, (ROWS, COLUMNS)).astype(np.float32) for place in (x, down))
        self._blur = round(float(np.ptp(x)) / COLUMNS) | 1, round(height / ROWS) | 1

    def __call__(self, image: np.ndarray) -> np.ndarray:
        small = cv2.blur(image, self._blur) if max(self._blur) > 1 else image
        return cv2.remap(small, self._x, self._y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def has_panel(keyboard: Keyboard, height: int) -> bool:
    """Whether bars could be above the keys: these lie level in the picture, the player below, with room above."""
    back, front = keyboard.corners[:2], keyboard.corners[2:]
    across = abs(float(back[1, 0] - back[0, 0]))
    level = abs(float(back[1, 1] - back[0, 1])) < MOST_TILT * across
    return (
        level
        and float(back[:, 1].min()) > LEAST_HEIGHT * height
        and float(front[:, 1].mean()) > float(back[:, 1].max())
    )


def find_fall(runs: Sequence[tuple[np.ndarray, np.ndarray]]) -> Fall | None:
    """How bars fall in most of some short runs of panels ``(n, ROWS, COLUMNS)`` with their times; None where none do.

    The line is taken to be where the keys begin.
    """
    coarse = SLOWEST * np.exp(np.arange(0, np.log(FASTEST / SLOWEST), 0.02))
    best: list[tuple[float, float]] = []  # semblance and speed of each run
    for panels, times in runs:
        if len(times) < LEAST_FRAMES or np.abs(np.diff(panels.astype(np.int16), axis=0)).mean() < LEAST_MOTION:
            continue
        speeds = np.concatenate([coarse, -coarse])
        for spread in (0.02, 0.004):
            top = float(speeds[semblances(panels, times, speeds).argmax()])
            speeds = top * np.exp(np.arange(-spread, spread + 1e-9, spread / 8))
        found = semblances(panels, times, speeds)
        best.append((float(found.max()), float(speeds[found.argmax()])))
    sure = [(semblance, speed) for semblance, speed in best if semblance >= LEAST_SEMBLANCE]
    middle = float(np.median([speed for _, speed in sure])) if sure else 0.0
    same = [each for each in sure if abs(each[1] / middle - 1) < SAME_SPEED]
    if not same or 2 * len(same) <= len(best):
        return None
    semblance, speed = np.mean(same, axis=0)
    return Fall(float(speed), KEYS_AT, float(semblance))


def semblances(panels: np.ndarray, times: np.ndarray, speeds: np.ndarray) -> np.ndarray:
    """How well the changes from frame to frame agree when moved by each of ``speeds``: 0..1, as many."""
    count = len(times)
    even = np.linspace(times[0], times[-1], count)
    rows = np.arange(4, round(0.9 * ROWS), 4)
    part = panels[:, rows].reshape(count, len(rows), -1, PER_KEY // 2).mean(axis=3, dtype=np.float32)
    index = np.searchsorted(times, even).clip(1, count - 1)
    weight = ((even - times[index - 1]) / (times[index] - times[index - 1]))[:, None, None].astype(np.float32)
    change = np.diff(part[index - 1] * (1 - weight) + part[index] * weight, axis=0)
    spectrum = (
        np.fft.rfft(change, n=2 * count, axis=0).astype(np.complex64).transpose(0, 2, 1)
    )  # frequency, column, row
    frequency = np.fft.rfftfreq(2 * count, float(even[1] - even[0]))
    power = max(float((np.abs(spectrum) ** 2).sum()), 1e-9)
    heights = (rows + 0.5) / ROWS
    found = []
    for speed in speeds:
        turn = np.exp(-2j * np.pi * frequency[:, None] * heights / -speed).astype(np.complex64)
        found.append(float((np.abs(np.matmul(spectrum, turn[:, :, None])) ** 2).sum()) / (power * len(rows)))
    return np.array(found)


def background(panels: np.ndarray) -> np.ndarray:
    """The panel without bars, from some panels ``(n, ROWS, COLUMNS, 3)``.

    A bar may stand for most of the time where it is, so what is usual there is not enough: it is the quantile that
    looks most like the rest of its row.
    """
    levels = np.quantile(panels, [0.1, 0.5, 0.9], axis=0).astype(np.float32)
    usual = np.median(panels, axis=(0, 2))[None, :, None]
    nearest = np.abs(levels - usual).sum(axis=3).argmin(axis=0)
    return np.take_along_axis(levels, nearest[None, :, :, None], axis=0)[0]


def stack(shown: np.ndarray, times: np.ndarray, fall: Fall, seconds: np.ndarray) -> np.ndarray:
    """Panels ``(n, ROWS, COLUMNS)`` moved by the fall and laid over each other: what meets the line at each of
    ``seconds``, float32 ``(len(seconds), COLUMNS)``.

    It is the median over the rows: what stands still or moves otherwise is seen by few of them at the same place.
    """
    rows = np.arange(TOP * ROWS, (fall.line - NEAR) * ROWS, ROWS / 40).astype(int)
    seen = np.full((len(rows), len(seconds), shown.shape[2]), 255, np.uint8)
    counts = np.zeros(len(seconds), int)
    for number, row in enumerate(rows):
        meets = times + (fall.line - (row + 0.5) / ROWS) / fall.speed
        inside = np.flatnonzero((seconds >= meets[0]) & (seconds <= meets[-1]))
        index = np.searchsorted(meets, seconds[inside]).clip(1, len(times) - 1)
        weight = ((seconds[inside] - meets[index - 1]) / (meets[index] - meets[index - 1])).astype(np.float32)[:, None]
        seen[number, inside] = shown[index - 1, row] * (1 - weight) + shown[index, row] * weight
        counts[inside] += 1
    seen.sort(axis=0)
    middle = np.take_along_axis(seen, (np.maximum(counts, 1)[None, :, None] - 1) // 2, axis=0)[0]
    middle[counts < LEAST_ROWS] = 0
    return middle.astype(np.float32)


class Arrivals:
    """Where the keys cut bars off: bars are watched as they come to the keys, and a row's brightness changes when the
    bar reaches it; below the line nothing changes, or the key itself shines up, at one moment in all rows."""

    def __init__(self, fall: Fall) -> None:
        self._fall = fall
        self._rows = np.arange(round(TOP * ROWS), ROWS)
        self._offsets = np.arange(-AROUND, AROUND + 1e-9, STEP)
        self._seen = np.zeros((len(self._rows), len(self._offsets)))
        self._expected = np.zeros(len(self._rows))
        self._watched = 0

    def add(
        self, notes: Sequence[Note], edges: np.ndarray, panels: np.ndarray, still: np.ndarray, times: np.ndarray
    ) -> None:
        """Watch ``notes`` in lanes with ``edges (88, 2)`` in ``panels (n, ROWS, COLUMNS, 3)`` before ``still``."""
        heights = (self._rows + 0.5) / ROWS
        for note in notes:
            seconds = note.onset - (self._fall.line - heights)[:, None] / self._fall.speed + self._offsets
            if seconds.min() < times[0] or seconds.max() > times[-1] or note.offset - note.onset < AROUND:
                continue
            if self._watched == ENOUGH:
                return
            self._watched += 1
            left, right = edges[note.key]
            quarter = (right - left) / 4
            lane = slice(int(PER_KEY * (left + quarter)), int(PER_KEY * (right - quarter)) + 1)
            first, last = np.searchsorted(times, [seconds.min(), seconds.max()]) + np.array([-1, 1])
            first = max(0, first)
            part = panels[first:last, self._rows, lane].mean(axis=2, dtype=np.float32)
            ground = still[self._rows, lane].mean(axis=1)
            colour = part[np.searchsorted(times[first:last], seconds[0, -1]).clip(0, len(part) - 1), 0]
            shown = np.abs(part - ground).max(axis=2)
            self._seen += [np.interp(when, times[first:last], shown[:, row]) for row, when in enumerate(seconds)]
            self._expected += np.abs(colour - ground).max(axis=1)

    def line(self) -> tuple[float, float]:
        """The line as a fraction of the panel's height, and how many seconds after their note bars really meet it.

        Where nothing was watched, the keys' back edge.
        """
        if not self._seen.any():
            return self._fall.line, 0.0
        seen = self._seen / np.maximum(self._expected, 1e-9)[:, None]
        change = seen[:, self._offsets > 0.02].mean(axis=1) - seen[:, self._offsets < -0.02].mean(axis=1)
        heights = (self._rows + 0.5) / ROWS
        upper, near = (int(np.searchsorted(heights, height)) for height in (CUT_FROM, KEYS_AT - 0.03))
        half = float(np.median(change[upper:near])) / 2
        alive = int(np.flatnonzero(change >= half)[-1]) + 1 if half > 0 else 0
        if alive <= upper:
            return self._fall.line, 0.0
        lines = (self._rows[:alive] + 1) / ROWS
        if alive < len(change):  # the last row may be cut
            above = change[alive - 1]
            lines[-1] = heights[alive - 1] + (above - half) / (above - change[alive]) / ROWS
        heights = heights[:alive]
        rise = np.clip(np.diff(seen[:alive], axis=1), 0, None)
        late = rise @ (self._offsets[:-1] + STEP / 2) / np.maximum(rise.sum(axis=1), 1e-9)
        slope, level, *_ = theilslopes(late[:near], heights[:near])
        late -= level + slope * heights
        cut = slice(upper, alive)
        beyond = np.clip(heights[cut] - lines[cut, None], 0, None) / self._fall.speed
        errors = np.square(late[cut] + beyond).sum(axis=1)
        best = int(np.argmin(errors))
        line = float(lines[cut][best if errors[best] < errors[-1] / 2 else -1])
        return line, float(level + slope * line)
