"""What the web page shows of a transcription: facts, sound, picture, score and notes, and everything to download."""

import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from app.intake import as_text
from app.report import Report
from pianoroll.files import write_beside

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
    """What was made: ``settings`` are those it was made with, ``title`` the video's, ``folder`` where the files lie."""

    report: Report
    title: str
    folder: Path
    settings: dict[str, Any]


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
        st.image(Path(page).read_text(encoding="utf-8"), width=900)


# ---- downloads -------------------------------------------------------------------------------------------------------


def _show_downloads(result: Result) -> None:
    """Everything as one file, then each for itself; what is slow to make is made when it is asked for."""
    _offer("Everything as one zip", f"{result.title}.zip", partial(write_zip, result), type="primary")
    with st.container(horizontal=True):
        for path in _files(result.report):
            name = download_name(path, result.title)
            _offer(as_text(name), name, partial(Path, path))
        if "wav" in result.report.files:
            name = f"{result.title}.mp3"
            _offer(as_text(name), name, partial(_write_mp3, result))


def _offer(label: str, name: str, make: Callable[[], Path], **how: Any) -> None:
    """A button that gives the file that ``make`` names, read when it is pressed."""
    mime = MIME.get(Path(name).suffix, "application/octet-stream")
    st.download_button(label, lambda: make().read_bytes(), name, mime, key=f"get {name}", on_click="ignore", **how)


def download_name(path: Path, title: str) -> str:
    """What a result is called to who downloads it."""
    return title + path.name.removeprefix(STORED)


def write_zip(result: Result) -> Path:
    """All files of a result, by the video's name, in one."""
    target = result.folder / f"{STORED}.zip"
    paths = _files(result.report)
    if "wav" in result.report.files:
        paths.append(_write_mp3(result))
    with (
        write_beside(target) as temporary,
        zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file,
    ):
        for path in paths:
            file.write(path, download_name(path, result.title))
    return target


def _files(report: Report) -> list[Path]:
    """All that was made, the pages of the score too, each once."""
    return list(dict.fromkeys(Path(path) for path in (*report.files.values(), *report.pages)))


def _write_mp3(result: Result) -> Path:
    """The sound as MP3, made the first time that it is wanted."""
    target = result.folder / f"{STORED}.mp3"
    if not target.exists():
        import soundfile

        from midi_synth import write_sound

        sound, rate = soundfile.read(result.report.files["wav"], dtype="float32", always_2d=True)
        write_sound(sound.T, target, sample_rate=rate)
    return target
