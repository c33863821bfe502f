"""How loud each note is, as far as the music tells: the picture hardly does.

At 25 to 60 frames a second a key is up in one frame and down in the next, softly struck or hard. But pianists bring out
the tune above its accompaniment and the outer notes of chords; how much, a small convolutional network along the notes
has learned from performances. It knows where in the music a note lies, not what its player meant: levels are those of a
usual performance.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pianoroll import Note, checkpoint
from roll2midi.errors import DecodeError

DEFAULT_WEIGHTS = Path(__file__).parent / "weights" / "velocity.safetensors"
CHORD = 0.04  # seconds within which notes are struck together
REACHES = (0.3, 1.0, 4.0)  # seconds around a note in which others are compared with it
LONGEST = 3.0  # seconds: pauses and notes longer than this are alike
FEATURES = 15


@dataclass(frozen=True)
class VelocitySizes:
    """Width and depth of the network; ``kernel``: notes that the first layer sees, twice as far from layer to layer."""

    width: int = 40
    layers: int = 4
    kernel: int = 7


class VelocityNet(nn.Module):
    """Notes in order of onset, ``(B, FEATURES, N)`` -> ``(B, N)``: how much louder than its performance's mean each is,
    in its standard deviations."""

    def __init__(self, sizes: VelocitySizes | None = None) -> None:
        super().__init__()
        self.sizes = sizes or VelocitySizes()
        width, kernel = self.sizes.width, self.sizes.kernel
        self.first = nn.Conv1d(FEATURES, width, 1)
        self.along = nn.ModuleList(
            nn.Conv1d(width, width, kernel, padding=kernel // 2 * 2**i, dilation=2**i, groups=width)
            for i in range(self.sizes.layers)
        )
        self.across = nn.ModuleList(
            nn.Sequential(nn.Conv1d(width, 2 * width, 1), nn.GELU(), nn.Dropout(0.1), nn.Conv1d(2 * width, width, 1))
            for _ in range(self.sizes.layers)
        )
        self.last = nn.Conv1d(width, 1, 1)

    def forward(self, features: Tensor) -> Tensor:
        x = F.gelu(self.first(features))
        for along, across in zip(self.along, self.across, strict=True):
            x = x + across(along(x))
        return self.last(x)[:, 0]


def chords_of(onset: np.ndarray) -> np.ndarray:
    """For rising onsets ``(N,)`` the number of the chord that each note belongs to."""
    return np.cumsum(np.diff(onset, prepend=-np.inf) > CHORD) - 1


def note_features(notes: Sequence[Note]) -> np.ndarray:
    """What the network knows of ``notes``, sorted by onset: float32 ``(FEATURES, N)``, all about -2 to 2."""
    onset = np.array([note.onset for note in notes])
    pitch = np.array([note.pitch for note in notes], dtype=float)
    length = np.array([note.offset - note.onset for note in notes])
    chord = chords_of(onset)
    starts = onset[np.searchsorted(chord, np.arange(chord[-1] + 1))]
    before = np.diff(starts, prepend=starts[0] - LONGEST)[chord]
    after = np.diff(starts, append=starts[-1] + LONGEST)[chord]
    rows = [(pitch - 62) / 20, _seconds(length), _seconds(before), _seconds(after), _seconds(length / after)]
    for reach in REACHES:
        first, last = np.searchsorted(onset, onset - reach), np.searchsorted(onset, onset + reach, side="right")
        around = [pitch[a:b] for a, b in zip(first, last, strict=True)]
        rows.append((pitch - np.array([each.mean() for each in around])) / 12)
        rows.append((pitch - np.array([each.max() for each in around])) / 12)
        rows.append(np.log(last - first) - np.log(8 * reach))
    rows.append(np.log(np.bincount(chord)[chord]))
    return np.stack(rows).astype(np.float32)


def _seconds(values: np.ndarray) -> np.ndarray:
    """Seconds on a logarithmic scale, 0 at a third of a second."""
    return np.log(np.clip(values, 0.02, LONGEST) / 0.33)


def add_velocities(notes: Sequence[Note], *, weights: str | os.PathLike[str] | None = None) -> list[Note]:
    """The notes, sorted, with velocities that a pianist would likely have given them. Raises DecodeError."""
    ordered = sorted(notes)
    if not ordered:
        return []
    network, facts = load_velocity(str(weights or DEFAULT_WEIGHTS))
    with torch.inference_mode():
        louder = network(torch.from_numpy(note_features(ordered))[None])[0].numpy()
    velocities = np.clip(np.rint(facts["mean"] + facts["deviation"] * louder), 1, 127).astype(int)
    return [replace(note, velocity=int(velocity)) for note, velocity in zip(ordered, velocities, strict=True)]


def save_velocity(network: VelocityNet, path: str | os.PathLike[str], facts: dict[str, Any]) -> None:
    """Write weights and ``facts``, among them velocities' ``mean`` and ``deviation``."""
    checkpoint.save(network, path, facts)


@cache
def load_velocity(path: str) -> tuple[VelocityNet, dict[str, Any]]:
    """The network in evaluation mode and its facts. Raises DecodeError where the file is none."""
    return checkpoint.load(
        path, lambda sizes: VelocityNet(VelocitySizes(**sizes)), "silentkeys' velocities", DecodeError
    )
