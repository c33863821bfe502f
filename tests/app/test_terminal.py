"""What the bars of a batch show."""

import io
import sys

import pytest
from rich.console import Console

from app import terminal


def test_a_bar_a_worker_and_the_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    shown = io.StringIO()
    monkeypatch.setattr(sys, "argv", ["silentkeys", "batch"])
    monkeypatch.setattr(terminal, "console", Console(file=shown, force_terminal=True, width=120, legacy_windows=False))
    monkeypatch.setattr(terminal.time, "monotonic", lambda: now[0])
    with terminal.worker_bars() as (tell, watch):
        tell(0, 40, 0.001)
        watch(0, None, "starting", None)
        watch(1, "[bold]two.mp4", "read", 0.25)
        now[0] += 60
        tell(1, 40, 0.001)
        tell(10, 40, 0.25)
    with terminal.worker_bars() as (tell, watch):
        watch(0, "one.mp4", "read", 0.5)
        watch(0, None, "", None)
    text = shown.getvalue()
    assert "10 of 40 videos" in text
    assert "about 3 min left" in text
    assert text.count(" h ") == 0  # nothing is said of the rest before some is done
    assert "[bold]two.mp4: read" in text
    assert "25 %" in text
    assert "starting" in text
    assert "one.mp4" not in text  # its worker has ended before it was drawn


@pytest.mark.parametrize(
    ("seconds", "words"), [(7.6, "8 s"), (59, "59 s"), (95, "2 min"), (3599, "1 h 0 min"), (7800, "2 h 10 min")]
)
def test_times_as_people_say_them(seconds: float, words: str) -> None:
    assert terminal.clock(seconds) == words
