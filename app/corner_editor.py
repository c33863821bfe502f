"""Four corners to drag over a picture of the video, with the keys drawn between them: a component of the web page."""

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from app import words
from pianoroll.keys import BLACK_KEY_LENGTH, PITCHES, is_black, key_edges

_HERE = Path(__file__).parent


def _read(suffix: str) -> str:
    return (_HERE / f"corner_editor.{suffix}").read_text(encoding="utf-8")


_component = st.components.v2.component(
    "silentkeys_corner_editor", html=_read("html"), css=_read("css"), js=_read("js")
)


def corner_editor(
    picture: str,
    size: tuple[int, int],
    corners: np.ndarray,
    keys: tuple[int, int],
    *,
    revision: int,
    key: str,
) -> np.ndarray:
    """Show the editor; gives the corners ``(4, 2)`` as they stand, pixels of the video in the order of ``Keyboard``.

    ``picture``: its address (data: will do). ``size``: width and height of the video. ``keys``: lowest and highest MIDI
    pitch between the corners. Moved corners hold until ``revision`` changes: then ``corners`` are shown again. They may
    cross: see ``check_corners``.
    """
    corners = _moved(st.session_state.get(key), revision, corners)  # what an editor that is made anew shows
    state: Any = _component(
        key=key,
        data={
            "picture": picture,
            "width": size[0],
            "height": size[1],
            "corners": np.asarray(corners, dtype=float).round(2).tolist(),
            "lowest": keys[0],
            "highest": keys[1],
            "revision": revision,
            "keys": _keys(),
            "blackLength": BLACK_KEY_LENGTH,
            "words": words.CORNERS,
        },
        on_corners_change=lambda: None,
    )
    return _moved(state, revision, corners)


def _moved(state: Any, revision: int, corners: np.ndarray) -> np.ndarray:
    """The corners that the editor sent last, or those that the page set since."""
    moved = state.get("corners") if state else None
    if not moved or moved["revision"] != revision:
        return corners
    return np.array(moved["corners"], dtype=float)


@cache
def _keys() -> list[dict[str, float | bool]]:
    """The 88 keys as the component draws them, in white-key widths."""
    keys = []
    for pitch in PITCHES.tolist():
        left, right = key_edges(pitch)
        keys.append({"pitch": pitch, "left": left, "right": right, "black": is_black(pitch)})
    return keys
