"""``silentkeys data render`` as a person meets it."""

import json
import sys
from pathlib import Path

import pytest

from app import cli
from dataset_tools.clips import read_manifest
from pianoroll import Note, write_midi


def call(monkeypatch: pytest.MonkeyPatch, *words: object) -> int:
    monkeypatch.setattr(sys, "argv", ["silentkeys", "data", "render", *map(str, words)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return int(ended.value.code or 0)


def test_exit_codes_and_what_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_midi([Note(0.2, 76, 0.8), Note(0.2, 40, 0.8)], tmp_path / "midi" / "one.mid")
    (tmp_path / "midi" / "broken.mid").write_bytes(b"nothing of the kind")
    words = ("--out", tmp_path / "set", "--height", 120, "--fps", 10, "--end", 1, "--jobs", 2)
    assert call(monkeypatch, tmp_path / "midi", *words, "--json") == 4
    said = capsys.readouterr()
    assert json.loads(said.out)["drawn"] == ["one-000"]
    assert "broken.mid is no MIDI file" in said.err
    assert "Traceback" not in said.err
    (clip,) = read_manifest(tmp_path / "set" / "manifest.csv")
    assert [(note.pitch, note.hand) for note in clip.notes()] == [(40, "left"), (76, "right")]
    assert call(monkeypatch, tmp_path / "midi" / "one.mid", *words) == 0
    assert "1 were there" in capsys.readouterr().err
    assert call(monkeypatch, tmp_path / "nowhere.mid", *words) == 1
    assert "does not exist" in capsys.readouterr().err
