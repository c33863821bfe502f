"""Notes as a player wants to practise them: slower, in another key, one hand alone."""

import math
from collections.abc import Sequence
from dataclasses import replace

from midi_synth.engine import Spans
from midi_synth.errors import SynthError
from pianoroll import Hand, Note
from pianoroll.keys import HIGHEST_PITCH, LOWEST_PITCH

SPEEDS = (0.1, 4.0)
FARTHEST = 24  # semitones


def practise(
    notes: Sequence[Note], pedal: Spans = (), *, speed: float = 1.0, transpose: int = 0, solo: str | None = None
) -> tuple[list[Note], list[tuple[float, float]]]:
    """``notes`` and ``pedal`` at ``speed`` times the tempo, ``transpose`` semitones higher, of the hand ``solo``
    ("left" or "right") alone. Raises SynthError where that cannot be played."""
    if not (math.isfinite(speed) and SPEEDS[0] <= speed <= SPEEDS[1]):
        raise SynthError(
            f"--speed {speed:g} cannot be played; give {SPEEDS[0]:g} to {SPEEDS[1]:g} (0.5: half as fast)."
        )
    if abs(transpose) > FARTHEST:
        raise SynthError(f"--transpose {transpose} is too far; give -{FARTHEST} to {FARTHEST} semitones.")
    kept = _of_hand(notes, solo) if solo else list(notes)
    moved = [
        replace(note, onset=note.onset / speed, offset=note.offset / speed, pitch=note.pitch + transpose)
        for note in kept
    ]
    inside = [note for note in moved if LOWEST_PITCH <= note.pitch <= HIGHEST_PITCH]
    return inside, [(down / speed, up / speed) for down, up in pedal]


def _of_hand(notes: Sequence[Note], solo: str) -> list[Note]:
    hands: tuple[Hand, Hand] = ("left", "right")
    if solo not in hands:
        raise SynthError(f"--solo “{solo}” is no hand; give left or right.")
    kept = [note for note in notes if note.hand == solo]
    if notes and not kept:
        raise SynthError(f"No note is known to be the {solo} hand's; --solo needs MIDI tracks named left and right.")
    return kept
