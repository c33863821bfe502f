"""Staves -> music21 -> MusicXML: brace, clefs, signatures, beams, tuplets, accidentals, fingering."""

import re
from collections.abc import Mapping, Sequence
from contextlib import redirect_stderr
from fractions import Fraction
from io import StringIO
from itertools import chain, pairwise

import music21
from music21.musicxml.m21ToXml import GeneralObjectExporter

from pianoroll import Hand, Note
from score.clefs import choose_clefs
from score.key import Key, written
from score.metre import UNITS, Bars
from score.rhythm import Piece, Voices

_STEPS_SHARPENED = "FCGDAEB"
_UNNAMED = 0  # stands for an unknown finger: music21 deals a chord's fingers out from its lowest note on
_NO_FINGER = re.compile(r"\s*<technical>\s*<fingering[^>]*>0</fingering>\s*</technical>")
_NO_COMPOSER = re.compile(r'\s*<creator type="composer">Music21</creator>')  # music21 names itself


def lay_out(
    staves: Mapping[Hand, Sequence[Voices]],
    bars: Bars,
    keys: Sequence[Key],
    names: Mapping[Note, int],
    tempo: float,
    title: str | None,
    fingering: bool,
) -> music21.stream.Score:
    """Both staves, right hand's first, as a music21 score. ``keys``: of each bar; ``names``: of each note on the
    line of fifths; ``tempo``: beats of the usual metre a minute."""
    score = music21.stream.Score()
    score.insert(0, music21.metadata.Metadata(title=title or ""))
    parts = [_part(staff, hand, bars, keys, names, fingering) for hand, staff in staves.items()]
    referent = music21.duration.Duration(Fraction(bars.usual.beat, UNITS))
    mark = music21.tempo.MetronomeMark(number=max(1, round(tempo)), referent=referent)
    parts[0].getElementsByClass(music21.stream.Measure)[0].insert(0, mark)
    for part in parts:
        score.insert(0, part)
    score.insert(0, music21.layout.StaffGroup(parts, symbol="brace", barTogether=True))
    return score


def to_musicxml(score: music21.stream.Score) -> str:
    """MusicXML text of a score that is complete as it stands: nothing is added or moved."""
    exporter = GeneralObjectExporter(score)
    exporter.makeNotation = False
    return _NO_FINGER.sub("", _NO_COMPOSER.sub("", exporter.parse().decode("utf-8")))


def _part(
    staff: Sequence[Voices], hand: Hand, bars: Bars, keys: Sequence[Key], names: Mapping[Note, int], fingering: bool
) -> music21.stream.PartStaff:
    """One staff, measure by measure."""
    part = music21.stream.PartStaff(id=hand)
    clefs = choose_clefs([list(chain.from_iterable(voices)) for voices in staff], hand)
    for index, (voices, clef, metre) in enumerate(zip(staff, clefs, bars.metres, strict=True)):
        measure = music21.stream.Measure(number=index + 1)
        if index == 0 or clef != clefs[index - 1]:
            measure.clef = music21.clef.TrebleClef() if clef == "treble" else music21.clef.BassClef()
        key = keys[index]
        if index == 0 or key.sharps != keys[index - 1].sharps:
            measure.keySignature = music21.key.KeySignature(key.sharps)
        time = music21.meter.TimeSignature(metre.name)
        if index == 0 or metre != bars.metres[index - 1]:
            measure.timeSignature = time
        elements = [[_element(piece, names, hand, fingering) for piece in pieces] for pieces in voices]
        _fill(measure, voices, elements, time, key)
        if index == len(staff) - 1:
            measure.rightBarline = music21.bar.Barline("final")
        part.append(measure)
    return part


