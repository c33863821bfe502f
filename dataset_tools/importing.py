"""Takes -> a data set: each video is read once, its keys straightened and kept, its labels beside them.

What is finished is not done again; what fails is told and does not stop the others.
"""

import hashlib
import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from dataset_tools.clips import Clip, find_keyboards
from dataset_tools.strip_set import Entry, check_splits, entry_of, label_roll, read_set, write_set
from dataset_tools.strip_video import write_strips
from dataset_tools.table import Row, write_table
from dataset_tools.takes import AUDEO_RATE, Take
from dataset_tools.work import do_all
from pianoroll import FileError, Note, PianoRoll, SilentkeysError, write_midi
from pianoroll.files import check_folder, sha256, write_beside
from pianoroll.roll import frame_distance
from video2roll.follow import View
from video2roll.rectify import Keyboard, KeyboardError
from video2roll.scenes import watch
from video2roll.video import Frame, read_frames

AFTER = 1.0  # seconds after the last note of which the labels still know
UNSEEN = 0.1  # seconds without a keyboard that are told
WRITE_EVERY = 20.0  # seconds between two writings of the manifest

Order = tuple[Take, Path]  # and the set's folder


@dataclass(frozen=True)
class Imported:
    """What an import came to: the clips of the set, how many of them are new, and (clip, sentence) of those that
    failed."""

    entries: list[Entry]
    new: int
    failures: list[tuple[str, str]]


def import_takes(
    takes: Sequence[Take],
    out: str | os.PathLike[str],
    *,
    jobs: int | None = None,
    ray: str | None = None,
    force: bool = False,
    tell: Callable[[int, int], None] | None = None,
) -> Imported:
    """Add takes to the set in ``out``, made where there is none. ``jobs`` and ``ray``: see ``work.do_all``.

    The manifest grows as the work goes on; ``failures.csv`` says what could not be imported. Raises FileError, also
    where a player or video would stand in two splits, before anything is done; and WorkError.
    """
    folder = check_folder(out).resolve()
    for scrap in folder.rglob(".writing-*"):  # of a run that was killed while it wrote
        scrap.unlink()
    entries = {entry.clip: entry for entry in _already(folder)}
    clips = [take.clip for take in takes]
    if twice := sorted({clip for clip in clips if clips.count(clip) > 1}):
        raise FileError(f"Two videos would be called {twice[0]} in the set; rename one.")
    check_splits([*(entry for clip, entry in entries.items() if clip not in set(clips)), *takes])
    finished: dict[str, Entry] = {}
    for take in takes if not force else ():
        if (entry := _finished(take, folder, entries.get(take.clip))) is not None:
            finished[take.clip] = entry
    entries |= finished
    orders: list[Order] = [(take, folder) for take in takes if take.clip not in finished]
    failures: list[tuple[str, str]] = []
    written = time.monotonic()
    try:
        for outcome in do_all(import_take, orders, jobs=jobs, ray=ray, tell=tell):
            if outcome.result is not None:
                entries[outcome.result.clip] = outcome.result
            else:
                failures.append((outcome.item[0].clip, outcome.failure or ""))
            if time.monotonic() - written > WRITE_EVERY:
                write_set(folder, entries.values())
                written = time.monotonic()
    finally:
        write_set(folder, entries.values())
        _write_failures(folder / "failures.csv", failures)
    return Imported(sorted(entries.values(), key=lambda entry: entry.clip), len(orders) - len(failures), failures)


def _write_failures(path: Path, failures: Sequence[tuple[str, str]]) -> None:
    """A table of them, or none where nothing failed."""
    if failures:
        rows = [{"clip": clip, "reason": reason} for clip, reason in sorted(failures)]
        write_table(path, ("clip", "reason"), rows)
    else:
        path.unlink(missing_ok=True)


def _already(folder: Path) -> list[Entry]:
    return read_set(folder) if (folder / "manifest.csv").exists() else []


def _finished(take: Take, folder: Path, listed: Entry | None) -> Entry | None:
    """The entry of a take that was imported as it is now: the one ``listed`` in the manifest, or, where that was lost,
    the one that its roll holds, which is written last."""
    try:
        made = PianoRoll.load(_entry(take, folder).roll).metadata
    except SilentkeysError:
        return None
    if made.get("made_of") != _made_of(take):
        return None
    row = {name: str(value) for name, value in made["entry"].items()}
    return listed or entry_of(Row(folder / "manifest.csv", 0, row), folder)


def _made_of(take: Take) -> str:
    """A mark that changes where the take or its files do."""
    files = [(path.stat().st_size, path.stat().st_mtime_ns) for path in (take.video, take.labels) if path.exists()]
    return hashlib.sha256(repr((_plain(take), files)).encode()).hexdigest()


def _plain(take: Take) -> Take:
    """As ``take``, but with a keyboard that prints in full."""
    return replace(take, keyboard=None, rights=f"{take.rights} {take.keyboard and take.keyboard.corners.tolist()}")


# ---- one take --------------------------------------------------------------------------------------------------------


