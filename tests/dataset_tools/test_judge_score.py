"""A folder like ASAP's with one piece in it, whose true score and beats are what the program itself finds."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dataset_tools import judge_score
from dataset_tools.judge_score import (
    COLUMNS,
    Row,
    Watching,
    judge_all,
    judge_performance,
    means,
    performances,
    show,
    watched,
)
from pianoroll import Note
from pianoroll.midi import write_midi
from score import engrave, find_beats
from score.errors import ScoreError

BEAT = 0.5  # seconds
PIECE = "Nobody/Piece/Player01.mid"


def played() -> list[Note]:
    """Twelve bars of 4/4 at 120 beats a minute: quarters and eighths over two chords a bar, the first one louder."""
    scale = (72, 76, 77, 79, 74, 76)
    places = (0, 1, 1.5, 2, 3, 3.5)
    notes = []
    for bar in range(12):
        for place, pitch in zip(places, scale, strict=True):
            begin = (4 * bar + place) * BEAT
            notes.append(Note(begin, pitch, begin + 0.45 * BEAT, 70))
        for place, chord, velocity in ((0, (36, 48, 52), 100), (2, (43, 50), 70)):
            begin = (4 * bar + place) * BEAT
            notes += [Note(begin, pitch, begin + 1.9 * BEAT, velocity) for pitch in chord]
    return sorted(notes)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    piece = (folder / "asap" / PIECE).parent
    piece.mkdir(parents=True)
    rows = ["performance_midi,piece_folder,split", f"{PIECE},Nobody/Piece,validation", "A/b.mid,A,train"]
    (folder / "asap" / "manifest.csv").write_text("\n".join(rows))
    write_midi(played(), piece / "Player01.mid")
    engrave(played()).write_musicxml(piece / "xml_score.musicxml")
    (piece / "xml_score.musicxml").rename(piece / "xml_score.mxl")  # music21 looks into the file
    grid = find_beats(played())
    assert grid is not None
    labels = ["b" if index % grid.per_bar else "db" for index in range(len(grid.times))]
    marks = [f"{time}\t{time}\t{label}" for time, label in zip(grid.times, labels, strict=True)]
    (piece / "Player01_annotations.txt").write_text("\n".join(marks))
    return folder


def test_the_split_is_read_from_the_manifest(data: Path) -> None:
    assert performances(data, "validation") == [PIECE]
    assert performances(data, "test") == []


def test_the_same_score_gets_full_marks(data: Path) -> None:
    row = judge_performance(PIECE, data / "asap", Watching())
    assert row.error is None
    assert row.found == row.true != ""
    assert min(row.results[key] for key in COLUMNS.values()) > 0.99


def test_missing_and_wrong_notes_cost_what_they_are(data: Path) -> None:
    row = judge_performance(PIECE, data / "asap", Watching(missing=0.2, wrong=0.1))
    assert row.results["mv2h_pitch"] == pytest.approx(2 * 0.8 / (0.9 + 1), abs=0.1)


def test_a_video_drops_notes_invents_notes_and_knows_frames_only() -> None:
    notes = [replace(note, hand="left", finger=1) for note in played()]
    seen = watched(notes, Watching(fps=25, wrong=0.1, missing=0.25), np.random.default_rng(0))
    struck = {(round(note.onset * 25), note.pitch) for note in notes}
    invented = [note for note in seen if (round(note.onset * 25), note.pitch) not in struck]
    assert len(invented) == pytest.approx(0.1 * len(notes), abs=2)
    assert len(seen) - len(invented) == pytest.approx(0.75 * len(notes), abs=10)
    assert all(note.hand is None and note.finger is None for note in seen)
    frames = np.array([(note.onset * 25, note.offset * 25) for note in seen])
    assert np.abs(frames - frames.round()).max() < 1e-6
    assert (frames[:, 1] > frames[:, 0]).all()
    assert seen == watched(notes, Watching(fps=25, wrong=0.1, missing=0.25), np.random.default_rng(0))


def test_a_piece_that_cannot_be_engraved_counts_nothing(
    data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(notes: list[Note]) -> None:
        raise ScoreError("no beat")

    monkeypatch.setattr(judge_score, "engrave", fail)
    rows = show(judge_all([PIECE], data / "asap", Watching()), 30)
    assert "not engraved (counts 0): ScoreError: no beat" in capsys.readouterr().out
    good = Row("other", dict.fromkeys(COLUMNS.values(), 1.0))
    assert set(means([*rows, good]).values()) == {0.5}


def test_rows_and_means_are_written(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "report.json"
    monkeypatch.setattr("sys.argv", ["judge_score", "--data", str(data), "--fps", "25", "--json", str(path)])
    judge_score.main()
    printed = capsys.readouterr().out
    report = json.loads(path.read_text())
    assert report["how"] == {"fps": 25.0, "wrong": 0.0, "missing": 0.0}
    assert report["means"]["mv2h"] == report["rows"][0]["results"]["mv2h"]
    assert f"{report['means']['mv2h']:.3f}" in printed.splitlines()[-1]
