"""Notes -> hands: on which of the two staves each stands, where nobody saw who played it.

A small convolutional network looks along the notes in the order in which they are struck. Of each note it sees how far
the notes around it lie from it on the keyboard and in time, which of them sound still, and the hands that are known; it
has learned from scores where lines go on and when hands cross, and says how likely the right hand is. Then every chord
is cut in two, so that over the whole piece (beam search) the network is contradicted least, no hand spans more than it
can, and both move little.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pianoroll import Hand, Note, checkpoint
from pianoroll.reach import strikes
from score.errors import ScoreError

DEFAULT_WEIGHTS = Path(__file__).parent / "weights" / "staves.safetensors"
TRUST = 0.7  # in the network: what it costs to contradict it by an odds ratio of e
CUTS, BEAM = 4, 16  # ways to cut a chord, and ways to have played so far, that are followed
EASY_SPAN = 12  # semitones: an octave
WIDEST_SPAN = 16  # semitones: beyond it a hand needs an arpeggio
HELD = 0.3  # what a span that begins with a held note counts of one that is struck: the pedal may hold it
HANDOVER = 0.7  # price of a line's going on, by a step, in a hand that has rested...
HANDED_OVER = 1.0  # ...so many seconds
SETTLED = 1.5  # seconds after which a hand may be anywhere
APART = 19.0  # semitones that two hands usually lie apart
START = (48.0, 67.0)  # pitches at which the hands are looked for before any note is known: of no weight after it
SIDES: dict[Hand | None, float] = {"left": -1.0, None: 0.0, "right": 1.0}
ROWS = 4  # of what the network reads: onset and length in seconds, pitch, the hand where it is known (SIDES)
TOGETHER = 0.035  # seconds: as in pianoroll.reach
SEEN = 6  # of each note around another
LONGEST = 2.0  # seconds: with the pedal down longer lengths say nothing


@dataclass(frozen=True)
class StavesSizes:
    """``around``: notes before and as many after that each note is compared with; widths of the layers."""

    around: int = 14
    first: int = 96
    width: int = 64
    layers: int = 6


class StavesNet(nn.Module):
    """Notes as ``note_rows`` gives them, ``(B, ROWS, N)`` -> ``(B, N)``: log-odds of the right hand."""

    def __init__(self, sizes: StavesSizes | None = None) -> None:
        super().__init__()
        self.sizes = size = sizes or StavesSizes()
        width = size.width
        self.first = nn.Linear(SEEN * 2 * size.around + 3, size.first)
        self.second = nn.Linear(size.first, width)
        reaches = [2**layer for layer in range(size.layers)]
        self.along = nn.ModuleList(nn.Conv1d(width, width, 3, padding=reach, dilation=reach) for reach in reaches)
        self.across = nn.ModuleList(nn.Conv1d(width, width, 1) for _ in reaches)
        self.last = nn.Conv1d(width, 1, 1)

    def forward(self, rows: Tensor) -> Tensor:
        x = self.second(F.gelu(self.first(self.compared(rows)))).transpose(1, 2)
        for along, across in zip(self.along, self.across, strict=True):
            x = x + across(F.gelu(along(x)))
        return self.last(F.gelu(x))[:, 0]

    def compared(self, rows: Tensor) -> Tensor:
        """``(B, N, features)``: each note itself, and the notes around it as seen from it."""
        around = self.sizes.around
        beyond = F.pad(rows, (around, around), value=torch.nan).unfold(2, 2 * around + 1, 1)  # (B, ROWS, N, around)
        others = torch.cat([beyond[..., :around], beyond[..., around + 1 :]], dim=3)
        there = ~others[:, 0].isnan()
        onset, length, pitch, hand = others.nan_to_num().unbind(1)
        own_onset, own_length, own_pitch, own_hand = rows.unsqueeze(3).unbind(1)
        time, interval = onset - own_onset, pitch - own_pitch
        sounding = (onset + length.clamp(max=LONGEST) > own_onset) & (time <= 0)
        together = there & (time.abs() < TOGETHER)
        seen = [
            (interval / 12).clamp(-3, 3),
            (interval / 4).tanh(),
            time.sign() * (1 + time.abs() / 0.1).log() / 2,
            together,
            sounding,
            hand,
        ]
        seen = [torch.where(there, each.float(), 0.0) for each in seen]
        itself = [(own_pitch - 62) / 20, (own_length.clamp(0.02, LONGEST) / 0.3).log(), own_hand]
        return torch.cat([*seen, *itself], dim=2)


def note_rows(notes: Sequence[Note]) -> np.ndarray:
    """``(ROWS, N)`` float32: what the network reads of notes that are in order."""
    begin = notes[0].onset
    rows = [(note.onset - begin, note.offset - note.onset, note.pitch, SIDES[note.hand]) for note in notes]
    return np.array(rows, dtype=np.float32).T


def hands_by_staff(notes: Sequence[Note], *, weights: str | os.PathLike[str] | None = None) -> list[Note]:
    """The same notes, sorted, each with a hand; a hand that was known stays. Raises ScoreError."""
    chords = strikes(notes)
    if not chords:
        return []
    network, _ = load_staves(str(weights or DEFAULT_WEIGHTS))
    with torch.inference_mode():
        odds = network(torch.from_numpy(note_rows([note for chord in chords for note in chord]))[None])[0].tolist()
    sides: tuple[Hand, Hand] = ("left", "right")
    cut = zip(chords, _cut(chords, odds), strict=True)
    played = [(note, side) for chord, way in cut for note, side in zip(chord, way, strict=True)]
    return sorted(
        (note if note.hand else replace(note, hand=sides[side]) for note, side in played),
        key=lambda note: (note.onset, note.pitch),
    )


@dataclass(frozen=True)
class _Hands:
    """A way of having played so far. For left and right: centre (pitch), time of the last note, notes held. ``sides``:
    of the last chord's notes, 1 for the right; ``before``: the way that it goes on."""

    cost: float
    centres: tuple[float, float]
    times: tuple[float, float]
    held: tuple[tuple[Note, ...], tuple[Note, ...]]
    sides: tuple[int, ...]
    before: "_Hands | None"


