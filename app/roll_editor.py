"""The piano roll of the results, to look at, to follow while it sounds, and to mend: a component of the web page."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

from app import words
from app.edits import OCTAVE, SAME, SHORTEST, Edits
from pianoroll import Note
from pianoroll.keys import PITCHES, pitch_name

DOUBTFUL = 0.75
"""Confidence below which a note is shown as uncertain. On nine dev clips (1,286 notes, 113 of them wrong) those are
12 % of the notes and 42 % of the wrong ones, and 31 % of them are wrong; at 0.9 it were 40 %, 84 % and 18 %."""

_HERE = Path(__file__).parent


def _read(*names: str) -> str:
    return "\n".join((_HERE / name).read_text(encoding="utf-8") for name in names)


_component = st.components.v2.component(
    "silentkeys_roll_editor",
    html=_read("roll_editor.html"),
    css=_read("roll_editor.css"),
    js=_read("roll_view.js", "roll_edits.js", "roll_editor.js"),
)


@dataclass(frozen=True)
class Piece:
    """What the roll shows. ``reading``: names what was read, whose edits are not another's; ``notes``: as they were
    read, without edits and in the keys that were played; ``transpose``: semitones by which they are shown higher;
    ``start``, ``end``: the part of the video that was read, seconds; ``beats``, ``bars``: where they begin."""

    reading: str
    notes: Sequence[Note]
    transpose: int
    start: float
    end: float
    beats: Sequence[float] = ()
    bars: Sequence[float] = ()


def roll_editor(
    piece: Piece, edits: Edits, revision: int, *, key: str, on_edits: Callable[[dict[str, Any]], None]
) -> None:
    """Show the roll. ``edits`` as they were known at ``revision``: the editor begins with them, and keeps its own.

    ``on_edits`` is given ``{"reading": …, "revision": …, "edits": …}`` as the browser sent it, a moment after the last
    edit and before the page runs: judge it by ``read_edits``.
    """
    component: Any = _component
    component(
        key=key,
        data={
            "reading": piece.reading,
            "revision": revision,
            "edits": edits.as_dict(),
            "notes": [_row(note) for note in sorted(piece.notes, key=lambda note: note.onset)],
            "transpose": piece.transpose,
            "start": piece.start,
            "end": piece.end,
            "beats": list(piece.beats),
            "bars": list(piece.bars),
            "names": _names(),
            "doubtful": DOUBTFUL,
            "rules": {"same": SAME, "octave": OCTAVE, "shortest": SHORTEST},
            "words": words.ROLL,
        },
        on_edits_change=lambda: on_edits(st.session_state[key].get("edits")),
    )


def _row(note: Note) -> list[Any]:
    times = (float(note.onset), int(note.pitch), float(note.offset))  # exactly: edits name notes by them
    return [*times, int(note.velocity), note.hand, note.finger, round(float(note.confidence), 3)]


@cache
def _names() -> dict[int, str]:
    return {pitch: pitch_name(pitch) for pitch in PITCHES.tolist()}