def import_take(order: Order) -> Entry:
    """Read one take into the set. Raises VideoError, KeyboardError, FileError."""
    take, folder = order
    notes = take.notes()
    if not notes:
        raise FileError(f"{take.labels} holds no notes.")
    views, place = _keyboard_of(take)
    entry = _entry(take, folder)
    for path in (entry.strips, entry.midi, entry.roll):
        path.parent.mkdir(parents=True, exist_ok=True)
    times: list[float] = []
    seen: list[bool] = []
    with write_beside(entry.strips) as temporary:
        write_strips(temporary, _strips(take, views or place, times, seen))
    end = times[-1] + frame_distance(np.array(times)) if times else 0.0
    known, lost = _within(notes, end)
    last = max((note.offset for note in known), default=0.0) + AFTER
    entry = replace(
        entry,
        start=round(take.start or 0.0, 3),
        end=round(min(end, take.end if take.end is not None else last), 3),
        sha256="" if take.video.is_dir() else sha256(take.video),
        fps=round(1 / frame_distance(np.array(times)), 3),
        frames=len(times),
        keyboard=place,
        suspect=" ".join(f"{first:.2f}-{last:.2f}" for first, last in _unseen(times, seen, end)),
        note=f"{lost} notes lie after the end of the video" if lost else "",
    )
    if entry.end <= entry.start:
        raise FileError(
            f"{take.labels} has no note within the {end:.1f} s of {take.video.name}; are they of one piece?"
        )
    write_midi(known, entry.midi)
    made = {"made_of": _made_of(take), "entry": entry.as_row(), "unseen": entry.suspect}
    label_roll(known, np.array(times), {"source": take.source, **made}).save(entry.roll)
    return entry


def _entry(take: Take, folder: Path) -> Entry:
    """What is known before the video was read."""
    return Entry(
        clip=take.clip,
        split=take.split,
        start=0.0,
        end=0.0,
        ends=take.ends,
        source=take.source,
        rights=take.rights,
        player=take.player,
        piano=take.piano,
        labels=take.kind,
        folder=folder,
    )


def _keyboard_of(take: Take) -> tuple[list[View], Keyboard]:
    """The views to follow (none where the keyboard stays where it is), and the keyboard of the first."""
    if take.video.is_dir():
        height, width = _picture(_pictures(take.video)[0]).shape
        return [], take.keyboard or Keyboard(np.array([[0, 0], [width, 0], [width, height], [0, height]]))
    clip = Clip(take.clip, take.video, None, 0.0, 0.0, take.split, take.keyboard, take.ends == "key")
    found = find_keyboards([clip])
    if not found or found[0].keyboard is None:
        raise KeyboardError(f"No keyboard was found in {take.video.name}; give its corners in a manifest.")
    keyboard = found[0].keyboard
    if take.crop is not None and not _inside(keyboard, take.crop):
        raise KeyboardError(f"The keyboard found in {take.video.name} lies outside the crop that its data set gives.")
    return list(found[0].views), keyboard


def _inside(keyboard: Keyboard, box: tuple[float, float, float, float]) -> bool:
    """Whether the middle of the keys lies in a box (left, top, right, bottom)."""
    x, y = keyboard.corners.mean(axis=0)
    return box[0] <= x <= box[2] and box[1] <= y <= box[3]


def _strips(take: Take, keyboard: list[View] | Keyboard, times: list[float], seen: list[bool]) -> Iterator[np.ndarray]:
    """The strips of a take as they come; notes their times, and in which frames the keyboard was seen. Where it is not,
    the last strip is repeated."""
    frames = _picture_frames(take.video) if take.video.is_dir() else read_frames(take.video, colour=False)
    last: np.ndarray | None = None
    for sight in watch(frames, keyboard):
        times.append(sight.time)
        seen.append(sight.strip is not None)
        if sight.strip is not None:
            if last is None:
                yield from (sight.strip for _ in times[:-1])
            last = sight.strip
        if last is not None:
            yield last
    if last is None:
        raise KeyboardError(f"No keyboard was seen in {take.video.name}; give its corners in a manifest.")


def _pictures(folder: Path) -> list[Path]:
    """Audeo's pictures, by their numbers. Raises FileError."""
    numbered = {int(found.group()): path for path in folder.glob("*.jpg") if (found := re.search(r"\d+", path.stem))}
    if not numbered:
        raise FileError(f"{folder} holds no pictures frameN.jpg.")
    return [numbered[number] for number in sorted(numbered)]


def _picture(path: Path) -> np.ndarray:
    image = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if image is None:
        raise FileError(f"{path} is no picture; get the data set again.")
    return image


def _picture_frames(folder: Path) -> Iterator[Frame]:
    for path in _pictures(folder):
        found = re.search(r"\d+", path.stem)
        assert found is not None
        yield Frame(int(found.group()) / AUDEO_RATE, _picture(path))


def _within(notes: Sequence[Note], end: float) -> tuple[list[Note], int]:
    """Notes that begin in the video, cut at its ``end``, and how many do not."""
    known = [replace(note, offset=min(note.offset, end)) for note in notes if 0 <= note.onset < end - 0.01]
    return known, len(notes) - len(known)


def _unseen(times: Sequence[float], seen: Sequence[bool], end: float) -> list[tuple[float, float]]:
    """Spans of UNSEEN seconds and more in which no keyboard was seen."""
    spans: list[tuple[float, float]] = []
    begin: float | None = None
    for moment, visible in zip([*times, end], [*seen, True], strict=True):
        if visible and begin is not None:
            if moment - begin >= UNSEEN:
                spans.append((begin, moment))
            begin = None
        elif not visible and begin is None:
            begin = moment
    return spans
