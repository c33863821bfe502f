"""What the page has done in child processes: what decodes a visitor's video, or fetches it by yt-dlp. Plain values in
and out.

A reading comes back as two files in the visitor's folder, which hold numbers and words alone.
"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from app import filmstrip, pipeline, scene, sites, words
from app.intake import check_video
from app.report import Progress
from pianoroll import FileError, PianoRoll
from pianoroll.files import write_beside
from video2roll.video import VideoInfo

ROLL, FACTS = "reading.npz", "reading.json"


def look(video: str, start: float, end: float | None, *, progress: Progress) -> dict[str, Any]:
    """``scene.look`` as plain values. Raises VideoError."""
    return scene.look(Path(video), start=start, end=end).as_dict()


def film_strip(video: str, *, progress: Progress) -> dict[str, Any]:
    """``filmstrip.film_strip`` as plain values. Raises VideoError."""
    return filmstrip.film_strip(video).as_dict()


def check(video: str, title: str, *, progress: Progress) -> None:
    """``check_video``: is it a video that the page takes? Raises IntakeError and VideoError."""
    check_video(video, title)


def fetch(url: str, folder: str, *, progress: Progress) -> dict[str, str]:
    """``sites.fetch``: name and title of the video of a page. Raises LinkError and IntakeError."""
    return sites.fetch(url, folder, progress=progress)


def read(video: str, folder: str, how: dict[str, Any], *, progress: Progress) -> None:
    """``pipeline.read_video`` into a folder, see ``load_reading``. Raises as it does."""
    reading = pipeline.read_video(video, **how, progress=progress)
    facts = {
        "info": {**asdict(reading.info), "path": str(reading.info.path)},
        "start": reading.start,
        "end": reading.end,
        "keyboard": scene.keyboard_as_dict(reading.keyboard),
        "given": reading.given,
        "warnings": reading.warnings,
        "settings": reading.settings,
        "timings": reading.timings,
    }
    reading.roll.save(Path(folder) / ROLL)
    with write_beside(Path(folder) / FACTS) as temporary:
        temporary.write_text(json.dumps(facts), encoding="utf-8")


def load_reading(folder: Path) -> pipeline.Reading:
    """What ``read`` left in a folder. Raises FileError where there is none."""
    roll = PianoRoll.load(folder / ROLL)
    try:
        facts = json.loads((folder / FACTS).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise FileError(words.READING_GONE.format(error=error)) from error
    info = VideoInfo(**{**facts["info"], "path": Path(facts["info"]["path"])})
    keyboard = scene.keyboard_from_dict(facts["keyboard"])
    return pipeline.Reading(**{**facts, "info": info, "keyboard": keyboard}, roll=roll)


def remove_reading(folder: Path) -> None:
    """Remove what ``read`` left."""
    for name in (ROLL, FACTS):
        (folder / name).unlink(missing_ok=True)


def draw(reading: pipeline.Reading, folder: str, how: dict[str, Any], *, progress: Progress) -> dict[str, Any]:
    """The result video, as ``pipeline.write_results`` makes it: its file or why it is missing."""
    report = pipeline.write_results(reading, folder, **how, outputs=("video",), progress=progress)
    return {"files": report.files, "missing": report.missing}
