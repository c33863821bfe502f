"""The tests of ``app`` judge how the stages are put together: what the video shows is given, all else is real."""

import contextlib
import os
import queue
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from shown import decode, show, shown_one

import roll2midi
import video2roll
from app import batch, child

ROOT = Path(__file__).resolve().parents[2]


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
        """A thread cannot be; but nobody waits for it any more."""
        self.join = lambda timeout=None: None  # type: ignore[method-assign]


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


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a served page has its temporary files, those of visitors among them."""
    return tmp_path_factory.mktemp("served")


@pytest.fixture(scope="session")
def address(served: Path) -> Iterator[str]:
    """The page, served as ``silentkeys app`` does."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    words = [sys.executable, "-m", "app.cli", "app", "--port", str(port), "--no-browser"]
    environment = {**os.environ, "TMPDIR": str(served)}
    with open(served / "said.txt", "w") as log:
        server = subprocess.Popen(words, cwd=ROOT, env=environment, stdout=log, stderr=log, start_new_session=True)
    try:
        _wait_for(f"http://localhost:{port}/_stcore/health", server)
        yield f"http://localhost:{port}"
    finally:
        os.killpg(server.pid, 15)
        server.wait(10)


def _wait_for(address: str, server: subprocess.Popen[bytes]) -> None:
    for _ in range(150):
        try:
            urllib.request.urlopen(address, timeout=1).close()
            return
        except OSError:
            assert server.poll() is None, "the page did not start"
            time.sleep(0.1)
    pytest.fail("the page did not answer")
