"""MusicXML -> what is written there, in plain values: each note's place, length, spelling, staff, voice, and the bars.

Repeats are written out, so that a score and the performance of it are equally long. Places and lengths are in quarter
notes from the first bar line; read with music21.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import accumulate
from pathlib import Path
from typing import Any

import music21

LETTERS = "FCGDAEB"  # along the line of fifths


@dataclass(frozen=True)
class WrittenNote:
    """``onset``, ``length`` in quarter notes, tied notes joined; a grace note's length is 0.

    ``fifths``: place of the spelling on the line of fifths (C 0, G 1, F -1, B flat -2). ``staff``: 0 is the upper.
    ``voice``: notes of one name follow each other.
    """

    onset: float
    length: float
    pitch: int
    fifths: int
    staff: int
    voice: str

    @property
    def end(self) -> float:
        return self.onset + self.length


@dataclass(frozen=True)
class Bar:
    """``start``, ``length`` (as filled: a pick-up is shorter than its metre says) in quarter notes.

    ``sharps`` of the signature, negative for flats."""

    start: float
    length: float
    numerator: int
    denominator: int
    sharps: int

    @property
    def beats(self) -> int:
        """Beats that are counted: 2 in 6/8, 3 in 3/4 and in 3/8."""
        threes = self.denominator >= 8 and self.numerator % 3 == 0 and self.numerator > 3
        return self.numerator // 3 if threes else self.numerator

    @property
    def beat(self) -> float:
        """Length of a beat in quarter notes."""
        return 4 * self.numerator / self.denominator / self.beats

    @property
    def full(self) -> float:
        """Length that its metre gives a bar."""
        return 4 * self.numerator / self.denominator


@dataclass(frozen=True)
class WrittenScore:
    """``notes`` by onset and pitch; ``bars`` in order."""

    notes: list[WrittenNote]
    bars: list[Bar]

    def beats(self) -> list[tuple[float, bool]]:
        """Every beat in quarter notes, and whether it is a downbeat; a pick-up's beats are counted from its end."""
        found = []
        for index, bar in enumerate(self.bars):
            short = bar.full - bar.length if index == 0 and bar.length < bar.full else 0.0
            for number in range(bar.beats):
                place = number * bar.beat - short
                if -1e-6 <= place < bar.length - 1e-6:
                    found.append((bar.start + place, number == 0))
        return found


Head = tuple[WrittenNote, str | None]  # a notehead, and how it is tied


def read_score(score: str | os.PathLike[str]) -> WrittenScore:
    """What stands in a MusicXML file (.musicxml, .xml, .mxl), or in MusicXML text; two staves at most are read."""
    if isinstance(score, str) and score.lstrip().startswith("<"):
        parsed = music21.converter.parse(score, format="musicxml")
    else:
        parsed = music21.converter.parse(Path(score), forceSource=True)
    parts = list(parsed.parts)[:2]  # type: ignore[union-attr]  # a Score
    staves = [list(part.getElementsByClass("Measure")) for part in parts]
    written = _bars(staves)
    order = _played_order(parts[0])
    starts = list(accumulate((written[index].length for index in order), initial=0.0))
    bars = [replace(written[index], start=start) for index, start in zip(order, starts, strict=False)]
    notes = []
    for staff, measures in enumerate(staves):
        heads = _noteheads(measures, staff)
        notes += _joined(head for index, start in zip(order, starts, strict=False) for head in _at(heads, index, start))
    return WrittenScore(sorted(notes, key=lambda note: (note.onset, note.pitch)), mended(bars))


def _played_order(part: Any) -> list[int]:
    """Indices of the part's measures in the order in which they are played."""
    for index, measure in enumerate(part.getElementsByClass("Measure")):
        measure.number, measure.numberSuffix = index, None  # numbers in files may occur twice
    with suppress(music21.exceptions21.Music21Exception):  # repeats that do not add up: as it stands
        return [measure.number for measure in music21.repeat.Expander(part).process()]
    return list(range(len(part.getElementsByClass("Measure"))))


