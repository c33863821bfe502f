"""What the stages before the notes would give for a video in which PLAYED is played; also for workers of a batch."""

import os
import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import roll2midi
import video2roll
from app import batch, pipeline
from app.options import parse_corners
from pianoroll import Note, PianoRoll
from pianoroll.roll import notes_to_frames
from video2roll.follow import View
from video2roll.rectify import Keyboard
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


def decode(roll: PianoRoll, *, model: str | None = None, threshold: float | None = None) -> list[Note]:
    """What ``roll2midi.decode`` gives for such a roll."""
    return list(PLAYED) if roll.frame.any() else []


def find_views(source: Any, **_: Any) -> list[View]:
    """A keyboard that fills the picture."""
    corners = parse_corners(CORNERS)
    assert corners is not None
    return [View(Keyboard(corners), np.zeros((48, 64), np.uint8))]


def shown_one(order: batch.Order) -> batch.Made:
    """A worker's task: a video in which PLAYED is played, whose name may say what happens the first time."""
    video2roll.transcribe, roll2midi.decode = show, decode
    pipeline.find_views = find_views
    with open(order.video.parent / "tried.log", "a") as log:
        log.write(f"{order.video.name}\n")
    tried = (order.video.parent / "tried.log").read_text().split().count(order.video.name)
    if "deadly" in order.name and tried == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    if "slow" in order.name and tried == 1:
        time.sleep(60)
    return batch.transcribe_one(order)


def shown_on_ray(order: batch.Order) -> batch.Made:
    """The same, which takes a moment and says which machine did it."""
    import ray

    made = shown_one(order)
    time.sleep(0.3)
    with open(order.video.parent / "nodes.log", "a") as log:
        log.write(f"{ray.get_runtime_context().get_node_id()}\n")
    return made


def tried(folder: Path) -> list[str]:
    """Names of the videos of a folder that workers began, in order of name."""
    path = folder / "tried.log"
    return sorted(path.read_text().split()) if path.exists() else []
