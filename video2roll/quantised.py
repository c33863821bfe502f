"""The key reader in eight-bit integers: the same answers on a CPU in a fraction of the time, run by OpenVINO.

The trunk, which is what costs, is turned into integers at the end of training and lies beside the weights that it was
made from, whose hash it bears; the heads stay as they are.
"""

import hashlib
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from video2roll.model import KeyReader, load_model
from video2roll.rectify import STRIP_HEIGHT

HASH = "weights_sha256"  # under which the hash of the weights stands in the file


class QuantisedReader:
    """What ``KeyReader`` does in evaluation mode; not to be trained. Not to be called from two threads at once."""

    def __init__(self, network: KeyReader, path: Path) -> None:
        """``path``: the trunk as OpenVINO's .xml, with its .bin beside it."""
        import openvino

        self.network, self.sizes = network, network.sizes
        core = openvino.Core()
        self._trunk = core.compile_model(
            core.read_model(path),
            "CPU",
            {"INFERENCE_NUM_THREADS": torch.get_num_threads(), "PERFORMANCE_HINT": "LATENCY"},
        )

    def __call__(self, windows: Tensor, centres: Tensor) -> Tensor:
        """As ``KeyReader.forward``: ``windows (B, frames + 1, 104, W)`` -> logits ``(B, 88, 2)``."""
        features = self._trunk(np.ascontiguousarray(windows.numpy()))[0]
        return self.network.judge(torch.from_numpy(features), centres)


def quantised_path(weights: Path) -> Path:
    """Where the integers made from a file of weights lie."""
    return weights.with_suffix(".int8.xml")


def hash_of(weights: Path) -> str:
    return hashlib.sha256(weights.read_bytes()).hexdigest()


def load_quantised(network: KeyReader, weights: Path) -> QuantisedReader | None:
    """The reader in integers, if it lies beside ``weights`` and was made from them; None if not, or if this machine
    cannot run it."""
    path = quantised_path(weights)
    if not path.exists() or f'{HASH} value="{hash_of(weights)}"' not in path.read_text():
        return None
    try:
        return QuantisedReader(network, path)
    except (ImportError, RuntimeError):
        return None


class _Describe(nn.Module):
    """``KeyReader.describe`` as a module of its own."""

    def __init__(self, network: KeyReader) -> None:
        super().__init__()
        self.network = network

    def forward(self, windows: Tensor) -> Tensor:
        return self.network.describe(windows)


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
