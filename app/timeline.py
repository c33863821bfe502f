"""A timeline with pictures, on which a part of a video is chosen: a component of the web page."""

from pathlib import Path
from typing import Any

import streamlit as st

from app import words
from app.filmstrip import Filmstrip

LEAST = 1.0  # seconds: the shortest part that may be chosen

_HERE = Path(__file__).parent


def _read(suffix: str) -> str:
    return (_HERE / f"timeline.{suffix}").read_text(encoding="utf-8")


_component = st.components.v2.component("silentkeys_timeline", html=_read("html"), css=_read("css"), js=_read("js"))


def timeline(strip: Filmstrip, span: tuple[float, float], *, revision: int, key: str) -> tuple[float, float]:
    """Show the timeline; gives the part as it stands: begin and end in seconds.

    A part that was chosen holds until ``revision`` changes: then ``span`` is shown again.
    """
    span = _chosen(st.session_state.get(key), revision) or span  # what a timeline that is made anew shows
    state: Any = _component(
        key=key,
        data={
            "pictures": strip.pictures,
            "seconds": strip.seconds,
            "width": strip.size[0],
            "height": strip.size[1],
            "duration": strip.duration,
            "start": span[0],
            "end": span[1],
            "revision": revision,
            "least": LEAST,
            "words": words.TIMELINE,
        },
        on_span_change=lambda: None,
    )
    return _chosen(state, revision) or span


def _chosen(state: Any, revision: int) -> tuple[float, float] | None:
    """The part that the component sent last, unless the page set another one since."""
    chosen = state.get("span") if state else None
    if not chosen or chosen["revision"] != revision:
        return None
    return float(chosen["start"]), float(chosen["end"])
