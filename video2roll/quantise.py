"""Turn the key reader's trunk into eight-bit integers: ``python -m video2roll.quantise --data ../shared/data``.

NNCF measures the range of every layer on crops of the training clips and writes OpenVINO's form beside the weights.
Accuracy must be judged again afterwards (``silentkeys evaluate``): every number in MODELS.md is of this form.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from dataset_tools.clips import find_keyboards, load_strips, read_manifest
from video2roll.examples import Example, prepare
from video2roll.model import DEFAULT_WEIGHTS, KeyReader, load_model
from video2roll.quantised import HASH, hash_of, quantised_path
from video2roll.rectify import STRIP_HEIGHT, STRIP_SCALE, STRIP_WIDTH

WIDTH = 28 * STRIP_SCALE  # pixels of a crop: four octaves
CROPS = 8  # of each clip


class _Describe(nn.Module):
    """``KeyReader.describe`` as a module of its own."""

    def __init__(self, network: KeyReader) -> None:
        super().__init__()
        self.network = network

    def forward(self, windows: Tensor) -> Tensor:
        return self.network.describe(windows)


def crops_of(example: Example, rng: np.random.Generator) -> list[np.ndarray]:
    """Windows ``(1, 6, 104, WIDTH)`` of a clip, as they are read."""
    crops = []
    for t in rng.choice(example.lively, CROPS):
        left = int(rng.integers((STRIP_WIDTH - WIDTH) // STRIP_SCALE + 1)) * STRIP_SCALE
        frames = np.concatenate([example.data.strips[example.windows[0][t]], example.rest[None]])
        crops.append(frames[None, :, :, left : left + WIDTH].astype(np.float32) * np.float32(example.gain / 255))
    return crops


def quantise(weights: Path, crops: list[np.ndarray]) -> Path:
    """Write the integers made from ``weights`` beside them; ``crops`` show what goes in."""
    import nncf
    import openvino

    network, _ = load_model(weights)
    frames = network.sizes.frames + 1
    model = openvino.convert_model(
        _Describe(network).eval(),
        example_input=torch.from_numpy(crops[0]),
        input=[(-1, frames, STRIP_HEIGHT, -1)],
    )
    integers = nncf.quantize(
        model,
        nncf.Dataset(crops),
        subset_size=len(crops),
        preset=nncf.QuantizationPreset.MIXED,
        fast_bias_correction=False,
    )
    integers.set_rt_info(hash_of(weights), HASH)
    openvino.save_model(integers, quantised_path(weights))
    return quantised_path(weights)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--cache", type=Path, default=Path("cache"), help="folder for the strips, as in training")
    parser.add_argument("--weights", type=Path, default=DEFAULT_WEIGHTS)
    arguments = parser.parse_args()
    clips = [
        clip
        for name in ("clavision", "wild")
        for clip in read_manifest(arguments.data / name / "manifest.csv", split="train")
    ]
    network, _ = load_model(arguments.weights)
    rng = np.random.default_rng(0)
    crops: list[np.ndarray] = []
    for clip in find_keyboards(clips):
        crops += crops_of(prepare(load_strips(clip, arguments.cache), network), rng)
    print(f"{quantise(arguments.weights, crops)}: ranges from {len(crops)} crops")


if __name__ == "__main__":
    main()
