"""Trills, mordents, grace notes and spread chords are found in the seconds, and written by their signs."""

import music21
import pytest

from pianoroll import Note
from score import Score, engrave
from score.ornaments import find_ornaments


def tune(count: int = 16, *, step: float = 0.5) -> list[Note]:
    """Quarter notes in both hands."""
    pitches = (72, 74, 76, 77, 79, 77, 76, 74)
    upper = [Note(step * i, pitches[i % 8], step * (i + 0.9), 80, "right") for i in range(count)]
    return upper + [Note(2 * step * i, 48, 2 * step * (i + 0.9), 70, "left") for i in range(count // 2)]


def trill(start: float, low: int, high: int, count: int, step: float = 0.07) -> list[Note]:
    return [
        Note(start + step * i, high if i % 2 else low, start + step * (i + 0.95), 70, "right", 3 if i % 2 else 2)
        for i in range(count)
    ]


def without(notes: list[Note], *at: float) -> list[Note]:
    """``notes`` without those of the right hand that begin at the given seconds."""
    return [note for note in notes if note.hand == "left" or note.onset not in at]


def pitches(score: Score) -> list[int]:
    parsed = music21.converter.parseData(score.musicxml, format="musicxml")
    upper = parsed.parts[0].flatten().notes
    return [pitch.midi for element in upper if not element.duration.isGrace for pitch in element.pitches]


def test_a_trill_is_one_long_note_with_its_sign() -> None:
    notes = sorted(without(tune(), 3.5) + trill(3.5, 76, 77, 7, step=0.068))
    found = find_ornaments(notes)
    (main,) = found.trills
    assert (main.pitch, found.trills[main], main.onset) == (76, 77, 3.5)
    assert main.offset == pytest.approx(3.5 + 0.068 * 6.95)
    assert len(found.notes) == len(notes) - 6
    score = engrave(notes, metre="4/4")
    assert score.musicxml.count("<trill-mark") == 1
    assert 'class="trill"' in score.svg_pages[0]
    assert "<accidental-mark" not in score.musicxml


def test_a_trill_with_a_note_that_is_not_the_signatures_has_an_accidental() -> None:
    text = engrave(sorted(without(tune(), 3.5) + trill(3.5, 74, 75, 7)), metre="4/4", key="C major").musicxml
    assert text.split("<accidental-mark")[1].split(">")[1].startswith("flat")


def test_the_turn_that_ends_a_trill_belongs_to_it() -> None:
    end = [Note(3.5 + 0.07 * 7, 75, 3.5 + 0.07 * 8, 70, "right"), Note(3.5 + 0.07 * 8, 76, 4.3, 70, "right")]
    notes = sorted(without(tune(), 3.5, 4.0) + trill(3.5, 76, 77, 7) + end)
    assert len(find_ornaments(notes).notes) == len(notes) - 8


def test_repeated_seconds_of_measured_length_are_no_trill() -> None:
    notes = trill(0.0, 72, 74, 40, step=0.2)
    assert find_ornaments(notes).notes == notes
    assert not find_ornaments(trill(0.0, 72, 76, 40)).trills  # thirds: a tremolo


@pytest.mark.parametrize(("other", "sign"), [(75, "mordent"), (77, "inverted-mordent")])
def test_a_mordent_is_written_by_its_sign(other: int, sign: str) -> None:
    at = [Note(3.0, 76, 3.07, 70, "right"), Note(3.07, other, 3.14, 70, "right"), Note(3.14, 76, 3.5, 70, "right")]
    notes = sorted(without(tune(), 3.0) + at)
    (main,) = find_ornaments(notes).mordents
    assert (main.onset, main.offset, main.pitch) == (3.0, 3.5, 76)
    assert f"<{sign}" in engrave(notes, metre="4/4").musicxml


def test_a_grace_note_has_no_time_of_its_own() -> None:
    notes = sorted([*tune(), Note(2.92, 77, 3.0, 70, "right")])
    found = find_ornaments(notes)
    assert (
        found.graces == {note: (Note(2.92, 77, 3.0, 70, "right"),) for note in notes if note.onset == 2.5}
        or len(found.graces) == 1
    )
    score = engrave(notes, metre="4/4")
    assert score.musicxml.count("<grace") == 1
    assert pitches(score) == [note.pitch for note in tune() if note.hand == "right"]


def test_several_grace_notes_are_beamed_and_stand_in_order() -> None:
    graces = [Note(2.80 + 0.07 * i, pitch, 2.87 + 0.07 * i, 70, "right") for i, pitch in enumerate((72, 74, 75))]
    notes = sorted([*without(tune(), 2.5), Note(2.5, 77, 2.6, 80, "right"), *graces])
    text = engrave(notes, metre="4/4").musicxml
    assert text.count("<grace") == 3
    assert text.count('<grace slash="yes"') == 0


def test_quick_notes_among_quick_notes_are_no_grace_notes() -> None:
    scale = [Note(0.1 * i, 60 + i % 12, 0.1 * i + 0.09, 70, "right") for i in range(40)]
    assert find_ornaments(scale).notes == scale


def test_a_spread_chord_is_one_chord_with_its_sign() -> None:
    chord = [Note(4.0 + 0.06 * i, pitch, 4.9, 70, "left") for i, pitch in enumerate((43, 50, 55, 59))]
    base = [note for note in tune() if note.hand == "right" or note.onset != 4.0]
    base = [note for note in base if not 4.0 <= note.onset < 4.5]
    notes = sorted(base + chord)
    found = find_ornaments(notes)
    assert {note.pitch for note in found.spread} == {43, 50, 55, 59}
    assert {note.onset for note in found.spread} == {4.0}
    assert engrave(notes, metre="4/4").musicxml.count("<arpeggiate") == 4


def test_notes_one_after_another_are_no_spread_chord() -> None:
    run = [Note(0.08 * i, 48 + 3 * (i % 8), 0.08 * i + 0.07, 70, "left") for i in range(32)]
    assert not find_ornaments(run).spread
