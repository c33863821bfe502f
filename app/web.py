"""The web page (Streamlit): a video in; its piano roll, score, sound and notes out, to look at, hear and download.

Started by ``silentkeys app``. It computes nothing itself: one pipeline call reads the video, another writes the
results, and that one again whenever a setting changes.
"""

import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import streamlit as st

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # streamlit runs this file as a script

from app import pipeline
from app.intake import as_text, in_their_words
from app.keyboard_step import keyboard_choice, keyboard_step
from app.options import FARTHEST, check_span
from app.report import Progress
from app.result_step import SHOWN, Result, hand_edits, show_result, write
from app.video_step import Chosen, choose_video, wants_to_run
from app.visit import Visit, visit
from pianoroll import SilentkeysError
from pianoroll.keys import PITCHES, pitch_name

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
    """What the user chose besides the keyboard; ``start`` and ``end`` in seconds; ``settings``: what needs no look at
    the video, by the names that ``pipeline.write_results`` has for it."""

    start: float
    end: float | None
    settings: dict[str, Any]


def page() -> None:
    """Lay out the page; a result stays until the next one."""
    st.set_page_config(page_title="silentkeys", page_icon="🎹", layout="wide")
    st.title("silentkeys")
    st.write("Watch a pianist's keyboard on **silent** video, filmed from above; get back MIDI, a score and sound.")
    try:
        here = visit()
    except SilentkeysError as error:
        st.error(as_text(str(error)))
        return
    video = choose_video(here)
    keyboard = st.container()
    options = _choose_options()
    if video is not None:
        with keyboard:
            _show_keyboard(video, options)
    ready = video is not None and "keyboard_step" in st.session_state
    pressed = st.button("Transcribe", type="primary", disabled=not ready)
    if video is not None and ready and (wants_to_run() or pressed):
        _drop_result()
        _try(here, video.path, video.title, partial(_transcribe, here, video, options))
    elif "result" in st.session_state:
        result: Result = st.session_state["result"]
        settings = {**options.settings, "edits": hand_edits(result)}
        if result.settings != settings:
            _try(here, result.folder, result.title, partial(_apply, here, settings))
        elif st.session_state.pop("draw", False):
            _try(here, result.folder, result.title, partial(_draw_video, here))
    if "result" in st.session_state:
        show_result(st.session_state["result"], draw_video=_ask_for_video)


def _choose_options() -> Options:
    """What the command line calls --start, --end, --instrument and what it has for the score; and more."""
    with st.expander("Options"):
        st.caption("Which part of the video is read:")
        left, right = st.columns(2)
        start = left.number_input("Begin at second", min_value=0.0, value=0.0)
        end = right.number_input("End at second", min_value=0.0, value=None, placeholder="the end")
        st.caption("What is made of it; a change shows at once, as the video is not read again:")
        left, right = st.columns(2)
        settings = {**_choose_notes(left, right), **_choose_score(left, right), "edits": None}
    return Options(float(start), None if end is None else float(end), settings)


def _choose_notes(left: Any, right: Any) -> dict[str, Any]:
    """What concerns the notes and how they sound."""
    return {
        "instrument": left.text_input("Instrument", value="Acoustic Grand Piano").strip() or 0,
        "transpose": int(
            right.number_input("Transpose by semitones", min_value=-FARTHEST, max_value=FARTHEST, value=0, step=1)
        ),
        "threshold": left.number_input(
            "A key is down from",
            min_value=0.05,
            max_value=0.95,
            value=None,
            step=0.05,
            placeholder="as trained; or such as 0.4",
            help="How surely a key must be seen to be down, 0 to 1. Less finds fainter notes, and more wrong ones.",
        ),
        "split": right.selectbox(
            "Right hand from",
            PITCHES.tolist(),
            index=None,
            format_func=pitch_name,
            placeholder="as seen in the video",
            help="All notes from this key on are the right hand's, all below it the left hand's.",
        ),
    }


def _choose_score(left: Any, right: Any) -> dict[str, Any]:
    """What concerns the score alone, and the bars."""
    return {
        "fingering": right.selectbox(
            "Fingers in the score",
            list(FINGERS),
            format_func=lambda name: FINGERS[name],
            help="Of those that were surely seen.",
        ),
        "title": left.text_input("Title", placeholder="the video's name", max_chars=200).strip() or None,
        "composer": right.text_input("Composer", max_chars=200).strip() or None,
        "metre": left.text_input("Time signature", placeholder="found; or such as 3/4").strip() or None,
        "key": left.text_input("Key", placeholder="found; or such as C minor").strip() or None,
        "tempo": right.number_input(
            "Beats a minute", min_value=20.0, max_value=300.0, value=None, step=1.0, placeholder="found"
        ),
    }


def _show_keyboard(video: Chosen, options: Options) -> None:
    """The step “Keyboard”, for the part of the video that is to be read."""
    try:
        check_span(options.start, options.end)
        keyboard_step(video.path, options.start, options.end, video.title)
    except SilentkeysError as error:
        st.error(as_text(in_their_words(error, video.path, video.title)))
    except Exception as error:
        st.error(_unforeseen(error))


def _try(here: Visit, path: Path, title: str, work: Callable[[Progress], None]) -> None:
    """Do ``work`` under a bar; what cannot be done is told in a sentence. Work that goes on keeps the visit alive."""
    bar = st.progress(0.0, "Starting")

    def tell(stage: str, fraction: float | None) -> None:
        here.touch()
        low, high, text = STAGES.get(stage, (0.0, 1.0, stage))
        bar.progress(min(1.0, low + (high - low) * (fraction or 0.0)), f"{text} …")

    try:
        work(tell)
    except SilentkeysError as error:
        st.error(as_text(in_their_words(error, path, title)))
    except Exception as error:
        st.error(_unforeseen(error))
    finally:
        bar.empty()


def _transcribe(here: Visit, video: Chosen, options: Options, tell: Progress) -> None:
    """Read the video, and make all of it that is shown."""
    here.room.check()
    reading = pipeline.read_video(video.path, start=options.start, end=options.end, **keyboard_choice(), progress=tell)
    with _new_folder(here) as folder:
        report = write(reading, folder, video.title, options.settings, (*SHOWN, "video"), tell)
    st.session_state["result"] = Result(reading, report, video.title, folder, options.settings)


def _apply(here: Visit, settings: dict[str, Any], tell: Progress) -> None:
    """Make what is shown anew by other settings, but for the video of the result, which takes long."""
    before: Result = st.session_state["result"]
    with _new_folder(here) as folder:
        st.session_state["result"] = before.changed(folder, settings, tell)
    shutil.rmtree(before.folder, ignore_errors=True)


@contextmanager
def _new_folder(here: Visit) -> Iterator[Path]:
    """For results; removed where they could not be made."""
    folder = here.new_folder()
    try:
        yield folder
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _draw_video(here: Visit, tell: Progress) -> None:
    """The result video, by the settings that the other results were made with."""
    here.room.check()
    st.session_state["result"].add_video(tell)


def _ask_for_video() -> None:
    st.session_state["draw"] = True


def _drop_result() -> None:
    """Forget the last reading and its results, also on the disk."""
    result: Result | None = st.session_state.pop("result", None)
    if result is not None:
        shutil.rmtree(result.folder, ignore_errors=True)


def _unforeseen(error: Exception) -> str:
    return as_text(f"Something went wrong that nobody foresaw: {type(error).__name__}: {error}")


if __name__ == "__main__":
    page()
