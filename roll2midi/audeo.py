"""``Roll2MidiNet``: the network by which Audeo (Su, Liu & Shlizerman, NeurIPS 2020) cleans a roll; its authors'
checkpoints load.

A U-Net without down-sampling turns four seconds of activations, 25 frames a second, into probabilities that a key is
down. It was trained against a discriminator, which is here for training alone. Both are convolutions only, so that they
read 88 keys as well as the 51 that they were made for.
"""

import os
import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from pianoroll import PianoRoll
from roll2midi.errors import DecodeError

FRAME = 0.04  # seconds: the network was made for 25 frames a second
WINDOW = 100  # frames it sees at once
OVERLAP = 50  # frames that two windows share: they are blended there, so that no seam is heard
THRESHOLD = 0.5
BATCH_NORM_EPS = 0.8  # the authors meant it for the momentum
SUFFIXES = (".tar", ".pth", ".pt")


class Down(nn.Module):
    """3×3 convolution, batch norm (not in the first), LeakyReLU, dropout (the deep ones)."""

    def __init__(self, inputs: int, outputs: int, *, norm: bool = True, dropout: float = 0.0) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)]
        if norm:
            layers.append(nn.BatchNorm2d(outputs, BATCH_NORM_EPS))
        layers.append(nn.LeakyReLU(0.2))
        if dropout:
            layers.append(nn.Dropout(dropout))
        self.model = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        return self.model(x)


class Up(nn.Module):
    """3×3 transposed convolution, batch norm, ReLU, dropout (the deep ones); then the ``skip`` is put beside it."""

    def __init__(self, inputs: int, outputs: int, *, dropout: float = 0.0) -> None:
        super().__init__()
        layers: list[nn.Module] = [
            nn.ConvTranspose2d(inputs, outputs, 3, padding=1, bias=False),
            nn.BatchNorm2d(outputs, BATCH_NORM_EPS),
            nn.ReLU(),
        ]
        if dropout:
            layers.append(nn.Dropout(dropout))
        self.model = nn.Sequential(*layers)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        return torch.cat([self.model(x), skip], dim=1)


class Roll2MidiNet(nn.Module):
    """Activations ``(B, 1, keys, T)`` in 0..1 -> probabilities of the same shape; decided at 0.5."""

    def __init__(self) -> None:
        super().__init__()
        self.down1 = Down(1, 64, norm=False)
        self.down2 = Down(64, 128)
        self.down3 = Down(128, 256, dropout=0.5)
        self.down4 = Down(256, 512, dropout=0.5)
        self.down5 = Down(512, 1024, dropout=0.5)
        self.down6 = Down(1024, 1024, dropout=0.5)
        self.up1 = Up(1024, 512, dropout=0.5)
        self.up2 = Up(1536, 256, dropout=0.5)
        self.up3 = Up(768, 128, dropout=0.5)
        self.up4 = Up(384, 64)
        self.up5 = Up(192, 16)
        self.conv1d = nn.Conv2d(80, 1, 1)

    def forward(self, roll: Tensor) -> Tensor:
        first = self.down1(roll)
        second = self.down2(first)
        third = self.down3(second)
        fourth = self.down4(third)
        fifth = self.down5(fourth)
        x = self.up1(self.down6(fifth), fifth)
        x = self.up2(x, fourth)
        x = self.up3(x, third)
        x = self.up4(x, second)
        return torch.sigmoid(self.conv1d(self.up5(x, first)))


class Discriminator(nn.Module):
    """Rolls ``(B, 1, 51, 100)`` -> ``(B, 1, 7, 13)``: how true each patch looks."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for inputs, outputs, stride in ((1, 64, 2), (64, 128, 2), (128, 256, 2), (256, 512, 1)):
            layers.append(nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1))
            if inputs > 1:
                layers.append(nn.InstanceNorm2d(outputs))
            layers.append(nn.LeakyReLU(0.2))
        self.model = nn.Sequential(*layers, nn.Conv2d(512, 1, 3, padding=1))

    def forward(self, roll: Tensor) -> Tensor:
        return self.model(roll)


def load_roll2midi(path: str | os.PathLike[str]) -> Roll2MidiNet:
    """The network with a checkpoint's weights: the authors' ``.tar``, whose ``state_dict_G`` it is, or a plain state
    dict. Raises DecodeError where the file is none."""
    if not Path(path).is_file():
        raise DecodeError(f"The model {path} does not exist; give a checkpoint of Audeo's Roll2MidiNet (.tar).")
    try:
        saved = torch.load(path, map_location="cpu", weights_only=True)
        state = saved.get("state_dict_G", saved)
        network = Roll2MidiNet()
        network.load_state_dict({name.removeprefix("module."): values for name, values in state.items()})
    except (pickle.UnpicklingError, OSError, EOFError, KeyError, TypeError, AttributeError, RuntimeError) as error:
        raise DecodeError(f"{path} is no checkpoint of Audeo's Roll2MidiNet (a state dict, or .tar).") from error
    return network.eval()


def clean(roll: PianoRoll, network: Roll2MidiNet) -> PianoRoll:
    """The roll with *frame* as the network cleans it; *onset* stays.

    It is read at 25 frames a second and brought back to the roll's own times."""
    if not len(roll):
        return roll
    even = np.arange(roll.times[0], roll.times[-1] + FRAME, FRAME)
    frame = _at(even, roll.times, roll.frame)
    cleaned = _at(roll.times, even, _slide(frame, network))
    return replace(roll, frame=cleaned.astype(np.float32), threshold=THRESHOLD)


def _at(wanted: np.ndarray, times: np.ndarray, values: np.ndarray) -> np.ndarray:
    """``values (T, 88)`` of ``times (T,)`` at the times ``wanted``, interpolated."""
    return np.stack([np.interp(wanted, times, values[:, key]) for key in range(values.shape[1])], axis=1)


@torch.inference_mode()
def _slide(frame: np.ndarray, network: Roll2MidiNet) -> np.ndarray:
    """What the network makes of ``frame (T, keys)``, in windows that are blended where they overlap."""
    count, step = len(frame), WINDOW - OVERLAP
    windows = max(1, -(-(count - OVERLAP) // step))
    padded = np.zeros((OVERLAP + windows * step, frame.shape[1]), dtype=np.float32)
    padded[:count] = frame
    total, weights = np.zeros_like(padded), np.zeros((len(padded), 1), dtype=np.float32)
    fade = np.minimum(np.arange(1, WINDOW + 1), np.arange(WINDOW, 0, -1)).astype(np.float32)[:, None]
    for first in range(0, windows * step, step):
        window = slice(first, first + WINDOW)
        seen = torch.from_numpy(padded[window].T.copy())[None, None]
        total[window] += fade * network(seen)[0, 0].numpy().T
        weights[window] += fade
    return (total / weights)[:count]
