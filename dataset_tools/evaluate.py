"""How well predictions meet the truth: two files, two folders, or every clip of a manifest.

A *file* is a piano roll (``.npz``) or MIDI (``.mid``). Where the prediction is a roll, frames are compared at the
roll's own times with the roll's own threshold, and its notes are those that ``roll2midi.decode`` finds; where both are
MIDI, frames are compared on a grid of 10 ms. Only what lies in ``start`` <= time < ``end`` counts: the seconds given,
else those of the roll, else everything. Counts of all files are added up ("pooled") before precision, recall and F1.
``pianoroll.metrics`` tells what the metrics are.
"""

import csv
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, reduce
from operator import add
from pathlib import Path
from typing import Any

import numpy as np

from dataset_tools.clips import Clip, read_manifest
from dataset_tools.errors import Errors, sort_errors
from dataset_tools.judged_files import Footage, Performance, find_footage, pair_files, times_to_compare
from pianoroll import FileError, Note, PianoRoll
from pianoroll.files import write_beside
from pianoroll.keys import BLACK, OCTAVES
from pianoroll.metrics import (
    ONSET_TOLERANCES,
    FrameAverage,
    Score,
    frame_average,
    frame_score,
    inside,
    note_score,
    velocity_score,
)
from pianoroll.plot import write_comparison
from video2roll.rectify import KeyboardError

METRICS = (
    "frame",
    "frame_samples",
    "onset_50ms",
    "onset_100ms",
    "onset_offset",
    "onset_velocity",
    "onset_offset_velocity",
)
COLOURS = {"white": ~BLACK, "black": BLACK}
RESAMPLES = 2000  # of the files, for intervals
PARTS = ("precision", "recall", "f1")

Interval = tuple[float, float]


@dataclass(frozen=True)
class Comparison:
    """One prediction against its truth, within ``start`` to ``end`` seconds.

    ``scores``: by the names in METRICS, without those that cannot be judged (the truth has no velocities). ``keys``:
    frames of the keys of each colour and octave, by the names in COLOURS and OCTAVES. ``errors``: what kind were made.
    ``notes``, ``true_notes``: those that were compared. ``footage``: the video that shows them, if it is at hand.
    """

    name: str
    scores: dict[str, Score | FrameAverage]
    errors: Errors
    start: float
    end: float
    failure: str | None = None
    notes: Sequence[Note] = ()
    true_notes: Sequence[Note] = ()
    keys: dict[str, Score] = field(default_factory=dict)
    footage: Footage | None = None


