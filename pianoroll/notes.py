"""``Note`` and its files: MIDI in and out (pretty_midi), and a table of notes (CSV)."""

import csv
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pretty_midi

from pianoroll.errors import FileError
from pianoroll.files import write_beside
from pianoroll.keys import HIGHEST_PITCH, LOWEST_PITCH, pitch_name

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


def read_midi(path: str | os.PathLike[str]) -> list[Note]:
    """All notes of a MIDI file that a piano has, sorted; drums are left out. Raises FileError if it is none."""
    if not Path(path).is_file():
        raise FileError(f"{path} does not exist; give a MIDI file (.mid).")
    try:
        midi = pretty_midi.PrettyMIDI(os.fspath(path))
    except (OSError, ValueError, KeyError, IndexError, EOFError, AttributeError, TypeError) as error:
        raise FileError(f"{path} is no MIDI file that can be read: {error or type(error).__name__}") from error
    hands: dict[str, Hand] = {"left": "left", "right": "right"}
    notes = [
        Note(note.start, note.pitch, note.end, max(1, note.velocity), hands.get(instrument.name.strip().lower()))
        for instrument in midi.instruments
        if not instrument.is_drum
        for note in instrument.notes
        if LOWEST_PITCH <= note.pitch <= HIGHEST_PITCH
    ]
    return sorted(notes, key=lambda note: (note.onset, note.pitch))


def write_midi(notes: Sequence[Note], path: str | os.PathLike[str], *, tempo: float = 120.0, program: int = 0) -> None:
    """Write notes as a MIDI file: tracks named ``right`` and ``left``; those of unknown hand in one named ``piano``.

    ``tempo``: beats a minute, for the file's own grid only: seconds stay as they are.
    ``program``: General MIDI, from 0.
    """
    midi = pretty_midi.PrettyMIDI(resolution=960, initial_tempo=tempo)
    for name, hand in (("right", "right"), ("left", "left"), ("piano", None)):
        members = [note for note in notes if note.hand == hand]
        if members or (hand is None and not notes):
            track = pretty_midi.Instrument(program=program, name=name)
            track.notes = [pretty_midi.Note(n.velocity, n.pitch, n.onset, n.offset) for n in members]
            midi.instruments.append(track)
    with write_beside(path) as temporary:
        midi.write(os.fspath(temporary))


def write_csv(notes: Sequence[Note], path: str | os.PathLike[str]) -> None:
    """Write one row a note: onset and offset in seconds, pitch, name, velocity, hand, finger, confidence."""
    with write_beside(path) as temporary, open(temporary, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["onset", "offset", "pitch", "name", "velocity", "hand", "finger", "confidence"])
        for n in notes:
            seconds = (f"{n.onset:.3f}", f"{n.offset:.3f}")
            player = (n.hand or "", n.finger or "", f"{n.confidence:.3f}")
            writer.writerow([*seconds, n.pitch, pitch_name(n.pitch), n.velocity, *player])
