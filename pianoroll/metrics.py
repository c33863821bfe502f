"""How good a transcription is: F1 of frames, onsets, onsets with offsets, and velocities.

*Frame*: at every time and key, is the key down? True and false positives and misses are counted over all keys and
times together ("pooled"), so that silence neither helps nor hurts; or over those of one colour or octave.
*Frame samples*: precision, recall and F1 of each frame, averaged over the frames, as Audeo reports them: scikit-learn's
``average="samples", zero_division=1``. What a frame cannot be asked counts 1: the precision of a frame in which nothing
was predicted, the recall of one in which nothing is down. So an empty frame seen as empty counts 1 throughout, and
silence lifts this number; ``FrameAverage.empty`` tells how much of it there is.

*Onset*: a note is right if a true note of the same pitch begins within the tolerance; each true note serves once
(bipartite matching). 50 ms is the field's usual tolerance; 100 ms is reported too, as a frame of film lasts 33-50 ms.
*Onset+offset*: its end must lie within 20 % of the true length, or 50 ms, too. Both are mir_eval.transcription's.
*Velocity*: of the notes that one of these (at 50 ms) finds, those count whose velocity, after a straight line was
fitted over all of them, is less than 10 % of the true range off: mir_eval.transcription_velocity's. How loud the whole
is and how wide its range play no part. A truth whose notes are all alike holds no velocities, and nothing is judged.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pianoroll.notes import Note

ONSET_TOLERANCES = (0.05, 0.1)  # seconds
OFFSET_RATIO = 0.2  # of the true note's length
OFFSET_MIN_TOLERANCE = 0.05  # seconds
VELOCITY_TOLERANCE = 0.1  # of the range of the true velocities
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
        found, of = self.ratio
        return found / max(1, of)

    @property
    def ratio(self) -> tuple[float, float]:
        """What F1 is the ratio of; both can be added up over files."""
        found = 2 * self.true_positives
        return found, found + self.false_positives + self.misses


@dataclass(frozen=True)
class FrameAverage:
    """Precision, recall and F1 of each frame, summed over ``frames``, which can be added up; their averages follow, 0
    where there is no frame. ``empty``: frames in which no key was down."""

    frames: int = 0
    empty: int = 0
    precisions: float = 0.0
    recalls: float = 0.0
    f1s: float = 0.0

    def __add__(self, other: "FrameAverage") -> "FrameAverage":
        return FrameAverage(
            self.frames + other.frames,
            self.empty + other.empty,
            self.precisions + other.precisions,
            self.recalls + other.recalls,
            self.f1s + other.f1s,
        )

    @property
    def precision(self) -> float:
        return self.precisions / max(1, self.frames)

    @property
    def recall(self) -> float:
        return self.recalls / max(1, self.frames)

    @property
    def f1(self) -> float:
        return self.f1s / max(1, self.frames)

    @property
    def ratio(self) -> tuple[float, float]:
        """What F1 is the ratio of; both can be added up over files."""
        return self.f1s, self.frames


def frame_score(predicted: np.ndarray, true: np.ndarray) -> Score:
    """Compare two boolean arrays ``(T, 88)``: key down or not."""
    _check_shapes(predicted, true)
    return Score(int((predicted & true).sum()), int((predicted & ~true).sum()), int((~predicted & true).sum()))


def frame_average(predicted: np.ndarray, true: np.ndarray) -> FrameAverage:
    """Compare two boolean arrays ``(T, 88)``, each frame for itself."""
    _check_shapes(predicted, true)
    hits, guesses, truths = (keys.sum(axis=1) for keys in (predicted & true, predicted, true))
    precision = np.where(guesses > 0, hits / np.maximum(guesses, 1), 1.0)
    recall = np.where(truths > 0, hits / np.maximum(truths, 1), 1.0)
    f1 = np.where(guesses + truths > 0, 2 * hits / np.maximum(guesses + truths, 1), 1.0)
    empty = int((truths == 0).sum())
    return FrameAverage(len(true), empty, float(precision.sum()), float(recall.sum()), float(f1.sum()))


def _check_shapes(predicted: np.ndarray, true: np.ndarray) -> None:
    if predicted.shape != true.shape:
        raise ValueError(f"rolls of different shape: {predicted.shape} and {true.shape}")


def note_score(
    predicted: Sequence[Note], true: Sequence[Note], *, onset_tolerance: float = 0.05, offsets: bool = False
) -> Score:
    """Compare two lists of notes by onset (and offset, if ``offsets``). Tolerance in seconds."""
    matched = len(matches(predicted, true, onset_tolerance=onset_tolerance, offsets=offsets))
    return Score(matched, len(predicted) - matched, len(true) - matched)


def velocity_score(predicted: Sequence[Note], true: Sequence[Note], *, offsets: bool = False) -> Score | None:
    """Compare two lists of notes by onset (50 ms) and velocity (and offset, if ``offsets``); None where the true
    velocities are all the same."""
    if len({note.velocity for note in true}) < 2:
        return None
    if not predicted:
        return Score(0, 0, len(true))
    import mir_eval  # here, as it takes a second and most who read notes compare none

    matched = mir_eval.transcription_velocity.match_notes(
        *intervals(true),
        np.array([note.velocity for note in true]),
        *intervals(predicted),
        np.array([note.velocity for note in predicted]),
        onset_tolerance=ONSET_TOLERANCES[0],
        offset_ratio=OFFSET_RATIO if offsets else None,
        offset_min_tolerance=OFFSET_MIN_TOLERANCE,
        velocity_tolerance=VELOCITY_TOLERANCE,
    )
    return Score(len(matched), len(predicted) - len(matched), len(true) - len(matched))


def matches(
    predicted: Sequence[Note], true: Sequence[Note], *, onset_tolerance: float = 0.05, offsets: bool = False
) -> list[tuple[int, int]]:
    """Which predicted notes are which true ones, by index: each serves once, and as many as can be."""
    if not predicted or not true:
        return []
    import mir_eval

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
    import mir_eval

    times = np.array([[n.onset, max(n.offset, n.onset + 1e-3)] for n in notes])
    return times, mir_eval.util.midi_to_hz(np.array([n.pitch for n in notes], dtype=float))
