"""The keys of a drawn scene and what is around them, at rest and pressed.

Keys are drawn OVERSAMPLE times larger, without smoothing, and reduced by areas: a key drawn twice looks the same, so
that a frame needs only the pressed keys and their neighbours drawn anew.
"""

import itertools
from collections.abc import Sequence

import cv2
import numpy as np

from dataset_tools.drawn_camera import Camera, Mirrored
from dataset_tools.drawn_room import case_depth, decorate, furnish
from dataset_tools.drawn_scene import (
    BLACK_DIP,
    BLACK_FOOT,
    BLACK_HEIGHT,
    BLACK_LENGTH,
    BLACK_TOP,
    FALLBOARD,
    GAP,
    PIVOT,
    WHITE_DIP,
    WHITE_HEIGHT,
    WHITE_LENGTH,
    WHITE_WIDTH,
    Scene,
)
from pianoroll.keys import BLACK, CENTRES, KEYS, PITCHES
from pianoroll.notes import Note

OVERSAMPLE = 4
_Face = tuple[np.ndarray, list[float]]  # a polygon in sixteenths of a pixel of the large picture, and its colour
LEAD, RELEASE_TIME = 0.03, 0.05  # seconds: the key moves before its onset, usually, and after its offset
_AT_ONSET = 0.75  # of its way that a key has gone, in time, at its onset
_FASTEST, _SLOWEST = 0.022, 0.11  # seconds in which a key goes down


def key_presses(notes: Sequence[Note], time: float) -> np.ndarray:
    """How far each key is down at ``time`` seconds, ``(88,)``: 0 at rest, 1 at the bottom."""
    press = np.zeros(KEYS)
    for note in notes:
        if note.onset - _SLOWEST < time < note.offset + RELEASE_TIME:
            way = _press_time(note.velocity)
            down = ease((time - note.onset) / way + _AT_ONSET)
            press[note.key] = max(press[note.key], down * (1 - ease((time - note.offset) / RELEASE_TIME)))
    return press


def _press_time(velocity: int) -> float:
    """Seconds in which a key goes down that is struck so hard: a loud note is a fast key."""
    return min(_SLOWEST, max(_FASTEST, 0.026 * (127 / max(1, velocity)) ** 0.9))


class NotesNear:
    """The notes that move a key, or hold it down, at a time: of a long piece few."""

    def __init__(self, notes: Sequence[Note]) -> None:
        self._notes = sorted(notes)
        self._begin = np.array([note.onset - _SLOWEST for note in self._notes])
        self._end = np.array([note.offset + RELEASE_TIME for note in self._notes])

    def __call__(self, time: float) -> list[Note]:
        return [self._notes[i] for i in np.flatnonzero((self._begin < time) & (self._end > time))]


def ease(value: float) -> float:
    """0 below 0, 1 above 1, and smooth between."""
    value = min(1.0, max(0.0, value))
    return value * value * (3 - 2 * value)


