"""Performed notes -> what stands in a score for them: trills, grace notes and spread chords are written by a sign.

They are found before the beat is, in seconds: a trill is one note that is held, a grace note has no time of its own,
and the notes of a spread chord begin together. What is left has a rhythm that can be counted.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np

from pianoroll import Note
from pianoroll.reach import strikes

TRILL_STRIKES = 7  # at least; or
SHORT_TRILL = 4  # where it stands alone, and 3 are a mordent
TRILL_STEP = 0.13  # seconds from one stroke of a trill to the next: the median at most...
TRILL_GAP = 0.22  # ...and each
NEIGHBOUR = 2  # semitones from a trill's note to the other, and from a grace note to its own, at most
GRACE = 0.11  # seconds from a grace note to the next or to its note, at most
GRACES = 3  # before one note, at most
ALONE = 2.2  # how many times longer the way to what comes before and after must be...
PAUSE = 0.17  # ...and seconds at least
SPREAD_STEP = (0.025, 0.13)  # seconds from one note of a spread chord to the next
SPREAD = 0.5  # seconds from its first to its last, at most
SPREAD_NOTES = 3  # at least
RINGS_ON = 0.04  # seconds that its notes sound on after the last has begun, at least

Groups = list[list[Note]]


@dataclass(frozen=True)
class Ornamented:
    """``notes``: those that have a rhythm, sorted. Which of them are ``trills`` and which ``mordents``, with the pitch
    that they alternate with; which are of ``spread`` chords; and the ``graces`` before a note, in order."""

    notes: list[Note]
    trills: dict[Note, int] = field(default_factory=dict)
    mordents: dict[Note, int] = field(default_factory=dict)
    spread: set[Note] = field(default_factory=set)
    graces: dict[Note, tuple[Note, ...]] = field(default_factory=dict)

    @property
    def written(self) -> list[Note]:
        """Every note that stands in the score, sorted."""
        return sorted([*self.notes, *(grace for graces in self.graces.values() for grace in graces)])


def find_ornaments(notes: Sequence[Note]) -> Ornamented:
    """The ornaments among ``notes``, of which each should know its hand."""
    found = Ornamented([])
    chords = _together(notes, found.spread)
    for hand in ("left", "right", None):
        members = _alternated([note for note in chords if note.hand == hand], found)
        found.notes.extend(_graced(_together(members, found.spread), found.graces))
    found.notes.sort()
    return found


def _alternated(notes: Sequence[Note], found: Ornamented) -> list[Note]:
    """``notes`` of a hand with each trill and mordent as one note."""
    groups = strikes(notes)
    kept: list[Note] = []
    at = 0
    while at < len(groups):
        end = _alternation_end(groups, at)
        line = [group[0] for group in groups[at:end]]
        if _is_trill(groups, at, end):
            low, high = sorted({note.pitch for note in line})
            if line[-1].pitch == high and _longer(line[-1], line[:-1]):  # where the trill leads
                end, line = end - 1, line[:-1]
            kept.append(_held(line, low))
            found.trills[kept[-1]] = high
            at = _after_turn(groups, end, low)
        elif end - at == 3 and _is_alone(groups, at, end):
            kept.append(_held(line, line[-1].pitch))
            found.mordents[kept[-1]] = line[1].pitch
            at = end
        else:
            kept += groups[at]
            at += 1
    return kept


def _held(line: Sequence[Note], pitch: int) -> Note:
    """The one note that is written for ``line``."""
    finger = next(note.finger for note in line if note.pitch == pitch)
    return replace(line[0], pitch=pitch, offset=max(note.offset for note in line), finger=finger)


def _alternation_end(groups: Groups, at: int) -> int:
    """Where single notes that alternate quickly with a neighbour end (not included)."""
    end = at + 1
    while (
        end < len(groups)
        and len(groups[end - 1]) == len(groups[end]) == 1
        and 0 < abs(groups[end][0].pitch - groups[end - 1][0].pitch) <= NEIGHBOUR
        and groups[end][0].onset - groups[end - 1][0].onset <= TRILL_GAP
        and (end - at < 2 or groups[end][0].pitch == groups[end - 2][0].pitch)
    ):
        end += 1
    return end


def _is_trill(groups: Groups, at: int, end: int) -> bool:
    if end - at < SHORT_TRILL:
        return False
    steps = [after[0].onset - before[0].onset for before, after in pairwise(groups[at:end])]
    return bool(np.median(steps) <= TRILL_STEP) and (end - at >= TRILL_STRIKES or _is_alone(groups, at, end))


def _is_alone(groups: Groups, at: int, end: int) -> bool:
    """Whether quick notes are so much quicker than what is around them that they are an ornament."""
    onsets = [group[0].onset for group in groups[max(0, at - 1) : end + 1]]
    steps = np.diff(onsets[at > 0 :][: end - at])
    alone = max(PAUSE, ALONE * float(steps.max()))
    before = at == 0 or onsets[1] - onsets[0] >= alone
    after = end == len(groups) or onsets[-1] - onsets[-2] >= alone
    return (
        bool(steps.max() <= GRACE)
        and before
        and after
        and _longer(groups[end - 1][0], [g[0] for g in groups[at : end - 1]])
    )


def _after_turn(groups: Groups, end: int, low: int) -> int:
    """Where the music goes on: after the note below and the trill's own, with which many trills end."""
    turn = groups[end : end + 2]
    quick = all(b[0].onset - a[0].onset <= TRILL_GAP for a, b in pairwise(groups[end - 1 : end + 2]))
    single = [group[0].pitch for group in turn if len(group) == 1]
    return end + 2 if quick and len(single) == 2 and 0 < low - single[0] <= NEIGHBOUR and single[1] == low else end


