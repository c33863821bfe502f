"""Every video of a folder, one after the other: a broken one is noted and passed over, a finished one is not redone."""

import logging
import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

from app import pipeline
from app.options import OUTPUTS, check_falling_notes, check_fingering, check_pedal
from app.report import Progress, Report, as_settings, load_report
from pianoroll import FileError, SilentkeysError
from pianoroll.files import check_folder
from video2roll.video import VIDEO_SUFFIXES

_log = logging.getLogger("silentkeys")


@dataclass(frozen=True)
class Item:
    """What became of one video.

    ``outcome``: done, skipped (finished before), incomplete or failed; in the last two, ``reason`` says why.
    """

    video: Path
    outcome: str
    notes: int = 0
    seconds: float = 0.0
    reason: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        found = {"video": str(self.video), "outcome": self.outcome, "notes": self.notes}
        return {**found, "seconds": round(self.seconds, 3), "reason": self.reason}


def run_batch(
    folder: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    model: str | None = None,
    note_model: str | None = None,
    instrument: int | str = 0,
    soundfont: str | os.PathLike[str] | None = None,
    outputs: Sequence[str] = OUTPUTS,
    fingering: str = "auto",
    pedal: str = "none",
    falling_notes: str = "auto",
    force: bool = False,
    progress: Progress | None = None,
) -> list[Item]:
    """Transcribe the videos of ``folder`` into ``out``; the report (.json) is always written, as it marks the finished.

    Raises FileError where the folder does not exist or holds no video, or ``out`` cannot be written, OptionError, and
    DecodeError where there is no such ``note_model``.
    """
    check_fingering(fingering)
    check_pedal(pedal)
    check_falling_notes(falling_notes)
    pipeline.check_note_model(note_model)
    videos = find_videos(folder)
    target = check_folder(out)
    wanted = tuple(dict.fromkeys([*outputs, "json"]))
    names = _names(videos)
    made_with: dict[str, Any] = {"model": model, "note_model": note_model, "instrument": instrument}
    made_with |= {"soundfont": soundfont, "fingering": fingering, "pedal": pedal, "falling_notes": falling_notes}
    items = []
    for number, video in enumerate(videos, start=1):
        before = None if force else _finished(target / f"{names[video]}.json", video, wanted, as_settings(**made_with))
        if before is not None:
            items.append(Item(video, "skipped", notes=before))
            continue

        def tell(stage: str, fraction: float | None, label: str = f"{number}/{len(videos)} {video.name}") -> None:
            if progress is not None:
                progress(f"{label}: {stage}", fraction)

        def work(video: Path = video, tell: Progress = tell) -> Report:
            return pipeline.transcribe(video, target, **made_with, outputs=wanted, name=names[video], progress=tell)

        items.append(_try(video, work))
    return items


def _try(video: Path, work: Callable[[], Report]) -> Item:
    """Do one video; whatever goes wrong, the next one has its turn."""
    began = perf_counter()
    try:
        report = work()
    except Exception as error:
        _log.debug("%s failed", video, exc_info=True)
        reason = str(error) if isinstance(error, SilentkeysError) else f"{type(error).__name__}: {error}"
        return Item(video, "failed", seconds=perf_counter() - began, reason=reason)
    missing = "; ".join(f"{output}: {why}" for output, why in report.missing.items())
    return Item(video, "incomplete" if missing else "done", report.notes, perf_counter() - began, missing or None)


def find_videos(folder: str | os.PathLike[str]) -> list[Path]:
    """The videos directly in a folder, by name. Raises FileError where there is none."""
    path = Path(folder)
    if not path.is_dir():
        raise FileError(f"{path} is no folder; give one that holds videos, or use “silentkeys transcribe” for a file.")
    videos = sorted(p for p in path.iterdir() if p.suffix.lower() in VIDEO_SUFFIXES and p.is_file())
    if not videos:
        raise FileError(f"{path} holds no video ({', '.join(sorted(VIDEO_SUFFIXES))}).")
    return videos


def _names(videos: list[Path]) -> dict[Path, str]:
    """Name of each video's outputs: its own, with the ending where two differ only in that."""
    stems = Counter(video.stem.lower() for video in videos)
    return {video: video.stem if stems[video.stem.lower()] == 1 else video.name for video in videos}


def _finished(path: Path, video: Path, wanted: Sequence[str], settings: dict[str, str]) -> int | None:
    """Notes found, if the report says that this video was done so, with all wanted outputs; else None."""
    report = load_report(path)
    if report is None or report.get("source") != str(video) or report.get("missing"):
        return None
    if report.get("settings") != settings:
        return None
    made = report.get("files", {})
    if not all(output in made and Path(made[output]).exists() for output in wanted):
        return None
    return int(report.get("notes", 0))