@dataclass(frozen=True)
class Evaluation:
    """Comparisons, their pooled scores, and sentences on what could not be compared."""

    comparisons: list[Comparison]
    warnings: list[str] = field(default_factory=list)

    def scores(self, metric: str) -> list[Score | FrameAverage]:
        """Those of the files in which the metric could be judged."""
        return [each.scores[metric] for each in self.comparisons if metric in each.scores]

    @property
    def judged(self) -> list[str]:
        """The names in METRICS that could be judged in any file."""
        return [metric for metric in METRICS if self.scores(metric)]

    @property
    def pooled(self) -> dict[str, Score | FrameAverage]:
        """Counts of all comparisons added up, by the names in METRICS."""
        return {metric: reduce(add, self.scores(metric)) for metric in self.judged}

    @property
    def keys(self) -> dict[str, Score]:
        """Frames of the keys of each colour and octave, added up over all comparisons; zeros where nothing was."""
        return {k: sum((c.keys.get(k, Score()) for c in self.comparisons), Score()) for k in (*COLOURS, *OCTAVES)}

    @property
    def mean_f1(self) -> dict[str, float]:
        """F1 of each file, averaged over the files, by the names in METRICS."""
        return {metric: float(np.mean([score.f1 for score in self.scores(metric)])) for metric in self.judged}

    @cached_property
    def intervals(self) -> dict[str, Interval]:
        """Where the mean F1 of such files lies with 95 % certainty, by the names in METRICS: the percentile bootstrap
        over the files (Efron 1979). Metrics judged in fewer than two files have none."""
        return self._resampled(lambda drawn: drawn[..., 2].mean(axis=1))

    @cached_property
    def pooled_intervals(self) -> dict[str, Interval]:
        """The same of the pooled F1."""
        return self._resampled(lambda drawn: drawn[..., 0].sum(axis=1) / np.maximum(1, drawn[..., 1].sum(axis=1)))

    def _resampled(self, summary: Callable[[np.ndarray], np.ndarray]) -> dict[str, Interval]:
        """``summary``: of each draw of files ``(RESAMPLES, files, 3)``: what F1 is the ratio of, and F1."""
        found = {}
        for metric in self.judged:
            values = np.array([(*score.ratio, score.f1) for score in self.scores(metric)])
            if len(values) > 1:
                drawn = np.random.default_rng(0).integers(len(values), size=(RESAMPLES, len(values)))
                low, high = np.quantile(summary(values[drawn]), [0.025, 0.975])
                found[metric] = (float(low), float(high))
        return found

    @property
    def errors(self) -> Errors:
        """Kinds of errors of all comparisons added up."""
        return sum((c.errors for c in self.comparisons), Errors())

    def as_dict(self) -> dict[str, Any]:
        """For JSON: pooled numbers at the top, the files' average under ``mean_f1``, one entry a file in ``files``.
        None where nothing can be judged: a truth without velocities, keys that nobody played or saw."""
        files = [
            {
                "name": c.name,
                "start": round(c.start, 3),
                "end": round(c.end, 3),
                **_numbers(c.scores, c.keys),
                "errors": c.errors.as_dict(),
                **({"failure": c.failure} if c.failure else {}),
            }
            for c in self.comparisons
        ]
        mean = {metric: _rounded(self.mean_f1.get(metric)) for metric in METRICS}
        return {
            **_numbers(self.pooled, self.keys),
            "f1_interval": {m: [round(end, 4) for end in ends] for m, ends in self.pooled_intervals.items()},
            "mean_f1": mean,
            "mean_f1_interval": {m: [round(end, 4) for end in ends] for m, ends in self.intervals.items()},
            "errors": self.errors.as_dict(),
            "files": files,
            "warnings": self.warnings,
        }


def write_table(evaluation: Evaluation, path: str | os.PathLike[str]) -> None:
    """Write one row a file as CSV: precision, recall and F1 of each metric, and of the frames of each colour and
    octave; empty where they cannot be judged. Raises FileError."""
    scores = [*METRICS, *(f"frame_{keys}" for keys in (*COLOURS, *OCTAVES))]
    with write_beside(path) as temporary, open(temporary, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["name", "start", "end", *(f"{score}_{part}" for score in scores for part in PARTS)])
        for each in evaluation.comparisons:
            found = {**each.scores, **{f"frame_{k}": score for k, score in each.keys.items() if score != Score()}}
            row = [f"{getattr(found[s], part):.4f}" if s in found else "" for s in scores for part in PARTS]
            writer.writerow([each.name, f"{each.start:.3f}", f"{each.end:.3f}", *row])


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
    matched_only: bool = False,
    videos: str | os.PathLike[str] | None = None,
) -> Evaluation:
    """Compare two files, or two folders whose files are matched by name (``NAME.roll.npz`` with ``NAME.mid``).

    ``note_model``: what ``roll2midi.decode`` finds the notes of rolls with. ``matched_only``: files of a folder without
    a partner are left out, with a warning. ``videos``: a folder of what was read, by the same names.
    Raises FileError where a file is missing, has no partner, or is neither a roll nor MIDI.
    """
    pictures = None if videos is None else Path(videos)
    if pictures is not None and not pictures.is_dir():
        raise FileError(f"{pictures} is no folder; give the folder of the videos.")
    pairs = pair_files(predicted, truth, matched_only=matched_only)
    comparisons = []
    for name, found, true in pairs.files:
        performance = Performance.read(found, note_model)
        compared = compare(performance, Performance.read(true), name=name, start=start, end=end)
        footage = find_footage(name, (found, true), performance.roll, pictures)
        comparisons.append(replace(compared, footage=footage))
    return Evaluation(comparisons, pairs.warnings)


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
    for path in (path for clip in clips for path in (clip.video, clip.midi) if path is not None):
        if not path.is_file():
            raise FileError(f"{path} does not exist, but {manifest} names it; add it or take its row out.")
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
    predicted: Performance, truth: Performance, *, name: str, start: float | None = None, end: float | None = None
) -> Comparison:
    """All metrics of one prediction within ``start`` to ``end`` seconds."""
    first, last = predicted.span if predicted.roll else (0.0, max(predicted.span[1], truth.span[1]))
    first, last = (first if start is None else start), (last if end is None else end)
    if first >= last:
        raise FileError(f"{name}: nothing lies between {first:g} s and {last:g} s; choose other seconds.")
    times = times_to_compare(predicted.roll or truth.roll, first, last)
    notes, true_notes = inside(predicted.notes, first, last), inside(truth.notes, first, last)
    down, true_down = predicted.down(times), truth.down(times)
    scores: dict[str, Score | FrameAverage | None] = {
        "frame": frame_score(down, true_down),
        "frame_samples": frame_average(down, true_down),
        "onset_50ms": note_score(notes, true_notes, onset_tolerance=ONSET_TOLERANCES[0]),
        "onset_100ms": note_score(notes, true_notes, onset_tolerance=ONSET_TOLERANCES[1]),
        "onset_offset": note_score(notes, true_notes, onset_tolerance=ONSET_TOLERANCES[0], offsets=True),
        "onset_velocity": velocity_score(notes, true_notes),
        "onset_offset_velocity": velocity_score(notes, true_notes, offsets=True),
    }
    judged = {metric: score for metric, score in scores.items() if score is not None}
    keys = {name: frame_score(down[:, of], true_down[:, of]) for name, of in (*COLOURS.items(), *OCTAVES.items())}
    errors = replace(sort_errors(notes, true_notes), frame_white=keys["white"], frame_black=keys["black"])
    return Comparison(name, judged, errors, first, last, notes=notes, true_notes=true_notes, keys=keys)


