"""Notes that an editor lets fall onto the keys (or rise from them), read from the picture: bar by bar, exactly."""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from pianoroll import Note, PianoRoll
from pianoroll.keys import CENTRES
from pianoroll.roll import notes_to_frames
from video2roll.bar_colours import Colours
from video2roll.falling_bars import Lanes, find_bars, find_lanes, read_lanes
from video2roll.rectify import Keyboard
from video2roll.slant_stack import STEP, Arrivals, Fall, Panel, background, find_fall, has_panel, stack
from video2roll.video import bursts, probe, read_frames

BURSTS, BURST = 4, 2.5  # looks at the video, and seconds of each
SPAN = 20.0  # seconds that are laid over each other at once
WITHOUT_LANES = 6  # such spans are kept, until bars tell where their lanes are
ALONE = 1.0  # seconds before the first bar and after the last that the bars speak for
FARTHEST = 0.3  # seconds between a bar's meeting the keys and the key's going down
AROUND_BEST = 0.1  # seconds over which the shift is averaged
TIMES_CHANCE, LEAST_STRUCK = 2.0, 0.05  # how much more the keys must go down when bars say so than at other times
MARGIN = 0.5  # seconds of panels kept beyond what must be


@dataclass(frozen=True)
class FallingNotes:
    """``notes`` as their bars say, in the video's seconds, with the hand where its colour tells, and how they
    ``fall``."""

    notes: list[Note]
    fall: Fall


