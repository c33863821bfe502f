"""Notes and their key signatures -> how each note is spelled: F sharp or G flat.

A small network chooses among the names of a note's pitch. It sees, in fifths from the note, which pitch classes sound
with it, in the bass, and in ever longer windows before and after (the harmony, as in Meredith's ps13, Journal of New
Music Research 35, 2006), from where and to where the line goes on by a step (a leading note rises, a flat falls), and
where the note stands in the signature. What it learned of one key it knows of every key; how a key itself is called,
D flat or C sharp, is the signature's matter.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from pianoroll import Note
from score.chords import Chords, in_chords
from score.key import Key, find_keys
from score.network import WEIGHTS, apply, load_layers

LOWEST, HIGHEST = -13, 18  # places on the line of fifths from the signature's major tonic: the network's answers
NAMED = (-15, 19)  # places that a name stands for: F double flat, B double sharp
RINGS = ((1, 1), (2, 2), (3, 4), (5, 8), (9, 16), (17, 32), (33, 64), (65, 128))  # chords away, before and after
STEPS = (-2, -1, 0, 1, 2)  # semitones to neighbours in the line
FEATURES = 12 * (2 + 2 * len(RINGS)) + 2 * len(STEPS) + 4
SEEN = FEATURES + 13
_ANSWERS = np.arange(LOWEST, HIGHEST + 1)


def spell(notes: Sequence[Note], keys: Sequence[tuple[float, Key]] | None = None) -> list[int]:
    """Place of each note on the line of fifths: C 0, G 1, F -1, E sharp 11. ``keys``: as ``find_keys`` gives them."""
    if not notes:
        return []
    keys = find_keys(notes) if keys is None else keys
    begins = np.array([begin for begin, _ in keys])
    chords = in_chords(notes)
    holds = np.searchsorted(begins, chords.onset + 1e-6, side="right") - 1
    sharps = np.array([key.sharps for _, key in keys])[np.maximum(holds, 0)]
    seen = with_signature(note_features(chords), chords.pitch, sharps)
    likely = apply(load_layers(WEIGHTS / "spelling.safetensors"), seen)
    places = sharps[:, None] + _ANSWERS
    possible = fits(chords.pitch, sharps) & (places >= NAMED[0]) & (places <= NAMED[1])
    chosen = np.where(possible, likely, -np.inf).argmax(axis=1)
    spelled = np.empty(len(notes), dtype=int)
    spelled[chords.order] = places[np.arange(len(notes)), chosen]
    return spelled.tolist()


def fits(pitch: np.ndarray, sharps: np.ndarray) -> np.ndarray:
    """Which of the network's answers are names of each pitch: ``(N,)`` and ``(N,)`` -> ``(N, answers)`` of bool."""
    return (_ANSWERS - (7 * pitch - sharps)[:, None]) % 12 == 0


def with_signature(features: np.ndarray, pitch: np.ndarray, sharps: np.ndarray) -> np.ndarray:
    """Features of the notes ``(N, FEATURES)``, where each stands in its signature, and the signature itself (from six
    flats on, more are shunned) -> ``(N, SEEN)``."""
    place = np.eye(12, dtype=np.float32)[(7 * pitch - sharps) % 12]
    return np.concatenate([features, place, (sharps[:, None] / 6).astype(np.float32)], axis=1)


def note_features(chords: Chords) -> np.ndarray:
    """What the network knows of each note, but for the signature: float32 ``(N, FEATURES)``."""
    same = np.diff(chords.chord) == 0
    more = [
        (chords.pitch - 60) / 20,
        np.r_[False, same],  # not the chord's lowest
        np.r_[same, False],  # not its highest
        np.log(np.clip(chords.length, 0.05, 2)) / 2 + 0.5,
    ]
    return np.concatenate([_harmony(chords), _line(chords), np.stack(more, axis=1)], axis=1).astype(np.float32)


def _harmony(chords: Chords) -> np.ndarray:
    """How much of each pitch class sounds in the chord, is its bass, and sounds in the rings of chords before and after
    ``(N, 12 * (2 + 2 * RINGS))``; 12 by fifths up from the note."""
    count, fifth = chords.count, 7 * chords.pitch % 12
    sound, bass = np.zeros((count, 12)), np.zeros((count, 12))
    np.add.at(sound, (chords.chord, fifth), np.sqrt(np.clip(chords.length, 0, 1)) + 0.3)
    bass[chords.chord[chords.lowest], fifth[chords.lowest]] = 1
    total = np.concatenate([np.zeros((1, 12)), np.cumsum(sound, axis=0)])
    here, rings = np.arange(count), [sound, bass]
    for near, far in RINGS:
        for first, end in ((here - far, here - near + 1), (here + near, here + far + 1)):
            within = total[np.clip(end, 0, count)] - total[np.clip(first, 0, count)]
            rings.append(within / (far - near + 1) ** 0.8)
    turned = (np.arange(12) + fifth[:, None]) % 12
    around = np.stack(rings, axis=1)  # (chords, rings, 12)
    return np.take_along_axis(around[chords.chord], turned[:, None], axis=2).reshape(len(fifth), -1)


def _line(chords: Chords) -> np.ndarray:
    """How near in chords (1: the next) each of the STEPS from the note is struck after it, and before it
    ``(N, 2 * STEPS)``; 0: never."""
    struck: dict[int, list[int]] = defaultdict(list)
    line = list(zip(chords.pitch.tolist(), chords.chord.tolist(), strict=True))
    for pitch, chord in line:
        struck[pitch].append(chord)
    near = np.zeros((len(line), 2, len(STEPS)))
    for index, (pitch, chord) in enumerate(line):
        for column, step in enumerate(STEPS):
            times = struck.get(pitch + step, [])
            after, before = bisect_right(times, chord), bisect_left(times, chord) - 1
            if after < len(times):
                near[index, 0, column] = 1 / (times[after] - chord)
            if before >= 0:
                near[index, 1, column] = 1 / (chord - times[before])
    return near.reshape(len(line), -1)
