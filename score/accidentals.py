"""Which notes of a staff show their accidental: where it is needed, and where a reader would else doubt."""

from collections.abc import Sequence

import music21

from score.key import Key

_STEPS_SHARPENED = "FCGDAEB"

Place = tuple[str, int]  # letter and octave


class Accidentals:
    """What is valid on one staff, bar after bar."""

    def __init__(self) -> None:
        self._before: dict[Place, int] = {}  # alterations that ended the bar before and were not the signature's

    def show(self, elements: Sequence[music21.note.GeneralNote], key: Key) -> None:
        """Show the accidentals of a bar's notes, in the order in which they are read.

        One is needed where a note differs from the signature, or from the same line or space before in the bar. A
        courtesy where a note was altered in the bar before, or is in another octave of this bar, and is not now."""
        signature = alterations(key)
        valid: dict[Place, int] = {}
        last: dict[Place, int] = {}
        for element in elements:
            if not isinstance(element, music21.note.NotRest):
                continue
            held = element.tie is not None and element.tie.type != "start"
            for pitch in element.pitches:
                place, alteration = (pitch.step, pitch.octave or 0), int(pitch.alter)
                usual = signature.get(pitch.step, 0)
                needed = alteration != valid.get(place, usual)
                doubtful = place not in valid and self._is_doubtful(place, alteration, valid)
                _mark(pitch, not held and (needed or doubtful))
                last[place] = alteration
                if not held:  # a tie over the bar line alters nothing but its own note
                    valid[place] = alteration
        self._before = {place: alter for place, alter in last.items() if alter != signature.get(place[0], 0)}

    def _is_doubtful(self, place: Place, alteration: int, valid: dict[Place, int]) -> bool:
        elsewhere = [alter for other, alter in valid.items() if other[0] == place[0]]
        return self._before.get(place, alteration) != alteration or any(alter != alteration for alter in elsewhere)


def alterations(key: Key) -> dict[str, int]:
    """Letters that the signature alters: 1 a sharp, -1 a flat."""
    if key.sharps > 0:
        return dict.fromkeys(_STEPS_SHARPENED[: key.sharps], 1)
    return dict.fromkeys(_STEPS_SHARPENED[key.sharps :], -1) if key.sharps else {}


def _mark(pitch: music21.pitch.Pitch, shown: bool) -> None:
    if shown and pitch.accidental is None:
        pitch.accidental = music21.pitch.Accidental("natural")
    if pitch.accidental is not None:
        pitch.accidental.displayStatus = shown
