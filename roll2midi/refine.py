"""The default refiner: a roll in, the same roll out with its activations weighed by what stands around them.

A small network sees *frame* and *onset* of all keys: what a key did before and after, what its
neighbours do, what has been played. It says by how much each activation should be raised or lowered. It works 25 times
a second whatever the roll's frame rate; what it says is added at the roll's own times, which so stay as sharp as they
were.
"""

import os
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.special import expit
from torch import Tensor, nn
from torch.nn import functional as F

from pianoroll import PianoRoll, checkpoint
from pianoroll.keys import BLACK, KEYS
from roll2midi.errors import DecodeError

DEFAULT_WEIGHTS = Path(__file__).parent / "weights" / "refiner.safetensors"
FRAME = 0.04  # seconds between the times at which it works
CHUNK = 750  # of them at once: memory does not grow with the length of the roll
BEYOND = 12  # keys beyond the outermost that are played that the network sees
FAINT = 0.02  # activation under which a key that stays so is left out
CLIP = 6.0  # logits beyond which an activation is as sure as can be
CHANNELS = 5  # of the input: frame, onset, colour and place of the key, whether it is a key


@dataclass(frozen=True)
class RefinerSizes:
    """``width`` of the network. Every other of its ``layers`` sees ``keys`` neighbouring keys, those between the same
    key in so many ``octaves``; each sees ``frames`` frames, twice as far apart as the one before."""

    width: int = 24
    layers: int = 5
    keys: int = 13
    octaves: int = 5
    frames: int = 5


class Refiner(nn.Module):
    """``(B, 5, keys, T)``, see ``inputs`` -> what to add to the logits of frame and onset, ``(B, 2, keys, T)``."""

    def __init__(self, sizes: RefinerSizes | None = None) -> None:
        super().__init__()
        self.sizes = sizes or RefinerSizes()
        width, depths = self.sizes.width, range(self.sizes.layers)
        self.first = nn.Conv2d(CHANNELS, width, 1)
        self.over_keys = nn.ModuleList(
            _over_keys(width, *((self.sizes.octaves, 12) if i % 2 else (self.sizes.keys, 1))) for i in depths
        )
        self.over_time = nn.ModuleList(_over_time(width, self.sizes.frames, 2**i) for i in depths)
        self.across = nn.ModuleList(
            nn.Sequential(nn.Conv2d(width, 2 * width, 1), nn.ReLU(), nn.Conv2d(2 * width, width, 1)) for _ in depths
        )
        self.last = nn.Conv2d(width, 2, 1)
        for values in self.last.parameters():
            nn.init.zeros_(values)  # begins by leaving all as it is

    def forward(self, roll: Tensor) -> Tensor:
        x = F.relu(self.first(roll))
        for over_keys, over_time, across in zip(self.over_keys, self.over_time, self.across, strict=True):
            x = x + across(over_time(x + over_keys(x)))
        return self.last(x)


