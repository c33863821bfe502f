"""The piano roll of the results, to look at, to follow while it sounds, and to mend: a component of the web page."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

from app.edits import OCTAVE, SAME, SHORTEST, Edits
from pianoroll import Note
from pianoroll.keys import PITCHES, pitch_name

DOUBTFUL = 0.75
"""Confidence below which a note is shown as uncertain. On nine dev clips (1,286 notes, 113 of them wrong) those are
12 % of the notes and 42 % of the wrong ones, and 31 % of them are wrong; at 0.9 it were 40 %, 84 % and 18 %."""

WORDS: dict[str, Any] = {
    "roll": "Piano roll: arrow keys go from note to note and from key to key, N and P to uncertain notes, "
    "K keeps, Delete removes, Enter adds a note.",
    "overview": "Which part of the piece is seen",
    "bars": ["Piano roll", "The chosen note"],
    "play": "Play",
    "pause": "Pause",
    "play help": "Play or pause (Space)",
    "closer": "+",
    "closer help": "Zoom in (+)",
    "farther": "−",
    "farther help": "Zoom out (−)",
    "taller": "↕+",
    "taller help": "Larger keys",
    "flatter": "↕−",
    "flatter help": "Smaller keys",
    "undo": "Undo",
    "undo help": "Undo (Ctrl+Z)",
    "redo": "Redo",
    "redo help": "Redo (Ctrl+Shift+Z)",
    "clear": "All edits away",
    "clear help": "Take all edits away; Undo brings them back",
    "draw": "Add notes",
    "draw help": "Add notes by pressing empty places (A)",
    "previous": "◀",
    "previous help": "Previous uncertain note (P)",
    "next": "Next uncertain ▶",
    "next help": "Next uncertain note (N)",
    "keep": "Keep",
    "keep help": "Keep: this note is right (K)",
    "remove": "Delete",
    "remove help": "Delete this note (Delete)",
    "left": "Left hand",
    "left help": "Left hand (L)",
    "right": "Right hand",
    "right help": "Right hand (R)",
    "lower": "Lower",
    "lower help": "A key lower (Alt+↓)",
    "higher": "Higher",
    "higher help": "A key higher (Alt+↑)",
    "earlier": "Earlier",
    "earlier help": "A little earlier (Alt+←)",
    "later": "Later",
    "later help": "A little later (Alt+→)",
    "shorter": "Shorter",
    "shorter help": "A little shorter (Alt+Shift+←)",
    "longer": "Longer",
    "longer help": "A little longer (Alt+Shift+→)",
    "doubts": "{count} uncertain",
    "doubt of": "{at} of {count} uncertain",
    "nothing": "Click a note to choose it; double-click an empty place to add one.",
    "draw here": "Press an empty place to add a note; drag to say how long it is.",
    "time": "{from} to {to}",
    "hands": {"left": "left hand", "right": "right hand", "unknown": "hand unknown"},
    "finger": "finger {finger}",
    "sure": "{sure} % sure",
    "doubtful": "uncertain",
    "added": "added by hand",
    "changed": "changed by hand",
    "confirmed": "kept by hand",
    "empty": "{note}, {time}: no note; Enter adds one",
    "removed": "Deleted: {note}, {time}",
    "undone": "Undone",
    "redone": "Done again",
    "cleared": "All edits are away",
    "seen": "{from} to {to}",
    "how": "How to mend the notes",
    "help": [
        "Striped notes with a dashed edge are uncertain. Go through them with N and P (or the buttons), listen with "
        "Space, and press K to keep or Delete to remove each.",
        "Drag a note to move it, its ends to change its length. With a finger, tap it first.",
        "Double-click an empty place to add a note, or press “Add notes”, then where it belongs; drag for its length.",
        "A click on an empty place plays from there. Drag an empty place, or the strip below, to go through the piece.",
        "Ctrl and the wheel, two fingers, or − and + zoom. The wheel goes through time once the roll was clicked.",
        "Keys: ← → from note to note, ↑ ↓ a key higher or lower, Shift+← → without notes, Enter adds a note there; "
        "Alt+arrows move the chosen note, Alt+Shift+← → change its length, L and R its hand; Ctrl+Z takes back.",
        "All files, the score and the sound are made anew a moment after the last edit.",
    ],
}

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
            "words": WORDS,
        },
        on_edits_change=lambda: on_edits(st.session_state[key].get("edits")),
    )


def _row(note: Note) -> list[Any]:
    times = (float(note.onset), int(note.pitch), float(note.offset))  # exactly: edits name notes by them
    return [*times, int(note.velocity), note.hand, note.finger, round(float(note.confidence), 3)]


@cache
def _names() -> dict[int, str]:
    return {pitch: pitch_name(pitch) for pitch in PITCHES.tolist()}
