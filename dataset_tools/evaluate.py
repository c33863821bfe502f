"""How well predictions meet the truth: two files, two folders, or every clip of a manifest.

A *file* is a piano roll (``.npz``) or MIDI (``.mid``). Where the prediction is a roll, frames are compared at the
roll's own times with the roll's own threshold, and its notes are those that ``roll2midi.decode`` finds; where both are
MIDI, frames are compared on a grid of 10 ms. Only what lies in ``start`` <= time < ``end`` counts: the seconds given,
else those of the roll, else everything. Counts of all files are added up ("pooled") before precision, recall and F1.
"""

import csv
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from dataset_tools.clips import Clip, read_manifest
from dataset_tools.errors import Errors, sort_errors
from pianoroll import FileError, Note, PianoRoll, read_midi
from pianoroll.files import write_beside
from pianoroll.keys import BLACK
from pianoroll.metrics import GRID, ONSET_TOLERANCES, Score, frame_score, inside, note_score
from pianoroll.plot import write_comparison
from pianoroll.roll import frame_distance, notes_to_frames
from video2roll.rectify import KeyboardError

METRICS = ("frame", "onset_50ms", "onset_100ms", "onset_offset")
RESAMPLES = 2000  # of the files, for intervals
_MIDI_SUFFIXES = (".mid", ".midi")


@dataclass(frozen=True)
class Comparison:
    """One prediction against its truth: ``scores`` by the names in METRICS, within ``start`` to ``end`` seconds; and
    what kind of ``errors`` were made. ``notes``, ``true_notes``: those that were compared."""

    name: str
    scores: dict[str, Score]
    errors: Errors
    start: float
    end: float
    failure: str | None = None
    notes: Sequence[Note] = ()
    true_notes: Sequence[Note] = ()


@dataclass(frozen=True)
class Evaluation:
    """Comparisons, their pooled scores, and sentences on what could not be compared."""

    comparisons: list[Comparison]
    warnings: list[str] = field(default_factory=list)

    @property
    def pooled(self) -> dict[str, Score]:
        """Counts of all comparisons added up, by the names in METRICS."""
        return {m: sum((c.scores[m] for c in self.comparisons), Score()) for m in METRICS}

    @property
    def mean_f1(self) -> dict[str, float]:
        """F1 of each file, averaged over the files, by the names in METRICS."""
        return {m: float(np.mean([c.scores[m].f1 for c in self.comparisons])) for m in METRICS}

    @cached_property
    def intervals(self) -> dict[str, tuple[float, float]]:
        """Where the mean F1 of such files lies with 95 % certainty, by the names in METRICS: the percentile bootstrap
        over the files (Efron 1979). Empty for fewer than two files."""
        count = len(self.comparisons)
        if count < 2:
            return {}
        drawn = np.random.default_rng(0).integers(count, size=(RESAMPLES, count))
        found = {}
        for metric in METRICS:
            means = np.array([each.scores[metric].f1 for each in self.comparisons])[drawn].mean(axis=1)
            low, high = np.quantile(means, [0.025, 0.975])
            found[metric] = (float(low), float(high))
        return found

    @property
    def errors(self) -> Errors:
        """Kinds of errors of all comparisons added up."""
        return sum((c.errors for c in self.comparisons), Errors())

    def as_dict(self) -> dict[str, Any]:
        """For JSON: pooled numbers at the top, the files' average under ``mean_f1``, one entry a file in ``files``."""
        files = [
            {
                "name": c.name,
                "start": round(c.start, 3),
                "end": round(c.end, 3),
                **_numbers(c.scores),
                "errors": c.errors.as_dict(),
                **({"failure": c.failure} if c.failure else {}),
            }
            for c in self.comparisons
        ]
        mean = {metric: round(value, 4) for metric, value in self.mean_f1.items()}
        return {
            **_numbers(self.pooled),
            "mean_f1": mean,
            "mean_f1_interval": {m: [round(end, 4) for end in ends] for m, ends in self.intervals.items()},
            "errors": self.errors.as_dict(),
            "files": files,
            "warnings": self.warnings,
        }


def write_table(evaluation: Evaluation, path: str | os.PathLike[str]) -> None:
    """Write one row a file as CSV: precision, recall and F1 of each metric. Raises FileError."""
    parts = ("precision", "recall", "f1")
    with write_beside(path) as temporary, open(temporary, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["name", "start", "end", *(f"{metric}_{part}" for metric in METRICS for part in parts)])
        for each in evaluation.comparisons:
            scores = [f"{getattr(each.scores[metric], part):.4f}" for metric in METRICS for part in parts]
            writer.writerow([each.name, f"{each.start:.3f}", f"{each.end:.3f}", *scores])


def write_plots(evaluation: Evaluation, folder: str | os.PathLike[str]) -> list[Path]:
    """A picture of each comparison in ``folder``: hits, misses and extras. Raises FileError."""
    paths = []
    for each in evaluation.comparisons:
        paths.append(Path(folder) / f"{each.name.replace('/', '_')}.png")
        span = {"start": each.start, "end": each.end}
        write_comparison(each.notes, each.true_notes, paths[-1], title=each.name, **span)
    return paths


