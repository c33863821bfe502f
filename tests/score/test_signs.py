"""Dynamics, octave signs, courtesy accidentals and the fingers that are printed."""

import re

import music21
import pytest

from pianoroll import Note
from score import ScoreError, engrave
from score.signs import LASTING, dynamics


def quarters(pitches: list[int], velocities: list[int] | None = None, hand: str = "right") -> list[Note]:
    loud = velocities or [80] * len(pitches)
    return [
        Note(0.5 * i, pitch, 0.5 * i + 0.45, velocity, hand)  # type: ignore[arg-type]
        for i, (pitch, velocity) in enumerate(zip(pitches, loud, strict=True))
    ]


def written(notes: list[Note], **wishes: str) -> str:
    return engrave(notes, metre="4/4", tempo=120, **wishes).musicxml  # type: ignore[arg-type]


def test_loud_and_soft_parts_are_marked_once_each() -> None:
    notes = quarters([60, 64, 67, 72] * 16, [45] * 32 + [96] * 32)
    text = written(notes)
    marks = re.findall(r"<dynamics.*?<(\w+) />", text, re.DOTALL)
    assert marks[0] in ("p", "mp")
    assert marks[-1] in ("f", "ff")
    assert len(marks) <= 3


def test_velocities_that_nobody_measured_give_no_dynamics() -> None:
    assert "<dynamics" not in written(quarters([60, 64, 67, 72] * 8))


def test_marks_are_few_however_the_loudness_swings() -> None:
    notes = quarters([60, 64, 67, 72] * 40, [40 + 50 * (i // 4 % 2) for i in range(160)])
    assert len(dynamics(notes, [2.0 * bar for bar in range(41)])) <= 40 // LASTING


def test_music_far_above_the_staff_is_read_an_octave_lower() -> None:
    notes = quarters([72, 76, 79, 76] * 4 + [96, 98, 100, 101] * 4 + [72, 76, 79, 76] * 4)
    text = written(notes)
    assert re.findall(r'<octave-shift[^>]*type="(\w+)"', text) == ["down", "stop"]
    parsed = music21.converter.parseData(text, format="musicxml")
    sounding = [note.pitch.midi for note in parsed.toSoundingPitch().flatten().notes]
    assert sorted(sounding) == sorted(note.pitch for note in notes)
    assert 'class="octave"' in engrave(notes, metre="4/4", tempo=120).svg_pages[0]


def test_one_high_note_is_written_where_it_is() -> None:
    assert "<octave-shift" not in written(quarters([72, 76, 79, 76] * 4 + [91, 76, 79, 76] + [72, 76, 79, 76] * 4))


def test_the_lowest_basses_are_read_an_octave_higher() -> None:
    text = written(quarters([24, 26, 28, 29] * 4 + [48, 52, 55, 52] * 4, hand="left"))
    assert re.findall(r'<octave-shift[^>]*type="(\w+)"', text) == ["up", "stop"]


def shown(text: str) -> list[tuple[str, str | None]]:
    """Of each note: letter and the accidental that is printed."""
    found = []
    for note in text.split("<note")[1:]:
        letter = re.search(r"<step>(\w)", note)
        sign = re.search(r"<accidental>(\S+)</accidental>", note)
        if letter:
            found.append((letter[1], sign[1] if sign else None))
    return found


def test_a_note_that_was_altered_in_the_bar_before_has_a_courtesy_accidental() -> None:
    tune = [72, 74, 78, 79, 77, 76, 74, 77, 77, 76, 74, 72, 72, 76, 79, 72]
    signs = shown(written(quarters(tune), key="C major"))
    assert signs[:8] == [
        ("C", None),
        ("D", None),
        ("F", "sharp"),
        ("G", None),
        ("F", "natural"),  # the bar line ended the sharp; a reader would ask
        ("E", None),
        ("D", None),
        ("F", None),
    ]
    assert [sign for _, sign in signs[8:]] == [None] * 8


def test_an_accidental_is_cancelled_in_the_other_octave_too() -> None:
    signs = shown(written(quarters([66, 67, 77, 76, 72, 76, 79, 72, 72, 76, 79, 72, 72, 76, 79, 72]), key="C major"))
    assert signs[:3] == [("F", "sharp"), ("G", None), ("F", "natural")]


def fingered(fingers: list[int], pitches: list[int]) -> list[Note]:
    return [
        Note(0.5 * i, pitch, 0.5 * i + 0.45, 80, "right", finger)
        for i, (pitch, finger) in enumerate(zip(pitches, fingers, strict=True))
    ]


def printed(notes: list[Note], fingering: str) -> list[int]:
    return [int(finger) for finger in re.findall(r"<fingering[^>]*>(\d)<", written(notes, fingering=fingering))]


def test_fingers_are_thinned_as_editors_do() -> None:
    scale, fingers = [60, 62, 64, 65, 67, 69, 71, 72], [1, 2, 3, 1, 2, 3, 4, 5]
    notes = fingered(fingers, scale)
    assert printed(notes, "all") == fingers
    assert printed(notes, "some") == [1, 1]  # where the hand begins, and where the thumb goes under
    assert printed(notes, "none") == []
    assert printed(notes, "auto") == fingers  # a short piece
    assert len(printed(fingered(fingers * 8, scale * 8), "auto")) < 8 * len(fingers)
    with pytest.raises(ScoreError, match="no way of printing fingers"):
        written(notes, fingering="many")
