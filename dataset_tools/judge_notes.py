"""How well note models find notes in corrupted rolls: ``python -m dataset_tools.judge_notes --data ../shared/data``.

Stretches of performances that nothing was trained on (asap's validation, PianoYT's test videos) are made into rolls as
a key reader gives them, at three severities, and each model finds the notes again.
"""

import argparse
import csv
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from dataset_tools.corrupt import SEVERITIES, Corruption, corrupt, in_view
from pianoroll import Note, read_midi
from pianoroll.metrics import Score, note_score
from roll2midi import decode
from roll2midi.decode import MODELS

SECONDS = 30.0  # of a stretch
HELD = 0.8  # seconds that fingers hold a note at most: some performances have it as long as the pedal does
FEWEST = 20  # notes in a stretch


def stretches(data: Path, count: int) -> list[list[Note]]:
    """``count`` stretches of performances, alike many of asap's and of PianoYT's, from 0 s on."""
    with open(data / "asap" / "manifest.csv", newline="", encoding="utf-8") as file:
        rows = [row["performance_midi"] for row in csv.DictReader(file) if row["split"] == "validation"]
    with open(data / "pianoyt" / "pianoyt.csv", newline="", encoding="utf-8") as file:
        names = [row[0] for row in csv.reader(file) if row[2] == "3"]
    heard = [data / "pianoyt" / "midi" / f"audio_{name}.0.midi" for name in names]
    sources = [[data / "asap" / row for row in rows], [path for path in heard if path.exists()]]
    rng = np.random.default_rng(0)
    chosen = [list(rng.permutation(np.array(paths))[: -(-count // 2)]) for paths in sources]
    found = []
    for path in [path for pair in zip(*chosen, strict=False) for path in pair][:count]:
        notes = read_midi(path)
        start = rng.uniform(0, max(1.0, notes[-1].onset - SECONDS))
        part = [
            replace(note, onset=note.onset - start, offset=min(note.offset, note.onset + HELD) - start)
            for note in notes
            if start <= note.onset < start + SECONDS
        ]
        if len(part) >= FEWEST:
            found.append(part)
    return found


def judge(pieces: Sequence[list[Note]], factor: float, model: str) -> tuple[Score, Score, float]:
    """Onset and onset+offset scores (50 ms) of a model on rolls so many times as bad as real ones, pooled, and the
    seconds it took for a minute of music."""
    onsets, offsets, spent = Score(), Score(), 0.0
    for number, notes in enumerate(pieces):
        roll = corrupt(notes, Corruption().times(factor), np.random.default_rng(number))
        began = time.perf_counter()
        found = decode(roll, model=model)
        spent += time.perf_counter() - began
        true = in_view(notes, roll)
        onsets += note_score(found, true)
        offsets += note_score(found, true, offsets=True)
    return onsets, offsets, 60 * spent / (SECONDS * len(pieces))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder with asap/ and pianoyt/")
    parser.add_argument("--models", nargs="+", default=list(MODELS), help="as --note-model of silentkeys")
    parser.add_argument("--count", type=int, default=40, help="how many stretches of 30 s")
    arguments = parser.parse_args()
    pieces = stretches(arguments.data, arguments.count)
    print(f"{len(pieces)} stretches, {sum(len(piece) for piece in pieces)} notes")
    for severity, factor in SEVERITIES.items():
        for model in arguments.models:
            onsets, offsets, seconds = judge(pieces, factor, model)
            print(
                f"{severity:6} {Path(model).name:20} onset {onsets.f1:.3f}  onset+offset {offsets.f1:.3f}  "
                f"{seconds:.3f} s a minute",
                flush=True,
            )


if __name__ == "__main__":
    main()
