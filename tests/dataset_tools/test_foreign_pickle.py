"""Checkpoints of others: whole networks and state dicts load; what names anything else is refused, and nothing runs."""

import os
import pickle
import sys
import types
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from dataset_tools.foreign_pickle import CheckpointError, read_state_dict


class Harmful:
    """Makes a file when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.mark),)


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> nn.Module:
    """A network of a class that is only known where it was saved."""
    module = types.ModuleType("elsewhere")

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.MaxPool2d(2))
            self.rnn = nn.LSTM(4, 3, batch_first=True, bidirectional=True)
            self.out = nn.Sequential(nn.Dropout(0.5), nn.Linear(6, 2), nn.Sigmoid())

    Net.__module__, Net.__qualname__ = "elsewhere", "Net"
    module.Net = Net  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "elsewhere", module)
    return Net()


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
@pytest.mark.parametrize("kind", ["network", "state", "nested", "parallel"])
def test_whole_networks_and_state_dicts_give_the_same_tensors(
    network: nn.Module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, zipped: bool, kind: str
) -> None:
    state = network.state_dict()
    content = {
        "network": network,
        "state": state,
        "nested": {"iteration": 500, "state_dict": state},
        "parallel": OrderedDict((f"module.{name}", values) for name, values in state.items()),
    }[kind]
    torch.save(content, tmp_path / "net.pt", _use_new_zipfile_serialization=zipped)
    monkeypatch.delitem(sys.modules, "elsewhere")
    read = read_state_dict(tmp_path / "net.pt", ["elsewhere.Net"])
    assert read.keys() == state.keys()
    assert all(torch.equal(read[name], state[name]) for name in state)


def test_a_class_that_was_not_named_is_refused(network: nn.Module, tmp_path: Path) -> None:
    torch.save(network, tmp_path / "net.pt")
    with pytest.raises(CheckpointError, match=r"names “elsewhere\.Net”"):
        read_state_dict(tmp_path / "net.pt")


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
@pytest.mark.parametrize("place", ["alone", "in a state dict", "in a layer", "beside tensors"])
def test_harm_is_refused_by_its_name_and_does_not_run(
    network: nn.Module, tmp_path: Path, zipped: bool, place: str
) -> None:
    harm = Harmful(tmp_path / "ran")
    content: Any = {
        "alone": harm,
        "in a state dict": OrderedDict(network.state_dict(), harm=harm),
        "beside tensors": {"state_dict": network.state_dict(), "optimizer": harm},
    }.get(place, network)
    network.inner.harm = harm if place == "in a layer" else None  # type: ignore[union-attr]
    torch.save(content, tmp_path / "net.pt", _use_new_zipfile_serialization=zipped)
    with pytest.raises(CheckpointError, match=rf"names “{os.mkdir.__module__}\.mkdir”"):
        read_state_dict(tmp_path / "net.pt", ["elsewhere.Net"])
    assert not (tmp_path / "ran").exists()


HOSTILE = {
    "builtins.eval": b'cbuiltins\neval\n(S\'open("ran", "w")\'\ntR.',
    "__builtin__.getattr": b"c__builtin__\ngetattr\n(c__builtin__\nset\nS'mro'\ntR.",
    "os.system": b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x09touch ran\x85R.",  # by the stack
    "torch.nn.modules.linear.Linear.__init__": b"\x80\x04\x8c\x17torch.nn.modules.linear\x8c\x0fLinear.__init__\x93.",
    "torch._utils.os.system": b"\x80\x04\x8c\x0ctorch._utils\x8c\x09os.system\x93\x8c\x09touch ran\x85R.",
    "torch.hub.load": b"ctorch.hub\nload\n(S'x/y'\nS'z'\ntR.",
    "os.popen": b"(S'touch ran'\nios\npopen\n.",  # the old opcode for instances
    "copyreg._reconstructor": b"ccopyreg\n_reconstructor\n(cbuiltins\nobject\ncbuiltins\nobject\nNtR.",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hand_made_pickles_are_refused_wherever_they_stand(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    content = HOSTILE[name]
    with zipfile.ZipFile(tmp_path / "zip.pt", "w") as file:
        file.writestr("archive/data.pkl", content)
        file.writestr("archive/version", "3\n")
    magic = pickle.dumps(0x1950A86A20F9469CFC6C, 2) + pickle.dumps(1001, 2) + pickle.dumps({"little_endian": True}, 2)
    (tmp_path / "legacy.pt").write_bytes(magic + content)
    (tmp_path / "bare.pt").write_bytes(content)
    for path in ("zip.pt", "legacy.pt", "bare.pt"):
        with pytest.raises(CheckpointError, match=f"names “{name}”"):
            read_state_dict(tmp_path / path)
    assert not (tmp_path / "ran").exists()


def test_what_a_pickle_sets_is_gone_with_it(tmp_path: Path) -> None:
    """An admitted function or class can be given attributes; they must not stay for whoever uses it next."""
    set_it = b"(N(dS'spoilt'\nI1\nstb"
    spoil = b"ctorch._utils\n_rebuild_parameter\n" + set_it + b"ctorch.nn.modules.linear\nLinear\n" + set_it + b"."
    with zipfile.ZipFile(tmp_path / "net.pt", "w") as file:
        file.writestr("archive/data.pkl", spoil)
        file.writestr("archive/version", "3\n")
    with pytest.raises(CheckpointError, match="no PyTorch checkpoint"):
        read_state_dict(tmp_path / "net.pt")
    assert not hasattr(torch._utils._rebuild_parameter, "spoilt")
    assert not hasattr(nn.Linear, "spoilt")


def test_programs_and_broken_files_are_refused(tmp_path: Path) -> None:
    torch.jit.script(nn.Linear(2, 2)).save(str(tmp_path / "script.pt"))
    (tmp_path / "text.pt").write_text("no checkpoint")
    (tmp_path / "empty.pt").write_bytes(b"")
    torch.save({"a": 1}, tmp_path / "numbers.pt")
    torch.save(nn.Linear(2, 2).state_dict(), tmp_path / "whole.pt")
    (tmp_path / "half.pt").write_bytes((tmp_path / "whole.pt").read_bytes()[:700])
    for name, sentence in (
        ("script", "TorchScript"),
        ("text", "no PyTorch checkpoint"),
        ("empty", "no PyTorch checkpoint"),
        ("numbers", "no PyTorch checkpoint"),
        ("half", "no PyTorch checkpoint"),
        ("missing", "does not exist"),
    ):
        with pytest.raises(CheckpointError, match=sentence):
            read_state_dict(tmp_path / f"{name}.pt")
