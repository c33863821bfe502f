"""Small networks of dense layers: weights from a file, run with numpy (no need to import PyTorch).

A file is safetensors: ``weight0 (outputs, inputs)``, ``bias0 (outputs,)``, ``weight1`` and so on, in half precision,
with the training's facts in the header.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from pianoroll.files import write_beside
from score.errors import ScoreError

Layers = list[tuple[np.ndarray, np.ndarray]]
WEIGHTS = Path(__file__).parent / "weights"


def apply(layers: Layers, x: np.ndarray) -> np.ndarray:
    """``(..., inputs)`` -> ``(..., outputs)``, rectified between the layers."""
    for index, (weight, bias) in enumerate(layers):
        x = (np.maximum(x, 0) if index else x) @ weight.T + bias
    return x


@cache
def load_layers(path: Path) -> Layers:
    """The layers in float32. Raises ScoreError where the file is none of ours."""
    try:
        stored = load_file(path)
        count = len(stored) // 2
        return [(stored[f"weight{i}"].astype("f4"), stored[f"bias{i}"].astype("f4")) for i in range(count)]
    except (SafetensorError, OSError, KeyError) as error:
        raise ScoreError(f"{path} holds no weights of silentkeys' keys or spelling.") from error


def save_layers(layers: Layers, path: Path, facts: dict[str, Any]) -> None:
    """Write the layers in half precision. Raises FileError."""
    stored: dict[str, np.ndarray] = {}
    for index, (weight, bias) in enumerate(layers):
        stored |= {f"weight{index}": weight, f"bias{index}": bias}
    with write_beside(path) as temporary:
        save_file(
            {name: values.astype("f2") for name, values in stored.items()}, temporary, {"facts": json.dumps(facts)}
        )
