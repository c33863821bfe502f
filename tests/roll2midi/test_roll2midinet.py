"""Audeo's Roll2MidiNet: it gives what the original gives, on rolls of any length, and takes no other file."""

import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from pianoroll import PianoRoll
from roll2midi.audeo import THRESHOLD, Discriminator, Roll2MidiNet, clean, load_roll2midi
from roll2midi.errors import DecodeError

Synthetic = Callable[[torch.nn.Module], dict[str, torch.Tensor]]
VECTORS = Path(__file__).resolve().parents[3] / "shared" / "reference" / "audeo_vectors.npz"


class Copy(Roll2MidiNet):
    """Gives back what it is given, so that only the sliding is seen."""

    def forward(self, roll: torch.Tensor) -> torch.Tensor:
        return roll


def test_the_networks_have_the_entries_of_the_original() -> None:
    network, critic = Roll2MidiNet(), Discriminator()
    assert len(network.state_dict()) == 63
    assert sum(values.numel() for values in network.parameters()) == 25_103_665
    assert [name for name, _ in critic.named_parameters()][::2] == [f"model.{i}.weight" for i in (0, 2, 5, 8, 11)]
    assert sum(values.numel() for values in critic.parameters()) == 1_554_433
    assert critic(torch.zeros(2, 1, 51, 100)).shape == (2, 1, 7, 13)


@pytest.mark.skipif(not VECTORS.exists(), reason="needs the shared data")
def test_the_network_gives_what_the_original_gives(tmp_path: Path, synthetic: Synthetic) -> None:
    path = tmp_path / "checkpoint.tar"
    state = {f"module.{name}": values for name, values in synthetic(Roll2MidiNet()).items()}
    torch.save({"epoch": 3, "state_dict_G": state, "state_dict_D": {}, "optimizer_G": {}, "optimizer_D": {}}, path)
    given = np.random.default_rng(2).random((1, 1, 51, 100), dtype=np.float32)
    with torch.inference_mode():
        found = load_roll2midi(path)(torch.from_numpy(given)).numpy()
    np.testing.assert_allclose(found, np.load(VECTORS)["roll2midi_probs"], atol=1e-4)


@pytest.mark.parametrize("frames", [1, 30, 100, 101, 149, 150, 151, 333])
@pytest.mark.parametrize("rate", [15, 25, 60])
def test_no_frame_is_dropped_and_no_seam_is_left(frames: int, rate: int) -> None:
    times = 3.0 + np.arange(frames) / rate
    slow = 0.5 + 0.5 * np.sin(times[:, None] * np.linspace(0.5, 2, 88)).astype(np.float32)
    roll = PianoRoll(times, slow, slow)
    cleaned = clean(roll, Copy())
    assert cleaned.threshold == THRESHOLD
    np.testing.assert_allclose(cleaned.frame, slow, atol=0.01)
    np.testing.assert_array_equal(cleaned.onset, slow)


def test_an_empty_roll_stays_empty() -> None:
    nothing = np.zeros((0, 88), dtype=np.float32)
    assert len(clean(PianoRoll(np.zeros(0), nothing, nothing), Copy())) == 0


@pytest.mark.parametrize("content", [b"", b"no checkpoint", pickle.dumps({"state_dict_G": {"a": 1}})])
def test_a_file_that_is_no_checkpoint_is_refused_in_a_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.tar"
    path.write_bytes(content)
    with pytest.raises(DecodeError, match=r"broken\.tar is no checkpoint of Audeo's Roll2MidiNet"):
        load_roll2midi(path)
    with pytest.raises(DecodeError, match="does not exist"):
        load_roll2midi(tmp_path / "nowhere.tar")
