"""Audeo's network: it gives what the original gives, and takes no other file for its checkpoint."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from video2roll.audeo import Video2RollNet, load_audeo, on_88_keys
from video2roll.model import ModelError

Synthetic = Callable[[torch.nn.Module], dict[str, torch.Tensor]]
VECTORS = Path(__file__).resolve().parents[3] / "shared" / "reference" / "audeo_vectors.npz"


def test_the_network_has_the_entries_of_the_original() -> None:
    network = Video2RollNet()
    assert len(network.state_dict()) == 175
    assert sum(values.numel() for values in network.parameters()) == 12_713_651


@pytest.mark.skipif(not VECTORS.exists(), reason="needs the shared data")
def test_the_network_gives_what_the_original_gives(tmp_path: Path, synthetic: Synthetic) -> None:
    torch.save(synthetic(Video2RollNet()), tmp_path / "audeo.pth")
    network = load_audeo(tmp_path / "audeo.pth")
    windows = torch.from_numpy(np.random.default_rng(1).random((2, 5, 100, 900), dtype=np.float32))
    with torch.inference_mode(), np.load(VECTORS) as vectors:
        np.testing.assert_allclose(network(windows).numpy(), vectors["video2roll_logits"], atol=1e-4)


@pytest.mark.parametrize("keys", [51, 81, 88])
def test_checkpoints_of_other_key_ranges(tmp_path: Path, keys: int, synthetic: Synthetic) -> None:
    torch.save(synthetic(Video2RollNet(keys)), tmp_path / "m.pth")
    assert load_audeo(tmp_path / "m.pth").fc.out_features == keys
    wide = on_88_keys(np.ones((3, keys), np.float32))
    assert wide.shape == (3, 88)
    assert (wide == 1).sum(axis=1).tolist() == [keys] * 3
    assert wide[0, 39] == 1


def test_other_files_are_refused_in_words(tmp_path: Path) -> None:
    for name, content in (("a.pth", b""), ("b.pth", b"no weights")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ModelError, match="is no checkpoint"):
            load_audeo(tmp_path / name)
    torch.save({"fc.weight": torch.zeros(7, 128)}, tmp_path / "c.pth")
    with pytest.raises(ModelError, match="reads 7 keys"):
        load_audeo(tmp_path / "c.pth")
    with pytest.raises(ModelError, match="does not exist"):
        load_audeo(tmp_path / "d.pth")
