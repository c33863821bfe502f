"""The key reader: its shapes, its file, and that it reads a key at the key's own place."""

from pathlib import Path

import pytest
import torch

from video2roll.model import KeyReader, KeyReaderSizes, ModelError, load_model, save_model


def test_weights_and_facts_come_back(tmp_path: Path) -> None:
    model = KeyReader(KeyReaderSizes(widths=(4, 6, 8), hidden=5)).eval()
    save_model(model, tmp_path / "m.safetensors", {"dev_frame_f1": 0.5})
    again, facts = load_model(tmp_path / "m.safetensors")
    windows, places = torch.rand(2, 6, 88, 168), torch.full((2, 3), 50.0)
    assert facts == {"dev_frame_f1": 0.5}
    assert again.sizes == model.sizes
    for ours, theirs in zip(model(windows, places, places), again(windows, places, places), strict=True):
        assert torch.equal(ours, theirs)


def test_a_change_at_one_key_is_read_there_and_not_elsewhere() -> None:
    torch.manual_seed(0)
    model = KeyReader(KeyReaderSizes(widths=(4, 6, 8), hidden=8)).eval()
    still = torch.full((1, 6, 88, 624), 0.5)
    moved = still.clone()
    moved[:, 2:5, 40:70, 300:312] = 0.9
    places = torch.tensor([[60.0, 306.0, 560.0]])
    change = (model(moved, places, places)[0] - model(still, places, places)[0]).abs().amax(-1)[0]
    assert change[1] > 1e-3
    assert change[0] == 0
    assert change[2] == 0


@pytest.mark.parametrize("content", [b"", b"not weights at all", b"\x08\x00\x00\x00\x00\x00\x00\x00{}      "])
def test_other_files_are_refused_in_words(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.safetensors").write_bytes(content)
    with pytest.raises(ModelError, match="holds no weights"):
        load_model(tmp_path / "x.safetensors")
    with pytest.raises(ModelError, match="does not exist"):
        load_model(tmp_path / "y.safetensors")
