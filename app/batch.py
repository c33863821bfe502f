"""Many videos, each done once, however often the run is stopped or a worker dies; what came of each stands in tables.

The results' folder holds, beside the results, ``summary.csv``: a row a video, added as each is finished, by which the
next run knows what is done; ``failures.csv``: those that could not be done, with a sentence; ``summary.json``: the
summary for programs. A video is done where its content, the settings and the version are the same and all files that
are wanted exist; one that was moved or renamed stays done, under its old name.
"""

import hashlib
import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

from app import pipeline
from app.folder_lock import only_one
from app.options import OUTPUTS, check_falling_notes, check_fingering, check_pedal, check_transpose
from app.report import as_settings, load_report, own_version
from app.sources import Sources, Word, find_videos, result_names
from dataset_tools.ledger import Ledger
from dataset_tools.work import At, Outcome, do_all, tell_stage
from pianoroll import FileError
from pianoroll.files import check_folder, write_beside

COLUMNS = (
    *("video", "outcome", "notes", "keyboard_confidence", "notes_confidence", "seconds", "warnings", "reason"),
    *("results", "bytes", "modified", "sha256", "made_with"),
)
READING = 0.8  # part of a video's time in which its frames are read
_BETWEEN = " | "  # warnings in the table

Tell = Callable[[int, int, float], None]  # (videos finished, videos in all, part of the work that is done, 0..1)
Watch = Callable[[int, str | None, str, float | None], None]
"""Told a worker's place, its video, the stage and the part of that which is done; no stage where it has ended."""


@dataclass(frozen=True)
class Item:
    """What became of one video.

    ``outcome``: done, skipped (finished before), incomplete or failed; in the last two, ``reason`` says why.
    ``confidence``: of keyboard and notes, 0..1, as the report has it; ``seconds`` of work; ``results``: path of its
    files without their ending, below the results' folder.
    """

    video: Path
    outcome: str
    notes: int = 0
    confidence: dict[str, float | None] = field(default_factory=dict)
    seconds: float = 0.0
    warnings: tuple[str, ...] = ()
    reason: str | None = None
    results: str = ""

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        found = {"video": _text(self.video), "outcome": self.outcome, "notes": self.notes}
        found |= {"confidence": self.confidence, "seconds": round(self.seconds, 3), "warnings": list(self.warnings)}
        return {**found, "reason": self.reason, "results": self.results}


@dataclass(frozen=True)
class Order:
    """A video, the folder and the name of its results, and the options of ``pipeline.transcribe``."""

    video: Path
    folder: Path
    name: str
    options: dict[str, Any]


@dataclass(frozen=True)
class Made:
    """What a worker tells of a video that it has done, and of the file that it was."""

    notes: int
    confidence: dict[str, float | None]
    seconds: float
    warnings: tuple[str, ...]
    missing: str
    content: dict[str, str]


