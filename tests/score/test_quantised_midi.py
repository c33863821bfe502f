"""The MIDI file of what is written, beside the performance's."""

from pathlib import Path

import numpy as np
import pretty_midi
import pytest

from pianoroll import Note, read_midi
from score import engrave


def test_notes_stand_on_the_grid_at_an_even_tempo(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    pitches = [60, 62, 64, 65, 67, 65, 64, 62] * 4
    notes = [Note(0.5 * i + float(rng.normal(0, 0.015)), p, 0.5 * i + 0.45, 80, "right") for i, p in enumerate(pitches)]
    score = engrave(notes, metre="4/4", tempo=120)
    score.write_midi(tmp_path / "a.quantised.mid")
    back = read_midi(tmp_path / "a.quantised.mid")
    assert [note.pitch for note in back] == pitches
    beats = np.array([note.onset for note in back]) * score.tempo / 60
    assert np.abs(beats - np.rint(beats)).max() < 0.01
    assert np.diff(beats) == pytest.approx(1.0, abs=0.01)
    midi = pretty_midi.PrettyMIDI(str(tmp_path / "a.quantised.mid"))
    assert (midi.time_signature_changes[0].numerator, midi.time_signature_changes[0].denominator) == (4, 4)
    assert len(midi.get_tempo_changes()[1]) == 1


def test_ornaments_are_played_out(tmp_path: Path) -> None:
    upper = [Note(0.5 * i, 72 + i % 3, 0.5 * i + 0.45, 80, "right") for i in range(16) if i not in (6, 7)]
    trill = [Note(3.0 + 0.07 * i, 77 if i % 2 else 76, 3.06 + 0.07 * i, 70, "right") for i in range(13)]
    score = engrave(sorted([*upper, *trill, Note(0.92, 73, 0.99, 70, "right")]), metre="4/4", tempo=120)
    assert score.musicxml.count("<trill-mark") == 1
    assert sum(note.pitch == 77 for note in score.quantised) >= 4
    assert all(note.offset > note.onset >= 0 for note in score.quantised)
    assert len(score.quantised) > len(upper) + 8


def test_tied_notes_are_one(tmp_path: Path) -> None:
    notes = [Note(0.5 * i, 60 + i % 5, 0.5 * i + 0.45, 80, "right") for i in range(12)]
    held = Note(1.5, 48, 5.4, 70, "left")
    score = engrave([*notes, held], metre="4/4", tempo=120)
    (bass,) = [note for note in score.quantised if note.pitch == 48]
    assert bass.offset - bass.onset == pytest.approx(4.0, abs=0.6)


def test_a_score_without_notes_has_a_file_too(tmp_path: Path) -> None:
    engrave([]).write_midi(tmp_path / "a.mid")
    assert read_midi(tmp_path / "a.mid") == []
