"""Notes in seconds -> the beat: where it falls, how fast it goes, and whether it divides into halves or thirds.

A hidden Markov model walks over the onsets. Its state is the place within the beat and the tempo; the way from one
onset to the next is a number of grid steps, and its seconds should be that number times the present length of a step.
Each grid place expects a note with its own probability, both when one comes and when none comes: too fine a beat pays
for the onsets that it misses, too coarse a one for those that it did not expect. The best path (Viterbi) gives the
beats; the model with halves and the model with thirds are both walked, and the likelier is kept. The family of models
is that of C. Raphael, "Automated rhythm transcription" (ISMIR 2001), and Nakamura et al., "Rhythm transcription of
polyphonic piano music based on merged-output HMM" (2017); the numbers here were set by hand on ASAP performances. What
place and what tempo each group of notes looks like a network says as well (``beat_net.py``).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pianoroll import Note
from pianoroll.reach import strikes
from score.beat_net import PERIODS, PLACES, Told, listen

TICKS = PLACES  # grid steps a beat: holds 32nds (3), 16ths (6), triplets (8) and sextuplets (4)
LONGEST_STEP = 8  # beats between two onsets that the model can count; longer ones are pauses

# How likely a note begins at each grid place of a beat: in halves, and in thirds.
HALVES = {0: 0.75, 12: 0.5, 6: 0.2, 18: 0.2, 8: 0.03, 16: 0.03, 3: 0.012, 9: 0.012, 15: 0.012, 21: 0.012}
THIRDS = {0: 0.8, 8: 0.5, 16: 0.55, 4: 0.12, 12: 0.12, 20: 0.12}

BEAT_SECONDS = np.exp(np.arange(np.log(0.2), np.log(3.4), 0.04))  # tempo states: 300 to 18 beats a minute
USUAL_BEAT = {2: 0.58, 3: 0.85}  # seconds; of thirds, the beat is a dotted quarter
USUAL_SPREAD = 0.42  # natural logarithm
USUAL_WEIGHT = 0.5  # of the prior on tempo, a second
TIMING = (0.012, 0.07)  # seconds and share of the interval: standard deviation of a played interval
SURPRISE = 1e-4  # density of an interval that fits nothing: a pause, a slip
ORNAMENT = 0.01  # probability that an onset is part of the one before (a spread chord, a grace note)...
ORNAMENT_SECONDS = 0.035  # ...and its usual distance
TEMPO_JUMP = 1e-4  # probability of any other tempo from one onset to the next
SHORTEST_COUNT = 0.45  # seconds: parts of a beat at least so long are beats themselves...
SELDOM = 0.03  # ...if no greater share of the onsets falls between them
PLACE_WEIGHT, PERIOD_WEIGHT = 1.2, 0.8  # of what the network says
HELD = 0.1  # natural logarithm: how near a tempo that is given is kept
UNSURE = -3.0  # logarithm: the network is never surer than this that a place is wrong
GRID = np.array(sorted({*HALVES, *THIRDS}))  # places that a note may be given
ACCENT = 0.8  # how much louder, longer and lower onsets draw the beat


@dataclass(frozen=True)
class Beats:
    """``times (B,)``: seconds of each beat, rising; ``division``: 2 or 3 parts a beat.

    ``events``: groups of notes struck together; ``ticks (events,)``: their places in ``TICKS`` from the first beat.
    """

    times: np.ndarray
    division: int
    events: list[list[Note]]
    ticks: np.ndarray

    @property
    def tempo(self) -> float:
        """Beats a minute: the median."""
        return float(60 / np.median(np.diff(self.times)))

    def at(self, seconds: float) -> float:
        """Place of a time in ticks, not rounded; before the first and after the last beat the tempo goes on."""
        first, last = self.times[1] - self.times[0], self.times[-1] - self.times[-2]
        if seconds < self.times[0]:
            return float((seconds - self.times[0]) / first * TICKS)
        if seconds > self.times[-1]:
            return float((len(self.times) - 1 + (seconds - self.times[-1]) / last) * TICKS)
        return float(np.interp(seconds, self.times, np.arange(len(self.times)) * TICKS))

    def seconds(self, beat: float) -> float:
        """Time of a place in beats; before the first and after the last the tempo goes on."""
        last = len(self.times) - 1
        if beat < 0:
            return float(self.times[0] + beat * (self.times[1] - self.times[0]))
        if beat > last:
            return float(self.times[-1] + (beat - last) * (self.times[-1] - self.times[-2]))
        return float(np.interp(beat, np.arange(last + 1), self.times))


def track(
    notes: Sequence[Note], *, tempo: float | None = None, division: int | None = None, bar_of_parts: bool = False
) -> Beats:
    """Beats of ``notes`` (at least one). ``tempo``: beats a minute, where it is known; it is then held near.

    ``division``: 2 or 3 parts a beat, where it is known. ``bar_of_parts``: it is a bar's first beats that are followed,
    as they are easier to hear, and their ``division`` parts that are counted: in 3/8.
    """
    tempo = tempo / division if tempo and division and bar_of_parts else tempo
    events = strikes(notes)
    onsets = np.array([min(note.onset for note in event) for event in events])
    told = listen(events)
    if len(events) == 1:
        beat = 60 / tempo if tempo else USUAL_BEAT[2]
        return Beats(onsets[0] + np.arange(5) * beat, division or 2, events, np.zeros(1, dtype=int))
    accents = accent(events, onsets)
    tempi = _tempo_scores(told, tempo)
    paths = {}
    for parts in (division,) if division else (2, 3):
        usual = np.zeros(len(BEAT_SECONDS)) if tempo else _usual_tempo(parts)
        paths[parts] = _walk(onsets, accents, parts, told, tempi, usual)
    division = max(paths, key=lambda parts: paths[parts][0])
    ticks, beat_seconds = paths[division][1:]
    if bar_of_parts or (tempo is None and _counts_its_parts(ticks, beat_seconds, division)):
        ticks, beat_seconds, division = ticks * division, beat_seconds / division, 2
    start = ticks[0] // TICKS * TICKS
    return Beats(_beat_times(onsets, ticks - start, beat_seconds), division, events, ticks - start)


def on_grid(ticks: np.ndarray) -> np.ndarray:
    """The nearest places that a note may be given."""
    beat = np.floor(ticks / TICKS + 1e-6)
    places = np.append(GRID, TICKS)
    nearest = places[np.abs((ticks - beat * TICKS)[:, np.newaxis] - places).argmin(axis=1)]
    return (beat * TICKS + nearest).astype(int)


def _counts_its_parts(ticks: np.ndarray, beat_seconds: np.ndarray, division: int) -> bool:
    """Whether the beat is so slow, and so seldom divided further, that a reader would rather count its parts."""
    part = TICKS // division
    divided = np.mean(ticks % part != 0)
    return bool(divided <= SELDOM and np.median(beat_seconds) / division >= SHORTEST_COUNT)


def _usual_tempo(division: int) -> np.ndarray:
    """Log score ``(V,)`` of each tempo by how usual it is."""
    return -0.5 * (np.log(BEAT_SECONDS / USUAL_BEAT[division]) / USUAL_SPREAD) ** 2


def _tempo_scores(told: Told, tempo: float | None) -> np.ndarray:
    """Log score ``(N, V)`` of each tempo."""
    if tempo:
        return np.tile(-0.5 * (np.log(BEAT_SECONDS * tempo / 60) / HELD) ** 2, (len(told.period), 1))
    at = np.interp(np.log(BEAT_SECONDS), np.log(PERIODS), np.arange(len(PERIODS)))
    low = np.minimum(at.astype(int), len(PERIODS) - 2)
    part = at - low
    return PERIOD_WEIGHT * ((1 - part) * told.period[:, low] + part * told.period[:, low + 1])


def accent(events: Sequence[Sequence[Note]], onsets: np.ndarray) -> np.ndarray:
    """How much each event ``(events,)`` asks for a strong place, -2..2: many notes, low, loud, long until the next."""
    many = np.log([len(event) for event in events])
    lowest = -np.array([event[0].pitch for event in events], dtype=float)
    loud = np.array([max(note.velocity for note in event) for event in events], dtype=float)
    steps = np.diff(onsets)
    wait = np.log(np.clip(np.append(steps, np.median(steps)), 0.02, 2.0))
    features = [(0.5, many), (0.5, lowest), (0.3, loud), (0.7, wait)]
    total = sum(weight * (x - _local_mean(x)) / max(float(np.std(x)), 1e-6) for weight, x in features)
    return np.clip(np.asarray(total), -2.0, 2.0)


def _local_mean(x: np.ndarray, width: int = 24) -> np.ndarray:
    """Mean of the ``width`` values around each, shorter at the ends."""
    window = np.ones(min(width, len(x)))
    return np.convolve(x, window, "same") / np.convolve(np.ones(len(x)), window, "same")


@dataclass(frozen=True)
class _Grid:
    """The steps that the model can take: from place ``origin (P, M)`` to place p over ``distance (P, M)`` ticks.

    ``cost (P, M)``: log probability of a note there and of none at the places passed over. ``places (P,)`` in ticks.
    """

    places: np.ndarray
    origin: np.ndarray
    distance: np.ndarray
    cost: np.ndarray
    strength: np.ndarray

    @classmethod
    def of(cls, division: int) -> "_Grid":
        chances = HALVES if division == 2 else THIRDS
        places = np.array(list(chances))
        silent = np.zeros(TICKS)
        silent[places] = np.log1p(-np.array(list(chances.values())))
        passed = np.concatenate([[0.0], np.cumsum(np.tile(silent, LONGEST_STEP + 2))])  # [t]: silence of ticks < t
        rows = []
        for place in places:
            row = [(int(np.flatnonzero(places == place)[0]), 0, np.log(ORNAMENT))]
            for index, origin in enumerate(places):
                for beats in range(LONGEST_STEP):
                    distance = int(place - origin + TICKS * beats)
                    distance += TICKS * LONGEST_STEP if distance <= 0 else 0
                    gap = passed[origin + distance] - passed[origin + 1]
                    row.append((index, distance, gap + np.log(chances[int(place)])))
            rows.append(row)
        table = np.array(rows)
        weight = {0: 1.0, 12: 0.0} if division == 2 else {0: 1.0}
        strength = np.array([weight.get(int(place), -0.6) for place in places])
        return cls(places, table[..., 0].astype(int), table[..., 1].astype(int), table[..., 2], strength)


def _walk(
    onsets: np.ndarray, accents: np.ndarray, division: int, told: Told, tempi: np.ndarray, usual: np.ndarray
) -> tuple[float, np.ndarray, np.ndarray]:
    """Best path: its log likelihood, every event's tick ``(events,)`` and the beat's seconds there ``(events,)``.

    ``tempi (events, V)``: log score of each tempo there; ``usual (V,)``: in music altogether."""
    grid = _Grid.of(division)
    drifts = {width: _drift(width) for width in (0.7, 1.2, 2.0, 3.0)}
    places = PLACE_WEIGHT * np.maximum(told.place[:, grid.places], UNSURE)
    state = usual + tempi[0] + (places[0] + ACCENT * accents[0] * grid.strength)[:, np.newaxis]
    back = []
    fit = _Fit(grid.distance)
    cost, speeds = grid.cost[..., np.newaxis], len(BEAT_SECONDS)
    moved = np.empty((len(grid.places), speeds, speeds))  # (P, V now, V before); both are filled anew each time
    options = np.empty((*grid.origin.shape, speeds))  # (P, M, V)
    for index, (interval, weight) in enumerate(zip(np.diff(onsets), accents[1:], strict=True), 1):
        width = min(drifts, key=lambda w: abs(w - 2.5 * np.sqrt(interval)))
        np.add(state[:, np.newaxis], drifts[width], out=moved)
        before = moved.argmax(axis=2)
        best = np.take_along_axis(moved, before[..., np.newaxis], axis=2)[..., 0]  # much quicker than max
        np.take(best, grid.origin, axis=0, out=options, mode="clip")  # without the copy that “raise” makes
        options += cost
        options += fit(float(interval))
        choice = options.argmax(axis=1)  # (P, V)
        state = np.take_along_axis(options, choice[:, np.newaxis], axis=1)[:, 0]
        state = state + (places[index] + ACCENT * weight * grid.strength)[:, np.newaxis]
        state = state + tempi[index] + USUAL_WEIGHT * min(interval, 2.0) * usual
        back.append((before, choice))
    return _trace(grid, state, back)


class _Fit:
    """Log density ``(P, M, V)`` of an interval in seconds, for steps of so many ticks ``(P, M)`` at every tempo."""

    def __init__(self, distance: np.ndarray) -> None:
        self.steps, which = np.unique(distance, return_inverse=True)
        self.which = which.reshape(distance.shape)
        self.expected = self.steps[:, np.newaxis] * BEAT_SECONDS / TICKS
        self.deviation = TIMING[0] + TIMING[1] * self.expected
        self.height = self.deviation * np.sqrt(2 * np.pi)
        self.all = np.empty((*distance.shape, len(BEAT_SECONDS)))

    def __call__(self, interval: float) -> np.ndarray:
        density = np.exp(-0.5 * ((interval - self.expected) / self.deviation) ** 2) / self.height
        density[self.steps == 0] = np.exp(-interval / ORNAMENT_SECONDS) / ORNAMENT_SECONDS
        return np.take(np.log(density + SURPRISE), self.which, axis=0, out=self.all, mode="clip")


def _drift(width: float) -> np.ndarray:
    """Log probability ``(V, V)`` of going to a tempo state (row) from another; ``width``: deviation in states."""
    index = np.arange(len(BEAT_SECONDS))
    near = np.exp(-0.5 * ((index[:, np.newaxis] - index) / width) ** 2)
    return np.ascontiguousarray(np.log(near / near.sum(axis=1, keepdims=True) + TEMPO_JUMP).T)


def _trace(
    grid: _Grid, state: np.ndarray, back: Sequence[tuple[np.ndarray, np.ndarray]]
) -> tuple[float, np.ndarray, np.ndarray]:
    """Walk back from the best last state."""
    place, speed = np.unravel_index(int(state.argmax()), state.shape)
    distances, speeds = [], [speed]
    for before, choice in reversed(back):
        step = choice[place, speed]
        distances.append(grid.distance[place, step])
        place = grid.origin[place, step]
        speed = before[place, speed]
        speeds.append(speed)
    ticks = grid.places[place] + np.cumsum([0, *reversed(distances)])
    return float(state.max()), ticks, BEAT_SECONDS[np.array(speeds[::-1])]


def _beat_times(onsets: np.ndarray, ticks: np.ndarray, beat_seconds: np.ndarray) -> np.ndarray:
    """Seconds of every beat from the one at or before the first event to the one after the last: ``(B,)``, rising."""
    places, first = np.unique(ticks, return_index=True)
    times = onsets[first]
    beats = np.arange(int(places[-1]) // TICKS + 2) * TICKS
    inner = np.interp(beats, places, times)
    inner = np.where(beats < places[0], times[0] - (places[0] - beats) / TICKS * beat_seconds[0], inner)
    return np.where(beats > places[-1], times[-1] + (beats - places[-1]) / TICKS * beat_seconds[-1], inner)
