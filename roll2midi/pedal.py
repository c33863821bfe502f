"""Where a pianist may have had the sustain pedal down: no video shows it, so this is a guess from the notes alone.

The pedal is changed with the harmony, and the harmony with its bass: wherever a note is the lowest for a while, the
pedal is lifted as it is struck and pressed again just after, when the old harmony has died away. That is how one
pedals broken chords; how much pedal a player likes cannot be known.
"""

import itertools
from collections.abc import Sequence

import numpy as np

from pianoroll import Note

BEFORE, AFTER = 0.4, 0.8  # seconds in which a bass note is the lowest
SHORTEST = 0.6  # seconds between two changes of the pedal
RING = 1.0  # seconds that the last notes are let ring on
RECENT = 40  # notes, among which is the one that ends last
DELAY = 0.1  # seconds after a change by which it goes down again


def guess_pedal(notes: Sequence[Note]) -> list[tuple[float, float]]:
    """Seconds from and to which the pedal would have been down, in order."""
    ordered = sorted(notes)
    onset = np.array([note.onset for note in ordered])
    pitch = np.array([note.pitch for note in ordered])
    first = np.searchsorted(onset, onset - BEFORE)
    last = np.searchsorted(onset, onset + AFTER, side="right")
    changes: list[float] = []
    for note, begin, end in zip(ordered, first, last, strict=True):
        if note.pitch <= pitch[begin:end].min() and (not changes or note.onset - changes[-1] >= SHORTEST):
            changes.append(note.onset)
    spans = []
    for down, up in itertools.zip_longest(changes, changes[1:], fillvalue=np.inf):
        struck = ordered[: int(np.searchsorted(onset, up))]
        silent = max(note.offset for note in struck[-RECENT:]) + RING
        if down + DELAY < (lifted := min(up, silent)):
            spans.append((round(down + DELAY, 4), round(lifted, 4)))
    return spans
