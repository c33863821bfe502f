"""Weights of the stages' own networks: safetensors, sizes and the training's facts in the header."""

import json
import os
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol, TypeVar

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from pianoroll.errors import SilentkeysError
from pianoroll.files import write_beside


class Sized(Protocol):
    """A network that was made from a small dataclass, ``sizes``."""

    sizes: Any

    def state_dict(self) -> dict[str, Tensor]: ...


Network = TypeVar("Network", bound=nn.Module)


def save(network: Sized, path: str | os.PathLike[str], facts: dict[str, Any]) -> None:
    """Write a network's weights, sizes and ``facts``. Raises FileError."""
    header = {"sizes": json.dumps(asdict(network.sizes)), "facts": json.dumps(facts)}
    with write_beside(path) as temporary:
        save_file({name: values.contiguous() for name, values in network.state_dict().items()}, temporary, header)


def load(
    path: str, make: Callable[[dict[str, Any]], Network], what: str, error: type[SilentkeysError]
) -> tuple[Network, dict[str, Any]]:
    """The network that ``make`` builds from the sizes, in evaluation mode, and its facts. Raises ``error`` where
    the file is not there or is none of ``what``."""
    if not Path(path).is_file():
        raise error(f"The model {path} does not exist; give weights of {what} (.safetensors).")
    try:
        with safe_open(path, "pt") as file:
            header = file.metadata() or {}
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        sizes = json.loads(header["sizes"])
        network = make({name: tuple(size) if isinstance(size, list) else size for name, size in sizes.items()})
        network.load_state_dict(state)
        return network.eval(), json.loads(header["facts"])
    except (SafetensorError, OSError, KeyError, TypeError, ValueError, RuntimeError) as cause:
        raise error(f"{path} holds no weights of {what}.") from cause
