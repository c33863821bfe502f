"""Train what scores are written with, on ASAP: ``python -m score.train keys --data ../shared/data``.

``keys``: what finds key signatures and spells notes, on scores. ``staves``: what parts the notes to the staves, on
scores and on performances of them. ``beats`` and ``bars``: what hears beats, and bars, in performances whose beats were
marked, and in made-up music; beats also in the scores that music21 carries. Minutes each on a CPU, beats half an hour.
"""

import argparse
import csv
from collections.abc import Iterator
from dataclasses import replace
from itertools import groupby
from pathlib import Path

import numpy as np

from dataset_tools.corpus import CHORALES, MOVEMENTS, TUNES, performed, read_corpus
from dataset_tools.performances import Performance, place, read_marks, read_performance, read_performances
from dataset_tools.score_file import WrittenScore, read_score
from dataset_tools.textures import made_performance
from pianoroll import Note
from pianoroll.keys import HIGHEST_PITCH, LOWEST_PITCH
from pianoroll.midi import read_midi
from score import staves
from score.beat_net import METRES
from score.network import WEIGHTS
from score.train_bars import train_bars
from score.train_beats import Marks, metre_index, train_beats
from score.train_keys import Piece, judge, train_key, train_spelling
from score.train_staves import train_staves, with_staves

QUARTER = 0.5  # seconds
MADE = 400  # made-up pieces
RENDITIONS = 4  # of a movement
FEWEST = 300  # notes: a score with fewer was not read well


def written(name: str, score: WrittenScore) -> Piece:
    """A score as if it were played strictly."""
    inside = [note for note in score.notes if LOWEST_PITCH <= note.pitch <= HIGHEST_PITCH]
    notes = [
        Note(QUARTER * note.onset, note.pitch, QUARTER * note.onset + max(0.05, QUARTER * note.length))
        for note in inside
    ]
    starts = np.array([bar.start for bar in score.bars])
    bars = np.searchsorted(starts, [note.onset + 1e-6 for note in inside], side="right") - 1
    sharps = np.array([bar.sharps for bar in score.bars])[np.maximum(bars, 0)]
    return Piece(name, notes, np.array([note.fifths for note in inside]), sharps)


def read_pieces(folder: Path, split: str) -> list[Piece]:
    """The pieces that asap's manifest names for ``split``."""
    with open(folder / "manifest.csv", newline="", encoding="utf-8") as file:
        names = sorted({row["piece_folder"] for row in csv.DictReader(file) if row["split"] == split})
    pieces = [written(name, read_score(folder / name / "xml_score.mxl")) for name in names]
    return [piece for piece in pieces if len(piece.notes) >= FEWEST]


def read_staves(folder: Path, split: str) -> dict[str, list[list[Note]]]:
    """The scores ("written", in seconds) and performances ("played") that asap's manifest names for ``split``.

    Each note has the hand of its staff, None where the score does not tell. Scores not read whole are left out."""
    with open(folder / "manifest.csv", newline="", encoding="utf-8") as file:
        rows = [(row["piece_folder"], row["performance_midi"]) for row in csv.DictReader(file) if row["split"] == split]
    found: dict[str, list[list[Note]]] = {"written": [], "played": []}
    for name, group in groupby(sorted(rows), key=lambda row: row[0]):
        stands = [(note.onset, note.pitch, note.staff) for note in read_score(folder / name / "xml_score.mxl").notes]
        if {staff for _, _, staff in stands} != {0, 1}:
            continue
        score = with_staves(read_midi(folder / name / "midi_score.mid"), stands)
        played = (with_hands(folder / path, score) for _, path in group)
        found["written"].append(score)
        found["played"] += [notes for notes in played if notes]
    return found


def with_hands(path: Path, score: list[Note]) -> list[Note]:
    """The performance at ``path``, each note with the hand of the one it plays; empty where its beats and its score's
    are not as many."""
    performance = read_performance(path)
    if performance is None:
        return []
    marks = read_marks(path.with_name("midi_score_annotations.txt")).times
    places = place(np.array([note.onset for note in score]), marks, np.arange(len(marks)))
    hands = {(where, note.pitch): note.hand for where, note in zip(places.tolist(), score, strict=True)}
    played = zip(performance.notes, performance.places.tolist(), strict=True)
    return [replace(note, hand=hands.get((where, note.pitch))) for note, where in played]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", nargs="?", choices=("keys", "staves", "beats", "bars"), default="keys")
    parser.add_argument("--data", type=Path, default=Path("../shared/data/asap"), help="folder of asap, or with asap/")
    parser.add_argument("--out", type=Path, default=WEIGHTS, help="folder for the weights")
    parser.add_argument("--steps", type=int, help="of the training of staves (1500), beats (2400) or bars (700)")
    arguments = parser.parse_args()
    folder = arguments.data / "asap" if (arguments.data / "asap").is_dir() else arguments.data
    if arguments.what == "staves":
        pieces, judged = read_staves(folder, "train"), read_staves(folder, "validation")
        facts = {"data": "asap", "split": "train", "pieces": len(pieces["written"])}
        out = arguments.out / staves.DEFAULT_WEIGHTS.name
        train_staves(pieces["written"] + pieces["played"], judged, out, steps=arguments.steps or 1500, facts=facts)
        return
    if arguments.what != "keys":
        train_time(arguments.what, folder, arguments.out, arguments.steps)
        return
    train_both(read_pieces(folder, "train"), read_pieces(folder, "validation"), arguments.out)


def marks(performance: Performance) -> Marks:
    """A performance as the beat and the bar network are trained on it."""
    marked = performance.marked
    begins = [beat for beat, _ in marked.metres]
    metres = [metre_index(*metre) for _, metre in marked.metres]
    holds = np.searchsorted(begins, np.arange(len(marked.times)), side="right") - 1
    metre = np.array([len(METRES) - 1, *metres])[holds + 1]
    return Marks(performance.notes, performance.places, marked.times, marked.down, metre)


def train_time(what: str, folder: Path, out: Path, steps: int | None) -> None:
    """Train the beat or the bar network on asap's performances and on made-up ones, and write it to ``out``."""
    real, judged = ([marks(each) for each in read_performances(folder, split)] for split in ("train", "validation"))
    made = [marks(made_performance(rng)) for rng in map(np.random.default_rng, range(MADE))]
    facts = {"data": "asap, made-up music", "split": "train", "performances": len(real)}
    if what == "beats":
        made += [marks(each) for each in corpus_performances()]
        facts["data"] = "asap, made-up music, music21's corpus"
        told = train_beats(real, made, judged, out / "beats.safetensors", steps=steps or 2400, facts=facts)
    else:
        told = train_bars(real, made, judged, out / "bars.safetensors", steps=steps or 700, facts=facts)
    print(told)


def corpus_performances() -> Iterator[Performance]:
    """What music21's corpus holds, in made-up performances."""
    rng = np.random.default_rng(1)
    for written in read_corpus(MOVEMENTS):
        yield from (performed(written, rng) for _ in range(RENDITIONS))
    yield from (performed(written, rng) for written in read_corpus(CHORALES, every=3))
    yield from (performed(written, rng, accompanied=True) for written in read_corpus(TUNES, every=3))


def train_both(pieces: list[Piece], judged: list[Piece], out: Path) -> None:
    """Train on ``pieces``, write both files into ``out``, and say how the program's own do on ``judged``."""
    facts = {"data": "asap", "split": "train", "pieces": len(pieces)}
    train_key(pieces, out / "key.safetensors", facts)
    train_spelling(pieces, out / "spelling.safetensors", facts)
    print(judge(judged))


if __name__ == "__main__":
    main()
