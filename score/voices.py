"""The notes of one hand -> one or two voices.

Each group of notes that begin together is cut once: what is above belongs to the upper voice, what is below to the
lower. Most music of one hand is one voice of chords; a second pays where a note is held on while others move, or where
notes of a chord are let go at very different times. The cuts are chosen over the whole piece (beam search).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from pianoroll import Note

BEAM = 12
SECOND = 0.3  # price of a group in the lower voice...
ENTRY = 0.5  # ...and of the voice's beginning anew there
HELD = 1.0  # price of a beat by which a note is cut short
TOLERATED = (0.3, 0.2)  # beats, and share of its length, by which a note may overlap the next: legato
UNEVEN = 0.5  # price of a beat by which notes of one chord are held differently
CROSSING = 0.6  # price of a note above the lower voice's place that goes below it, or the other way
JUMP = 0.01  # price of a semitone from a voice's last note
LONGEST = 3.0  # beats: what is held longer counts no more


@dataclass(frozen=True)
class Placed:
    """A note where it is written: ``start``, how long it ``sounding``s, and the length of its ``beat``, in units."""

    start: int
    sounding: float
    beat: int
    note: Note

    @property
    def end(self) -> float:
        return self.start + self.sounding


@dataclass(frozen=True)
class _Struck:
    """What one voice strikes at once: its ``notes``, sorted by pitch, their ``pitches``, ``middle`` and latest ``end``,
    and the price of their being ``uneven``."""

    notes: tuple[Placed, ...]
    pitches: frozenset[int]
    middle: float
    end: float
    uneven: float

    @classmethod
    def of(cls, notes: Sequence[Placed]) -> "_Struck | None":
        """None where there are none."""
        if not notes:
            return None
        pitches = [each.note.pitch for each in notes]
        end, middle = max(each.end for each in notes), (pitches[0] + pitches[-1]) / 2
        return cls(tuple(notes), frozenset(pitches), middle, end, _uneven(notes))


@dataclass(frozen=True)
class _Way:
    """A way of having cut so far: what each voice plays now, and the way before with its cut."""

    cost: float
    now: tuple[_Struck | None, _Struck | None]  # upper, lower
    before: tuple["_Way", int] | None


def split_voices(placed: Sequence[Placed]) -> tuple[list[Placed], list[Placed]]:
    """Upper and lower voice; without need, all notes are in the upper."""
    groups = [sorted(group, key=lambda each: each.note.pitch) for _, group in groupby(placed, lambda each: each.start)]
    beam = [_Way(0.0, (None, None), None)]
    for group in groups:
        ways = [(_Struck.of(group[cut:]), _Struck.of(group[:cut])) for cut in range(len(group) + 1)]
        grown = [_go_on(way, cut, struck) for way in beam for cut, struck in enumerate(ways)]
        grown.sort(key=lambda way: way.cost)
        beam = _different(grown)
    cuts: list[int] = []
    way = beam[0]
    while way.before:
        way, cut = way.before
        cuts.append(cut)
    upper: list[Placed] = []
    lower: list[Placed] = []
    for group, cut in zip(groups, reversed(cuts), strict=True):
        lower += group[:cut]
        upper += group[cut:]
    return upper, lower


def _different(ways: Sequence[_Way]) -> list[_Way]:
    """The cheapest ways that leave the voices in different states: BEAM at most."""
    kept: dict[tuple[int, int], _Way] = {}
    for way in ways:
        kept.setdefault((id(way.now[0]), id(way.now[1])), way)
        if len(kept) == BEAM:
            break
    return list(kept.values())


def _go_on(way: _Way, cut: int, struck: tuple[_Struck | None, _Struck | None]) -> _Way:
    """Go on with what each voice strikes: the lowest ``cut`` notes of the group are the lower's."""
    cost = way.cost + (SECOND if cut else 0.0)
    now = list(way.now)
    for voice, new in enumerate(struck):
        if new is None:
            continue
        held, other, first = way.now[voice], way.now[1 - voice], new.notes[0]
        cost += (_cut_short(held.notes, first.start, new.pitches) if held else 0.0) + new.uneven
        if held:
            cost += JUMP * abs(held.middle - new.middle)
        if voice == 1 and (not held or held.end < first.start - first.beat):
            cost += ENTRY
        if other and other.end > first.start + 0.25 * first.beat:
            above, below = (other.notes[-1], first) if voice == 0 else (new.notes[-1], other.notes[0])
            cost += CROSSING * (above.note.pitch > below.note.pitch)
        now[voice] = new
    return _Way(cost, (now[0], now[1]), (way, cut))


def _cut_short(held: Sequence[Placed], start: int, struck: frozenset[int]) -> float:
    """Price of ending what a voice holds at ``start``; a key struck again had to be let go."""
    cost = 0.0
    for each in held:
        over = min((each.end - start) / each.beat, LONGEST)
        length = max(each.sounding / each.beat, 1e-3)
        if over > max(TOLERATED[0], TOLERATED[1] * length) and each.note.pitch not in struck:
            cost += HELD * over
    return cost


def _uneven(new: Sequence[Placed]) -> float:
    """Price of writing notes of one length that were held differently."""
    lengths = [min(each.sounding / each.beat, LONGEST) for each in new]
    return UNEVEN * max(0.0, max(lengths) - min(lengths) - 0.5)
