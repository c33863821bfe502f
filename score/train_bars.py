"""The loop that trains the bar network on performances whose beats were marked; ``train.py`` gives it those."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from score.bar_net import CHROMA, BarNet, beat_features, save_bars
from score.train_beats import NO_HARMONY, Marks, fit, versions

SPAN = 96  # beats seen at once in training
BATCH = 24
VERSIONS = 8  # of each performance
MADE = 0.25  # share of the stretches that are of made-up music
FEWEST = 12  # beats of a version
METRE_WEIGHT = 0.3  # of the metre's part of the loss
SLIPS = 0.01  # most beats that a version has too few or too many, as a share


@dataclass(frozen=True)
class Lesson:
    """Features ``(N, FEATURES)`` of a version's beats, and what is true of them: ``down (N,)``, ``metre (N,)``."""

    features: np.ndarray
    down: np.ndarray
    metre: np.ndarray


def lesson(marks: Marks, rng: np.random.Generator | None = None) -> Lesson:
    """What the network sees of a version, and should say; with ``rng``, some beats are lost or doubled."""
    played = [note.onset for note in marks.notes]
    first, last = np.searchsorted(marks.beats, [played[0] + 0.02, played[-1] + 0.02], side="right") - 1
    inside = np.arange(max(0, first), max(0, last) + 1)
    if rng is not None:
        inside = _slipped(inside, rng)
    times, down, metre = marks.beats[inside], marks.down[inside].astype(np.float32), marks.metre[inside]
    doubled = np.flatnonzero(np.diff(inside) == 0)
    for index in doubled:  # a beat too many: half-way to the next
        after = times[index + 2] if index + 2 < len(times) else times[index] + 0.5
        times[index + 1] = (times[index] + after) / 2
        down[index + 1] = 0.0
    places = np.interp(played, times, np.arange(len(times)))
    return Lesson(beat_features(marks.notes, places, times).astype(np.float16), down, metre)


def _slipped(inside: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Indices of beats, some left out and some twice."""
    share = rng.uniform(0, SLIPS)
    times = 1 - (rng.random(len(inside)) < share).astype(int) + (rng.random(len(inside)) < share)
    return np.repeat(inside, np.clip(times, 0, 2))


def draw(real: Sequence[Lesson], made: Sequence[Lesson], rng: np.random.Generator) -> list[Tensor]:
    """BATCH stretches of SPAN beats, transposed: features, down, metre, and which are there."""
    drawn = []
    for _ in range(BATCH):
        lessons = made if made and rng.random() < MADE else real
        taken = lessons[int(rng.integers(len(lessons)))]
        first = int(rng.integers(max(1, len(taken.down) - SPAN + 1)))
        features = taken.features[first : first + SPAN].astype(np.float32)
        pitches = features[:, CHROMA].reshape(len(features), 3, 12)
        pitches = np.roll(pitches, int(rng.integers(12)), axis=2) * (rng.random() > NO_HARMONY)
        features[:, CHROMA] = pitches.reshape(len(features), -1)
        short = SPAN - len(features)
        parts = [taken.down[first : first + SPAN], taken.metre[first : first + SPAN], np.ones(len(features))]
        padded = [np.pad(part, (0, short)) for part in parts]
        drawn.append([np.pad(features, ((0, short), (0, 0))), *padded])
    return [torch.from_numpy(np.stack(part)) for part in zip(*drawn, strict=True)]


def loss_of(network: BarNet, batch: Sequence[Tensor]) -> Tensor:
    """Mean cross-entropy over the beats that are there."""
    features, down, metre, there = batch
    said, said_metre = network(features)
    by_down = F.binary_cross_entropy_with_logits(said, down.float(), reduction="none")
    by_metre = F.cross_entropy(said_metre.flatten(0, 1), metre.flatten(), reduction="none").view_as(by_down)
    return ((by_down + METRE_WEIGHT * by_metre) * there).sum() / there.sum()


def train_bars(
    performances: Sequence[Marks],
    made: Sequence[Marks],
    judged: Sequence[Marks],
    out: Path,
    *,
    steps: int,
    facts: dict[str, Any],
    tell: Callable[[str], None] = print,
    judge_every: int = 200,
) -> dict[str, float]:
    """Train on versions of ``performances``; ``out`` holds the averaged weights that did best on ``judged``."""
    torch.manual_seed(0)
    rng, network = np.random.default_rng(0), BarNet()
    real = [lesson(each, rng) for each in versions(performances, VERSIONS, rng)]
    lessons_made = [lesson(each, rng) for each in versions(made, 1, rng)]
    real, lessons_made, kept_apart = (
        [each for each in lessons if len(each.down) >= FEWEST]
        for lessons in (real, lessons_made, [lesson(marks) for marks in judged])
    )

    def save(best: BarNet, seen: dict[str, Any]) -> None:
        save_bars(best, out, {**facts, **seen})

    return fit(
        network,
        lambda: loss_of(network, draw(real, lessons_made, rng)),
        lambda each: judge(each, kept_apart),
        save,
        steps=steps,
        tell=tell,
        judge_every=judge_every,
    )


@torch.inference_mode()
def judge(network: BarNet, lessons: Sequence[Lesson]) -> dict[str, float]:
    """Means over whole performances: loss, F1 of downbeats at 0.5, share of beats whose metre is right."""
    network.eval()
    rows = []
    for each in lessons:
        parts = (each.features.astype(np.float32), each.down, each.metre, np.ones(len(each.down)))
        batch = [torch.from_numpy(np.asarray(part))[None] for part in parts]
        said, metre = network(batch[0])
        down, true = said[0].numpy() > 0, each.down > 0.5
        f1 = 2 * (down & true).sum() / max(1, down.sum() + true.sum())
        rows.append((float(loss_of(network, batch)), f1, (metre[0].argmax(-1).numpy() == each.metre).mean()))
    return dict(zip(("loss", "down", "metre"), np.mean(rows, axis=0).round(4).tolist(), strict=True))
