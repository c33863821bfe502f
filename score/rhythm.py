"""Beats, bars and hands -> what stands on each staff: chords and rests in notation units, in one or two voices.

A staff has a second voice only where a note is held while others of the same hand move on. Within a voice, notes
struck together are one chord, and it ends at the latest where the next begins. Times are integers: 96 units a quarter
note, from the first bar line.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from pianoroll import Hand, Note
from score.beats import TICKS, Beats
from score.metre import UNITS, Bars, Metre
from score.voices import Placed, split_voices

WHOLE, HALF, QUARTER, EIGHTH = 4 * UNITS, 2 * UNITS, UNITS, UNITS // 2
DOTTED_QUARTER = 3 * UNITS // 2
_PLAIN = tuple(WHOLE >> power for power in range(7))  # whole .. 64th
_DOTTED = tuple(3 * value // 2 for value in _PLAIN[:5])  # dotted whole .. dotted 16th
LEGATO = 0.45  # a note that sounds for this share of the way to the next is written as long as the way
# Places that a beat's notes may share, in ticks apart, and what so fine a division costs, in ticks of moving notes.
DIVISIONS = {2: {12: -0.5, 6: 0.0, 8: 0.5, 3: 2.0, 4: 2.5}, 3: {8: -0.5, 4: 0.0, 12: 2.0, 6: 2.5}}
PLAYED = 0.5  # how much the very time of a note counts, beside the place that the beat's tracker gave it
MERGED = 3.0  # what it costs that two groups fall on one place, in ticks


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


Voices = list[list[Piece]]  # of a bar: one, or the upper and the lower


def write_staff(beats: Beats, bars: Bars, hand: Hand) -> list[Voices]:
    """Every bar of one hand's staff; the lengths of each of its voices add up to the bar's."""
    placed, triplets = _placed(beats, bars, hand)
    voices = [_chords(voice, bars, triplets) for voice in split_voices(placed)]
    staff = []
    for index, metre in enumerate(bars.metres):
        begin, end = int(bars.starts[index]), int(bars.starts[index + 1])
        inside = {(start - begin) // metre.beat for start in triplets if begin <= start < end}
        within = [[chord for chord in voice if chord.start < end and chord.end > begin] for voice in voices]
        written = [_write_bar(chords, begin, metre, inside) for chords in within if chords]
        staff.append(written or [[Piece(0, metre.bar, whole_bar=True)]])
    return staff


def _placed(beats: Beats, bars: Bars, hand: Hand) -> tuple[list[Placed], set[int]]:
    """The hand's notes where they are written, and the beats (by where they begin) that are divided in triplets."""
    groups: dict[int, dict[int, list[Note]]] = defaultdict(lambda: defaultdict(list))
    for event, tick in zip(beats.events, beats.ticks, strict=True):
        members = [note for note in event if note.hand == hand]
        if members:
            beat, place = divmod(int(tick), TICKS)
            groups[beat][place].extend(members)
    placed, triplets = [], set()
    for beat, places in sorted(groups.items()):
        start = round(bars.units(beat * TICKS))
        length = round(bars.units((beat + 1) * TICKS)) - start
        parts = 3 if bars.metre_at(start).compound else 2
        exact = {place: _exact(beats, beat, place, notes) for place, notes in places.items()}
        step = _division(list(exact.values()), parts)
        if parts == 2 and step in (4, 8):
            triplets.add(start)
        for place, notes in places.items():
            moved = min(round(exact[place] / step) * step, TICKS - step)
            at = start + moved * length // TICKS
            placed += [Placed(at, bars.units(beats.at(note.offset)) - at, length, note) for note in notes]
    return _once(placed), triplets


def _exact(beats: Beats, beat: int, place: int, notes: Sequence[Note]) -> float:
    """Where in a beat notes begin, in ticks: between the place that they were given and where they were played."""
    played = beats.at(min(note.onset for note in notes)) - beat * TICKS
    return (1 - PLAYED) * place + PLAYED * min(max(played, 0.0), TICKS - 1.0)


def _division(places: Sequence[float], parts: int) -> int:
    """In how many ticks a beat is divided whose groups begin at ``places``: what moves them little and reads easily."""

    def cost(step: int) -> float:
        moved = [min(round(place / step) * step, TICKS - step) for place in places]
        distance = sum(abs(place - new) for place, new in zip(places, moved, strict=True))
        return distance + MERGED * (len(moved) - len(set(moved))) + DIVISIONS[parts][step]

    return min(DIVISIONS[parts], key=cost)


def _once(placed: Sequence[Placed]) -> list[Placed]:
    """The notes in order, each pitch but once at a place: the one that sounds longer."""
    longest: dict[tuple[int, int], Placed] = {}
    for each in placed:
        key = (each.start, each.note.pitch)
        if key not in longest or each.sounding > longest[key].sounding:
            longest[key] = each
    return [longest[key] for key in sorted(longest)]


