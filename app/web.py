"""The web page (Streamlit): a video in; its piano roll, score, sound and notes out, to look at, hear and download.

Started by ``silentkeys app``. It runs on the user's own machine and computes nothing itself: one pipeline call.
"""

import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # streamlit runs this file as a script

from app import pipeline
from app.keyboard_step import keyboard_choice, keyboard_step
from app.options import ALL_OUTPUTS, check_span
from app.report import Report
from pianoroll import SilentkeysError
from video2roll.video import VIDEO_SUFFIXES

MIME = {
    "npz": "application/octet-stream",
    "mid": "audio/midi",
    "csv": "text/csv",
    "musicxml": "application/vnd.recordare.musicxml+xml",
    "pdf": "application/pdf",
    "wav": "audio/wav",
    "png": "image/png",
    "json": "application/json",
    "svg": "image/svg+xml",
    "roll-svg": "image/svg+xml",
    "quantised": "audio/midi",
    "flac": "audio/flac",
    "mp3": "audio/mpeg",
    "ogg": "audio/ogg",
    "m4a": "audio/mp4",
    "html": "text/html",
    "video": "video/mp4",
}
OUTPUTS_SHOWN = tuple(output for output in ALL_OUTPUTS if output not in ("flac", "ogg", "m4a"))
FINGERS = {"auto": "as editors do; all of a short piece", "all": "all", "some": "as editors do", "none": "none"}
STAGES = {
    "keyboard": (0.0, 0.1, "Looking for the keyboard"),
    "read": (0.1, 0.65, "Reading the keys"),
    "notes": (0.65, 0.67, "Finding the notes"),
    "files": (0.67, 0.7, "Writing the files"),
    "score": (0.7, 0.75, "Engraving the score"),
    "sound": (0.75, 0.78, "Playing the sound"),
    "page": (0.78, 0.8, "Writing the listening page"),
    "video": (0.8, 1.0, "Drawing the video"),
}


@dataclass(frozen=True)
class Options:
    """What the user chose besides the keyboard; ``start`` and ``end`` in seconds; ``score``: of the score, by the names
    that ``pipeline.transcribe`` has for it."""

    start: float
    end: float | None
    instrument: str
    score: dict[str, Any]


def page() -> None:
    """Lay out the page; a result stays until the next one."""
    st.set_page_config(page_title="silentkeys", page_icon="🎹", layout="wide")
    st.title("silentkeys")
    st.write("Watch a pianist's keyboard on **silent** video, filmed from above; get back MIDI, a score and sound.")
    video = _choose_video()
    keyboard = st.container()
    options = _choose_options()
    if video is not None:
        with keyboard:
            _show_keyboard(video, options)
    ready = video is not None and "keyboard_step" in st.session_state
    if st.button("Transcribe", type="primary", disabled=not ready) and video is not None:
        st.session_state.pop("report", None)
        _transcribe(video, options)
    if "report" in st.session_state:
        _show(st.session_state["report"])


def _choose_video() -> Path | None:
    """The video uploaded, or named by its path on this machine."""
    upload_tab, path_tab = st.tabs(["Upload a video", "A file on this computer"])
    with upload_tab:
        upload = st.file_uploader("Video", type=sorted(s.lstrip(".") for s in VIDEO_SUFFIXES))
    with path_tab:
        path = st.text_input("Path of the video", placeholder="/home/me/waltz.mp4")
    if upload is not None:
        folder = _folder() / "upload"
        folder.mkdir(exist_ok=True)
        target = folder / Path(upload.name).name
        if not target.exists() or target.stat().st_size != upload.size:
            target.write_bytes(upload.getbuffer())
        return target
    return Path(path).expanduser() if path.strip() else None


def _choose_options() -> Options:
    """What the command line calls --start, --end, --instrument and what it has for the score."""
    with st.expander("Options"):
        left, right = st.columns(2)
        start = left.number_input("Begin at second", min_value=0.0, value=0.0)
        end = right.number_input("End at second", min_value=0.0, value=None, placeholder="the end")
        instrument = left.text_input("Instrument", value="Acoustic Grand Piano")
        score = {
            "fingering": right.selectbox(
                "Fingers in the score",
                list(FINGERS),
                format_func=lambda name: FINGERS[name],
                help="Of those that were surely seen.",
            ),
            "title": left.text_input("Title", placeholder="the video's name") or None,
            "composer": right.text_input("Composer") or None,
            "metre": left.text_input("Time signature", placeholder="found; or such as 3/4").strip() or None,
            "key": left.text_input("Key", placeholder="found; or such as C minor").strip() or None,
            "tempo": right.number_input(
                "Beats a minute", min_value=20.0, max_value=300.0, value=None, step=1.0, placeholder="found"
            ),
        }
    return Options(float(start), None if end is None else float(end), instrument, score)


def _show_keyboard(video: Path, options: Options) -> None:
    """The step “Keyboard”, for the part of the video that is to be read."""
    try:
        check_span(options.start, options.end)
        keyboard_step(video, options.start, options.end)
    except SilentkeysError as error:
        st.error(str(error))
    except Exception as error:
        st.error(_unforeseen(error))


def _transcribe(video: Path, options: Options) -> None:
    bar = st.progress(0.0, "Starting")

    def tell(stage: str, fraction: float | None) -> None:
        low, high, text = STAGES.get(stage, (0.0, 1.0, stage))
        bar.progress(min(1.0, low + (high - low) * (fraction or 0.0)), f"{text} …")

    try:
        st.session_state["report"] = pipeline.transcribe(
            video,
            tempfile.mkdtemp(dir=_folder()),
            start=options.start,
            end=options.end,
            **keyboard_choice(),
            instrument=options.instrument or 0,
            outputs=OUTPUTS_SHOWN,
            **options.score,
            progress=tell,
        )
    except SilentkeysError as error:
        st.error(str(error))
    except Exception as error:
        st.error(_unforeseen(error))
    finally:
        bar.empty()


def _unforeseen(error: Exception) -> str:
    return f"Something went wrong that nobody foresaw: {type(error).__name__}: {error}"


def _show(report: Report) -> None:
    st.subheader(Path(report.source).stem)
    for warning in report.warnings:
        st.warning(warning)
    for output, why in report.missing.items():
        st.error(f"{output} could not be made: {why}")
    _show_facts(report)
    if "video" in report.files:
        st.video(report.files["video"])
    elif "wav" in report.files:
        st.audio(report.files["wav"])
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
        for output, path in report.files.items():
            name = Path(path).name
            st.download_button(name, Path(path).read_bytes(), name, MIME.get(output), key=f"get-{output}")


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


def _folder() -> Path:
    """This session's own folder, emptied with the computer's temporary files."""
    if "folder" not in st.session_state:
        st.session_state["folder"] = tempfile.mkdtemp(prefix="silentkeys-")
    return Path(st.session_state["folder"])


if __name__ == "__main__":
    page()
