"""How good the scores are that are written from performances: ``python -m dataset_tools.judge_score``.

Every performance of a split of ASAP is engraved with no hands told, and what is written is compared with the piece's
own score: MV2H and plain rates (see ``mv2h``), and F1 (70 ms) of the beats and downbeats that were found against those
that were marked by hand. ``--fps``, ``--wrong`` and ``--missing`` make the notes like those read from a video.
"""

import argparse
import csv
import json
import time
import zlib
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from functools import cache, partial
from pathlib import Path

import mir_eval
import numpy as np

from dataset_tools.mv2h import judge
from dataset_tools.performances import read_marks
from dataset_tools.score_file import WrittenScore, read_score
from pianoroll import Note, read_midi
from pianoroll.keys import HIGHEST_PITCH, LOWEST_PITCH
from score import engrave, find_beats

BEAT_TOLERANCE = 0.07  # seconds: the field's usual one
NEIGHBOURS = (-2, -1, 1, 2)  # semitones that a wrong note lies from a true one...
NEAR = 0.2  # ...and seconds at most
COLUMNS = {  # heading -> result
    "MV2H": "mv2h",
    "pitch": "mv2h_pitch",
    "voice": "mv2h_voice",
    "metre": "mv2h_metre",
    "value": "mv2h_value",
    "harm.": "mv2h_harmony",
    "|place": "place",
    "length": "value",
    "staff": "staff",
    "spell": "spelling",
    "sign.": "metre",
    "key": "key",
    "|beat": "beat",
    "down": "downbeat",
}


@dataclass(frozen=True)
class Watching:
    """What a video does to notes. ``fps``: frames a second to which times are rounded (None: they are not);
    ``wrong``, ``missing``: notes that are added and that are left out, as shares of all."""

    fps: float | None = None
    wrong: float = 0.0
    missing: float = 0.0


@dataclass(frozen=True)
class Row:
    """A performance. ``results``: see ``COLUMNS``, each 0..1; empty where it could not be engraved, as ``error`` says.

    ``found``, ``true``: metre and sharps in the two scores; ``seconds``: that engraving took."""

    name: str
    results: dict[str, float] = field(default_factory=dict)
    found: str = ""
    true: str = ""
    seconds: float = 0.0
    error: str | None = None


def performances(data: Path, split: str, limit: int | None = None) -> list[str]:
    """Performances of a split, as the manifest names them; ``limit``: so many, from all over the list."""
    with open(data / "asap" / "manifest.csv", newline="", encoding="utf-8") as file:
        names = [row["performance_midi"] for row in csv.DictReader(file) if row["split"] == split]
    if limit is None or limit >= len(names):
        return names
    return [names[index] for index in np.linspace(0, len(names) - 1, limit).round().astype(int)]


def watched(notes: Sequence[Note], how: Watching, rng: np.random.Generator) -> list[Note]:
    """``notes`` as they are read from a video: no hands, some of them missing, some wrong, in the times of frames."""
    bare = [replace(note, hand=None, finger=None) for note in notes]
    kept = [note for note, lost in zip(bare, rng.random(len(bare)) < how.missing, strict=True) if not lost]
    beside = rng.choice(len(bare), round(how.wrong * len(bare)), replace=False)
    kept += [_wrong(bare[index], rng) for index in beside]
    if how.fps:
        kept = [_in_frames(note, how.fps) for note in kept]
    return sorted(kept)


def _wrong(note: Note, rng: np.random.Generator) -> Note:
    """A note that was not played, near one that was."""
    pitch = int(np.clip(note.pitch + rng.choice(NEIGHBOURS), LOWEST_PITCH, HIGHEST_PITCH))
    onset = max(0.0, note.onset + rng.uniform(-NEAR, NEAR))
    return replace(note, pitch=pitch, onset=onset, offset=onset + note.offset - note.onset)


def _in_frames(note: Note, fps: float) -> Note:
    onset = round(note.onset * fps)
    return replace(note, onset=onset / fps, offset=max(onset + 1, round(note.offset * fps)) / fps)


