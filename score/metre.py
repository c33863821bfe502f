"""Beats -> bars: how many beats make one, where the first begins, and what the beat is written as.

A bar's first beat is struck harder, lower and fuller, its notes last longer, and the harmony changes on it. For every
bar length and every place of the first bar line, the strength of the would-be downbeats is compared with that of the
other beats, and the music of a bar with that of the next.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from score.beats import TICKS, Beats

UNITS = 48  # notation units a quarter note: a 16th is 12, a triplet eighth 16
FAST_THREE = 150.0  # beats a minute from which three beats are written as 3/8
FAST_BEAT = 165.0  # beats a minute from which two beats are written as one quarter
USUAL_BARS = {2: {2: 0.0, 3: 0.0, 4: 0.1}, 3: {2: 0.1, 3: -0.1, 4: 0.0}}  # division -> beats a bar -> head start
PLAIN_BAR = {2: 4, 3: 2}  # division -> beats a bar where nothing stands out
LIKENESS = 1.0  # weight of two bars' being alike, against one standard deviation of strength
FEWEST_BARS = 3  # with fewer, a bar length is guessed rather than measured


@dataclass(frozen=True)
class Metre:
    """``numerator``/``denominator`` as written; ``beat`` in notation units (48 a quarter); ``beats``: tracked, a bar.

    ``first_bar``: index of the first tracked beat of the first bar, 0 or negative (the bar begins before the music).
    """

    numerator: int
    denominator: int
    beat: int
    beats: int
    first_bar: int

    @property
    def bar(self) -> int:
        """Length of a bar in notation units."""
        return self.beat * self.beats

    @property
    def pulse(self) -> int:
        """The note value that is counted, in notation units: a quarter, a dotted quarter in 6/8, an eighth in 3/8."""
        if self.denominator == 4:
            return UNITS
        return self.beat

    def units(self, ticks: float) -> float:
        """Notation units from the first bar line of a place in ticks from the first tracked beat."""
        return (ticks / TICKS - self.first_bar) * self.beat


def find_metre(beats: Beats, *, metre: str | None = None) -> Metre:
    """The likeliest metre of 2/4, 3/4, 4/4, 3/8 (beats in halves), 6/8, 9/8, 12/8 (beats in thirds).

    ``metre``: one of these, where it is known; then only the first bar line is sought.
    """
    strength = beat_strength(beats)
    notes = _beat_notes(beats)
    choices = USUAL_BARS[beats.division]
    if metre:
        choices = {named(metre, 0).beats: 0.0}
    scores = {
        (length, phase): start + _contrast(strength, length, phase) + LIKENESS * _likeness(notes, length)
        for length, start in choices.items()
        for phase in range(length)
    }
    length, phase = max(scores, key=lambda choice: (scores[choice], -choice[1]))
    if scores[length, phase] < 1.0 / np.sqrt(len(strength) / length):  # chance would often give as much
        length, phase = (length if metre else PLAIN_BAR[beats.division]), 0
    if metre:
        return named(metre, phase)
    return written(length, phase, beats.division, beats.tempo)


def named(metre: str, phase: int) -> Metre:
    """The metre of that name, such as “6/8”, whose first whole bar begins at beat ``phase``."""
    numerator, denominator = (int(part) for part in metre.split("/"))
    beat = UNITS if denominator == 4 else 3 * UNITS // 2 if numerator > 3 else UNITS // 2
    length = numerator * UNITS * 4 // denominator // beat
    return Metre(numerator, denominator, beat, length, phase - length if phase else 0)


def written(length: int, phase: int, division: int, tempo: float) -> Metre:
    """How bars of ``length`` beats that begin at beat ``phase`` are written, by the tempo (beats a minute)."""
    first = phase - length if phase else 0
    if division == 3:
        return Metre(3 * length, 8, 3 * UNITS // 2, length, first)
    if length == 3 and tempo > FAST_THREE:
        return Metre(3, 8, UNITS // 2, 3, first)
    if length == 4 and tempo > FAST_BEAT:
        return Metre(2, 4, UNITS // 2, 4, first)
    return Metre(length, 4, UNITS, length, first)


def beat_strength(beats: Beats) -> np.ndarray:
    """How much each beat ``(B,)`` sounds like a downbeat: mean 0, deviation 1."""
    count = len(beats.times)
    struck, low, loud, long = (np.zeros(count) for _ in range(4))
    low += 60.0
    for event, tick in zip(beats.events, beats.ticks, strict=True):
        beat, place = divmod(int(tick), TICKS)
        if place == 0 and beat < count:
            struck[beat] = len(event)
            low[beat] = event[0].pitch
            loud[beat] = max(note.velocity for note in event)
            long[beat] = np.log1p(max(note.offset - note.onset for note in event))
    notes = _beat_notes(beats)
    change = 1.0 - np.array([0.0, *(float(a @ b) for a, b in pairwise(notes))])
    parts = [(0.6, np.log1p(struck)), (0.9, -low), (0.4, loud), (0.6, long), (0.8, change)]
    return _standard(sum((weight * _standard(part) for weight, part in parts), np.zeros(count)))


def _standard(x: np.ndarray) -> np.ndarray:
    return (x - x.mean()) / max(float(x.std()), 1e-9)


def _beat_notes(beats: Beats) -> np.ndarray:
    """Pitch classes begun within each beat ``(B, 12)``, each row of length 1 (or all zero)."""
    chroma = np.zeros((len(beats.times), 12))
    for event, tick in zip(beats.events, beats.ticks, strict=True):
        for note in event:
            chroma[min(int(tick) // TICKS, len(chroma) - 1), note.pitch % 12] += 1
    return chroma / np.maximum(np.linalg.norm(chroma, axis=1, keepdims=True), 1e-9)


def _contrast(strength: np.ndarray, length: int, phase: int) -> float:
    """Mean strength of the downbeats less that of the other beats, less what chance alone would give."""
    down = np.zeros(len(strength), dtype=bool)
    down[phase::length] = True
    if down.sum() < FEWEST_BARS or (~down).sum() < 1:
        return -0.2 * phase
    return float(strength[down].mean() - strength[~down].mean() - 1.0 / np.sqrt(down.sum()))


def _likeness(notes: np.ndarray, length: int) -> float:
    """How alike the beats a bar apart are: mean cosine of their pitch classes, less that of beats at any distance."""
    if len(notes) < FEWEST_BARS * length:
        return 0.0
    any_distance = [float((notes[:-lag] * notes[lag:]).sum(axis=1).mean()) for lag in range(1, 6) if lag < len(notes)]
    return float((notes[:-length] * notes[length:]).sum(axis=1).mean()) - float(np.mean(any_distance))
