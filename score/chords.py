"""Notes -> arrays, with what is struck together as one chord: how harmony is looked at where no beat is known."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pianoroll import Note

TOGETHER = 0.04  # seconds from a chord's first note to its last


@dataclass(frozen=True)
class Chords:
    """Notes by chord, then by pitch, all ``(N,)``: ``order``: which of the given notes each is; ``chord``: number of
    its chord; ``onset``, ``length`` in seconds; ``pitch`` (MIDI)."""

    order: np.ndarray
    chord: np.ndarray
    onset: np.ndarray
    length: np.ndarray
    pitch: np.ndarray

    @property
    def count(self) -> int:
        """How many chords there are."""
        return int(self.chord[-1]) + 1

    @property
    def lowest(self) -> np.ndarray:
        """Whether a note is its chord's bass ``(N,)``."""
        return np.diff(self.chord, prepend=-1) > 0


def in_chords(notes: Sequence[Note]) -> Chords:
    """At least one note, in any order."""
    pitch = np.array([note.pitch for note in notes])
    onset = np.array([note.onset for note in notes])
    length = np.array([note.offset - note.onset for note in notes])
    chord = np.zeros(len(notes), dtype=int)
    number, start = -1, -np.inf
    for index in np.argsort(onset, kind="stable"):
        if onset[index] - start > TOGETHER:
            number, start = number + 1, onset[index]
        chord[index] = number
    order = np.lexsort((pitch, chord))
    return Chords(order, chord[order], onset[order], length[order], pitch[order])
