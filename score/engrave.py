"""Notes -> ``Score``: finds beat, metre, key and hands, lays both staves out with music21, and writes the files."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from pianoroll import Hand, Note
from pianoroll.files import write_beside
from pianoroll.keys import HIGHEST_PITCH, LOWEST_PITCH
from pianoroll.midi import BeatGrid
from pianoroll.reach import hands_by_reach
from score import pages
from score.beats import USUAL_BEAT, Beats, track
from score.errors import ScoreError
from score.key import Key, find_key
from score.layout import lay_out, to_musicxml
from score.metre import find_metre, named
from score.rhythm import Piece, bars_needed, write_staff

METRES = ("2/4", "3/4", "4/4", "3/8", "6/8", "9/8", "12/8")
FEW_NOTES = 8  # with fewer, tempo and metre are guesses
UNSTEADY = 0.35  # relative deviation of the beats' lengths from which the reader is warned


@dataclass(frozen=True)
class Score:
    """An engraved piece: ``musicxml`` text, and what was found. ``tempo``: of the counted note value, a minute."""

    musicxml: str
    title: str | None
    tempo: float
    metre: str
    key: str
    measures: int
    warnings: list[str] = field(default_factory=list)

    @cached_property
    def svg_pages(self) -> list[str]:
        """One SVG a page, A4. Raises ScoreError where Verovio cannot read the piece."""
        return pages.draw(self.musicxml)

    def write_musicxml(self, path: str | os.PathLike[str]) -> None:
        """Write MusicXML. Raises FileError."""
        with write_beside(path) as temporary:
            temporary.write_text(self.musicxml, encoding="utf-8")

    def write_svg(self, prefix: str | os.PathLike[str]) -> list[Path]:
        """Write one file a page, ``PREFIX-1.svg`` and on (an ending .svg is dropped), and return their paths."""
        base = Path(prefix).with_suffix("") if Path(prefix).suffix == ".svg" else Path(prefix)
        paths = [base.with_name(f"{base.name}-{number}.svg") for number in range(1, len(self.svg_pages) + 1)]
        for path, page in zip(paths, self.svg_pages, strict=True):
            with write_beside(path) as temporary:
                temporary.write_text(page, encoding="utf-8")
        return paths

    def write_pdf(self, path: str | os.PathLike[str]) -> None:
        """Write all pages as one PDF, A4, as vectors. Raises FileError, ScoreError."""
        document = pages.to_pdf(self.svg_pages, self.title)
        with write_beside(path) as temporary:
            temporary.write_bytes(document)


def engrave(
    notes: Sequence[Note],
    *,
    title: str | None = None,
    tempo: float | None = None,
    metre: str | None = None,
    fingering: bool = True,
) -> Score:
    """A score of ``notes`` on two staves.

    ``tempo`` (beats a minute) and ``metre`` (such as “3/4”) where they are known; else both are found. ``fingering``:
    print the fingers that notes carry. Raises ScoreError where tempo or metre cannot be.
    """
    if metre is not None and metre not in METRES:
        raise ScoreError(f"“{metre}” is no metre that can be written; choose one of {', '.join(METRES)}.")
    if tempo is not None and not 20 <= tempo <= 300:
        raise ScoreError(f"A tempo of {tempo:g} beats a minute cannot be; give 20 to 300.")
    usable, warnings = _usable(notes)
    if not usable:
        return _empty(title, tempo, metre, [*warnings, "There are no notes: the score is one bar of rests."])
    usable = hands_by_reach(usable)
    beats = track(usable, tempo=tempo, division=(3 if metre in ("6/8", "9/8", "12/8") else 2) if metre else None)
    key, found = find_key(usable), find_metre(beats, metre=metre)
    if len(usable) < FEW_NOTES:
        warnings.append(f"There are only {len(usable)} notes: tempo, metre and key are guesses.")
    if len(beats.times) > 8 and _unsteadiness(beats) > UNSTEADY:
        warnings.append("The tempo varies much: bar lines and note values may be wrong in places.")
    bars = bars_needed(beats, found)
    staves: dict[Hand, list[list[Piece]]] = {
        "right": write_staff(beats, found, "right", bars),
        "left": write_staff(beats, found, "left", bars),
    }
    counted = beats.tempo * found.beat / found.pulse
    text = to_musicxml(lay_out(staves, found, key, counted, title, fingering))
    return Score(text, title, counted, f"{found.numerator}/{found.denominator}", key.name, bars, warnings)


def find_beats(notes: Sequence[Note]) -> BeatGrid | None:
    """Where the bars and beats of ``notes`` fall, as the score would have them; None where too few tell."""
    usable, _ = _usable(notes)
    if len(usable) < FEW_NOTES:
        return None
    beats = track(usable)
    metre = find_metre(beats)
    before = beats.times[0] + np.arange(metre.first_bar, 0) * (beats.times[1] - beats.times[0])
    times = tuple(np.concatenate([before, beats.times]).round(6).tolist())
    return BeatGrid(times, metre.numerator, metre.denominator, metre.beats)


def _usable(notes: Sequence[Note]) -> tuple[list[Note], list[str]]:
    """The notes that a piano has, with lengths above zero; and a warning where some were left out."""
    kept = [note for note in notes if LOWEST_PITCH <= note.pitch <= HIGHEST_PITCH]
    warnings = []
    if len(kept) < len(notes):
        warnings.append(f"{len(notes) - len(kept)} notes that no piano has (outside A0 to C8) were left out.")
    return [replace(note, offset=max(note.offset, note.onset + 0.02)) for note in kept], warnings


def _unsteadiness(beats: Beats) -> float:
    lengths = beats.times[1:] - beats.times[:-1]
    return float(lengths.std() / lengths.mean())


def _empty(title: str | None, tempo: float | None, metre: str | None, warnings: list[str]) -> Score:
    """One bar of rests."""
    name = metre or "4/4"
    shape = named(name, 0)
    counted = tempo or 60 / USUAL_BEAT[2]
    rest = [[Piece(0, shape.bar, whole_bar=True)]]
    key = Key(0, "major")
    text = to_musicxml(lay_out({"right": rest, "left": rest}, shape, key, counted, title, False))
    return Score(text, title, counted, name, key.name, 1, warnings)
