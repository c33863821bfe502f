"""Beats -> bars: where each begins, and in which metre it is written.

A network (``bar_net.py``) says of each beat how likely it begins a bar, and in what metre it stands. A dynamic
programme chooses the bars that agree best with both, with a price for every change of metre and for every bar with a
beat too few or too many. Such a bar is a slip of the beat, not of the composer: it is made regular.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from pianoroll.midi import BeatGrid
from score.bar_net import hear_bars
from score.beat_net import METRES
from score.beats import TICKS, Beats, on_grid

NAMES = METRES[:-1]  # of the metres that can be written
UNITS = 96  # notation units a quarter note: a 16th is 24, a triplet eighth 32
DOWN_WEIGHT, METRE_WEIGHT = 1.0, 0.03  # of what the network says of a beat: beats beside each other say the same
MISFIT = 0.3  # price of a beat in a metre whose beats have other parts than those that were found
PICK_UP = 3.0  # of beginning within a bar
CHANGE = 25.0  # price of another metre
SLIP = 8.0  # of each beat too few or too many in a bar
LONGEST_SLIP = 1  # beats


@dataclass(frozen=True)
class Metre:
    """``numerator``/``denominator`` as written."""

    numerator: int
    denominator: int

    @classmethod
    def named(cls, name: str) -> "Metre":
        """From a name such as “6/8”."""
        numerator, denominator = (int(part) for part in name.split("/"))
        return cls(numerator, denominator)

    @property
    def name(self) -> str:
        return f"{self.numerator}/{self.denominator}"

    @property
    def compound(self) -> bool:
        """Whether a beat has three parts: in 6/8, 9/8, 12/8, 6/16, 12/16."""
        return self.denominator >= 8 and self.numerator % 3 == 0 and self.numerator > 3

    @property
    def beats(self) -> int:
        """How many are counted in a bar: 2 in 6/8, 3 in 3/8."""
        return self.numerator // 3 if self.compound else self.numerator

    @property
    def beat(self) -> int:
        """Length of a counted beat in notation units."""
        return self.bar // self.beats

    @property
    def bar(self) -> int:
        """Length of a bar in notation units."""
        return 4 * UNITS * self.numerator // self.denominator


@dataclass(frozen=True)
class Bars:
    """``metres``: of each bar; ``first``: index of the tracked beat on which the first bar begins, 0 or negative."""

    metres: tuple[Metre, ...]
    first: int

    @cached_property
    def starts(self) -> np.ndarray:
        """Notation units at which each bar begins, and the last one ends: ``(bars + 1,)``."""
        return np.cumsum([0, *(metre.bar for metre in self.metres)])

    @cached_property
    def beat_units(self) -> np.ndarray:
        """Notation units of every beat from ``first`` on, one more than there are."""
        return np.cumsum([0, *(metre.beat for metre in self.metres for _ in range(metre.beats))])

    @property
    def usual(self) -> Metre:
        """The metre of most bars."""
        return max(self.metres, key=self.metres.count)

    def index_at(self, unit: float) -> int:
        """Number of the bar in which a place in notation units lies."""
        return min(max(int(np.searchsorted(self.starts, unit, side="right")) - 1, 0), len(self.metres) - 1)

    def metre_at(self, unit: float) -> Metre:
        return self.metres[self.index_at(unit)]

    def beat_at(self, bar: int) -> int:
        """Index of the tracked beat on which a bar begins."""
        return self.first + int(self._counted[bar])

    @cached_property
    def _counted(self) -> np.ndarray:
        """How many beats come before each bar, and in all."""
        return np.cumsum([0, *(metre.beats for metre in self.metres)])

    def grid(self, times: Sequence[float]) -> BeatGrid:
        """The bars over beats at ``times``, of which the first begins the first bar."""
        starts = self._counted.tolist()
        begun = [
            (start, metre.numerator, metre.denominator, metre.beats)
            for start, metre, before in zip(starts, self.metres, (None, *self.metres), strict=False)
            if metre != before
        ]
        return BeatGrid(tuple(times), *begun[0][1:], changes=tuple(begun[1:]))

    def units(self, ticks: float) -> float:
        """Notation units from the first bar line of a place in ticks from the first tracked beat."""
        beat = ticks / TICKS - self.first
        last = len(self.beat_units) - 1
        if beat >= last:
            return float(self.beat_units[-1] + (beat - last) * self.metres[-1].beat)
        return float(np.interp(beat, np.arange(last + 1), self.beat_units))


def find_bars(beats: Beats, *, metre: str | None = None) -> tuple[Beats, Bars]:
    """The likeliest bars, and the beats once they are regular. ``metre``: its name, where it is known."""
    names = [metre] if metre else NAMES
    metres = [Metre.named(name) for name in names]
    down, evidence = _evidence(beats, names)
    evidence -= MISFIT * np.array([each.compound != (beats.division == 3) for each in metres])
    path = _best_bars(down, evidence, metres)
    return _regular(beats, path, metres)


def _evidence(beats: Beats, names: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Of each beat: the probability that it begins a bar ``(B,)``, and the log score of each metre ``(B, M)``."""
    notes = [note for event in beats.events for note in event]
    places = np.repeat(beats.ticks / TICKS, [len(event) for event in beats.events])
    count = int(beats.ticks[-1]) // TICKS + 1
    down, metre = hear_bars(notes, places, beats.times[: max(2, count)])
    columns = [METRES.index(name) for name in names]
    return np.clip(down[:count], 0.01, 0.99), METRE_WEIGHT * metre[:count, columns]


