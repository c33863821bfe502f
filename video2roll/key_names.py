"""Which keys are in view: a row of black keys gives the pitch classes; its ends tell size, octave and mirror image.

The pattern of black keys is its own mirror image about D and about G sharp: read from the wrong side every black key
still has its place, and C is taken for E, A for G. So a picture of keys in the middle of a keyboard can never tell
whether it was mirrored. The ends can: keyboards begin and end on few keys, A0 and C8 above all, which mirrored would be
G and E. All this is weighed by how common keyboards of each size are, and how rare mirrored pictures: only where both
ends are in view and fit a mirrored keyboard exactly, or where nearly a whole piano is seen, is a picture called
mirrored. (73 keys from C to C and from E to E are each other's mirror image.)

Row coordinates: white-key widths from the left edge of some C, as ``black_keys`` reads the row.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from pianoroll.keys import HIGHEST_PITCH, LOWEST_PITCH, WHITE_KEYS, key_edges

WHITE_CLASSES = (0, 2, 4, 5, 7, 9, 11)
SYMMETRY = 3.0  # along -> 3 - along mirrors the pattern about D
_C0 = -5  # left edge of C0 in white-key widths from the left edge of A0

# Lowest and highest pitch of keyboards that are sold, and how many of them there are to one piano, about.
SIZES = {
    (LOWEST_PITCH, HIGHEST_PITCH): 1.0,
    (28, 103): 0.05,
    (28, 100): 0.02,
    (24, 96): 0.02,
    (29, 100): 0.01,
    (36, 96): 0.3,
    (36, 89): 0.01,
    (36, 84): 0.15,
    (48, 84): 0.04,
    (41, 77): 0.02,
    (53, 84): 0.03,
    (48, 72): 0.08,
}
_MIRRORED = 0.03  # mirrored pictures to one that is none
_SURPRISE = 0.05  # for each white key that is missing at an end, or too many there
_UNKNOWN_END = 0.004  # an end that is not what it seems: a hand, a shadow or a thing lies on the keys
_NEARLY_ALL = 50  # white keys: a piano's, but for two that a shadow may hide
_TOO_MANY = 4  # white keys that may seem to be there beyond an end of the 88
MOST_WHITES = WHITE_KEYS + _TOO_MANY  # as many have a place surely
_CENTRED = 10.0  # white keys: how far the middle of the view usually lies from the middle of the keyboard


@dataclass(frozen=True)
class End:
    """An end of the keys in view: the outer edge of the last white key (row coordinates), and whether the picture's
    edge cuts the keyboard off there."""

    along: float
    cut: bool


@dataclass(frozen=True)
class Placement:
    """How row coordinates lie on the 88 keys: ``along`` of a key = ``sign`` * row coordinate + ``shift``.

    ``low`` and ``high``: outer edges of the keys in view, along the 88; ``size``: those of the keyboard's first and
    last key as far as they are known.
    """

    sign: int
    shift: float
    low: float
    high: float
    size: tuple[float, float]

    @property
    def whole_piano(self) -> bool:
        """Whether so many keys are in view that they can lie only in one place of the 88."""
        return self.size == (0.0, WHITE_KEYS) and self.high - self.low > WHITE_KEYS - 6


def place(low: End, high: End) -> Placement:
    """Where on the 88 keys the keys in view lie, most likely."""
    options = [option for sign in (1, -1) for option in _placements(low, high, sign)]
    return max(options, key=lambda option: option[0])[1]


def _placements(low: End, high: End, sign: int) -> Iterator[tuple[float, Placement]]:
    """All ways to lay the keys in view on keyboards of all sizes, each with its likelihood."""
    rare = 1.0 if sign == 1 else _MIRRORED
    offset = 0.0 if sign == 1 else SYMMETRY
    if sign == -1:
        low, high = End(-high.along, high.cut), End(-low.along, low.cut)
    for (lowest, highest), common in SIZES.items():
        first, last = key_edges(lowest)[0], key_edges(highest)[1]
        for octave in range(-20, 21):
            shift = 7.0 * octave + _C0 + offset
            left, right = low.along + shift, high.along + shift
            if right <= first or left >= last or left < -_TOO_MANY or right > WHITE_KEYS + _TOO_MANY:
                continue
            if sign == -1 and (left, right) != (first, last) and right - left < _NEARLY_ALL:
                continue
            fitting = _end_likelihood(left - first, low.cut) * _end_likelihood(last - right, high.cut)
            apart = (left + right - first - last) / 2
            ways = max(1.0, last - first - (right - left) + 1) if low.cut and high.cut else 1.0
            likelihood = rare * common * fitting / ways / (1 + (apart / _CENTRED) ** 2)
            inside = max(left, 0.0), min(right, float(WHITE_KEYS))
            yield likelihood, Placement(sign, shift, *inside, (first, last))


def _end_likelihood(missing: float, cut: bool) -> float:
    """How likely an end is so many white keys short of the keyboard's own (negative: beyond it)."""
    if missing < 0:
        return _SURPRISE ** (-2 * missing)
    if cut:
        return 1.0
    return max(_SURPRISE**missing, _UNKNOWN_END)


def white_pitch(white: int) -> int:
    """MIDI pitch of white key ``white`` (0 for A0)."""
    octave, place_in_octave = divmod(white - _C0, len(WHITE_CLASSES))
    return 12 * (octave + 1) + WHITE_CLASSES[place_in_octave]
