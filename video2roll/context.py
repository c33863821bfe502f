"""What a key's neighbours in time and along the keyboard tell about it: the second network of the key reader.

The first network (``model.KeyReader``) looks at a fifth of a second of the picture, key by key. Here its description of
every key is read over a second and a half and over the neighbouring keys, together with where the fingertips are: a
press needs a finger, lasts, and does not begin on two neighbours at once under one finger. Time is a fixed grid, onto
which descriptions are interpolated, so that any frame rate reads alike.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pianoroll.keys import BLACK, KEYS
from video2roll.key_tips import FAR, key_tips

GRID = 0.025  # seconds between the steps of the grid
TIP_CUES = 6
_FAST = 10.0  # white-key widths a second


@dataclass(frozen=True)
class ContextSizes:
    """``embedding``: of a key's description; ``width``: channels; ``dilations``: in steps of the grid, one a layer."""

    embedding: int = 24
    width: int = 40
    dilations: tuple[int, ...] = (1, 2, 4, 8, 16, 1)


class _Layer(nn.Module):
    """A residual 3×3 convolution over (time, keys), dilated in time."""

    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(width)
        self.conv = nn.Conv2d(width, width, 3, padding=(dilation, 1), dilation=(dilation, 1))
        self.mix = nn.Conv2d(width, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.mix(F.relu(self.conv(F.relu(self.norm(x)))))


class Context(nn.Module):
    """Descriptions of the keys and the fingertips over time -> logits of every key on the grid."""

    def __init__(self, description: int, sizes: ContextSizes | None = None) -> None:
        super().__init__()
        self.sizes = sizes or ContextSizes()
        embedding, width = self.sizes.embedding, self.sizes.width
        self.white = nn.Linear(description, embedding)
        self.black = nn.Linear(description, embedding)
        self.drop = nn.Dropout(0.1)
        self.register_buffer("place", _places(), persistent=False)
        self.enter = nn.Conv2d(embedding + 2 + TIP_CUES + len(self.place), width, 1)
        self.layers = nn.Sequential(*(_Layer(width, dilation) for dilation in self.sizes.dilations))
        self.leave = nn.Conv2d(width, 2, 1)

    def forward(self, described: Tensor, logits: Tensor, tips: Tensor, first: int = 0) -> Tensor:
        """``described (B, T, n, D)``, ``logits (B, T, n, 2)`` of the first network, ``tips (B, T, n, TIP_CUES)``.

        ``n``: all 88 keys, or some neighbours from key ``first`` on. Returns logits ``(B, T, n, 2)``: down, onset.
        """
        keys = slice(first, first + described.shape[2])
        black = torch.from_numpy(BLACK[keys]).to(described.device)[:, None]
        embedded = F.relu(torch.where(black, self.black(described), self.white(described)))
        place = self.place[:, keys].T.expand(*embedded.shape[:2], -1, -1)
        x = torch.cat([self.drop(embedded), 0.3 * logits, tips, place], dim=-1).permute(0, 3, 1, 2)
        change = self.leave(self.layers(self.enter(x))).permute(0, 2, 3, 1)
        return logits + change


def _places() -> Tensor:
    """``(12, 88)``: which of the twelve keys of an octave a key is."""
    return F.one_hot((torch.arange(KEYS) + 9) % 12, 12).T.float()


def tip_cues(times: np.ndarray, tips: np.ndarray | None) -> np.ndarray:
    """``(T, 88, TIP_CUES)`` of fingertips ``(T, hands, 5, 2)``, all zero where none are known.

    Known; a tip is near; how near; its depth along the key; its speed; is it a thumb's.
    """
    cues = np.zeros((len(times), KEYS, TIP_CUES), dtype=np.float32)
    if tips is None or tips.shape[1] == 0:
        return cues
    seen = key_tips(times, tips)
    known = np.isfinite(tips).all(axis=3).any(axis=(1, 2))
    near = known[:, None] & (seen.distance < FAR)
    cues[..., 0] = known[:, None]
    cues[..., 1] = near
    cues[..., 2] = np.where(near, 1 - np.minimum(seen.distance, FAR) / FAR, 0)
    cues[..., 3] = np.where(near, np.nan_to_num(seen.depth), 0)
    cues[..., 4] = np.where(near, np.minimum(np.nan_to_num(seen.speed) / _FAST, 1), 0)
    cues[..., 5] = near & (seen.finger == 1)
    return cues


def grid_times(times: np.ndarray) -> np.ndarray:
    """The steps of the grid that cover ``times``."""
    return times[0] + GRID * np.arange(int(np.ceil((times[-1] - times[0]) / GRID - 1e-6)) + 1)


def resample(values: np.ndarray, times: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """``values (T, …)`` at ``times``, interpolated in between at ``wanted (n,)``: ``(n, …)``."""
    if len(times) == 1:
        return np.repeat(values, len(wanted), axis=0)
    right = np.clip(np.searchsorted(times, wanted), 1, len(times) - 1)
    part = np.clip((wanted - times[right - 1]) / (times[right] - times[right - 1]), 0, 1)
    part = part.astype(np.float32).reshape(-1, *[1] * (values.ndim - 1))
    return values[right - 1] * (1 - part) + values[right] * part
