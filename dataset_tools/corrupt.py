"""Rolls as a key reader would have given them of notes that nobody filmed: what a refiner is trained and judged on.

Each note becomes a trace of *frame* and a peak of *onset*, and then what goes wrong in real rolls goes wrong in it:
notes hardly seen, holes in long notes, keys struck again that seem held, neighbours that seem to go down too, blips,
times a little off, hands that hide a few keys for a while, keyboards with ends out of the picture. How often
is fitted to what the key reader gets wrong on clavision's training clips, and can be made milder or worse.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np

from pianoroll import Note, PianoRoll
from pianoroll.keys import KEYS, LOWEST_PITCH

NOTHING = -7.0  # logit of a key that nobody touches
RISE = 0.03  # seconds in which a trace rises and falls
PEAK = 0.06  # seconds from an onset at which its peak has gone
FEWEST = 20  # notes that a stretch must hold
MILDEST, WORST = 0.4, 3.0  # times as bad as Corruption, in made rolls
TRIES = 50  # for each made roll
AGAIN = 0.3  # seconds of pause before a repeated key which may be overlooked


@dataclass(frozen=True)
class Corruption:
    """How often what goes wrong.

    Shares of the notes: ``missed``, ``neighbour``, ``merged`` (of those struck again), ``blip``, ``slow`` (faint at
    first: the key is seen late). A second of a note: ``holes``. A minute: ``hidden`` spans. Seconds: ``jitter``
    (deviation of onsets and ends). ``unsure``: deviation of the logits. ``cut``: share of the rolls that lack an end of
    the keyboard.
    """

    missed: float = 0.005
    neighbour: float = 0.07
    merged: float = 0.2
    blip: float = 0.12
    slow: float = 0.05
    holes: float = 0.06
    hidden: float = 0.3
    jitter: float = 0.02
    unsure: float = 1.1
    cut: float = 0.05

    def times(self, factor: float) -> "Corruption":
        """Everything so many times as often; deviations grow by the root of that."""
        worse = {each.name: factor * getattr(self, each.name) for each in fields(self)}
        return replace(self, **{**worse, "unsure": factor**0.5 * self.unsure, "jitter": factor**0.5 * self.jitter})


SEVERITIES = {"light": 0.5, "usual": 1.0, "heavy": 2.5}  # times as bad as the rolls that Corruption was fitted to


def made_rolls(
    performances: Sequence[Sequence[Note]], count: int, rng: np.random.Generator, *, seconds: float = 30.0
) -> Iterator[tuple[PianoRoll, list[Note]]]:
    """``count`` stretches of performances, corrupted from lightly to heavily, with their true notes, from 0 s on.

    Notes are cut to lengths that fingers hold, as some performances have them as long as the pedal does."""
    performances = [notes for notes in performances if len(notes) >= FEWEST]
    tries = TRIES * count
    while count > 0 and performances and (tries := tries - 1):
        whole = performances[int(rng.integers(len(performances)))]
        start, held = rng.uniform(0, max(1.0, whole[-1].onset - seconds)), float(np.exp(rng.normal(-0.2, 0.6)))
        notes = [
            replace(note, onset=note.onset - start, offset=min(note.offset, note.onset + held) - start)
            for note in whole
            if start <= note.onset < start + seconds
        ]
        if len(notes) >= FEWEST:
            worse = float(np.exp(rng.uniform(np.log(MILDEST), np.log(WORST))))
            roll = corrupt(notes, Corruption().times(worse), rng)
            yield roll, in_view(notes, roll)
            count -= 1


def corrupt(
    notes: Sequence[Note], corruption: Corruption, rng: np.random.Generator, *, rate: float = 25.0
) -> PianoRoll:
    """A roll, ``rate`` frames a second from 0 on, as it might have been read of ``notes``; which keys its picture shows
    stands in its metadata, as in real ones."""
    times = np.arange(0, max((note.offset for note in notes), default=0.0) + 1.0, 1 / rate)
    frame = np.full((len(times), KEYS), NOTHING) + rng.normal(0, 0.5, (len(times), KEYS))
    onset = np.full((len(times), KEYS), NOTHING) + rng.normal(0, 0.5, (len(times), KEYS))
    last: dict[int, float] = {}
    for note in sorted(notes):
        moved = _moved(note, corruption, rng)
        level = rng.normal(-2.5, 1.0) if rng.random() < corruption.missed else rng.normal(4.0, corruption.unsure)
        struck = level + rng.normal(-2.0, corruption.unsure)
        before = last.get(note.pitch)
        if before is not None and moved.onset - before < AGAIN and rng.random() < corruption.merged:
            _press(frame, times, moved.key, before - 0.05, moved.onset + 0.05, level)
            struck -= 4.0
        _press(frame, times, moved.key, moved.onset, moved.offset, level, corruption, rng)
        _strike(onset, times, moved.key, moved.onset, struck)
        last[note.pitch] = moved.offset
        if rng.random() < corruption.neighbour:
            _invent(frame, onset, times, moved, int(rng.choice([-2, -1, -1, 1, 1, 2])), corruption, rng)
        if rng.random() < corruption.blip:
            _invent(frame, onset, times, moved, int(rng.integers(-14, 15)), corruption, rng)
    _hide(frame, onset, times, notes, corruption, rng)
    lowest, highest = 0, KEYS - 1
    if rng.random() < corruption.cut:
        if rng.random() < 0.5:
            lowest = int(rng.integers(12, 30))
        else:
            highest -= int(rng.integers(8, 24))
        for values in (frame, onset):
            values[:, :lowest] = values[:, highest + 1 :] = NOTHING
    seen = {"lowest_pitch": lowest + LOWEST_PITCH, "highest_pitch": highest + LOWEST_PITCH}
    activations = _activation(frame), _activation(onset)
    return PianoRoll(times, *activations, threshold=0.5, onset_threshold=0.3, metadata=seen)


def in_view(notes: Sequence[Note], roll: PianoRoll) -> list[Note]:
    """The notes on keys that a roll's picture shows."""
    return [n for n in notes if roll.metadata["lowest_pitch"] <= n.pitch <= roll.metadata["highest_pitch"]]


