"""Notes -> ``Score``: finds beat, metre, key and hands, lays both staves out with music21, and writes the files."""

import gc
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from pathlib import Path
from threading import Lock

import numpy as np

from pianoroll import Hand, Note
from pianoroll.files import write_beside
from pianoroll.keys import HIGHEST_PITCH, LOWEST_PITCH
from pianoroll.midi import BeatGrid, write_midi
from score import pages
from score.beats import USUAL_BEAT, Beats, track
from score.errors import ScoreError
from score.fingering import chosen
from score.in_step import Step, in_step
from score.key import Key, find_keys
from score.layout import Credits, Notation, lay_out, to_musicxml
from score.metre import NAMES, UNITS, Bars, Metre, find_bars
from score.ornaments import Ornamented, find_ornaments
from score.quantised import even_grid, quantised
from score.rhythm import Piece, Voices, write_staff
from score.signs import dynamics
from score.spelling import spell
from score.staves import hands_by_staff

FEW_NOTES = 8  # with fewer, tempo and metre are guesses
UNSTEADY = 0.35  # relative deviation of the beats' lengths from which the reader is warned

_WITHIN = Lock()
_within = 0  # threads in which Python does not look for garbage


@dataclass(frozen=True)
class Score:
    """An engraved piece: ``musicxml`` text, and what was found. ``tempo``: of the counted note value, a minute.

    ``quantised``: the notes as they are written, in one tempo, in seconds; ``grid``: their bars. ``played``: the notes
    as they were played, and ``clock (beats, 2)``: quarter notes from the first bar, and the seconds when they come.
    """

    musicxml: str
    title: str | None
    tempo: float
    metre: str
    key: str
    measures: int
    warnings: list[str] = field(default_factory=list)
    quantised: list[Note] = field(default_factory=list)
    grid: BeatGrid | None = None
    played: list[Note] = field(default_factory=list)
    clock: np.ndarray = field(default_factory=lambda: np.zeros((0, 2)))

    @cached_property
    def drawing(self) -> pages.Drawing:
        """The pages, A4, and the notes on them. Raises ScoreError where Verovio cannot read the piece."""
        return pages.draw(self.musicxml)

    @property
    def svg_pages(self) -> list[str]:
        """One SVG a page, A4. Raises ScoreError where Verovio cannot read the piece."""
        return self.drawing.pages

    def steps(self) -> list[Step]:
        """When each drawn note is heard, in the order of their starts. Raises ScoreError as ``drawing`` does."""
        return in_step(self.drawing.notes, self.clock, self.played)

    def write_musicxml(self, path: str | os.PathLike[str]) -> None:
        """Write MusicXML. Raises FileError."""
        with write_beside(path) as temporary:
            temporary.write_text(self.musicxml, encoding="utf-8")

    def write_midi(self, path: str | os.PathLike[str], *, program: int = 0) -> None:
        """Write the notes as they are written, not as they were played. ``program``: General MIDI. Raises FileError."""
        write_midi(self.quantised, path, tempo=self.tempo, beats=self.grid, program=program)

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
    key: str | None = None,
    fingering: str = "auto",
    composer: str | None = None,
    date: str | None = None,
    source: str | None = None,
) -> Score:
    """A score of ``notes`` on two staves.

    ``tempo`` (beats a minute), ``metre`` (such as “3/4”) and ``key`` (such as “C minor”) where they are known; else
    they are found. ``fingering``: of the fingers that notes carry, print “all”, “none”, “some” (as editors do), or
    “auto” (all of a short piece). ``composer`` and ``date`` stand below the title, ``source`` in the file. Raises
    ScoreError where a wish cannot be.
    """
    given = check_wishes(tempo, metre, key)
    credits = Credits(title, composer, date, source)
    usable, warnings = _usable(notes)
    if not usable:
        return _empty(credits, tempo, metre, given, [*warnings, "There are no notes: the score is one bar of rests."])
    ornamented, beats, bars = _find(tuple(usable), tempo, metre)
    starts = [beats.seconds(bars.beat_at(bar)) for bar in range(len(bars.metres) + 1)]
    keys = [(0, given)] if given else _keys_of_bars(ornamented.notes, beats, bars)
    names = spell(ornamented.written, [(starts[bar], key) for bar, key in keys])
    staves: dict[Hand, list[Voices]] = {
        "right": write_staff(beats, bars, "right"),
        "left": write_staff(beats, bars, "left"),
    }
    notation = Notation(
        dict(zip(ornamented.written, names, strict=True)),
        ornamented,
        chosen(list(staves.values()), fingering),
        dynamics(ornamented.notes, starts),
    )
    every = [next(key for bar, key in reversed(keys) if bar <= index) for index in range(len(bars.metres))]
    with _uncollected():
        text = to_musicxml(lay_out(staves, bars, every, notation, beats.tempo, credits), credits)
    return Score(
        text,
        title,
        beats.tempo,
        bars.usual.name,
        every[0].name,
        len(bars.metres),
        warnings + _doubts(usable, beats),
        quantised(staves.values(), bars, ornamented, beats.tempo),
        even_grid(bars, beats.tempo),
        usable,
        _clock(beats, bars),
    )