class Keys:
    """The keyboard and what is around it, at rest, and the pressed keys drawn over it."""

    def __init__(self, scene: Scene, camera: Camera) -> None:
        self.scene, self.camera = scene, camera
        self.x = np.array([scene.x_of(float(centre)) for centre in CENTRES])
        self.in_view = (scene.lowest_pitch <= PITCHES) & (scene.highest_pitch >= PITCHES)
        self._resting: dict[int, list[_Face]] = {}  # of black keys, as they were filled
        self._noted: list[_Face] | None = None
        self.tints = 1 - 0.03 * np.random.default_rng([scene.seed, 1]).random(KEYS)
        width, height = camera.size
        large = np.empty((height * OVERSAMPLE, width * OVERSAMPLE, 3), np.uint8)
        self._surroundings(large)
        if scene.reflection > 0:
            self._reflect(large)
        self._draw(large, np.zeros(KEYS), np.flatnonzero(self.in_view))
        self._large, self._work = large, large.copy()
        self._rest = cv2.resize(large, camera.size, interpolation=cv2.INTER_AREA)

    def __call__(self, press: np.ndarray) -> np.ndarray:
        """The picture ``(H, W, 3)`` uint8, without hands, with the keys pressed as ``press (88,)`` says."""
        frame = self._rest.copy()
        pressed = np.flatnonzero((press > 0) & self.in_view)
        if not len(pressed):
            return frame
        reach = np.where(BLACK, 2.5, 1.6) * WHITE_WIDTH  # black keys' shadows and sides lie on white ones drawn anew
        near = np.abs(self.x[:, None] - self.x[pressed]).min(axis=1) < reach
        self._draw(self._work, press, np.flatnonzero(near & self.in_view))
        for x0, y0, x1, y1 in (self._box(int(key), 1.5) for key in pressed):  # whites beyond which nothing changes
            part = self._work[y0 * OVERSAMPLE : y1 * OVERSAMPLE, x0 * OVERSAMPLE : x1 * OVERSAMPLE]
            if part.size:
                frame[y0:y1, x0:x1] = cv2.resize(part, (x1 - x0, y1 - y0), interpolation=cv2.INTER_AREA)
        for x0, y0, x1, y1 in (self._box(int(key), 2.7) for key in pressed):
            where = slice(y0 * OVERSAMPLE, y1 * OVERSAMPLE), slice(x0 * OVERSAMPLE, x1 * OVERSAMPLE)
            self._work[where] = self._large[where]
        return frame

    def _box(self, key: int, whites: float) -> tuple[int, int, int, int]:
        """Pixels x0, y0, x1, y1 (ends excluded) of a key and what lies within so many white keys of its middle."""
        x = self.x[key] + np.array([-whites, whites]) * WHITE_WIDTH
        points = np.array(list(itertools.product(x, (-5.0, WHITE_LENGTH + 2), (-WHITE_HEIGHT, BLACK_HEIGHT))))
        pixels = self.camera(points)
        size = np.array(self.camera.size)
        low = np.clip(np.floor(pixels.min(axis=0)) - 1, 0, size).astype(int)
        high = np.clip(np.ceil(pixels.max(axis=0)) + 2, 0, size).astype(int)
        return int(low[0]), int(low[1]), int(high[0]), int(high[1])

    def _fill(self, image: np.ndarray, points: Sequence[Sequence[float]] | np.ndarray, colour: np.ndarray) -> None:
        """Fill a convex polygon of world ``points (n, 3)`` in the large picture."""
        pixels = (self.camera(np.array(points)) + 0.5) * OVERSAMPLE - 0.5
        shade = np.clip(colour, 0, 255).tolist()
        polygon = np.round(pixels * 16).astype(np.int32)
        cv2.fillConvexPoly(image, polygon, shade, cv2.LINE_8, 4)
        if self._noted is not None:
            self._noted.append((polygon, shade))

    def _flat(
        self, image: np.ndarray, x: tuple[float, float], y: tuple[float, float], z: float, colour: np.ndarray
    ) -> None:
        """Fill a level rectangle."""
        self._fill(image, [(x[0], y[0], z), (x[1], y[0], z), (x[1], y[1], z), (x[0], y[1], z)], colour)

    def _surroundings(self, image: np.ndarray) -> None:
        """The desk, the case around the keys with its fallboard, and the dark bed under the keys."""
        scene = self.scene
        case, desk = np.array(scene.fallboard), np.array(scene.desk)
        image[:] = np.clip(desk, 0, 255).astype(np.uint8)
        if scene.room.clutter > 0 or scene.room.body is not None:
            furnish(image, scene, self._fill)
        left, right = scene.x_of(scene.first_along), scene.x_of(scene.last_along)
        outer = (left - 60, right + 60)
        self._flat(image, outer, (WHITE_LENGTH, WHITE_LENGTH + 45), -WHITE_HEIGHT, case * 0.9 + 6)
        self._flat(image, outer, (-5, WHITE_LENGTH + 5), 0, case * 1.1 + 10)
        depth = case_depth(scene)
        self._flat(image, outer, (-depth, FALLBOARD[0]), FALLBOARD[1], case * 1.15 + 8)
        board = [(outer[0], 0, 0), (outer[1], 0, 0), (outer[1], *FALLBOARD), (outer[0], *FALLBOARD)]
        self._fill(image, board, case)
        decorate(image, scene, self.camera, self._fill, outer)
        self._flat(image, (left, right), (-2, WHITE_LENGTH), 0, np.array([25.0, 25.0, 25.0]))

    def _reflect(self, image: np.ndarray) -> None:
        """The keys at rest as the lacquer of the fallboard shows them: mirrored in its plane, faint."""
        scene, camera = self.scene, self.camera
        outer = (scene.x_of(scene.first_along) - 60, scene.x_of(scene.last_along) + 60)
        board = [(outer[0], 0, 0), (outer[1], 0, 0), (outer[1], FALLBOARD[0], FALLBOARD[1])]
        board.append((outer[0], *FALLBOARD))
        pane = np.zeros_like(image[:, :, :1])
        self._fill(pane, board, np.array([255.0]))
        plane = np.array([0.0, *FALLBOARD]) / np.hypot(*FALLBOARD)  # unit vector up the board
        turn = 2 * np.outer(plane, plane) - np.eye(3)
        turn[0, 0] = 1.0
        seen = image.copy()
        try:
            self.camera = Mirrored(camera, turn)
            self._draw(seen, np.zeros(KEYS), np.flatnonzero(self.in_view))
        finally:
            self.camera = camera
            self._resting.clear()  # they were those of the mirror
        blend = cv2.addWeighted(image, 1.0, seen, scene.reflection, 0)
        image[:] = np.where(pane > 0, blend, image)

    def _draw(self, image: np.ndarray, press: np.ndarray, keys: np.ndarray) -> None:
        """Draw ``keys`` (columns, a run without holes or several) in order: low white keys, high ones, black keys."""
        whites = keys[~BLACK[keys]]
        order = whites[np.argsort(-press[whites], kind="stable")]
        for key in whites[press[whites] > 0]:  # what the key leaves when it goes down
            x = self.x[key]
            self._flat(
                image, (x - WHITE_WIDTH / 2, x + WHITE_WIDTH / 2), (-2, WHITE_LENGTH), 0, np.array([25.0, 25.0, 25.0])
            )
        for key in order:
            self._white(image, int(key), press)
        if felt := self.scene.room.felt:
            for key in whites:
                x = self.x[key]
                self._flat(image, (x - WHITE_WIDTH / 2, x + WHITE_WIDTH / 2), (-4, 2.5), 1.0, np.array(felt))
        for key in keys[BLACK[keys]]:
            if press[key] == 0:
                self._black_at_rest(image, int(key))
            else:
                self._black(image, int(key), float(press[key]))

    def _white(self, image: np.ndarray, key: int, press: np.ndarray) -> None:
        """A white key: its side walls beside lower keys, its front and its top."""
        colour = np.array(self.scene.white) * self.tints[key]
        half, front = WHITE_WIDTH / 2 - GAP / 2, WHITE_LENGTH
        back_z, front_z = (-WHITE_DIP * press[key] * (y - PIVOT) / (WHITE_LENGTH - PIVOT) for y in (0.0, front))
        left, right = self.x[key] - half, self.x[key] + half
        for side, x in ((-1, left), (1, right)):
            other = self._white_beside(key, side)
            if other is None or press[other] <= press[key]:
                continue
            low_back, low_front = (
                -WHITE_DIP * press[other] * (y - PIVOT) / (WHITE_LENGTH - PIVOT) for y in (0.0, front)
            )
            wall = [(x, 0, back_z), (x, front, front_z), (x, front, low_front), (x, 0, low_back)]
            self._fill(image, wall, colour * (0.55 if side < 0 else 0.66))
        if self.camera.place[1] > front:
            low = [(right, front, -WHITE_HEIGHT), (left, front, -WHITE_HEIGHT)]
            self._fill(image, [(left, front, front_z), (right, front, front_z), *low], colour * self.scene.front_shade)
        top = [(left, 0, back_z), (right, 0, back_z), (right, front, front_z), (left, front, front_z)]
        self._fill(image, top, colour * (1 - 0.07 * press[key]))

    def _black_at_rest(self, image: np.ndarray, key: int) -> None:
        """A black key that nobody presses, of which the faces are worked out once: most keys drawn anew are such."""
        if key not in self._resting:
            self._noted = self._resting[key] = []
            self._black(image, key, 0.0)
            self._noted = None
            return
        for polygon, shade in self._resting[key]:
            cv2.fillConvexPoly(image, polygon, shade, cv2.LINE_8, 4)

    def _shine(self, image: np.ndarray, lid: Sequence[np.ndarray], colour: np.ndarray) -> None:
        """What a lamp leaves on the top of a black key: a bright line along it, and one at its front end."""
        gloss, (back_left, back_right, front_right, front_left) = self.scene.room.gloss, lid
        across, along = back_right - back_left, front_left - back_left
        side = 0.12 if self.scene.lighting.lamp[0] > 0 else 0.66
        edge = [back_left + side * across, back_left + (side + 0.22) * across]
        line = [edge[0] + 0.05 * along, edge[1] + 0.05 * along, edge[1] + 0.93 * along, edge[0] + 0.93 * along]
        self._fill(image, np.array(line), colour * 1.15 + 6 + 28 * gloss)
        front = [front_left - 0.05 * along, front_right - 0.05 * along, front_right, front_left]
        self._fill(image, np.array(front), colour * 1.3 + 10 + 75 * gloss)

    def _white_beside(self, key: int, side: int) -> int | None:
        """The next white key on one ``side`` (-1 or 1), None at the end of the keyboard."""
        other = key + side
        if 0 <= other < KEYS and BLACK[other]:
            other += side
        return other if 0 <= other < KEYS and self.in_view[other] else None

    def _black(self, image: np.ndarray, key: int, press: float) -> None:
        """A black key with its shadow: the faces that the camera sees, the top last."""
        x, colour, foot, top = self.x[key], np.array(self.scene.black), BLACK_FOOT / 2, BLACK_TOP / 2
        length, tip = BLACK_LENGTH, BLACK_LENGTH - 7
        back, front = (BLACK_HEIGHT - BLACK_DIP * press * (y - PIVOT) / (length - PIVOT) for y in (0.0, tip))
        cast = 0.35 * front
        self._flat(image, (x + foot, x + foot + cast), (0, length + cast / 2), 0, np.array(self.scene.white) * 0.7)
        corner = {
            (side, end): ((x + side * foot, end and length, 0.0), (x + side * top, end and tip, front if end else back))
            for side in (-1, 1)
            for end in (0, 1)
        }
        faces = (
            ((-1, 0), (-1, 1), 0.8),
            ((1, 1), (1, 0), 0.6),
            ((-1, 1), (1, 1), 1.5),
        )
        for first, second, shade in faces:
            quad = np.array([corner[first][0], corner[second][0], corner[second][1], corner[first][1]])
            inwards = np.cross(quad[1] - quad[0], quad[2] - quad[1])
            if inwards @ (self.camera.place - quad[0]) < 0:
                self._fill(image, quad.tolist(), colour * shade)
        lid = [np.array(corner[place][1]) for place in ((-1, 0), (1, 0), (1, 1), (-1, 1))]
        self._fill(image, np.array(lid), colour * 1.15 + 6)
        if self.scene.room.gloss > 0:
            self._shine(image, lid, colour)
