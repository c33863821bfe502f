"""The web page's first step: a video uploaded, fetched by its address, on this computer, or the bundled example."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import streamlit as st

from app import apart, links, sites, words
from app.child import Bounds
from app.intake import MOST_MEGABYTES, as_text, check_size, in_their_words, stored_name, title_of
from app.visit import FAREWELL, Visit
from app.waiting import FETCHING, follow
from pianoroll import SilentkeysError
from pianoroll.files import write_beside
from video2roll.video import VIDEO_SUFFIXES

EXAMPLE = Path(__file__).resolve().parent.parent / "samples" / "furelise.mp4"
KNOWN = ", ".join(site.name for site in sites.SITES)
FETCH = Bounds(memory=2 << 30, seconds=sites.PATIENCE + 60)
AT_HOME = ("localhost", "127.0.0.1", "::1")  # addresses at which the page is served to this computer alone


@dataclass(frozen=True)
class Chosen:
    """A video that may be read. ``title``: what it is called to its owner, harmless letters alone."""

    path: Path
    title: str


@dataclass(frozen=True)
class _Looked:
    """What came of a source: a video, or the sentence that says why not. ``source``: how it was told from others;
    ``checked``: it is known to be a video that may be read."""

    source: tuple[Any, ...]
    video: Chosen | None = None
    problem: str = ""
    checked: bool = False


def choose_video(visit: Visit) -> Chosen | None:
    """Show the ways to a video; gives the one taken last, None where there is none or it is refused."""
    if EXAMPLE.is_file():
        st.button(
            words.EXAMPLE,
            on_click=_run_example,
            icon=":material/play_circle:",
            help=words.EXAMPLE_HELP,
        )
    names = [words.UPLOAD_TAB, words.ADDRESS_TAB, *([words.COMPUTER_TAB] if is_at_home() else [])]
    tabs = st.tabs(names)
    with tabs[0]:
        upload = st.file_uploader(
            words.UPLOAD,
            type=sorted(suffix.lstrip(".") for suffix in VIDEO_SUFFIXES),
            max_upload_size=MOST_MEGABYTES,
            on_change=_take,
            args=("upload",),
        )
    with tabs[1]:
        url = st.text_input(words.ADDRESS, placeholder=words.ADDRESS_PLACEHOLDER, on_change=_take, args=("link",))
        st.caption(words.ADDRESS_HINT.format(sites=KNOWN))
    path = ""
    if is_at_home():
        with tabs[2]:
            path = st.text_input(
                words.PATH, placeholder=words.PATH_PLACEHOLDER, on_change=_take, args=("path",)
            ).strip()
    return _look(visit, st.session_state.get("from"), upload, url.strip(), path)


def is_at_home() -> bool:
    """Whether the page is served to this computer alone: only then may a visitor name its files."""
    return st.get_option("server.address") in AT_HOME


def wants_to_run() -> bool:
    """Whether the video is to be read without another click; true once."""
    return bool(st.session_state.pop("run", False))


def forget_video(visit: Visit) -> None:
    """Take no video until another one is chosen."""
    visit.stop("check")
    visit.stop("strip")
    visit.stop("look")
    _stop_fetching(visit)
    st.session_state["from"] = None


def _take(source: str) -> None:
    st.session_state["from"] = source


def _run_example() -> None:
    st.session_state["from"], st.session_state["run"] = "example", True


def _look(visit: Visit, taken: str | None, upload: Any, url: str, path: str) -> Chosen | None:
    """The video of the source that was ``taken``, looked at once."""
    if "fetch" in visit.tasks and (taken, url) != ("link", visit.tasks["fetch"].key):
        _stop_fetching(visit)
    if taken == "example":
        return Chosen(EXAMPLE, words.EXAMPLE_TITLE)
    if taken == "upload" and upload is not None:
        return _once(visit, ("upload", upload.file_id), partial(_store, visit, upload))
    if taken == "link" and url:
        return _once(visit, ("link", url), partial(_fetch_page if sites.site_of(url) else _fetch, visit, url))
    if taken == "path" and path:
        file = Path(path).expanduser()
        changed = file.stat().st_mtime_ns if file.is_file() else 0
        return _once(visit, ("path", path, changed), partial(_open, file))
    return None


def _once(visit: Visit, source: tuple[Any, ...], get: Callable[[], Chosen]) -> Chosen | None:
    """The video that ``get`` gives, got and checked once; a refusal is shown as long as the source is chosen."""
    known: _Looked | None = st.session_state.get("chosen")
    if known is None or known.source != source:
        _forget(visit, known)
        known = _keep(source, get)
    if known.video is not None and not known.checked:
        known = _keep(source, partial(_checked, visit, known.video), checked=True)
    if known.problem:
        st.error(as_text(known.problem))
    return known.video


def _keep(source: tuple[Any, ...], get: Callable[[], Chosen], *, checked: bool = False) -> _Looked:
    """What ``get`` gives or why it cannot, kept for the next run of the page."""
    try:
        known = _Looked(source, get(), checked=checked)
    except SilentkeysError as error:
        known = _Looked(source, problem=str(error))
    st.session_state["chosen"] = known
    return known


def _forget(visit: Visit, known: _Looked | None) -> None:
    """Remove an earlier video from the visitor's folder; a file on this computer is not there."""
    if known is not None and known.video is not None and known.video.path.is_relative_to(visit.folder):
        shutil.rmtree(known.video.path.parent, ignore_errors=True)


