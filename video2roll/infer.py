"""Running a network: strips -> descriptions of the keys, frame by frame; then, over all of them, activations.

The key reader is ours; ``Video2RollNet`` is Audeo's, which describes a key by a logit alone and knows no context.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from pianoroll.keys import CENTRES, KEYS
from video2roll import audeo
from video2roll.audeo import Video2RollNet
from video2roll.context import grid_times, resample, tip_cues
from video2roll.model import DEFAULT_WEIGHTS, KeyReader, load_model
from video2roll.rectify import STRIP_SCALE
from video2roll.rest import gain
from video2roll.windows import window_indices

BATCH = 8  # windows a call of the network
BLOCK = 8  # pixels: the side of the squares in which a strip is compared with the keyboard at rest
CHANGED = 16  # gray levels, at common exposure, by which a square that shows a finger differs from it
AROUND = 2  # white keys read on both sides of what changed
STEP = 4  # white keys: parts of a strip are whole numbers of these wide, so that few sizes occur
SPAN = 60.0  # seconds read in context at once
MARGIN = 1.0  # seconds around them that are read with them: as far as the context reaches


Network = KeyReader | Video2RollNet


def load_network(path: str | os.PathLike[str] | None) -> tuple[Network, dict[str, Any]]:
    """The network in a file and its facts: our weights (.safetensors; None: those that ship with the program), or a
    checkpoint of Audeo (.pth). Raises ModelError."""
    if path is not None and Path(path).suffix in audeo.SUFFIXES:
        return audeo.load_audeo(path), {"threshold": audeo.THRESHOLD}
    return load_model(DEFAULT_WEIGHTS if path is None else path)


def window_reach(network: Network) -> float:
    """Seconds by which a window reaches beyond its frame."""
    frames, spacing = _window(network)
    return spacing * (frames // 2) + 0.02


def _window(network: Network) -> tuple[int, float]:
    if isinstance(network, Video2RollNet):
        return audeo.FRAMES, audeo.SPACING
    return network.sizes.frames, network.sizes.spacing


@torch.inference_mode()
def describe(
    network: Network,
    strips: np.ndarray,
    times: np.ndarray,
    rest: np.ndarray,
    chosen: slice = slice(None),
    tell: Callable[[float], None] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Descriptions ``(n, 88, hidden)`` float16 and logits ``(n, 88, 2)`` float32 of the ``chosen`` frames.

    ``strips (T, 104, 624)`` uint8 at ``times (T,)``; ``rest (104, 624)``: the keyboard without hands.
    """
    windows = window_indices(times, *_window(network))[chosen]
    if isinstance(network, Video2RollNet):
        return _describe_audeo(network, strips, windows, lambda i: tell(float(times[i])) if tell else None)
    scale = gain(rest) / 255
    still = torch.from_numpy(rest.astype(np.float32) * scale)
    idle = network(still.expand(1, network.sizes.frames + 1, -1, -1), _centres())
    described = np.repeat(idle[0].numpy().astype(np.float16), len(windows), axis=0)
    logits = np.repeat(idle[1].numpy(), len(windows), axis=0)
    for first in range(0, len(windows), BATCH):
        chosen = windows[first : first + BATCH]
        rows = np.arange(first, first + len(chosen))
        for left, right in changed_parts(strips[np.unique(chosen)], rest):
            seen = torch.from_numpy(strips[chosen, :, left:right]).float() * scale
            inputs = torch.cat([seen, still[:, left:right].expand(len(chosen), 1, -1, -1)], dim=1)
            words, values = network(
                inputs.contiguous(memory_format=torch.channels_last), (_centres() - left).expand(len(chosen), -1)
            )
            places = CENTRES * STRIP_SCALE
            keys = np.flatnonzero((places >= left) & (places < right))
            described[np.ix_(rows, keys)], logits[np.ix_(rows, keys)] = words[:, keys].numpy(), values[:, keys].numpy()
        if tell is not None:
            tell(float(times[chosen[0, network.sizes.frames // 2]]))
    return described, logits


def _centres() -> torch.Tensor:
    """Pixel columns ``(1, 88)`` of the key centres on a strip."""
    return torch.from_numpy(CENTRES.astype(np.float32) * STRIP_SCALE)[None]


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


def _describe_audeo(
    network: Video2RollNet, strips: np.ndarray, windows: np.ndarray, tell: Callable[[int], None]
) -> tuple[np.ndarray, np.ndarray]:
    """No descriptions, and logits ``(n, 88, 2)``; the network gives no onsets."""
    logits = np.zeros((len(windows), KEYS, 2), dtype=np.float32)
    for first in range(0, len(windows), BATCH):
        rows = windows[first : first + BATCH]
        used, place = np.unique(rows, return_inverse=True)
        seen = torch.from_numpy(audeo.pictures(strips[used])[place.reshape(rows.shape)]).float() / 255
        logits[first : first + BATCH, :, 0] = audeo.on_88_keys(network(seen).numpy())
        tell(int(rows[0, audeo.FRAMES // 2]))
    return np.zeros((len(windows), KEYS, 0), dtype=np.float16), logits


@torch.inference_mode()
def in_context(
    network: Network, times: np.ndarray, described: np.ndarray, logits: np.ndarray, tips: np.ndarray | None
) -> np.ndarray:
    """Activations ``(T, 88, 2)`` in 0..1 of all frames at ``times (T,)``: down, onset.

    ``tips (T, hands, 5, 2)``: fingertips in keyboard coordinates, NaN where unseen, if hands were looked for.
    """
    if isinstance(network, Video2RollNet):
        frame = 1 / (1 + np.exp(-logits[..., 0]))
        return np.stack([frame, np.maximum(0, np.diff(frame, axis=0, prepend=frame[:1]))], axis=-1)
    result = np.zeros((len(times), KEYS, 2), dtype=np.float32)
    cues = tip_cues(times, tips)
    for begin in np.arange(times[0], times[-1] + 1e-6, SPAN):
        near = (times > begin - MARGIN) & (times < begin + SPAN + MARGIN)
        inside = (times >= begin) & (times < begin + SPAN)
        grid = grid_times(times[near])
        inputs = [resample(values[near].astype(np.float32), times[near], grid) for values in (described, logits, cues)]
        values = network.context(*(torch.from_numpy(each)[None] for each in inputs))[0].sigmoid().numpy()
        result[inside] = resample(values, grid, times[inside])
    return result
