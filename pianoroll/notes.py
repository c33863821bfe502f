"""``Note``, and a table of notes (CSV)."""

import csv
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pianoroll.files import write_beside
from pianoroll.keys import LOWEST_PITCH, pitch_name

Hand = Literal["left", "right"]


@dataclass(frozen=True, order=True)
class Note:
    """One key press: ``onset`` and ``offset`` in seconds, ``pitch`` (MIDI, 21..108), ``velocity`` 1..127.

    ``hand`` is the player's, None where unknown; ``finger`` 1 (thumb) to 5, None where unknown; ``confidence`` 0..1.
    """

    onset: float
    pitch: int
    offset: float
    velocity: int = 80
    hand: Hand | None = None
    finger: int | None = None
    confidence: float = 1.0

    @property
    def key(self) -> int:
        """Column of the key in a roll: 0 is A0."""
        return self.pitch - LOWEST_PITCH


def write_csv(notes: Sequence[Note], path: str | os.PathLike[str]) -> None:
    """Write one row a note: onset and offset in seconds, pitch, name, velocity, hand, finger, confidence."""
    with write_beside(path) as temporary, open(temporary, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["onset", "offset", "pitch", "name", "velocity", "hand", "finger", "confidence"])
        for n in notes:
            seconds = (f"{n.onset:.3f}", f"{n.offset:.3f}")
            player = (n.hand or "", n.finger or "", f"{n.confidence:.3f}")
            writer.writerow([*seconds, n.pitch, pitch_name(n.pitch), n.velocity, *player])
