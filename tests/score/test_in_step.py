"""When the drawn notes are heard."""

import numpy as np
import pytest

from pianoroll import Note
from score import engrave
from score.in_step import in_step
from score.pages import DrawnNote

CLOCK = np.array([[0.0, 1.0], [1.0, 1.5], [2.0, 2.2]])  # quarter notes, seconds


def test_a_note_is_heard_when_it_was_played_and_else_when_the_beat_says() -> None:
    drawn = [DrawnNote("a", 60, 0, 1), DrawnNote("b", 62, 1, 2), DrawnNote("c", 64, 1.5, 2)]
    steps = in_step(drawn, CLOCK, [Note(1.04, 60, 1.4), Note(9.0, 64, 9.5)])
    assert [(step.id, step.start) for step in steps] == [("a", 1.04), ("b", 1.5), ("c", pytest.approx(1.85))]
    assert [step.end for step in steps] == pytest.approx([1.5, 2.2, 2.2])


def test_each_played_note_is_one_drawn_note_and_a_tied_note_begins_on_its_beat() -> None:
    drawn = [DrawnNote("a", 60, 0, 1), DrawnNote("tied", 60, 1, 1.5, tied=True), DrawnNote("b", 60, 1.5, 2)]
    steps = in_step(drawn, CLOCK, [Note(1.1, 60, 1.7), Note(1.8, 60, 2.0)])
    assert [step.start for step in steps] == [1.1, 1.5, 1.8]


def test_every_note_of_a_score_has_its_step() -> None:
    notes = [Note(0.5 * i + 0.03 * (i % 3), 60 + i * 5 % 13, 0.5 * i + 0.45, hand="right") for i in range(32)]
    notes += [Note(2.0 * i, 41 + i, 2.0 * i + 1.9, hand="left") for i in range(8)]
    score = engrave(notes)
    steps = score.steps()
    played = {step.start for step in steps}
    assert {note.onset for note in notes} <= played
    drawn = "".join(score.svg_pages)
    assert all(f'id="{step.id}"' in drawn for step in steps)


def test_a_score_without_notes_has_no_steps() -> None:
    assert engrave([]).steps() == []
