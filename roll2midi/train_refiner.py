"""The loop that trains the refiner on rolls of which the notes are known: rolls read from real clips, and notes of
performances made into rolls such as a key reader gives. ``train.py`` gives it both."""

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from pianoroll import Note, PianoRoll
from pianoroll.keys import KEYS
from pianoroll.roll import notes_to_frames
from roll2midi.refine import CLIP, Refiner, even_times, inputs, resample, save_refiner

PEAK = 0.06  # seconds over which the onset target falls from 1 to 0
SOUND_TRUST = 0.25  # seconds after an onset in which labels made from sound are trusted about the key
FRAMES = 200  # seen at once: 8 s
KEYS_SEEN = 56  # of the 88: those around what is played
BATCH = 8
REAL = 0.5  # part of the batches from real clips
MIRRORED = 0.3  # part of them mirrored about a D, which maps white keys to white and black to black
RATE = 3e-3
AVERAGED = 300  # steps over which the weights that are kept are averaged
PACES = (1.0, 0.85, 1.2)  # real rolls as they are, and of players who are faster or slower
D = 41  # a D in the middle, in keys from A0


@dataclass(frozen=True)
class Labelled:
    """A roll, brought to even times, with its notes: ``seen (2, 88, T)`` as ``inputs`` gives frame and onset, ``truth
    (3, 88, T)``: down, onset, and weight, 0 where nothing is known. Both float16."""

    seen: np.ndarray
    truth: np.ndarray


def label(
    roll: PianoRoll, notes: Sequence[Note], start: float, end: float, *, exact_ends: bool = True, pace: float = 1.0
) -> Labelled:
    """A roll and its notes, known from ``start`` to ``end`` seconds. ``pace``: as if played so many times as fast."""
    even = even_times(roll.times / pace) * pace
    onset = np.zeros((len(even), KEYS), dtype=np.float32)
    weight = np.ones_like(onset)
    for note in sorted(notes):
        first, last = np.searchsorted(even, [note.onset - PEAK, note.onset + PEAK])
        near = 1 - np.abs(even[first:last] - note.onset) / PEAK
        onset[first:last, note.key] = np.maximum(onset[first:last, note.key], near)
        if not exact_ends:
            first, last = np.searchsorted(even, [note.onset + SOUND_TRUST, note.offset + 0.15])
            weight[first:last, note.key] = 0
            first, last = np.searchsorted(even, [note.onset - PEAK, note.onset + SOUND_TRUST])
            weight[first:last, note.key] = 1  # whatever the note before may hide
    seen = inputs(resample(even, roll.times, roll.frame), resample(even, roll.times, roll.onset))[:2]
    truth = np.stack([notes_to_frames(list(notes), even), onset, weight]).transpose(0, 2, 1)
    known = slice(*np.searchsorted(even, [start, end]))
    return Labelled(seen[..., known].astype(np.float16), truth[..., known].astype(np.float16))


def draw(rng: np.random.Generator, real: Sequence[Labelled], made: Sequence[Labelled]) -> tuple[Tensor, Tensor]:
    """What the refiner sees ``(BATCH, 5, KEYS_SEEN, FRAMES)`` and should say ``(BATCH, 3, KEYS_SEEN, FRAMES)``."""
    place = inputs(np.zeros((FRAMES, KEYS)), np.zeros((FRAMES, KEYS)))[2:]
    drawn = []
    for _ in range(BATCH):
        clips = real if rng.random() < REAL else made
        clip = clips[int(rng.integers(len(clips)))]
        first = int(rng.integers(clip.seen.shape[2] - FRAMES + 1))
        seen, truth = (part[..., first : first + FRAMES].astype(np.float32) for part in (clip.seen, clip.truth))
        order = np.arange(KEYS) + 12 * int(rng.integers(-1, 2))
        if rng.random() < MIRRORED:
            order = 2 * D - order
        seen, truth = _keys(seen, order, -1.0), _keys(truth, order, 0.0)
        played = np.flatnonzero(truth[0].any(axis=1))
        lowest = int(rng.choice(played)) - int(rng.integers(8, KEYS_SEEN - 8)) if len(played) else 0
        keys = slice(max(0, min(KEYS - KEYS_SEEN, lowest)), max(0, min(KEYS - KEYS_SEEN, lowest)) + KEYS_SEEN)
        drawn.append((np.concatenate([seen, place])[:, keys], truth[:, keys]))
    return tuple(torch.from_numpy(np.stack(part)) for part in zip(*drawn, strict=True))  # type: ignore[return-value]


def _keys(values: np.ndarray, order: np.ndarray, nothing: float) -> np.ndarray:
    """Keys of ``values (n, 88, T)`` in another order; ``nothing`` where there is no such key."""
    moved = values[:, np.clip(order, 0, KEYS - 1)]
    moved[:, (order < 0) | (order >= KEYS)] = nothing
    return moved


def loss_of(added: Tensor, seen: Tensor, truth: Tensor) -> Tensor:
    """Cross-entropy of the refined activations where the truth is known."""
    each = F.binary_cross_entropy_with_logits(CLIP * seen[:, :2] + added, truth[:, :2], reduction="none")
    return (each * truth[:, 2:]).sum() / truth[:, 2:].sum()


def train_refiner(
    real: Sequence[Labelled],
    made: Sequence[Labelled],
    out: Path,
    *,
    steps: int,
    facts: dict[str, Any],
    every: int = 100,
    tell: Callable[[str], None] = print,
) -> None:
    """Train for ``steps``; ``out`` holds the average of the last weights."""
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    real, made = ([clip for clip in clips if clip.seen.shape[2] >= FRAMES] for clips in (real, made))
    network = Refiner().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    average = copy.deepcopy(network)
    optimiser = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=0.01)
    mean = np.zeros(2)
    for step in range(1, steps + 1):
        for group in optimiser.param_groups:
            group["lr"] = RATE * min(1, step / 100) * (0.5 + 0.5 * np.cos(np.pi * step / steps)) + 1e-5
        seen, truth = draw(rng, real, made)
        loss = loss_of(network(seen.contiguous(memory_format=torch.channels_last)), seen, truth)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        with torch.no_grad():
            for kept, new in zip(average.parameters(), network.parameters(), strict=True):
                kept.lerp_(new, max(1 / AVERAGED, 1 / step))
            before = loss_of(torch.zeros_like(truth[:, :2]), seen, truth)
        mean += (np.array([loss.item(), before.item()]) - mean) * max(0.01, 1 / step)
        if step % every == 0 or step == steps:
            tell(f"step {step} of {steps}  loss {mean[0]:.4f}, unrefined {mean[1]:.4f}")
            save_refiner(average, out, {**facts, "steps": step})
