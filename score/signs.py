"""What is written beside the notes of a piece: how loud it is, and where the staff is to be read an octave away."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from pianoroll import Note
from score.clefs import Clef
from score.key import likeliest_path
from score.rhythm import Piece

LEVELS = {"pp": 32.0, "p": 46.0, "mp": 58.0, "mf": 70.0, "f": 83.0, "ff": 98.0}  # velocity at the middle of each
FIRM = 4.0  # velocity by which the loudness must be nearer to another level before it is written
SMOOTH = 2.0  # bars over which loudness is averaged, to each side
LASTING = 4  # bars that a level holds at least
FLAT = 2.0  # standard deviation of velocities up to which nobody measured them

HIGHEST = {"treble": 88, "bass": 69}  # pitches that are still easy to read (E6, A4: three ledger lines)...
LOWEST = {"treble": 52, "bass": 31}  # ...and the lowest (E3, G1: three and four)
READABLE = (72, 48)  # lowest pitch (C5) that may be written an octave lower; highest (C3) that may be an octave higher
UNREADABLE = 1e3
UNUSUAL = 1.0  # what a chord that is read elsewhere costs, in semitones beyond what is easy
STATES = (0, 1, -1)  # octaves lower than it sounds
CHANGE = 14.0  # what it costs to begin and end reading elsewhere, in semitones beyond what is easy


@dataclass(frozen=True)
class Shift:
    """Chords of a staff, by their number in it, that are read an octave away: 1 lower than they sound (8va), -1."""

    first: int
    last: int
    octaves: int


def dynamics(notes: Sequence[Note], starts: Sequence[float]) -> dict[int, str]:
    """Number of a bar -> the level that is written there; ``starts``: seconds of each bar, and of the end."""
    velocity = np.array([note.velocity for note in notes], dtype=float)
    if len(notes) < 2 or velocity.std() < FLAT:
        return {}
    bar = np.clip(np.searchsorted(starts, [note.onset + 0.03 for note in notes], side="right") - 1, 0, len(starts) - 2)
    count = np.bincount(bar, minlength=len(starts) - 1)
    loud = np.bincount(bar, weights=velocity, minlength=len(starts) - 1)
    near = np.exp(-0.5 * (np.arange(-8, 9) / SMOOTH) ** 2)
    mean = _along(loud, near) / np.maximum(_along(count, near), 1e-9)
    names, middles = list(LEVELS), np.array(list(LEVELS.values()))
    found: dict[int, str] = {}
    now, since = -1, -LASTING
    for index in np.flatnonzero(count):
        distance = np.abs(middles - mean[index])
        best = int(distance.argmin())
        if now < 0 or (distance[now] - distance[best] > FIRM and index - since >= LASTING):
            now, since = best, int(index)
            found[since] = names[best]
    return found


def _along(x: np.ndarray, window: np.ndarray) -> np.ndarray:
    half = len(window) // 2
    return np.convolve(np.pad(x.astype(float), half), window, "valid")


def shifts(chords: Sequence[tuple[Piece, Clef]]) -> list[Shift]:
    """Where the chords of a staff, in order with their clefs, are read an octave away: the cheapest way."""
    if not chords:
        return []
    strain = np.array([[_strain(piece, clef, octaves) for octaves in STATES] for piece, clef in chords])
    path = np.array(STATES)[likeliest_path(-strain, CHANGE)]
    edges = [0, *(np.flatnonzero(np.diff(path)) + 1).tolist(), len(path)]
    return [Shift(first, end - 1, int(path[first])) for first, end in pairwise(edges) if path[first]]


def _strain(piece: Piece, clef: Clef, octaves: int) -> float:
    """Semitones beyond what is easy to read in a clef, of a chord that is written so many octaves lower."""
    low, high = piece.notes[0].pitch, piece.notes[-1].pitch
    if (octaves > 0 and low < READABLE[0]) or (octaves < 0 and high > READABLE[1]):
        return UNREADABLE
    written = low - 12 * octaves, high - 12 * octaves
    return float(max(0, written[1] - HIGHEST[clef]) + max(0, LOWEST[clef] - written[0]) + (UNUSUAL if octaves else 0))
