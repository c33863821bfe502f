"""When each note of the drawn score is heard, so that the score can be followed while it sounds."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pianoroll import Note
from score.pages import DrawnNote

REACH = 0.5  # seconds from where the beat says within which a drawn note was played
SHORTEST = 0.05  # seconds for which a note is heard at least


@dataclass(frozen=True)
class Step:
    """``id`` of a drawn note and the seconds from and to which it is heard."""

    id: str
    start: float
    end: float


def in_step(drawn: Sequence[DrawnNote], clock: np.ndarray, played: Sequence[Note]) -> list[Step]:
    """A step for each drawn note, in the order of their starts.

    ``clock (beats, 2)``: quarter notes and their seconds. A note begins when it was played, if it was near there; else,
    as in an ornament that is written by its sign, when the beat says.
    """
    if not drawn:
        return []
    starts, ends = (np.interp([getattr(note, end) for note in drawn], *clock.T) for end in ("start", "end"))
    free: dict[int, list[float]] = defaultdict(list)
    for note in played:
        free[note.pitch].append(note.onset)
    steps = []
    for index in np.argsort(starts, kind="stable").tolist():
        note, start = drawn[index], float(starts[index])
        near = min(free[note.pitch], key=lambda onset: abs(onset - start), default=None)
        if not note.tied and near is not None and abs(near - start) <= REACH:
            free[note.pitch].remove(near)
            start = near
        steps.append(Step(note.id, start, max(float(ends[index]), start + SHORTEST)))
    return sorted(steps, key=lambda step: step.start)
