"""ASAP (Foscarin et al. 2020): performances, and where in the bar each of their notes stands in the score.

The beats of the performance and of the score were marked one for one, so that a place in the score has its time in the
performance; each note of the score is looked for there.
"""

import csv
from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from pianoroll import Note
from pianoroll.midi import read_midi

REACH = 0.3  # seconds from where the beats say within which a written note is looked for


@dataclass(frozen=True)
class Marked:
    """Beats as they were marked: ``times (B,)`` in seconds, whether each is a downbeat, and signatures.

    ``metres``: index of a beat and (numerator, denominator) from there; ``keys``: the same with sharps.
    """

    times: np.ndarray
    down: np.ndarray
    metres: list[tuple[int, tuple[int, int]]]
    keys: list[tuple[int, int]]


@dataclass(frozen=True)
class Performance:
    """``notes``, sorted; ``places (N,)``: of each in beats from the first marked one, NaN where the score has no such
    note; ``marked``: the beats as they were played."""

    name: str
    notes: list[Note]
    places: np.ndarray
    marked: Marked

    @cached_property
    def matched(self) -> float:
        """Share of the notes that were found in the score."""
        return float(np.isfinite(self.places).mean())


def read_performances(folder: Path, split: str) -> list[Performance]:
    """The performances that the manifest of ``folder`` names for ``split``; those whose beats were not all marked are
    left out."""
    with open(folder / "manifest.csv", newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["split"] == split]
    read = (read_performance(folder / row["performance_midi"]) for row in rows)
    return [performance for performance in read if performance is not None]


def read_performance(path: Path) -> Performance | None:
    """A performance's MIDI file with what lies beside it; None where its beats and its score's are not as many."""
    played = read_marks(path.with_name(f"{path.stem}_annotations.txt"))
    written = read_marks(path.with_name("midi_score_annotations.txt"))
    if len(played.times) != len(written.times) or (np.diff(played.times) <= 0).any():
        return None
    score = read_midi(path.with_name("midi_score.mid"))
    notes = sorted(read_midi(path))
    index = np.arange(len(written.times))
    places = place(np.array([note.onset for note in score]), written.times, index)
    expected = place(places, index, played.times)
    return Performance(str(path), notes, _match(notes, score, places, expected), played)


def place(x: np.ndarray, known: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Linear interpolation that goes on beyond both ends."""
    inner = np.interp(x, known, values)
    first = values[0] + (x - known[0]) * (values[1] - values[0]) / (known[1] - known[0])
    last = values[-1] + (x - known[-1]) * (values[-1] - values[-2]) / (known[-1] - known[-2])
    return np.where(x < known[0], first, np.where(x > known[-1], last, inner))


def read_marks(path: Path) -> Marked:
    """An annotation file: lines of ``time  time  label[,metre[,sharps]]``; labels are b or db."""
    times: list[float] = []
    down: list[bool] = []
    metres: list[tuple[int, tuple[int, int]]] = []
    keys: list[tuple[int, int]] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        time, _, text = line.split("\t")
        label, metre, sharps, *_ = (*text.split(","), "", "")
        if metre:
            numerator, denominator = metre.split("/")
            metres.append((len(times), (int(numerator), int(denominator))))
        if sharps:
            keys.append((len(times), int(sharps)))
        times.append(float(time))
        down.append(label == "db")
    return Marked(np.array(times), np.array(down), metres, keys)


def _match(notes: list[Note], score: list[Note], places: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """Places of ``notes``: each written note takes the played one of its pitch nearest to where it should be."""
    found = np.full(len(notes), np.nan)
    played: dict[int, list[int]] = defaultdict(list)
    for index, note in enumerate(notes):
        played[note.pitch].append(index)
    pairs = []
    for written, (note, time) in enumerate(zip(score, expected, strict=True)):
        for index in played[note.pitch]:
            distance = abs(notes[index].onset - time)
            if distance < REACH:
                pairs.append((distance, index, written))
    taken = set()
    for _, index, written in sorted(pairs):
        if np.isnan(found[index]) and written not in taken:
            found[index] = places[written]
            taken.add(written)
    return found
