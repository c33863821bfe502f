"""Made-up piano music of known metre: plain textures that beginners and bands play, and that few sonatas hold.

An accompaniment figure, a tune of a few rhythms that come back, and chords that change with the bar, in any metre.
"""

import numpy as np

from dataset_tools.performances import Performance
from dataset_tools.playing import Struck, play

METRES = {(4, 4): 6, (3, 4): 5, (2, 4): 3, (6, 8): 3, (3, 8): 2, (2, 2): 2, (12, 8): 1, (9, 8): 1, (4, 8): 1}
SCALE = np.array([0, 2, 4, 5, 7, 9, 11])
CHORDS = (0, 3, 4, 5, 1)  # degrees on which the chords stand
# Onsets within a beat that a tune may have, by how many parts the beat has, with how often.
RHYTHMS = {
    2: {
        (0,): 8,
        (0, 0.5): 6,
        (0, 0.25, 0.5, 0.75): 2,
        (0, 0.75): 2,
        (0, 0.5, 0.75): 1,
        (0.5,): 1,
        (): 1.5,
        (0, 1 / 3, 2 / 3): 1,
    },
    3: {(0,): 4, (0, 1 / 3, 2 / 3): 4, (0, 2 / 3): 4, (0, 0.5, 2 / 3): 1, (): 0.7, (1 / 3, 2 / 3): 1},
}
BEAT = {2: (0.32, 1.0), 3: (0.45, 1.3)}  # seconds
FIGURES = ("none", "bass", "block", "oompah", "alberti", "arpeggio", "pulse", "scale")


def made_performance(rng: np.random.Generator) -> Performance:
    """A piece of 20 to 60 seconds, played with a little rubato."""
    choices = list(METRES)
    share = np.array(list(METRES.values())) / sum(METRES.values())
    numerator, denominator = choices[int(rng.choice(len(choices), p=share))]
    parts = 3 if denominator == 8 and numerator in (6, 9, 12) else 2
    per_bar = numerator // 3 if parts == 3 else numerator
    beat = float(np.exp(rng.uniform(*np.log(BEAT[parts])))) * (
        1.5 if denominator == 2 else 0.7 if denominator == 8 and parts == 2 else 1
    )
    bars = max(6, round(rng.uniform(20, 60) / (beat * per_bar)))
    kind, key, middle = str(rng.choice(FIGURES)), int(rng.integers(12)), int(rng.integers(65, 77))
    motifs = [_motif(rng, parts, per_bar) for _ in range(3)]
    pick_up = per_bar - 1 if rng.random() < 0.25 and per_bar > 1 else 0
    struck: list[Struck] = []
    degree, chord = 7, 0
    for bar in range(bars):
        chord = 0 if bar in (0, bars - 1) else int(rng.choice(CHORDS))
        struck += figure(kind, chord, key, bar * per_bar, per_bar, parts, rng)
        motif = motifs[[0, 1, 0, 2][bar % 4]]
        for index, onset in enumerate(motif if kind != "scale" else np.arange(per_bar * parts) / parts):
            degree = int(np.clip(degree + rng.integers(-2, 3), 0, 14)) if kind != "scale" else (degree + 1) % 15
            following = motif[index + 1] if kind != "scale" and index + 1 < len(motif) else onset + 1 / parts
            pitch = middle - 13 + key // 2 + int(SCALE[degree % 7] + 12 * (degree // 7))
            struck.append((bar * per_bar + onset, max(0.2, following - onset), pitch, 76 + 8 * (onset == 0)))
    struck = [each for each in struck if each[0] >= per_bar - 1 - 1e-6 or not pick_up]
    down = np.arange(bars * per_bar) % per_bar == 0
    return play("made", struck, down, [(0, (numerator, denominator))], beat, rng)


def _motif(rng: np.random.Generator, parts: int, per_bar: int) -> list[float]:
    """Onsets of a tune in a bar, in beats."""
    rhythms, weights = list(RHYTHMS[parts]), np.array(list(RHYTHMS[parts].values()))
    drawn = [rhythms[int(rng.choice(len(rhythms), p=weights / weights.sum()))] for _ in range(per_bar)]
    return [beat + onset for beat, onsets in enumerate(drawn) for onset in onsets] or [0.0]


def figure(
    name: str, chord: int, key: int, start: int, per_bar: int, parts: int, rng: np.random.Generator
) -> list[Struck]:
    """A bar of the accompaniment."""
    root = 36 + key
    tones = [root + 12 + int(SCALE[(chord + step) % 7] + 12 * ((chord + step) // 7)) for step in (0, 2, 4)]
    bass = tones[0] - 12
    if name in ("none", "scale"):
        return [(start, per_bar, bass, 60)] if name == "scale" or rng.random() < 0.3 else []
    if name == "bass":
        return [(start, per_bar, bass, 68)]
    if name == "block":
        return [(start, per_bar, tone, 62) for tone in tones]
    if name == "pulse":
        return [(start + beat, 0.9, tone, 66 - 8 * (beat > 0)) for beat in range(per_bar) for tone in tones]
    if name == "oompah":
        after = list(range(1, per_bar)) if per_bar != 4 else [1, 3]
        basses = [(0, bass, 74), (2, bass + 7, 68)][: 2 if per_bar == 4 else 1]
        low: list[Struck] = [(start + beat, 1.0, pitch, loud) for beat, pitch, loud in basses]
        return low + [(start + beat, 0.8, tone, 54) for beat in after for tone in tones[1:]]
    order = [0, 2, 1, 2] if name == "alberti" else [0, 1, 2, 1]
    step = 0.25 if parts == 2 and per_bar > 2 and chord % 2 == 0 else 1 / parts
    count = round(per_bar / step)
    order = order if parts == 2 else [0, 1, 2]
    pitches = [tones[order[index % len(order)]] for index in range(count)]
    pitches[0] = bass if name == "arpeggio" else pitches[0]
    return [(start + index * step, step, pitch, 58 + 10 * (index == 0)) for index, pitch in enumerate(pitches)]
