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

from app import apart, words
from app.child import Bounds, Stopped
from app.filmstrip import Filmstrip
from app.intake import LONGEST, as_text, in_their_words
from app.keyboard_step import current_step, keyboard_choice, keyboard_step
from app.line import Job
from app.options import FARTHEST, check_span
from app.report import Progress
from app.result_step import SHOWN, Result, hand_edits, show_result, write
from app.scene import Scene
from app.span_step import choose_span
from app.video_step import Chosen, choose_video, forget_video, wants_to_run
from app.visit import Visit, visit
from app.waiting import DRAWING, READING, WRITING, follow
from pianoroll import SilentkeysError
from pianoroll.keys import PITCHES, pitch_name

MEMORY = 6 << 30  # bytes that reading a video may take
PATIENCE, PACE = 300.0, 15.0  # seconds that reading may take, and so many more for each second of video


@dataclass(frozen=True)
class Wanted:
    """A video that is being read, a picture of it, and the folder for what comes of it."""

    video: Chosen
    picture: str
    folder: Path


@dataclass(frozen=True)
class Options:
    """What the user chose besides the keyboard; ``start`` and ``end`` in seconds; ``settings``: what needs no look at
    the video, by the names that ``pipeline.write_results`` has for it."""

    start: float
    end: float | None
    settings: dict[str, Any]


def page() -> None:
    """Lay out the page; a result stays until the next one."""
    st.set_page_config(page_title=words.PAGE_TITLE, page_icon="🎹", layout="wide")
    st.title(words.PAGE_TITLE)
    st.write(words.PAGE_INTRODUCTION)
    try:
        here = visit()
    except SilentkeysError as error:
        st.error(as_text(str(error)))
        return
    with st.container():  # what stands below it keeps its place, whatever is told here
        video = choose_video(here)
    with st.container():
        span = (0.0, None) if video is None else _show_span(here, video)
    keyboard = st.container()
    options = _choose_options(*span)
    if video is not None:
        with keyboard:
            _show_keyboard(here, video, options)
    ready = video is not None and "keyboard_step" in st.session_state
    st.button(words.TRANSCRIBE, type="primary", disabled=not ready, on_click=_ask, args=("read",))
    with st.container():
        _work(here, video if ready else None, options)
    if "result" in st.session_state:
        _show_result(here, st.session_state["result"])


def _work(here: Visit, video: Chosen | None, options: Options) -> None:
    """Do what is asked for: read the video, or make the results anew where a setting changed."""
    if video is not None and (wants_to_run() or st.session_state.pop("read", False)):
        _told(video.path, video.title, partial(_begin_reading, here, video, options))
    if "read" in here.tasks:
        wanted: Wanted = here.tasks["read"].about
        _told(wanted.video.path, wanted.video.title, partial(_finish_reading, here, options.settings))
    elif "result" in st.session_state:
        result: Result = st.session_state["result"]
        settings = {**options.settings, "edits": hand_edits(result)}
        if result.settings != settings:
            _told(result.folder, result.title, partial(_apply, here, settings))


def _choose_options(start: float, end: float | None) -> Options:
    """What the command line calls --instrument and what it has for the score; and more."""
    with st.expander(words.OPTIONS):
        st.caption(words.OPTIONS_HINT)
        left, right = st.columns(2)
        settings = {**_choose_notes(left, right), **_choose_score(left, right), "edits": None}
    return Options(start, end, settings)


def _choose_notes(left: Any, right: Any) -> dict[str, Any]:
    """What concerns the notes and how they sound."""
    return {
        "instrument": left.text_input(words.INSTRUMENT, value="Acoustic Grand Piano").strip() or 0,
        "transpose": int(right.number_input(words.TRANSPOSE, min_value=-FARTHEST, max_value=FARTHEST, value=0, step=1)),
        "threshold": left.number_input(
            words.THRESHOLD,
            min_value=0.05,
            max_value=0.95,
            value=None,
            step=0.05,
            placeholder=words.THRESHOLD_PLACEHOLDER,
            help=words.THRESHOLD_HELP,
        ),
        "split": right.selectbox(
            words.SPLIT,
            PITCHES.tolist(),
            index=None,
            format_func=pitch_name,
            placeholder=words.SPLIT_PLACEHOLDER,
            help=words.SPLIT_HELP,
        ),
    }


