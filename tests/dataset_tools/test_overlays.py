"""Drawn falling notes meet the line at the keys when their notes begin and end."""

import numpy as np
import pytest

from dataset_tools.overlays import STYLES, Overlay, Style
from pianoroll import Note
from pianoroll.keys import key_centre
from video2roll.rectify import Keyboard

KEYBOARD = Keyboard(np.array([[20.0, 200], [540, 200], [540, 260], [20, 260]]))  # ten pixels a white key
BARE = Style(travel=2.0, gap=0.0, ground=(0, 0, 0), right=(0, 250, 0), left=(0, 0, 250))


def column(note: Note, time: float, style: Style = BARE) -> np.ndarray:
    """Where the note's bar is in the middle of its lane, above the line: bool, one a row."""
    picture = Overlay(KEYBOARD, [note], style)(np.zeros((300, 560, 3), np.uint8), time)
    lane = picture[:200, round(20 + 10 * key_centre(note.pitch))]
    return np.asarray(lane.max(axis=1) > 125)


def test_a_bar_falls_to_the_line_and_goes_through_it() -> None:
    note = Note(3.0, 60, 3.5)
    assert not column(note, 0.5).any()
    assert np.flatnonzero(column(note, 2.0))[-1] == pytest.approx(99, abs=1)
    assert column(note, 3.0)[199]
    assert not column(note, 2.97)[199]
    assert column(note, 3.0).sum() == pytest.approx(50, abs=1)
    assert column(note, 3.45)[199]
    assert not column(note, 3.52).any()


def test_a_rising_bar_grows_while_its_key_is_down_and_then_leaves() -> None:
    note, style = Note(3.0, 60, 3.5), Style(travel=2.0, gap=0.0, ground=(0, 0, 0), rising=True)
    assert not column(note, 2.95, style).any()
    assert column(note, 3.4, style).sum() == pytest.approx(40, abs=1)
    assert column(note, 3.4, style)[199]
    assert not column(note, 3.6, style)[199]


def test_every_style_leaves_the_keys_of_the_picture_alone_but_where_it_glows() -> None:
    picture = np.random.default_rng(0).integers(0, 255, (300, 560, 3), np.uint8)
    for name, style in STYLES.items():
        drawn = Overlay(KEYBOARD, [Note(1.0, 60, 2.0), Note(1.5, 40, 2.0)], style)(picture, 1.6)
        assert (drawn[:190] != picture[:190]).any()
        assert (drawn[202:] == picture[202:]).all() == (name != "glowing")
