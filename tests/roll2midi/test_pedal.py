"""The pedal: changed with the bass, and only guessed at."""

from pathlib import Path

import pytest

from pianoroll import Note
from pianoroll.midi import read_performance
from roll2midi import guess_pedal

WILD = Path(__file__).resolve().parents[3] / "shared" / "data" / "wild"


def test_it_changes_with_the_bass_of_broken_chords() -> None:
    chords = [(48, 55, 64, 72), (45, 52, 60, 69), (41, 48, 57, 65)]
    notes = [
        Note(1.2 * i + 0.3 * k, p, 1.2 * i + 0.3 * k + 0.25) for i, c in enumerate(chords) for k, p in enumerate(c)
    ]
    assert guess_pedal(notes) == [(0.1, 1.2), (1.3, 2.4), (2.5, 4.55)]


def test_it_is_lifted_in_silence_and_without_notes_there_is_none() -> None:
    assert guess_pedal([Note(1.5, 40, 2.0), Note(300.0, 40, 300.5)]) == [(1.6, 3.0), (300.1, 301.5)]
    assert guess_pedal([]) == []


@pytest.mark.skipif(not WILD.exists(), reason="needs the shared data")
@pytest.mark.parametrize("name", ["furelise_new", "furelise_old"])
def test_a_player_pressed_it_about_there(name: str) -> None:
    notes, pedal = read_performance(WILD / f"{name}.mid")
    guessed = [down for down, _ in guess_pedal(notes)]
    near = sum(any(abs(down - true) < 0.15 for down in guessed) for true, _ in pedal)
    assert near / len(pedal) > 0.6
    assert len(guessed) == pytest.approx(len(pedal), rel=0.3)
