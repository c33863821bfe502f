"""Train what turns rolls into notes: ``python -m roll2midi.train refiner --data ../shared/data``.

``refiner``: on the rolls that the key reader gives of the training clips of clavision and wild, and on rolls made of
performances; its thresholds are chosen on dev. ``roll2midinet``: Audeo's network, on the same. ``velocity``: on
performances.
"""

import argparse
import copy
import csv
import itertools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from dataset_tools.clips import Clip, read_manifest
from dataset_tools.corrupt import made_rolls
from dataset_tools.evaluate import compare_roll
from dataset_tools.rolls import read_rolls
from pianoroll import Note, PianoRoll
from pianoroll.midi import read_midi
from roll2midi import refine, velocity
from roll2midi.train_audeo import train_roll2midi
from roll2midi.train_refiner import PACES, Labelled, label, train_refiner
from roll2midi.train_velocity import train_velocity

MADE = 1700  # rolls made of performances
PARTS = (0.5, 0.6, 0.7, 0.8, 1.0)  # of the trained refiner's change, of which the best is kept
CHOSEN_BY = ("onset_50ms", "onset_100ms", "onset_offset")  # F1 by which thresholds are chosen


def asap(folder: Path, split: str) -> list[list[Note]]:
    """The notes of the performances that asap's manifest names for ``split``."""
    with open(folder / "manifest.csv", newline="", encoding="utf-8") as file:
        return [read_midi(folder / row["performance_midi"]) for row in csv.DictReader(file) if row["split"] == split]


def pianoyt(folder: Path) -> list[list[Note]]:
    """The notes of PianoYT's training videos, by an audio transcriber."""
    with open(folder / "pianoyt.csv", newline="", encoding="utf-8") as file:
        names = [row[0] for row in csv.reader(file) if row[2] == "1"]
    paths = [folder / "midi" / f"audio_{name}.0.midi" for name in names]
    return [read_midi(path) for path in paths if path.exists()]


def labelled(rolls: Sequence[tuple[Clip, PianoRoll]]) -> list[Labelled]:
    """Rolls of clips with what is known of them, as they are and faster and slower."""
    return [
        label(roll, clip.notes(), clip.start, min(clip.end, roll.end), exact_ends=clip.exact_ends, pace=pace)
        for clip, roll in rolls
        for pace in PACES
    ]


def calibrate(weights: Path, rolls: Sequence[tuple[Clip, PianoRoll]]) -> None:
    """Choose how much of the change is added, and the thresholds, that give the best notes on ``rolls``; both are
    written into the weights. The few clips of other pianos count as much as the many of one."""
    trained, facts = refine.load_refiner(str(weights))
    table = {}
    for part in PARTS:
        refine.save_refiner(weakened(trained, part), weights, facts)
        refine.load_refiner.cache_clear()
        refined = [(clip, refine.refine(roll, weights)) for clip, roll in rolls]
        for low, high in itertools.product((0.4, 0.45, 0.5, 0.55), (0.15, 0.2, 0.3)):
            scores: dict[bool, list[list[float]]] = {True: [], False: []}
            for clip, roll in refined:
                roll.threshold, roll.onset_threshold = low, high
                compared = compare_roll(roll, clip, note_model="rules").scores
                scores["/" in clip.name].append([compared[metric].f1 for metric in CHOSEN_BY])
            means = [np.mean(each, axis=0) for each in scores.values() if each]
            table[part, low, high] = float(np.mean(means))
            numbers = " | ".join(" ".join(f"{value:.4f}" for value in each) for each in means)
            print(part, low, high, numbers, flush=True)
    part, low, high = max(table, key=lambda choice: table[choice])
    chosen = {"part": part, "threshold": low, "onset_threshold": high, "dev": round(table[part, low, high], 4)}
    refine.save_refiner(weakened(trained, part), weights, {**facts, **chosen})


@torch.no_grad()
def weakened(network: refine.Refiner, part: float) -> refine.Refiner:
    """A refiner that changes a roll by that ``part`` of what ``network`` would."""
    weaker = copy.deepcopy(network)
    for values in weaker.last.parameters():
        values.mul_(part)
    return weaker


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("refiner", "roll2midinet", "velocity"))
    parser.add_argument(
        "--data", type=Path, default=Path("../shared/data"), help="folder with asap/, pianoyt/, clavision/ and wild/"
    )
    parser.add_argument("--cache", type=Path, default=Path("cache"), help="folder for the rolls that are read")
    parser.add_argument("--steps", type=int, default=5000, help="of the refiner's or the velocities' training")
    parser.add_argument("--minutes", type=float, default=60, help="of Roll2MidiNet's training")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    performances = asap(arguments.data / "asap", "train") + pianoyt(arguments.data / "pianoyt")
    facts = {"data": "asap, pianoyt", "split": "train", "performances": len(performances)}
    if arguments.what == "velocity":
        judged = asap(arguments.data / "asap", "validation")
        out = arguments.out or velocity.DEFAULT_WEIGHTS
        train_velocity(performances, judged, out, steps=arguments.steps, facts=facts)
        return
    clips = [clip for name in ("clavision", "wild") for clip in read_manifest(arguments.data / name / "manifest.csv")]
    rolls = read_rolls(clips, arguments.cache)
    real = labelled([(clip, roll) for clip, roll in rolls if clip.split == "train"])
    rolls_made = made_rolls(performances, MADE, np.random.default_rng(0))
    made = [label(roll, notes, 0.0, roll.end) for roll, notes in rolls_made]
    if arguments.what == "roll2midinet":
        train_roll2midi(real, made, arguments.out or Path("roll2midinet.tar"), minutes=arguments.minutes)
        return
    out = arguments.out or refine.DEFAULT_WEIGHTS
    train_refiner(real, made, out, steps=arguments.steps, facts={**facts, "clips": len(real) // len(PACES)})
    calibrate(out, [(clip, roll) for clip, roll in rolls if clip.split == "dev"])


if __name__ == "__main__":
    main()