def _best_bars(down: np.ndarray, metre: np.ndarray, metres: Sequence[Metre]) -> list[tuple[int, int]]:
    """For each beat the index of its metre and its number in the bar: the cheapest path (Viterbi)."""
    states = [(m, k) for m, each in enumerate(metres) for k in range(each.beats + LONGEST_SLIP)]
    move = np.full((len(states), len(states)), -np.inf)
    for i, (m, k) in enumerate(states):
        missing = max(0, metres[m].beats - k - 1)
        for j, (n, following) in enumerate(states):
            if following == 0 and missing <= LONGEST_SLIP:
                move[i, j] = -SLIP * missing - (CHANGE if m != n else 0.0)
            elif m == n and following == k + 1:
                move[i, j] = -SLIP * (following >= metres[m].beats)
    starts = np.array([k == 0 for _, k in states])
    which = np.array([m for m, _ in states])
    regular = np.array([k < metres[m].beats for m, k in states])
    scores = DOWN_WEIGHT * np.where(starts, np.log(down)[:, None], np.log(1 - down)[:, None]) + metre[:, which]
    state = np.where(regular, scores[0] - PICK_UP * ~starts, -np.inf)
    back = []
    for each in scores[1:]:
        options = state[:, np.newaxis] + move
        back.append(options.argmax(axis=0))
        state = options.max(axis=0) + each
    path = [int(state.argmax())]
    for choice in reversed(back):
        path.append(int(choice[path[-1]]))
    return [states[index] for index in reversed(path)]


def _regular(beats: Beats, path: Sequence[tuple[int, int]], metres: Sequence[Metre]) -> tuple[Beats, Bars]:
    """Bars of the path, each with as many beats as its metre has; beats and ticks are moved where one was not."""
    count = len(path)
    first = path[0][1]
    edges = [-first, *(index for index in range(1, count) if path[index][1] == 0)]
    lengths = [metres[path[max(0, edge)][0]].beats for edge in edges]
    edges.append(max(edges[-1] + lengths[-1], count))
    old = np.array(edges, dtype=float)
    new = np.cumsum([-first, *lengths]).astype(float)
    # whole bars at the end: the beats that are not there yet go on at the tempo
    want = np.arange(0, int(new[-1]))
    where = np.interp(want, new, old)  # in old beats
    times = np.array([beats.seconds(place) for place in where])
    ticks = np.interp(beats.ticks / TICKS, old, new) * TICKS
    moved = replace(beats, times=times, ticks=on_grid(ticks))
    return moved, Bars(tuple(metres[path[max(0, edge)][0]] for edge in edges[:-1]), -first)
