"""Rolls with known flicker go in; the notes that a musician would have played come out, by the rules alone."""

from functools import partial

import numpy as np
import pytest

from pianoroll import Note, PianoRoll
from pianoroll.metrics import note_score
from roll2midi import DecodeError, decode
from roll2midi.decode import MODELS

RATE = 25.0
by_rules = partial(decode, model="rules")


def roll_of(notes: list[Note], seconds: float = 4.0, shift: float = 0.0) -> PianoRoll:
    """A roll at 25 frames a second in which each key rises linearly over two frames, with an onset peak."""
    times = np.arange(0, seconds, 1 / RATE) + shift
    frame, onset = np.zeros((len(times), 88)), np.zeros((len(times), 88))
    for note in notes:
        rise = np.clip((times - note.onset) * RATE / 2 + 0.5, 0, 1) * np.clip(
            (note.offset - times) * RATE / 2 + 0.5, 0, 1
        )
        frame[:, note.key] = np.maximum(frame[:, note.key], rise)
        onset[:, note.key] = np.maximum(onset[:, note.key], np.clip(1 - np.abs(times - note.onset) / 0.06, 0, 1))
    return PianoRoll(times, frame, onset)


@pytest.mark.parametrize("shift", [0.0, 0.013, 0.031])
def test_notes_come_back_to_a_fraction_of_a_frame(shift: float) -> None:
    played = [Note(0.5, 60, 1.1), Note(0.5, 64, 0.9), Note(1.47, 61, 2.0), Note(2.2, 21, 2.6), Note(2.9, 108, 3.5)]
    found = by_rules(roll_of(played, shift=shift))
    assert [note.pitch for note in found] == [60, 64, 61, 21, 108]
    for note, true in zip(found, played, strict=True):
        assert note.onset == pytest.approx(true.onset, abs=0.02)
        assert note.offset == pytest.approx(true.offset, abs=0.03)


def test_a_gap_of_one_frame_does_not_break_a_note() -> None:
    roll = roll_of([Note(1.0, 70, 2.0)])
    roll.frame[np.searchsorted(roll.times, 1.5), 70 - 21] = 0.1
    assert len(by_rules(roll)) == 1


def test_a_blip_of_one_frame_is_no_note() -> None:
    roll = roll_of([])
    roll.frame[40, 30] = 0.6
    assert by_rules(roll) == []


def test_a_staccato_that_two_frames_show_is_a_note() -> None:
    roll = roll_of([])
    roll.frame[40:42, 30], roll.onset[38:42, 30] = [0.55, 0.65], [0.45, 0.5, 0.3, 0.1]
    (note,) = by_rules(roll)
    assert note.onset == pytest.approx(roll.times[39], abs=0.04)
    assert 0.03 < note.offset - note.onset < 0.15


def test_a_bump_of_onset_while_the_key_stays_down_is_no_repeat() -> None:
    roll = roll_of([Note(1.0, 65, 2.5)])
    roll.onset_threshold = 0.2
    i = int(np.searchsorted(roll.times, 1.7))
    roll.onset[i, 65 - 21] = 0.3
    assert len(by_rules(roll)) == 1
    roll.frame[i - 1, 65 - 21] = 0.7
    assert len(by_rules(roll)) == 2


def test_a_repeated_key_that_never_comes_up_is_played_twice() -> None:
    roll = roll_of([Note(1.0, 65, 2.5)])
    again = np.clip(1 - np.abs(roll.times - 1.7) / 0.06, 0, 1)
    roll.onset[:, 65 - 21] = np.maximum(roll.onset[:, 65 - 21], again)
    assert note_score(by_rules(roll), [Note(1.0, 65, 1.7), Note(1.7, 65, 2.5)], offsets=True).f1 == 1


def test_two_stretches_that_share_an_onset_are_one_note() -> None:
    roll = roll_of([])
    roll.frame[25, 40] = roll.frame[28:40, 40] = 0.9
    roll.onset[27:30, 40] = [0.4, 0.9, 0.4]
    (note,) = by_rules(roll)
    assert (note.onset, note.offset) == (pytest.approx(1.1, abs=0.05), pytest.approx(1.58, abs=0.03))


def test_no_frames_and_one_frame() -> None:
    nothing, down = np.zeros((0, 88)), np.zeros((1, 88))
    down[0, 40] = 1
    for model in MODELS:
        assert decode(PianoRoll(np.zeros(0), nothing, nothing), model=model) == []
        assert [note.pitch for note in decode(PianoRoll(np.zeros(1), down, down), model=model)] in ([], [61])


def test_a_bare_threshold_takes_every_stretch_for_a_note() -> None:
    roll = roll_of([])
    roll.frame[10:15, 30], roll.frame[20, 30], roll.frame[98:, 40] = 0.6, 0.6, 0.6
    found = [(round(note.onset, 2), round(note.offset, 2), note.key) for note in decode(roll, model="threshold")]
    assert found == [(0.4, 0.6, 30), (0.8, 0.84, 30), (3.92, 4.0, 40)]


def test_an_unknown_model_is_refused() -> None:
    with pytest.raises(DecodeError, match="no note model"):
        decode(roll_of([]), model="wizard")