def _moved(note: Note, corruption: Corruption, rng: np.random.Generator) -> Note:
    onset = max(0.0, note.onset + rng.normal(0, corruption.jitter))
    return replace(note, onset=onset, offset=max(onset + 0.05, note.offset + rng.normal(0, corruption.jitter)))


def _press(
    frame: np.ndarray,
    times: np.ndarray,
    key: int,
    onset: float,
    offset: float,
    level: float,
    corruption: Corruption | None = None,
    rng: np.random.Generator | None = None,
) -> None:
    """Raise a key's trace to ``level`` from ``onset`` to ``offset``, with holes and a wandering level if there is
    ``corruption``."""
    first, last = np.searchsorted(times, [onset - 2 * RISE, offset + 2 * RISE])
    now = times[first:last]
    part = np.clip(np.minimum(now - onset, offset - now) / (2 * RISE) + 0.5, 0, 1)
    trace = NOTHING + part * (level - NOTHING)
    if corruption is not None and rng is not None and len(now):
        wander = np.convolve(rng.normal(0, corruption.unsure, len(now) + 6), np.full(7, 7**-0.5), "valid")
        trace = trace + part * wander * 0.7
        if rng.random() < corruption.slow:
            trace[now < onset + rng.uniform(0.05, 0.3)] -= rng.uniform(2, 6)
        for _ in range(rng.poisson(corruption.holes * max(0.0, offset - onset))):
            start = rng.uniform(onset, offset)
            trace[(now >= start) & (now < start + rng.uniform(0.04, 0.16))] = rng.normal(-2.0, 1.0)
    frame[first:last, key] = np.maximum(frame[first:last, key], trace)


def _strike(onset: np.ndarray, times: np.ndarray, key: int, second: float, level: float) -> None:
    """Put an onset peak of ``level`` on a key."""
    first, last = np.searchsorted(times, [second - PEAK, second + PEAK])
    part = 1 - np.abs(times[first:last] - second) / PEAK
    onset[first:last, key] = np.maximum(onset[first:last, key], NOTHING + part * (level - NOTHING))


def _invent(
    frame: np.ndarray,
    onset: np.ndarray,
    times: np.ndarray,
    note: Note,
    away: int,
    corruption: Corruption,
    rng: np.random.Generator,
) -> None:
    """A key ``away`` from a note's that seems to go down with it, surely or not, for all of its time or for some."""
    if away == 0 or not 0 <= note.key + away < KEYS:
        return
    start = note.onset + rng.normal(0, 0.04)
    end = min(note.offset, start + rng.exponential(0.25) + 0.05)
    level = rng.normal(0.5, corruption.unsure)
    _press(frame, times, note.key + away, start, end, level, corruption, rng)
    _strike(onset, times, note.key + away, start, level + rng.normal(-2.5, corruption.unsure))


def _hide(
    frame: np.ndarray,
    onset: np.ndarray,
    times: np.ndarray,
    notes: Sequence[Note],
    corruption: Corruption,
    rng: np.random.Generator,
) -> None:
    """Hands lie over a few keys for a while: what they do is hardly seen."""
    for _ in range(rng.poisson(corruption.hidden * times[-1] / 60) if notes else 0):
        note = notes[int(rng.integers(len(notes)))]
        start = note.onset + rng.uniform(-0.5, 0.5)
        first, last = np.searchsorted(times, [start, start + rng.uniform(0.3, 1.5)])
        keys = slice(max(0, note.key - int(rng.integers(1, 4))), note.key + int(rng.integers(1, 4)))
        for values in (frame, onset):
            values[first:last, keys] -= rng.uniform(2, 6)


def _activation(logits: np.ndarray) -> np.ndarray:
    return (1 / (1 + np.exp(-np.clip(logits, -12, 12)))).astype(np.float32)