def run_batch(
    sources: Word | Sequence[Word],
    out: Word,
    *,
    listed: Word | None = None,
    model: str | None = None,
    note_model: str | None = None,
    threshold: float | None = None,
    split: int | None = None,
    transpose: int = 0,
    instrument: int | str = 0,
    soundfont: Word | None = None,
    outputs: Sequence[str] = OUTPUTS,
    fingering: str = "auto",
    pedal: str = "none",
    falling_notes: str = "auto",
    force: bool = False,
    jobs: int | None = None,
    ray: str | None = None,
    tell: Tell | None = None,
    watch: Watch | None = None,
) -> list[Item]:
    """Transcribe videos into ``out``, in whose folders they lie as in their own; gives what became of each.

    ``sources``, ``listed``: see ``find_videos``. The report (.json) is always written, as it marks the finished.
    ``force``: do all again. ``jobs``, ``ray``: see ``work.do_all``; on Ray the machines must see the videos and ``out``
    under the same paths. ``tell`` and ``watch`` hear how it goes. Stopped by Ctrl-C, all that is finished stays.

    Raises FileError where there is no video or ``out`` cannot be written or its tables are not ours, BusyError (one of
    them) where another batch writes into ``out``; OptionError,
    SynthError, ModelError and DecodeError where a setting is wrong; WorkError where no worker can be had.
    """
    options: dict[str, Any] = {"model": _absolute(model), "note_model": _absolute(note_model)}
    options |= {"instrument": instrument, "soundfont": _absolute(soundfont), "threshold": threshold, "split": split}
    options |= {"fingering": fingering, "pedal": pedal, "falling_notes": falling_notes}
    options |= {"transpose": transpose} if transpose else {}  # what was made before it could be asked for stays done
    _check(options)
    wanted = tuple(dict.fromkeys([*outputs, "json"]))
    found = find_videos(sources, listed=listed, out=out)
    folder = check_folder(os.path.abspath(out))
    with only_one(folder):
        results = _Results(folder, wanted, _digest(options))
        own = results.own_videos()
        found.videos = [video for video in found.videos if video not in own]
        items = results.begin(found, force)
        due = [video for video in found.videos if video not in items]
        orders = [results.order(video, {**options, "outputs": wanted}) for video in due]
        course = _Course(orders, tell, watch)
        try:
            with closing(do_all(transcribe_one, orders, jobs=jobs, ray=ray, watch=course.watch)) as outcomes:
                for outcome in outcomes:
                    item = items[outcome.item.video] = results.add(outcome)
                    course.finished(item)
        finally:
            results.close()
    return [items[video] for video in [*found.videos, *found.unread]]


def transcribe_one(order: Order) -> Made:
    """A worker's task: one video, whose content is noted first."""
    began = perf_counter()
    content = _content(order.video)
    report = pipeline.transcribe(order.video, order.folder, name=order.name, progress=tell_stage, **order.options)
    missing = "; ".join(f"{output}: {why}" for output, why in report.missing.items())
    warnings = tuple(report.warnings)
    return Made(report.notes, report.confidence, perf_counter() - began, warnings, missing, content)


