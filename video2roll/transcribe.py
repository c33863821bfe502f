"""A whole video, read: frames -> strips -> windows -> the activations of 88 keys.

The video is decoded once and read in blocks, so that memory does not grow with its length. The keyboard at rest is
estimated from strips of the last minute, a block ahead of the reading.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from pianoroll import PianoRoll
from pianoroll.keys import BLACK, CENTRES, KEYS
from video2roll.model import DEFAULT_WEIGHTS, KeyReader, load_model
from video2roll.rectify import STRIP_SCALE, Keyboard, Rectifier
from video2roll.rest import gain, rest_strip
from video2roll.video import probe, read_frames
from video2roll.windows import window_indices

BLOCK = 30.0  # seconds read at once
REST_STEP = 0.4  # seconds between the strips that the rest is estimated from
REST_STRIPS = 120  # of them at most: the last 48 s
BATCH = 8  # windows a call of the network


@dataclass
class _Block:
    """Strips with their times; the first ``done`` of them are only context, as the block before has read them."""

    times: list[float] = field(default_factory=list)
    strips: list[np.ndarray] = field(default_factory=list)
    done: int = 0


def transcribe(
    video: str | os.PathLike[str],
    *,
    keyboard: Keyboard,
    model: str | os.PathLike[str] | None = None,
    start: float = 0.0,
    end: float | None = None,
    progress: Callable[[float], None] | None = None,
    warnings: list[str] | None = None,
) -> PianoRoll:
    """Read the keys of ``keyboard`` in a video from ``start`` to ``end`` (seconds).

    ``model``: weights as .safetensors; the ones that ship with the program unless given. ``progress`` is told the part
    done, 0..1; sentences about what was lost are appended to ``warnings``. Raises VideoError and ModelError.
    """
    warnings = warnings if warnings is not None else []
    network, facts = load_model(DEFAULT_WEIGHTS if model is None else model)
    length = ((end if end is not None else probe(video).duration) or 0.0) - start
    times: list[float] = []
    activations: list[np.ndarray] = []
    rest: list[np.ndarray] = []
    reach = network.sizes.spacing * (network.sizes.frames // 2) + 0.02
    frames = read_frames(video, start=start, end=end, colour=False, warnings=warnings)
    for block, last in _blocks(frames, Rectifier(keyboard), reach):
        rest = (rest + _spread(block))[-REST_STRIPS:]
        stop = len(block.times) if last else int(np.searchsorted(block.times, block.times[-1] - reach))
        activations.append(_read(network, block, stop, rest_strip(np.stack(rest)), _teller(progress, start, length)))
        times += block.times[block.done : stop]
    values = np.concatenate(activations)
    values[:, ~keyboard.keys_in_view] = 0
    if progress is not None:
        progress(1.0)
    return PianoRoll(
        times=np.array(times),
        frame=values[..., 0],
        onset=values[..., 1],
        threshold=float(facts.get("threshold", 0.5)),
        onset_threshold=float(facts.get("onset_threshold", 0.5)),
        metadata={
            "source": Path(video).name,
            "corners": np.round(keyboard.corners, 2).tolist(),
            "lowest_pitch": keyboard.lowest_pitch,
            "highest_pitch": keyboard.highest_pitch,
            "model": Path(DEFAULT_WEIGHTS if model is None else model).stem,
            "model_facts": facts,
            "warnings": list(warnings),
        },
    )


def _blocks(frames: Iterator, rectify: Rectifier, reach: float) -> Iterator[tuple[_Block, bool]]:
    """Strips in blocks that overlap by the reach of a window; and whether a block is the last."""
    block, full = _Block(), False
    for frame in frames:
        if full:
            yield block, False
            first = int(np.searchsorted(block.times, block.times[-1] - 2 * reach))
            unread = int(np.searchsorted(block.times, block.times[-1] - reach))
            block = _Block(block.times[first:], block.strips[first:], unread - first)
        block.times.append(frame.time)
        block.strips.append(rectify(frame.image))
        full = frame.time - block.times[block.done] >= BLOCK
    yield block, True


def _spread(block: _Block) -> list[np.ndarray]:
    """Strips of the block REST_STEP apart; all of them where it is short."""
    times = np.array(block.times)
    step = min(REST_STEP, (times[-1] - times[0]) / 40) if len(times) > 1 else REST_STEP
    wanted = np.arange(times[0], times[-1] + 1e-6, max(step, 1e-3))
    return [block.strips[i] for i in np.unique(np.searchsorted(times, wanted).clip(0, len(times) - 1))]


@torch.inference_mode()
def _read(
    network: KeyReader, block: _Block, stop: int, rest: np.ndarray, tell: Callable[[float], None] | None
) -> np.ndarray:
    """Activations ``(stop - done, 88, 2)`` in 0..1 of the block's unread frames: down, onset."""
    windows = window_indices(np.array(block.times), network.sizes.frames, network.sizes.spacing)
    scale = gain(rest) / 255
    still = torch.from_numpy(rest.astype(np.float32) * scale)
    strips = np.stack(block.strips)
    centres = torch.from_numpy(CENTRES.astype(np.float32) * STRIP_SCALE)[None]
    values = np.zeros((stop - block.done, KEYS, 2), dtype=np.float32)
    for first in range(block.done, stop, BATCH):
        chosen = windows[first : min(first + BATCH, stop)]
        seen = torch.from_numpy(strips[chosen]).float() * scale
        inputs = torch.cat([seen, still.expand(len(chosen), 1, -1, -1)], dim=1)
        places = centres.expand(len(chosen), -1)
        white, black = network(
            inputs.contiguous(memory_format=torch.channels_last), places[:, ~BLACK], places[:, BLACK]
        )
        rows = slice(first - block.done, first - block.done + len(chosen))
        values[rows, ~BLACK], values[rows, BLACK] = white.sigmoid().numpy(), black.sigmoid().numpy()
        if tell is not None:
            tell(block.times[first])
    return values


def _teller(progress: Callable[[float], None] | None, start: float, length: float) -> Callable[[float], None] | None:
    if progress is None or length <= 0:
        return None
    return lambda now: progress(min(1.0, max(0.0, (now - start) / length)))
