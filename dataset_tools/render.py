"""Our own clips of a piano being played, drawn in three dimensions, with exact truth.

World coordinates in millimetres: x along the keyboard (0 in the middle of the keys in view, treble positive), y from
the back edge of the white keys (0) towards the player (150 at their front edge), z upwards (0 at the tops of white keys
at rest). A pinhole camera looks at the middle of the keys. Pixels are counted from the centre of the upper-left pixel,
as OpenCV does. ``notes_to_frames(notes, times)`` is the truth of a clip.

Keys are drawn OVERSAMPLE times larger, without smoothing, and reduced by areas: a key drawn twice looks the same, so
that a frame needs only the pressed keys and their neighbours drawn anew.
"""

import itertools
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import av
import cv2
import numpy as np

from pianoroll.files import write_beside
from pianoroll.keys import (
    BLACK,
    CENTRES,
    HIGHEST_PITCH,
    KEYS,
    LOWEST_PITCH,
    PITCHES,
    is_black,
    key_edges,
)
from pianoroll.notes import Hand, Note
from video2roll.rectify import Keyboard

Colour = tuple[float, float, float]  # BGR, 0..255

OVERSAMPLE = 4
WHITE_WIDTH, WHITE_LENGTH, WHITE_HEIGHT, GAP = 23.5, 150.0, 20.0, 1.0  # mm
BLACK_FOOT, BLACK_TOP, BLACK_LENGTH, BLACK_HEIGHT = 12.5, 9.5, 95.0, 12.0  # mm
WHITE_DIP, BLACK_DIP = 10.0, 9.0  # mm, at the front end of the key
FALLBOARD = (-60.0, 50.0)  # mm, y and z of the upper edge of the board that rises behind the keys
PIVOT = WHITE_LENGTH - 220.0  # mm, y of the axis of the keys
FRONT_SHADE = 0.42  # of the light on its top that a white key's front face gets: the light comes from above
OVERLAYS = ("title", "score", "falling", "inset")
LEAD, PRESS_TIME, RELEASE_TIME = 0.03, 0.04, 0.05  # seconds: the key moves before its onset, and after its offset


@dataclass(frozen=True)
class Scene:
    """Everything about a clip but its notes. Colours are BGR, 0..255; angles are degrees.

    ``tilt``: the camera's angle from vertical, 0..45, towards the player, or away from him if ``opposite`` (the picture
    then shows the bass at the right). ``pan``: how far the camera stands to the treble side. ``fill``: share of the
    picture's width that the keys fill; ``focal``: focal length in picture widths. ``lowest_pitch`` and
    ``highest_pitch`` are white keys. ``framed``: the part of the keys that ``fill`` speaks of and the camera looks at,
    in white-key widths from the left edge of A0; all of them where it is None. ``light``: relative gain of the right
    and of the lower edge over the opposite one; ``tint``: gain of blue, green and red; ``vignette``: share of light
    that the corners lose. ``front_shade``: of the light on its top that a white key's front face gets.
    ``reflection``: share of light that the fallboard mirrors. ``overlay``: what an editor put into the picture, one of
    OVERLAYS. ``blur`` and ``noise``: sigma in pixels and in gray levels.
    """

    width: int = 640
    height: int = 360
    fps: int = 30
    tilt: float = 20.0
    roll: float = 0.0
    pan: float = 0.0
    fill: float = 0.92
    focal: float = 1.2
    opposite: bool = False
    mirrored: bool = False
    lowest_pitch: int = LOWEST_PITCH
    highest_pitch: int = HIGHEST_PITCH
    framed: tuple[float, float] | None = None
    white: Colour = (222.0, 230.0, 232.0)
    black: Colour = (34.0, 32.0, 32.0)
    fallboard: Colour = (30.0, 26.0, 28.0)
    desk: Colour = (70.0, 84.0, 100.0)
    skin: Colour = (125.0, 155.0, 205.0)
    brightness: float = 1.0
    light: tuple[float, float] = (0.0, 0.0)
    tint: Colour = (1.0, 1.0, 1.0)
    vignette: float = 0.0
    front_shade: float = FRONT_SHADE
    reflection: float = 0.0
    overlay: str = ""
    blur: float = 0.5
    noise: float = 2.0
    hands: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        if is_black(self.lowest_pitch) or is_black(self.highest_pitch) or self.lowest_pitch >= self.highest_pitch:
            raise ValueError("a keyboard begins and ends with a white key")
        if self.width % 2 or self.height % 2:
            raise ValueError("width and height must be even")
        if self.overlay and self.overlay not in OVERLAYS:
            raise ValueError(f"an overlay is one of {', '.join(OVERLAYS)}")

    @property
    def first_along(self) -> float:
        """Left edge of the keys in view, white-key widths from the left edge of A0."""
        return key_edges(self.lowest_pitch)[0]

    @property
    def last_along(self) -> float:
        """Right edge of the keys in view, white-key widths from the left edge of A0."""
        return key_edges(self.highest_pitch)[1]

    def x_of(self, along: float) -> float:
        """World x in mm of a place ``along`` the keyboard in white-key widths."""
        return (along - (self.first_along + self.last_along) / 2) * WHITE_WIDTH


