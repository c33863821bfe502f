"""``Video2RollNet``: the network of Audeo (Su, Liu & Shlizerman, NeurIPS 2020), which loads its authors' checkpoints.

Five gray frames of the keyboard, 900×100, go through a ResNet-18; features of its last three stages are brought to one
size (feature transform), each weighed by the next deeper one (feature refinement), and read into one logit a key for
the whole picture at once. It knows only the middle 51 keys, or as many as a checkpoint's last layer has.
"""

import os
import pickle
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pianoroll.keys import KEYS
from video2roll.model import ModelError
from video2roll.rectify import KEY_PIXELS, STRIP_BACK

FRAMES = 5
SPACING = 0.04  # seconds between frames: the network was made for 25 frames a second
SIZE = (900, 100)  # pixels, width and height
THRESHOLD = 0.4
FIRST_KEYS = {51: 15, 81: 3, 88: 0}  # keys a checkpoint reads -> which of the 88 is the first
SUFFIXES = (".pth", ".pt")


class FeatureTransform(nn.Module):
    """1×1 convolution, a residual pair of 3×3 ones, average pooling: to 128 channels of half the size."""

    def __init__(self, inputs: int, pool: tuple[int, int] = (2, 2), width: int = 128) -> None:
        super().__init__()
        self.conv0 = nn.Conv2d(inputs, width, 1, padding=1, bias=False)
        self.conv1 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.pool = nn.AvgPool2d(pool[0], stride=pool[1])

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv0(x)
        return self.pool(x + self.conv2(F.relu(self.bn1(self.conv1(x)))))


class FeatureRefinement(nn.Module):
    """Weighs the channels of ``low`` by what it and the deeper ``high`` hold on average."""

    def __init__(self, inputs: int, width: int = 128) -> None:
        super().__init__()
        self.fc1 = nn.Linear(inputs, width)
        self.fc2 = nn.Linear(width, width)

    def forward(self, low: Tensor, high: Tensor) -> Tensor:
        average = torch.cat([low, high], dim=1).mean(dim=(2, 3))
        return low * torch.sigmoid(self.fc2(F.relu(self.fc1(average))))[:, :, None, None]


class Video2RollNet(nn.Module):
    """Windows ``(B, 5, 100, 900)`` in 0..1 -> logits ``(B, keys)``; decided at sigmoid >= 0.4."""

    def __init__(self, keys: int = 51) -> None:
        super().__init__()
        from torchvision.models import resnet18  # a second and a half that all who never come here are spared

        trunk = resnet18(weights=None)
        self.conv1 = nn.Conv2d(FRAMES, 64, 11, stride=2, padding=4, bias=False)
        self.bn1, self.maxpool = trunk.bn1, trunk.maxpool
        self.layer1, self.layer2, self.layer3, self.layer4 = trunk.layer1, trunk.layer2, trunk.layer3, trunk.layer4
        self.FTB2_1, self.FTB2_2 = FeatureTransform(128), FeatureTransform(128)
        self.FTB3, self.FTB4 = FeatureTransform(256), FeatureTransform(512, pool=(3, 1))
        self.FRB2, self.FRB3, self.FRB4 = FeatureRefinement(256), FeatureRefinement(256), FeatureRefinement(192)
        self.toplayer = nn.Conv2d(512, 64, 1)
        self.toplayer_bn = nn.BatchNorm2d(64)
        self.conv2 = nn.Conv2d(128, 128, 1)
        self.fc = nn.Linear(128, keys)

    def forward(self, windows: Tensor) -> Tensor:
        x = self.layer1(self.maxpool(F.relu(self.bn1(self.conv1(windows)))))
        second = self.layer2(x)
        third = self.layer3(second)
        fourth = self.layer4(third)
        p5 = F.relu(self.toplayer_bn(self.toplayer(fourth)))
        p4 = self.FRB4(self.FTB4(fourth), p5)
        p3 = self.FRB3(self.FTB3(third), p4)
        p2 = self.FRB2(self.FTB2_2(self.FTB2_1(second)), p3)
        attention = torch.softmax((p2 * p3).flatten(2), dim=-1).view_as(p4)
        return self.fc((self.conv2(attention * p4) + p4).mean(dim=(2, 3)))


def load_audeo(path: str | os.PathLike[str]) -> Video2RollNet:
    """The network with a checkpoint's weights (a plain state dict). Raises ModelError where the file is none."""
    if not Path(path).is_file():
        raise ModelError(f"The model {path} does not exist; give a checkpoint of Audeo's Video2RollNet (.pth).")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        keys = int(state["fc.weight"].shape[0])
        if keys not in FIRST_KEYS:
            raise ModelError(f"{path} reads {keys} keys; known are checkpoints of 51, 81 and 88 keys.")
        network = Video2RollNet(keys)
        network.load_state_dict({name.removeprefix("module."): values for name, values in state.items()})
    except (pickle.UnpicklingError, OSError, EOFError, KeyError, TypeError, AttributeError, RuntimeError) as error:
        raise ModelError(f"{path} is no checkpoint of Audeo's Video2RollNet (a plain state dict).") from error
    return network.eval()


def pictures(strips: np.ndarray) -> np.ndarray:
    """Strips ``(T, 104, 624)`` as the network knows keyboards: the keys alone, ``(T, 100, 900)`` uint8."""
    keys = strips[:, STRIP_BACK : STRIP_BACK + KEY_PIXELS]
    return np.stack([cv2.resize(strip, SIZE, interpolation=cv2.INTER_LINEAR) for strip in keys])


def on_88_keys(values: np.ndarray) -> np.ndarray:
    """Activations ``(T, keys)`` at their places among ``(T, 88)``; keys that it does not know never sound."""
    wide = np.zeros((len(values), KEYS), dtype=np.float32)
    first = FIRST_KEYS[values.shape[1]]
    wide[:, first : first + values.shape[1]] = values
    return wide
