"""The tests of ``app`` judge how the stages are put together: what the video shows is given, all else is real."""

import contextlib
import queue
import threading
from types import SimpleNamespace
from typing import Any

import pytest
from shown import decode, show, shown_one

import roll2midi
import video2roll
from app import batch, child


@pytest.fixture
def seeing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every video shows PLAYED."""
    monkeypatch.setattr(video2roll, "transcribe", show, raising=False)
    monkeypatch.setattr(roll2midi, "decode", decode, raising=False)


@pytest.fixture
def seeing_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every video shows PLAYED to the workers of a batch."""
    monkeypatch.setattr(batch, "transcribe_one", shown_one)


class _Thread(threading.Thread):
    """Has what of a process is used, but shares all with the test: what is replaced there is replaced here."""

    exitcode = None

    def __init__(self, **how: Any) -> None:
        super().__init__(**how)

    def kill(self) -> None:
        """A thread cannot be."""


@pytest.fixture
def no_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Children of the page are threads."""

    class Pipe:
        """As that of processes, whose ends nobody but who uses them closes."""

        def __init__(self) -> None:
            self.said: queue.Queue[bytes] = queue.Queue()

        def poll(self, seconds: float) -> bool:
            with contextlib.suppress(queue.Empty):
                self.next = self.said.get(timeout=seconds)
                return True
            return False

        def recv_bytes(self, _: int) -> bytes:
            return self.next

        def send_bytes(self, said: bytes) -> None:
            self.said.put(said)

        def close(self) -> None:
            """Nothing is held."""

    def pipe(duplex: bool) -> tuple[Pipe, Pipe]:
        both = Pipe()
        return both, both

    monkeypatch.setattr(child, "CONTEXT", SimpleNamespace(Process=_Thread, Pipe=pipe))
    monkeypatch.setattr(child, "confine", lambda bounds: None)
    monkeypatch.setattr(child, "make_ready", lambda: None)
