"""Two batches never write into one folder at once; a batch that was killed is never in the way of the next."""

import subprocess
import sys
from pathlib import Path

import pytest

from app.batch import run_batch
from app.folder_lock import LOCK, BusyError, only_one

HOLD = """
import sys, time
from pathlib import Path
from app.folder_lock import only_one
with only_one(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path: Path) -> "subprocess.Popen[str]":
    """Another process that writes into the folder."""
    process = subprocess.Popen([sys.executable, "-c", HOLD, tmp_path], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_the_second_is_told_until_the_first_was_killed(holder: "subprocess.Popen[str]", tmp_path: Path) -> None:
    with pytest.raises(BusyError, match="Another batch is writing into"), only_one(tmp_path):
        pytest.fail("both are within")
    holder.kill()
    holder.communicate()
    assert (tmp_path / LOCK).exists()  # left behind, but not locked
    with only_one(tmp_path), pytest.raises(BusyError), only_one(tmp_path):
        pytest.fail("both are within")
    assert list(tmp_path.iterdir()) == []


def test_a_batch_ends_at_once_with_its_own_exit_code(holder: "subprocess.Popen[str]", tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_text("no video")
    command = [sys.executable, "-m", "app.cli", "batch", tmp_path / "a.mp4", "-o", tmp_path]
    second = subprocess.run(command, capture_output=True, text=True)
    holder.kill()
    holder.communicate()
    assert second.returncode == 5
    assert second.stderr.startswith(f"silentkeys: Another batch is writing into {tmp_path};")
    assert len(second.stderr.strip().splitlines()) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == [LOCK, "a.mp4"]
    assert run_batch([tmp_path / "a.mp4"], tmp_path)[0].outcome == "failed"  # it is no video, but was tried
    assert not (tmp_path / LOCK).exists()


def test_without_locks_the_work_is_done_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fcntl = pytest.importorskip("fcntl")

    def unknown(handle: int, how: int) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(fcntl, "flock", unknown)
    with only_one(tmp_path), only_one(tmp_path):
        assert (tmp_path / LOCK).exists()
