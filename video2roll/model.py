"""``KeyReader``: the network that reads every key at its own place on the strip.

Five frames and the keyboard at rest go in as channels. One convolutional trunk runs along the strip, so that every key
is read by the same weights; then each key's column of features is taken at the key's own centre (bilinear sampling)
and read by one of two small heads, white or black, into two logits: the key is down, and it went down just now.
"""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F

from pianoroll import SilentkeysError
from pianoroll.files import write_beside
from pianoroll.keys import BLACK
from video2roll.rectify import STRIP_HEIGHT

DEFAULT_WEIGHTS = Path(__file__).parent / "weights" / "key_reader.safetensors"


class ModelError(SilentkeysError):
    """Weights that cannot be loaded."""


@dataclass(frozen=True)
class KeyReaderSizes:
    """``frames``: of a window; ``spacing``: seconds between them; ``widths``: channels of the trunk's three levels;
    ``hidden``: of the heads."""

    frames: int = 5
    spacing: float = 0.04
    widths: tuple[int, int, int] = (24, 48, 64)
    hidden: int = 96


class Residual(nn.Module):
    """Two 3×3 convolutions with batch norm around a shortcut."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(width)

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.norm1(self.conv1(x)))
        return F.relu(x + self.norm2(self.conv2(y)))


def _down(inputs: int, outputs: int, kernel: int, stride: tuple[int, int]) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride=stride, padding=kernel // 2, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
    )


class KeyReader(nn.Module):
    """Windows of strips -> logits of every key."""

    order: Tensor

    def __init__(self, sizes: KeyReaderSizes | None = None) -> None:
        super().__init__()
        self.sizes = sizes or KeyReaderSizes()
        w1, w2, w3 = self.sizes.widths
        self.trunk = nn.Sequential(
            _down(2 * self.sizes.frames + 1, w1, 5, (2, 2)),
            Residual(w1),
            _down(w1, w2, 3, (2, 2)),
            Residual(w2),
            Residual(w2),
            _down(w2, w3, 3, (2, 1)),
            Residual(w3),
            Residual(w3),
        )
        column = w3 * (-(-STRIP_HEIGHT // 8))
        self.white = self._head(column)
        self.black = self._head(column)
        order = torch.argsort(
            torch.cat([torch.from_numpy(~BLACK).nonzero(), torch.from_numpy(BLACK).nonzero()]).flatten()
        )
        self.register_buffer("order", order, persistent=False)

    def _head(self, column: int) -> nn.Sequential:
        return nn.Sequential(
            nn.Dropout(0.2), nn.Linear(column, self.sizes.hidden), nn.ReLU(), nn.Linear(self.sizes.hidden, 2)
        )

    def forward(self, windows: Tensor, centres: Tensor) -> Tensor:
        """``windows (B, frames + 1, 104, W)``: gray in 0..1, brought to a common exposure; the last channel is at rest.

        ``centres (B, 88)``: pixel columns of the key centres (may be fractions). Returns logits ``(B, 88, 2)``: down,
        onset.
        """
        return self.judge(self.describe(windows), centres)

    def describe(self, windows: Tensor) -> Tensor:
        """Features ``(B, C, 13, W/4)`` of windows: all that is costly."""
        rest = windows[:, -1:]
        return self.trunk(torch.cat([windows - 0.5, 4 * (windows[:, :-1] - rest)], dim=1))

    def judge(self, features: Tensor, centres: Tensor) -> Tensor:
        """Logits ``(B, 88, 2)`` of features."""
        white, black = (
            self.white(_columns(features, centres[:, ~BLACK])),
            self.black(_columns(features, centres[:, BLACK])),
        )
        return torch.cat([white, black], dim=1)[:, self.order]


def _columns(features: Tensor, centres: Tensor) -> Tensor:
    """Features ``(B, C, H, W/4)`` at pixel columns ``(B, n)`` of the strip, bilinear: ``(B, n, C·H)``."""
    height, width = features.shape[-2:]
    x = centres / (4 * width) * 2 - 1
    y = torch.linspace(-1 + 1 / height, 1 - 1 / height, height, dtype=x.dtype, device=x.device)
    grid = torch.stack(torch.broadcast_tensors(x[:, None, :], y[None, :, None]), dim=-1)
    sampled = F.grid_sample(features, grid, align_corners=False, padding_mode="border")
    return sampled.permute(0, 3, 1, 2).flatten(2)


def save_model(model: KeyReader, path: str | Path, facts: dict[str, Any]) -> None:
    """Write weights as safetensors; the sizes and the training's ``facts`` stand in the header."""
    header = {"sizes": json.dumps(asdict(model.sizes)), "facts": json.dumps(facts)}
    state = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    with write_beside(path) as temporary:
        save_file(state, temporary, metadata=header)


def load_model(path: str | os.PathLike[str] = DEFAULT_WEIGHTS) -> tuple[KeyReader, dict[str, Any]]:
    """The network in evaluation mode and the facts of its header. Raises ModelError where the file is none."""
    if not Path(path).is_file():
        raise ModelError(f"The model {path} does not exist; give a .safetensors file, or leave --model out.")
    try:
        with safe_open(str(path), "pt") as file:
            header = file.metadata() or {}
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        sizes = json.loads(header["sizes"])
        model = KeyReader(KeyReaderSizes(**{**sizes, "widths": tuple(sizes["widths"])}))
        model.load_state_dict(state)
    except (SafetensorError, OSError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise ModelError(f"{path} holds no weights of silentkeys' key reader.") from error
    return model.eval(), json.loads(header.get("facts", "{}"))
