"""The scores that music21 carries, as if they were played: music of known metre beyond ASAP's.

Movements for strings, voices and piano, of which a part of the voices is played; chorales; and dance tunes, to which an
accompaniment is made up.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import music21
import numpy as np

from dataset_tools.performances import Performance
from dataset_tools.playing import Struck, play
from dataset_tools.score_file import Bar, WrittenNote, WrittenScore, mended
from dataset_tools.textures import BEAT, CHORDS, FIGURES, SCALE, figure

MOVEMENTS = (
    *("beach", "beethoven", "chopin", "corelli", "cpebach", "handel", "haydn", "johnson_j_r", "joplin", "leadSheet"),
    *("liliuokalani", "mozart", "schubert", "schumann_clara", "schumann_robert", "verdi", "weber"),
)
CHORALES, TUNES = ("bach",), ("ryansMammoth",)
ENDINGS = {".mxl", ".xml", ".musicxml", ".krn", ".abc"}
FEWEST = 24  # notes, and
FEWEST_BEATS = 16  # beats of a piece
QUICKEST = 0.075  # seconds between its quicker notes, at least
SLOWEST = 2.5  # seconds of a beat
ACCENT = 7.0  # velocity by which downbeats are louder, at most


def read_corpus(folders: Sequence[str], every: int = 1) -> Iterator[WrittenScore]:
    """The pieces of music21's corpus in ``folders``, every so many files, all parts of each."""
    root = Path(music21.__file__).parent / "corpus"
    files = sorted(path for name in folders for path in (root / name).rglob("*") if path.suffix in ENDINGS)
    for path in files[::every]:
        try:
            parsed = music21.converter.parse(path, forceSource=True)
        except Exception:  # a few of them its own reader cannot read
            continue
        for piece in parsed.scores if isinstance(parsed, music21.stream.Opus) else [parsed]:
            written = _written(piece)
            if len(written.notes) >= FEWEST and len(written.beats()) >= FEWEST_BEATS:
                yield written


def _written(piece: Any) -> WrittenScore:
    """The piece without its repeats; a note's ``staff`` is the number of its part."""
    parts = list(piece.parts) or [piece]
    notes = []
    for number, part in enumerate(parts):
        for element in part.toSoundingPitch().stripTies().flatten().notes:
            if isinstance(element, music21.harmony.ChordSymbol) or not element.quarterLength:
                continue
            onset, length = float(element.offset), float(element.quarterLength)
            notes += [WrittenNote(onset, length, pitch.midi, 0, number, "") for pitch in element.pitches]
    bars, metre = [], None
    sharps = next((sign.sharps for sign in parts[0].recurse().getElementsByClass("KeySignature")), 0)
    for measure in parts[0].getElementsByClass("Measure"):
        metre = measure.timeSignature or metre
        if metre is None:
            return WrittenScore([], [])
        length = float(measure.highestTime) or 4 * metre.numerator / metre.denominator
        bars.append(Bar(float(measure.offset), length, metre.numerator, metre.denominator, sharps))
    return WrittenScore(sorted(notes, key=lambda note: (note.onset, note.pitch)), mended(bars))


def performed(written: WrittenScore, rng: np.random.Generator, *, accompanied: bool = False) -> Performance:
    """The piece in some tempo: all its parts or some of them; a tune with an accompaniment in its key."""
    found = written.beats()
    marks = np.array([place for place, _ in found])
    down = np.array([begins for _, begins in found])
    of_beat = np.searchsorted([bar.start for bar in written.bars], marks + 1e-6, side="right") - 1
    bars = [written.bars[index] for index in of_beat]
    metres = [(bar.numerator, bar.denominator) for bar in bars]
    changes = [(0, metres[0])]
    changes += [(index + 1, after) for index, (before, after) in enumerate(pairwise(metres)) if after != before]
    struck = _struck(written, marks, down, rng)
    if accompanied:
        struck += _accompaniment(struck, down, bars[0], rng)
    return play("corpus", struck, down, changes, _beat(struck, bars[0], rng), rng)


def _struck(written: WrittenScore, marks: np.ndarray, down: np.ndarray, rng: np.random.Generator) -> list[Struck]:
    """What is played, with places in beats; places before the first beat are below 0."""
    parts = np.array(sorted({note.staff for note in written.notes}))
    heard = parts if rng.random() < 0.5 else rng.choice(parts, -(-len(parts) // 2), replace=False)
    ends = np.append(marks, 2 * marks[-1] - marks[-2])
    accent, base, held = rng.uniform(0, ACCENT), rng.uniform(50, 75), rng.uniform(0.6, 1.0)

    def place(quarter: float) -> float:
        before = (quarter - marks[0]) / (marks[1] - marks[0])
        return float(before if before < 0 else np.interp(quarter, ends, np.arange(len(ends))))

    struck = []
    for note in written.notes:
        at = place(note.onset)
        if note.staff in heard and at >= -1:
            strong = abs(at - round(at)) < 0.01 and 0 <= round(at) < len(down) and down[round(at)]
            velocity = base + (note.pitch - 64) / 4 + accent * strong
            struck.append((at, max(0.1, held * (place(note.end) - at)), note.pitch, velocity))
    return struck


def _accompaniment(tune: Sequence[Struck], down: np.ndarray, first: Bar, rng: np.random.Generator) -> list[Struck]:
    """A figure in every bar, on the chord that holds most of the tune's notes there."""
    name, key = str(rng.choice([each for each in FIGURES if each != "scale"])), 7 * first.sharps % 12
    parts = first.numerator // first.beats if first.denominator >= 8 else 2
    made: list[Struck] = []
    for index in np.flatnonzero(down)[:-1].tolist():
        inside = [(pitch - key) % 12 for place, _, pitch, _ in tune if index - 1e-6 <= place < index + first.beats]

        def fits(chord: int, inside: list[int] = inside) -> float:
            tones = {int(SCALE[(chord + step) % 7]) for step in (0, 2, 4)}
            return sum(pitch in tones for pitch in inside) + 0.5 * (chord == 0) + 0.6 * float(rng.random())

        made += figure(name, max(CHORDS, key=fits), key, index, first.beats, max(2, parts), rng)
    return made


def _beat(struck: Sequence[Struck], bar: Bar, rng: np.random.Generator) -> float:
    """Seconds of a beat: usual for the metre, and not too quick for the notes."""
    compound = bar.beats < bar.numerator
    usual = 1.5 if bar.denominator == 2 else 0.7 if bar.denominator == 8 and not compound else 1.0
    beat = usual * float(np.exp(rng.uniform(*np.log(BEAT[3 if compound else 2]))))
    steps = np.diff(np.unique(np.round([place for place, *_ in struck], 3)))
    quick = float(np.percentile(steps, 10)) if len(steps) else 1.0
    return min(SLOWEST, max(beat, QUICKEST / max(quick, 0.05)))
