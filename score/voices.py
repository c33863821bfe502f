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
class _Way:
    """A way of having cut so far: what each voice plays now, and the way before with its cut."""

    cost: float
    now: tuple[tuple[Placed, ...], tuple[Placed, ...]]  # upper, lower
    before: tuple["_Way", int] | None


def split_voices(placed: Sequence[Placed]) -> tuple[list[Placed], list[Placed]]:
    """Upper and lower voice; without need, all notes are in the upper."""
    groups = [sorted(group, key=lambda each: each.note.pitch) for _, group in groupby(placed, lambda each: each.start)]
    beam = [_Way(0.0, ((), ()), None)]
    for group in groups:
        grown = [_go_on(way, group, cut) for way in beam for cut in range(len(group) + 1)]
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
    kept: dict[tuple[tuple[int, ...], ...], _Way] = {}
    for way in ways:
        kept.setdefault(tuple(tuple(id(each) for each in voice) for voice in way.now), way)
        if len(kept) == BEAM:
            break
    return list(kept.values())


def _go_on(way: _Way, group: Sequence[Placed], cut: int) -> _Way:
    """Go on with the lowest ``cut`` notes of the group in the lower voice."""
    cost = way.cost + (SECOND if cut else 0.0)
    now = list(way.now)
    for voice, new in enumerate((group[cut:], group[:cut])):
        if not new:
            continue
        held = way.now[voice]
        cost += _cut_short(held, new[0].start, {each.note.pitch for each in new}) + _uneven(new)
        if held:
            cost += JUMP * abs(_middle(held) - _middle(new))
        if voice == 1 and (not held or max(each.end for each in held) < new[0].start - new[0].beat):
            cost += ENTRY
        other = way.now[1 - voice]
        if other and max(each.end for each in other) > new[0].start + 0.25 * new[0].beat:
            crossed = (
                (other[-1].note.pitch - new[0].note.pitch) if voice == 0 else (new[-1].note.pitch - other[0].note.pitch)
            )
            cost += CROSSING * (crossed > 0)
        now[voice] = tuple(new)
    return _Way(cost, (now[0], now[1]), (way, cut))


def _cut_short(held: Sequence[Placed], start: int, struck: set[int]) -> float:
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


def _middle(voice: Sequence[Placed]) -> float:
    return (voice[0].note.pitch + voice[-1].note.pitch) / 2
