"""The tests of ``app`` judge how the stages are put together: what the video shows is given, all else is real."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

import roll2midi
import video2roll
from pianoroll import Note, PianoRoll
from pianoroll.roll import notes_to_frames
from video2roll.follow import View
from video2roll.video import read_frames

CORNERS = "2,2 62,2 62,46 2,46"  # within the small videos of these tests
PLAYED = [Note(0.2, 60, 0.5, hand="right"), Note(0.4, 64, 0.8, hand="right"), Note(0.4, 48, 0.8, hand="left")]


def show(
    video: Any,
    *,
    keyboard: Sequence[View],
    model: str | None = None,
    start: float = 0.0,
    end: float | None = None,
    landmarks: bool = False,
    falling_notes: bool = True,
    progress: Callable[[float], None] | None = None,
    warnings: list[str] | None = None,
) -> PianoRoll:
    """What ``video2roll.transcribe`` gives for a video in which PLAYED is played: its frames are really decoded."""
    times = np.array([frame.time for frame in read_frames(video, start=start, end=end, warnings=warnings)])
    if progress is not None:
        progress(1.0)
    down = notes_to_frames(PLAYED, times)
    before = np.vstack([np.zeros((1, 88), bool), down[:-1]])
    return PianoRoll(times, down, down & ~before, metadata={"model": model or "given"})


def decode(roll: PianoRoll, *, model: str | None = None) -> list[Note]:
    """What ``roll2midi.decode`` gives for such a roll."""
    return list(PLAYED) if roll.frame.any() else []


@pytest.fixture
def seeing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every video shows PLAYED."""
    monkeypatch.setattr(video2roll, "transcribe", show, raising=False)
    monkeypatch.setattr(roll2midi, "decode", decode, raising=False)
