"""Foreign PyTorch checkpoints and pickled arrays, read without running anything that they say.

A file that ``torch.save`` wrote of a whole network is a pickle, and a pickle may name any function to be called when
it is read. Here an unpickler knows a short list of names, and each stands for something harmless: classes of layers
become empty shells that hold what was stored in them, so that no code of the file or of the layers runs. Anything else
is refused by its name.
"""

import os
import pickle
import warnings
from collections import OrderedDict
from collections.abc import Collection, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pianoroll import FileError, SilentkeysError

LAYERS = frozenset(
    f"torch.nn.modules.{name}"
    for name in (
        *("activation.ReLU", "activation.Sigmoid", "batchnorm.BatchNorm2d", "container.Sequential", "conv.Conv2d"),
        *("dropout.Dropout", "linear.Linear", "pooling.MaxPool2d", "rnn.LSTM"),
    )
)
DEEPEST = 16  # layers within layers
REFUSED = "{} names “{}”, which no {} needs: it may be made to do harm, and was not loaded."
_ZIP = b"PK\x03\x04"


class CheckpointError(SilentkeysError):
    """A checkpoint that cannot be read, or that is not to be trusted."""


def read_state_dict(path: str | os.PathLike[str], modules: Collection[str] = ()) -> dict[str, Tensor]:
    """Parameters and buffers by name, of a state dict or of a whole network made of LAYERS and of ``modules``, the full
    names of the classes that a trusted file may name besides. Raises CheckpointError."""
    if not Path(path).is_file():
        raise CheckpointError(f"The checkpoint {path} does not exist; check the name.")
    try:
        if _is_script(path):
            raise CheckpointError(f"{path} is a TorchScript program, not a checkpoint; save the network's state dict.")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch compares the sources of shells, which have none
            known = _pickle_module(LAYERS | frozenset(modules))
            stored = torch.load(path, map_location="cpu", pickle_module=known, weights_only=False)
        return _tensors(stored)
    except _RefusedError as refused:
        raise CheckpointError(REFUSED.format(path, refused, "checkpoint of this network")) from refused
    except SilentkeysError:
        raise
    except Exception as error:  # a broken pickle may fail in any way
        raise CheckpointError(f"{path} is no PyTorch checkpoint, or a broken one; get it again.") from error


def _is_script(path: str | os.PathLike[str]) -> bool:
    """Whether ``torch.load`` would take the file for a program."""
    with open(path, "rb") as file:
        if file.read(len(_ZIP)) != _ZIP:
            return False
    return "constants.pkl" in torch._C.PyTorchFileReader(os.fspath(path)).get_all_records()


class _RefusedError(pickle.UnpicklingError):
    """A name that is not known."""


class _Shell:
    """What stands for a layer: the attributes that were stored, and nothing that runs."""

    dump_patches = False


def _pickle_module(classes: Collection[str]) -> Any:
    """What ``torch.load`` takes for Python's pickle. Functions and classes are made anew each time, as a pickle can set
    attributes of what it is given."""
    shells = {name: type(name.rpartition(".")[2], (_Shell,), {}) for name in classes}

    def tensor(storage: Any, offset: int, size: Any, stride: Any, *_: Any) -> Tensor:
        return torch._utils._rebuild_tensor(storage, offset, size, stride)

    known: dict[str, Any] = {
        **shells,
        "collections.OrderedDict": OrderedDict,
        "builtins.set": set,
        "__builtin__.set": set,
        "torch._utils._rebuild_tensor": tensor,
        "torch._utils._rebuild_tensor_v2": tensor,
        "torch._utils._rebuild_parameter": lambda data, *_: data,
        # PyTorch before 1.4 kept this in every layer
        "torch.nn.backends.thnn._get_thnn_function_backend": lambda: None,
    }

    unpickler = _unpickler(known)

    def load(file: Any, **options: Any) -> Any:
        return unpickler(file, **options).load()

    return SimpleNamespace(__name__=__name__, Unpickler=unpickler, load=load)


