"""Audeo's Roll2MidiNet takes a step, and its checkpoint loads as the authors' would."""

from pathlib import Path

import numpy as np
import torch

from dataset_tools.corrupt import Corruption, corrupt
from pianoroll import Note
from roll2midi.audeo import Roll2MidiNet, load_roll2midi
from roll2midi.train_audeo import draw, train_roll2midi
from roll2midi.train_refiner import label

PIECE = [Note(0.5 + 0.25 * k, 50 + (7 * k) % 30, 0.5 + 0.25 * k + 0.3) for k in range(40)]


def test_a_step_changes_the_network_and_its_checkpoint_loads(tmp_path: Path) -> None:
    clips = [label(corrupt(PIECE, Corruption(), np.random.default_rng(0)), PIECE, 0.0, 10.0)]
    seen, truth, known = draw(np.random.default_rng(0), clips, clips, 3)
    assert seen.shape == truth.shape == known.shape == (3, 1, 51, 100)
    assert known.min() == 1
    assert ((seen > 0.5) == (truth > 0.5)).float().mean() > 0.97
    train_roll2midi(clips, clips, tmp_path / "net.tar", minutes=0, size=2)
    torch.manual_seed(0)
    fresh, trained = Roll2MidiNet(), load_roll2midi(tmp_path / "net.tar")
    assert not torch.equal(fresh.conv1d.weight, trained.conv1d.weight)
    saved = torch.load(tmp_path / "net.tar", weights_only=True)
    assert {"epoch", "state_dict_G", "optimizer_G", "state_dict_D", "optimizer_D"} <= set(saved)
