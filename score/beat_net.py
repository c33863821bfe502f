"""Which place of the beat each struck group holds, and how long a beat lasts there: a small network that learned it
from performances whose beats were marked. What begins a bar, and in what metre, it learned beside, to learn better;
that is read from the beats afterwards (``bar_net.py``).

Of each group it knows the notes, the waits before and after, and whether something was struck at each of many distances
in time before and after: a beat shows itself in what comes back.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.ndimage import gaussian_filter1d
from torch import Tensor, nn
from torch.nn import functional as F

from pianoroll import Note, checkpoint
from score.errors import ScoreError

DEFAULT_WEIGHTS = Path(__file__).parent / "weights" / "beats.safetensors"
PLACES = 24  # of a beat, told apart
PERIODS = np.exp(np.linspace(np.log(0.2), np.log(3.6), 48))  # seconds a beat
METRES = ("2/4", "3/4", "4/4", "2/2", "3/2", "3/8", "4/8", "6/8", "9/8", "12/8", "6/16", "12/16", "other")
LAGS = np.exp(np.linspace(np.log(0.09), np.log(3.6), 30))  # seconds at which other onsets are looked for
SHARPNESS = (0.012, 0.035)  # seconds, and share of the lag: deviation within which an onset counts
GRID = 0.01  # seconds
CHROMA = slice(12, 24)  # rows of the features that hold pitch classes...
PITCHES = slice(8, 10)  # ...and lowest and highest pitch
FEATURES = 24 + 4 * len(LAGS)


@dataclass(frozen=True)
class BeatSizes:
    """Width of the layers; how far apart the ``kernel`` groups are that each layer sees."""

    width: int = 96
    kernel: int = 5
    dilations: tuple[int, ...] = (1, 2, 4, 8, 16, 32, 1, 4)


class Layer(nn.Module):
    """Residual: a convolution of each channel along the groups, then two layers across the channels."""

    def __init__(self, width: int, kernel: int, dilation: int) -> None:
        super().__init__()
        self.along = nn.Conv1d(width, width, kernel, padding=kernel // 2 * dilation, dilation=dilation, groups=width)
        self.norm = nn.LayerNorm(width)
        self.across = nn.Sequential(
            nn.Linear(width, 2 * width), nn.GELU(), nn.Dropout(0.2), nn.Linear(2 * width, width)
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.across(self.norm(self.along(x.transpose(1, 2)).transpose(1, 2)))


class BeatNet(nn.Module):
    """Groups in time order, ``(B, N, FEATURES)`` -> logits: ``place (B, N, 24)`` in its beat, ``period (B, N, 48)``,
    ``down (B, N)``: begins a bar, ``metre (B, N, METRES)``."""

    def __init__(self, sizes: BeatSizes | None = None) -> None:
        super().__init__()
        self.sizes = sizes or BeatSizes()
        width = self.sizes.width
        self.first = nn.Sequential(nn.Linear(FEATURES, width), nn.GELU(), nn.Dropout(0.2))
        self.layers = nn.ModuleList(Layer(width, self.sizes.kernel, dilation) for dilation in self.sizes.dilations)
        self.last = nn.Sequential(nn.LayerNorm(width), nn.Dropout(0.25))
        heads = {"place": PLACES, "period": len(PERIODS), "down": 1, "metre": len(METRES)}
        self.heads = nn.ModuleDict({name: nn.Linear(width, count) for name, count in heads.items()})

    def forward(self, features: Tensor) -> dict[str, Tensor]:
        x = self.first(features)
        for layer in self.layers:
            x = layer(x)
        x = self.last(x)
        told = {name: head(x) for name, head in self.heads.items()}
        return {**told, "down": told["down"][..., 0]}


@dataclass(frozen=True)
class Told:
    """What the network says of N groups, as log probabilities: ``place (N, 24)`` in the beat, ``period (N, 48)``."""

    place: np.ndarray
    period: np.ndarray


def listen(events: Sequence[Sequence[Note]], *, weights: str | os.PathLike[str] | None = None) -> Told:
    """What the network says of groups struck together, in time order (at least one)."""
    network, _ = load_beats(str(weights or DEFAULT_WEIGHTS))
    with torch.inference_mode():
        told = network(torch.from_numpy(event_features(events))[None])
    place, period = (F.log_softmax(told[name][0], -1).numpy() for name in ("place", "period"))
    return Told(place, period)


def event_features(events: Sequence[Sequence[Note]]) -> np.ndarray:
    """What the network knows of each group: float32 ``(N, FEATURES)``, about -2 to 2."""
    onset = np.array([min(note.onset for note in event) for event in events])
    low = np.array([event[0].pitch for event in events], dtype=float)
    high = np.array([event[-1].pitch for event in events], dtype=float)
    count = np.array([len(event) for event in events], dtype=float)
    loud = np.array([max(note.velocity for note in event) for event in events], dtype=float)
    long = np.array([max(note.offset - note.onset for note in event) for event in events])
    short = np.array([min(note.offset - note.onset for note in event) for event in events])
    steps = np.diff(onset)
    before, after = np.append(2.0, steps), np.append(steps, 2.0)
    rows = [
        *(_seconds(x) for x in (before, np.append(2.0, before[:-1]), after, np.append(after[1:], 2.0))),
        *(_seconds(x) for x in (long, short)),
        _seconds(long / np.maximum(after, 0.02)),
        np.log(count),
        (low - 50) / 15,
        (high - 72) / 15,
        (loud - _around(loud)) / 12,
        (low - _around(low)) / 12,
        *_chroma(events),
        *_echoes(onset, np.ones(len(onset))),
        *_echoes(onset, np.clip((_around(low) - low) / 12 + 0.5, 0.0, 1.5) + 0.2 * np.log(count)),
    ]
    return np.stack(rows, axis=1).astype(np.float32)


def _seconds(values: np.ndarray) -> np.ndarray:
    """Seconds on a logarithmic scale, 0 at a quarter of a second."""
    return np.log(np.clip(values, 0.02, 4.0) / 0.25)


def _around(x: np.ndarray, width: int = 24) -> np.ndarray:
    """Mean of the ``width`` values around each, fewer at the ends."""
    window = np.ones(min(width, len(x)))
    return np.convolve(x, window, "same") / np.convolve(np.ones(len(x)), window, "same")


def _chroma(events: Sequence[Sequence[Note]]) -> np.ndarray:
    """Pitch classes of each group ``(12, N)``."""
    chroma = np.zeros((12, len(events)))
    for index, event in enumerate(events):
        chroma[[note.pitch % 12 for note in event], index] = 1.0
    return chroma


def _echoes(onset: np.ndarray, strength: np.ndarray) -> np.ndarray:
    """How much was struck at each lag before and after each onset: ``(2 LAGS, N)``."""
    reach = LAGS[-1] + 1.0
    struck = np.zeros(int((onset[-1] - onset[0] + 2 * reach) / GRID) + 2)
    np.add.at(struck, np.rint((onset - onset[0] + reach) / GRID).astype(int), strength)
    rows = []
    for lag in LAGS:
        deviation = SHARPNESS[0] + SHARPNESS[1] * lag
        smooth = gaussian_filter1d(struck, deviation / GRID) * deviation / GRID * np.sqrt(2 * np.pi)
        for way in (-lag, lag):
            rows.append(smooth[np.rint((onset - onset[0] + reach + way) / GRID).astype(int)])
    return np.clip(np.stack(rows), 0.0, 2.0)


def save_beats(network: BeatNet, path: str | os.PathLike[str], facts: dict[str, Any]) -> None:
    """Write weights and ``facts``. Raises FileError."""
    checkpoint.save(network, path, facts)


@cache
def load_beats(path: str) -> tuple[BeatNet, dict[str, Any]]:
    """The network in evaluation mode and its facts. Raises ScoreError where the file is none."""
    return checkpoint.load(path, lambda sizes: BeatNet(BeatSizes(**sizes)), "silentkeys' beats", ScoreError)
