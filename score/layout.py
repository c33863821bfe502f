"""Staves -> music21 -> MusicXML: brace, clefs, signatures, beams, tuplets, accidentals, fingering."""

import re
from collections.abc import Mapping, Sequence
from contextlib import redirect_stderr
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache
from io import StringIO
from itertools import chain, count, pairwise
from threading import Lock
from xml.sax.saxutils import escape

import music21
from music21.musicxml.m21ToXml import GeneralObjectExporter

from pianoroll import Hand, Note
from score.accidentals import Accidentals, alterations
from score.clefs import Clef, choose_clefs
from score.key import Key, written
from score.metre import UNITS, Bars, Metre
from score.ornaments import Ornamented
from score.rhythm import Piece, Voices
from score.signs import shifts

Element = music21.note.GeneralNote
Alternation = music21.expressions.Trill | music21.expressions.GeneralMordent
Chords = list[tuple[Piece, Clef, Element]]  # of a staff, as they are read

_MUSIC21 = Lock()  # what is told on stderr is this program's, not a thread's
_UNNAMED = 0  # stands for an unknown finger: music21 deals a chord's fingers out from its lowest note on
_NO_FINGER = re.compile(r"\s*<technical>\s*<fingering[^>]*>0</fingering>\s*</technical>")
_NOTE = re.compile(r"<note(?=[ >])")
_NO_COMPOSER = re.compile(r'\s*<creator type="composer">Music21</creator>')  # music21 names itself


@dataclass(frozen=True)
class Notation:
    """How the notes are written: ``names`` of them on the line of fifths, ``ornaments``, whose finger is printed
    (``fingered``), and the ``dynamics``: number of a bar -> mark."""

    names: Mapping[Note, int]
    ornaments: Ornamented
    fingered: set[Note] = field(default_factory=set)
    dynamics: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Credits:
    """What stands above the music: ``date`` is the piece's; and ``source``, where the notes come from, in the file."""

    title: str | None = None
    composer: str | None = None
    date: str | None = None
    source: str | None = None

    @property
    def byline(self) -> str:
        """Composer and date, as far as they are known."""
        return f"{self.composer} ({self.date})" if self.composer and self.date else self.composer or self.date or ""


def lay_out(
    staves: Mapping[Hand, Sequence[Voices]],
    bars: Bars,
    keys: Sequence[Key],
    notation: Notation,
    tempo: float,
    credits: Credits,
) -> music21.stream.Score:
    """Both staves, right hand's first, as a music21 score. ``keys``: of each bar; ``tempo``: beats of the usual metre a
    minute."""
    score = music21.stream.Score()
    score.insert(0, _metadata(credits))
    parts = [_part(staff, hand, bars, keys, notation) for hand, staff in staves.items()]
    upper = list(parts[0].getElementsByClass(music21.stream.Measure))
    referent = music21.duration.Duration(Fraction(bars.usual.beat, UNITS))
    upper[0].insert(0, music21.tempo.MetronomeMark(number=max(1, round(tempo)), referent=referent))
    for index, level in notation.dynamics.items():
        upper[index].insert(0, music21.dynamics.Dynamic(level))
    for part in parts:
        score.insert(0, part)
    score.insert(0, music21.layout.StaffGroup(parts, symbol="brace", barTogether=True))
    return score


def _metadata(credits: Credits) -> music21.metadata.Metadata:
    found = music21.metadata.Metadata(title=credits.title or "")
    if credits.composer:
        found.composer = credits.composer
    return found


def to_musicxml(score: music21.stream.Score, credits: Credits) -> str:
    """MusicXML text of a score that is complete as it stands: nothing is added but the ``credits``, and an id for each
    note, by which drawings of it are known."""
    exporter = GeneralObjectExporter(score)
    exporter.makeNotation = False
    text = _NO_FINGER.sub("", _NO_COMPOSER.sub("", exporter.parse().decode("utf-8")))
    numbers = count(1)
    text = _NOTE.sub(lambda _: f'<note id="note-{next(numbers)}"', text)
    if credits.source:
        text = text.replace("</encoding>", f"</encoding>\n    <source>{escape(credits.source)}</source>", 1)
    above = _credit("title", credits.title, "center", 22) + _credit("composer", credits.byline, "right", 11)
    return text.replace("  <part-list>", f"{above}  <part-list>", 1)


