"""Where the hands of a drawn scene are at any time: which finger takes which key, and how hands get there.

Fingers are chosen over the whole piece (Viterbi): chords in the order of the keys, as near to the hand's shape as can
be, with little moving, thumbs off black keys, and no finger on two keys in a row. A hand glides from chord to chord;
fingers leave its shape for the keys that they press, as far as they reach.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dataset_tools.drawn_camera import Wander
from dataset_tools.drawn_keys import LEAD, ease
from dataset_tools.drawn_scene import BLACK_DIP, BLACK_HEIGHT, WHITE_DIP, WHITE_WIDTH, Scene
from pianoroll.keys import BLACK, CENTRES
from pianoroll.notes import Hand, Note

TIP_X = np.array([-48.0, -23.0, 0.0, 22.0, 42.0])  # mm from the hand's middle, right hand, thumb first
TIP_Y = np.array([32.0, 0.0, -8.0, 0.0, 16.0])
TIP_RADIUS = np.array([8.5, 7.0, 7.0, 6.8, 6.0])  # mm
KNUCKLE_X = np.array([-28.0, -22.0, -2.0, 17.0, 34.0])  # mm from the hand's middle
KNUCKLE_Y = np.array([54.0, 18.0, 12.0, 17.0, 27.0])  # mm towards the wrist from there
KNUCKLE_Z = np.array([-6.0, 9.0, 11.0, 8.0, 2.0])
_BONES = np.array([(36.0, 28, 0), (44, 26, 22), (49, 30, 23), (45, 28, 23), (35, 21, 20)])  # mm; a thumb has one less
_WRIST = 92.0  # mm from the knuckles
_FOREARM = 250.0
_REACH, _LEAVE = 0.12, 0.09  # seconds in which a finger comes to its key and leaves it
_STRETCH = 62.0  # mm from its place in the hand's shape to which a finger goes
_ENTRANCE = 1.2  # seconds in which hands come in and leave
_AWAY = 380.0  # mm from the keys to which they leave


@dataclass(frozen=True)
class Pose:
    """A hand in world coordinates: ``fingers (5, 4, 3)`` from knuckle over two joints to the tip; ``wrist``,
    ``elbow`` and ``shoulder (3,)``; ``side`` 1 right, -1 left; ``size``: times a grown man's."""

    fingers: np.ndarray
    wrist: np.ndarray
    elbow: np.ndarray
    shoulder: np.ndarray
    side: float
    size: float

    @property
    def landmarks(self) -> np.ndarray:
        """World points ``(21, 3)``: wrist, then each finger from palm to tip, thumb first."""
        return np.concatenate([self.wrist[None], self.fingers.reshape(20, 3)])


@dataclass(frozen=True)
class _Strike:
    onset: float
    offset: float
    finger: int
    target: np.ndarray  # (3,) mm


