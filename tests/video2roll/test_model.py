"""The key reader: its shapes, its file, and that it reads a key at the key's own place."""

from pathlib import Path

import pytest
import torch

from pianoroll.keys import CENTRES
from video2roll.model import KeyReader, KeyReaderSizes, ModelError, load_model, save_model
from video2roll.rectify import STRIP_SCALE


def test_weights_and_facts_come_back(tmp_path: Path) -> None:
    model = KeyReader(KeyReaderSizes(widths=(4, 6, 8), hidden=5)).eval()
    save_model(model, tmp_path / "m.safetensors", {"dev_frame_f1": 0.5})
    again, facts = load_model(tmp_path / "m.safetensors")
    windows, places = torch.rand(2, 6, 104, 168), torch.full((2, 88), 50.0)
    assert facts == {"dev_frame_f1": 0.5}
    assert again.sizes == model.sizes
    assert torch.equal(model(windows, places), again(windows, places))


def test_a_change_at_one_key_is_read_there_and_not_elsewhere() -> None:
    torch.manual_seed(0)
    model = KeyReader(KeyReaderSizes(widths=(4, 6, 8), hidden=8)).eval()
    still = torch.full((1, 6, 104, 624), 0.5)
    moved = still.clone()
    moved[:, 2:5, 40:70, 300:312] = 0.9
    places = torch.from_numpy(CENTRES.astype("float32") * STRIP_SCALE)[None]
    change = (model(moved, places) - model(still, places)).abs().amax(-1)[0]
    assert change[43] > 1e-3  # E4, at 306
    assert change[:30].max() == 0
    assert change[60:].max() == 0


@pytest.mark.parametrize("content", [b"", b"not weights at all", b"\x08\x00\x00\x00\x00\x00\x00\x00{}      "])
def test_other_files_are_refused_in_words(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.safetensors").write_bytes(content)
    with pytest.raises(ModelError, match="holds no weights"):
        load_model(tmp_path / "x.safetensors")
    with pytest.raises(ModelError, match="does not exist"):
        load_model(tmp_path / "y.safetensors")