# ---- chance ----------------------------------------------------------------------------------------------------------


def random_scene(rng: np.random.Generator) -> Scene:
    """A scene as a home video may show it: mostly 88 keys, from above or aslant, any light and colours."""
    sizes = ((21, 108), (28, 103), (36, 96), (36, 84))
    lowest, highest = sizes[rng.choice(4, p=[0.7, 0.1, 0.15, 0.05])]
    tint = rng.uniform(0.93, 1.0, 3)
    skin = np.array([125.0, 155.0, 205.0]) * rng.uniform(0.4, 1.15)
    return Scene(
        fps=int(rng.choice([24, 25, 30, 60], p=[0.2, 0.3, 0.4, 0.1])),
        tilt=float(rng.uniform(0, 45)),
        roll=float(np.clip(rng.normal(0, 2.5), -8, 8)),
        pan=float(np.clip(rng.normal(0, 4), -12, 12)),
        fill=float(rng.uniform(0.8, 0.98)),
        focal=float(rng.uniform(0.8, 1.8)),
        opposite=bool(rng.random() < 0.2),
        mirrored=bool(rng.random() < 0.1),
        lowest_pitch=lowest,
        highest_pitch=highest,
        white=_colour(rng.uniform(195, 245) * tint),
        black=_colour(np.full(3, rng.uniform(15, 55))),
        fallboard=_colour(rng.uniform(10, 90) * rng.uniform(0.6, 1.2, 3)),
        desk=_colour(rng.uniform(20, 170, 3)),
        skin=_colour(np.minimum(skin * rng.uniform(0.93, 1.07, 3), 245)),
        brightness=float(rng.uniform(0.55, 1.1)),
        light=(float(rng.uniform(-0.35, 0.35)), float(rng.uniform(-0.35, 0.35))),
        blur=float(rng.uniform(0.3, 1.0)),
        noise=float(rng.uniform(0.5, 6)),
        seed=int(rng.integers(2**31)),
    )


def _colour(values: np.ndarray) -> Colour:
    return (float(values[0]), float(values[1]), float(values[2]))


def random_notes(
    rng: np.random.Generator, duration: float, *, lowest_pitch: int = LOWEST_PITCH, highest_pitch: int = HIGHEST_PITCH
) -> list[Note]:
    """Notes for two hands within 0.2 s to ``duration`` seconds, sorted: runs, chords, held and repeated keys."""
    notes: list[Note] = []
    middle = (lowest_pitch + highest_pitch) // 2 + int(rng.integers(-4, 5))
    notes += _random_part(rng, duration, lowest_pitch, middle - 1, "left")
    notes += _random_part(rng, duration, middle, highest_pitch, "right")
    return sorted(notes)


