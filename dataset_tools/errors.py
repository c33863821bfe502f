"""What kind of mistakes a transcription makes: what a player would have to mend, counted.

A true note is *found* where a predicted one of its pitch begins within 100 ms (each serves once); the others are
*missed*, and predicted notes that serve none are *extra*. Both are sorted by what lies beside them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields

import mir_eval
import numpy as np
from scipy.stats import spearmanr

from pianoroll import Note
from pianoroll.keys import BLACK
from pianoroll.metrics import Score, intervals

AGAIN = 0.15  # seconds from a key's coming up to its being struck again
NEAR = 0.1  # seconds between onsets of notes that belong together


@dataclass(frozen=True)
class Errors:
    """Counts that can be added up, and how late found notes begin (seconds).

    ``merged``: missed, as the same key was read as held on. ``split``: extra, inside a true note of the same key.
    ``neighbour``, ``octave``: extra, one or two keys, or twelve, from a true note that begins there. ``invented``: the
    other extra ones; ``unseen``: the other missed ones. ``again``: true notes struck shortly after their key came up,
    and ``again_found`` of them. ``frame_white``, ``frame_black``: frames, by the keys' colour. ``strays``: how far each
    found note begins from where its file's usual lateness has it (seconds). ``ranks``: each file's rank correlation of
    velocities, where the true ones differ.
    """

    found: int = 0
    merged: int = 0
    unseen: int = 0
    split: int = 0
    neighbour: int = 0
    octave: int = 0
    invented: int = 0
    again: int = 0
    again_found: int = 0
    frame_white: Score = field(default_factory=Score)
    frame_black: Score = field(default_factory=Score)
    late_white: list[float] = field(default_factory=list)
    late_black: list[float] = field(default_factory=list)
    strays: list[float] = field(default_factory=list)
    ranks: list[float] = field(default_factory=list)

    def __add__(self, other: "Errors") -> "Errors":
        return Errors(*(getattr(self, each.name) + getattr(other, each.name) for each in fields(self)))

    def as_dict(self) -> dict[str, float | int | None]:
        """Counts; F1 of frames on white and on black keys; the median onset error of the notes found and the mean of
        what is left without it, in ms; and the mean rank correlation of velocities. None where there is none."""
        counts = {each.name: getattr(self, each.name) for each in fields(self) if each.type is int}
        colours = {"white": (self.frame_white, self.late_white), "black": (self.frame_black, self.late_black)}
        frames = {f"frame_{name}": None if s == Score() else round(s.f1, 4) for name, (s, _) in colours.items()}
        late = {f"late_{name}_ms": _median_ms(late) for name, (_, late) in colours.items()}
        strays = round(1000 * float(np.mean(self.strays)), 1) if self.strays else None
        rank = round(float(np.mean(self.ranks)), 3) if self.ranks else None
        return counts | frames | late | {"strays_ms": strays, "velocity_rank": rank}


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
    again = _struck_again(true)
    every = np.array(late[False] + late[True])
    return Errors(
        again=len(again),
        again_found=len(again & found),
        strays=np.abs(every - np.median(every)).tolist() if len(every) else [],
        ranks=_rank([true[i].velocity for i, _ in pairs], [predicted[j].velocity for _, j in pairs]),
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


def _struck_again(true: Sequence[Note]) -> set[int]:
    """Which notes are struck shortly after their key came up."""
    again, ended = set(), dict[int, float]()
    for i in sorted(range(len(true)), key=lambda i: true[i]):
        note = true[i]
        if note.onset - ended.get(note.pitch, -np.inf) <= AGAIN:
            again.add(i)
        ended[note.pitch] = max(note.offset, ended.get(note.pitch, -np.inf))
    return again


def _rank(true: Sequence[int], found: Sequence[int]) -> list[float]:
    """Spearman's rank correlation, if there is one."""
    if len(true) < 3 or len(set(true)) < 2 or len(set(found)) < 2:
        return []
    return [float(spearmanr(true, found)[0])]


def _kind(extra: Note, true: Sequence[Note]) -> str:
    """Why a note that nobody played may have been read."""
    if any(n.pitch == extra.pitch and n.onset < extra.onset < n.offset + NEAR for n in true):
        return "split"
    distances = {abs(n.pitch - extra.pitch) for n in true if abs(n.onset - extra.onset) <= NEAR}
    if distances & {1, 2}:
        return "neighbour"
    return "octave" if 12 in distances else "invented"