def _together(notes: Sequence[Note], spread: set[Note]) -> list[Note]:
    """``notes`` with those of each spread chord moved to where the first of them begins."""
    ordered = sorted(notes)
    kept: list[Note] = []
    at = 0
    while at < len(ordered):
        end = _spread_end(ordered, at)
        members = ordered[at:end]
        if len(members) > 1:
            members = [replace(note, onset=members[0].onset) for note in members]
            spread.update(members)
        kept += members
        at = end
    return kept


def _spread_end(notes: Sequence[Note], at: int) -> int:
    """Where the spread chord that begins at a note ends (not included); the next note where none begins."""
    if notes[at].offset - notes[at].onset < SPREAD_STEP[0]:
        return at + 1
    end = at + 1
    while (
        end < len(notes)
        and notes[end].pitch - notes[end - 1].pitch > 0
        and notes[end].onset - notes[end - 1].onset <= SPREAD_STEP[1]
        and notes[end].onset - notes[at].onset <= SPREAD
    ):
        end += 1
    members = notes[at:end]
    steps = [after.onset - before.onset for before, after in pairwise(members)]
    if len(members) < SPREAD_NOTES or np.median(steps) < SPREAD_STEP[0]:
        return at + 1
    rings = min(note.offset for note in members) >= members[-1].onset + RINGS_ON
    return end if rings and _stands_alone(notes, at, end, max(steps)) else at + 1


def _stands_alone(notes: Sequence[Note], at: int, end: int, step: float) -> bool:
    """Whether nothing comes soon before and after: else it is a run."""
    alone = max(PAUSE, ALONE * step)
    before = at == 0 or notes[at].onset - notes[at - 1].onset >= alone
    return before and (end == len(notes) or notes[end].onset - notes[end - 1].onset >= alone)


def _graced(notes: Sequence[Note], graces: dict[Note, tuple[Note, ...]]) -> list[Note]:
    """``notes`` of a hand without its grace notes, which stand with the note that they lead to."""
    groups = strikes(notes)
    kept: list[Note] = []
    at = 0
    while at < len(groups):
        count = _grace_count(groups, at)
        if count:
            line = [group[0] for group in groups[at : at + count]]
            graces[_goal(line, groups[at + count])] = tuple(line)
            at += count
        kept += groups[at]
        at += 1
    return kept


def _grace_count(groups: Groups, at: int) -> int:
    """How many grace notes begin at a group; 0 where it is none."""
    for count in range(min(GRACES, len(groups) - at - 1), 0, -1):
        single = all(len(group) == 1 for group in groups[at : at + count])
        if single and _leads([group[0] for group in groups[at : at + count]], groups[at + count]):
            main = [_goal([groups[at + count - 1][0]], groups[at + count])]
            line = [*groups[:at][-1:], *groups[at : at + count], main, *groups[at + count + 1 :][:1]]
            first = min(at, 1)
            if _is_alone(line, first, first + count + 1):
                return count
    return 0


def _leads(line: Sequence[Note], main: Sequence[Note]) -> bool:
    """Whether single notes lead by steps to a note that they are not."""
    steps = [abs(after.pitch - before.pitch) for before, after in pairwise([*line, _goal(line, main)])]
    return max(steps) <= NEIGHBOUR + 1 and 0 < steps[-1] <= NEIGHBOUR


def _goal(line: Sequence[Note], main: Sequence[Note]) -> Note:
    """The note of a chord that a line leads to."""
    return min(main, key=lambda note: abs(note.pitch - line[-1].pitch))


def _longer(goal: Note, line: Iterable[Note]) -> bool:
    """Whether a note is held longer than each of those before it."""
    return all(goal.offset - goal.onset > note.offset - note.onset for note in line)
