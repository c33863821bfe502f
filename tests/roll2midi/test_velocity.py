"""Velocities: the picture does not show them, the music does."""

from pathlib import Path

import numpy as np
import pytest

from pianoroll import Note
from roll2midi.errors import DecodeError
from roll2midi.train_velocity import train_velocity
from roll2midi.velocity import FEATURES, add_velocities, chords_of, load_velocity, note_features


def tune_and_chords() -> list[Note]:
    """A tune high up, and soft full chords below, all of one velocity."""
    notes = []
    for bar in range(12):
        notes += [Note(bar * 1.6 + 0.4 * k, 76 + (k * 5 + bar) % 9, bar * 1.6 + 0.4 * k + 0.38) for k in range(4)]
        notes += [
            Note(bar * 1.6 + 0.8 * k, pitch, bar * 1.6 + 0.8 * k + 0.5) for k in range(2) for pitch in (48, 52, 55)
        ]
    return sorted(notes)


def test_the_tune_is_louder_than_its_chords() -> None:
    notes = add_velocities(tune_and_chords())
    tune, chords = ([n.velocity for n in notes if (n.pitch > 70) == high] for high in (True, False))
    assert np.median(tune) > np.median(chords) + 4
    assert len({note.velocity for note in notes}) > 5
    assert all(1 <= note.velocity <= 127 for note in notes)
    assert [(n.onset, n.pitch, n.offset) for n in notes] == [(n.onset, n.pitch, n.offset) for n in tune_and_chords()]


@pytest.mark.parametrize("count", [0, 1, 2])
def test_few_notes_are_enough(count: int) -> None:
    notes = add_velocities([Note(0.5 * k, 60 + k, 0.5 * k + 0.4) for k in range(count)])
    assert len(notes) == count


def test_features_are_small_numbers_however_odd_the_notes() -> None:
    odd = [Note(0.0, 21, 0.0), Note(0.0, 108, 900.0), Note(5000.0, 60, 5000.01), *tune_and_chords()]
    features = note_features(sorted(odd))
    assert features.shape == (FEATURES, len(odd))
    assert np.abs(features).max() < 8


def test_notes_struck_together_are_one_chord() -> None:
    assert chords_of(np.array([0.0, 0.01, 0.05, 0.5, 0.52, 1.0])).tolist() == [0, 0, 0, 1, 1, 2]


def test_training_learns_who_is_loud(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    performances = []
    for _ in range(4):
        pitches = rng.integers(40, 90, 400)
        performances.append([Note(0.2 * k, int(p), 0.2 * k + 0.15, int(40 + p // 2)) for k, p in enumerate(pitches)])
    result = train_velocity(performances[:3], performances[3:], tmp_path / "e.safetensors", steps=60, facts={"a": 1})
    assert result.rank > 0.9
    assert result.error < result.error_of_constant
    _, facts = load_velocity(str(tmp_path / "e.safetensors"))
    assert (facts["a"], facts["steps"]) == (1, 60)


def test_what_holds_no_weights_is_refused(tmp_path: Path) -> None:
    (tmp_path / "broken.safetensors").write_bytes(b"no weights")
    with pytest.raises(DecodeError, match="holds no weights"):
        add_velocities(tune_and_chords(), weights=tmp_path / "broken.safetensors")
