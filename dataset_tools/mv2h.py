"""MV2H: how near a written score is to the true one, by five parts and their mean; and plain rates beside it.

The parts are those of A. McLeod and M. Steedman, "Evaluating automatic polyphonic music transcription" (ISMIR 2018).
*Multi-pitch*: F1 of notes, right where a true note of the pitch begins within 50 ms; only notes so matched count
further. *Voice*: F1 of the links from each note to what follows it in its voice. *Metre*: F1 of the spans of bars,
beats and halves (thirds in 6/8) of beats, whose begin and end must both be right within 50 ms. *Value*: 1 less the
relative error of a note's length, averaged over notes that are linked right. *Harmony*: the key; neither score names
chords.

Two scores of one piece have no common seconds. As in A. McLeod, "Evaluating non-aligned musical score transcriptions
with MV2H" (2019), what sounds together in each is aligned first, and all times of the found score are moved to the
true one's. A quarter of the true score counts as 0.5 s, so that 50 ms are a tenth of a quarter; all times here are in
quarters.

Where this differs from the authors' program, or they leave it open:

* Of alignments there is one: that in which the F1 of the aligned pitches add up to most, and which of those is broken
  off least. Only onsets that share a pitch are aligned. That is their dynamic time warping with a price of 0.5 for an
  onset that is left out, where they take 1 by default; theirs tries all alignments of the least cost.
* Grace notes, whose length is 0, take part in multi-pitch alone, at the onset of the note that they lead to.
* A signature stands for a major and a minor key; both scores are taken to mean the same mode. One fifth apart scores
  0.5 in either direction; three apart, as of C major and C minor, 0.2. Relative keys look alike: they score 1.
* A pick-up counts with its beats and not as a bar.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.spatial import KDTree

from dataset_tools.score_file import Bar, WrittenNote, WrittenScore

QUARTER = 0.5  # seconds, as in the authors' program
TOLERANCE = 0.05 / QUARTER + 1e-6  # quarters: 50 ms
BREAK = 0.01  # what it costs, in units of F1, to leave onsets out; several in a row cost as much as one
TICKS = 960  # parts of a quarter to which places are rounded where they are compared for being the same
SAME_FRACTION = 0.01  # of a bar: less than between a triplet and a sixteenth
FIFTH, PARALLEL = 0.5, 0.2  # harmony of keys one and three signs apart

Clock = Callable[[np.ndarray], np.ndarray]  # quarters of the found score -> of the true one
Pairs = Sequence[tuple[int, int]]  # indices of a found note and of the true one that it is


@dataclass(frozen=True)
class Mv2h:
    """The five parts, 0..1."""

    pitch: float
    voice: float
    metre: float
    value: float
    harmony: float

    @property
    def mean(self) -> float:
        return (self.pitch + self.voice + self.metre + self.value + self.harmony) / 5


@dataclass(frozen=True)
class Rates:
    """Shares, 0..1, of the matched notes (grace notes left out), and whether the first signatures are right.

    ``place``: it begins the bar in both scores, or comes the same fraction of the bar later in bars of as many beats
    (those of 2/2 may be counted in quarters too). ``value``: the length is the same number of quarters. ``staff``;
    ``spelling``: the same letter and accidental. ``metre``, ``key``: the piece's first signature is the same, 0 or 1.
    """

    place: float
    value: float
    staff: float
    spelling: float
    metre: float
    key: float


def judge(found: WrittenScore, true: WrittenScore, *, align: bool = True) -> tuple[Mv2h, Rates]:
    """Compare a score with the true one. ``align``: times are the scores' own, to be aligned; else they are common."""
    clock = align_scores(found, true) if align else np.asarray
    pairs = match_notes(found, true, clock)
    whole = [(f, t) for f, t in pairs if found.notes[f].length and true.notes[t].length]
    voice, linked = voice_links(found, true, whole)
    parts = Mv2h(
        pitch=2 * len(pairs) / max(1, len(found.notes) + len(true.notes)),
        voice=voice,
        metre=metre_f1(found, true, clock),
        value=note_values(found, true, linked, clock),
        harmony=key_score(found, true, clock),
    )
    return parts, plain_rates(found, true, whole)


