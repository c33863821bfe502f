"""What the web page shows of a transcription: facts, sound, picture, score and notes, and everything to download."""

import re
import shutil
import zipfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import pandas as pd
import streamlit as st

from app import pipeline, words
from app.edits import NO_EDITS, EditError, Edits, read_edits
from app.intake import as_text
from app.report import Progress, Report
from app.roll_editor import Piece, roll_editor
from pianoroll import FileError
from pianoroll.files import write_beside
from pianoroll.midi import read_beats

SHOWN = ("mid", "csv", "svg", "wav")  # outputs that a change of settings makes at once
_NOTES = frozenset(("threshold", "split", "transpose", "edits"))
RESTS_ON = {  # settings by which an output changes
    "mid": _NOTES | {"instrument", "tempo", "metre"},
    "csv": _NOTES,
    "svg": _NOTES | {"tempo", "metre", "key", "title", "composer", "fingering"},
    "wav": (_NOTES - {"split"}) | {"instrument"},
}
OFFERED = ("mid", "pdf", "musicxml", "html", "wav", "mp3", "csv", "png", "roll-svg", "quantised", "npz", "json")
"""Outputs that are made when they are asked for, as the others take too long to wait for at each change."""
STORED = "video"  # what results are called on the disk, whatever the video's name
OLDER = "older.mp4"  # the result video drawn with other settings
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
    ``folder`` where the files lie, ``picture`` one of the video (JPEG as a data address). ``mark`` tells this reading
    from all others, whatever is made of it; ``older_video`` was drawn with other settings, and is shown as long as
    there is none with these."""

    reading: pipeline.Reading
    report: Report
    title: str
    folder: Path
    settings: dict[str, Any]
    picture: str
    mark: str = field(default_factory=lambda: uuid4().hex)
    older_video: Path | None = None

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
                raise FileError(words.NOT_MADE.format(output=output, why=made.missing[output]))
        return path

    def _named(self) -> Report:
        """The report, with the files by the names under which they are downloaded."""
        files = {output: _download_name(Path(path), self.title) for output, path in self.report.files.items()}
        return replace(self.report, files=files, pages=[_download_name(Path(p), self.title) for p in self.report.pages])

    def changed(self, folder: Path, settings: dict[str, Any], progress: Progress | None = None) -> "Result":
        """What is shown by other settings, in another folder: what rests on none that changed is moved there."""
        new = {name for name in {*settings, *self.settings} if settings.get(name) != self.settings.get(name)}
        same = [output for output in SHOWN if output in self.report.files and not new & RESTS_ON[output]]
        anew = [output for output in SHOWN if output not in same]
        report = write(self.reading, folder, self.title, settings, anew, progress)
        for output in same:
            report.files[output] = str(shutil.move(self.report.files[output], folder))
        if "svg" in same:
            report.pages = [report.files["svg"], *(str(shutil.move(page, folder)) for page in self.report.pages[1:])]
            report.score = self.report.score
            report.warnings = list(dict.fromkeys([*self.report.warnings, *report.warnings]))
        video = self.report.files.get("video", self.older_video)
        older = None if video is None else Path(shutil.move(video, folder / OLDER))
        return Result(self.reading, report, self.title, folder, settings, self.picture, self.mark, older)

    @cached_property
    def piece(self) -> Piece:
        """What the piano roll shows."""
        how = self.settings.get
        notes, _ = self.reading.played(how("note_model"), False, how("threshold"), how("split"))
        beats, bars = read_beats(self.report.files["mid"])
        roll = self.reading.roll
        start = float(roll.times[0]) if len(roll) else 0.0
        return Piece(self.mark, notes, how("transpose") or 0, start, roll.end, beats, bars)

    def how(self) -> dict[str, Any]:
        """What ``pipeline.write_results`` must be told to make one more output of it."""
        return how_to_write(self.reading, self.title, self.settings)

    def add_video(self, made: dict[str, Any]) -> None:
        """Take the result video, or why it is missing: ``apart.draw`` made it."""
        self.report.files |= made["files"]
        self.report.missing |= made["missing"]


def how_to_write(reading: pipeline.Reading, title: str, settings: dict[str, Any]) -> dict[str, Any]:
    """Results go under a name that says nothing, and call the video by its title within."""
    return {**settings, "name": STORED, "called": title + reading.info.path.suffix}


def write(
    reading: pipeline.Reading,
    folder: Path,
    title: str,
    settings: dict[str, Any],
    outputs: Sequence[str],
    progress: Progress | None = None,
) -> Report:
    """Write outputs of a reading into a folder."""
    how = how_to_write(reading, title, settings)
    return pipeline.write_results(reading, folder, **how, outputs=tuple(outputs), progress=progress)


def show_result(result: Result, draw_video: Callable[[], None] | None) -> Any:
    """Show all of it; gives the place below the player, where it may be told how far the result video is.

    ``draw_video``: has that made; None where it is being made."""
    report = result.report
    st.subheader(as_text(result.title))
    for warning in report.warnings:
        st.warning(as_text(warning))
    for output, why in report.missing.items():
        st.error(as_text(words.NOT_MADE.format(output=output, why=why.replace(f"{result.folder}/", ""))))
    _show_facts(report)
    video = report.files.get("video") or result.older_video
    if video is not None:
        st.video(str(video))
    elif draw_video is None:
        st.image(result.picture, width="stretch")  # what stands below keeps its place when the video comes
    place = st.container()
    if "mid" in report.files:
        _show_roll(result)
    if "video" not in report.files:
        _show_sound(result, draw_video)  # below the roll, which must not move away from who edits it
    score, table, files = st.tabs([words.SCORE_TAB, words.NOTES_TAB, words.DOWNLOADS_TAB])
    with score:
        _show_score(report)
    with table:
        if "csv" in report.files:
            notes = pd.read_csv(report.files["csv"], dtype={"finger": str}, na_filter=False)  # unknown: empty
            st.dataframe(notes, hide_index=True, width="stretch")
    with files:
        _show_downloads(result)
    return place


# ---- the piano roll, and what is mended on it ------------------------------------------------------------------------


@dataclass(frozen=True)
class _Mended:
    """The edits that the browser sent last. ``mark``: of the result they belong to; ``problem``: why the last were not
    taken."""

    mark: str
    revision: int = 0
    edits: Edits = NO_EDITS
    problem: str = ""


def hand_edits(result: Result) -> Edits | None:
    """What its owner has mended in the notes of a result: a setting of ``pipeline.write_results``; None: nothing."""
    return _mended(result).edits or None


def _mended(result: Result) -> _Mended:
    known: _Mended | None = st.session_state.get("mended")
    return known if known is not None and known.mark == result.mark else _Mended(result.mark)


def take_edits(result: Result, told: object) -> None:
    """Keep edits that came from the browser, unless they are older than those known, or of another result."""
    known = _mended(result)
    if not isinstance(told, dict) or told.get("reading") != result.mark:
        return
    revision = told.get("revision")
    if not isinstance(revision, int) or revision < known.revision:
        return
    try:
        edits = read_edits(told.get("edits"), result.piece.start, result.piece.end)
        st.session_state["mended"] = _Mended(result.mark, revision, edits)
    except EditError as error:
        st.session_state["mended"] = replace(known, problem=str(error))


def _show_roll(result: Result) -> None:
    mended = _mended(result)
    if mended.problem:
        st.error(as_text(mended.problem))
    roll_editor(result.piece, mended.edits, mended.revision, key="roll", on_edits=partial(take_edits, result))


def _show_sound(result: Result, draw_video: Callable[[], None] | None) -> None:
    """The sound, and the offer to draw the video for it."""
    if "wav" in result.report.files:
        st.audio(result.report.files["wav"])
    if result.older_video is not None:
        st.caption(words.OLDER_VIDEO)
    if draw_video is not None and "video" not in result.report.missing:
        st.button(words.DRAW_VIDEO, on_click=draw_video, icon=":material/movie:")


def _show_facts(report: Report) -> None:
    notes, keyboard, confidence, speed = st.columns(4)
    notes.metric(words.NOTES_FOUND, report.notes)
    low, high = report.keyboard.get("lowest_pitch"), report.keyboard.get("highest_pitch")
    if low is not None and high is not None:
        keyboard.metric(words.KEYS_IN_VIEW, high - low + 1)
    if report.keyboard.get("given"):
        confidence.metric(words.CORNERS_GIVEN, words.BY_HAND)
    else:
        confidence.metric(words.CONFIDENCE, f"{report.keyboard.get('confidence', 0.0):.2f}")
    speed.metric(words.SPEED, f"{report.speed:.1f}")


def _show_score(report: Report) -> None:
    """All pages as pictures, with what was found of tempo, metre and key."""
    if not report.pages:
        st.info(words.NO_SCORE)
        return
    st.caption(words.SCORE_FACTS.format(**report.score))
    for page in report.pages:
        st.image(on_paper(Path(page).read_text(encoding="utf-8")), width=900)


def on_paper(svg: str) -> str:
    """A page of the score on white: it is black on nothing, and the web page may be dark."""
    return re.sub(r"(<svg\b[^>]*>)", r'\1<rect width="100%" height="100%" fill="#fff"/>', svg, count=1)


# ---- downloads -------------------------------------------------------------------------------------------------------


def _show_downloads(result: Result) -> None:
    """Everything as one file, then each for itself; both are made when they are asked for."""
    _offer(words.EVERYTHING, f"{result.title}.zip", partial(write_zip, result), type="primary")
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
