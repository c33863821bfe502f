"""Spelling: what the key, the line and the harmony ask for."""

import pytest

from pianoroll import Note
from score.key import Key, find_keys
from score.spelling import spell
from tests.score.tunes import cadences, line

LETTERS = "FCGDAEB"
C_MAJOR = [(0.0, Key(0, "major"))]


def names(notes: list[Note], keys: list[tuple[float, Key]] | None = None) -> list[str]:
    marks = {-2: "bb", -1: "b", 0: "", 1: "#", 2: "##"}
    return [LETTERS[(place + 1) % 7] + marks[(place + 1) // 7] for place in spell(notes, keys)]


def framed(pitches: list[int], *, mode: str = "major", up: int = 0) -> list[Note]:
    """A line between cadences that make its key plain."""
    end = 16 + 0.25 * len(pitches)
    return cadences(mode, 4, up=up) + line(pitches, start=16) + cadences(mode, 4, up=up, start=end)


def middle(pitches: list[int], **where: str | int) -> list[str]:
    """Names of the line in ``framed``."""
    notes = framed(pitches, **where)  # type: ignore[arg-type]  # mode and up
    return names(notes)[64 : 64 + len(pitches)]


def test_every_name_is_of_its_pitch() -> None:
    notes = line(range(21, 109)) + line(range(108, 20, -1), start=30)
    assert all((7 * place - note.pitch) % 12 == 0 for note, place in zip(notes, spell(notes), strict=True))


def test_a_scale_in_each_signature_has_no_accidentals() -> None:
    for sharps in range(-6, 7):
        tonic = 60 + (7 * sharps) % 12
        notes = line([tonic + step for step in (0, 2, 4, 5, 7, 9, 11, 12, 11, 9, 7, 5, 4, 2, 0)] * 4)
        assert set(spell(notes, [(0.0, Key(sharps, "major"))])) == {sharps + step for step in range(-1, 6)}


def test_the_leading_note_of_harmonic_minor_is_sharp() -> None:
    scale = [69, 71, 72, 74, 76, 77, 80, 81]
    assert middle(scale, mode="minor", up=9) == ["A", "B", "C", "D", "E", "F", "G#", "A"]


def test_chromatic_neighbours_below_rise_and_flats_fall() -> None:
    assert middle([67, 66, 67, 66, 67, 66, 67])[1::2] == ["F#"] * 3
    assert middle([67, 68, 67, 68, 67, 68, 67])[1::2] == ["Ab"] * 3


def test_in_a_chromatic_scale_the_fourth_is_raised_and_the_seventh_lowered() -> None:
    up, down = middle(list(range(60, 73))), middle(list(range(72, 59, -1)))
    assert up[6] == down[6] == "F#"
    assert up[10] == down[2] == "Bb"
    assert [name for name in up if len(name) == 1] == [*"CDEFGABC"]
    assert [name for name in down if len(name) == 1] == [*"CBAGFEDC"]


def test_a_modulation_is_spelled_where_it_is() -> None:
    notes = cadences("major", 8) + cadences("major", 8, up=4, start=32) + cadences("major", 8, start=64)
    found = names(notes, C_MAJOR)
    assert set(found[128:256]) == {"E", "G#", "B", "A", "C#", "D#"}
    assert set(found[:128] + found[256:]) <= set("CDEFGAB")


def test_d_flat_is_flat_throughout() -> None:
    notes = cadences("major", 12, up=1)
    assert set(names(notes)) == {"Db", "F", "Ab", "Gb", "Bb", "C"}
    assert find_keys(notes)[0][1].sharps == -5


@pytest.mark.parametrize("up", [-5, -3, 2, 4, 5])
def test_moved_music_keeps_its_intervals(up: int) -> None:
    notes = framed([67, 66, 67, 69, 71, 72, 74, 76, 74, 73, 74])
    moved = [Note(note.onset, note.pitch + up, note.offset) for note in notes]
    by = (7 * up + 5) % 12 - 5
    assert spell(moved) == [place + by for place in spell(notes)]


def test_nothing_and_a_single_note() -> None:
    assert spell([]) == []
    assert names([Note(0.0, 60, 1.0)], C_MAJOR) == ["C"]


def test_names_follow_the_notes_in_any_order() -> None:
    notes = framed([60, 61, 62, 63, 64])
    assert spell(notes[::-1]) == spell(notes)[::-1]
