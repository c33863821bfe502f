"""How far work is, shown on the page until it is over: stage, percent, time left, place in line, and a way out."""

from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from app import words
from app.line import Job
from app.visit import Visit

TICK = 0.25  # seconds between two looks at a job
Stages = Mapping[str, tuple[float, float, str]]
"""A stage's share of the bar, from and to, and what it is called."""

FETCHING: Stages = {
    "ask": (0.0, 0.02, words.ASKING_SITE),
    "fetch": (0.02, 1.0, words.FETCHING_VIDEO),
}
READING: Stages = {
    "keyboard": (0.0, 0.1, words.LOOKING_FOR_KEYBOARD),
    "read": (0.1, 0.9, words.READING_KEYS),
}
WRITING: Stages = {
    "notes": (0.9, 0.91, words.FINDING_NOTES),
    "files": (0.91, 0.93, words.WRITING_FILES),
    "score": (0.93, 0.97, words.ENGRAVING_SCORE),
    "sound": (0.97, 1.0, words.PLAYING_SOUND),
}
DRAWING: Stages = {
    "notes": (0.0, 0.01, words.FINDING_NOTES),
    "sound": (0.01, 0.05, words.PLAYING_SOUND),
    "video": (0.05, 1.0, words.DRAWING_VIDEO),
}


def follow(here: Visit, job: Job, *, stages: Stages, doing: str, cancel: Callable[[], None]) -> Any:
    """Show how far a job is until it is over; gives its value. ``doing``: what it is, as long as no stage is known.

    Whatever the visitor does meanwhile interrupts this, and the next run of the page follows the job again.
    Raises ChildError, and Stopped where it was called off.
    """
    place = st.empty()
    with place.container(horizontal=True, vertical_alignment="center"):
        bar = st.empty()
        st.button(words.CANCEL, key=f"cancel {doing}", on_click=cancel, icon=":material/close:")
    while not job.over.wait(TICK):
        here.touch()
        part, text = told(job, stages, doing)
        bar.progress(part, text)
    place.empty()
    return job.value()


def told(job: Job, stages: Stages, doing: str) -> tuple[float, str]:
    """How much of the bar is full, and the words beside it."""
    before = job.place
    if before:
        return 0.0, words.ONE_BEFORE if before == 1 else words.SOME_BEFORE.format(count=before)
    state = job.state
    low, high, stage = stages.get(state.stage, (0.0, 0.0, doing))
    part = min(1.0, low + (high - low) * (state.part or 0.0))
    text = (words.DOING_PART if state.stage in stages else words.DOING).format(stage=stage, percent=round(100 * part))
    return part, text if state.left is None else words.TIME_LEFT.format(doing=text, time=_in_words(state.left))


def _in_words(seconds: float) -> str:
    """A length of time, as exact as it can be known: 5 s, 40 s, 3 min."""
    if seconds < 90:
        return words.ABOUT_SECONDS.format(seconds=max(5, 5 * round(seconds / 5)))
    return words.ABOUT_MINUTES.format(minutes=round(seconds / 60))
