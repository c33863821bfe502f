"""Real video goes in; the keys that were down come out."""

import os
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest

from dataset_tools.clips import find_keyboards, read_manifest
from pianoroll import read_midi
from pianoroll.metrics import frame_score
from pianoroll.roll import notes_to_frames
from video2roll import Keyboard, transcribe
from video2roll.model import DEFAULT_WEIGHTS, ModelError
from video2roll.scenes import find_in_video, find_views
from video2roll.transcribe import _network
from video2roll.video import read_frames

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "samples" / "furelise.mp4"
CLAVISION = ROOT.parent / "shared" / "data" / "clavision" / "manifest.csv"


@pytest.fixture(scope="module")
def keyboard() -> Keyboard:
    return find_in_video(SAMPLE)


def test_the_sample_a_piano_never_trained_on(keyboard: Keyboard) -> None:
    told: list[float] = []
    roll = transcribe(SAMPLE, keyboard=keyboard, start=4, end=12, progress=told.append)
    assert told == sorted(told)
    assert told[-1] == 1
    true = notes_to_frames(read_midi(SAMPLE.with_suffix(".mid")), roll.times)
    assert frame_score(roll.frame >= roll.threshold, true).f1 > 0.6
    assert roll.times[0] == pytest.approx(4, abs=0.04)
    assert roll.times[-1] == pytest.approx(12, abs=0.06)


def test_a_network_is_loaded_once_as_long_as_its_file_stays(tmp_path: Path) -> None:
    weights = tmp_path / "mine.safetensors"
    shutil.copyfile(DEFAULT_WEIGHTS, weights)
    network, facts = _network(weights)
    facts["threshold"] = 7.0  # a caller's own copy
    assert _network(weights)[0] is network
    assert _network(weights)[1]["threshold"] < 1
    with ThreadPoolExecutor(1) as other:  # networks are not for two threads at once
        assert other.submit(_network, weights).result()[0] is not network
    os.utime(weights, (1, 1))
    assert _network(weights)[0] is not network
    with pytest.raises(ModelError, match="does not exist"):
        _network(tmp_path / "none.safetensors")


def test_blocks_read_as_one_piece(keyboard: Keyboard, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = transcribe(SAMPLE, keyboard=keyboard, start=8, end=12)
    module = sys.modules["video2roll.transcribe"]  # the package gives the function that name
    monkeypatch.setattr(module, "BLOCK", 1.3)
    pieces = transcribe(SAMPLE, keyboard=keyboard, start=8, end=12)
    np.testing.assert_array_equal(whole.times, pieces.times)
    agree = (whole.frame >= 0.5) == (pieces.frame >= 0.5)  # the rest is estimated from fewer frames at first
    assert agree.mean() > 0.99


def test_a_nudged_camera_and_a_title_play_no_keys(tmp_path: Path) -> None:
    """The sample, after a title, filmed by a camera that gets a push in the middle."""
    path = tmp_path / "pushed.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 30, (1280, 720))
    for _ in range(45):
        writer.write(np.full((720, 1280, 3), 15, np.uint8))
    for frame in read_frames(SAMPLE, start=9, end=11):
        push = np.array([[1, 0.02, 30.0], [-0.02, 1, -20]]) if frame.time > 10 else np.eye(3)[:2]
        writer.write(cv2.warpAffine(frame.image, push, (1280, 720), borderMode=cv2.BORDER_REPLICATE))
    writer.release()
    warnings: list[str] = []
    roll = transcribe(path, keyboard=find_views(path), hands=False, warnings=warnings)
    assert warnings == ["The keyboard is not in view from 0.0 to 1.5 s; nothing was read there."]
    assert roll.frame[roll.times < 1.45].max() == 0
    playing = roll.times > 1.55
    true = notes_to_frames(read_midi(SAMPLE.with_suffix(".mid")), roll.times[playing] - 1.5 + 9)
    still = transcribe(SAMPLE, keyboard=find_in_video(SAMPLE), start=9, end=11)
    reached = frame_score(
        still.frame >= still.threshold, notes_to_frames(read_midi(SAMPLE.with_suffix(".mid")), still.times)
    )
    assert frame_score(roll.frame[playing] >= roll.threshold, true).f1 > reached.f1 - 0.08


def test_keys_out_of_view_stay_silent(keyboard: Keyboard) -> None:
    part = Keyboard(keyboard.corners, 36, 96)
    roll = transcribe(SAMPLE, keyboard=part, start=8, end=9)
    assert roll.frame[:, : 36 - 21].max() == 0
    assert roll.frame[:, 97 - 21 :].max() == 0


@pytest.mark.skipif(not CLAVISION.exists(), reason="needs the shared data")
def test_a_pianist_never_trained_on() -> None:
    clip = next(clip for clip in find_keyboards(read_manifest(CLAVISION, split="dev")[:2]))
    assert clip.keyboard is not None
    roll = transcribe(clip.video, keyboard=clip.keyboard, start=clip.start, end=clip.start + 12)
    assert frame_score(roll.frame >= roll.threshold, notes_to_frames(clip.notes(), roll.times)).f1 > 0.7
