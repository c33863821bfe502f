"""Bars of one staff -> a clef for each: the one with fewer ledger lines, changed only where it pays."""

from collections.abc import Sequence
from typing import Literal

from pianoroll import Hand
from score.rhythm import Piece

Clef = Literal["treble", "bass"]

CLEFS: tuple[Clef, Clef] = ("treble", "bass")
RANGES = {"treble": (60, 81), "bass": (40, 60)}  # MIDI pitches that need at most one ledger line: C4-A5, E2-C4
CHANGE = 14.0  # what a change of clef costs, in semitones beyond the range
UNUSUAL = 0.5  # what a bar in the other hand's clef costs


def choose_clefs(bars: Sequence[Sequence[Piece]], hand: Hand) -> list[Clef]:
    """A clef for each of the ``bars``: the cheapest way through them (dynamic programming)."""
    usual: Clef = "treble" if hand == "right" else "bass"
    costs = {clef: 0.0 if clef == usual else CHANGE for clef in CLEFS}
    ways: dict[Clef, list[Clef]] = {clef: [] for clef in CLEFS}
    for bar in bars:
        new_costs, new_ways = {}, {}
        for clef in CLEFS:
            before = min(CLEFS, key=lambda other: costs[other] + (CHANGE if other != clef else 0.0))
            change = CHANGE if before != clef else 0.0
            new_costs[clef] = costs[before] + change + _beyond(bar, clef) + (UNUSUAL if clef != usual else 0.0)
            new_ways[clef] = [*ways[before], clef]
        costs, ways = new_costs, new_ways
    return ways[min(CLEFS, key=lambda clef: (costs[clef], clef != usual))]


def _beyond(bar: Sequence[Piece], clef: Clef) -> float:
    """Semitones by which the bar's chords reach beyond the clef's range, added up over the chords."""
    low, high = RANGES[clef]
    pitches = [(piece.notes[0].pitch, piece.notes[-1].pitch) for piece in bar if piece.notes]
    return float(sum(max(0, low - bottom, top - high) for bottom, top in pitches))