def _store(visit: Visit, upload: Any) -> Chosen:
    """Write an upload into the visitor's folder. Raises IntakeError, FullError or FileError."""
    title = title_of(upload.name)
    check_size(upload.size, title)
    visit.room.check(upload.size)
    target = visit.new_folder() / stored_name(upload.name)
    with write_beside(target) as temporary, open(temporary, "wb") as file:
        upload.seek(0)
        shutil.copyfileobj(upload, file)
    return Chosen(target, title)


def _fetch(visit: Visit, url: str) -> Chosen:
    """Fetch a file into the visitor's folder. Raises as ``_store`` does, and LinkError."""
    visit.room.check(MOST_MEGABYTES << 20)
    target = visit.new_folder() / stored_name("")
    text = words.DOING.format(stage=words.FETCHING_VIDEO)
    bar = st.progress(0.0, text)

    def tell(part: float) -> None:
        visit.touch()
        bar.progress(part, text)

    try:
        return Chosen(target, links.fetch(url, target, progress=tell))
    finally:
        bar.empty()


def _fetch_page(visit: Visit, url: str) -> Chosen:
    """Fetch a page's video into the visitor's folder, in a child process. Raises as ``_fetch`` does, and ChildError."""
    known = visit.tasks.get("fetch")
    if known is None:
        visit.room.check(MOST_MEGABYTES << 20)
    folder = visit.new_folder() if known is None else known.about
    task = visit.fetch("fetch", url, FETCH, apart.fetch, url, str(folder), about=folder)
    cancel = partial(forget_video, visit)
    try:
        got = follow(visit, task.job, stages=FETCHING, doing=words.ASKING_SITE, cancel=cancel)
    except Exception:
        _stop_fetching(visit)
        raise
    visit.stop("fetch")
    return Chosen(folder / got["file"], got["title"])


def _stop_fetching(visit: Visit) -> None:
    """Call it off, and remove what came of it, once nothing more is written."""
    task = visit.tasks.get("fetch")
    visit.stop("fetch")
    if task is not None:
        task.job.over.wait(FAREWELL)
        shutil.rmtree(task.about, ignore_errors=True)


def _open(path: Path) -> Chosen:
    """A file of this computer. Its size is its owner's affair; what decoding it takes is not."""
    return Chosen(path, title_of(path.name))


def _checked(visit: Visit, video: Chosen) -> Chosen:
    """The video, if it may be read; else it is removed where it lies in the visitor's folder."""
    job = visit.look("check", str(video.path), apart.check, str(video.path), video.title)
    try:
        follow(visit, job, stages={}, doing=words.LOOKING_AT_VIDEO, cancel=partial(forget_video, visit))
    except SilentkeysError as error:
        if video.path.is_relative_to(visit.folder):
            shutil.rmtree(video.path.parent, ignore_errors=True)
        raise type(error)(in_their_words(error, video.path, video.title)) from error
    visit.stop("check")
    return video
