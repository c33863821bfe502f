"""A folder of videos: all that can be done are done, and done once."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app import pipeline
from app.batch import find_videos, run_batch
from app.options import parse_corners
from pianoroll import FileError
from roll2midi import DecodeError
from video2roll.follow import View
from video2roll.rectify import Keyboard

MakeVideo = Callable[..., Path]


@pytest.fixture
def _keyboard_in_view(monkeypatch: pytest.MonkeyPatch) -> None:
    corners = parse_corners("2,2 62,2 62,46 2,46")
    assert corners is not None
    view = View(Keyboard(corners), np.zeros((48, 64), np.uint8))
    monkeypatch.setattr(pipeline, "find_views", lambda source, **_: [view])


def outcomes(items: list[Any]) -> dict[str, str]:
    return {item.video.name: item.outcome for item in items}


@pytest.mark.usefixtures("seeing", "_keyboard_in_view")
def test_a_broken_video_is_passed_over_and_a_finished_one_is_not_redone(make_video: MakeVideo, tmp_path: Path) -> None:
    for name in ("a.mp4", "c.mkv"):
        make_video(name)
    (tmp_path / "b.mp4").write_text("no video")
    (tmp_path / "readme.txt").write_text("left alone")
    out = tmp_path / "out"
    first = run_batch(tmp_path, out, outputs=("mid",))
    assert outcomes(first) == {"a.mp4": "done", "b.mp4": "failed", "c.mkv": "done"}
    assert "not a video" in str(first[1].reason)
    assert sorted(path.name for path in out.iterdir()) == ["a.json", "a.mid", "c.json", "c.mid"]

    make_video("b.mp4")
    assert outcomes(run_batch(tmp_path, out, outputs=("mid",))) == {
        "a.mp4": "skipped",
        "b.mp4": "done",
        "c.mkv": "skipped",
    }
    assert outcomes(run_batch(tmp_path, out, outputs=("mid", "csv")))["a.mp4"] == "done"
    assert outcomes(run_batch(tmp_path, out, outputs=("mid",), pedal="auto"))["a.mp4"] == "done"  # set otherwise
    assert outcomes(run_batch(tmp_path, out, outputs=("mid",), pedal="auto"))["a.mp4"] == "skipped"
    assert set(outcomes(run_batch(tmp_path, out, outputs=("mid",), force=True)).values()) == {"done"}


@pytest.mark.usefixtures("seeing", "_keyboard_in_view")
def test_videos_that_differ_only_in_their_ending_do_not_overwrite_each_other(
    make_video: MakeVideo, tmp_path: Path
) -> None:
    make_video("a.mp4")
    make_video("a.mkv")
    run_batch(tmp_path, tmp_path / "out", outputs=("mid",))
    assert (tmp_path / "out" / "a.mp4.mid").exists()
    assert (tmp_path / "out" / "a.mkv.mid").exists()


def test_a_folder_without_videos_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="holds no video"):
        find_videos(tmp_path)
    with pytest.raises(FileError, match="is no folder"):
        find_videos(tmp_path / "none")


def test_a_mistyped_note_model_is_told_before_any_video_is_read(make_video: MakeVideo, tmp_path: Path) -> None:
    make_video("a.mp4")
    with pytest.raises(DecodeError, match="no note model “refinr”"):
        run_batch(tmp_path, tmp_path / "out", note_model="refinr")
    with pytest.raises(DecodeError, match="does not exist"):
        pipeline.transcribe(tmp_path / "a.mp4", tmp_path / "out", note_model="nowhere.tar")
    assert not list((tmp_path / "out").glob("a*"))
