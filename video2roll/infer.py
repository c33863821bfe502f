"""Running a network: strips -> activations of the 88 keys.

The key reader is ours, and reads a strip only where it differs from the keyboard at rest, in eight-bit integers where
those were made; ``Video2RollNet`` is Audeo's.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
import torch

from pianoroll.keys import CENTRES, KEYS
from video2roll import audeo
from video2roll.audeo import Video2RollNet
from video2roll.model import DEFAULT_WEIGHTS, KeyReader, load_model
from video2roll.quantised import QuantisedReader, load_quantised
from video2roll.rectify import STRIP_SCALE
from video2roll.rest import gain
from video2roll.windows import window_indices

BATCH = 8  # windows a call of the network
BLOCK = 8  # pixels: the side of the squares in which a strip is compared with the keyboard at rest
CHANGED = 16  # gray levels, at common exposure, by which a square that shows a finger differs from it
AROUND = 2  # white keys read on both sides of what changed
STEP = 4  # white keys: parts of a strip are whole numbers of these wide, so that few sizes occur


class Strips(Protocol):
    """Strips ``(104, 624)`` uint8 by number: a list, an array, or what takes them from disk."""

    def __getitem__(self, index: Any, /) -> Any: ...


Network = KeyReader | QuantisedReader | Video2RollNet


def load_network(path: str | os.PathLike[str] | None) -> tuple[Network, dict[str, Any]]:
    """The network in a file and its facts: our weights (.safetensors; None: those that ship with the program), or a
    checkpoint of Audeo (.pth). Raises ModelError."""
    if path is not None and Path(path).suffix in audeo.SUFFIXES:
        return audeo.load_audeo(path), {"threshold": audeo.THRESHOLD}
    weights = DEFAULT_WEIGHTS if path is None else Path(path)
    network, facts = load_model(weights)
    return load_quantised(network, weights) or network, facts


def window_reach(network: Network) -> float:
    """Seconds by which a window reaches beyond its frame."""
    frames, spacing = _window(network)
    return spacing * (frames // 2) + 0.02


def _window(network: Network) -> tuple[int, float]:
    if isinstance(network, Video2RollNet):
        return audeo.FRAMES, audeo.SPACING
    return network.sizes.frames, network.sizes.spacing


@torch.inference_mode()
def read_strips(
    network: Network,
    strips: Strips,
    times: np.ndarray,
    rest: np.ndarray,
    chosen: slice = slice(None),
    tell: Callable[[float], None] | None = None,
) -> np.ndarray:
    """Activations ``(n, 88, 2)`` in 0..1 of the ``chosen`` frames: down, onset.

    ``strips``: T of ``(104, 624)`` uint8 at ``times (T,)``; ``rest (104, 624)``: the keyboard without hands. ``tell``
    is told the second that is being read.
    """
    windows = window_indices(times, *_window(network))[chosen]
    values = np.zeros((len(windows), KEYS, 2), dtype=np.float32)
    for first in range(0, len(windows), BATCH):
        rows = slice(first, min(first + BATCH, len(windows)))
        used, place = np.unique(windows[rows], return_inverse=True)
        seen, batch = np.stack([strips[index] for index in used]), place.reshape(windows[rows].shape)
        if isinstance(network, Video2RollNet):
            values[rows] = _read_audeo(network, seen, batch)
        else:
            values[rows] = _read_changed(network, seen, batch, rest)
        if tell is not None:
            tell(float(times[windows[first, windows.shape[1] // 2]]))
    return values


def _read_changed(
    network: KeyReader | QuantisedReader, strips: np.ndarray, windows: np.ndarray, rest: np.ndarray
) -> np.ndarray:
    """Activations ``(n, 88, 2)`` of ``windows (n, frames)`` into ``strips``, all of which they use, where a strip
    differs from the rest; elsewhere 0."""
    scale = gain(rest) / 255
    still = torch.from_numpy(rest.astype(np.float32) * scale)
    places = CENTRES.astype(np.float32) * STRIP_SCALE
    values = np.zeros((len(windows), KEYS, 2), dtype=np.float32)
    for left, right in changed_parts(strips, rest):
        seen = torch.from_numpy(strips[windows, :, left:right]).float() * scale
        inputs = torch.cat([seen, still[:, left:right].expand(len(windows), 1, -1, -1)], dim=1)
        centres = torch.from_numpy(places - left).expand(len(windows), -1)
        keys = (places >= left) & (places < right)
        if isinstance(network, KeyReader):
            inputs = inputs.contiguous(memory_format=torch.channels_last)
        logits = network(inputs, centres)
        values[:, keys] = logits.sigmoid().numpy()[:, keys]
    return values


def _read_audeo(network: Video2RollNet, strips: np.ndarray, windows: np.ndarray) -> np.ndarray:
    """Activations ``(n, 88, 2)`` of ``windows (n, 5)`` into ``strips``; the network gives no onsets."""
    seen = torch.from_numpy(audeo.pictures(strips)[windows]).float() / 255
    values = np.zeros((len(windows), KEYS, 2), dtype=np.float32)
    values[..., 0] = audeo.on_88_keys(network(seen).sigmoid().numpy())
    return values


def changed_parts(strips: np.ndarray, rest: np.ndarray) -> list[tuple[int, int]]:
    """Left and right pixel columns of the parts of ``strips (n, 104, 624)`` in which one differs from the keyboard at
    rest, with some keys around them: fingers are there, and no key goes down without one."""
    height, width = rest.shape
    size = (width // BLOCK, height // BLOCK)
    level = CHANGED / gain(rest)
    changed = np.zeros(width // BLOCK, dtype=bool)
    for strip in strips:
        changed |= (cv2.resize(cv2.absdiff(strip, rest), size, interpolation=cv2.INTER_AREA) > level).any(axis=0)
    step, around = STEP * STRIP_SCALE, AROUND * STRIP_SCALE
    parts: list[tuple[int, int]] = []
    for column in np.flatnonzero(changed) * BLOCK:
        left = max(0, int(column) - around) // step * step
        right = min(width, -(-(int(column) + BLOCK + around) // step) * step)
        if parts and left <= parts[-1][1]:
            parts[-1] = (parts[-1][0], right)
        else:
            parts.append((left, right))
    return parts
