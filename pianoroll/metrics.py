"""How good a transcription is: frame, onset and onset+offset F1.

*Frame*: at every time and key, is the key down? True and false positives and misses are counted over all keys and
times together ("pooled"), not averaged a frame, so that silence neither helps nor hurts.

*Onset*: a note is right if a true note of the same pitch begins within the tolerance; each true note serves once
(bipartite matching). 50 ms is the field's usual tolerance; 100 ms is reported too, as a frame of film lasts 33-50 ms.
*Onset+offset*: its end must lie within 20 % of the true length, or 50 ms, too. Both are mir_eval.transcription's.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import mir_eval
import numpy as np

from pianoroll.notes import Note

ONSET_TOLERANCES = (0.05, 0.1)  # seconds
OFFSET_RATIO = 0.2  # of the true note's length
OFFSET_MIN_TOLERANCE = 0.05  # seconds
GRID = 0.01  # seconds between the times at which two lists of notes are compared as frames


@dataclass(frozen=True)
class Score:
    """Counts of one comparison, which can be added up; precision, recall and F1 follow, 0 where undefined."""

    true_positives: int = 0
    false_positives: int = 0
    misses: int = 0

    def __add__(self, other: "Score") -> "Score":
        return Score(
            self.true_positives + other.true_positives,
            self.false_positives + other.false_positives,
            self.misses + other.misses,
        )

    @property
    def precision(self) -> float:
        return self.true_positives / max(1, self.true_positives + self.false_positives)

    @property
    def recall(self) -> float:
        return self.true_positives / max(1, self.true_positives + self.misses)

    @property
    def f1(self) -> float:
        found = 2 * self.true_positives
        return found / max(1, found + self.false_positives + self.misses)


def frame_score(predicted: np.ndarray, true: np.ndarray) -> Score:
    """Compare two boolean arrays ``(T, 88)``: key down or not."""
    if predicted.shape != true.shape:
        raise ValueError(f"rolls of different shape: {predicted.shape} and {true.shape}")
    return Score(int((predicted & true).sum()), int((predicted & ~true).sum()), int((~predicted & true).sum()))


def note_score(
    predicted: Sequence[Note], true: Sequence[Note], *, onset_tolerance: float = 0.05, offsets: bool = False
) -> Score:
    """Compare two lists of notes by onset (and offset, if ``offsets``). Tolerance in seconds."""
    matched = len(matches(predicted, true, onset_tolerance=onset_tolerance, offsets=offsets))
    return Score(matched, len(predicted) - matched, len(true) - matched)


def matches(
    predicted: Sequence[Note], true: Sequence[Note], *, onset_tolerance: float = 0.05, offsets: bool = False
) -> list[tuple[int, int]]:
    """Which predicted notes are which true ones, by index: each serves once, and as many as can be."""
    if not predicted or not true:
        return []
    found = mir_eval.transcription.match_notes(
        *intervals(true),
        *intervals(predicted),
        onset_tolerance=onset_tolerance,
        offset_ratio=OFFSET_RATIO if offsets else None,
        offset_min_tolerance=OFFSET_MIN_TOLERANCE,
    )
    return [(guess, truth) for truth, guess in found]


def inside(notes: Sequence[Note], start: float, end: float) -> list[Note]:
    """The notes that begin in ``start`` <= onset < ``end`` seconds."""
    return [note for note in notes if start <= note.onset < end]


def intervals(notes: Sequence[Note]) -> tuple[np.ndarray, np.ndarray]:
    """Times ``(n, 2)`` in seconds and pitches ``(n,)`` in Hz, as mir_eval wants them."""
    times = np.array([[n.onset, max(n.offset, n.onset + 1e-3)] for n in notes])
    return times, mir_eval.util.midi_to_hz(np.array([n.pitch for n in notes], dtype=float))