class HandMotion:
    """Where one hand is at any time, from its notes."""

    def __init__(self, scene: Scene, notes: Sequence[Note], hand: Hand) -> None:
        self.side, self.player, self._hand = (1.0 if hand == "right" else -1.0), scene.player, hand
        self.offsets = np.stack([TIP_X * self.side, TIP_Y], axis=1) * self.player.size
        self._keys = np.array([scene.x_of(float(centre)) for centre in CENTRES])
        number = 60 + (hand == "right")
        self._wander = [Wander([scene.seed, number, axis], 0.1, 1.2) for axis in range(8)]
        chords = _chords(notes)
        fingering = self._fingering(chords)
        self._times = np.array([chord[0].onset - LEAD for chord in chords])
        self._places = np.empty((len(chords), 2))
        self._strikes: list[_Strike] = []
        self._outer: list[tuple[float, float, bool]] = []
        for number, (chord, fingers) in enumerate(zip(chords, fingering, strict=True)):
            row = 72.0 if any(BLACK[note.key] for note in chord) else 104.0
            self._places[number] = np.mean(self._keys[[n.key for n in chord]] - self.offsets[fingers, 0]), row
            outer = chord[-1 if self.side > 0 else 0]
            self._outer.append((outer.onset, float(self._keys[outer.key]), bool(BLACK[outer.key])))
            self._strikes += [self._strike(note, finger, row) for note, finger in zip(chord, fingers, strict=True)]
        self._spans = np.array([(strike.onset, strike.offset) for strike in self._strikes])
        self._first, self._last = float(self._times[0]), float(self._spans[:, 1].max())

    def _strike(self, note: Note, finger: int, row: float) -> _Strike:
        bounds = (45.0, 86.0) if BLACK[note.key] else (104.0, 140.0)
        y = float(np.clip(row + self.offsets[finger, 1], *bounds))
        z = BLACK_HEIGHT - BLACK_DIP if BLACK[note.key] else -0.8 * WHITE_DIP
        target = np.array([self._keys[note.key], y, z + TIP_RADIUS[finger] * self.player.size])
        return _Strike(note.onset, note.offset, finger, target)

    def _fingering(self, chords: Sequence[Sequence[Note]]) -> list[list[int]]:
        """Fingers (0 thumb) of every chord: the cheapest way through all of them."""
        ways: list[tuple[list[tuple[int, ...]], np.ndarray]] = []
        costs, before, last = np.zeros(1), np.zeros((1, 2)), -np.inf
        for chord in chords:
            xs, black = self._keys[[note.key for note in chord]], BLACK[[note.key for note in chord]]
            order = range(5) if self.side > 0 else range(4, -1, -1)
            choices = list(itertools.combinations(order, len(chord)))
            rows = np.array(choices)
            middles = xs - self.offsets[rows, 0]
            own = np.std(middles, axis=1) + np.sum(black * np.array([14.0, 0, 0, 0, 5.0])[rows], axis=1)
            state = np.stack([middles.mean(axis=1), rows[:, 0] if len(chord) == 1 else np.full(len(rows), -1)], axis=1)
            calm = 1 + 2 * max(0.0, chord[0].onset - last)
            jump = 0.35 * np.abs(state[:, 0] - before[:, :1]) / calm if ways else np.zeros((1, len(rows)))
            again = (state[:, 1] == before[:, 1:]) & (state[:, 1] >= 0) & (np.abs(state[:, 0] - before[:, :1]) > 1)
            total = costs[:, None] + jump + (10.0 * again / calm if ways else 0.0)
            ways.append((choices, total.argmin(axis=0)))
            costs, before, last = total.min(axis=0) + own, state, chord[0].onset
        found, choice = [], int(costs.argmin())
        for choices, origins in reversed(ways):
            found.append(list(choices[choice]))
            choice = int(origins[choice])
        return found[::-1]

    def __call__(self, time: float) -> Pose:
        """The hand at ``time`` seconds."""
        size, noise = self.player.size, [wander(time) for wander in self._wander]
        near = time + np.linspace(-0.07, 0.07, 5)
        middle, row = (float(np.interp(near, self._times, self._places[:, axis]).mean()) for axis in (0, 1))
        middle, row = middle + 1.5 * noise[5], row + 2.0 * noise[6]
        away = self._away(time)
        tips = self._idle(middle, row, noise) + np.array([0, _AWAY, 60.0]) * away
        home = tips.copy()
        onset, offset = self._spans[:, 0], self._spans[:, 1]
        for number in np.flatnonzero((onset - LEAD - _REACH < time) & (offset + _LEAVE > time)):
            strike = self._strikes[number]
            weight = ease((time - strike.onset + LEAD + _REACH) / _REACH) * (1 - ease((time - strike.offset) / _LEAVE))
            far = float(np.linalg.norm(strike.target[:2] - home[strike.finger, :2])) / (_STRETCH * size)
            weight *= 1 - ease(3 * (far - 1))
            tips[strike.finger] += weight * (strike.target - tips[strike.finger])
        return self._pose(tips, middle, row + _AWAY * away, noise)

    @property
    def outer_strikes(self) -> list[tuple[float, float, bool]]:
        """Of every chord the note farthest from the thumb: onset, the key's world x, whether it is black."""
        return self._outer

    @property
    def playing(self) -> tuple[float, float]:
        """Seconds from which to which the hand is about the keys, if it comes and goes."""
        return self._first - _ENTRANCE, self._last + _ENTRANCE

    def _away(self, time: float) -> float:
        """0 at the keys to 1 out of the way."""
        if not self.player.enters:
            return 0.0
        return 1 - ease((time - self._first + _ENTRANCE) / _ENTRANCE) * (1 - ease((time - self._last) / _ENTRANCE))

    def _idle(self, middle: float, row: float, noise: Sequence[float]) -> np.ndarray:
        """Tips ``(5, 3)`` of fingers that press nothing: over keys or on them, each a little by itself."""
        tips = np.column_stack([middle + self.offsets[:, 0], row + self.offsets[:, 1], TIP_RADIUS * self.player.size])
        nearest = self._keys[np.abs(self._keys[None] - tips[:, :1]).argmin(axis=1)]
        tips[:, 0] += (nearest - tips[:, 0]) * (0.7 if self.player.lift < 6 else 0.0)  # who rests, rests on keys
        tips[:, 2] += self.player.lift * np.clip(1 + 0.35 * np.array(noise[:5]), 0, 2)
        on_black = (tips[:, 1] < 92) & (np.abs(self._keys[BLACK][None] - tips[:, :1]).min(axis=1) < 0.35 * WHITE_WIDTH)
        tips[:, 2] += np.where(on_black, max(0.0, BLACK_HEIGHT - self.player.lift), 0.0)
        return tips

    def _pose(self, tips: np.ndarray, middle: float, row: float, noise: Sequence[float]) -> Pose:
        """Bones between the tips and an arm that comes from the player's side."""
        size, side = self.player.size, self.side
        elbow_x = 0.7 * middle + side * 70.0 + 30 * noise[7]
        slant = np.clip((elbow_x - middle) / (_FOREARM + 150), -0.5, 0.5)
        shape = np.column_stack([KNUCKLE_X * side, KNUCKLE_Y, np.zeros(5)]) * size
        turned = shape.copy()
        turned[:, 0] += 0.5 * slant * shape[:, 1]
        knuckles = np.array([middle, row + 38.0, 44.0 * size]) + turned
        knuckles[:, 2] += KNUCKLE_Z * size + 2.5 * noise[6]
        wrist = np.array([middle + 2 * side, row + 46 * size, 38.0]) + size * np.array(
            [0.6 * slant * _WRIST, _WRIST, 0]
        )
        elbow = wrist + np.array([slant * _FOREARM, _FOREARM, 4.0])
        fingers = _fingers(knuckles, tips, _BONES * size)
        shoulder = elbow + np.array([0.3 * (0.2 * middle + side * 200.0 - elbow[0]), 320.0, 120.0])
        return Pose(fingers, wrist, elbow, shoulder, side, size)


