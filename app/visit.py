"""A visitor of the page: the folder that is theirs, the work that is done for them, and what is kept of it."""

import tempfile
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import streamlit as st

from app import child, words
from app.child import Bounds
from app.line import Job, Line, at_once
from app.sessions import Room, open_room

WORK = ("chosen", "keyboard_step", "result")  # what a session keeps that lies in its folder
FAREWELL = 2.0  # seconds that work which was called off is given to end
LOOKING = Bounds(memory=3 << 30, seconds=120.0)
LOOKS_AT_ONCE = 2
FETCHES_AT_ONCE = 4  # which wait for others' machines more than they work


@dataclass(frozen=True)
class Task:
    """A job with what it is for. ``key`` tells it from another one of its kind; ``about``: what the page needs then."""

    key: Any
    job: Job
    about: Any = None


@dataclass(frozen=True)
class Lines:
    """Where the jobs of all visitors wait: quick looks at a video, what takes long, and what comes from the web."""

    looks: Line
    long: Line
    fetches: Line = field(default_factory=lambda: Line(FETCHES_AT_ONCE))


class Visit:
    """A folder of one's own, and tasks by their kind. All goes when the session does, and with it this object; or when
    it was long unused."""

    def __init__(self, room: Room, lines: Lines) -> None:
        self.room, self.lines = room, lines
        self.folder = room.enter()
        self.tasks: dict[str, Task] = {}
        weakref.finalize(self, _leave, room, self.folder, self.tasks)

    def touch(self) -> bool:
        """Note that the visitor is still here; False where the folder has gone meanwhile."""
        return self.room.touch(self.folder)

    def new_folder(self) -> Path:
        """An empty folder in the visitor's own. Raises FullError where all of them take too much room."""
        self.room.check()
        return Path(tempfile.mkdtemp(dir=self.folder))

    def look(self, kind: str, key: Any, work: Callable[..., Any], *args: Any) -> Job:
        """Quick work, begun unless it is being done."""
        return self._begin(kind, key, self.lines.looks, LOOKING, work, *args).job

    def begin(
        self, kind: str, key: Any, bounds: Bounds, work: Callable[..., Any], *args: Any, about: Any = None
    ) -> Task:
        """Work that takes long, begun unless it is being done."""
        return self._begin(kind, key, self.lines.long, bounds, work, *args, about=about)

    def fetch(self, kind: str, key: Any, bounds: Bounds, work: Callable[..., Any], *args: Any, about: Any) -> Task:
        """Work that waits for other machines, begun unless it is being done."""
        return self._begin(kind, key, self.lines.fetches, bounds, work, *args, about=about)

    def _begin(
        self, kind: str, key: Any, line: Line, bounds: Bounds, work: Callable[..., Any], *args: Any, about: Any = None
    ) -> Task:
        known = self.tasks.get(kind)
        if known is None or known.key != key:
            self.stop(kind)
            self.tasks[kind] = Task(key, Job(line, bounds, work, *args), about)
        return self.tasks[kind]

    def stop(self, kind: str) -> None:
        """Call work off, or forget what came of it."""
        task = self.tasks.pop(kind, None)
        if task is not None:
            task.job.stop()


def visit() -> Visit:
    """This session's. Where its folder was removed it begins anew, and says so. Raises FullError."""
    known: Visit | None = st.session_state.get("visit")
    if known is not None and known.touch():
        return known
    if known is not None and "result" in st.session_state:
        st.info(words.RESULTS_REMOVED)
    for name in WORK:
        st.session_state.pop(name, None)
    st.session_state["visit"] = Visit(_room(), _lines())
    return st.session_state["visit"]


def _leave(room: Room, folder: Path, tasks: dict[str, Task]) -> None:
    """Call off all work, and remove the folder once nothing is written into it any more."""
    for task in tasks.values():
        task.job.stop()
    for task in tasks.values():
        task.job.over.wait(FAREWELL)
    room.leave(folder)


@st.cache_resource(show_spinner=False)
def _room() -> Room:
    """Of all visitors of this server."""
    return open_room()


@st.cache_resource(show_spinner=False)
def _lines() -> Lines:
    """Of all visitors of this server."""
    child.make_ready()
    return Lines(Line(LOOKS_AT_ONCE), Line(at_once()))