def _cut(chords: Sequence[Sequence[Note]], odds: Sequence[float]) -> list[tuple[int, ...]]:
    """For each chord the hand of each note, 1 for the right: the cheapest way through the piece that was found."""
    beam, first = [_Hands(0.0, START, (-1e3, -1e3), ((), ()), (), None)], 0
    for chord in chords:
        cuts = _cuts(chord, odds[first : first + len(chord)])
        first += len(chord)
        grown = sorted((_play(way, chord, *cut) for way in beam for cut in cuts), key=lambda way: way.cost)
        different: dict[tuple[int, int], _Hands] = {}
        for way in grown:
            different.setdefault((round(way.centres[0]), round(way.centres[1])), way)
        beam = list(different.values())[:BEAM]
    sides, way = [], beam[0]
    while way.before:
        sides.append(way.sides)
        way = way.before
    return sides[::-1]


def _cuts(chord: Sequence[Note], odds: Sequence[float]) -> list[tuple[tuple[int, ...], float]]:
    """The CUTS likeliest ways to deal out a chord, low to the left and high to the right, and what each costs by the
    ``odds`` of the right hand; notes whose hand is known are not cut."""
    unknown = [index for index, note in enumerate(chord) if not note.hand]
    ways = []
    for left in range(len(unknown) + 1):
        sides = [int(note.hand == "right") for note in chord]
        for index in unknown[left:]:
            sides[index] = 1
        against = sum(max(0.0, -odds[index] if sides[index] else odds[index]) for index in unknown)
        ways.append((tuple(sides), TRUST * against))
    return sorted(ways, key=lambda way: way[1])[:CUTS]


def _play(hands: _Hands, chord: Sequence[Note], sides: tuple[int, ...], cost: float) -> _Hands:
    """Go on with a chord dealt out so. ``cost``: of dealing it out so."""
    cost += hands.cost
    centres, times, held = list(hands.centres), list(hands.times), list(hands.held)
    now = chord[0].onset
    for side in range(2):
        new = [note for note, its in zip(chord, sides, strict=True) if its == side]
        if not new:
            continue
        low, high = new[0].pitch, new[-1].pitch
        down = [note for note in held[side] if note.offset > now + 0.05]
        pitches = [low, high, *(note.pitch for note in down)]
        rested = now - times[side]
        cost += _span_cost(high - low) + HELD * _span_cost(max(pitches) - min(pitches))
        line = [note.pitch for note in held[1 - side]] if rested > HANDED_OVER > now - times[1 - side] else []
        cost += HANDOVER * any(abs(low - pitch) <= 2 or abs(high - pitch) <= 2 for pitch in line)
        cost += 0.3 * max(0, len(down) + len(new) - 5) + _move_cost(centres[side], low, high, rested)
        centres[side] += ((low + high) / 2 - centres[side]) * min(1.0, max(0.5, rested / SETTLED))
        times[side], held[side] = now, (*down, *new)
    distance = centres[1] - centres[0]
    cost += 0.04 * max(0.0, 10.0 - distance) + 0.005 * abs(distance - APART)
    for side in range(2):  # a hand that rests follows the other at a distance
        if times[side] < now - SETTLED:
            wanted = centres[1 - side] + (APART if side else -APART)
            centres[side] += 0.2 * (wanted - centres[side])
    return _Hands(cost, (centres[0], centres[1]), (times[0], times[1]), (held[0], held[1]), sides, hands)


def _span_cost(semitones: int) -> float:
    """What it costs to span so much at once: nothing within an octave, much beyond a tenth."""
    return 0.5 * max(0, semitones - EASY_SPAN) + 2.0 * max(0, semitones - WIDEST_SPAN)


def _move_cost(centre: float, low: int, high: int, seconds: float) -> float:
    """What it costs to bring a hand from ``centre`` over the notes: what lies under it is free, time heals."""
    distance = max(0.0, centre - low - 4.0, high - centre - 4.0)
    return (0.12 * distance + 0.03 * abs((low + high) / 2 - centre)) / (1.0 + max(0.0, seconds) / SETTLED)


def save_staves(network: StavesNet, path: str | os.PathLike[str], facts: dict[str, Any]) -> None:
    """Write weights, sizes and the training's ``facts``. Raises FileError."""
    checkpoint.save(network, path, facts)


@cache
def load_staves(path: str) -> tuple[StavesNet, dict[str, Any]]:
    """The network in evaluation mode and its facts. Raises ScoreError where the file is none."""
    return checkpoint.load(path, lambda sizes: StavesNet(StavesSizes(**sizes)), "silentkeys' staves", ScoreError)
