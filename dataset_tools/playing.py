"""Written notes -> a performance of them that a machine makes up: the tempo drifts and breathes, chords are not quite
together, and it slows at the end."""

from collections.abc import Sequence

import numpy as np

from dataset_tools.performances import Marked, Performance
from pianoroll import Note

DRIFT = 0.02  # natural logarithm: deviation of the tempo from one beat to the next, which stays...
STRAY = 0.015  # ...and of each beat by itself
STRICT = 0.2  # share of the performances whose tempo does not drift
PHRASES = (2, 4, 8)  # bars in which the tempo comes and goes
BREATH = 0.08  # natural logarithm: by which it does so at most
SPREAD = (0.004, 0.014)  # seconds: deviation of onsets
LOUDNESS = 5.0  # deviation of velocities
LAST = np.array([1.05, 1.15, 1.3])  # how much longer the last beats are at most
START = 0.5  # seconds of the first beat

Struck = tuple[float, float, int, float]  # place and length in beats, pitch, velocity


def play(
    name: str,
    struck: Sequence[Struck],
    down: np.ndarray,
    metres: list[tuple[int, tuple[int, int]]],
    beat: float,
    rng: np.random.Generator,
) -> Performance:
    """``struck`` in time. ``down (B,)``: which beats begin a bar; ``metres``: as ``Marked`` has them; ``beat``: seconds
    of one, about."""
    count = len(down)
    times = START + np.concatenate([[0.0], np.cumsum(_lengths(count, metres[0][1][0], beat, rng))])
    index = np.arange(len(times))
    spread = rng.uniform(*SPREAD)

    def second(at: float) -> float:
        return float(np.interp(at, index, times)) if at >= 0 else START + at * float(times[1] - times[0])

    played: dict[tuple[float, int], tuple[Note, float]] = {}
    for place, length, pitch, velocity in sorted(struck):
        key = (round(place, 3), pitch)
        if key in played or place >= count or not 21 <= pitch <= 108:
            continue
        onset = max(0.0, second(place) + float(rng.normal(0, spread)))
        offset = max(onset + 0.05, second(min(place + length, count)))
        loud = int(np.clip(velocity + rng.normal(0, LOUDNESS), 15, 120))
        played[key] = Note(onset, pitch, offset, loud), place
    ordered = sorted(played.values(), key=lambda item: item[0])
    places = np.array([place for _, place in ordered])
    return Performance(name, [note for note, _ in ordered], places, Marked(times[:count], down, metres, []))


def _lengths(count: int, per_bar: int, beat: float, rng: np.random.Generator) -> np.ndarray:
    """Seconds of each beat."""
    drift = np.cumsum(rng.normal(0, DRIFT, count)) * float(rng.random() > STRICT)
    around = np.ones(min(17, count))
    drift -= 0.5 * np.convolve(drift, around, "same") / np.convolve(np.ones(count), around, "same")  # it comes back
    phrase = 2 * np.pi * np.arange(count) / (per_bar * int(rng.choice(PHRASES))) + rng.uniform(0, 6)
    breath = rng.uniform(0, BREATH) * np.sin(phrase)
    lengths = beat * np.exp(drift - drift.mean() + breath + rng.normal(0, STRAY, count))
    lengths[-3:] *= LAST[-count:] ** float(rng.random())
    return lengths
