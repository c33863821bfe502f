"""Which of the fingers that are known are printed: not those that the hand takes by itself."""

from collections.abc import Sequence
from itertools import pairwise

from pianoroll import Note
from score.errors import ScoreError
from score.rhythm import Piece, Voices

FINGERING = ("auto", "all", "some", "none")
SHORT = 32  # fingered notes: of so short a piece editors print all
_FINGERS = 5


def chosen(staves: Sequence[Sequence[Voices]], fingering: str) -> set[Note]:
    """The notes whose finger is printed: “all”, “none”, “some” (where a hand begins, turns, stretches or leaps), or
    “auto”: all of a short piece, else some. Raises ScoreError for another word."""
    if fingering not in FINGERING:
        raise ScoreError(f"“{fingering}” is no way of printing fingers; choose {', '.join(FINGERING)}.")
    lines = [line for staff in staves for line in _lines(staff)]
    fingered = {note for line in lines for piece in line for note in piece.notes if note.finger}
    if fingering == "none":
        return set()
    if fingering == "all" or (fingering == "auto" and len(fingered) <= SHORT):
        return fingered
    plain = [piece.notes for line in lines for before, piece in pairwise(line) if _goes_without_saying(before, piece)]
    return fingered.difference(*plain)


def _lines(staff: Sequence[Voices]) -> list[list[Piece]]:
    """The chords of the upper voice, and of the lower, over all bars: each once, however it is tied."""
    count = max((len(voices) for voices in staff), default=0)
    return [
        [
            piece
            for voices in staff
            if len(voices) > number
            for piece in voices[number]
            if piece.notes and not piece.tied
        ]
        for number in range(count)
    ]


def _goes_without_saying(before: Piece, piece: Piece) -> bool:
    """Whether a hand that played ``before`` takes ``piece`` so without moving."""
    if len(before.notes) != len(piece.notes):
        return False
    pairs = list(zip(before.notes, piece.notes, strict=True))
    return all(_lies_under(old, new) for old, new in pairs)


def _lies_under(old: Note, new: Note) -> bool:
    """Whether the finger of ``new`` is the one that lies on its key while the hand plays ``old``."""
    if old.finger is None or new.finger is None:
        return new.finger is None
    up = 1 if new.hand == "right" else -1
    steps = round((new.pitch - old.pitch) * 7 / 12)
    finger = old.finger + up * steps
    return 1 <= finger <= _FINGERS and finger == new.finger