def _credit(kind: str, words: str | None, place: str, size: int) -> str:
    """Words above the music on the first page; ``size`` in points."""
    if not words:
        return ""
    end = "top" if kind == "title" else "bottom"
    style = f'justify="{place}" halign="{place}" valign="{end}" font-size="{size}"'
    return (
        f'  <credit page="1">\n    <credit-type>{kind}</credit-type>\n'
        f"    <credit-words {style}>{escape(words)}</credit-words>\n  </credit>\n"
    )


def _part(
    staff: Sequence[Voices], hand: Hand, bars: Bars, keys: Sequence[Key], notation: Notation
) -> music21.stream.PartStaff:
    """One staff, measure by measure."""
    part = music21.stream.PartStaff(id=hand)
    clefs = choose_clefs([list(chain.from_iterable(voices)) for voices in staff], hand)
    accidentals = Accidentals()
    chords: Chords = []
    for index, (voices, clef, metre) in enumerate(zip(staff, clefs, bars.metres, strict=True)):
        measure = music21.stream.Measure(number=index + 1)
        if index == 0 or clef != clefs[index - 1]:
            measure.clef = music21.clef.TrebleClef() if clef == "treble" else music21.clef.BassClef()
        key = keys[index]
        if index == 0 or key.sharps != keys[index - 1].sharps:
            measure.keySignature = music21.key.KeySignature(key.sharps)
        if index == 0 or metre != bars.metres[index - 1]:
            measure.timeSignature = music21.meter.TimeSignature(metre.name)
        elements = [[_element(piece, notation, hand, key) for piece in pieces] for pieces in voices]
        graces = {piece: _graces(piece, notation) for piece in chain.from_iterable(voices)}
        pairs = [pair for pieces, line in zip(voices, elements, strict=True) for pair in zip(pieces, line, strict=True)]
        pairs.sort(key=lambda pair: pair[0].start)
        accidentals.show([each for piece, element in pairs for each in (*graces[piece], element)], key)
        _fill(measure, voices, elements, graces, metre)
        chords += [(piece, clef, element) for piece, element in pairs if piece.notes]
        if index == len(staff) - 1:
            measure.rightBarline = music21.bar.Barline("final")
        part.append(measure)
    for shift in shifts([(piece, clef) for piece, clef, _ in chords]):
        ends = [chords[shift.first][2], chords[shift.last][2]]
        part.insert(0, music21.spanner.Ottava(ends, type="8va" if shift.octaves > 0 else "8vb", transposing=False))
    return part


def _fill(
    measure: music21.stream.Measure,
    voices: Voices,
    lines: Sequence[Sequence[Element]],
    graces: Mapping[Piece, Sequence[music21.note.Note]],
    metre: Metre,
) -> None:
    """Put the chords and rests of a bar into it; with two voices, stems part and rests of the lower are not shown."""
    for number, (pieces, elements) in enumerate(zip(voices, lines, strict=True)):
        _beam(pieces, elements, metre)
        line = music21.stream.Voice(id=number + 1) if len(voices) > 1 else measure
        for piece, element in zip(pieces, elements, strict=True):
            for each in (*graces[piece], element):
                line.insert(Fraction(piece.start, UNITS), each)
            if len(voices) > 1 and isinstance(element, music21.note.NotRest):
                element.stemDirection = "down" if number else "up"
            elif number:
                element.style.hideObjectOnPrint = True
        if any(element.duration.tuplets for element in elements):
            music21.stream.makeNotation.makeTupletBrackets(line, inPlace=True)
        if line is not measure:
            measure.insert(0, line)


def _element(piece: Piece, notation: Notation, hand: Hand, key: Key) -> Element:
    """A note, a chord or a rest."""
    length = music21.duration.Duration(Fraction(piece.length, UNITS))
    if not piece.notes:
        rest = music21.note.Rest(duration=length)
        rest.fullMeasure = piece.whole_bar
        return rest
    pitches = [_pitch(note.pitch, notation.names[note]) for note in piece.notes]
    element: music21.note.NotRest
    if len(pitches) == 1:
        element = music21.note.Note(pitches[0], duration=length)
    else:
        element = music21.chord.Chord(pitches, duration=length)
    if piece.tied or piece.goes_on:
        kind = "continue" if piece.tied and piece.goes_on else "stop" if piece.tied else "start"
        element.tie = music21.tie.Tie(kind)
    if not piece.tied:
        _finger(element, piece, notation, hand)
        _ornament(element, piece, notation, key)
    return element


def _finger(element: music21.note.NotRest, piece: Piece, notation: Notation, hand: Hand) -> None:
    notes = sorted(piece.notes, key=lambda note: note.pitch)
    fingers = [note.finger if note in notation.fingered else None for note in notes]
    for finger in fingers if any(fingers) else []:
        mark = music21.articulations.Fingering(finger or _UNNAMED)
        mark.placement = "above" if hand == "right" else "below"  # type: ignore[assignment]  # music21 infers None
        element.articulations.append(mark)


