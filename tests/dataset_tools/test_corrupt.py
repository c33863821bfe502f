"""Corrupted rolls: right where nothing was corrupted, worse with every severity, wrong in the ways asked for."""

from dataclasses import replace

import numpy as np
import pytest

from dataset_tools.corrupt import SEVERITIES, Corruption, corrupt, in_view, made_rolls
from pianoroll import Note, PianoRoll
from pianoroll.metrics import frame_score, note_score
from pianoroll.roll import notes_to_frames
from roll2midi import decode

CLEAN = replace(Corruption().times(0), unsure=0.0, jitter=0.0)
PIECE = [Note(0.5 + 0.25 * k, 50 + (7 * k) % 30, 0.5 + 0.25 * k + 0.3) for k in range(200)]


def roll_of(seed: int = 0, notes: list[Note] = PIECE, **worse: float) -> PianoRoll:
    return corrupt(notes, replace(CLEAN, **worse), np.random.default_rng(seed))


def test_what_is_not_corrupted_is_right() -> None:
    roll = roll_of()
    assert note_score(decode(roll, model="rules"), PIECE, offsets=True).f1 == 1
    assert frame_score(roll.frame > 0.5, notes_to_frames(PIECE, roll.times)).f1 > 0.95


def test_every_severity_is_worse_than_the_one_before() -> None:
    scores = []
    for factor in SEVERITIES.values():
        roll = corrupt(PIECE, Corruption().times(factor), np.random.default_rng(0))
        scores.append(note_score(decode(roll, model="rules"), PIECE, offsets=True).f1)
    assert scores == sorted(scores, reverse=True)
    assert scores[0] - scores[-1] > 0.1


def test_missed_notes_are_missed_and_blips_invented() -> None:
    assert len(decode(roll_of(missed=0.5), model="rules")) == pytest.approx(100, abs=25)
    assert len(decode(roll_of(blip=0.5), model="rules")) > 230


def test_keys_struck_again_merge() -> None:
    again = [Note(0.5 + 0.3 * k, 60, 0.5 + 0.3 * k + 0.2) for k in range(40)]
    assert len(decode(roll_of(notes=again), model="rules")) == 40
    assert len(decode(roll_of(notes=again, merged=0.6), model="rules")) < 30


def test_jitter_moves_onsets_by_as_much_as_asked() -> None:
    found = decode(roll_of(jitter=0.03), model="rules")
    true = {note.pitch: [n.onset for n in PIECE if n.pitch == note.pitch] for note in PIECE}
    moved = [min((t - note.onset for t in true[note.pitch]), key=abs) for note in found]
    assert 0.02 < np.std(moved) < 0.04


def test_the_same_seed_gives_the_same_roll_and_no_notes_an_empty_one() -> None:
    usual = [corrupt(PIECE, Corruption(), np.random.default_rng(3)) for _ in range(2)]
    np.testing.assert_array_equal(usual[0].frame, usual[1].frame)
    assert corrupt([], Corruption(), np.random.default_rng(0)).frame.max() < 0.02


def test_keys_out_of_the_picture_are_silent_and_their_notes_not_asked_for() -> None:
    wide = [Note(0.5 + 0.25 * k, 22 + (7 * k) % 86, 0.5 + 0.25 * k + 0.3) for k in range(200)]
    for seed in range(6):
        roll = roll_of(seed, wide, cut=1.0)
        kept = in_view(wide, roll)
        missing = {note.key for note in wide} - {note.key for note in kept}
        assert missing
        assert roll.frame[:, sorted(missing)].max() < 0.01
        assert note_score(decode(roll, model="rules"), kept).f1 == 1


def test_performances_that_are_too_short_make_none() -> None:
    assert list(made_rolls([PIECE[:5]], 3, np.random.default_rng(0))) == []


def test_made_rolls_hold_the_notes_of_their_stretch() -> None:
    long = [Note(0.25 * k, 40 + k % 48, 0.25 * k + 5) for k in range(2000)]
    for roll, notes in made_rolls([long], 5, np.random.default_rng(0), seconds=20.0):
        assert len(notes) == pytest.approx(80, abs=2)
        assert all(0 <= note.onset < 20 for note in notes)
        assert len({round(note.offset - note.onset, 6) for note in notes}) == 1
        assert roll.frame.shape == (len(roll.times), 88)
        assert note_score(decode(roll, model="rules"), notes, onset_tolerance=0.1).f1 > 0.4
