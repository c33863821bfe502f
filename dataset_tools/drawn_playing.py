"""Where the hands of a drawn scene are at any time: which finger takes which key, and how hands get there."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dataset_tools.drawn_keys import LEAD, ease
from dataset_tools.drawn_scene import BLACK_DIP, BLACK_HEIGHT, WHITE_DIP, Scene
from pianoroll.keys import BLACK, CENTRES
from pianoroll.notes import Hand, Note

_TIP_X = np.array([-48.0, -23.0, 0.0, 22.0, 42.0])  # mm from the hand's middle, right hand, thumb first
_TIP_Y = np.array([32.0, 0.0, -8.0, 0.0, 16.0])
_REACH, _LEAVE = 0.12, 0.09  # seconds in which a finger comes to its key and leaves it


@dataclass(frozen=True)
class Pose:
    """A hand in world coordinates: ``fingers (5, 3, 3)`` knuckle, joint, tip; ``palm``, ``wrist``, ``elbow (3,)``."""

    fingers: np.ndarray
    palm: np.ndarray
    wrist: np.ndarray
    elbow: np.ndarray


class HandMotion:
    """Where one hand is at any time, from its notes: fingers are chosen chord by chord, in the order of the keys."""

    def __init__(self, scene: Scene, notes: Sequence[Note], hand: Hand) -> None:
        self.side = 1.0 if hand == "right" else -1.0
        self.offsets = np.stack([_TIP_X * self.side, _TIP_Y], axis=1)
        times, places, strikes = [], [], []
        centre: float | None = None
        for chord in _chords(notes):
            xs = np.array([scene.x_of(float(CENTRES[note.key])) for note in chord])
            fingers = self._choose(xs, centre)
            centre = float(np.mean(xs - self.offsets[fingers, 0]))
            row = 72.0 if any(BLACK[note.key] for note in chord) else 104.0
            times.append(chord[0].onset - LEAD)
            places.append((centre, row))
            for note, x, finger in zip(chord, xs, fingers, strict=True):
                bounds = (45.0, 86.0) if BLACK[note.key] else (104.0, 140.0)
                y = float(np.clip(row + self.offsets[finger, 1], *bounds))
                z = BLACK_HEIGHT - BLACK_DIP if BLACK[note.key] else -0.8 * WHITE_DIP
                strikes.append((note.onset, note.offset, finger, x, y, z + 6))
        self._times, self._places, self._strikes = np.array(times), np.array(places), np.array(strikes)

    def _choose(self, xs: np.ndarray, centre: float | None) -> np.ndarray:
        """Fingers (0 thumb) for keys at ``xs`` (mm, rising), as near to the hand's shape and place as can be."""

        def cost(fingers: tuple[int, ...]) -> float:
            middle = xs - self.offsets[list(fingers), 0]
            return float(np.std(middle)) + (0.3 * abs(float(middle.mean()) - centre) if centre is not None else 0.0)

        fingers = range(5) if self.side > 0 else range(4, -1, -1)
        return np.array(min(itertools.combinations(fingers, len(xs)), key=cost))

    def __call__(self, time: float) -> Pose:
        """The hand at ``time`` seconds."""
        near = time + np.linspace(-0.07, 0.07, 5)
        middle, row = (float(np.interp(near, self._times, self._places[:, axis]).mean()) for axis in (0, 1))
        tips = np.column_stack([middle + self.offsets[:, 0], row + self.offsets[:, 1], np.full(5, 24.0)])
        weights = np.zeros(5)
        targets = np.zeros((5, 3))
        onset, offset = self._strikes[:, 0], self._strikes[:, 1]
        for strike in self._strikes[(onset - LEAD - _REACH < time) & (offset + _LEAVE > time)]:
            weight = ease((time - strike[0] + LEAD + _REACH) / _REACH) * (1 - ease((time - strike[1]) / _LEAVE))
            finger = int(strike[2])
            targets[finger] += weight * strike[3:]
            weights[finger] += weight
        share = np.minimum(weights, 1)[:, None]
        tips = (1 - share) * tips + share * targets / np.maximum(weights, 1e-6)[:, None]
        palm = np.array([middle + 4 * self.side, row + 92, 42.0])
        knuckles = palm + np.column_stack([0.78 * self.offsets[:, 0], [22.0, -26, -32, -28, -16], [-6.0, 8, 10, 8, 2]])
        joints = 0.42 * knuckles + 0.58 * tips + np.array([0.0, 0.0, 18.0])
        wrist = palm + np.array([6 * self.side, 62.0, 0.0])
        elbow = wrist + np.array([60 * self.side, 330.0, -10.0])
        return Pose(np.stack([knuckles, joints, tips], axis=1), palm, wrist, elbow)


def _chords(notes: Sequence[Note]) -> list[list[Note]]:
    """Notes struck together (within 40 ms), at most five, each by rising pitch."""
    chords: list[list[Note]] = []
    for note in sorted(notes):
        if chords and note.onset - chords[-1][0].onset < 0.04 and len(chords[-1]) < 5:
            chords[-1].append(note)
        else:
            chords.append([note])
    return [sorted(chord, key=lambda note: note.pitch) for chord in chords]
