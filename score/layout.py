"""Staves -> music21 -> MusicXML: brace, clefs, signatures, beams, tuplets, accidentals, fingering."""

import re
from collections.abc import Mapping, Sequence
from fractions import Fraction

import music21
from music21.musicxml.m21ToXml import GeneralObjectExporter

from pianoroll import Hand
from score.clefs import choose_clefs
from score.key import Key
from score.metre import UNITS, Metre
from score.rhythm import Piece

_STEPS_SHARPENED = "FCGDAEB"
_UNNAMED = 0  # stands for an unknown finger: music21 deals a chord's fingers out from its lowest note on
_NO_FINGER = re.compile(r"\s*<technical>\s*<fingering[^>]*>0</fingering>\s*</technical>")
_NO_COMPOSER = re.compile(r'\s*<creator type="composer">Music21</creator>')  # music21 names itself


def lay_out(
    staves: Mapping[Hand, Sequence[Sequence[Piece]]],
    metre: Metre,
    key: Key,
    tempo: float,
    title: str | None,
    fingering: bool,
) -> music21.stream.Score:
    """Both staves, right hand's first, as a music21 score. ``tempo``: of ``metre.pulse``, a minute."""
    score = music21.stream.Score()
    score.insert(0, music21.metadata.Metadata(title=title or ""))
    parts = [_part(bars, hand, metre, key, fingering) for hand, bars in staves.items()]
    referent = music21.duration.Duration(Fraction(metre.pulse, UNITS))
    mark = music21.tempo.MetronomeMark(number=round(tempo), referent=referent)
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
    bars: Sequence[Sequence[Piece]], hand: Hand, metre: Metre, key: Key, fingering: bool
) -> music21.stream.PartStaff:
    """One staff, measure by measure."""
    part = music21.stream.PartStaff(id=hand)
    clefs = choose_clefs(bars, hand)
    time = music21.meter.TimeSignature(f"{metre.numerator}/{metre.denominator}")
    for number, (pieces, clef) in enumerate(zip(bars, clefs, strict=True), start=1):
        measure = music21.stream.Measure(number=number)
        if number == 1 or clef != clefs[number - 2]:
            measure.clef = music21.clef.TrebleClef() if clef == "treble" else music21.clef.BassClef()
        if number == 1:
            measure.keySignature = music21.key.KeySignature(key.sharps)
            measure.timeSignature = time
        elements = [_element(piece, key, hand, fingering) for piece in pieces]
        _show_accidentals(elements, key)
        _beam(elements, time)
        for piece, element in zip(pieces, elements, strict=True):
            measure.insert(Fraction(piece.start, UNITS), element)
        if any(element.duration.tuplets for element in elements):
            music21.stream.makeNotation.makeTupletBrackets(measure, inPlace=True)
        if number == len(bars):
            measure.rightBarline = music21.bar.Barline("final")
        part.append(measure)
    return part


def _element(piece: Piece, key: Key, hand: Hand, fingering: bool) -> music21.note.GeneralNote:
    """A note, a chord or a rest."""
    length = music21.duration.Duration(Fraction(piece.length, UNITS))
    if not piece.notes:
        rest = music21.note.Rest(duration=length)
        rest.fullMeasure = piece.whole_bar
        return rest
    pitches = [_pitch(note.pitch, key) for note in piece.notes]
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


def _pitch(midi: int, key: Key) -> music21.pitch.Pitch:
    """The pitch as it is spelled in the key."""
    letter, alteration, octave = key.spell(midi)
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
    for element, beams in zip(elements, time.getBeams(elements), strict=True):
        if beams is not None and isinstance(element, music21.note.NotRest):
            element.beams = beams
