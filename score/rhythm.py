"""Beats, bars and hands -> what stands on each staff: chords and rests in notation units, cut at bar lines.

One voice a staff: notes struck together are one chord, and it ends at the latest where the next begins. That is less
than a pianist hears and what one can read at sight. Times are integers: 48 units a quarter note, from the first bar.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from pianoroll import Hand, Note
from score.beats import Beats
from score.metre import UNITS, Metre

HALF, QUARTER, EIGHTH = 2 * UNITS, UNITS, UNITS // 2
DOTTED_QUARTER = 3 * UNITS // 2
_PLAIN = (192, 96, 48, 24, 12, 6, 3)  # whole .. 64th
_DOTTED = (288, 144, 72, 36, 18)  # dotted whole .. dotted 16th
_IN_TRIPLET = (32, 16, 8)  # quarter, eighth, 16th of a triplet in a quarter
LEGATO = 0.45  # a note that sounds for this share of the way to the next is written as long as the way


@dataclass(frozen=True)
class Piece:
    """A chord, or a rest where ``notes`` is empty: ``start`` within its bar and ``length`` in notation units.

    ``tied``: it goes on a chord begun before; ``goes_on``: it is itself tied to the next. ``whole_bar``: a rest.
    """

    start: int
    length: int
    notes: tuple[Note, ...] = ()
    tied: bool = False
    goes_on: bool = False
    whole_bar: bool = False


@dataclass(frozen=True)
class _Chord:
    start: int
    end: int
    notes: tuple[Note, ...]


def write_staff(beats: Beats, metre: Metre, hand: Hand, bars: int) -> list[list[Piece]]:
    """The ``bars`` bars of one hand's staff; every bar's lengths add up to ``metre.bar``."""
    placed = _snap(_placed(beats, metre, hand), metre)
    triplets = {start // metre.beat for start in placed if _is_triplet(start % metre.beat, metre)}
    chords = _chords(placed, beats, metre, triplets, bars)
    staff = []
    for bar in range(bars):
        begin, end = bar * metre.bar, (bar + 1) * metre.bar
        inside = [chord for chord in chords if chord.start < end and chord.end > begin]
        staff.append(_write_bar(inside, begin, metre, triplets))
    return staff


def bars_needed(beats: Beats, metre: Metre) -> int:
    """Bars up to the last note's end, at least one; a last note that rings on gets no bar of its own."""
    last = metre.units(float(beats.ticks[-1]))
    return max(1, int(last // metre.bar) + 1)


def _placed(beats: Beats, metre: Metre, hand: Hand) -> dict[int, list[Note]]:
    """The hand's notes by where they begin in units."""
    placed: dict[int, list[Note]] = defaultdict(list)
    for event, tick in zip(beats.events, beats.ticks, strict=True):
        members = [note for note in event if note.hand == hand]
        if members:
            placed[round(metre.units(float(tick)))].extend(members)
    return placed


def _is_triplet(place: int, metre: Metre) -> bool:
    """Whether a place within a beat belongs to a triplet, in a metre whose beats are halved."""
    third = metre.beat // 3
    return metre.beat != DOTTED_QUARTER and place % third == 0 and place % metre.beat != 0


def _snap(placed: dict[int, list[Note]], metre: Metre) -> dict[int, list[Note]]:
    """Bring each beat to one kind of division: all triplet, or all halves, whichever moves the notes less."""
    beats: dict[int, set[int]] = defaultdict(set)
    for start in placed:
        beats[start // metre.beat].add(start % metre.beat)
    snapped: dict[int, list[Note]] = defaultdict(list)
    for start, notes in sorted(placed.items()):
        beat, place = divmod(start, metre.beat)
        step = _step(beats[beat], metre)
        moved = round(place / step) * step if step else place
        if moved == metre.beat and start != 0 and beat * metre.beat + moved not in placed:
            moved -= step or 0  # stay in this beat rather than run into the next
        snapped[beat * metre.beat + moved].extend(notes)
    return snapped


def _step(places: set[int], metre: Metre) -> int | None:
    """Grid step for a beat whose notes begin at ``places``; None where they already agree."""
    threes = [place for place in places if _is_triplet(place, metre)]
    others = [place for place in places if place and not _is_triplet(place, metre)]
    if not threes or not others:
        return None
    steps = (metre.beat // 4, metre.beat // 3)
    return min(steps, key=lambda step: sum(abs(place - round(place / step) * step) for place in places))


def _chords(placed: dict[int, list[Note]], beats: Beats, metre: Metre, triplets: set[int], bars: int) -> list[_Chord]:
    """Chords with their ends: at the next chord, or at the grid place where the last of their notes ends."""
    starts = sorted(placed)
    chords = []
    for start, following in pairwise([*starts, bars * metre.bar]):
        members = {note.pitch: note for note in placed[start]}
        notes = tuple(members[pitch] for pitch in sorted(members))
        sounding = metre.units(beats.at(max(note.offset for note in notes))) - start
        gap = following - start
        if sounding >= LEGATO * gap or gap <= metre.beat // 2:
            end = following
        else:
            end = min(following, _grid_end(start, sounding, metre, start // metre.beat in triplets))
        chords.append(_Chord(start, end, notes))
    return chords


def _grid_end(start: int, sounding: float, metre: Metre, triplet: bool) -> int:
    """Where a note is written to end, if nothing follows soon: on the beat, or on half of it for a short one."""
    if metre.beat == DOTTED_QUARTER:
        step = EIGHTH if sounding < DOTTED_QUARTER else DOTTED_QUARTER
    elif triplet and sounding < metre.beat:
        step = metre.beat // 3
    else:
        step = metre.beat // 2 if sounding < 0.6 * metre.beat else metre.beat
    first = start // step + 1
    return step * max(first, round((start + sounding) / step))


def _write_bar(chords: Sequence[_Chord], begin: int, metre: Metre, triplets: set[int]) -> list[Piece]:
    """Chords and the rests between them, in values that can be written, within the bar that starts at ``begin``."""
    if not chords:
        return [Piece(0, metre.bar, whole_bar=True)]
    inside = {beat - begin // metre.beat for beat in triplets}
    pieces: list[Piece] = []
    at = 0
    for chord in chords:
        start, end = max(0, chord.start - begin), min(metre.bar, chord.end - begin)
        pieces += [Piece(s, n) for s, n in _cut(at, start, metre, inside, rest=True)]
        values = list(_cut(start, end, metre, inside, rest=False))
        for index, (s, length) in enumerate(values):
            tied = index > 0 or chord.start < begin
            goes_on = index < len(values) - 1 or chord.end > begin + metre.bar
            pieces.append(Piece(s, length, chord.notes, tied, goes_on))
        at = end
    return pieces + [Piece(s, n) for s, n in _cut(at, metre.bar, metre, inside, rest=True)]


def _cut(start: int, end: int, metre: Metre, triplets: set[int], *, rest: bool) -> Iterable[tuple[int, int]]:
    """Cut ``start``..``end`` of a bar into (start, length) of written values: each the longest that reads well."""
    while start < end:
        beat = start // metre.beat
        until = min(end, (beat + 1) * metre.beat)
        loose = beat in triplets and (start % metre.beat or until < (beat + 1) * metre.beat)
        room = until - start if loose else _room(start, end, metre, triplets)
        values = (
            [metre.beat, *(v * metre.beat // UNITS for v in _IN_TRIPLET)]
            if loose
            else sorted(_PLAIN + _DOTTED, reverse=True)
        )
        reads_well = (v for v in values if v <= room and (loose or _reads_well(start, v, metre, rest)))
        length = next(reads_well, None) or next((v for v in values if v <= room), room)
        yield start, length
        start += length


def _room(start: int, end: int, metre: Metre, triplets: set[int]) -> int:
    """How far a plain value may reach: to ``end``, or to the beat in which ``end`` falls within a triplet."""
    beat = end // metre.beat
    return (
        beat * metre.beat - start
        if beat in triplets and end % metre.beat and beat > start // metre.beat
        else end - start
    )


def _reads_well(start: int, value: int, metre: Metre, rest: bool) -> bool:
    """Whether a value that begins at ``start`` of a bar shows the beat."""
    end = start + value
    if metre.denominator == 8:
        return _reads_well_in_three(start, value, rest)
    if value in _PLAIN and start % value == 0:
        return end <= metre.bar
    if rest:
        return False
    half = HALF if metre.bar % HALF == 0 else metre.bar
    same_half = start // half == (end - 1) // half
    same_beat = start // QUARTER == (end - 1) // QUARTER
    if value in _DOTTED:
        base = 2 * value // 3
        return (
            start % base == 0 or (same_beat and start % (base // 2) == 0) or (same_half and start % base == base // 2)
        )
    if value >= HALF:
        return start % QUARTER == 0
    return start % (value // 2) == 0 and (same_beat or (same_half and value == QUARTER))


def _reads_well_in_three(start: int, value: int, rest: bool) -> bool:
    """The same in 3/8, 6/8, 9/8 and 12/8, where a dotted quarter is the beat."""
    if value % DOTTED_QUARTER == 0:
        return start % value == 0 or (start % DOTTED_QUARTER == 0 and value == 2 * DOTTED_QUARTER and not rest)
    if start // DOTTED_QUARTER != (start + value - 1) // DOTTED_QUARTER:
        return False
    if value == QUARTER:
        return start % DOTTED_QUARTER == 0 or (start % EIGHTH == 0 and not rest)
    if value in _DOTTED:
        return start % EIGHTH == 0 and not rest
    return value < QUARTER and start % value == 0
