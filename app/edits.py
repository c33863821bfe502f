"""What a person mends by hand in the notes that were read: plain data, and a function that puts it into the notes.

An edit knows its note by the pitch and onset that were read, and not by its place in a list: so it holds when another
threshold finds more notes or fewer, when the hands are split elsewhere, and when all is transposed afterwards.
Edits come from a browser, and so from anybody: ``read_edits`` takes nothing on trust.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import inf
from statistics import median

from app import words
from pianoroll import Hand, Note, SilentkeysError
from pianoroll.keys import HIGHEST_PITCH, LOWEST_PITCH

MOST = 10_000  # edits of one video, which is more than anybody makes by hand
SAME = 0.07  # seconds by which a note's onset may move with another setting and be known again
OCTAVE = 12  # semitones that are as far from a note as a second is, when its neighbours are looked for
AROUND = 24  # notes before and after in time that may be neighbours
NEIGHBOURS = 4  # of them, after which the loudness of a new note is made
SHORTEST = 0.02  # seconds of a note
USUAL = 80  # velocity of a note that has no neighbours
BEYOND = 1.0  # seconds by which what was read may lie outside the part of the video that was read

HANDS: dict[str, Hand] = {"left": "left", "right": "right"}


class EditError(SilentkeysError):
    """Edits that no piano roll sends."""


@dataclass(frozen=True)
class Drawn:
    """A note as a person set it: seconds, MIDI pitch; ``hand`` None: as it was read, or that of the nearest note."""

    onset: float
    pitch: int
    offset: float
    hand: Hand | None = None


@dataclass(frozen=True)
class Edits:
    """``removed``: pitch and onset, as read, of notes that are none. ``changed``: of notes that are as is drawn.
    ``confirmed``: notes that are right as they were read. ``added``: notes that were not read. At most MOST in all."""

    removed: tuple[tuple[int, float], ...] = ()
    changed: tuple[tuple[tuple[int, float], Drawn], ...] = ()
    confirmed: tuple[Drawn, ...] = ()
    added: tuple[Drawn, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.removed or self.changed or self.confirmed or self.added)

    @property
    def counts(self) -> dict[str, int]:
        """How many of each kind, for the report; empty where there are none."""
        counts = {name: len(getattr(self, name)) for name in ("added", "removed", "changed", "confirmed")}
        return counts if self else {}

    def as_dict(self) -> dict[str, list[dict[str, object]]]:
        """For JSON, as ``read_edits`` takes it."""
        return {
            "removed": [_spot(pitch, onset) for pitch, onset in self.removed],
            "changed": [{"was": _spot(*was), "now": vars(now)} for was, now in self.changed],
            "confirmed": [dict(vars(note)) for note in self.confirmed],
            "added": [dict(vars(note)) for note in self.added],
        }


NO_EDITS = Edits()


def _spot(pitch: int, onset: float) -> dict[str, object]:
    return {"pitch": pitch, "onset": onset}


# ---- putting them into the notes -------------------------------------------------------------------------------------


def apply_edits(edits: Edits, notes: Sequence[Note]) -> list[Note]:
    """The notes as edited, sorted; those of one key do not overlap. What a person set has confidence 1.

    Removed and changed notes that are not among ``notes`` (another threshold does not find them) stay removed, and as
    they were drawn. A new note is as loud as its neighbours; a changed one keeps its finger on its key and in its hand.
    """
    if not edits:
        return list(notes)
    notes = sorted(notes, key=_place)
    left = _Read(notes)
    for pitch, onset in edits.removed:
        left.take(pitch, onset)
    mended: list[tuple[Note | None, Drawn]] = [(left.take(*was), now) for was, now in edits.changed]
    mended += [(left.take(note.pitch, note.onset), note) for note in edits.confirmed]
    mended += [(None, note) for note in edits.added]
    mine = [_as_drawn(was, drawn, notes) for was, drawn in mended]
    return _apart(left.rest, mine)


class _Read:
    """The notes that were read, from which those that edits speak of are taken, each once."""

    def __init__(self, notes: Sequence[Note]) -> None:
        self._of_pitch: dict[int, list[Note]] = {}
        for note in notes:
            self._of_pitch.setdefault(note.pitch, []).append(note)

    def take(self, pitch: int, onset: float) -> Note | None:
        """The note that was read there, or nearest to there; None where none was."""
        same = self._of_pitch.get(pitch, [])
        found = min(same, key=lambda note: abs(note.onset - onset), default=None)
        if found is None or abs(found.onset - onset) > SAME:
            return None
        same.remove(found)
        return found

    @property
    def rest(self) -> list[Note]:
        return [note for same in self._of_pitch.values() for note in same]


def _as_drawn(was: Note | None, drawn: Drawn, notes: Sequence[Note]) -> Note:
    """The note that a person set. ``was``: what was read in its place; ``notes``: all that was read, sorted."""
    if was is not None:
        hand = drawn.hand or was.hand
        finger = was.finger if (hand, drawn.pitch) == (was.hand, was.pitch) else None
        return Note(drawn.onset, drawn.pitch, drawn.offset, was.velocity, hand, finger)
    here = bisect_left(notes, drawn.onset, key=lambda note: note.onset)
    near = sorted(notes[max(0, here - AROUND) : here + AROUND], key=lambda note: _distance(note, drawn))
    hand = drawn.hand or (near[0].hand if near else None)
    alike = [note for note in near if note.hand == hand] or near
    velocity = round(median([note.velocity for note in alike[:NEIGHBOURS]])) if alike else USUAL
    return Note(drawn.onset, drawn.pitch, drawn.offset, velocity, hand)


def _place(note: Note) -> tuple[float, int]:
    return note.onset, note.pitch


def _distance(note: Note, drawn: Drawn) -> float:
    return abs(note.onset - drawn.onset) + abs(note.pitch - drawn.pitch) / OCTAVE


def _apart(read: Iterable[Note], mine: Iterable[Note]) -> list[Note]:
    """All notes, sorted; one ends at the latest where its key is struck again, and what was read yields to ``mine``."""
    of_pitch: dict[int, list[tuple[Note, bool]]] = {}
    for notes, drawn in ((read, False), (mine, True)):
        for note in notes:
            of_pitch.setdefault(note.pitch, []).append((note, drawn))
    kept: list[Note] = []
    for same in of_pitch.values():
        line: list[tuple[Note, bool]] = []
        for note, drawn in sorted(same, key=lambda each: each[0].onset):
            if not line or note.onset - line[-1][0].onset >= SHORTEST:
                line.append((note, drawn))
            elif drawn or not line[-1][1]:
                line[-1] = (note, drawn)
        ends = [after.onset for after, _ in line[1:]] + [inf]
        kept += [replace(note, offset=min(note.offset, end)) for (note, _), end in zip(line, ends, strict=True)]
    return sorted(kept, key=_place)


# ---- taking them from a browser --------------------------------------------------------------------------------------


def read_edits(told: object, start: float, end: float) -> Edits:
    """Edits from what a browser sent (JSON, decoded), of a video of which ``start`` to ``end`` (seconds) was read.

    Raises EditError, and nothing else, where there is anything in it that a piano roll does not send.
    """
    if not isinstance(told, dict):
        raise _refused(words.EDITS_BROKEN)
    parts = {name: told.get(name, []) for name in ("removed", "changed", "confirmed", "added")}
    if not all(isinstance(part, list) for part in parts.values()):
        raise _refused(words.EDITS_BROKEN)
    if sum(map(len, parts.values())) > MOST:
        raise _refused(words.EDITS_TOO_MANY.format(most=MOST))
    wide = (start - BEYOND, end + BEYOND)
    return Edits(
        removed=tuple(_read_spot(each, *wide) for each in parts["removed"]),
        changed=tuple(
            (_read_spot(_part(each, "was"), *wide), _read_drawn(_part(each, "now"), start, end))
            for each in parts["changed"]
        ),
        confirmed=tuple(_read_drawn(each, *wide) for each in parts["confirmed"]),
        added=tuple(_read_drawn(each, start, end) for each in parts["added"]),
    )


def _read_spot(told: object, start: float, end: float) -> tuple[int, float]:
    return _read_pitch(told), _read_second(told, "onset", start, end)


def _read_drawn(told: object, start: float, end: float) -> Drawn:
    onset, offset = (_read_second(told, name, start, end) for name in ("onset", "offset"))
    hand = _part(told, "hand")
    if hand is not None and (not isinstance(hand, str) or hand not in HANDS):
        raise _refused(words.EDIT_NO_HAND)
    if offset <= onset:
        raise _refused(words.EDIT_NO_LENGTH)
    return Drawn(onset, _read_pitch(told), offset, HANDS[hand] if hand is not None else None)


def _read_pitch(told: object) -> int:
    pitch = _part(told, "pitch")
    if not isinstance(pitch, int) or isinstance(pitch, bool) or not LOWEST_PITCH <= pitch <= HIGHEST_PITCH:
        raise _refused(words.EDIT_NO_KEY)
    return pitch


def _read_second(told: object, name: str, start: float, end: float) -> float:
    """Compared before it is made a float: JSON knows integers that are too long for one."""
    second = _part(told, name)
    if not isinstance(second, int | float) or isinstance(second, bool) or not start <= second <= end:
        raise _refused(words.EDIT_OUTSIDE)
    return float(second)


def _part(told: object, name: str) -> object:
    """Of what should be an object of JSON."""
    if not isinstance(told, dict):
        raise _refused(words.EDITS_BROKEN)
    return told.get(name)


def _refused(why: str) -> EditError:
    return EditError(words.EDITS_NOT_TAKEN.format(why=why))
