"""The refiner: rolls in which a key reader's mistakes were made come out with more of the notes that were played."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from dataset_tools.corrupt import SEVERITIES, Corruption, corrupt
from pianoroll import Note, PianoRoll
from pianoroll.metrics import Score, note_score
from roll2midi import DecodeError, decode
from roll2midi.refine import (
    Refiner,
    RefinerSizes,
    even_times,
    inputs,
    load_refiner,
    logit,
    refine,
    resample,
    save_refiner,
)


def a_piece(seconds: float, seed: int = 0) -> list[Note]:
    """A tune over broken chords."""
    rng, notes = np.random.default_rng(seed), []
    for beat in np.arange(0.5, seconds - 1, 0.5):
        chord = [[48, 55, 64], [45, 52, 60], [41, 48, 57], [43, 50, 59]][int(beat // 2) % 4]
        notes.append(Note(beat, 72 + int(rng.choice([0, 2, 4, 5, 7, 9, 11])), beat + 0.42))
        notes += [Note(beat + k / 6, pitch, beat + k / 6 + 0.3) for k, pitch in enumerate(chord)]
    return sorted(notes)


@pytest.mark.parametrize("severity", SEVERITIES)
def test_more_notes_are_right_than_by_the_rules_alone(severity: str) -> None:
    scores = {"refiner": Score(), "rules": Score()}
    for seed in range(4):
        notes = a_piece(30, seed)
        roll = corrupt(notes, Corruption().times(SEVERITIES[severity]), np.random.default_rng(seed))
        for model in scores:
            scores[model] += note_score(decode(roll, model=model), notes, offsets=True)
    assert scores["refiner"].f1 > scores["rules"].f1


@pytest.mark.parametrize("rate", [15.0, 25.0, 60.0])
def test_a_clean_roll_keeps_its_notes_at_any_frame_rate(rate: float) -> None:
    notes = a_piece(20)
    clean = replace(Corruption().times(0), unsure=0.0, jitter=0.0)
    roll = corrupt(notes, clean, np.random.default_rng(0), rate=rate)
    found = decode(roll)
    assert note_score(found, notes).f1 > 0.98
    onsets = {note.pitch: [] for note in notes}
    for note in found:
        onsets.setdefault(note.pitch, []).append(note.onset)
    late = [min((abs(t - n.onset) for t in onsets[n.pitch]), default=1.0) for n in notes]
    assert np.median(late) < 0.012


def test_long_rolls_are_refined_in_parts_as_if_in_one(monkeypatch: pytest.MonkeyPatch) -> None:
    roll = corrupt(a_piece(40), Corruption(), np.random.default_rng(1))
    whole = refine(roll)
    monkeypatch.setattr("roll2midi.refine.CHUNK", 170)
    parts = refine(roll)
    np.testing.assert_allclose(parts.frame, whole.frame, atol=1e-5)
    np.testing.assert_allclose(parts.onset, whole.onset, atol=1e-5)


@pytest.mark.parametrize(("rate", "seconds"), [(30, 30.0), (60, 60.0), (25, 30.0), (24, 61.0)])
def test_every_length_is_refined_whole(rate: float, seconds: float) -> None:
    times = np.arange(round(rate * seconds)) / rate
    times[len(times) // 2 :] += 45.0  # nothing was filmed for a while
    frame = np.zeros((len(times), 88), dtype=np.float32)
    frame[:, 40] = 0.9
    refined = refine(PianoRoll(times, frame, 0.1 * frame))
    assert refined.frame.shape == frame.shape
    assert (refined.frame[:, 40] > 0).all()


def test_a_new_refiner_changes_nothing(tmp_path: Path) -> None:
    save_refiner(Refiner(RefinerSizes(width=4, layers=2)), tmp_path / "new.safetensors", {})
    roll = corrupt(a_piece(10), Corruption(), np.random.default_rng(2))
    same = refine(roll, tmp_path / "new.safetensors")
    np.testing.assert_allclose(same.frame, roll.frame, atol=0.02)  # keys that stay faint are left out
    assert (same.threshold, same.onset_threshold) == (roll.threshold, roll.onset_threshold)


def test_keys_that_nobody_touched_stay_silent() -> None:
    roll = PianoRoll(np.arange(100) / 25, np.zeros((100, 88), np.float32), np.zeros((100, 88), np.float32))
    assert refine(roll).frame.max() == 0
    assert decode(roll) == []


def test_resampling_keeps_what_lies_on_the_new_times() -> None:
    times = np.sort(np.random.default_rng(0).uniform(0, 4, 100))
    values = np.stack([times, 2 - times], axis=1)
    even = even_times(times)
    assert np.diff(even) == pytest.approx(0.04)
    np.testing.assert_allclose(resample(even[:-1], times, values)[:, 0], even[:-1], atol=1e-9)


def test_inputs_hold_what_was_read() -> None:
    frame = np.random.default_rng(0).random((7, 88)).astype(np.float32)
    seen = inputs(frame, 1 - frame)
    assert seen.shape == (5, 88, 7)
    np.testing.assert_allclose(seen[0].T * 6, logit(frame), atol=1e-5)
    np.testing.assert_allclose(seen[1], -seen[0], atol=1e-5)
    assert seen[2, 1].all()
    assert not seen[2, 0].any()  # A#0 is black, A0 is white


@pytest.mark.parametrize("content", [b"", b"no weights"])
def test_what_holds_no_weights_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "broken.safetensors").write_bytes(content)
    roll = corrupt(a_piece(5), Corruption(), np.random.default_rng(0))
    with pytest.raises(DecodeError, match=r"broken\.safetensors holds no weights"):
        decode(roll, model=str(tmp_path / "broken.safetensors"))
    with pytest.raises(DecodeError, match="does not exist"):
        decode(roll, model=str(tmp_path / "nowhere.safetensors"))


def test_weights_come_back_with_their_facts(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = Refiner(RefinerSizes(width=4, layers=1))
    save_refiner(network, tmp_path / "a.safetensors", {"threshold": 0.4})
    back, facts = load_refiner(str(tmp_path / "a.safetensors"))
    assert facts == {"threshold": 0.4}
    for name, values in network.state_dict().items():
        assert torch.equal(back.state_dict()[name], values)