def _choose_score(left: Any, right: Any) -> dict[str, Any]:
    """What concerns the score alone, and the bars."""
    return {
        "fingering": right.selectbox(
            words.FINGERING,
            list(words.FINGERS),
            format_func=lambda name: words.FINGERS[name],
            help=words.FINGERING_HELP,
        ),
        "title": left.text_input(words.TITLE, placeholder=words.TITLE_PLACEHOLDER, max_chars=200).strip() or None,
        "composer": right.text_input(words.COMPOSER, max_chars=200).strip() or None,
        "metre": left.text_input(words.METRE, placeholder=words.METRE_PLACEHOLDER).strip() or None,
        "key": left.text_input(words.KEY, placeholder=words.KEY_PLACEHOLDER).strip() or None,
        "tempo": right.number_input(
            words.TEMPO, min_value=20.0, max_value=300.0, value=None, step=1.0, placeholder=words.TEMPO_PLACEHOLDER
        ),
    }


def _show_span(here: Visit, video: Chosen) -> tuple[float, float | None]:
    """The step “Part of the video”, seconds; all of it where its pictures cannot be had."""
    span: tuple[float, float | None] = (0.0, None)

    def look() -> Filmstrip:
        job = here.look("strip", video, apart.film_strip, str(video.path))
        _look_for_keyboard(here, video, span)  # meanwhile: it is going to be looked for in all of the video
        seen = follow(here, job, stages={}, doing=words.LOOKING_THROUGH_VIDEO, cancel=partial(forget_video, here))
        here.stop("strip")
        return Filmstrip.from_dict(seen)

    def show() -> None:
        nonlocal span
        span = choose_span(video.path, look, folded=_folded(here))

    _told(video.path, video.title, show)
    return span


def _show_keyboard(here: Visit, video: Chosen, options: Options) -> None:
    """The step “Keyboard”, for the part of the video that is to be read."""
    span = (options.start, options.end)

    def look() -> Scene:
        job = _look_for_keyboard(here, video, span)
        seen = follow(here, job, stages={}, doing=words.LOOKING_FOR_KEYBOARD, cancel=partial(forget_video, here))
        here.stop("look")
        return Scene.from_dict(seen)

    def show() -> None:
        check_span(*span)
        with st.container():  # what stands below it keeps its place, whether anything is waited for or not
            step = current_step(video.path, span, look)
        with st.expander(words.KEYBOARD, expanded=not _folded(here)):
            keyboard_step(step, alone=not _busy(here))

    _told(video.path, video.title, show)


def _look_for_keyboard(here: Visit, video: Chosen, span: tuple[float, float | None]) -> Job:
    return here.look("look", (video, span), apart.look, str(video.path), *span)


def _busy(here: Visit) -> bool:
    """Whether this run of the page is going to wait for work, so that no part of it can be run alone."""
    return not here.tasks.keys().isdisjoint(("read", "draw")) or any(
        st.session_state.get(wish) for wish in ("run", "read", "draw")
    )


def _folded(here: Visit) -> bool:
    """Whether what was chosen of the video gives way to what is made of it."""
    return _busy(here) or "result" in st.session_state


def _told(path: Path, title: str, work: Callable[[], None]) -> None:
    """Do ``work``; what cannot be done is told in a sentence."""
    try:
        work()
    except Stopped:
        st.info(words.CANCELLED)
    except SilentkeysError as error:
        st.error(as_text(in_their_words(error, path, title)))
    except Exception as error:
        st.error(as_text(words.UNFORESEEN.format(kind=type(error).__name__, error=error)))


