"""Beats become bars: in plain music of known metre, and as values that add up."""

import numpy as np
import pytest

from pianoroll import Note
from score import engrave, find_beats
from score.beats import TICKS, track
from score.metre import UNITS, Bars, Metre, find_bars


def march(bars: int, beat: float = 0.5) -> list[Note]:
    """Bars of 4/4: bass on one and three, chords on two and four, a tune of halves and quarters."""
    notes = []
    for bar in range(bars):
        for step in range(4):
            at = (4 * bar + step) * beat
            low = [43 if bar % 2 else 36] if step == 0 else [48] if step == 2 else [60, 64]
            notes += [Note(at, pitch, at + 0.8 * beat, 80 if step == 0 else 60) for pitch in low]
        start = 4 * bar * beat
        for step, length, pitch in ((0, 2, 72 + bar % 3), (2, 1, 76), (3, 1, 74)):
            notes.append(Note(start + step * beat, pitch, start + (step + 0.9 * length) * beat, 85))
    return sorted(notes)


@pytest.mark.parametrize(
    ("name", "beats", "beat", "compound"),
    [("4/4", 4, UNITS, False), ("2/2", 2, 2 * UNITS, False), ("6/8", 2, 144, True), ("3/8", 3, 48, False)],
)
def test_a_metre_knows_its_beats(name: str, beats: int, beat: int, compound: bool) -> None:
    metre = Metre.named(name)
    assert (metre.name, metre.beats, metre.beat, metre.compound) == (name, beats, beat, compound)
    assert metre.bar == beats * beat


def test_units_go_on_through_a_change_of_metre() -> None:
    bars = Bars((Metre(3, 4), Metre(6, 8)), -1)
    assert bars.starts.tolist() == [0, 288, 576]
    assert bars.units(0) == UNITS  # the first tracked beat is the bar's second
    assert bars.units(2 * TICKS) == 288
    assert bars.units(3 * TICKS) == 288 + 144
    assert bars.units(5 * TICKS) == 576 + 144  # beyond the end the last metre goes on
    assert bars.metre_at(300) == Metre(6, 8)
    assert bars.beat_at(1) == 2


def test_a_march_is_in_four_and_begins_with_its_bass() -> None:
    beats, bars = find_bars(track(march(12)))
    assert bars.usual.beats in (2, 4)
    assert bars.first == 0
    assert np.allclose(np.diff(beats.times), 0.5, atol=0.03)


def test_a_lost_beat_does_not_shift_the_bars_after_it() -> None:
    beats = track(march(16))
    lost = [note for note in march(16) if not 16.0 < note.onset < 17.4]
    shifted = [
        note if note.onset < 17 else Note(note.onset - 0.5, note.pitch, note.offset - 0.5, note.velocity)
        for note in lost
    ]
    moved, bars = find_bars(track(shifted, tempo=beats.tempo), metre="4/4")
    assert all(metre.name == "4/4" for metre in bars.metres)
    last = moved.seconds(bars.beat_at(len(bars.metres) - 1))
    assert min(abs(last - (2.0 * bar - 0.5)) for bar in range(17)) < 0.1


@pytest.mark.parametrize("eighth", [0.15, 0.25, 0.5])
def test_three_eight_can_be_asked_for_at_any_tempo(eighth: float) -> None:
    """Eighths quicker than any beat: the bar is followed, and its parts are counted."""
    notes = []
    for bar in range(24):
        at = 3 * eighth * bar
        notes += [Note(at + eighth * i, 72 + (bar + 2 * i) % 7, at + eighth * (i + 0.9), 70, "right") for i in range(3)]
        notes.append(Note(at, 48 + 5 * (bar % 2), at + 2.8 * eighth, 75, "left"))
    score = engrave(sorted(notes), metre="3/8")
    assert score.metre == "3/8"
    assert score.measures in (24, 25)
    assert score.tempo == pytest.approx(60 / eighth, rel=0.03)
    grid = find_beats(sorted(notes), metre="3/8")
    assert grid is not None
    bars = np.array(grid.downbeats)
    assert np.abs(bars[:, None] - 3 * eighth * np.arange(25)).min(axis=1).max() < 0.05