def _fingers(knuckles: np.ndarray, tips: np.ndarray, bones: np.ndarray) -> np.ndarray:
    """Knuckles, two joints and tips ``(5, 4, 3)``: bent upwards as far as the bones ``(5, 3)`` exceed the way."""
    line = tips - knuckles
    way, length = np.maximum(np.sqrt(np.sum(line**2, axis=1)), 1e-6), bones.sum(axis=1)
    spare = 0.31 * np.sqrt(np.maximum(0.0, length**2 - way**2))
    along = line / way[:, None]
    up = -along[:, 2:] * along
    up[:, 2] += 1
    up /= np.maximum(np.sqrt(np.sum(up**2, axis=1)), 1e-6)[:, None]
    first, second = bones[:, 0] / length, (bones[:, 0] + bones[:, 1]) / length
    second[0], spare[0] = 0.5 + first[0] / 2, 0.35 * spare[0]  # thumbs bend little
    joints = [
        knuckles + part[:, None] * line + (rise * spare)[:, None] * up for part, rise in ((first, 1), (second, 0.8))
    ]
    return np.stack([knuckles, *joints, tips], axis=1)


def _chords(notes: Sequence[Note]) -> list[list[Note]]:
    """Notes struck together (within 40 ms), at most five and no key twice, each by rising pitch."""
    chords: list[list[Note]] = []
    for note in sorted(notes):
        chord = chords[-1] if chords else []
        together = chord and note.onset - chord[0].onset < 0.04 and len(chord) < 5
        if together and all(other.pitch != note.pitch for other in chord):
            chord.append(note)
        else:
            chords.append([note])
    return [sorted(chord, key=lambda note: note.pitch) for chord in chords]