def _begin_reading(here: Visit, video: Chosen, options: Options) -> None:
    """Have the video read, as one of those that wait for it."""
    _forget_result(here)
    how = {"start": options.start, "end": options.end, **keyboard_choice()}
    pictures = st.session_state["keyboard_step"].scene.pictures
    picture = pictures[len(pictures) // 2]
    folder = here.new_folder()
    bounds = Bounds(MEMORY, PATIENCE + PACE * (min(options.end or LONGEST, LONGEST) - options.start))
    here.begin(
        "read", folder, bounds, apart.read, str(video.path), str(folder), how, about=Wanted(video, picture, folder)
    )


def _finish_reading(here: Visit, settings: dict[str, Any]) -> None:
    """Wait until the video is read, and make what is shown of it."""
    task = here.tasks["read"]
    wanted: Wanted = task.about
    try:
        follow(here, task.job, stages=READING, doing=words.BEGINNING, cancel=partial(_stop_reading, here))
        with _writing(here) as tell:
            reading = apart.load_reading(wanted.folder)
            report = write(reading, wanted.folder, wanted.video.title, settings, SHOWN, tell)
    except Exception:
        _stop_reading(here)
        raise
    here.stop("read")
    apart.remove_reading(wanted.folder)
    st.session_state["result"] = Result(reading, report, wanted.video.title, wanted.folder, settings, wanted.picture)
    _ask("draw")


def _stop_reading(here: Visit) -> None:
    task = here.tasks.get("read")
    here.stop("read")
    if task is not None:
        shutil.rmtree(task.about.folder, ignore_errors=True)


def _apply(here: Visit, settings: dict[str, Any]) -> None:
    """Make what is shown anew by other settings, but for the video of the result, which takes long."""
    before: Result = st.session_state["result"]
    here.stop("draw")
    folder = here.new_folder()
    try:
        with _writing(here) as tell:
            st.session_state["result"] = before.changed(folder, settings, tell)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    shutil.rmtree(before.folder, ignore_errors=True)


@contextmanager
def _writing(here: Visit) -> Iterator[Progress]:
    """A bar for what is made of a reading."""
    bar = st.empty()

    def tell(stage: str, fraction: float | None) -> None:
        here.touch()
        low, high, text = WRITING.get(stage, (0.9, 1.0, stage))
        bar.progress(low + (high - low) * (fraction or 0.0), words.DOING.format(stage=text))

    yield tell
    bar.empty()


def _show_result(here: Visit, result: Result) -> None:
    """All of it; and last the result video, as drawing it takes long, and all else can be used meanwhile."""
    drawing = st.session_state.pop("draw", False) or "draw" in here.tasks
    place = show_result(result, draw_video=None if drawing else partial(_ask, "draw"))
    if drawing:
        bounds = Bounds(MEMORY, PATIENCE + PACE * LONGEST)
        here.begin("draw", result.folder, bounds, apart.draw, result.reading, str(result.folder), result.how())
        with place:
            _told(result.folder, result.title, partial(_finish_drawing, here, result))


def _finish_drawing(here: Visit, result: Result) -> None:
    """Wait until the result video is drawn, and show it."""
    try:
        made = follow(
            here, here.tasks["draw"].job, stages=DRAWING, doing=words.DRAWING_VIDEO, cancel=partial(here.stop, "draw")
        )
    except Exception:
        here.stop("draw")
        raise
    here.stop("draw")
    result.add_video(made)
    st.rerun()


def _ask(what: str) -> None:
    """Have something done by this run of the page."""
    st.session_state[what] = True


def _forget_result(here: Visit) -> None:
    """Remove the last reading and its results, also from the disk."""
    _stop_reading(here)
    here.stop("draw")
    result: Result | None = st.session_state.pop("result", None)
    if result is not None:
        shutil.rmtree(result.folder, ignore_errors=True)


if __name__ == "__main__":
    page()
