"""The colours of falling bars: many editors give each hand its own."""

from collections.abc import Sequence
from typing import cast

import cv2
import numpy as np

from pianoroll import Note
from pianoroll.keys import BLACK
from pianoroll.notes import Hand
from video2roll.slant_stack import NEAR, PER_KEY, ROWS, TOP, Fall

LOOKS = 7  # heights at which a bar's colour is looked at
END = 0.1  # seconds before its end of the place that is looked at
FEWEST = 8  # bars of a colour, so that it may be a hand's
APART = 4.0  # deviations within two colours, by which these must differ...
LEAST_APART = 0.05  # ...and in what share of a pixel's light
LOWER = 4.0  # semitones by which the left hand plays lower, at least
OF_KEYS = 0.9  # correlation with the keys' own colours from which on the colours are not the hands'


class Colours:
    """What colour each bar has, as it falls."""

    def __init__(self, fall: Fall) -> None:
        self._fall = fall
        self._heights = np.linspace(TOP, fall.line - NEAR, LOOKS)
        self._seen: list[np.ndarray] = []  # shares of blue, green and red, NaN where not seen

    def add(self, notes: Sequence[Note], edges: np.ndarray, panels: np.ndarray, times: np.ndarray) -> None:
        """Look at ``notes`` in lanes with ``edges (88, 2)`` in ``panels (n, ROWS, COLUMNS, 3)``."""
        rows = (self._heights * ROWS).astype(int)
        for note in notes:
            place = max((note.onset + note.offset) / 2, note.offset - END)
            when = place - (self._fall.line - self._heights) / self._fall.speed
            inside = (when >= times[0]) & (when <= times[-1])
            if not inside.any():
                self._seen.append(np.full(3, np.nan))
                continue
            frames = np.searchsorted(times, when[inside]).clip(1, len(times) - 1)
            left, right = edges[note.key]
            quarter = (right - left) / 4
            lane = slice(int(PER_KEY * (left + quarter)), int(PER_KEY * (right - quarter)) + 1)
            light = np.median(panels[frames, rows[inside], lane].mean(axis=1), axis=0)
            self._seen.append(light / max(float(light.sum()), 1.0))

    def hands(self, notes: Sequence[Note]) -> list[Hand | None]:
        """The hand of each of ``notes``, which were added in this order (the last may not have been): None where its
        colour was not seen, and everywhere where there are not two colours, one of which plays lower."""
        unknown = [np.full(3, np.nan)] * (len(notes) - len(self._seen))
        colours = np.stack([*self._seen, *unknown]) if notes else np.zeros((0, 3))
        known = ~np.isnan(colours).any(axis=1)
        nobody: list[Hand | None] = [None] * len(notes)
        if known.sum() < 2 * FEWEST:
            return nobody
        seen = colours[known].astype(np.float32)
        criteria = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 50, 1e-5)
        cv2.setRNGSeed(0)
        _, kinds, centres = cv2.kmeans(seen, 2, cast(np.ndarray, None), criteria, 4, cv2.KMEANS_PP_CENTERS)
        second = kinds.ravel() == 1
        pitches = np.array([note.pitch for note in notes])[known]
        if min(second.sum(), (~second).sum()) < FEWEST or not _two(seen, second, centres):
            return nobody
        black = BLACK[pitches - 21]
        by_keys = abs(float(np.corrcoef(second, black)[0, 1])) if 0 < black.sum() < len(black) else 0.0
        higher = float(np.median(pitches[second]) - np.median(pitches[~second]))
        if by_keys > OF_KEYS or abs(higher) < LOWER:
            return nobody
        for index, right in zip(np.flatnonzero(known), second == (higher > 0), strict=True):
            nobody[index] = "right" if right else "left"
        return nobody


def _two(colours: np.ndarray, second: np.ndarray, centres: np.ndarray) -> bool:
    """Whether ``colours (n, 3)`` are really two."""
    within = np.sqrt(np.mean(np.square(colours - centres[second.astype(int)]).sum(axis=1)))
    between = float(np.linalg.norm(centres[1] - centres[0]))
    return between > max(LEAST_APART, APART * float(within))