def _ornament(element: music21.note.NotRest, piece: Piece, notation: Notation, key: Key) -> None:
    """Signs for trills, mordents and spread chords."""
    found = notation.ornaments
    for note in piece.notes:
        other = found.trills.get(note) or found.mordents.get(note)
        if other:
            sign = _sign(trill=note in found.trills, above=other > note.pitch)
            _show_alteration(sign, element, other, key)
            element.expressions.append(sign)
    if len(piece.notes) > 1 and not found.spread.isdisjoint(piece.notes):
        element.expressions.append(music21.expressions.ArpeggioMark())


def _sign(*, trill: bool, above: bool) -> Alternation:
    if trill:
        return music21.expressions.Trill()
    return music21.expressions.InvertedMordent() if above else music21.expressions.Mordent()


def _show_alteration(sign: Alternation, element: music21.note.NotRest, other: int, key: Key) -> None:
    """Put an accidental at the sign, where the pitch ``other`` beside the note is not the signature's."""
    main = element.pitches[-1]
    place = "CDEFGAB".index(main.step) + (1 if other > main.midi else -1)
    letter = "CDEFGAB"[place % 7]
    natural = music21.pitch.Pitch(f"{letter}{(main.octave or 4) + place // 7}").midi
    alteration = other - natural
    if alteration != alterations(key).get(letter, 0) and abs(alteration) <= 1:
        sign.accidental = music21.pitch.Accidental(alteration)
        sign.accidental.displayStatus = True
        sign.resolveOrnamentalPitches(element, keySig=music21.key.KeySignature(key.sharps))


def _graces(piece: Piece, notation: Notation) -> list[music21.note.Note]:
    """The small notes before a chord: one is crossed through, several are beamed."""
    found: list[music21.note.Note] = []
    for note in piece.notes if not piece.tied else ():
        line = notation.ornaments.graces.get(note, ())
        for index, small in enumerate(line):
            pitch = _pitch(small.pitch, notation.names[small])
            grace = music21.note.Note(pitch, type="16th" if line[1:] else "eighth").getGrace()
            if line[1:]:
                grace.duration.slash = False
                grace.beams.fill("16th", type="start" if index == 0 else "stop" if small is line[-1] else "continue")
            found.append(grace)
    return found


def _pitch(midi: int, fifths: int) -> music21.pitch.Pitch:
    """The pitch by its name's place on the line of fifths."""
    letter, alteration, octave = written(midi, fifths)
    pitch = music21.pitch.Pitch(f"{letter}{octave}")
    if alteration:
        pitch.accidental = music21.pitch.Accidental(alteration)
    return pitch


def _beam(pieces: Sequence[Piece], elements: Sequence[Element], metre: Metre) -> None:
    """Beam what is shorter than a quarter, within the beats of the metre."""
    lengths = tuple((piece.length, bool(piece.notes)) for piece in pieces)
    for element, kinds in zip(elements, _beams(lengths, metre.name), strict=True):
        if kinds is not None and isinstance(element, music21.note.NotRest):
            element.beams = music21.beam.Beams()
            for kind, direction in kinds:
                element.beams.append(kind, direction)


@lru_cache(maxsize=4096)  # rhythms come again and again
def _beams(lengths: tuple[tuple[int, bool], ...], metre: str) -> list[list[tuple[str, str | None]] | None]:
    """Of chords and rests (False) of such lengths the type and direction of each beam; None where there are none."""
    durations = [music21.duration.Duration(Fraction(length, UNITS)) for length, _ in lengths]
    kinds = [music21.note.Note if struck else music21.note.Rest for _, struck in lengths]
    elements = [kind(duration=duration) for kind, duration in zip(kinds, durations, strict=True)]
    with _MUSIC21, redirect_stderr(StringIO()):  # music21 tells there of the pairs that are mended below
        found = music21.meter.TimeSignature(metre).getBeams(elements)
    for beams, following in pairwise(found):
        for beam in beams or ():
            if beam.type == "partial" and beam.direction == "right" and _goes_on(following, beam.number):
                beam.type, beam.direction = "start", None
    return [None if beams is None else [(beam.type, beam.direction) for beam in beams] for beams in found]


def _goes_on(beams: music21.beam.Beams | None, number: int) -> bool:
    """Whether the beam of that number comes from the note before."""
    return any(beam.number == number and beam.type in ("continue", "stop") for beam in beams or ())
