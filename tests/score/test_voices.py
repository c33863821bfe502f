"""One hand's notes are parted into two voices only where that is needed."""

from pianoroll import Note
from score.voices import Placed, split_voices

BEAT = 96


def placed(start: float, length: float, pitch: int) -> Placed:
    """A note at ``start`` for ``length``, both in beats."""
    return Placed(round(start * BEAT), length * BEAT, BEAT, Note(start, pitch, start + length))


def test_chords_one_after_another_are_one_voice() -> None:
    notes = [placed(beat, 1.05, pitch) for beat in range(8) for pitch in (60, 64, 67)]
    upper, lower = split_voices(notes)
    assert (upper, lower) == (notes, [])


def test_a_held_note_over_a_moving_line_is_a_voice_of_its_own() -> None:
    held = [placed(4 * bar, 3.9, 79) for bar in range(4)]
    moving = [placed(4 * bar + step, 0.9, 60 + step) for bar in range(4) for step in range(4)]
    upper, lower = split_voices(sorted([*held, *moving], key=lambda each: (each.start, each.note.pitch)))
    assert upper == held
    assert lower == moving


def test_a_held_bass_goes_to_the_lower_voice() -> None:
    held = [placed(4 * bar, 3.9, 36) for bar in range(4)]
    moving = [placed(4 * bar + step, 0.9, 55 + step) for bar in range(4) for step in range(1, 4)]
    upper, lower = split_voices(sorted([*held, *moving], key=lambda each: (each.start, each.note.pitch)))
    assert lower == held
    assert upper == moving


def test_a_little_overlap_is_legato() -> None:
    notes = [placed(beat, 1.25, 60 + beat) for beat in range(8)]
    assert split_voices(notes) == (notes, [])


def test_no_notes_are_no_voices() -> None:
    assert split_voices([]) == ([], [])
