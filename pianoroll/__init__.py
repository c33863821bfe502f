"""The vocabulary of silentkeys: the 88 keys, notes, piano rolls, their files, and how they are judged."""

from pianoroll.errors import FileError, SilentkeysError
from pianoroll.midi import read_midi, write_midi
from pianoroll.notes import Hand, Note, write_csv
from pianoroll.roll import PianoRoll

__all__ = ["FileError", "Hand", "Note", "PianoRoll", "SilentkeysError", "read_midi", "write_csv", "write_midi"]
