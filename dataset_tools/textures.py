"""Made-up piano music of known metre: plain textures that beginners and bands play, and that few sonatas hold.

An accompaniment figure, a tune of a few rhythms that come back, and chords that change with the bar, in any metre.
"""

import numpy as np

from dataset_tools.performances import Marked, Performance
from pianoroll import Note

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
    figure, key, middle = str(rng.choice(FIGURES)), int(rng.integers(12)), int(rng.integers(65, 77))
    motifs = [_motif(rng, parts, per_bar) for _ in range(3)]
    pick_up = per_bar - 1 if rng.random() < 0.25 and per_bar > 1 else 0
    struck: list[tuple[float, float, int, int]] = []  # place and length in beats, pitch, velocity
    degree, chord = 7, 0
    for bar in range(bars):
        chord = 0 if bar in (0, bars - 1) else int(rng.choice(CHORDS))
        struck += _figure(figure, chord, key, bar * per_bar, per_bar, parts, rng)
        motif = motifs[[0, 1, 0, 2][bar % 4]]
        for index, onset in enumerate(motif if figure != "scale" else np.arange(per_bar * parts) / parts):
            degree = int(np.clip(degree + rng.integers(-2, 3), 0, 14)) if figure != "scale" else (degree + 1) % 15
            following = motif[index + 1] if figure != "scale" and index + 1 < len(motif) else onset + 1 / parts
            pitch = middle - 13 + key // 2 + int(SCALE[degree % 7] + 12 * (degree // 7))
            struck.append((bar * per_bar + onset, max(0.2, following - onset), pitch, 76 + 8 * (onset == 0)))
    struck = [each for each in struck if each[0] >= per_bar - 1 - 1e-6 or not pick_up]
    return _played(struck, bars * per_bar, per_bar, (numerator, denominator), beat, rng)


def _motif(rng: np.random.Generator, parts: int, per_bar: int) -> list[float]:
    """Onsets of a tune in a bar, in beats."""
    rhythms, weights = list(RHYTHMS[parts]), np.array(list(RHYTHMS[parts].values()))
    drawn = [rhythms[int(rng.choice(len(rhythms), p=weights / weights.sum()))] for _ in range(per_bar)]
    return [beat + onset for beat, onsets in enumerate(drawn) for onset in onsets] or [0.0]


def _figure(
    name: str, chord: int, key: int, start: int, per_bar: int, parts: int, rng: np.random.Generator
) -> list[tuple[float, float, int, int]]:
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
        basses = [(float(start), 1.0, bass, 74)] + ([(start + 2, 1.0, bass + 7, 68)] if per_bar == 4 else [])
        return basses + [(start + beat, 0.8, tone, 54) for beat in after for tone in tones[1:]]
    order = [0, 2, 1, 2] if name == "alberti" else [0, 1, 2, 1]
    step = 0.25 if parts == 2 and per_bar > 2 and chord % 2 == 0 else 1 / parts
    count = round(per_bar / step)
    order = order if parts == 2 else [0, 1, 2]
    pitches = [tones[order[index % len(order)]] for index in range(count)]
    pitches[0] = bass if name == "arpeggio" else pitches[0]
    return [(start + index * step, step, pitch, 58 + 10 * (index == 0)) for index, pitch in enumerate(pitches)]


def _played(
    struck: list[tuple[float, float, int, int]],
    beats: int,
    per_bar: int,
    metre: tuple[int, int],
    beat: float,
    rng: np.random.Generator,
) -> Performance:
    """The music in time: the tempo drifts, and slows at the end."""
    drift = np.cumsum(rng.normal(0, 0.02, beats + 1)) * float(rng.random() < 0.7)
    lengths = beat * np.exp(drift - drift.mean())
    lengths[-3:] *= np.array([1.05, 1.15, 1.3]) ** float(rng.random())
    times = np.concatenate([[0.0], np.cumsum(lengths)])
    index = np.arange(len(times))
    seen: set[tuple[float, int]] = set()
    notes, places = [], []
    for place, length, pitch, velocity in sorted(struck):
        if (place, pitch) in seen or place >= beats:
            continue
        seen.add((place, pitch))
        onset, offset = (float(np.interp(min(at, beats), index, times)) for at in (place, place + 0.9 * length))
        onset += float(rng.normal(0, 0.006))
        notes.append(
            Note(max(0.0, onset), pitch, max(offset, onset + 0.05), int(np.clip(velocity + rng.normal(0, 5), 20, 120)))
        )
        places.append(place)
    order = sorted(range(len(notes)), key=lambda i: notes[i])
    marked = Marked(times, index % per_bar == 0, [(0, metre)], [])
    return Performance("made", [notes[i] for i in order], np.array([places[i] for i in order]), marked)
