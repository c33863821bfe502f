"""A line of jobs: in their order, no more at once than is meant, each knows its place, and whoever leaves lets go."""

from threading import Event
from time import monotonic, sleep
from typing import Any

import pytest

from app import child, waiting
from app.child import Bounds, ChildError, Stopped
from app.line import Job, Line
from pianoroll import SilentkeysError

BOUNDS = Bounds(memory=1 << 30, seconds=60)
pytestmark = pytest.mark.usefixtures("no_processes")


class Work:
    """Work that begins when it may, and ends when it is told to."""

    def __init__(self) -> None:
        self.begun, self.end = Event(), Event()

    def __call__(self, *, progress: Any) -> str:
        self.begun.set()
        progress("read", 0.25)
        self.end.wait(20)
        return "done"


def jobs(line: Line, count: int) -> list[tuple[Work, Job]]:
    works = [Work() for _ in range(count)]
    return [(work, Job(line, BOUNDS, work)) for work in works]


def test_jobs_are_done_in_their_order_and_know_their_place() -> None:
    (first, one), (second, two), (third, three) = jobs(Line(1), 3)
    assert first.begun.wait(10)
    assert [job.place for job in (one, two, three)] == [0, 1, 2]
    assert not second.begun.wait(0.3)
    first.end.set()
    assert one.value() == "done"
    assert second.begun.wait(10)
    assert [job.place for job in (two, three)] == [0, 1]
    second.end.set()
    third.end.set()
    assert [two.value(), three.value()] == ["done", "done"]


def test_as_many_at_once_as_is_meant() -> None:
    works = jobs(Line(2), 3)
    assert all(work.begun.wait(10) for work, _ in works[:2])
    assert not works[2][0].begun.wait(0.3)
    assert [job.place for _, job in works] == [0, 0, 1]
    works[1][0].end.set()
    assert works[2][0].begun.wait(10)
    for work, job in works:
        work.end.set()
        assert job.value() == "done"


def test_who_is_called_off_leaves_the_line_to_the_others() -> None:
    line = Line(1)
    (first, one), (second, two), (third, three) = jobs(line, 3)
    assert first.begun.wait(10)
    two.stop()
    with pytest.raises(Stopped):
        two.value()
    assert three.place == 1
    one.stop()
    with pytest.raises(Stopped):
        one.value()
    assert third.begun.wait(10)
    assert not second.begun.is_set()
    third.end.set()
    assert three.value() == "done"
    for work in (first, second):
        work.end.set()


def test_a_job_that_fails_says_why_and_the_next_begins() -> None:
    def fail(*, progress: Any) -> None:
        raise SilentkeysError("There is no keyboard in it.")

    line = Line(1)
    failing = Job(line, BOUNDS, fail)
    ((work, job),) = jobs(line, 1)
    with pytest.raises(ChildError, match="no keyboard in it"):
        failing.value()
    work.end.set()
    assert job.value() == "done"


def test_what_is_told_of_a_job(monkeypatch: pytest.MonkeyPatch) -> None:
    line = Line(1)
    (first, one), (_, two), (_, three) = jobs(line, 3)
    assert first.begun.wait(10)
    while one.state.part is None:
        sleep(0.01)
    assert waiting.told(one, waiting.READING, "Beginning") == (0.1 + 0.8 / 4, "Reading the keys … 30 %")
    assert waiting.told(two, waiting.READING, "Beginning")[1].startswith("One other is before you")
    assert waiting.told(three, waiting.READING, "Beginning")[1].startswith("2 others are before you")
    one._began = monotonic() - 10
    assert waiting.told(one, waiting.READING, "Beginning")[1].endswith("30 %, about 30 s left")
    one._began = monotonic() - 60
    assert waiting.told(one, waiting.READING, "Beginning")[1].endswith("about 3 min left")
    for job in (three, two, one):
        job.stop()
    first.end.set()


def test_a_child_that_cannot_be_begun_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**how: Any) -> None:
        raise OSError("no more processes")

    monkeypatch.setattr(child.CONTEXT, "Process", refuse)
    with pytest.raises(ChildError, match="could not be begun: OSError"):
        Job(Line(1), BOUNDS, lambda progress: None).value()