def judge_performance(name: str, asap: Path, how: Watching) -> Row:
    """Write the score of a performance, named as in the manifest, and compare it."""
    path = asap / name
    notes = watched(read_midi(path), how, np.random.default_rng(zlib.crc32(name.encode())))
    begin = time.perf_counter()
    try:
        text = engrave(notes).musicxml
        seconds = time.perf_counter() - begin
        grid = find_beats(notes)
    except Exception as error:  # whatever it is: the other pieces are still to be judged
        return Row(name, seconds=time.perf_counter() - begin, error=f"{type(error).__name__}: {error}")
    found, true = read_score(text), _true_score(path.parent / "xml_score.mxl")
    parts, rates = judge(found, true)
    marks = read_marks(path.with_name(f"{path.stem}_annotations.txt"))
    times, downbeats = (np.array(each) for each in ((grid.times, grid.downbeats) if grid else ((), ())))
    results = {"mv2h": parts.mean} | {f"mv2h_{part}": value for part, value in asdict(parts).items()} | asdict(rates)
    results["beat"] = _beat_f1(times, marks.times)
    results["downbeat"] = _beat_f1(downbeats, marks.times[marks.down])
    return Row(name, results, _signatures(found), _signatures(true), seconds)


@cache
def _true_score(path: Path) -> WrittenScore:
    return read_score(path)


def _beat_f1(found: np.ndarray, true: np.ndarray) -> float:
    """F1 of all beats, the first seconds' too."""
    if not len(found) or not len(true):
        return 0.0
    return float(mir_eval.beat.f_measure(np.sort(true), found, f_measure_threshold=BEAT_TOLERANCE))


def _signatures(score: WrittenScore) -> str:
    """Such as ``3/4 -2``: metre and sharps of the first bar."""
    return "".join(f"{bar.numerator}/{bar.denominator} {bar.sharps:+d}" for bar in score.bars[:1])


def judge_all(names: Sequence[str], asap: Path, how: Watching, jobs: int = 1) -> Iterator[Row]:
    """Rows as they get ready, in the order of the names."""
    one = partial(judge_performance, asap=asap, how=how)
    if jobs == 1:
        yield from map(one, names)
        return
    with ProcessPoolExecutor(jobs) as pool:
        yield from pool.map(one, names)


def means(rows: Sequence[Row]) -> dict[str, float]:
    """The mean of each result; where a score could not be written, 0 counts."""
    return {key: float(np.mean([row.results.get(key, 0.0) for row in rows])) for key in COLUMNS.values()}


def heading(width: int) -> str:
    return " " * width + "".join(f"{name:>7}" for name in COLUMNS) + "    s"


def line(name: str, results: dict[str, float], seconds: float, width: int) -> str:
    return f"{name:{width}}" + "".join(f"{results[key]:7.3f}" for key in COLUMNS.values()) + f"{seconds:5.1f}"


def show(rows: Iterable[Row], width: int) -> list[Row]:
    """Print a line a performance as they come, and the mean."""
    print(heading(width), flush=True)
    done = []
    for row in rows:
        done.append(row)
        if row.error is not None:
            print(f"{row.name:{width}}  not engraved (counts 0): {row.error}", flush=True)
            continue
        signs = "" if row.found == row.true else f"   {row.found} for {row.true}"
        print(line(row.name, row.results, row.seconds, width) + signs, flush=True)
    if done:
        print(line("mean", means(done), float(np.mean([row.seconds for row in done])), width))
    return done


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder with asap/")
    parser.add_argument("--split", default="validation", help="as in asap's manifest.csv")
    parser.add_argument("--limit", type=int, help="only so many performances, from all over the list")
    parser.add_argument("--fps", type=float, help="round times to frames of a video")
    parser.add_argument("--wrong", type=float, default=0.0, help="share of notes to add beside true ones")
    parser.add_argument("--missing", type=float, default=0.0, help="share of notes to leave out")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--json", type=Path, help="write all rows and the means to this file")
    given = parser.parse_args()
    names = performances(given.data, given.split, given.limit)
    if not names:
        parser.error(f"asap/manifest.csv has no performances of the split “{given.split}”")
    how = Watching(given.fps, given.wrong, given.missing)
    rows = show(judge_all(names, given.data / "asap", how, given.jobs), max(map(len, names)))
    if given.json:
        report = {"how": asdict(how), "means": means(rows), "rows": [asdict(row) for row in rows]}
        given.json.write_text(json.dumps(report, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
