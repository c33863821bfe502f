"""What the web page shows of a transcription: facts, sound, picture, score and notes, and everything to download."""

import re
import shutil
import zipfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from app import pipeline
from app.intake import as_text
from app.report import Progress, Report
from pianoroll import FileError
from pianoroll.files import write_beside

SHOWN = ("mid", "csv", "png", "svg", "wav")  # outputs that a change of settings makes at once
_NOTES = frozenset(("threshold", "split", "transpose"))
RESTS_ON = {  # settings by which an output changes
    "mid": _NOTES | {"instrument", "tempo", "metre"},
    "csv": _NOTES,
    "png": _NOTES | {"tempo", "metre"},
    "svg": _NOTES | {"tempo", "metre", "key", "title", "composer", "fingering"},
    "wav": (_NOTES - {"split"}) | {"instrument"},
}
OFFERED = ("mid", "pdf", "musicxml", "html", "wav", "mp3", "csv", "png", "roll-svg", "quantised", "npz", "json")
"""Outputs that are made when they are asked for, as the others take too long to wait for at each change."""
STORED = "video"  # what results are called on the disk, whatever the video's name
MIME = {
    ".npz": "application/octet-stream",
    ".mid": "audio/midi",
    ".csv": "text/csv",
    ".musicxml": "application/vnd.recordare.musicxml+xml",
    ".pdf": "application/pdf",
    ".wav": "audio/wav",
    ".mp3": "audio/mpeg",
    ".png": "image/png",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".html": "text/html",
    ".mp4": "video/mp4",
    ".zip": "application/zip",
}


@dataclass
class Result:
    """What is made of a reading: ``settings`` are those of ``pipeline.write_results``, ``title`` is the video's,
    ``folder`` where the files lie."""

    reading: pipeline.Reading
    report: Report
    title: str
    folder: Path
    settings: dict[str, Any]

    def file(self, output: str) -> Path:
        """The file of an output, made the first time that it is wanted. Raises FileError where it cannot be made."""
        path = self.folder / pipeline.file_name(STORED, output)
        if path.exists():
            return path
        if output == "json":
            self._named().save(path)  # what is on the page, and not what making one more file was
        else:
            made = write(self.reading, self.folder, self.title, self.settings, (output,))
            if output in made.missing:
                raise FileError(f"{output} could not be made: {made.missing[output]}")
        return path

    def _named(self) -> Report:
        """The report, with the files by the names under which they are downloaded."""
        files = {output: _download_name(Path(path), self.title) for output, path in self.report.files.items()}
        return replace(self.report, files=files, pages=[_download_name(Path(p), self.title) for p in self.report.pages])

    def changed(self, folder: Path, settings: dict[str, Any], progress: Progress | None = None) -> "Result":
        """What is shown by other settings, in another folder: what rests on none that changed is moved there."""
        new = {name for name, value in settings.items() if value != self.settings.get(name)}
        same = [output for output in SHOWN if output in self.report.files and not new & RESTS_ON[output]]
        anew = [output for output in SHOWN if output not in same]
        report = write(self.reading, folder, self.title, settings, anew, progress)
        for output in same:
            report.files[output] = str(shutil.move(self.report.files[output], folder))
        if "svg" in same:
            report.pages = [report.files["svg"], *(str(shutil.move(page, folder)) for page in self.report.pages[1:])]
            report.score = self.report.score
            report.warnings = list(dict.fromkeys([*self.report.warnings, *report.warnings]))
        return Result(self.reading, report, self.title, folder, settings)

    def add_video(self, progress: Progress | None = None) -> None:
        """Draw the result video."""
        made = write(self.reading, self.folder, self.title, self.settings, ("video",), progress)
        self.report.files |= made.files
        self.report.missing |= made.missing


def write(
    reading: pipeline.Reading,
    folder: Path,
    title: str,
    settings: dict[str, Any],
    outputs: Sequence[str],
    progress: Progress | None = None,
) -> Report:
    """Write outputs under a name that says nothing, which calls the video by its title within."""
    called = title + reading.info.path.suffix
    return pipeline.write_results(
        reading, folder, **settings, outputs=tuple(outputs), name=STORED, called=called, progress=progress
    )