def read_falling_notes(
    video: str | os.PathLike[str],
    keyboard: Keyboard,
    *,
    start: float = 0.0,
    end: float | None = None,
    progress: Callable[[float], None] | None = None,
) -> FallingNotes | None:
    """The notes whose bars meet the keys from ``start`` to ``end`` (seconds), or None where no bars are sure to.

    Bars that are cut off by the end of the video end there. ``progress``: 0..1. Raises VideoError.
    """
    panel = Panel(keyboard)
    looks, samples = [], []
    for run in bursts(video, BURSTS, BURST, start=start, end=end):
        if not has_panel(keyboard, run[0].image.shape[0]):
            return None
        looks.append((np.stack([panel(frame.image) for frame in run]), np.array([frame.time for frame in run])))
        samples += [panel(frame.in_colour()) for frame in run[:: len(run) // 3 + 1]]
    fall = find_fall(looks)
    if fall is None:
        return None
    reader = _Reader(fall, samples)
    length = max(1e-6, (end or probe(video).duration or 0.0) - start)
    for frame in read_frames(video, start=start, end=end):
        reader.add(frame.time, panel(frame.in_colour()))
        if progress is not None:
            progress(min(1.0, (frame.time - start) / length))
    return reader.finish()


def put_into(roll: PianoRoll, falling: FallingNotes) -> PianoRoll | None:
    """The roll with what the bars say in the seconds in which bars are, moved to meet the keys; None where the bars do
    not say what the keys do, as where they are decoration."""
    shift = _shift(roll, falling.notes)
    if shift is None:
        return None
    moved = [replace(note, onset=note.onset + shift, offset=note.offset + shift) for note in falling.notes]
    down = notes_to_frames(moved, roll.times)
    struck = np.zeros_like(down)
    for note in moved:
        if roll.times[0] <= note.onset <= roll.times[-1]:
            struck[int(np.abs(roll.times - note.onset).argmin()), note.key] = True
    first, last = moved[0].onset - ALONE, max(note.offset for note in moved) + ALONE
    within = ((roll.times >= first) & (roll.times < last))[:, None]
    metadata = {**roll.metadata, "falling_notes": {"notes": len(moved), "shift": round(shift, 3)}}
    frame, onset = (
        np.where(within, exact, seen) for exact, seen in ((down | struck, roll.frame), (struck, roll.onset))
    )
    return replace(roll, frame=frame, onset=onset, metadata=metadata)


def _shift(roll: PianoRoll, notes: list[Note]) -> float | None:
    """Seconds after their bars at which the keys are struck; None where they are struck no more often than at any other
    time."""
    if not notes or len(roll) < 2:
        return None
    onsets, keys = np.array([note.onset for note in notes]), np.array([note.key for note in notes])

    def struck(shift: float) -> float:
        """Mean onset activation of the notes' keys so long after their bars."""
        seconds = onsets + shift
        after = np.searchsorted(roll.times, seconds).clip(1, len(roll) - 1)
        part = ((seconds - roll.times[after - 1]) / (roll.times[after] - roll.times[after - 1])).clip(0, 1)
        return float(np.mean(roll.onset[after - 1, keys] * (1 - part) + roll.onset[after, keys] * part))

    shifts = np.arange(-FARTHEST, FARTHEST + 1e-9, 0.01)
    usual = np.mean([struck(sign * away) for away in np.arange(1.0, 4.0, 0.23) for sign in (-1, 1)])
    found = np.clip([struck(shift) - usual for shift in shifts], 0, None)
    if found.max() < TIMES_CHANCE * usual + LEAST_STRUCK:
        return None
    near = np.abs(shifts - shifts[found.argmax()]) < AROUND_BEST
    return float((shifts * found)[near].sum() / found[near].sum())


class _Reader:
    """Takes panels in order and lays them over each other, SPAN seconds at a time."""

    def __init__(self, fall: Fall, samples: list[np.ndarray]) -> None:
        self._fall, self._samples = fall, samples
        self._times: list[float] = []
        self._panels: list[np.ndarray] = []
        self._pictures: list[np.ndarray] = []  # stacks whose lanes are not known yet
        self._levels = np.zeros((0, len(CENTRES)), np.float32)  # of bars that are not over
        self._first: float | None = None  # second of the first row of what is kept
        self._next = 0.0  # second of the next row of a stack
        self._lanes: Lanes | None = None
        self._notes: list[Note] = []
        self._arrivals, self._colours = Arrivals(fall), Colours(fall)

    def add(self, time: float, panel: np.ndarray) -> None:
        if self._first is None:
            self._first = self._next = time
        self._times.append(time)
        self._panels.append(panel)
        if self._known() - self._next >= SPAN:
            self._read(self._known())
            keep = int(np.searchsorted(self._times, self._next - self._fall.travel - 2 * MARGIN))
            del self._times[:keep], self._panels[:keep]

    def _known(self) -> float:
        """The last second of which all is seen: rising bars show only later when they began."""
        return self._times[-1] - (self._fall.travel if self._fall.speed < 0 else 0.0)

    def _read(self, until: float) -> None:
        seconds = np.arange(self._next, until, STEP)
        if len(self._times) < 2 or not len(seconds):
            return
        panels, times = np.stack(self._panels), np.array(self._times)
        every = max(1, len(panels) // 40)
        still = background(np.stack([*self._samples, *panels[::every]]))
        shown = np.stack([np.abs(panel - still).max(axis=2).astype(np.uint8) for panel in panels])
        self._pictures.append(stack(shown, times, self._fall, seconds))
        self._next = float(seconds[-1]) + STEP
        self._lanes = self._lanes or find_lanes(np.vstack(self._pictures))
        if self._lanes is None and len(self._pictures) > WITHOUT_LANES:  # so far there were no bars worth the name
            self._first = (self._first or 0.0) + STEP * len(self._pictures.pop(0))
        if self._lanes is not None:
            levels = read_lanes(np.vstack(self._pictures), self._lanes)
            self._pictures = []
            new = self._take(np.vstack([self._levels, levels]))
            self._arrivals.add(new, self._lanes.edges, panels, still, times)
            self._colours.add(new, self._lanes.edges, panels, times)

    def _take(self, levels: np.ndarray) -> list[Note]:
        """Keep the notes of levels; what is not over is kept for the next ones."""
        assert self._first is not None
        new, self._levels = find_bars(levels, self._first)
        self._first += (len(levels) - len(self._levels)) * STEP
        self._notes += new
        return new

    def finish(self) -> FallingNotes | None:
        """All notes, or None where the bars do not stand over keys."""
        if self._times:
            self._read(self._times[-1])
        if self._lanes is None:
            return None
        self._take(np.vstack([self._levels, np.zeros((1, len(CENTRES)), np.float32)]))
        line, late = self._arrivals.line()
        later = late + (line - self._fall.line) / self._fall.speed
        notes = [
            replace(note, onset=note.onset + later, offset=note.offset + later, hand=hand)
            for note, hand in zip(self._notes, self._colours.hands(self._notes), strict=True)
        ]
        ordered = sorted((note for note in notes if note.offset > 0), key=lambda note: (note.onset, note.pitch))
        return FallingNotes(ordered, replace(self._fall, line=line))
