"""A visitor of the page: the folder that is theirs, the work that is done for them, and what is kept of it."""

import gc
import tempfile
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from threading import Lock, Thread
from time import monotonic, sleep
from typing import Any

import streamlit as st
from streamlit import runtime
from streamlit.runtime.scriptrunner import get_script_run_ctx

from app import child, words
from app.child import Bounds
from app.line import Job, Line, at_once
from app.sessions import Room, open_room

WORK = ("chosen", "keyboard_step", "result")  # what a session keeps that lies in its folder
FAREWELL = 2.0  # seconds that work which was called off is given to end
ROUND = 10.0  # seconds between two looks for visitors who have left
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
    """A folder of one's own, and tasks by their kind. All goes with ``end``, or with this object; or when it was long
    unused. ``connected``: whether the visitor's browser is."""

    def __init__(self, room: Room, lines: Lines, connected: Callable[[], bool] = lambda: True) -> None:
        self.room, self.lines, self.connected = room, lines, connected
        self.folder = room.enter()
        self.tasks: dict[str, Task] = {}
        self.end = weakref.finalize(self, _leave, room, self.folder, self.tasks)

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


class Guests:
    """All visits of a server. They end when their browsers have been away for ``patience`` seconds: Streamlit itself
    lets go of a session that was left only when a later one is."""

    def __init__(self, patience: float) -> None:
        self.patience = patience
        self._lock = Lock()
        self._seen: weakref.WeakKeyDictionary[Visit, float] = weakref.WeakKeyDictionary()

    def add(self, visit: Visit) -> None:
        with self._lock:
            self._seen[visit] = monotonic()

    def see_off(self) -> None:
        """End the visits of those who have left."""
        now = monotonic()
        with self._lock:
            visits = list(self._seen)
            for each in visits:
                if each.connected():
                    self._seen[each] = now
            gone = [each for each in visits if now - self._seen[each] > self.patience]
            for each in gone:
                del self._seen[each]
        for each in gone:
            each.end()
        if gone:
            gc.collect()  # what Streamlit lets go of hangs together in circles, and holds results

    def keep_seeing_off(self) -> None:
        while True:
            sleep(ROUND)
            self.see_off()


def visit() -> Visit:
    """This session's. Where its folder was removed it begins anew, and says so. Raises FullError."""
    known: Visit | None = st.session_state.get("visit")
    if known is not None and known.touch():
        return known
    if known is not None and "result" in st.session_state:
        st.info(words.RESULTS_REMOVED)
    for name in WORK:
        st.session_state.pop(name, None)
    begun = st.session_state["visit"] = Visit(_room(), _lines(), _connected())
    _guests().add(begun)
    return begun


def _leave(room: Room, folder: Path, tasks: dict[str, Task]) -> None:
    """Call off all work, and remove the folder once nothing is written into it any more."""
    for task in tasks.values():
        task.job.stop()
    for task in tasks.values():
        task.job.over.wait(FAREWELL)
    room.leave(folder)


def _connected() -> Callable[[], bool]:
    """Tells, from any thread, whether this session's browser is connected. Without a server it is."""
    context = get_script_run_ctx()
    if context is None or not runtime.exists():
        return lambda: True
    return partial(runtime.get_instance().is_active_session, context.session_id)


@st.cache_resource(show_spinner=False)
def _guests() -> Guests:
    """Of this server. A browser that comes back within Streamlit's own patience finds its session as it was."""
    guests = Guests(st.get_option("server.disconnectedSessionTTL") + ROUND)
    Thread(target=guests.keep_seeing_off, daemon=True, name="guests").start()
    return guests


@st.cache_resource(show_spinner=False)
def _room() -> Room:
    """Of all visitors of this server."""
    return open_room()


@st.cache_resource(show_spinner=False)
def _lines() -> Lines:
    """Of all visitors of this server."""
    child.make_ready()
    return Lines(Line(LOOKS_AT_ONCE), Line(at_once()))
