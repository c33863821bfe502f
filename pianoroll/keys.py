"""The 88 keys and where they lie.

Keyboard coordinates, used by every folder: ``along`` counts white-key widths from the left edge of A0 (0) to the right
edge of C8 (52) as the player sees it; ``across`` runs from the back edge of the white keys (0, far from the player) to
their front edge (1).

The places of the black keys follow the usual build of a piano: within C-E and within F-B the white tails between the
black keys are equally wide, which moves C# and D# outward by 0.10 and F# and A# outward by 0.15 of a white key.
"""

import numpy as np

KEYS = 88
WHITE_KEYS = 52
LOWEST_PITCH = 21  # A0, column 0 of a roll
HIGHEST_PITCH = 108  # C8, column 87

WHITE_KEY_LENGTH = 6.4  # white-key widths: 150 mm long, 23.5 mm wide
BLACK_KEY_LENGTH = 0.63  # of a white key's length, from the back edge: 95 mm
BLACK_KEY_WIDTH = 0.55  # white-key widths, at its foot: 13 mm

_WHITE_IN_OCTAVE = {0: 0, 2: 1, 4: 2, 5: 3, 7: 4, 9: 5, 11: 6}  # pitch class -> white keys from C
_BLACK_CENTRE_IN_OCTAVE = {1: 1 - 0.097, 3: 2 + 0.097, 6: 4 - 0.145, 8: 5.0, 10: 6 + 0.145}  # from C's left edge
_A0_FROM_C = 5  # A0 is the sixth white key of its octave
_NAMES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")


def is_black(pitch: int) -> bool:
    """Whether the key of MIDI ``pitch`` is black."""
    return pitch % 12 in _BLACK_CENTRE_IN_OCTAVE


def key_centre(pitch: int) -> float:
    """Centre of the key along the keyboard, in white-key widths from the left edge of A0."""
    octave, pitch_class = divmod(pitch, 12)
    start = 7 * (octave - LOWEST_PITCH // 12) - _A0_FROM_C
    if pitch_class in _BLACK_CENTRE_IN_OCTAVE:
        return start + _BLACK_CENTRE_IN_OCTAVE[pitch_class]
    return start + _WHITE_IN_OCTAVE[pitch_class] + 0.5


def key_edges(pitch: int) -> tuple[float, float]:
    """Left and right edge of the key along the keyboard, in white-key widths from the left edge of A0."""
    half = BLACK_KEY_WIDTH / 2 if is_black(pitch) else 0.5
    centre = key_centre(pitch)
    return centre - half, centre + half


def key_outline(pitch: int) -> np.ndarray:
    """Corners ``(4, 2)`` of the key in keyboard coordinates: back-left, back-right, front-right, front-left."""
    left, right = key_edges(pitch)
    front = BLACK_KEY_LENGTH if is_black(pitch) else 1.0
    return np.array([[left, 0], [right, 0], [right, front], [left, front]])


def pitch_name(pitch: int) -> str:
    """Name of a MIDI pitch with its octave: 60 is C4."""
    return f"{_NAMES[pitch % 12]}{pitch // 12 - 1}"


def parse_pitch(name: str) -> int:
    """MIDI pitch of a name such as ``C2``, ``F#3``, ``Bb1`` or ``36``.

    Raises ValueError where the name is none, or lies outside A0 to C8.
    """
    text = name.strip()
    if text.lstrip("-").isdigit():
        pitch = int(text)
    else:
        letter, rest = text[:1].upper(), text[1:]
        shift = {"#": 1, "♯": 1, "b": -1, "♭": -1}.get(rest[:1], 0)
        octave = rest[1:] if shift else rest
        if letter not in _NAMES or not octave.lstrip("-").isdigit():
            raise ValueError(f"“{name}” is no key name; write it like C2, F#3 or Bb1")
        pitch = _NAMES.index(letter) + shift + 12 * (int(octave) + 1)
    if not LOWEST_PITCH <= pitch <= HIGHEST_PITCH:
        raise ValueError(f"“{name}” is not on a piano; its keys go from A0 to C8")
    return pitch


PITCHES = np.arange(LOWEST_PITCH, HIGHEST_PITCH + 1)
BLACK = np.array([is_black(int(p)) for p in PITCHES])
CENTRES = np.array([key_centre(int(p)) for p in PITCHES])  # white-key widths from the left edge of A0


def _octaves() -> dict[str, np.ndarray]:
    """The keys from each C to the next B, by name."""
    octaves, found = PITCHES // 12, {}
    for octave in np.unique(octaves).tolist():
        keys = octaves == octave
        lowest, highest = (pitch_name(int(p)) for p in (PITCHES[keys][0], PITCHES[keys][-1]))
        found[lowest if lowest == highest else f"{lowest}-{highest}"] = keys
    return found


OCTAVES = _octaves()
"""Bool ``(88,)``, which keys belong to each octave: “A0-B0”, “C1-B1”, …, “C7-B7”, “C8”."""
