"""A line of jobs: so many at once as the machine can do, the others wait their turn and know their place.

Each job is done in a process of its own (``app/child.py``) and watched by a thread, whatever the page does meanwhile.
"""

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from threading import Condition, Event, Thread
from time import monotonic
from typing import Any

from app import child, words
from app.child import Bounds, ChildError, Stopped

SURE = 3.0  # seconds of a stage after which the time that is left can be told


class Line:
    """Where jobs wait. ``most``: how many are done at once."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._jobs: list[Job] = []  # in the order in which they came
        self._change = Condition()

    def place(self, job: "Job") -> int:
        """How many must end before this one begins; 0 where it is being done, or was."""
        with self._change:
            return max(0, self._jobs.index(job) + 1 - self.most) if job in self._jobs else 0

    def enter(self, job: "Job") -> None:
        """Stand in line, at its end."""
        with self._change:
            self._jobs.append(job)

    def wait(self, job: "Job") -> None:
        """Wait for one's turn. Raises Stopped where the job was called off first."""
        with self._change:
            self._change.wait_for(lambda: job.stopped.is_set() or job in self._jobs[: self.most])
        if job.stopped.is_set():
            raise Stopped

    def leave(self, job: "Job") -> None:
        with self._change, suppress(ValueError):
            self._jobs.remove(job)
            self._change.notify_all()

    def tell(self) -> None:
        """Let all who wait look again."""
        with self._change:
            self._change.notify_all()


@dataclass(frozen=True)
class State:
    """``stage`` and ``part`` (0..1, None: not known) as the work tells them, ``since``: seconds in that stage."""

    stage: str = ""
    part: float | None = None
    since: float = 0.0

    @property
    def left(self) -> float | None:
        """Seconds until the stage is over, where that can be told."""
        if not self.part or self.since < SURE:
            return None
        return self.since * (1 - self.part) / self.part


class Job:
    """Work in a line, begun at once or as soon as it is its turn. ``work`` and ``args`` as ``child.run`` has them."""

    def __init__(self, line: Line, bounds: Bounds, work: Callable[..., Any], *args: Any) -> None:
        self.line, self.stopped, self.over = line, Event(), Event()
        self._stage, self._began = "", monotonic()
        self._part: float | None = None
        self._value: Any = None
        self._error: ChildError | None = None
        line.enter(self)
        Thread(target=self._do, args=(bounds, work, args), daemon=True, name="job").start()

    @property
    def place(self) -> int:
        """How many jobs must end before this one begins."""
        return self.line.place(self)

    @property
    def state(self) -> State:
        """How far it is."""
        return State(self._stage, self._part, monotonic() - self._began)

    def stop(self) -> None:
        """Call it off: it ends within a moment."""
        self.stopped.set()
        self.line.tell()

    def value(self) -> Any:
        """What came of it, once it is over. Raises ChildError, and Stopped where it was called off."""
        self.over.wait()
        if self._error is not None:
            raise self._error
        if self.stopped.is_set():
            raise Stopped
        return self._value

    def _do(self, bounds: Bounds, work: Callable[..., Any], args: tuple[Any, ...]) -> None:
        try:
            self.line.wait(self)
            self._value = child.run(work, *args, bounds=bounds, tell=self._tell, stopped=self.stopped)
        except Stopped:
            pass
        except ChildError as error:
            self._error = error
        except Exception as error:
            self._error = ChildError(words.WORK_NOT_BEGUN.format(kind=type(error).__name__, error=error))
        finally:
            self.line.leave(self)
            self.over.set()

    def _tell(self, stage: str, part: float | None) -> None:
        if stage != self._stage:
            self._began = monotonic()
        self._stage, self._part = stage, part


def at_once() -> int:
    """How many videos are read at once: each keeps two cores busy."""
    return max(1, (os.cpu_count() or 1) // 2)
