"""The refiner's training: labels lie where the notes are, and a few seconds of it make rolls better."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from dataset_tools.corrupt import Corruption, corrupt
from pianoroll import Note
from roll2midi.refine import CHANNELS, load_refiner
from roll2midi.train_refiner import BATCH, FRAMES, KEYS_SEEN, D, draw, label, loss_of, train_refiner

PIECE = [Note(0.5 + 0.25 * k, 50 + (7 * k) % 30, 0.5 + 0.25 * k + 0.3) for k in range(80)]


@pytest.mark.parametrize("pace", [1.0, 0.8])
def test_labels_lie_where_the_notes_are(pace: float) -> None:
    roll = corrupt(PIECE, Corruption().times(0.1), np.random.default_rng(0))
    made = label(roll, PIECE, 2.0, 12.0, exact_ends=False, pace=pace)
    assert made.seen.shape[:2] == (2, 88)
    assert made.truth.shape == (3, 88, made.seen.shape[2])
    assert made.seen.shape[2] == pytest.approx(10 / 0.04 / pace, abs=2)
    down, onset, weight = made.truth.astype(np.float32)
    assert ((made.seen[0] > 0) == (down > 0)).mean() > 0.98
    assert onset.max() == pytest.approx(1, abs=0.35)
    assert weight.min() == 0  # how long the sound says that a key is down is not believed
    assert (weight[onset > 0] == 1).mean() > 0.95


def test_a_key_struck_again_is_taught_though_the_note_before_hides_it() -> None:
    again = [Note(1.0, 60, 2.0), Note(2.05, 60, 3.0)]
    roll = corrupt(again, Corruption().times(0.1), np.random.default_rng(0))
    _, onset, weight = label(roll, again, 0.0, 4.0, exact_ends=False).truth.astype(np.float32)
    assert (weight[onset > 0] == 1).all()
    assert weight[39, round(1.6 / 0.04)] == 0


def test_what_is_drawn_is_a_part_of_the_keyboard_with_its_truth() -> None:
    roll = corrupt(PIECE, Corruption().times(0.1), np.random.default_rng(0))
    clips = [label(roll, PIECE, 0.0, 20.0)]
    assert 21 + D == 62
    for seed in range(5):
        seen, truth = draw(np.random.default_rng(seed), clips, clips)
        assert seen.shape == (BATCH, CHANNELS, KEYS_SEEN, FRAMES)
        assert truth.shape == (BATCH, 3, KEYS_SEEN, FRAMES)
        agree = (seen[:, 0] > 0) == (truth[:, 0] > 0)
        assert agree.float().mean() > 0.98
        assert loss_of(torch.zeros_like(truth[:, :2]), seen, truth) < 0.1


def test_training_makes_rolls_better(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("roll2midi.train_refiner.RATE", 0.03)  # in a hurry
    monkeypatch.setattr("roll2midi.train_refiner.AVERAGED", 5)
    roll = corrupt(PIECE, Corruption().times(0.1), np.random.default_rng(0))
    faint = replace(roll, frame=0.3 * roll.frame, onset=0.3 * roll.onset)  # a reader that is never sure
    clips = [label(faint, PIECE, 0.0, 20.0)]
    train_refiner(clips, clips, tmp_path / "r.safetensors", steps=40, facts={"a": 1}, tell=lambda line: None)
    trained, facts = load_refiner(str(tmp_path / "r.safetensors"))
    assert facts == {"a": 1, "steps": 40}
    seen, truth = draw(np.random.default_rng(9), clips, clips)
    with torch.inference_mode():
        refined, unrefined = (float(loss_of(added, seen, truth)) for added in (trained(seen), 0 * trained(seen)))
    assert refined < 0.9 * unrefined
