"""What kind of mistakes a transcription makes: what a player would have to mend, counted.

A true note is *found* where a predicted one of its pitch begins within 100 ms (each serves once); the others are
*missed*, and predicted notes that serve none are *extra*. Both are sorted by what lies beside them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields

import mir_eval
import numpy as np

from pianoroll import Note
from pianoroll.keys import BLACK
from pianoroll.metrics import Score, intervals

NEAR = 0.1  # seconds between onsets of notes that belong together


@dataclass(frozen=True)
class Errors:
    """Counts that can be added up, and how late found notes begin (seconds).

    ``merged``: missed, as the same key was read as held on. ``split``: extra, inside a true note of the same key.
    ``neighbour``, ``octave``: extra, one or two keys, or twelve, from a true note that begins there. ``invented``: the
    other extra ones; ``unseen``: the other missed ones. ``frame_white``, ``frame_black``: frames, by the keys' colour.
    """

    found: int = 0
    merged: int = 0
    unseen: int = 0
    split: int = 0
    neighbour: int = 0
    octave: int = 0
    invented: int = 0
    frame_white: Score = field(default_factory=Score)
    frame_black: Score = field(default_factory=Score)
    late_white: list[float] = field(default_factory=list)
    late_black: list[float] = field(default_factory=list)

    def __add__(self, other: "Errors") -> "Errors":
        return Errors(*(getattr(self, each.name) + getattr(other, each.name) for each in fields(self)))

    def as_dict(self) -> dict[str, float | int | None]:
        """Counts; F1 of frames on white and on black keys (None where none was played or read); and the median onset
        error of the notes found, in ms (None where there is none)."""
        counts = {each.name: getattr(self, each.name) for each in fields(self) if each.type is int}
        colours = {"white": (self.frame_white, self.late_white), "black": (self.frame_black, self.late_black)}
        frames = {f"frame_{name}": None if s == Score() else round(s.f1, 4) for name, (s, _) in colours.items()}
        return counts | frames | {f"late_{name}_ms": _median_ms(late) for name, (_, late) in colours.items()}


def _median_ms(values: list[float]) -> float | None:
    return round(1000 * float(np.median(values)), 1) if values else None


def sort_errors(predicted: Sequence[Note], true: Sequence[Note]) -> Errors:
    """Compare two lists of notes."""
    pairs: list[tuple[int, int]] = []
    if predicted and true:
        pairs = mir_eval.transcription.match_notes(
            *intervals(true), *intervals(predicted), onset_tolerance=NEAR, offset_ratio=None
        )
    found, used = {i for i, _ in pairs}, {j for _, j in pairs}
    counts = dict.fromkeys(("merged", "unseen", "split", "neighbour", "octave", "invented"), 0)
    for note in (true[i] for i in range(len(true)) if i not in found):
        held = any(p.pitch == note.pitch and p.onset < note.onset < p.offset for p in predicted)
        counts["merged" if held else "unseen"] += 1
    for note in (predicted[j] for j in range(len(predicted)) if j not in used):
        counts[_kind(note, true)] += 1
    late: dict[bool, list[float]] = {False: [], True: []}
    for i, j in pairs:
        late[bool(BLACK[true[i].key])].append(predicted[j].onset - true[i].onset)
    return Errors(
        found=len(pairs),
        merged=counts["merged"],
        unseen=counts["unseen"],
        split=counts["split"],
        neighbour=counts["neighbour"],
        octave=counts["octave"],
        invented=counts["invented"],
        late_white=late[False],
        late_black=late[True],
    )


def _kind(extra: Note, true: Sequence[Note]) -> str:
    """Why a note that nobody played may have been read."""
    if any(n.pitch == extra.pitch and n.onset < extra.onset < n.offset + NEAR for n in true):
        return "split"
    distances = {abs(n.pitch - extra.pitch) for n in true if abs(n.onset - extra.onset) <= NEAR}
    if distances & {1, 2}:
        return "neighbour"
    return "octave" if 12 in distances else "invented"