def evaluate(
    predicted: str | os.PathLike[str],
    truth: str | os.PathLike[str],
    *,
    note_model: str | None = None,
    start: float | None = None,
    end: float | None = None,
) -> Evaluation:
    """Compare two files, or two folders whose files are matched by name (``NAME.roll.npz`` with ``NAME.mid``).

    ``note_model``: what ``roll2midi.decode`` finds the notes of rolls with.
    Raises FileError where a file is missing or neither a roll nor MIDI, or no names match.
    """
    pairs, warnings = _pairs(Path(predicted), Path(truth))
    comparisons = [
        compare(_Performance.read(p, note_model), _Performance.read(t), name=name, start=start, end=end)
        for name, p, t in pairs
    ]
    return Evaluation(comparisons, warnings)


def evaluate_manifest(
    manifest: str | os.PathLike[str],
    *,
    split: str | None = "dev",
    model: str | None = None,
    note_model: str | None = None,
    given_keyboard: bool = False,
    start: float | None = None,
    end: float | None = None,
    progress: Callable[[str, float], None] | None = None,
) -> Evaluation:
    """Read the clips of a manifest from their video and compare with their MIDI, within each clip's labelled seconds.

    A clip is read whole, as a user's video is: the keyboard at rest may show outside the labelled seconds.
    The keyboard is found in the video unless ``given_keyboard`` takes the manifest's corners. A clip whose keyboard is
    not found counts as one in which nothing was played. ``start`` and ``end`` narrow what is read and judged.
    """
    clips = read_manifest(manifest, split=split)
    if not clips:
        raise FileError(f"{manifest} has no clip of the split “{split}”.")
    comparisons: list[Comparison] = []
    for index, clip in enumerate(clips):

        def report(fraction: float, index: int = index, clip: Clip = clip) -> None:
            if progress is not None:
                progress(clip.name, (index + fraction) / len(clips))

        report(0.0)
        first, last = max(clip.start, start or 0.0), min(clip.end, end if end is not None else clip.end)
        if first < last:
            read = (start or 0.0, end)
            comparisons.append(_compare_clip(clip, (first, last), read, (model, note_model), given_keyboard, report))
        report(1.0)
    if not comparisons:
        raise FileError(f"No clip of {manifest} is labelled between --start and --end.")
    failed = [f"{c.name}: {c.failure} Counted as silence." for c in comparisons if c.failure]
    return Evaluation(comparisons, failed)


def compare(
    predicted: "_Performance", truth: "_Performance", *, name: str, start: float | None = None, end: float | None = None
) -> Comparison:
    """All metrics of one prediction within ``start`` to ``end`` seconds."""
    first, last = predicted.span if predicted.roll else (0.0, max(predicted.span[1], truth.span[1]))
    first, last = (first if start is None else start), (last if end is None else end)
    if first >= last:
        raise FileError(f"{name}: nothing lies between {first:g} s and {last:g} s; choose other seconds.")
    times = _times(predicted.roll or truth.roll, first, last)
    notes, true_notes = inside(predicted.notes, first, last), inside(truth.notes, first, last)
    down, true_down = predicted.down(times), truth.down(times)
    scores = {
        "frame": frame_score(down, true_down),
        "onset_50ms": note_score(notes, true_notes, onset_tolerance=ONSET_TOLERANCES[0]),
        "onset_100ms": note_score(notes, true_notes, onset_tolerance=ONSET_TOLERANCES[1]),
        "onset_offset": note_score(notes, true_notes, onset_tolerance=ONSET_TOLERANCES[0], offsets=True),
    }
    white, black = (frame_score(down[:, keys], true_down[:, keys]) for keys in (~BLACK, BLACK))
    errors = replace(sort_errors(notes, true_notes), frame_white=white, frame_black=black)
    return Comparison(name, scores, errors, first, last, notes=notes, true_notes=true_notes)


