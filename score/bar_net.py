"""Beats -> how likely each begins a bar, and in what metre it stands: a small network that learned it.

It walks along the beats, so that the tempo is nothing to it. Of each beat it knows what is struck in it and on it, and
how like it is, in harmony, rhythm and bass, to the beats before: bars come back.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pianoroll import Note, checkpoint
from score.beat_net import METRES, PLACES, Layer
from score.errors import ScoreError

DEFAULT_WEIGHTS = Path(__file__).parent / "weights" / "bars.safetensors"
LAGS = (1, 2, 3, 4, 5, 6, 8, 12)  # beats between those that are compared
RHYTHM = 12  # places of a beat in which onsets are looked for
ON_BEAT = 2  # ticks from a beat within which a note is struck on it
CHROMA = slice(0, 36)  # rows of the features that hold pitch classes: begun in the beat, on it, and the bass
FEATURES = 36 + RHYTHM + 9 + 3 * len(LAGS)


@dataclass(frozen=True)
class BarSizes:
    """Width of the layers; how far apart the ``kernel`` beats are that each layer sees."""

    width: int = 64
    kernel: int = 5
    dilations: tuple[int, ...] = (1, 2, 4, 8, 16, 1, 3)


class BarNet(nn.Module):
    """Beats in order, ``(B, N, FEATURES)`` -> logits: ``down (B, N)``: begins a bar; ``metre (B, N, METRES)``."""

    def __init__(self, sizes: BarSizes | None = None) -> None:
        super().__init__()
        self.sizes = sizes or BarSizes()
        width = self.sizes.width
        self.first = nn.Sequential(nn.Linear(FEATURES, width), nn.GELU(), nn.Dropout(0.2))
        self.layers = nn.ModuleList(Layer(width, self.sizes.kernel, dilation) for dilation in self.sizes.dilations)
        self.last = nn.Sequential(nn.LayerNorm(width), nn.Dropout(0.25))
        self.down, self.metre = nn.Linear(width, 1), nn.Linear(width, len(METRES))

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        x = self.first(features)
        for layer in self.layers:
            x = layer(x)
        x = self.last(x)
        return self.down(x)[..., 0], self.metre(x)


def hear_bars(
    notes: Sequence[Note], places: np.ndarray, times: np.ndarray, *, weights: str | os.PathLike[str] | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Probability that each beat begins a bar ``(B,)``, and log probability of each metre ``(B, METRES)``.

    ``places (N,)``: of the notes in beats; ``times (B,)``: of the beats in seconds, at least two."""
    network, _ = load_bars(str(weights or DEFAULT_WEIGHTS))
    with torch.inference_mode():
        down, metre = network(torch.from_numpy(beat_features(notes, places, times))[None])
    return torch.sigmoid(down[0]).numpy(), F.log_softmax(metre[0], -1).numpy()


def beat_features(notes: Sequence[Note], places: np.ndarray, times: np.ndarray) -> np.ndarray:
    """What the network knows of each beat: float32 ``(B, FEATURES)``, about -2 to 2."""
    count = len(times)
    ticks = np.rint(places * PLACES).astype(int)
    nearest = np.clip(np.rint(places).astype(int), 0, count - 1)
    beat = np.clip((ticks + ON_BEAT) // PLACES, 0, count - 1)
    on = np.abs(ticks - nearest * PLACES) <= ON_BEAT
    period = np.gradient(times)
    begun, struck, bass = (np.zeros((count, 12)) for _ in range(3))
    rhythm = np.zeros((count, RHYTHM))
    low, high = np.full(count, 128.0), np.zeros(count)
    loud, long, number, chord = (np.zeros(count) for _ in range(4))
    for note, index, place, here in zip(notes, beat, places, on, strict=True):
        begun[index, note.pitch % 12] = 1
        rhythm[index, int(np.clip(round((place - index) * RHYTHM), 0, RHYTHM - 1))] = 1
        number[index] += 1
        if not here:
            continue
        struck[index, note.pitch % 12] = 1
        chord[index] += 1
        high[index] = max(high[index], note.pitch)
        loud[index] = max(loud[index], note.velocity)
        long[index] = max(long[index], (note.offset - note.onset) / period[index])
        if note.pitch < low[index]:
            low[index], bass[index] = note.pitch, np.eye(12)[note.pitch % 12]
    there = chord > 0
    lowest = np.where(there, low, _mean(low, there))
    rows = [
        there.astype(float),
        np.log1p(chord),
        np.log1p(number),
        (lowest - _smooth(lowest)) / 8,
        np.where(there, high - _mean(high, there), 0.0) / 12,
        np.where(there, loud - _mean(loud, there), 0.0) / 12,
        np.log(np.clip(long, 0.1, 6.0)) * there,
        np.log(period / 0.6),
        np.log(period / _smooth(period)) * 4,
    ]
    alike = [_alike(each, lag) for lag in LAGS for each in (begun, rhythm, bass)]
    return np.concatenate([begun, struck, bass, rhythm, np.stack(rows + alike, axis=1)], axis=1).astype(np.float32)


def _mean(x: np.ndarray, there: np.ndarray) -> float:
    return float(x[there].mean()) if there.any() else 0.0


def _smooth(x: np.ndarray, width: int = 16) -> np.ndarray:
    """Mean of the ``width`` values around each, fewer at the ends."""
    window = np.ones(min(width, len(x)))
    return np.convolve(x, window, "same") / np.convolve(np.ones(len(x)), window, "same")


def _alike(x: np.ndarray, lag: int) -> np.ndarray:
    """Cosine of each row with the one ``lag`` before; 0 where there is none."""
    unit = x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-9)
    return np.concatenate([np.zeros(min(lag, len(x))), (unit[lag:] * unit[:-lag]).sum(axis=1)])


def save_bars(network: BarNet, path: str | os.PathLike[str], facts: dict[str, Any]) -> None:
    """Write weights and ``facts``. Raises FileError."""
    checkpoint.save(network, path, facts)


@cache
def load_bars(path: str) -> tuple[BarNet, dict[str, Any]]:
    """The network in evaluation mode and its facts. Raises ScoreError where the file is none."""
    return checkpoint.load(path, lambda sizes: BarNet(BarSizes(**sizes)), "silentkeys' bars", ScoreError)