def compare_roll(roll: PianoRoll, clip: Clip, note_model: str | None = None) -> Comparison:
    """A roll of a clip against its notes, within its labelled seconds."""
    truth = Performance(given_notes=clip.notes())
    return compare(Performance(roll=roll, note_model=note_model), truth, name=clip.name, start=clip.start, end=clip.end)


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

    truth = Performance(given_notes=clip.notes())
    try:
        if given_keyboard and clip.keyboard is None:
            raise KeyboardError("The manifest gives no corners.")
        views = find_views(clip.video, keyboard=clip.keyboard if given_keyboard else None)
        roll = video2roll.transcribe(
            clip.video, keyboard=views, hands=False, model=models[0], start=read[0], end=read[1], progress=progress
        )
        found = Performance(roll=roll, note_model=models[1])
        compared = compare(found, truth, name=clip.name, start=judged[0], end=judged[1])
        return replace(compared, footage=Footage.of_roll(clip.video, roll))
    except KeyboardError as error:
        silent = compare(Performance(), truth, name=clip.name, start=judged[0], end=judged[1])
        return replace(silent, failure=str(error), footage=Footage(clip.video, clip.keyboard))


def _numbers(scores: dict[str, Score | FrameAverage], keys: dict[str, Score]) -> dict[str, Any]:
    """Precision, recall and F1 of each metric and of the frames of each colour and octave, rounded for people."""
    return {
        **{metric: _parts(scores.get(metric)) for metric in METRICS},
        "frame_by_colour": {name: _parts(_used(keys, name)) for name in COLOURS},
        "frame_by_octave": {name: _parts(_used(keys, name)) for name in OCTAVES},
    }


def _used(keys: dict[str, Score], name: str) -> Score | None:
    """The score of a group of keys; None where nobody played or saw one of them."""
    score = keys.get(name, Score())
    return None if score == Score() else score


def _parts(score: Score | FrameAverage | None) -> dict[str, float] | None:
    if score is None:
        return None
    found = {part: round(getattr(score, part), 4) for part in PARTS}
    return found | ({"frames": score.frames, "empty": score.empty} if isinstance(score, FrameAverage) else {})


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