def show_result(result: Result, draw_video: Callable[[], None]) -> None:
    """Show all of it. ``draw_video``: makes the result video, which is offered where there is none yet."""
    report = result.report
    st.subheader(as_text(result.title))
    for warning in report.warnings:
        st.warning(as_text(warning))
    for output, why in report.missing.items():
        st.error(as_text(f"{output} could not be made: {why.replace(f'{result.folder}/', '')}"))
    _show_facts(report)
    if "video" in report.files:
        st.video(report.files["video"])
    elif "wav" in report.files:
        st.audio(report.files["wav"])
    if "video" not in report.files and "video" not in report.missing:
        st.button("Draw the video with these settings", on_click=draw_video, icon=":material/movie:")
    if "png" in report.files:
        st.image(report.files["png"], width="stretch")
    score, table, files = st.tabs(["Score", "Notes", "Downloads"])
    with score:
        _show_score(report)
    with table:
        if "csv" in report.files:
            notes = pd.read_csv(report.files["csv"], dtype={"finger": str}, na_filter=False)  # unknown: empty
            st.dataframe(notes, hide_index=True, width="stretch")
    with files:
        _show_downloads(result)


def _show_facts(report: Report) -> None:
    notes, keyboard, confidence, speed = st.columns(4)
    notes.metric("Notes", report.notes)
    low, high = report.keyboard.get("lowest_pitch"), report.keyboard.get("highest_pitch")
    if low is not None and high is not None:
        keyboard.metric("Keys in view", high - low + 1)
    if report.keyboard.get("given"):
        confidence.metric("Keyboard corners", "set by hand")
    else:
        confidence.metric("Keyboard confidence", f"{report.keyboard.get('confidence', 0.0):.2f}")
    speed.metric("Seconds of video per second", f"{report.speed:.1f}")


def _show_score(report: Report) -> None:
    """All pages as pictures, with what was found of tempo, metre and key."""
    if not report.pages:
        st.info("There is no score.")
        return
    found = report.score
    facts = f"{found['key']}, {found['metre']}, {found['tempo']:.0f} a minute, {found['measures']} bars"
    st.caption(f"{facts}; what you did not give is estimated.")
    for page in report.pages:
        st.image(on_paper(Path(page).read_text(encoding="utf-8")), width=900)


def on_paper(svg: str) -> str:
    """A page of the score on white: it is black on nothing, and the web page may be dark."""
    return re.sub(r"(<svg\b[^>]*>)", r'\1<rect width="100%" height="100%" fill="#fff"/>', svg, count=1)


# ---- downloads -------------------------------------------------------------------------------------------------------


def _show_downloads(result: Result) -> None:
    """Everything as one file, then each for itself; both are made when they are asked for."""
    _offer("Everything as one zip", f"{result.title}.zip", partial(write_zip, result), type="primary")
    with st.container(horizontal=True):
        for output in OFFERED:
            name = pipeline.file_name(result.title, output)
            _offer(as_text(name), name, partial(result.file, output))
        for path in _made(result.report):
            name = _download_name(path, result.title)
            _offer(as_text(name), name, partial(Path, path))


def _offer(label: str, name: str, make: Callable[[], Path], **how: Any) -> None:
    """A button that gives the file that ``make`` names, read when it is pressed."""
    mime = MIME.get(Path(name).suffix, "application/octet-stream")
    st.download_button(label, lambda: make().read_bytes(), name, mime, key=f"get {name}", on_click="ignore", **how)


def write_zip(result: Result) -> Path:
    """All files of a result, by the video's name, in one; what cannot be made is left out."""
    paths = _made(result.report)
    for output in OFFERED:
        with suppress(FileError):
            paths.append(result.file(output))
    target = result.folder / f"{STORED}.zip"
    with (
        write_beside(target) as temporary,
        zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file,
    ):
        for path in paths:
            file.write(path, _download_name(path, result.title))
    return target


def _download_name(path: Path, title: str) -> str:
    """What a result is called to who downloads it."""
    return title + path.name.removeprefix(STORED)


def _made(report: Report) -> list[Path]:
    """The pages of the score as pictures, and the result video where there is one."""
    return [Path(path) for path in (*report.pages, *(report.files[o] for o in ("video",) if o in report.files))]
