"""The tests of ``app`` judge how the stages are put together: what the video shows is given, all else is real."""

import pytest
from shown import decode, show, shown_one

import roll2midi
import video2roll
from app import batch


@pytest.fixture
def seeing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every video shows PLAYED."""
    monkeypatch.setattr(video2roll, "transcribe", show, raising=False)
    monkeypatch.setattr(roll2midi, "decode", decode, raising=False)


@pytest.fixture
def seeing_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every video shows PLAYED to the workers of a batch."""
    monkeypatch.setattr(batch, "transcribe_one", shown_one)
