"""Work on a stranger's file in a process of its own: bounded in memory and time, and stopped at once.

Decoders are large and files may be hostile: what goes wrong there takes no other visitor along. The child is forked
from a server that has loaded all it needs, so it begins at once; it answers in JSON, from which no code can come.
"""

import json
import multiprocessing
import multiprocessing.forkserver
import os
import signal
import sys
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from threading import Event
from time import monotonic
from typing import Any

from app import words
from app.report import Progress
from pianoroll import SilentkeysError

try:
    import resource
except ImportError:  # Windows, which has no such bounds: there the clock alone stops a child
    resource = None  # type: ignore[assignment]

LONGEST_ANSWER = 256 << 20  # bytes
LARGEST_FILE = 4 << 30  # bytes that a child may write into one file
LOOK = 0.1  # seconds between two looks whether to stop
NICE = 5  # the page itself comes first
LOADED = ("app.web", "video2roll.infer", "video2roll.hands", "video2roll.falling_notes", "scipy.signal", "openvino")
"""What the server of children imports once for all of them; ``app.web``, as Python loads the main script anew."""

_FORKS = "forkserver" in multiprocessing.get_all_start_methods()  # not on Windows
CONTEXT: Any = multiprocessing.get_context("forkserver" if _FORKS else "spawn")


# A library that is loaded in the server of children asks the system something by a process that is none of these.
warnings.filterwarnings("ignore", message="forkserver: waitpid returned unexpected pid")


class ChildError(SilentkeysError):
    """What the child says it could not do, or why it is no more."""


class Stopped(Exception):
    """The work was called off."""


@dataclass(frozen=True)
class Bounds:
    """``memory``: bytes of data; ``seconds``: on the clock."""

    memory: int
    seconds: float


def make_ready() -> None:
    """Start the server of children, so that the first visitor need not wait for it."""
    if _FORKS:
        CONTEXT.set_forkserver_preload(list(LOADED))
        multiprocessing.forkserver.ensure_running()


def run(work: Callable[..., Any], *args: Any, bounds: Bounds, tell: Progress, stopped: Event) -> Any:
    """What ``work(*args, progress)`` gives (plain values, as JSON has them), done in a child.

    ``tell`` hears of its progress. Raises ChildError with what the child could not do, and Stopped once ``stopped``.
    """
    ours, theirs = CONTEXT.Pipe(duplex=False)
    child = CONTEXT.Process(target=_serve, args=(theirs, work, args, bounds), daemon=True)
    child.start()
    theirs.close()
    try:
        return _listen(child, ours, monotonic() + bounds.seconds, tell, stopped)
    finally:
        child.kill()
        child.join()
        ours.close()


def _listen(child: Any, pipe: Any, deadline: float, tell: Progress, stopped: Event) -> Any:
    """Hear the child to its end."""
    while True:
        if stopped.is_set():
            raise Stopped
        if monotonic() > deadline:
            raise ChildError(words.WORK_TOO_LONG)
        if not pipe.poll(LOOK):
            continue
        try:
            said = json.loads(pipe.recv_bytes(LONGEST_ANSWER))
        except (EOFError, OSError) as error:
            child.join(10)
            raise ChildError(_last_words(child.exitcode)) from error
        if "stage" in said:
            tell(said["stage"], said["part"])
        elif "error" in said:
            raise ChildError(said["error"])
        else:
            return said["value"]


def _last_words(exit_code: int | None) -> str:
    """Why a child is gone that said nothing: the system stops it at its bounds, or it crashed."""
    if exit_code == -getattr(signal, "SIGXCPU", 0):
        return words.WORK_TOO_LONG
    return words.WORK_TOO_MUCH if exit_code in (-getattr(signal, "SIGKILL", 9), -signal.SIGABRT) else words.WORK_CRASHED


# ---- in the child ----------------------------------------------------------------------------------------------------


def _serve(pipe: Any, work: Callable[..., Any], args: tuple[Any, ...], bounds: Bounds) -> None:
    """Do the work and send what comes of it."""
    confine(bounds)

    def tell(stage: str, part: float | None) -> None:
        pipe.send_bytes(json.dumps({"stage": stage, "part": part}).encode())

    try:
        said = {"value": work(*args, progress=tell)}
    except SilentkeysError as error:
        said = {"error": str(error)}
    except MemoryError:
        said = {"error": words.WORK_TOO_MUCH}
    except Exception as error:
        out_of_memory = "alloc" in str(error).lower() or "memory" in str(error).lower()
        went_wrong = words.WORK_WENT_WRONG.format(kind=type(error).__name__, error=error)
        said = {"error": words.WORK_TOO_MUCH if out_of_memory else went_wrong}
    with suppress(BrokenPipeError):  # nobody listens any more
        pipe.send_bytes(json.dumps(said).encode())
    pipe.close()


def confine(bounds: Bounds) -> None:
    """Set the bounds of this process, which it cannot loosen again."""
    if resource is None:
        return
    cpu = int(bounds.seconds * (os.cpu_count() or 1)) + 1
    for what, most in (("DATA", bounds.memory), ("CPU", cpu), ("FSIZE", LARGEST_FILE), ("CORE", 0)):
        kind = getattr(resource, f"RLIMIT_{what}")
        _, hard = resource.getrlimit(kind)
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        with suppress(ValueError, OSError):  # a system that does not know this bound
            resource.setrlimit(kind, (most, most))
    with suppress(OSError):
        os.nice(NICE)
    sys.stdin = open(os.devnull)  # noqa: SIM115
