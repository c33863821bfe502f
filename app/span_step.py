"""The web page's step “Part of the video”: what is read of it, the whole unless its owner chooses less.

It is kept in the session, per video, as its pictures are.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import streamlit as st

from app import words
from app.filmstrip import Filmstrip
from app.timeline import LEAST, timeline

_revisions = count()  # of all visitors: none comes twice, so that no old part is taken for a new one


@dataclass
class Part:
    """What was chosen of one video: ``span`` is its begin and end in seconds."""

    video: tuple[str, int]
    strip: Filmstrip
    span: tuple[float, float]
    revision: int


def choose_span(video: Path, look: Callable[[], Filmstrip], *, folded: bool) -> tuple[float, float | None]:
    """Show the step for a video; gives begin and end of the part to be read in seconds, end None: to its very end.

    Another video begins with all of it, and with a ``look`` at it. ``folded``: the heading alone is seen at first.
    """
    part: Part | None = st.session_state.get("span_step")
    with st.container():  # also where nothing is waited for: what stands below keeps its place, and is not made anew
        if part is None or part.video != _name(video):
            strip = look()
            part = Part(_name(video), strip, (0.0, strip.duration), next(_revisions))
            st.session_state["span_step"] = part
    with st.expander(words.SPAN, expanded=not folded):
        st.caption(words.SPAN_HINT)
        chosen = timeline(part.strip, part.span, revision=part.revision, key="timeline")
    start, end = part.span = within(chosen, part.strip.duration)
    return start, None if end >= part.strip.duration else end


def within(span: tuple[float, float], duration: float) -> tuple[float, float]:
    """The part of a video of ``duration`` seconds that ``span`` means, no shorter than LEAST where it is that long."""
    start, end = (span[0] if math.isfinite(span[0]) else 0.0), (span[1] if math.isfinite(span[1]) else duration)
    least = min(LEAST, duration)
    start = min(max(start, 0.0), duration - least)
    return start, min(max(end, start + least), duration)


def _name(video: Path) -> tuple[str, int]:
    """What tells a video from another, also from one that was written in its place."""
    return str(video), video.stat().st_mtime_ns if video.exists() else 0