def _fill(
    measure: music21.stream.Measure,
    voices: Voices,
    lines: Sequence[Sequence[music21.note.GeneralNote]],
    time: music21.meter.TimeSignature,
    key: Key,
) -> None:
    """Put the chords and rests of a bar into it; with two voices, stems part and rests of the lower are not shown."""
    pairs = [pair for pieces, line in zip(voices, lines, strict=True) for pair in zip(pieces, line, strict=True)]
    _show_accidentals([element for _, element in sorted(pairs, key=lambda pair: pair[0].start)], key)
    for number, (pieces, elements) in enumerate(zip(voices, lines, strict=True)):
        _beam(elements, time)
        line = music21.stream.Voice(id=number + 1) if len(voices) > 1 else measure
        for piece, element in zip(pieces, elements, strict=True):
            line.insert(Fraction(piece.start, UNITS), element)
            if len(voices) > 1 and isinstance(element, music21.note.NotRest):
                element.stemDirection = "down" if number else "up"
            elif number:
                element.style.hideObjectOnPrint = True
        if any(element.duration.tuplets for element in elements):
            music21.stream.makeNotation.makeTupletBrackets(line, inPlace=True)
        if line is not measure:
            measure.insert(0, line)


def _element(piece: Piece, names: Mapping[Note, int], hand: Hand, fingering: bool) -> music21.note.GeneralNote:
    """A note, a chord or a rest."""
    length = music21.duration.Duration(Fraction(piece.length, UNITS))
    if not piece.notes:
        rest = music21.note.Rest(duration=length)
        rest.fullMeasure = piece.whole_bar
        return rest
    pitches = [_pitch(note.pitch, names[note]) for note in piece.notes]
    element: music21.note.NotRest
    if len(pitches) == 1:
        element = music21.note.Note(pitches[0], duration=length)
    else:
        element = music21.chord.Chord(pitches, duration=length)
    if piece.tied or piece.goes_on:
        kind = "continue" if piece.tied and piece.goes_on else "stop" if piece.tied else "start"
        element.tie = music21.tie.Tie(kind)
    fingers = [note.finger for note in sorted(piece.notes, key=lambda note: note.pitch)]
    for finger in fingers if fingering and any(fingers) and not piece.tied else []:
        mark = music21.articulations.Fingering(finger or _UNNAMED)
        mark.placement = "above" if hand == "right" else "below"  # type: ignore[assignment]  # music21 infers None
        element.articulations.append(mark)
    return element


def _pitch(midi: int, fifths: int) -> music21.pitch.Pitch:
    """The pitch by its name's place on the line of fifths."""
    letter, alteration, octave = written(midi, fifths)
    pitch = music21.pitch.Pitch(f"{letter}{octave}")
    if alteration:
        pitch.accidental = music21.pitch.Accidental(alteration)
    return pitch


def _show_accidentals(elements: Sequence[music21.note.GeneralNote], key: Key) -> None:
    """Show an accidental where a note differs from the signature, or from the same line or space before in the bar."""
    changed = _STEPS_SHARPENED[: key.sharps] if key.sharps > 0 else _STEPS_SHARPENED[key.sharps :] if key.sharps else ""
    signature = dict.fromkeys(changed, 1 if key.sharps > 0 else -1)
    valid: dict[tuple[str, int | None], int] = {}
    for element in elements:
        if not isinstance(element, music21.note.NotRest):
            continue
        held = element.tie is not None and element.tie.type != "start"
        for pitch in element.pitches:
            place = (pitch.step, pitch.octave)
            alteration = int(pitch.alter)
            shown = alteration != valid.get(place, signature.get(pitch.step, 0)) and not held
            if not held:
                valid[place] = alteration
            if shown and pitch.accidental is None:
                pitch.accidental = music21.pitch.Accidental("natural")
            if pitch.accidental is not None:
                pitch.accidental.displayStatus = shown


def _beam(elements: Sequence[music21.note.GeneralNote], time: music21.meter.TimeSignature) -> None:
    """Beam what is shorter than a quarter, within the beats of the metre."""
    with redirect_stderr(StringIO()):  # music21 tells there of the pairs that are mended below
        found = time.getBeams(elements)
    for beams, following in pairwise(found):
        for beam in beams or ():
            if beam.type == "partial" and beam.direction == "right" and _goes_on(following, beam.number):
                beam.type, beam.direction = "start", None
    for element, beams in zip(elements, found, strict=True):
        if beams is not None and isinstance(element, music21.note.NotRest):
            element.beams = beams


def _goes_on(beams: music21.beam.Beams | None, number: int) -> bool:
    """Whether the beam of that number comes from the note before."""
    return any(beam.number == number and beam.type in ("continue", "stop") for beam in beams or ())
