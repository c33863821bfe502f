"""The tests of ``app`` judge how the stages are put together: what the video shows is given, all else is real."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from shown import decode, show, shown_one

import roll2midi
import video2roll
from app import batch

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


@pytest.fixture(scope="session")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The page, served as ``silentkeys app`` does."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    words = [sys.executable, "-m", "app.cli", "app", "--port", str(port), "--no-browser"]
    said = tmp_path_factory.mktemp("page") / "said.txt"
    with open(said, "w") as log:
        server = subprocess.Popen(words, cwd=ROOT, stdout=log, stderr=log, start_new_session=True)
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