@contextmanager
def _uncollected() -> Iterator[None]:
    """Within, Python does not look for garbage: music21 makes objects without number, all of which are needed to the
    end, and each look goes through all that the program has. Threads may be within at once."""
    global _within
    with _WITHIN:
        _within += 1
        gc.disable()
    try:
        yield
    finally:
        with _WITHIN:
            _within -= 1
            if not _within:
                gc.enable()


def _clock(beats: Beats, bars: Bars) -> np.ndarray:
    """Quarter notes from the first bar, and their seconds, at each beat of the bars."""
    quarters = bars.beat_units / UNITS
    seconds = [beats.seconds(bars.first + index) for index in range(len(quarters))]
    return np.column_stack([quarters, seconds])


def _doubts(notes: Sequence[Note], beats: Beats) -> list[str]:
    """What the reader should not trust."""
    if len(notes) < FEW_NOTES:
        count = f"are only {len(notes)} notes" if len(notes) > 1 else "is only one note"
        return [f"There {count}: tempo, metre and key are guesses."]
    if len(beats.times) > 8 and _unsteadiness(beats) > UNSTEADY:
        return ["The tempo varies much: bar lines and note values may be wrong in places."]
    return []


def check_wishes(tempo: float | None, metre: str | None, key: str | None) -> Key | None:
    """The key of that name. Raises ScoreError where tempo, metre or key cannot be."""
    if metre is not None and metre not in NAMES:
        raise ScoreError(f"“{metre}” is no metre that can be written; choose one of {', '.join(NAMES)}.")
    if tempo is not None and not 20 <= tempo <= 300:
        raise ScoreError(f"A tempo of {tempo:g} beats a minute cannot be; give 20 to 300.")
    return Key.named(key) if key is not None else None


def find_beats(notes: Sequence[Note], *, tempo: float | None = None, metre: str | None = None) -> BeatGrid | None:
    """Where the bars and beats of ``notes`` fall, as the score would have them; None where too few tell.

    ``tempo``, ``metre``: as for ``engrave``."""
    usable, _ = _usable(notes)
    if len(usable) < FEW_NOTES:
        return None
    _, beats, bars = _find(tuple(usable), tempo, metre)
    before = beats.times[0] + np.arange(bars.first, 0) * (beats.times[1] - beats.times[0])
    return bars.grid(np.concatenate([before, beats.times]).round(6).tolist())


@lru_cache(maxsize=4)  # the MIDI file's bars and the score's are the same
def _find(notes: tuple[Note, ...], tempo: float | None, metre: str | None) -> tuple[Ornamented, Beats, Bars]:
    """What has a rhythm, its beats, and its bars."""
    ornamented = find_ornaments(hands_by_staff(notes))
    in_three = metre is not None and (metre == "3/8" or Metre.named(metre).compound)
    division = (3 if in_three else 2) if metre else None
    beats = track(ornamented.notes, tempo=tempo, division=division, bar_of_parts=metre == "3/8")
    return ornamented, *find_bars(beats, metre=metre)


def _usable(notes: Sequence[Note]) -> tuple[list[Note], list[str]]:
    """The notes that a piano has, with lengths above zero; and a warning where some were left out."""
    kept = [note for note in notes if LOWEST_PITCH <= note.pitch <= HIGHEST_PITCH]
    warnings = []
    if len(kept) < len(notes):
        warnings.append(f"{len(notes) - len(kept)} notes that no piano has (outside A0 to C8) were left out.")
    return [replace(note, offset=max(note.offset, note.onset + 0.02)) for note in kept], warnings


def _keys_of_bars(notes: Sequence[Note], beats: Beats, bars: Bars) -> list[tuple[int, Key]]:
    """The keys, and the number of the bar in which each begins: the nearest to where it was found."""
    keys: dict[int, Key] = {}
    for second, key in find_keys(notes):
        unit = bars.units(beats.at(second))
        bar = int(np.abs(bars.starts[:-1] - unit).argmin()) if keys else 0
        keys[bar] = key
    return sorted(keys.items())


def _unsteadiness(beats: Beats) -> float:
    lengths = beats.times[1:] - beats.times[:-1]
    return float(lengths.std() / lengths.mean())


def _empty(credits: Credits, tempo: float | None, metre: str | None, key: Key | None, warnings: list[str]) -> Score:
    """One bar of rests."""
    shape = Metre.named(metre or "4/4")
    counted = tempo or 60 / USUAL_BEAT[2]
    rest = [[[Piece(0, shape.bar, whole_bar=True)]]]
    key = key or Key(0, "major")
    notation = Notation({}, Ornamented([]))
    empty = lay_out({"right": rest, "left": rest}, Bars((shape,), 0), [key], notation, counted, credits)
    text = to_musicxml(empty, credits)
    return Score(text, credits.title, counted, shape.name, key.name, 1, warnings)