def _over_keys(width: int, keys: int, apart: int) -> nn.Conv2d:
    """Each channel over ``keys`` keys, so many semitones ``apart``."""
    return nn.Conv2d(width, width, (keys, 1), padding=(keys // 2 * apart, 0), dilation=(apart, 1), groups=width)


def _over_time(width: int, frames: int, apart: int) -> nn.Conv2d:
    """Each channel over ``frames`` frames, so many ``apart``."""
    return nn.Conv2d(width, width, (1, frames), padding=(0, frames // 2 * apart), dilation=(1, apart), groups=width)


def inputs(frame: np.ndarray, onset: np.ndarray) -> np.ndarray:
    """Activations ``(T, 88)`` -> what the network sees, float32 ``(5, 88, T)``."""
    ones = np.ones(frame.shape[::-1])
    colour, place = np.where(BLACK, 1.0, 0.0)[:, None], np.linspace(-1, 1, KEYS)[:, None]
    seen = [logit(frame).T / CLIP, logit(onset).T / CLIP, colour * ones, place * ones, ones]
    return np.stack(seen).astype(np.float32)


def logit(activation: np.ndarray) -> np.ndarray:
    """Log-odds, within -CLIP and CLIP."""
    low = 1 / (1 + np.exp(CLIP))
    inside = np.clip(activation.astype(np.float64), low, 1 - low)
    return np.log(inside / (1 - inside))


def even_times(times: np.ndarray) -> np.ndarray:
    """Times FRAME apart from the first of ``times`` to the last."""
    return np.arange(times[0], times[-1] + FRAME, FRAME)


def resample(wanted: np.ndarray, times: np.ndarray, values: np.ndarray) -> np.ndarray:
    """``values (T, n)`` of ``times (T,)`` at the times ``wanted``, interpolated."""
    right = np.clip(np.searchsorted(times, wanted), 1, len(times) - 1)
    part = np.clip((wanted - times[right - 1]) / np.maximum(1e-9, times[right] - times[right - 1]), 0, 1)[:, None]
    return values[right - 1] * (1 - part) + values[right] * part


def refine(roll: PianoRoll, weights: str | os.PathLike[str] | None = None) -> PianoRoll:
    """The roll with refined activations. Raises DecodeError where the weights are none."""
    network, facts = load_refiner(str(weights or DEFAULT_WEIGHTS))
    if len(roll) < 2:
        return roll
    even, reach = even_times(roll.times), _reach(network.sizes)
    refined = np.zeros((2, *roll.frame.shape), dtype=np.float32)
    faint = roll.frame.max(axis=0) < FAINT
    if faint.all():
        return replace(roll, frame=refined[0], onset=refined[1])
    lowest, highest = np.flatnonzero(~faint)[[0, -1]]
    keys = slice(max(0, int(lowest) - BEYOND), int(highest) + 1 + BEYOND)
    for first in range(0, len(even), CHUNK):
        around = even[max(0, first - reach) : first + CHUNK + 1 + reach]
        begin, end = np.searchsorted(roll.times, [even[first], even[min(first + CHUNK, len(even) - 1)]])
        end = len(roll) if first + CHUNK >= len(even) else end
        if begin < end:
            refined[:, begin:end, keys] = _refine_part(network, roll, around, slice(int(begin), int(end)), keys)
    refined[:, :, faint] = 0
    return replace(
        roll,
        frame=refined[0],
        onset=refined[1],
        threshold=float(facts.get("threshold", roll.threshold)),
        onset_threshold=float(facts.get("onset_threshold", roll.onset_threshold)),
    )


@torch.inference_mode()
def _refine_part(network: Refiner, roll: PianoRoll, around: np.ndarray, rows: slice, keys: slice) -> np.ndarray:
    """Refined frame and onset ``(2, rows, keys)``; the network sees the times ``around``, FRAME apart."""
    near = slice(*np.clip(np.searchsorted(roll.times, around[[0, -1]]) + np.array([-2, 2]), 0, len(roll)))
    frame, onset = (resample(around, roll.times[near], values[near]) for values in (roll.frame, roll.onset))
    seen = torch.from_numpy(inputs(frame, onset)[None, :, keys]).contiguous(memory_format=torch.channels_last)
    added = network(seen)[0].numpy()
    at_rows = resample(roll.times[rows], around, added.transpose(2, 0, 1).reshape(len(around), -1))
    logits = np.stack([logit(roll.frame[rows, keys]), logit(roll.onset[rows, keys])])
    return expit(logits + at_rows.reshape(len(at_rows), 2, -1).transpose(1, 0, 2))


def _reach(sizes: RefinerSizes) -> int:
    """Frames on each side that the network sees."""
    return sizes.frames // 2 * (2**sizes.layers - 1)


def save_refiner(network: Refiner, path: str | os.PathLike[str], facts: dict[str, Any]) -> None:
    """Write weights and the training's ``facts``."""
    checkpoint.save(network, path, facts)


@cache
def load_refiner(path: str) -> tuple[Refiner, dict[str, Any]]:
    """The network in evaluation mode and its facts. Raises DecodeError where the file is none."""
    network, facts = checkpoint.load(
        path, lambda sizes: Refiner(RefinerSizes(**sizes)), "silentkeys' refiner", DecodeError
    )
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network, facts
