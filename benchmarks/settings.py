"""How long a change of a setting takes on the page: ``python benchmarks/settings.py [MINUTES …] [--midi FILE.mid]``.

A clip is read (the sample unless a MIDI file is given, which is drawn into a roll as if it had been read), repeated to
1, 3 and 10 minutes unless told otherwise, and all that the page shows is made of it. Then one setting after the other
is changed from there, as the page does it: once for the first time, once to another value after that, and back to what
it was. Prints seconds, seconds of the processor, and the share of each stage.
"""

import argparse
import shutil
import tempfile
from dataclasses import replace
from itertools import count
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import numpy as np

from app import pipeline
from app.result_step import SHOWN, Result, write
from pianoroll import Note, PianoRoll, read_midi
from pianoroll.roll import notes_to_frames
from video2roll.rectify import Keyboard

SAMPLE = Path(__file__).parent.parent / "samples" / "furelise.mp4"
SETTINGS: dict[str, tuple[Any, Any]] = {
    "title": ("A piece", "Another"),
    "key": ("A minor", "C major"),
    "metre": ("3/4", "4/4"),
    "tempo": (100.0, 120.0),
    "instrument": ("Harpsichord", "Celesta"),
    "split": (60, 62),
    "transpose": (2, -3),
    "threshold": (0.4, 0.6),
}
FIRST = {"instrument": 0, "transpose": 0}  # what a setting is before it is changed, if not None
FPS = 25.0
BLUR = np.array([0.25, 0.9, 0.25])  # onset activations of a drawn note


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("minutes", nargs="*", type=float, default=[1.0, 3.0, 10.0])
    parser.add_argument("--midi", type=Path)
    parser.add_argument("--only", nargs="*", choices=SETTINGS, default=list(SETTINGS))
    wanted = parser.parse_args()
    seen = _read() if wanted.midi is None else None
    for minutes in wanted.minutes:
        reading = _repeated(seen, 60 * minutes) if seen is not None else _drawn(wanted.midi, 60 * minutes)
        measure(reading, wanted.only)


def measure(reading: pipeline.Reading, names: list[str]) -> None:
    """Print how long each setting takes."""
    numbers = count()
    with tempfile.TemporaryDirectory() as top:

        def folder() -> Path:
            made = Path(top) / str(next(numbers))
            made.mkdir()
            return made

        settings = {name: FIRST.get(name) for name in SETTINGS}
        began, worked = perf_counter(), process_time()
        report = write(reading, folder(), "Piece", settings, SHOWN)
        result = Result(reading, report, "Piece", Path(), settings, picture="")
        print(f"\n{reading.roll.end / 60:.1f} minutes, {report.notes} notes")
        _tell("all, at first", perf_counter() - began, process_time() - worked, report.timings)
        for name in names:
            for what, value in zip(("first", "other", "back"), (*SETTINGS[name], FIRST.get(name)), strict=True):
                before = result.folder
                began, worked = perf_counter(), process_time()
                result = result.changed(folder(), {**settings, name: value})
                _tell(f"{name}, {what}", perf_counter() - began, process_time() - worked, result.report.timings)
                shutil.rmtree(before, ignore_errors=True) if before != Path() else None


def _tell(what: str, seconds: float, worked: float, stages: dict[str, float]) -> None:
    parts = ", ".join(f"{stage} {part:.2f}" for stage, part in stages.items() if part >= 0.005)
    print(f"  {what:20s} {seconds:6.2f} s, processor {worked:6.2f} s: {parts}", flush=True)


def _read() -> pipeline.Reading:
    return pipeline.read_video(SAMPLE)


def _repeated(seen: pipeline.Reading, seconds: float) -> pipeline.Reading:
    """What would be seen if the clip were played again and again, at other tempi, so that no two are alike."""
    roll, random = seen.roll, np.random.default_rng(0)
    parts, at = [], 0.0
    while at < seconds:
        parts.append(at + roll.times * (pace := random.uniform(0.85, 1.2)))
        at += roll.end * pace + 0.04
    times = np.concatenate(parts)
    kept = np.append(times[1:] > times[:-1], True) & (times < seconds)
    arrays = {
        name: np.concatenate([value] * len(parts))[kept]
        for name in ("frame", "onset", "velocity", "fingertips", "hands", "corners")
        if (value := getattr(roll, name)) is not None
    }
    info = replace(seen.info, duration=seconds)
    return replace(seen, info=info, roll=replace(roll, times=times[kept], **arrays), timings={}, _last={})


def _drawn(midi: Path, seconds: float) -> pipeline.Reading:
    """A roll of the notes of a MIDI file, repeated, somewhat unsure of them."""
    played = read_midi(midi)
    end, notes, times = max(note.offset for note in played) + 0.5, list[Note](), np.arange(0, seconds, 1 / FPS)
    for again in range(int(seconds / end) + 1):
        notes += [replace(n, onset=n.onset + again * end, offset=n.offset + again * end) for n in played]
    random = np.random.default_rng(0)
    frame = notes_to_frames(notes, times) * 0.9 + random.random((len(times), 88)) ** 8 * 0.3
    onset = np.zeros_like(frame)
    for note in notes:
        at = int(np.searchsorted(times, note.onset))
        if 0 < at < len(times) - 1:
            onset[at - 1 : at + 2, note.key] = BLUR
    from video2roll.video import probe

    corners = np.array([[20, 100], [620, 100], [620, 200], [20, 200]], float)
    info = replace(probe(SAMPLE), duration=seconds)
    return pipeline.Reading(info, 0.0, None, Keyboard(corners), PianoRoll(times, np.clip(frame, 0, 1), onset), True)


if __name__ == "__main__":
    main()
