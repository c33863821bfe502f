"""Labels of recordings, and what is refused."""

import json
from pathlib import Path

import av
import numpy as np
import pytest
from typer.testing import CliRunner

from app.cli import cli
from dataset_tools import label as labels
from dataset_tools.label import LabelError, label, orders_of, read_sound
from midi_synth import render, write_sound
from pianoroll import Note
from pianoroll.metrics import matches

SAMPLE = Path(__file__).resolve().parents[2] / "samples" / "furelise.mp4"
REFERENCE = Path(__file__).resolve().parents[3] / "shared" / "reference"
PLAYED = [Note(0.5 + 0.4 * i, 60 + 5 * i % 13, 0.8 + 0.4 * i) for i in range(8)]


def test_sound_of_any_rate_and_channels_is_read(tmp_path: Path) -> None:
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(8000) / 8000)
    with av.open(str(tmp_path / "mono.wav"), "w") as out:
        stream = out.add_stream("pcm_s16le", rate=8000, layout="mono")
        frame = av.AudioFrame.from_ndarray((tone * 32767).astype(np.int16)[None], format="s16", layout="mono")
        frame.sample_rate = 8000
        out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    sound = read_sound(tmp_path / "mono.wav")
    assert sound.dtype == np.float32
    assert sound.shape[0] == 1
    assert sound.shape[1] == pytest.approx(44100, abs=200)
    crossings = np.count_nonzero(np.diff(np.signbit(sound[0, 4000:40000])))
    assert crossings == pytest.approx(2 * 440 * 36000 / 44100, abs=2)


def test_what_cannot_be_labelled_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(labels, "find_spec", lambda name: object())
    write_sound(np.zeros((2, 44100), np.float32), tmp_path / "silent.wav")
    (tmp_path / "broken.wav").write_bytes(b"RIFF nothing")
    for file, sentence in (
        (SAMPLE, "has no sound"),
        (tmp_path / "silent.wav", "is silent"),
        (tmp_path / "broken.wav", "no sound that can be decoded"),
        (tmp_path / "missing.wav", "does not exist"),
    ):
        with pytest.raises(LabelError, match=sentence):
            label(file)
    with pytest.raises(LabelError, match="choose transkun, onsets_frames or falling_notes"):
        label(SAMPLE, "ears")
    with pytest.raises(LabelError, match="no bars that fall"):
        label(SAMPLE, "falling_notes")


def test_what_only_onsets_and_frames_takes_is_refused_elsewhere(tmp_path: Path) -> None:
    given = tmp_path / "weights.pt"
    for engine, options, sentence in (
        ("onsets_frames", {}, "give a checkpoint with --weights"),
        (None, {"activations": given}, "give a checkpoint with --weights"),
        ("falling_notes", {"weights": given}, "--weights is for --engine onsets_frames"),
        ("transkun", {"activations": given}, "--activations is for --engine onsets_frames"),
    ):
        with pytest.raises(LabelError, match=sentence):
            label(SAMPLE, engine, **options)


def test_without_transkun_one_sentence_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(labels, "find_spec", lambda name: None)
    with pytest.raises(LabelError, match=r"silentkeys\[label\]"):
        label(SAMPLE)


def test_transkun_hears_what_was_played(tmp_path: Path) -> None:
    pytest.importorskip("transkun")
    write_sound(render(PLAYED), tmp_path / "played.wav")
    assert len(matches(label(tmp_path / "played.wav"), PLAYED)) == len(PLAYED)


@pytest.mark.skipif(not REFERENCE.is_dir(), reason="needs the reference weights")
def test_a_folder_is_labelled_recording_by_recording(tmp_path: Path) -> None:
    (tmp_path / "takes" / "one").mkdir(parents=True)
    noise = np.random.default_rng(0).normal(0, 0.1, (1, 32000)).astype(np.float32)
    for name in ("a.wav", "a.flac", "one/b.wav", "silent.wav"):
        write_sound(noise * (name != "silent.wav"), tmp_path / "takes" / name)
    (tmp_path / "takes" / "notes.txt").write_text("no recording")
    words = ["data", "label", str(tmp_path / "takes"), "-o", str(tmp_path / "out"), "--json"]
    words += ["--weights", str(REFERENCE / "oaf_small.pt"), "--activations", str(tmp_path / "said")]
    result = CliRunner().invoke(cli, words)
    assert result.exit_code == 4
    assert "silent.wav: The sound of" in result.stderr
    assert json.loads(result.stdout)["labelled"] == 3
    made = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.suffix in (".mid", ".npz"))
    assert made == [
        *("out/a.mid", "out/a.wav.mid", "out/one/b.mid"),
        *("said/a.npz", "said/a.wav.npz", "said/one/b.npz"),
    ]
    again = CliRunner().invoke(cli, words)
    assert json.loads(again.stdout)["labelled"] == 0
    (tmp_path / "empty").mkdir()
    with pytest.raises(LabelError, match="holds no recording"):
        orders_of(tmp_path / "empty", tmp_path / "out", "transkun", None, None)
    with pytest.raises(LabelError, match=r"name a file that ends in \.mid"):
        orders_of(SAMPLE, tmp_path / "out.wav", "transkun", None, None)
