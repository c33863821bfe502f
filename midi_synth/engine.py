"""What plays notes: the interface that every synthesiser fills."""

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np

from pianoroll import Note

Progress = Callable[[float], None]
Spans = Sequence[tuple[float, float]]


class Engine(Protocol):
    """A synthesiser with its settings made."""

    def render(
        self, notes: Sequence[Note], sample_rate: int, *, pedal: Spans = (), progress: Progress | None = None
    ) -> np.ndarray:
        """Sound of ``notes`` (at least one), float32 ``(2, N)``, left and right, with the last notes' ringing out.

        Sample ``round(onset * sample_rate)`` is where a note begins; loudness is free: it is set later. ``pedal``:
        seconds from and to which the sustain pedal is down. ``progress`` is called with 0..1. Raises SynthError.
        """
        ...