class _Results:
    """The results' folder: what was done before, what came of each video, and the tables that say so."""

    def __init__(self, folder: Path, wanted: Sequence[str], made_with: str) -> None:
        self.folder, self.wanted, self.made_with = folder, wanted, made_with
        self.summary = Ledger(folder / "summary.csv", COLUMNS)
        self.failures = Ledger(folder / "failures.csv", ("video", "reason"))
        self.names: dict[Path, str] = {}
        self.due: set[str] = set()  # videos of which what is known is to be forgotten

    def own_videos(self) -> set[Path]:
        """The result videos that were written here, which are not to be read in their turn."""
        return {self.folder / f"{row['results']}.result.mp4" for row in self.summary.rows.values() if row["results"]}

    def begin(self, found: Sources, force: bool) -> dict[Path, Item]:
        """Settle which videos need not be done; what is known of the others stays until the first of them is done."""
        rows = self.summary.rows
        self.names = result_names(found, {Path(key): row["results"] for key, row in rows.items()})
        gone = {key: row for key, row in rows.items() if not os.path.lexists(key)}
        renewed: dict[str, dict[str, str]] = {}  # rows of videos that were moved or touched, by what they stood under
        items = {}
        for video in [] if force else found.videos:
            row = rows.get(_text(video))
            old = _text(video) if row is not None else self._moved(video, gone)
            now = None if old is None or not self._complete(rows[old]) else _still(video, rows[old])
            if old is None or now is None:
                continue
            gone.pop(old, None)
            if now != rows[old]:
                renewed[old] = now
            items[video] = _item(video, now)
        items |= {folder: Item(folder, "failed", reason=reason) for folder, reason in found.unread.items()}
        self.due = {_text(video) for video in found.videos if video not in items}
        lost = [key for key, row in gone.items() if row["outcome"] == "failed"]
        self.summary.remove(*renewed, *lost)
        for row in renewed.values():
            self.summary.add(row)
        self.failures.remove(*[key for key in self.failures.rows if not os.path.lexists(key)])
        for folder, reason in found.unread.items():
            self.failures.add({"video": _text(folder), "reason": reason})
        return items

    def order(self, video: Path, options: dict[str, Any]) -> Order:
        place = self.folder / self.names[video]
        return Order(video, place.parent, place.name, options)

    def add(self, outcome: Outcome[Order, Made]) -> Item:
        """Note what came of a video, at once."""
        if self.due:  # all at once, as each change of a row writes the table anew
            self.summary.remove(*self.due)
            self.failures.remove(*self.due)
            self.due = set()
        video, made = outcome.item.video, outcome.result
        name, reason = self.names[video], outcome.failure
        if made is not None and not made.missing and self._files(name) is None:
            reason = f"Its results are not in {self.folder}; the folder must be one that all machines share."
        if made is None or reason is not None:
            item = Item(video, "failed", reason=reason, results=name)
        else:
            told = (made.notes, made.confidence, made.seconds, made.warnings, made.missing or None)
            item = Item(video, "incomplete" if made.missing else "done", *told, results=name)
        content = made.content if made is not None else {}
        self.summary.add({**_row(item), **content, "made_with": self.made_with})
        if item.reason is not None:
            self.failures.add({"video": _text(video), "reason": item.reason})
        return item

    def close(self) -> None:
        """Write the summary for programs; an empty table of failures is taken away."""
        if not self.failures.rows:
            self.failures.path.unlink(missing_ok=True)
        rows = self.summary.rows.values()
        videos = [_item(Path(row["video"]), row, row["outcome"]).as_dict() for row in rows]
        counts = Counter(row["outcome"] for row in rows)
        with write_beside(self.folder / "summary.json") as path:
            data = {"version": own_version(), "counts": counts, "videos": videos}
            path.write_text(json.dumps(data, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")

    def _moved(self, video: Path, gone: Mapping[str, dict[str, str]]) -> str | None:
        """Where a video was when it was done, if it was."""
        size = str(_size(video))
        like = [key for key, row in gone.items() if row["bytes"] == size and self._complete(row)]
        return next((key for key in like if _still(video, gone[key]) is not None), None)

    def _complete(self, row: Mapping[str, str]) -> bool:
        """Whether a row says that its video was done so, and all files that are wanted are there."""
        if row["outcome"] != "done" or row["made_with"] != self.made_with:
            return False
        files = self._files(row["results"])
        return files is not None and all(output in files and files[output].exists() for output in self.wanted)

    def _files(self, name: str) -> dict[str, Path] | None:
        """The files that a report names, which may have been moved together with it."""
        place = self.folder / name
        report = load_report(place.with_name(f"{place.name}.json"))
        if report is None:
            return None
        return {output: place.with_name(Path(path).name) for output, path in report.get("files", {}).items()}


class _Course:
    """How far all of it is, by the size of the files: what is finished, and what the workers say of the rest. Those
    that fail, which most do at once, count as if they had not been there."""

    def __init__(self, orders: Sequence[Order], tell: Tell | None, watch: Watch | None) -> None:
        self.sizes = {order.video: max(1, _size(order.video)) for order in orders}
        self.parts: dict[Path, float] = {}
        self.count, self.all = 0, len(orders)
        self._tell, self._watch = tell, watch
        self._say()

    def watch(self, at: At[Order]) -> None:
        video = at.item.video if at.item is not None else None
        if self._watch is not None:
            self._watch(at.worker, None if video is None else _text(video.name), at.stage, at.fraction)
        if video is not None and at.stage == "read":
            self.parts[video] = READING * (at.fraction or 0.0)
            self._say()

    def finished(self, item: Item) -> None:
        self.parts[item.video] = 1.0
        if item.outcome == "failed":
            del self.parts[item.video], self.sizes[item.video]
        self.count += 1
        self._say()

    def _say(self) -> None:
        if self._tell is not None:
            done = sum(self.sizes[video] * part for video, part in self.parts.items())
            whole = sum(self.sizes.values())
            self._tell(self.count, self.all, done / whole if whole else float(self.count == self.all))


def _check(options: Mapping[str, Any]) -> None:
    """Raise before any work what would fail every video."""
    check_fingering(options["fingering"])
    check_pedal(options["pedal"])
    check_falling_notes(options["falling_notes"])
    check_transpose(options.get("transpose", 0))
    pipeline.check_sound(options["instrument"], options["soundfont"])
    pipeline.check_model(options["model"])
    if (options["note_model"], options["threshold"]) != (None, None):  # else PyTorch is left to the workers
        pipeline.check_note_model(options["note_model"], options["threshold"])


def _absolute(name: Word | None) -> str | None:
    """A file by its absolute path, as workers may have other working folders; names that are no files as they are."""
    return name if name is None else os.path.abspath(name) if os.path.isfile(name) else str(name)


def _digest(options: Mapping[str, Any]) -> str:
    """What results were made with: the settings, files by their content, and the version."""
    plain = as_settings(**options)
    files = {name: _content(Path(value))["sha256"] for name, value in plain.items() if os.path.isfile(value)}
    return hashlib.sha256(json.dumps([own_version(), {**plain, **files}], sort_keys=True).encode()).hexdigest()[:16]


def _content(path: Path) -> dict[str, str]:
    """Size, age and hash of a file, as the table has them. Raises FileError."""
    try:
        with open(path, "rb") as file:
            found = os.fstat(file.fileno())
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise FileError(f"{path} cannot be read: {error.strerror}.") from error
    return {"bytes": str(found.st_size), "modified": str(found.st_mtime_ns), "sha256": sha256}


def _still(video: Path, row: dict[str, str]) -> dict[str, str] | None:
    """The row of a file that holds what the row says: by name, size and age, or by its content where it was moved or
    touched since; None where it does not."""
    try:
        found = video.stat()
        if str(found.st_size) != row["bytes"]:
            return None
        if (_text(video), str(found.st_mtime_ns)) == (row["video"], row["modified"]):
            return row
        content = _content(video)
    except (OSError, FileError):  # a worker will tell
        return None
    return {**row, **content, "video": _text(video)} if content["sha256"] == row["sha256"] else None


def _size(video: Path) -> int:
    try:
        return video.stat().st_size
    except OSError:
        return 0


def _text(path: Word) -> str:
    """A path as it can be written anywhere, also where its bytes are no text."""
    return os.fspath(path).encode(errors="backslashreplace").decode()


def _row(item: Item) -> dict[str, object]:
    """An item as the table has it."""
    sure = {f"{what}_confidence": value for what, value in item.confidence.items() if value is not None}
    row = {"video": _text(item.video), "outcome": item.outcome, "notes": item.notes, "reason": item.reason or ""}
    return {
        **row,
        **sure,
        "seconds": f"{item.seconds:.2f}",
        "warnings": _BETWEEN.join(item.warnings),
        "results": _text(item.results),
    }


def _item(video: Path, row: Mapping[str, str], outcome: str = "skipped") -> Item:
    """What the table says of a video."""
    sure = {what: float(row[f"{what}_confidence"] or "nan") for what in ("keyboard", "notes")}
    return Item(
        video,
        outcome,
        notes=int(row["notes"] or 0),
        confidence={what: value if value == value else None for what, value in sure.items()},
        seconds=float(row["seconds"] or 0),
        warnings=tuple(filter(None, row["warnings"].split(_BETWEEN))),
        reason=row["reason"] or None,
        results=row["results"],
    )


def failed(items: Iterable[Item]) -> list[Item]:
    """Those that could not be done, or not wholly."""
    return [item for item in items if item.reason is not None]
