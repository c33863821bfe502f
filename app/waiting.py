"""How far work is, shown on the page until it is over: stage, percent, time left, place in line, and a way out."""

from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from app.line import Job
from app.visit import Visit

TICK = 0.25  # seconds between two looks at a job
Stages = Mapping[str, tuple[float, float, str]]
"""A stage's share of the bar, from and to, and what it is called."""

FETCHING: Stages = {
    "ask": (0.0, 0.02, "Asking the site"),
    "fetch": (0.02, 1.0, "Fetching the video"),
}
READING: Stages = {
    "keyboard": (0.0, 0.1, "Looking for the keyboard"),
    "read": (0.1, 0.9, "Reading the keys"),
}
WRITING: Stages = {
    "notes": (0.9, 0.91, "Finding the notes"),
    "files": (0.91, 0.93, "Writing the files"),
    "score": (0.93, 0.97, "Engraving the score"),
    "sound": (0.97, 1.0, "Playing the sound"),
}
DRAWING: Stages = {
    "notes": (0.0, 0.01, "Finding the notes"),
    "sound": (0.01, 0.05, "Playing the sound"),
    "video": (0.05, 1.0, "Drawing the video"),
}


def follow(here: Visit, job: Job, *, stages: Stages, doing: str, cancel: Callable[[], None]) -> Any:
    """Show how far a job is until it is over; gives its value. ``doing``: what it is, as long as no stage is known.

    Whatever the visitor does meanwhile interrupts this, and the next run of the page follows the job again.
    Raises ChildError, and Stopped where it was called off.
    """
    place = st.empty()
    with place.container(horizontal=True, vertical_alignment="center"):
        bar = st.empty()
        st.button("Cancel", key=f"cancel {doing}", on_click=cancel, icon=":material/close:")
    while not job.over.wait(TICK):
        here.touch()
        part, words = told(job, stages, doing)
        bar.progress(part, words)
    place.empty()
    return job.value()


def told(job: Job, stages: Stages, doing: str) -> tuple[float, str]:
    """How much of the bar is full, and the words beside it."""
    before = job.place
    if before:
        return 0.0, f"{'One other is' if before == 1 else f'{before} others are'} before you; yours begins by itself …"
    state = job.state
    low, high, text = stages.get(state.stage, (0.0, 0.0, doing))
    part = min(1.0, low + (high - low) * (state.part or 0.0))
    words = f"{text} … {round(100 * part)} %" if state.stage in stages else f"{text} …"
    return part, words if state.left is None else f"{words}, {_in_words(state.left)} left"


def _in_words(seconds: float) -> str:
    """A length of time, as exact as it can be known: 5 s, 40 s, 3 min."""
    if seconds < 90:
        return f"about {max(5, 5 * round(seconds / 5))} s"
    return f"about {round(seconds / 60)} min"