@dataclass
class _Performance:
    """A roll or a list of notes, asked alike: which keys are down at these times, and which notes there are."""

    roll: PianoRoll | None = None
    given_notes: Sequence[Note] = ()
    note_model: str | None = None

    @classmethod
    def read(cls, path: Path, note_model: str | None = None) -> "_Performance":
        if path.suffix.lower() == ".npz":
            return cls(roll=PianoRoll.load(path), note_model=note_model)
        if path.suffix.lower() in _MIDI_SUFFIXES:
            return cls(given_notes=read_midi(path))
        if not path.exists():
            raise FileError(f"{path} does not exist; give a piano roll (.npz) or MIDI (.mid).")
        raise FileError(f"{path} is neither a piano roll (.npz) nor MIDI (.mid).")

    @cached_property
    def notes(self) -> list[Note]:
        """The notes given, or those decoded from the roll."""
        if self.roll is None:
            return list(self.given_notes)
        import roll2midi

        return roll2midi.add_velocities(roll2midi.decode(self.roll, model=self.note_model))

    @property
    def span(self) -> tuple[float, float]:
        """First and last second of which this knows."""
        if self.roll is not None:
            return (float(self.roll.times[0]) if len(self.roll) else 0.0), self.roll.end
        return 0.0, max((note.offset for note in self.given_notes), default=0.0)

    def down(self, times: np.ndarray) -> np.ndarray:
        """Which keys are down at ``times (T,)``: bool ``(T, 88)``; a roll answers with the frame shown at that time."""
        if self.roll is None:
            return notes_to_frames(self.notes, times)
        pressed = self.roll.frame > self.roll.threshold
        index = np.searchsorted(self.roll.times, times, side="right") - 1
        known = (index >= 0) & (times < self.roll.end)
        answer = np.zeros((len(times), pressed.shape[1]), dtype=bool)
        answer[known] = pressed[index[known]]
        return answer


def _times(roll: PianoRoll | None, first: float, last: float) -> np.ndarray:
    """Times to compare at: the roll's own, carried on evenly to ``first`` and ``last``; without a roll, every 10 ms."""
    if roll is None or len(roll) == 0:
        return np.arange(first, last, GRID)
    step = frame_distance(roll.times)
    before = np.arange(roll.times[0] - step, first - 1e-9, -step)[::-1]
    after = np.arange(roll.end, last - 1e-9, step)
    times = np.concatenate([before, roll.times, after])
    return times[(times >= first) & (times < last)]


def compare_roll(roll: PianoRoll, clip: Clip, note_model: str | None = None) -> Comparison:
    """A roll of a clip against its notes, within its labelled seconds."""
    truth = _Performance(given_notes=clip.notes())
    return compare(
        _Performance(roll=roll, note_model=note_model), truth, name=clip.name, start=clip.start, end=clip.end
    )


def _compare_clip(
    clip: Clip,
    judged: tuple[float, float],
    read: tuple[float, float | None],
    models: tuple[str | None, str | None],
    given_keyboard: bool,
    progress: Callable[[float], None],
) -> Comparison:
    """Read a clip in the seconds ``read`` and compare with its notes in the seconds ``judged``. ``models``: of the
    video, and of the notes."""
    import video2roll
    from video2roll.scenes import find_views

    truth = _Performance(given_notes=clip.notes())
    try:
        if given_keyboard and clip.keyboard is None:
            raise KeyboardError("The manifest gives no corners.")
        views = find_views(clip.video, keyboard=clip.keyboard if given_keyboard else None)
        roll = video2roll.transcribe(
            clip.video, keyboard=views, hands=False, model=models[0], start=read[0], end=read[1], progress=progress
        )
        return compare(
            _Performance(roll=roll, note_model=models[1]), truth, name=clip.name, start=judged[0], end=judged[1]
        )
    except KeyboardError as error:
        silent = compare(_Performance(), truth, name=clip.name, start=judged[0], end=judged[1])
        return replace(silent, failure=str(error))


def _pairs(predicted: Path, truth: Path) -> tuple[list[tuple[str, Path, Path]], list[str]]:
    """Files to compare, with their names, and sentences on those without a partner."""
    for path in (predicted, truth):
        if not path.exists():
            raise FileError(f"{path} does not exist; give a piano roll (.npz), MIDI (.mid), or a folder of them.")
    if predicted.is_dir() != truth.is_dir():
        raise FileError(f"{predicted} and {truth}: give two files or two folders.")
    if not predicted.is_dir():
        return [(_name(predicted), predicted, truth)], []
    found, true = _by_name(predicted, prefer=".npz"), _by_name(truth, prefer=".mid")
    both = sorted(found.keys() & true.keys())
    if not both:
        raise FileError(f"No file in {predicted} has the name of one in {truth} (NAME.roll.npz or NAME.mid).")
    missing = sorted(true.keys() - found.keys())
    warnings = [f"{true[name]} has no prediction in {predicted}; it was left out." for name in missing]
    return [(name, found[name], true[name]) for name in both], warnings


def _by_name(folder: Path, *, prefer: str) -> dict[str, Path]:
    """Rolls and MIDI files of a folder by name; where both exist, the one of the suffix ``prefer``."""
    files = [p for p in sorted(folder.iterdir()) if p.suffix.lower() in (".npz", *_MIDI_SUFFIXES)]
    return {_name(p): p for p in sorted(files, key=lambda p: p.suffix.lower() == prefer)}


def _name(path: Path) -> str:
    return path.stem.removesuffix(".roll")


def _numbers(scores: dict[str, Score]) -> dict[str, dict[str, float]]:
    """Precision, recall and F1 of each metric, rounded for people."""
    return {
        metric: {
            "precision": round(score.precision, 4),
            "recall": round(score.recall, 4),
            "f1": round(score.f1, 4),
        }
        for metric, score in scores.items()
    }