# ---- alignment -------------------------------------------------------------------------------------------------------

# How a cell was reached: the state ``left`` from either state of the cell above or beside it; ``paired`` from a pair.
FROM_ABOVE, PAIR_ABOVE, PAIR_LEFT, FROM_LEFT = range(4)
PAIR_BEFORE = 4


def align_scores(found: WrittenScore, true: WrittenScore) -> Clock:
    """The clock that carries each aligned onset to its partner; linear between, and beyond as between the outer two."""
    (found_onsets, found_pitches), (true_onsets, true_pitches) = _chords(found.notes), _chords(true.notes)
    pairs = _align(found_pitches, true_pitches)
    known = np.array([found_onsets[f] for f, _ in pairs])
    values = np.array([true_onsets[t] for _, t in pairs])
    if not pairs:
        return np.asarray
    if len(pairs) == 1:
        return lambda quarters: np.asarray(quarters) - known[0] + values[0]
    return lambda quarters: _carried(np.asarray(quarters, dtype=float), known, values)


def _carried(x: np.ndarray, known: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Linear interpolation that goes on beyond both ends."""
    left = np.clip(np.searchsorted(known, x, side="right") - 1, 0, len(known) - 2)
    slope = (values[left + 1] - values[left]) / (known[left + 1] - known[left])
    return values[left] + slope * (x - known[left])


def _chords(notes: Sequence[WrittenNote]) -> tuple[np.ndarray, np.ndarray]:
    """Distinct onsets ``(n,)`` in quarters, and which pitches begin there ``(n, 128)``, 0 or 1."""
    ticks, index = np.unique([round(note.onset * TICKS) for note in notes], return_inverse=True)
    pitches = np.zeros((len(ticks), 128), np.float32)
    for row, note in zip(index, notes, strict=True):
        pitches[row, note.pitch] = 1
    return ticks / TICKS, pitches


def _align(found: np.ndarray, true: np.ndarray) -> list[tuple[int, int]]:
    """Pairs of rows of ``found (n, 128)`` and ``true (m, 128)``, both rising, with the greatest sum of F1.

    Dynamic programming, a row at a time, over two states: ``paired`` (both rows were just paired) and ``left`` (one of
    them was left out). Only how each was reached is kept, in a byte a cell.
    """
    rows, columns = len(found), len(true)
    paired, left = np.full(columns + 1, -np.inf), np.zeros(columns + 1)
    way = np.zeros((rows + 1, columns + 1), np.uint8)
    way[0] = FROM_LEFT
    sizes = true.sum(axis=1)
    for row in range(1, rows + 1):
        pitches = found[row - 1]
        f1 = 2 * (true @ pitches) / (sizes + pitches.sum())
        before = np.maximum(paired, left)[:-1]
        now = np.full(columns + 1, -np.inf)
        now[1:] = np.where(f1 > 0, before + f1, -np.inf)
        beside = np.concatenate([[-np.inf], now[:-1]])
        options = np.stack([left, paired - BREAK, beside - BREAK])  # as FROM_ABOVE, PAIR_ABOVE, PAIR_LEFT
        own = options.max(axis=0)
        reached = np.maximum.accumulate(own)
        way[row] = np.where(reached > own, FROM_LEFT, options.argmax(axis=0))
        way[row, 1:] |= np.where(paired[:-1] > left[:-1], PAIR_BEFORE, 0).astype(np.uint8)
        paired, left = now, reached
    return _trace(way, paired[-1] > left[-1])


def _trace(way: np.ndarray, paired: bool) -> list[tuple[int, int]]:
    """Walk back from the last cell."""
    row, column = way.shape[0] - 1, way.shape[1] - 1
    pairs = []
    while row or column:
        step = int(way[row, column])
        if paired:
            row, column = row - 1, column - 1
            pairs.append((row, column))
            paired = bool(step & PAIR_BEFORE)
            continue
        step &= 3
        paired = step in (PAIR_ABOVE, PAIR_LEFT)
        if step in (FROM_ABOVE, PAIR_ABOVE):
            row -= 1
        else:
            column -= 1
    return pairs[::-1]


# ---- the five parts --------------------------------------------------------------------------------------------------


def match_notes(found: WrittenScore, true: WrittenScore, clock: Clock) -> list[tuple[int, int]]:
    """Pairs of notes of one pitch that begin within the tolerance, each used once, nearest first; of unisons, that in
    the same staff, and of the likest length."""

    def points(notes: Sequence[WrittenNote], onsets: np.ndarray) -> np.ndarray:
        features = [[note.pitch, 1e-3 * note.staff, 1e-5 * note.length] for note in notes]
        return np.column_stack([onsets, np.reshape(features, (-1, 3))])

    onsets = clock(np.array([note.onset for note in found.notes]))
    return _matching(points(found.notes, onsets), points(true.notes, np.array([note.onset for note in true.notes])))


def _matching(found: np.ndarray, true: np.ndarray) -> list[tuple[int, int]]:
    """Pairs of points ``(n, d)`` and ``(m, d)`` that differ by the tolerance at most in each dimension, each used
    once, nearest first."""
    if not len(found) or not len(true):
        return []
    near = KDTree(found).query_ball_tree(KDTree(true), TOLERANCE, p=np.inf)
    options = sorted((float(np.abs(found[f] - true[t]).sum()), f, t) for f, group in enumerate(near) for t in group)
    partners: dict[int, int] = {}
    taken = set()
    for _, f, t in options:
        if f not in partners and t not in taken:
            partners[f] = t
            taken.add(t)
    return sorted(partners.items())


def voice_links(found: WrittenScore, true: WrittenScore, pairs: Pairs) -> tuple[float, list[tuple[int, int]]]:
    """F1 of the links among matched notes, and the pairs that are linked right.

    The links of a note weigh as much as another's however many they are, and a chord's as much as a single note's.
    Linked right: a note of the true score that follows is among those that follow in the found one, or none does in
    either; here also true notes that were not found count.
    """
    found_next, found_size = _links({pair: found.notes[f] for pair, (f, _) in enumerate(pairs)})
    true_next, true_size = _links({pair: true.notes[t] for pair, (_, t) in enumerate(pairs)})
    all_next, _ = _links({t: note for t, note in enumerate(true.notes) if note.length})
    right = total = 0.0
    linked = []
    for pair, (f, t) in enumerate(pairs):
        ours, theirs = found_next[pair], true_next[pair]
        both = len(ours) + len(theirs)
        if both:
            cluster = (found_size[pair] + true_size[pair]) / 2
            right += 2 * len(ours & theirs) / both / cluster
            total += 1 / cluster
        following = {pairs[after][1] for after in ours}
        if following & all_next[t] or not (following or all_next[t]):
            linked.append((f, t))
    return right / total if total else float(bool(pairs)), linked


def _links(notes: Mapping[int, WrittenNote]) -> tuple[dict[int, set[int]], dict[int, int]]:
    """For each note, those that follow it in its voice: all that begin where it ends, or else next after; and how many
    notes of the voice begin and end with it."""
    voices: dict[str, dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
    clusters: dict[tuple[str, int, int], list[int]] = defaultdict(list)
    for index, note in notes.items():
        begin, end = round(note.onset * TICKS), round(note.end * TICKS)
        voices[note.voice][begin].append(index)
        clusters[note.voice, begin, end].append(index)
    onsets = {voice: sorted(groups) for voice, groups in voices.items()}
    after, size = {}, {}
    for (voice, _, end), members in clusters.items():
        place = bisect_left(onsets[voice], end)
        group = voices[voice][onsets[voice][place]] if place < len(onsets[voice]) else []
        for index in members:
            after[index], size[index] = set(group), len(members)
    return after, size


def metre_f1(found: WrittenScore, true: WrittenScore, clock: Clock) -> float:
    """F1 of the spans of bars, beats and parts of beats."""
    ours, theirs = spans(found.bars), spans(true.bars)
    return 2 * len(_matching(clock(ours), theirs)) / max(1, len(ours) + len(theirs))


def spans(bars: Sequence[Bar]) -> np.ndarray:
    """Begin and end ``(n, 2)`` in quarters of every bar, beat, and half of a beat (third, where beats are dotted)."""
    found: list[tuple[float, float]] = []
    for index, bar in enumerate(bars):
        missing = _missing(index, bar)
        end = bar.start + bar.length
        parts = 3 if bar.numerator > bar.beats else 2
        if not missing and bar.length:
            found.append((bar.start, end))
        for length in (bar.beat, bar.beat / parts):
            edges = np.arange(bar.start - missing, end - 1e-6, length)
            edges = np.append(edges[edges > bar.start - 1e-6], end)
            found += pairwise(edges)
    return np.reshape(found, (-1, 2))


def _missing(index: int, bar: Bar) -> float:
    """Quarters that a pick-up is short of a bar."""
    return max(0.0, bar.full - bar.length) if index == 0 else 0.0


def note_values(found: WrittenScore, true: WrittenScore, pairs: Pairs, clock: Clock) -> float:
    """Mean of 1 less the relative error of the lengths, each 0 at least; 0 where there are no pairs."""
    if not pairs:
        return 0.0
    begin = clock(np.array([found.notes[f].onset for f, _ in pairs]))
    end = clock(np.array([found.notes[f].end for f, _ in pairs]))
    length = np.array([true.notes[t].length for _, t in pairs])
    return float(np.maximum(0, 1 - np.abs(end - begin - length) / length).mean())


def key_score(found: WrittenScore, true: WrittenScore, clock: Clock) -> float:
    """How near the keys are, averaged over the true score's time."""
    if not found.bars or not true.bars:
        return 0.0
    ours = clock(np.array([bar.start for bar in found.bars]))
    theirs = np.array([bar.start for bar in true.bars])
    last = true.bars[-1].start + true.bars[-1].length
    edges = np.unique(np.clip(np.concatenate([ours, theirs, [last]]), theirs[0], last))
    total = 0.0
    for begin, end in pairwise(edges):
        middle = (begin + end) / 2
        bar = found.bars[max(0, int(np.searchsorted(ours, middle)) - 1)]
        total += (end - begin) * _key(bar.sharps, true.bars[int(np.searchsorted(theirs, middle)) - 1].sharps)
    return float(total / (last - theirs[0]))


def _key(found: int, true: int) -> float:
    """Likeness of two signatures, by their distance on the circle of fifths."""
    apart = (found - true) % 12
    return {0: 1.0, 1: FIFTH, 3: PARALLEL}.get(min(apart, 12 - apart), 0.0)


# ---- plain rates -----------------------------------------------------------------------------------------------------


def plain_rates(found: WrittenScore, true: WrittenScore, pairs: Pairs) -> Rates:
    """Shares of the matched notes that are written as they should be; 0 where there are none."""
    ours, theirs = _places(found), _places(true)
    right = np.zeros((len(pairs), 4))
    for row, (f, t) in enumerate(pairs):
        note, other = found.notes[f], true.notes[t]
        right[row] = (
            _same_place(ours[f], theirs[t]),
            round(note.length * TICKS) == round(other.length * TICKS),
            note.staff == other.staff,
            note.fifths == other.fifths,
        )
    place, value, staff, spelling = right.mean(axis=0).tolist() if pairs else [0.0] * 4
    first, should = _signatures(found), _signatures(true)
    return Rates(place, value, staff, spelling, float(first[0] == should[0]), float(first[1] == should[1]))


def _signatures(score: WrittenScore) -> tuple[tuple[int, int] | None, int | None]:
    """Metre and sharps of the first bar."""
    return next((((bar.numerator, bar.denominator), bar.sharps) for bar in score.bars), (None, None))


def _places(score: WrittenScore) -> list[tuple[float, set[int]]]:
    """Of each note the fraction of its bar, and in how many beats the bar can be counted."""
    starts = [bar.start for bar in score.bars]
    found = []
    for note in score.notes:
        index = max(0, int(np.searchsorted(starts, note.onset + 1e-6)) - 1)
        bar = score.bars[index]
        counts = {bar.beats, 2 * bar.beats} if bar.denominator == 2 else {bar.beats}
        found.append(((note.onset - bar.start + _missing(index, bar)) / bar.full, counts))
    return found


def _same_place(found: tuple[float, set[int]], true: tuple[float, set[int]]) -> bool:
    if abs(found[0] - true[0]) > SAME_FRACTION:
        return False
    return true[0] < SAME_FRACTION or bool(found[1] & true[1])