def _unpickler(known: Mapping[str, Any]) -> type[pickle.Unpickler]:
    """An unpickler that knows these names, each standing for what it is given here."""

    class Unpickler(pickle.Unpickler):
        def find_class(self, module: str, name: str) -> Any:
            full = f"{module}.{name}"
            if full not in known:
                raise _RefusedError(full)
            return known[full]

    return Unpickler


def _tensors(stored: Any) -> dict[str, Tensor]:
    """By name: of a state dict, alone or under its usual names, or of a whole network."""
    if isinstance(stored, _Shell):
        return dict(_walk(stored, "", DEEPEST))
    for key in ("state_dict", "model_state_dict", "model"):
        if isinstance(stored, Mapping) and key in stored:
            return _tensors(stored[key])
    if not isinstance(stored, Mapping) or not all(isinstance(value, Tensor) for value in stored.values()):
        raise ValueError("neither a network nor a state dict")
    return {str(name).removeprefix("module."): value for name, value in stored.items()}


def _walk(layer: Any, prefix: str, depth: int) -> list[tuple[str, Tensor]]:
    """Parameters and buffers of a shell and of those inside."""
    if depth == 0:
        raise ValueError("layers within layers without end")
    inside = vars(layer)
    own = {**inside.get("_parameters", {}), **inside.get("_buffers", {})}
    found = [(prefix + name, value) for name, value in own.items() if isinstance(value, Tensor)]
    for name, child in inside.get("_modules", {}).items():
        found += _walk(child, f"{prefix}{name}.", depth - 1)
    return found


# ---- arrays ----------------------------------------------------------------------------------------------------------


def read_arrays(path: str | os.PathLike[str]) -> dict[Any, Any]:
    """The arrays of an ``.npz`` by name, or a pickled dictionary of numbers, lists and arrays. Raises FileError."""
    try:
        if Path(path).suffix == ".npz":
            with np.load(path, allow_pickle=False) as file:
                return {name: file[name] for name in file.files}
        with open(path, "rb") as file:
            stored = _unpickler(_array_names())(file, encoding="latin1").load()
    except _RefusedError as refused:
        raise FileError(REFUSED.format(path, refused, "table of arrays")) from refused
    except Exception as error:  # a broken pickle may fail in any way
        raise FileError(f"{path} cannot be read as arrays; get it again.") from error
    if not isinstance(stored, dict):
        raise FileError(f"{path} holds a {type(stored).__name__}, not a dictionary of arrays.")
    return stored


def _array_names() -> dict[str, Any]:
    """What pickles of arrays name, in NumPy 1 and 2."""

    def empty(*_: Any) -> np.ndarray:
        return np.ndarray((0,), np.int8)

    def number(kind: Any, data: Any) -> Any:
        return np.frombuffer(data.encode("latin1") if isinstance(data, str) else data, kind)[0]

    def from_buffer(data: Any, kind: Any, shape: Any, order: str) -> np.ndarray:
        return np.frombuffer(data, kind).reshape(shape, order=order)  # type: ignore[call-overload]

    known: dict[str, Any] = {"collections.OrderedDict": OrderedDict, "_codecs.encode": _as_bytes}
    known |= {"numpy.ndarray": object(), "numpy.dtype": np.dtype}
    for core in ("numpy.core", "numpy._core"):
        known |= {f"{core}.multiarray._reconstruct": empty, f"{core}.multiarray.scalar": number}
        known[f"{core}.numeric._frombuffer"] = from_buffer
    return known


def _as_bytes(text: str, encoding: str = "latin1") -> bytes:
    """How pickles of old keep bytes; no other encoding, as that would be a name to look up."""
    if encoding != "latin1":
        raise _RefusedError(f"_codecs.encode to {encoding}")
    return text.encode("latin1")