def _random_part(rng: np.random.Generator, duration: float, low: int, high: int, hand: Hand) -> list[Note]:
    """One hand's notes in pitches ``low`` to ``high``: a wandering hand that strikes 1 to 4 keys within an octave."""
    notes: list[Note] = []
    time = float(rng.uniform(0.2, 0.6))
    centre = float(rng.uniform(low, high))
    pace = float(rng.choice([0.12, 0.2, 0.3, 0.5]))
    while time < duration - 0.12:
        if rng.random() < 0.1:
            centre, pace = float(rng.uniform(low, high)), float(rng.choice([0.12, 0.2, 0.3, 0.5]))
            time += 0.25
        centre = float(np.clip(centre + rng.normal(0, 2.5), low, high))
        choices = np.arange(max(low, round(centre) - 6), min(high, round(centre) + 6) + 1)
        size = min(int(rng.choice([1, 2, 3, 4], p=[0.65, 0.15, 0.14, 0.06])), len(choices))
        step = pace * float(rng.choice([0.5, 1, 1, 1, 2])) if pace > 0.2 else pace
        length = max(0.08, step * float(rng.choice([0.5, 0.85, 0.95, 1.0, 1.1])))
        for pitch in rng.choice(choices, size=size, replace=False):
            onset = time + float(rng.uniform(0, 0.012))
            offset = min(onset + length, duration)
            if not any(n.pitch == pitch and n.offset > onset - 0.06 for n in notes[-12:]) and offset > onset + 0.05:
                notes.append(Note(onset, int(pitch), offset, int(rng.integers(35, 110)), hand))
        time += step
    return notes


# ---- the camera ------------------------------------------------------------------------------------------------------


class _Camera:
    """Pinhole camera of a scene: world (mm) to pixels of the picture before it is mirrored."""

    def __init__(self, scene: Scene) -> None:
        side = -1.0 if scene.opposite else 1.0
        tilt, roll = np.radians(scene.tilt), np.radians(scene.roll)
        self.focal = scene.focal * scene.width  # pixels
        left, right = scene.framed or (scene.first_along, scene.last_along)
        span = (right - left) * WHITE_WIDTH
        distance = span * scene.focal / scene.fill
        towards = np.array([np.tan(np.radians(scene.pan)), side * np.sin(tilt), np.cos(tilt)])
        forward = -towards / np.linalg.norm(towards)
        self.place = np.array([scene.x_of((left + right) / 2), WHITE_LENGTH / 2, 0.0]) - distance * forward
        rightwards = np.array([side, 0.0, 0.0])
        rightwards = rightwards - (rightwards @ forward) * forward
        rightwards /= np.linalg.norm(rightwards)
        down = np.cross(rightwards, forward)
        c, s = np.cos(roll), np.sin(roll)
        self._axes = np.stack([c * rightwards - s * down, s * rightwards + c * down, forward])
        self._centre = np.array([(scene.width - 1) / 2, (scene.height - 1) / 2])

    def __call__(self, points: np.ndarray) -> np.ndarray:
        """Pixels ``(..., 2)`` of world points ``(..., 3)``."""
        seen = (points - self.place) @ self._axes.T
        return seen[..., :2] / seen[..., 2:] * self.focal + self._centre

    def scale(self, point: np.ndarray) -> float:
        """Pixels a millimetre at a world point ``(3,)``."""
        return self.focal / float((point - self.place) @ self._axes[2])


class _Mirrored(_Camera):
    """A camera that sees the world turned ``(3, 3)`` about the origin: what it would see in a mirror."""

    def __init__(self, camera: _Camera, turn: np.ndarray) -> None:
        self._camera, self._turn = camera, turn
        self.place = camera.place @ turn.T  # a mirror is its own inverse: the faces that are seen are those of there

    def __call__(self, points: np.ndarray) -> np.ndarray:
        """Pixels ``(..., 2)`` of the mirror images of world points ``(..., 3)``."""
        return self._camera(points @ self._turn.T)


def scene_keyboard(scene: Scene) -> Keyboard:
    """The corners of the white keys' plane in the picture, exactly."""
    left, right = scene.x_of(scene.first_along), scene.x_of(scene.last_along)
    points = np.array([[left, 0, 0], [right, 0, 0], [right, WHITE_LENGTH, 0], [left, WHITE_LENGTH, 0]])
    corners = _Camera(scene)(points)
    if scene.mirrored:
        corners[:, 0] = scene.width - 1 - corners[:, 0]
    return Keyboard(corners, scene.lowest_pitch, scene.highest_pitch, mirrored=scene.mirrored)


# ---- the keys --------------------------------------------------------------------------------------------------------


