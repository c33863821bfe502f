"""Fingertips that the roll carries reach the table, the tracks and the score."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pretty_midi
import pytest
import shown

import roll2midi
import video2roll
from app import batch, pipeline
from app.batch import run_batch
from app.options import OptionError, parse_corners
from pianoroll import PianoRoll
from pianoroll.keys import key_centre

MakeVideo = Callable[..., Path]
CORNERS = parse_corners("2,2 62,2 62,46 2,46")
FINGERS = {60: "1", 64: "3", 48: "2"}  # of the notes that the fixture plays


def show_hands(video: Any, **how: Any) -> PianoRoll:
    """The left hand's second finger on C3, the right hand's thumb on C4 and third finger on E4."""
    roll = shown.show(video, **how)
    along = np.array([key_centre(48) + 1 - np.arange(5), key_centre(60) + np.arange(5)])
    place = np.stack([along, np.full((2, 5), 0.8)], axis=2)
    roll.fingertips, roll.sides = np.tile(place, (len(roll), 1, 1, 1)), np.array([1, 2])
    return roll


@pytest.fixture
def hands_in_view(seeing: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(video2roll, "transcribe", show_hands, raising=False)


def hands_shown_one(order: batch.Order) -> batch.Made:
    """A worker's task."""
    video2roll.transcribe, roll2midi.decode = show_hands, shown.decode
    pipeline.find_views = shown.find_views
    return batch.transcribe_one(order)


@pytest.mark.usefixtures("hands_in_view")
def test_hands_and_fingers_reach_the_files(make_video: MakeVideo, tmp_path: Path) -> None:
    pipeline.transcribe(make_video("a.mp4"), tmp_path, corners=CORNERS, outputs=("mid", "csv", "musicxml"))
    with open(tmp_path / "a.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {int(row["pitch"]): row["finger"] for row in rows} == FINGERS
    assert [row["hand"] for row in rows] == ["right", "left", "right"]
    tracks = {track.name: len(track.notes) for track in pretty_midi.PrettyMIDI(str(tmp_path / "a.mid")).instruments}
    assert tracks == {"right": 2, "left": 1}
    assert (tmp_path / "a.musicxml").read_text().count("<fingering") == 3


@pytest.mark.usefixtures("hands_in_view")
def test_fingering_can_be_left_out_of_the_score(make_video: MakeVideo, tmp_path: Path) -> None:
    how = {"corners": CORNERS, "outputs": ("csv", "musicxml")}
    pipeline.transcribe(make_video("a.mp4"), tmp_path, fingering="none", **how)
    assert "<fingering" not in (tmp_path / "a.musicxml").read_text()
    assert ",right,1," in (tmp_path / "a.csv").read_text()
    with pytest.raises(OptionError, match="some or none"):
        pipeline.transcribe(make_video("a.mp4"), tmp_path, fingering="many", **how)


def test_a_folder_of_videos_can_go_without_fingering(
    make_video: MakeVideo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_video("a.mp4")
    monkeypatch.setattr(batch, "transcribe_one", hands_shown_one)
    run_batch(tmp_path, tmp_path / "with", outputs=("musicxml",))
    run_batch(tmp_path, tmp_path / "without", outputs=("musicxml",), fingering="none")
    assert (tmp_path / "with" / "a.musicxml").read_text().count("<fingering") == 3
    assert "<fingering" not in (tmp_path / "without" / "a.musicxml").read_text()
    with pytest.raises(OptionError, match="some or none"):
        run_batch(tmp_path, tmp_path / "out", fingering="many")


@pytest.mark.usefixtures("hands_in_view")
def test_a_saved_roll_keeps_its_hands(make_video: MakeVideo, tmp_path: Path) -> None:
    pipeline.roll(make_video("a.mp4"), tmp_path / "a.npz", corners=CORNERS)
    notes = pipeline.notes(tmp_path / "a.npz", tmp_path / "a.mid")
    assert {note.pitch: str(note.finger) for note in notes} == FINGERS