def _bars(staves: Sequence[Sequence[Any]]) -> list[Bar]:
    """The bars as they stand. The fuller staff says how long one is: music21 has rests that go without saying (in a
    staff that others fill) as nothing, and would let the staves drift apart where it writes out repeats."""
    metre, sharps, bars = (4, 4), 0, []
    for index, measure in enumerate(staves[0]):
        for sign in measure.recurse().getElementsByClass("TimeSignature"):
            metre = (sign.numerator, sign.denominator)
        for sign in measure.recurse().getElementsByClass("KeySignature"):
            sharps = sign.sharps
        length = max(_length(measures, index) for measures in staves)
        bars.append(Bar(float(measure.offset), length or 4 * metre[0] / metre[1], *metre, sharps))
    return bars


def _length(measures: Sequence[Any], index: int) -> float:
    """Quarters to the next measure, or to the end of what the last one holds."""
    if index + 1 < len(measures):
        return float(measures[index + 1].offset - measures[index].offset)
    return float(measures[index].duration.quarterLength) if index < len(measures) else 0.0


def mended(bars: Sequence[Bar]) -> list[Bar]:
    """Bars that a repeat sign cuts in two are one."""
    whole: list[Bar] = []
    for bar in bars:
        last = whole[-1] if whole else None
        if last and max(last.length, bar.length) < bar.full and abs(last.length + bar.length - bar.full) < 0.01:
            whole[-1] = replace(last, length=bar.full)
        else:
            whole.append(bar)
    return whole


def _at(heads: Sequence[Sequence[Head]], index: int, start: float) -> Iterator[Head]:
    """The noteheads of a measure, moved to where it is played."""
    for note, tie in heads[index] if index < len(heads) else ():
        yield replace(note, onset=start + note.onset), tie


def _noteheads(measures: Sequence[Any], staff: int) -> list[list[Head]]:
    """Every notehead of a staff, measure by measure; onsets from the measure's begin."""
    alone = next((str(measure.voices[0].id) for measure in measures if measure.voices), "1")
    return [list(_notes(measure, staff, alone)) for measure in measures]


def _notes(measure: Any, staff: int, alone: str) -> Iterator[Head]:
    """The noteheads of a measure; ``alone`` names the voice where there is but one."""
    for line in list(measure.voices) or [measure]:
        name, begin = (alone, 0.0) if line is measure else (str(line.id), float(line.offset))
        for element in line.notes:
            if isinstance(element, music21.harmony.ChordSymbol) or not hasattr(element, "pitches"):
                continue
            onset = begin + float(element.offset)
            length = 0.0 if element.duration.isGrace else float(element.quarterLength)
            members = element.notes if isinstance(element, music21.chord.Chord) else [element]
            for member in members:
                tie, pitch = member.tie or element.tie, member.pitch
                fifths = LETTERS.index(pitch.step) - 1 + 7 * round(pitch.alter)
                note = WrittenNote(onset, length, pitch.midi, fifths, staff, f"{staff}:{name}")
                yield note, tie.type if tie else None


def _joined(heads: Iterable[Head]) -> list[WrittenNote]:
    """Notes: tied noteheads that touch are one."""
    done: list[WrittenNote] = []
    open_ties: dict[int, list[WrittenNote]] = {}
    for note, tie in sorted(heads, key=lambda head: (head[0].onset, head[0].pitch)):
        waiting = open_ties.get(note.pitch, [])
        before = next((held for held in waiting if abs(held.end - note.onset) < 0.01), None)
        if tie in ("stop", "continue") and before is not None and note.length:
            waiting.remove(before)
            note = replace(before, length=before.length + note.length)
        if tie in ("start", "continue") and note.length:
            open_ties.setdefault(note.pitch, []).append(note)
        else:
            done.append(note)
    return done + [note for waiting in open_ties.values() for note in waiting]
