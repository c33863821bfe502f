"""The whole way on a clip that we render ourselves: its truth is exact, its piano and hands are nobody's."""

from pathlib import Path

import music21
import numpy as np
import pretty_midi
import pytest
import soundfile

from app import pipeline
from dataset_tools.evaluate import evaluate
from dataset_tools.render import Scene, random_notes, render_video
from pianoroll import write_midi


def test_a_rendered_clip_becomes_roll_midi_score_and_sound(tmp_path: Path) -> None:
    played = random_notes(np.random.default_rng(1), 6.0)
    keyboard = render_video(Scene(seed=1, tilt=10), played, tmp_path / "clip.mp4", duration=6.0)
    write_midi(played, tmp_path / "truth.mid")
    report = pipeline.transcribe(
        tmp_path / "clip.mp4", tmp_path / "out", outputs=("npz", "mid", "csv", "musicxml", "pdf", "wav")
    )
    assert report.complete
    assert np.abs(np.array(report.keyboard["corners"]) - keyboard.corners).max() < 4  # pixels
    quality = evaluate(report.files["npz"], tmp_path / "truth.mid").pooled
    assert quality["frame"].f1 > 0.5
    assert quality["onset_100ms"].f1 > 0.5

    midi = pretty_midi.PrettyMIDI(report.files["mid"])
    assert sum(len(track.notes) for track in midi.instruments) == report.notes
    score = music21.converter.parse(report.files["musicxml"])
    assert len(score.parts) == 2
    assert Path(report.files["pdf"]).read_bytes().startswith(b"%PDF")
    sound, rate = soundfile.read(report.files["wav"])
    assert 0.5 < np.abs(sound).max() < 1
    assert len(sound) / rate == pytest.approx(8, abs=3)