def key_presses(notes: Sequence[Note], time: float) -> np.ndarray:
    """How far each key is down at ``time`` seconds, ``(88,)``: 0 at rest, 1 at the bottom."""
    press = np.zeros(KEYS)
    for note in notes:
        if note.onset - LEAD < time < note.offset + RELEASE_TIME:
            down = _ease((time - note.onset + LEAD) / PRESS_TIME)
            press[note.key] = max(press[note.key], down * (1 - _ease((time - note.offset) / RELEASE_TIME)))
    return press


def _ease(value: float) -> float:
    """0 below 0, 1 above 1, and smooth between."""
    value = min(1.0, max(0.0, value))
    return value * value * (3 - 2 * value)


class _Keys:
    """The keyboard and what is around it, at rest, and the pressed keys drawn over it."""

    def __init__(self, scene: Scene, camera: _Camera) -> None:
        self.scene, self.camera = scene, camera
        self.x = np.array([scene.x_of(float(centre)) for centre in CENTRES])
        self.in_view = (scene.lowest_pitch <= PITCHES) & (scene.highest_pitch >= PITCHES)
        self.tints = 1 - 0.03 * np.random.default_rng([scene.seed, 1]).random(KEYS)
        large = np.empty((scene.height * OVERSAMPLE, scene.width * OVERSAMPLE, 3), np.uint8)
        self._surroundings(large)
        if scene.reflection > 0:
            self._reflect(large)
        self._draw(large, np.zeros(KEYS), np.flatnonzero(self.in_view))
        self._large, self._work = large, large.copy()
        self._rest = cv2.resize(large, (scene.width, scene.height), interpolation=cv2.INTER_AREA)

    def __call__(self, press: np.ndarray) -> np.ndarray:
        """The picture ``(H, W, 3)`` uint8, without hands, with the keys pressed as ``press (88,)`` says."""
        frame = self._rest.copy()
        pressed = np.flatnonzero((press > 0) & self.in_view)
        if not len(pressed):
            return frame
        reach = (
            np.where(BLACK, 2.5, 1.6) * WHITE_WIDTH
        )  # the shadows and sides of black keys lie on white ones drawn anew
        near = np.abs(self.x[:, None] - self.x[pressed]).min(axis=1) < reach
        self._draw(self._work, press, np.flatnonzero(near & self.in_view))
        boxes = [self._box(int(key)) for key in pressed]
        for x0, y0, x1, y1 in boxes:
            part = self._work[y0 * OVERSAMPLE : y1 * OVERSAMPLE, x0 * OVERSAMPLE : x1 * OVERSAMPLE]
            if part.size:
                frame[y0:y1, x0:x1] = cv2.resize(part, (x1 - x0, y1 - y0), interpolation=cv2.INTER_AREA)
        for x0, y0, x1, y1 in boxes:
            where = slice(y0 * OVERSAMPLE, y1 * OVERSAMPLE), slice(x0 * OVERSAMPLE, x1 * OVERSAMPLE)
            self._work[where] = self._large[where]
        return frame

    def _box(self, key: int) -> tuple[int, int, int, int]:
        """Pixels x0, y0, x1, y1 (ends excluded) that a key and the keys drawn anew beside it can change."""
        x = self.x[key] + np.array([-2.7, 2.7]) * WHITE_WIDTH
        points = np.array(list(itertools.product(x, (-5.0, WHITE_LENGTH + 2), (-WHITE_HEIGHT, BLACK_HEIGHT))))
        pixels = self.camera(points)
        size = np.array([self.scene.width, self.scene.height])
        low = np.clip(np.floor(pixels.min(axis=0)) - 1, 0, size).astype(int)
        high = np.clip(np.ceil(pixels.max(axis=0)) + 2, 0, size).astype(int)
        return int(low[0]), int(low[1]), int(high[0]), int(high[1])

    def _fill(self, image: np.ndarray, points: Sequence[Sequence[float]], colour: np.ndarray) -> None:
        """Fill a convex polygon of world ``points (n, 3)`` in the large picture."""
        pixels = (self.camera(np.array(points)) + 0.5) * OVERSAMPLE - 0.5
        shade = np.clip(colour, 0, 255).tolist()
        cv2.fillConvexPoly(image, np.round(pixels * 16).astype(np.int32), shade, cv2.LINE_8, 4)

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
        left, right = scene.x_of(scene.first_along), scene.x_of(scene.last_along)
        outer = (left - 60, right + 60)
        self._flat(image, outer, (WHITE_LENGTH, WHITE_LENGTH + 45), -WHITE_HEIGHT, case * 0.9 + 6)
        self._flat(image, outer, (-5, WHITE_LENGTH + 5), 0, case * 1.1 + 10)
        self._flat(image, outer, (-200, FALLBOARD[0]), FALLBOARD[1], case * 1.15 + 8)
        board = [(outer[0], 0, 0), (outer[1], 0, 0), (outer[1], *FALLBOARD), (outer[0], *FALLBOARD)]
        self._fill(image, board, case)
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
            self.camera = _Mirrored(camera, turn)
            self._draw(seen, np.zeros(KEYS), np.flatnonzero(self.in_view))
        finally:
            self.camera = camera
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
        for key in keys[BLACK[keys]]:
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
        self._fill(image, [corner[place][1] for place in ((-1, 0), (1, 0), (1, 1), (-1, 1))], colour * 1.15 + 6)


