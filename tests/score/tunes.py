"""Music made for tests: cadences in any key, and lines."""

from collections.abc import Sequence

from pianoroll import Note

# Tonic, subdominant, dominant seventh, tonic, in semitones above the tonic: the bass first.
CADENCES = {
    "major": ((-12, 4, 7, 12), (-7, 5, 9, 12), (-5, 5, 7, 11), (-12, 4, 7, 12)),
    "minor": ((-12, 3, 7, 12), (-7, 5, 8, 12), (-5, 5, 7, 11), (-12, 3, 7, 12)),
}


def cadences(mode: str, count: int, *, up: int = 0, start: float = 0.0) -> list[Note]:
    """``count`` bars of four chords, one a second, ``up`` semitones from C."""
    chords = CADENCES[mode] * count
    return [
        Note(start + second, 60 + up + pitch, start + second + 0.95)
        for second, chord in enumerate(chords)
        for pitch in chord
    ]


def line(pitches: Sequence[int], *, start: float = 0.0, step: float = 0.25) -> list[Note]:
    """One note after another."""
    return [Note(start + step * i, pitch, start + step * (i + 1)) for i, pitch in enumerate(pitches)]


def broken(mode: str, count: int, *, up: int = 0, start: float = 0.0) -> list[Note]:
    """The cadences with each chord's notes one after another, twice: eight a second."""
    return [
        Note(start + second + i / 8, 60 + up + pitch, start + second + (i + 1) / 8)
        for second, chord in enumerate(CADENCES[mode] * count)
        for i, pitch in enumerate(chord * 2)
    ]
