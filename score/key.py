"""Notes -> key, and the name of each pitch in that key.

The key whose profile correlates best with how long each pitch class sounds (Krumhansl and Schmuckler); the profiles
are Temperley's revision, from his "What's key for key?" (Music Perception 17, 1999), with a little weight for the
last bass.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pianoroll import Note

MAJOR = np.array([5.0, 2.0, 3.5, 2.0, 4.5, 4.0, 2.0, 4.5, 2.0, 3.5, 1.5, 4.0])
MINOR = np.array([5.0, 2.0, 3.5, 4.5, 2.0, 4.0, 2.0, 4.5, 3.5, 2.0, 1.5, 4.0])
LONGEST = 1.0  # seconds: a longer note says no more about the key
LAST_BASS = 0.07  # of a correlation, for a tonic in the last bass
_LETTERS = "FCGDAEB"  # along the line of fifths
# Which spellings serve in a key: places on the line of fifths from its major (or relative major) tonic. In C: E flat to
# G sharp; in A minor: B flat to D sharp, so that the leading notes of the key and of its dominant are sharps.
_WINDOW = {"major": range(-3, 9), "minor": range(-2, 10)}


@dataclass(frozen=True)
class Key:
    """``sharps``: of the signature, negative for flats (-6..6); ``mode``: “major” or “minor”."""

    sharps: int
    mode: str

    @property
    def tonic(self) -> str:
        """Name of the tonic, e.g. “F#” or “Bb”."""
        return _fifths_name(self.sharps + (0 if self.mode == "major" else 3))

    @property
    def name(self) -> str:
        return f"{self.tonic} {self.mode}"

    def spell(self, pitch: int) -> tuple[str, int, int]:
        """Letter, alteration in semitones (-2..2) and octave of a MIDI pitch: (“F”, 1, 4) for 66 in G major."""
        window = _WINDOW[self.mode]
        fifths = next(f for f in (self.sharps + step for step in window) if (7 * f) % 12 == pitch % 12)
        letter, alteration = _fifths_letter(fifths)
        natural = pitch - alteration
        return letter, alteration, natural // 12 - 1


def find_key(notes: Sequence[Note]) -> Key:
    """The likeliest of the 24 keys; C major for no notes."""
    if not notes:
        return Key(0, "major")
    heard = np.zeros(12)
    for note in notes:
        heard[note.pitch % 12] += min(max(note.offset - note.onset, 0.05), LONGEST)
    end = max(note.onset for note in notes) - 0.5
    bass = min(note.pitch for note in notes if note.onset >= end) % 12
    scores = {}
    for tonic in range(12):
        for mode, profile in (("major", MAJOR), ("minor", MINOR)):
            likeness = float(np.corrcoef(np.roll(profile, tonic), heard)[0, 1]) if heard.std() > 0 else 0.0
            scores[tonic, mode] = likeness + (LAST_BASS if tonic == bass else 0.0)
    tonic, mode = max(scores, key=lambda choice: scores[choice])
    major_tonic = tonic if mode == "major" else tonic + 3
    sharps = (7 * major_tonic + 5) % 12 - 5  # -5 (D flat) .. 6 (F sharp)
    return Key(sharps, mode)


def _fifths_letter(fifths: int) -> tuple[str, int]:
    """Letter and alteration of a place on the line of fifths, where C is 0, G 1 and F -1."""
    alteration, index = divmod(fifths + 1, 7)
    return _LETTERS[index], alteration


def _fifths_name(fifths: int) -> str:
    letter, alteration = _fifths_letter(fifths)
    return letter + ("#" * alteration if alteration > 0 else "b" * -alteration)