# ---- the hands -------------------------------------------------------------------------------------------------------

_TIP_X = np.array([-48.0, -23.0, 0.0, 22.0, 42.0])  # mm from the hand's middle, right hand, thumb first
_TIP_Y = np.array([32.0, 0.0, -8.0, 0.0, 16.0])
_REACH, _LEAVE = 0.12, 0.09  # seconds in which a finger comes to its key and leaves it


@dataclass(frozen=True)
class _Pose:
    """A hand in world coordinates: ``fingers (5, 3, 3)`` knuckle, joint, tip; ``palm``, ``wrist``, ``elbow (3,)``."""

    fingers: np.ndarray
    palm: np.ndarray
    wrist: np.ndarray
    elbow: np.ndarray


class _HandMotion:
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

    def __call__(self, time: float) -> _Pose:
        """The hand at ``time`` seconds."""
        near = time + np.linspace(-0.07, 0.07, 5)
        middle, row = (float(np.interp(near, self._times, self._places[:, axis]).mean()) for axis in (0, 1))
        tips = np.column_stack([middle + self.offsets[:, 0], row + self.offsets[:, 1], np.full(5, 24.0)])
        weights = np.zeros(5)
        targets = np.zeros((5, 3))
        onset, offset = self._strikes[:, 0], self._strikes[:, 1]
        for strike in self._strikes[(onset - LEAD - _REACH < time) & (offset + _LEAVE > time)]:
            weight = _ease((time - strike[0] + LEAD + _REACH) / _REACH) * (1 - _ease((time - strike[1]) / _LEAVE))
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
        return _Pose(np.stack([knuckles, joints, tips], axis=1), palm, wrist, elbow)


def _chords(notes: Sequence[Note]) -> list[list[Note]]:
    """Notes struck together (within 40 ms), at most five, each by rising pitch."""
    chords: list[list[Note]] = []
    for note in sorted(notes):
        if chords and note.onset - chords[-1][0].onset < 0.04 and len(chords[-1]) < 5:
            chords[-1].append(note)
        else:
            chords.append([note])
    return [sorted(chord, key=lambda note: note.pitch) for chord in chords]


