"""Slower, in another key, one hand alone."""

import pytest

from midi_synth import SynthError, practise
from pianoroll import Note

NOTES = [Note(1.0, 60, 2.0, 80, "right"), Note(1.5, 48, 3.0, 70, "left"), Note(2.0, 107, 2.5, 70, "right")]


def test_half_speed_takes_twice_as_long() -> None:
    notes, pedal = practise(NOTES, [(1.0, 2.5)], speed=0.5)
    assert [(note.onset, note.offset) for note in notes] == [(2, 4), (3, 6), (4, 5)]
    assert pedal == [(2, 5)]


def test_transposed_notes_beyond_the_piano_are_left_out() -> None:
    notes, _ = practise(NOTES, transpose=-2)
    assert [note.pitch for note in notes] == [58, 46, 105]
    assert [note.pitch for note in practise(NOTES, transpose=2)[0]] == [62, 50]


def test_one_hand_alone() -> None:
    assert practise(NOTES, solo="left")[0] == [NOTES[1]]
    with pytest.raises(SynthError, match="tracks named left and right"):
        practise([Note(0.0, 60, 1.0)], solo="left")
    assert practise([], solo="left") == ([], [])


@pytest.mark.parametrize(
    ("wish", "told"),
    [
        ({"speed": 0.0}, "0.1 to 4"),
        ({"speed": float("nan")}, "0.1 to 4"),
        ({"transpose": 99}, "24"),
        ({"solo": "foot"}, "hand"),
    ],
)
def test_what_cannot_be_played_is_told(wish: dict[str, object], told: str) -> None:
    with pytest.raises(SynthError, match=told):
        practise(NOTES, **wish)  # type: ignore[arg-type]
