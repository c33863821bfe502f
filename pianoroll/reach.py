"""Notes -> hands: which of them the left plays, by how far a hand reaches and how far it must jump.

Every group of notes struck together is cut once: what is below goes to the left, what is above to the right. The cuts
are chosen over the whole piece (beam search), so that no hand spans more than it can, that both move little, and
that notes still held stay within reach. Hands that were seen on the video are kept as they are.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pianoroll.notes import Hand, Note

TOGETHER = 0.035  # seconds: onsets nearer than this to the one before are one chord...
CHORD_SPREAD = 0.08  # ...and a chord takes no longer than this in all
EASY_SPAN = 12  # semitones: an octave
WIDEST_SPAN = 16  # semitones: beyond it a hand needs an arpeggio
BEAM = 24
SETTLED = 1.5  # seconds after which a hand may be anywhere
APART = 19.0  # semitones that two hands usually lie apart
START = (48.0, 67.0)  # pitches at which the hands are looked for first, before any note is known


@dataclass(frozen=True)
class _Hands:
    """A way of having played so far. For left and right: centre (pitch), time of the last note, notes held."""

    cost: float
    centres: tuple[float, float]
    times: tuple[float, float]
    held: tuple[tuple[Note, ...], tuple[Note, ...]]
    cuts: tuple["_Hands", int] | None  # the way before, and how many notes went left


def strikes(notes: Sequence[Note]) -> list[list[Note]]:
    """Notes struck together, in time order; each group sorted by pitch."""
    groups: list[list[Note]] = []
    for note in sorted(notes, key=lambda n: n.onset):
        group = groups[-1] if groups else []
        if group and note.onset - group[-1].onset < TOGETHER and note.onset - group[0].onset < CHORD_SPREAD:
            group.append(note)
        else:
            groups.append([note])
    return [sorted(group, key=lambda n: n.pitch) for group in groups]


def hands_by_reach(notes: Sequence[Note]) -> list[Note]:
    """The same notes, sorted by onset, each with a hand; a hand that was known stays."""
    groups = strikes(notes)
    if all(note.hand for note in notes):
        return sorted(notes, key=lambda note: (note.onset, note.pitch))
    beam = [_Hands(0.0, START, (-1e3, -1e3), ((), ()), None)]
    for group in groups:
        ways = [(_Struck.of(group[:cut]), _Struck.of(group[cut:])) for cut in range(len(group) + 1)]
        grown = [_play(hands, group[0].onset, cut, ways[cut]) for hands in beam for cut in range(len(ways))]
        grown.sort(key=lambda hands: hands.cost)
        beam = _different(grown)
    cuts = []
    step = beam[0].cuts
    while step:
        way, cut = step
        cuts.append(cut)
        step = way.cuts
    sides: tuple[Hand, Hand] = ("left", "right")
    assigned = [
        note if note.hand else replace(note, hand=sides[index >= cut])
        for group, cut in zip(groups, reversed(cuts), strict=True)
        for index, note in enumerate(group)
    ]
    return sorted(assigned, key=lambda note: (note.onset, note.pitch))


def _different(ways: Sequence[_Hands]) -> list[_Hands]:
    """The cheapest ways whose hands are not in the same place: ``BEAM`` at most."""
    kept: dict[tuple[float, float], _Hands] = {}
    for way in ways:
        kept.setdefault((round(way.centres[0]), round(way.centres[1])), way)
        if len(kept) == BEAM:
            break
    return list(kept.values())


@dataclass(frozen=True)
class _Struck:
    """Notes that one hand strikes: the lowest and the highest; ``span``: what it costs to strike them; ``known``: how
    many are known to be the left hand's, and the right's."""

    notes: tuple[Note, ...]
    low: int
    high: int
    span: float
    known: tuple[int, int]

    @classmethod
    def of(cls, notes: Sequence[Note]) -> "_Struck | None":
        """None where there are none. ``notes``: sorted by pitch."""
        if not notes:
            return None
        low, high = notes[0].pitch, notes[-1].pitch
        hands = [note.hand for note in notes]
        return cls(tuple(notes), low, high, _span_cost(high - low, 1.0), (hands.count("left"), hands.count("right")))


def _play(hands: _Hands, now: float, cut: int, struck: tuple[_Struck | None, _Struck | None]) -> _Hands:
    """Go on with what each hand strikes at second ``now``: ``cut`` notes are the left's."""
    cost = hands.cost
    centres, times, held = list(hands.centres), list(hands.times), list(hands.held)
    for side, new in enumerate(struck):
        if new is None:
            continue
        down = tuple([note for note in held[side] if note.offset > now + 0.05])
        low, high = new.low, new.high
        for note in down:
            if note.pitch < low:
                low = note.pitch
            elif note.pitch > high:
                high = note.pitch
        cost += new.span + _span_cost(high - low, 0.3) + 0.3 * max(0, len(down) + len(new.notes) - 5)
        cost += _move_cost(hands.centres[side], new.low, new.high, now - hands.times[side])
        cost += 4.0 * new.known[1 - side]
        rested = min(1.0, (now - times[side]) / SETTLED)
        middle = (new.low + new.high) / 2
        centres[side] += (middle - centres[side]) * max(0.5, rested)
        times[side], held[side] = now, (*down, *new.notes)
    other = centres[1] - centres[0]
    cost += 0.04 * max(0.0, 10.0 - other) + 0.01 * abs(other - APART) / 2
    for side in range(2):  # a hand that rests follows the other at a distance
        if times[side] < now - SETTLED:
            wanted = centres[1 - side] + (APART if side else -APART)
            centres[side] += 0.2 * (wanted - centres[side])
    return _Hands(cost, (centres[0], centres[1]), (times[0], times[1]), (held[0], held[1]), (hands, cut))


def _span_cost(semitones: int, weight: float) -> float:
    """What it costs to span so much at once: nothing within an octave, much beyond a tenth."""
    if semitones <= EASY_SPAN:
        return 0.0
    return weight * (0.5 * (semitones - EASY_SPAN) + 2.0 * max(0, semitones - WIDEST_SPAN))


def _move_cost(centre: float, low: int, high: int, seconds: float) -> float:
    """What it costs to bring a hand from ``centre`` over the notes: what lies under it is free, time heals."""
    distance = max(0.0, centre - low - 4.0, high - centre - 4.0)
    middle = abs((low + high) / 2 - centre)
    return (0.12 * distance + 0.03 * middle) / (1.0 + max(0.0, seconds) / SETTLED)
