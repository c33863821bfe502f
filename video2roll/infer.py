"""Running a network: strips -> descriptions of the keys, frame by frame; then, over all of them, activations.

The key reader is ours; ``Video2RollNet`` is Audeo's, which describes a key by a logit alone and knows no context.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

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
    centres = torch.from_numpy(CENTRES.astype(np.float32) * STRIP_SCALE)[None]
    described = np.zeros((len(windows), KEYS, network.sizes.hidden), dtype=np.float16)
    logits = np.zeros((len(windows), KEYS, 2), dtype=np.float32)
    for first in range(0, len(windows), BATCH):
        rows = slice(first, min(first + BATCH, len(windows)))
        seen = torch.from_numpy(strips[windows[rows]]).float() * scale
        inputs = torch.cat([seen, still.expand(len(seen), 1, -1, -1)], dim=1)
        words, values = network(inputs.contiguous(memory_format=torch.channels_last), centres.expand(len(seen), -1))
        described[rows], logits[rows] = words.numpy(), values.numpy()
        if tell is not None:
            tell(float(times[windows[first, network.sizes.frames // 2]]))
    return described, logits


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
