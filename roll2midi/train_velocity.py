"""The loop that trains velocities on performances; ``train.py`` gives it those."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.stats import spearmanr
from torch import Tensor
from torch.nn import functional as F

from pianoroll import Note
from roll2midi.velocity import VelocityNet, add_velocities, load_velocity, note_features, save_velocity

SPAN = 256  # notes seen at once in training
BATCH = 32
VERSIONS = 3  # of each performance, as seen
RATE = 2e-3
JITTER = 0.012  # seconds by which onsets read from video stray
LENGTHS = 0.3  # natural logarithm: deviation of how long notes are held, by player and by who measured
MISSING, ADDED = 0.05, 0.03  # notes missed and invented there
JUDGED_EVERY = 500  # steps


@dataclass(frozen=True)
class Judged:
    """How near velocities come to the true ones, means over performances.

    ``rank``: Spearman's correlation; ``error``: mean absolute error, the performance's own level being unknown;
    ``error_of_constant``: that of one velocity for all.
    """

    rank: float
    error: float
    error_of_constant: float


def as_seen(notes: Sequence[Note], rng: np.random.Generator) -> list[Note]:
    """The notes as a video would give them: a little off in time, some missing, some wrong (of confidence 0)."""
    seen, stretch = [], float(np.exp(rng.normal(0, LENGTHS)))
    for note in notes:
        if rng.random() < MISSING:
            continue
        onset = note.onset + rng.normal(0, JITTER)
        offset = onset + stretch * (note.offset - note.onset) + rng.normal(0, 2 * JITTER)
        moved = replace(note, onset=onset, offset=max(offset, onset + 0.04))
        seen.append(moved)
        if rng.random() < ADDED:
            seen.append(replace(moved, pitch=moved.pitch + int(rng.choice([-2, -1, 1, 2])), confidence=0.0))
    return sorted(seen)


def prepare(performances: Sequence[Sequence[Note]], rng: np.random.Generator) -> list[list[np.ndarray]]:
    """VERSIONS of each performance as a video would give it, a little slower or faster: features ``(FEATURES, N)``, how
    loud each note was in deviations from the mean, and its weight, 0 for what nobody played, ``(1, N)`` both."""
    ready = []
    for notes in performances:
        mean, deviation = spread(notes)
        for _ in range(VERSIONS):
            seen = as_seen(notes, rng)
            pace = float(np.exp(rng.normal(0, 0.1)))
            paced = [replace(note, onset=pace * note.onset, offset=pace * note.offset) for note in seen]
            rows = [[(note.velocity - mean) / deviation for note in seen], [note.confidence for note in seen]]
            if len(seen) >= SPAN:
                ready.append([note_features(paced), *(np.array([row], dtype=np.float32) for row in rows)])
    return ready


def draw(ready: Sequence[list[np.ndarray]], rng: np.random.Generator) -> list[Tensor]:
    """BATCH stretches of SPAN notes: features, targets and weights."""
    drawn = []
    for index in rng.integers(len(ready), size=BATCH):
        first = int(rng.integers(ready[index][0].shape[1] - SPAN + 1))
        drawn.append([part[:, first : first + SPAN] for part in ready[index]])
    return [torch.from_numpy(np.stack(part)) for part in zip(*drawn, strict=True)]


def spread(notes: Sequence[Note]) -> tuple[float, float]:
    """Mean and standard deviation of a performance's velocities."""
    velocity = np.array([note.velocity for note in notes])
    return float(velocity.mean()), max(1.0, float(velocity.std()))


def judge(performances: Sequence[Sequence[Note]], said: Callable[[list[Note]], Sequence[Note]], usual: float) -> Judged:
    """Compare the velocities that ``said`` gives to bare notes with the true ones; ``usual``: a constant velocity."""
    rows = []
    for notes in performances:
        found = said([replace(note, velocity=64) for note in notes])
        true, velocity = (np.array([note.velocity for note in each]) for each in (sorted(notes), found))
        rows.append((spearmanr(true, velocity)[0], np.abs(true - velocity).mean(), np.abs(true - usual).mean()))
    return Judged(*np.mean(rows, axis=0).tolist())


def train_velocity(
    performances: Sequence[Sequence[Note]],
    judged: Sequence[Sequence[Note]],
    out: Path,
    *,
    steps: int,
    facts: dict[str, Any],
) -> Judged:
    """Train on ``performances``; ``out`` holds the weights of the last step. Says how they do on ``judged``."""
    torch.manual_seed(0)
    rng, network, result = np.random.default_rng(0), VelocityNet(), None
    ready = prepare(performances, rng)
    mean, deviation = np.mean([spread(each) for each in performances], axis=0).round(2).tolist()
    optimiser = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=0.01)
    rate = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=steps)
    for step in range(1, steps + 1):
        network.train()
        features, truth, weight = draw(ready, rng)
        each = F.huber_loss(network(features), truth[:, 0], reduction="none", delta=1.5)
        loss = (each * weight[:, 0]).sum() / weight.sum()
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        rate.step()
        if step % JUDGED_EVERY == 0 or step == steps:
            save_velocity(network, out, {**facts, "steps": step, "mean": mean, "deviation": deviation})
            load_velocity.cache_clear()
            result = judge(judged, lambda notes: add_velocities(notes, weights=out), mean)
            print(f"step {step}  loss {loss.item():.4f}  {result}", flush=True)
    assert result is not None
    return result
