"""Sound is as loud as is usual, never clips, and lasts as long as it should."""

import numpy as np
import pyloudnorm
import pytest

from midi_synth import render
from midi_synth.loudness import LOUDNESS, TRUE_PEAK, finish, integrated_loudness, true_peak
from pianoroll import Note

RATE = 44100


def tone(seconds: float, level: float, frequency: float = 997.0) -> np.ndarray:
    time = np.arange(round(seconds * RATE)) / RATE
    return np.tile((level * np.sin(2 * np.pi * frequency * time)).astype(np.float32), (2, 1))


def test_loudness_is_pyloudnorms_however_long_the_sound() -> None:
    sound = np.concatenate([tone(50, 0.02), tone(60, 0.2), tone(40, 0.0), tone(9, 0.1)], axis=1)
    expected = pyloudnorm.Meter(RATE).integrated_loudness(sound.T.astype(np.float64))
    assert integrated_loudness(sound, RATE) == pytest.approx(expected, abs=0.1)
    assert integrated_loudness(tone(1, 0.0), RATE) == -np.inf
    assert integrated_loudness(tone(0.1, 0.5), RATE) == -np.inf


def test_the_true_peak_lies_between_the_samples() -> None:
    time = np.arange(RATE)
    sound = np.tile(np.sin(np.pi / 2 * time + np.pi / 4).astype(np.float32), (2, 1))  # never sampled at its top
    assert np.abs(sound).max() == pytest.approx(0.7071, abs=1e-3)
    assert true_peak(sound) == pytest.approx(1.0, abs=0.03)


def test_music_is_as_loud_as_stated() -> None:
    notes = [Note(0.25 * i, 48 + 7 * i % 36, 0.25 * i + 0.6, 40) for i in range(60)]
    sound = render(notes)
    assert integrated_loudness(sound, RATE) == pytest.approx(LOUDNESS, abs=0.2)
    assert true_peak(sound) <= TRUE_PEAK * 1.01


def test_forty_loud_notes_do_not_clip() -> None:
    sound = render([Note(0.0, pitch, 0.3, 127) for pitch in range(40, 80)])
    assert true_peak(sound) <= TRUE_PEAK * 1.01


def test_lone_loud_strokes_are_held_by_their_peak() -> None:
    sound = render([Note(5.0 * i, 40, 5.0 * i + 0.05, 127) for i in range(4)])
    assert true_peak(sound) <= TRUE_PEAK * 1.01


@pytest.mark.parametrize("length", [0.7, 1.0, 9.25])
def test_the_sound_is_as_long_as_the_video(length: float) -> None:
    for notes in ([Note(0.2, 60, 0.9)], []):
        sound = render(notes, length=length)
        assert sound.shape == (2, round(length * RATE))
        assert sound.any() == bool(notes)
        assert np.abs(sound[:, -1]).max() < 1e-3  # no click


def test_silence_stays_silent() -> None:
    assert not finish(np.zeros((2, RATE), dtype=np.float32), RATE, last=0.5).any()