class _Hands:
    """Draws both hands of a scene; notes without a hand are the left one's below middle C."""

    def __init__(self, scene: Scene, notes: Sequence[Note], camera: _Camera) -> None:
        self.scene, self.camera = scene, camera
        parts: dict[Hand, list[Note]] = {"left": [], "right": []}
        for note in notes:
            parts[note.hand or ("left" if note.pitch < 60 else "right")].append(note)
        self.motions = [_HandMotion(scene, part, hand) for hand, part in parts.items() if part]

    def draw(self, frame: np.ndarray, time: float) -> np.ndarray:
        """The frame ``(H, W, 3)`` with the hands and their shadow at ``time`` seconds."""
        poses = [motion(time) for motion in self.motions]
        if not poses:
            return frame
        frame = self._shadow(frame, poses)
        for pose in poses:
            self._hand(frame, pose)
        return frame

    def _shadow(self, frame: np.ndarray, poses: Sequence[_Pose]) -> np.ndarray:
        """Darken the frame softly where the hands keep the light off."""
        size = (self.scene.width // 4, self.scene.height // 4)
        mask = np.zeros((size[1], size[0]), np.uint8)
        for pose in poses:
            lines = [*pose.fingers, np.stack([pose.palm, pose.wrist]), np.stack([pose.wrist, pose.elbow])]
            for line, radius in zip(lines, (8, 8, 8, 8, 7, 38, 30), strict=True):
                flat = line * [1.0, 1.0, 0.0] + np.outer(line[:, 2], [0.35, -0.25, 0.0])
                self._stroke(mask, flat, radius, (255.0, 255.0, 255.0), 4)
        soft = cv2.GaussianBlur(mask, (0, 0), 1.6).astype(np.float32) * (-0.42 / 255) + 1
        gain = cv2.resize(soft, (self.scene.width, self.scene.height), interpolation=cv2.INTER_LINEAR)
        return cv2.multiply(frame, cv2.merge([gain, gain, gain]), dtype=cv2.CV_8U)

    def _hand(self, frame: np.ndarray, pose: _Pose) -> None:
        """Forearm, palm and fingers, each with a darker rim and a lighter ridge."""
        skin = np.array(self.scene.skin)
        arm = np.stack([pose.wrist, pose.elbow])
        self._stroke(frame, arm, 32, _colour(skin * 0.78))
        self._stroke(frame, arm, 27, _colour(skin * 0.92))
        self._stroke(frame, np.stack([pose.palm, pose.wrist]), 29, _colour(skin * 0.9))
        across = pose.palm + np.array([[-14.0, -6.0, 0.0], [14.0, -6.0, 0.0]])
        self._stroke(frame, across, 33, _colour(skin * 0.84))
        self._stroke(frame, across, 29, _colour(skin * 0.95))
        for finger, line in enumerate(pose.fingers):
            radius = 9.5 if finger == 0 else 8.5 if finger < 4 else 7.0
            self._stroke(frame, line, radius, _colour(skin * 0.7))
            self._stroke(frame, line, radius - 2, _colour(skin))
            self._stroke(frame, line[:2], radius - 6, _colour(np.minimum(skin * 1.08, 255)))
            nail = line[2] + np.array([[0.0, 1.0, 3.0], [0.0, 5.0, 5.0]])
            self._stroke(frame, nail, radius - 5, _colour(np.minimum(skin * 1.1 + 12, 255)))

    def _stroke(self, image: np.ndarray, line: np.ndarray, radius: float, colour: Colour, reduced: int = 1) -> None:
        """A round-ended line through world points ``(n, 3)``, ``radius`` in mm, in a picture ``reduced`` times."""
        pixels = (self.camera(line) + 0.5) / reduced - 0.5
        thickness = max(1, round(2 * radius * self.camera.scale(line[0]) / reduced))
        points = np.round(pixels * 16).astype(np.int32)
        cv2.polylines(image, [points.reshape(-1, 1, 2)], False, colour, thickness, cv2.LINE_AA, 4)


# ---- frames and videos -----------------------------------------------------------------------------------------------


class _Lens:
    """Light, blur, mirror and noise: what makes a drawing a picture."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        across = scene.light[0] * np.linspace(-0.5, 0.5, scene.width, dtype=np.float32)[None]
        down = scene.light[1] * np.linspace(-0.5, 0.5, scene.height, dtype=np.float32)[:, None]
        radius = np.hypot(*np.meshgrid(np.linspace(-1, 1, scene.width), np.linspace(-1, 1, scene.height)))
        gain = scene.brightness * (1 + across + down) * (1 - scene.vignette / 2 * radius**2)
        self._gain = (gain[:, :, None] * scene.tint).astype(np.float32)
        rng = np.random.default_rng([scene.seed, 2])
        grain = rng.standard_normal((scene.height + 64, scene.width + 64, 3), dtype=np.float32)
        self._grain = np.round(grain * scene.noise).astype(np.int16)

    def __call__(self, frame: np.ndarray, time: float) -> np.ndarray:
        """The picture ``(H, W, 3)`` uint8 at ``time`` seconds; the same time gives the same noise."""
        scene = self.scene
        frame = cv2.multiply(frame, self._gain, dtype=cv2.CV_8U)
        if scene.blur > 0:
            frame = cv2.GaussianBlur(frame, (0, 0), scene.blur)
        if scene.mirrored:
            frame = cv2.flip(frame, 1)
        if scene.overlay:
            _overlay(frame, scene)
        if scene.noise > 0:
            key = [scene.seed, 3, max(0, round(time * 1e6))]
            x, y = np.random.default_rng(key).integers(0, 65, 2)
            frame = cv2.add(frame, self._grain[y : y + scene.height, x : x + scene.width], dtype=cv2.CV_8U)
        return frame


def _overlay(frame: np.ndarray, scene: Scene) -> None:
    """Paste in what video editors do: above the keys, or into a corner of the picture; black, white and bright bars."""
    height, width = frame.shape[:2]
    rng = np.random.default_rng([scene.seed, 4])
    if scene.overlay == "title":
        for line, text in enumerate(("Prelude in C, illi filii", "played by William Hill III")):
            place = (width // 10, round(height * (0.1 + 0.09 * line)))
            cv2.putText(frame, text, place, cv2.FONT_HERSHEY_DUPLEX, width / 900, (240, 240, 240), 2, cv2.LINE_AA)
        return
    corners = scene_keyboard(scene).corners
    top = int(np.clip(corners[:, 1].min() - 0.05 * height, 0.1 * height, 0.4 * height))
    if scene.overlay == "score":
        _score_panel(frame[:top], rng)
    elif scene.overlay == "falling":
        frame[:top] = 18
        for _ in range(40):
            x, y = int(rng.integers(0, width - 8)), int(rng.integers(-top // 4, top))
            shade = [(90, 200, 120), (210, 140, 70), (240, 240, 240)][rng.integers(3)]
            cv2.rectangle(frame[:top], (x, y), (x + width // 70, y + int(rng.integers(6, top // 2))), shade, -1)
    else:
        small = cv2.resize(frame, (width // 4, height // 4), interpolation=cv2.INTER_AREA)
        frame[6 : 6 + height // 4, 6 : 6 + width // 4] = small


def _score_panel(panel: np.ndarray, rng: np.random.Generator) -> None:
    """Two staves with notes: black on white."""
    height, width = panel.shape[:2]
    panel[:] = 250
    for staff in (0.3, 0.7):
        for line in range(-2, 3):
            y = round(height * (staff + 0.06 * line))
            cv2.line(panel, (width // 30, y), (width - width // 30, y), (20, 20, 20), 1)
        for x in range(width // 20, width - width // 20, width // 40):
            y = round(height * (staff + rng.uniform(-0.12, 0.12)))
            cv2.circle(panel, (x, y), max(2, height // 40), (10, 10, 10), -1)
            cv2.line(panel, (x + height // 40, y), (x + height // 40, y - height // 6), (10, 10, 10), 2)


def render_frames(scene: Scene, notes: Sequence[Note], times: Sequence[float] | np.ndarray) -> Iterator[np.ndarray]:
    """BGR uint8 frames ``(height, width, 3)`` of a scene at ``times`` (seconds). Raises ValueError for a wrong key."""
    if any(not scene.lowest_pitch <= note.pitch <= scene.highest_pitch for note in notes):
        raise ValueError("a note lies outside the keys of the scene")
    return _frames(scene, notes, times)


def _frames(scene: Scene, notes: Sequence[Note], times: Sequence[float] | np.ndarray) -> Iterator[np.ndarray]:
    camera = _Camera(scene)
    keys, hands, lens = _Keys(scene, camera), _Hands(scene, notes, camera), _Lens(scene)
    for time in times:
        frame = keys(key_presses(notes, float(time)))
        if scene.hands:
            frame = hands.draw(frame, float(time))
        yield lens(frame, float(time))


def render_video(scene: Scene, notes: Sequence[Note], path: str | os.PathLike[str], *, duration: float) -> Keyboard:
    """Write a clip of ``duration`` seconds as H.264 (frame n at n / fps); gives its keyboard. Raises FileError."""
    times = np.arange(round(duration * scene.fps)) / scene.fps
    with write_beside(path) as temporary, av.open(os.fspath(temporary), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=scene.fps, options={"crf": "21", "preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = scene.width, scene.height, "yuv420p"
        for image in render_frames(scene, notes, times):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
        container.mux(stream.encode())
    return scene_keyboard(scene)