def _chords(voice: Sequence[Placed], bars: Bars, triplets: set[int]) -> list[_Chord]:
    """Chords with their ends: at the next chord, or at the grid place where the last of their notes ends."""
    groups: dict[int, list[Placed]] = defaultdict(list)
    for each in voice:
        groups[each.start].append(each)
    chords = []
    for start, following in pairwise([*groups, int(bars.starts[-1])]):
        members = groups[start]
        beat = members[0].beat
        sounding = max(each.sounding for each in members)
        gap = following - start
        last = following == bars.starts[-1]
        if (sounding >= LEGATO * gap and not last) or gap <= beat // 2:
            end = following
        else:
            metre = bars.metre_at(start)
            at = start - int(bars.starts[bars.index_at(start)])
            triplet = start - at % metre.beat in triplets
            end = min(following, start + _grid_length(at, sounding, metre, triplet))
        if end > start:
            chords.append(_Chord(start, end, tuple(each.note for each in members)))
    return chords


def _grid_length(at: int, sounding: float, metre: Metre, triplet: bool) -> int:
    """How long a note at ``at`` of a bar is written, if nothing follows soon: to a beat, or a part of it if short."""
    beat = metre.beat
    if metre.compound or (triplet and sounding < beat):
        step = beat // 3 if sounding < beat else beat
    else:
        step = beat // 2 if sounding < 0.6 * beat else beat
    return step * max(at // step + 1, round((at + sounding) / step)) - at


def _write_bar(chords: Sequence[_Chord], begin: int, metre: Metre, triplets: set[int]) -> list[Piece]:
    """Chords and the rests between them, in values that can be written, within the bar that starts at ``begin``."""
    pieces: list[Piece] = []
    at = 0
    for chord in chords:
        start, end = max(0, chord.start - begin), min(metre.bar, chord.end - begin)
        pieces += [Piece(s, n) for s, n in _cut(at, start, metre, triplets, rest=True)]
        values = list(_cut(start, end, metre, triplets, rest=False))
        for index, (s, length) in enumerate(values):
            tied = index > 0 or chord.start < begin
            goes_on = index < len(values) - 1 or chord.end > begin + metre.bar
            pieces.append(Piece(s, length, chord.notes, tied, goes_on))
        at = end
    return pieces + [Piece(s, n) for s, n in _cut(at, metre.bar, metre, triplets, rest=True)]


def _cut(start: int, end: int, metre: Metre, triplets: set[int], *, rest: bool) -> Iterable[tuple[int, int]]:
    """Cut ``start``..``end`` of a bar into (start, length) of written values: each the longest that reads well.

    ``triplets``: numbers of the beats that are so divided."""
    while start < end:
        beat = start // metre.beat
        until = min(end, (beat + 1) * metre.beat)
        loose = beat in triplets and (start % metre.beat or until < (beat + 1) * metre.beat)
        if loose:
            room = until - start
            values: Sequence[int] = [metre.beat * part // 12 for part in (12, 8, 4, 2, 1)]
            reads_well: Iterable[int] = (value for value in values if value <= room)
        else:
            room = _room(start, end, metre, triplets)
            values = sorted(_PLAIN + _DOTTED, reverse=True)
            reads_well = (v for v in values if v <= room and _reads_well(start, v, metre, rest))
        length = next(iter(reads_well), None) or next((v for v in values if v <= room), room)
        yield start, length
        start += length


def _room(start: int, end: int, metre: Metre, triplets: set[int]) -> int:
    """How far a plain value may reach: to ``end``, or to the first beat on its way that is a triplet's and is cut."""
    beat = end // metre.beat
    if beat in triplets and end % metre.beat and beat > start // metre.beat:
        return beat * metre.beat - start
    return end - start


def _reads_well(start: int, value: int, metre: Metre, rest: bool) -> bool:
    """Whether a value that begins at ``start`` of a bar shows the beat: judged as if the beat were a quarter, or a
    dotted quarter where it has three parts (the bar, in 3/8)."""
    if metre.compound or (metre.numerator, metre.denominator) == (3, 8):
        usual, beat = DOTTED_QUARTER, 3 * metre.beat if metre.denominator == 8 and not metre.compound else metre.beat
        return _reads_well_in_three(start * usual // beat, value * usual // beat, rest)
    usual_start, usual_value = start * QUARTER // metre.beat, value * QUARTER // metre.beat
    return _reads_well_in_two(usual_start, usual_value, metre.bar * QUARTER // metre.beat, rest)


def _reads_well_in_two(start: int, value: int, bar: int, rest: bool) -> bool:
    """In 2/4, 3/4 and 4/4."""
    end = start + value
    if value in _PLAIN and start % value == 0:
        return end <= bar
    if rest:
        return False
    half = HALF if bar % HALF == 0 else bar
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
    """In 3/8, 6/8, 9/8 and 12/8, where a dotted quarter is the beat."""
    if value % DOTTED_QUARTER == 0:
        return start % value == 0 or (start % DOTTED_QUARTER == 0 and value == 2 * DOTTED_QUARTER and not rest)
    if start // DOTTED_QUARTER != (start + value - 1) // DOTTED_QUARTER:
        return False
    if value == QUARTER:
        return start % DOTTED_QUARTER == 0 or (start % EIGHTH == 0 and not rest)
    if value in _DOTTED:
        return start % EIGHTH == 0 and not rest
    return value < QUARTER and start % value == 0
