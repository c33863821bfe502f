"""Real hands, cut out of filmed clips and pasted onto drawn keyboards.

Where a labelled clip shows a key being pressed, what differs in colour from the same picture without hands (each
pixel's median over the clip) is a hand, and the pressed key says where its fingertip is. A cut-out is kept in keyboard
coordinates, bass at the left, so that it can be laid onto any keyboard in perspective, its finger on any key.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np

from dataset_tools.clips import Clip, read_manifest
from dataset_tools.drawn_camera import Camera
from dataset_tools.drawn_playing import HandMotion
from dataset_tools.drawn_scene import WHITE_LENGTH, WHITE_WIDTH, Colour, Scene
from pianoroll import FileError, Note
from pianoroll.keys import BLACK, CENTRES
from pianoroll.reach import hands_by_reach
from video2roll.video import read_frames, sample_images

SCALE = 20  # pixels of a cut-out a white-key width
REACH = 5.5  # white-key widths that it shows on each side of the finger
BEHIND, BEFORE = 0.1, 1.75  # lengths of a white key that it shows behind the keys' back edge, and from there on
_LENGTH = 6.4 * SCALE  # pixels of a white key's length
_SKIN = 9.0  # by which a hand is redder than the keys (Cr)
_SMALLEST, _LARGEST = 10.0, 70.0  # white-key squares of a hand
_SOLID = 0.66  # of its convex hull that a hand fills
_WHITE = 190  # gray level from which a pixel is rather a key's
_ENOUGH = 3  # cut-outs of a clip, so that its hands alone serve
_FROM_CLIP = 12  # cut-outs taken of a clip
_ON_BLACK = 0.5  # of a white key's length from the back edge: where a fingertip presses a black key
_SETTLED = 0.06  # seconds after the onset at which a hand is cut out
_REST_FRAMES = 25


@dataclass(frozen=True)
class Cutout:
    """A hand: ``picture (h, w, 4)`` uint8, BGR and how much it covers, in keyboard coordinates; its middle column is at
    the pressed key. ``side``: 1 right, -1 left; ``black``: the pressed key is one; ``tip``: how far from the back
    edge of the keys its finger lies, in lengths of a white key; ``wrist``: white-key widths from the pressed key to the
    middle of where the picture ends towards the player; ``source``: the clip."""

    picture: np.ndarray
    side: float
    black: bool
    tip: float
    wrist: float
    source: str


def load_cutouts(manifest: Path, seed: int) -> tuple[Cutout, ...]:
    """Hands of one training clip of a data set, by ``seed``; never of clips that judge. Raises FileError where there
    are none."""
    clips = [clip.name for clip in read_manifest(manifest, split="train") if clip.keyboard is not None and clip.midi]
    most: tuple[Cutout, ...] = ()
    for number in np.random.default_rng([seed, 73]).permutation(len(clips)):
        most = max(most, _taken(manifest, clips[number]), key=len)
        if len(most) >= _ENOUGH:
            return most
    if not most:
        raise FileError(f"{manifest}: no hand could be cut out; its training clips need corners, MIDI and bare hands.")
    return most


@lru_cache(maxsize=256)
def _taken(manifest: Path, name: str) -> tuple[Cutout, ...]:
    return tuple(take(next(clip for clip in read_manifest(manifest, split="train") if clip.name == name)))


def take(clip: Clip) -> list[Cutout]:
    """Hands of one clip, each at a moment in which it alone pressed a key."""
    assert clip.keyboard is not None
    notes = [note for note in hands_by_reach(clip.notes()) if clip.start < note.onset < clip.end]
    alone = [note for note in notes if _lonely(note, notes)]
    chosen = alone[:: max(1, len(alone) // _FROM_CLIP)][:_FROM_CLIP]
    if not chosen:
        return []
    rest = np.median(np.stack(sample_images(clip.video, _REST_FRAMES)), axis=0).astype(np.uint8)
    cutouts, waiting = [], list(chosen)
    for frame in read_frames(clip.video, start=max(0.0, chosen[0].onset - 0.5), end=chosen[-1].onset + 1):
        while waiting and frame.time >= waiting[0].onset + _SETTLED:
            cutout = _cut(frame.image, rest, clip, waiting.pop(0))
            cutouts += [cutout] if cutout is not None else []
    return cutouts


def _lonely(note: Note, notes: Sequence[Note]) -> bool:
    """Whether no other key near is down when the note has begun, so that its finger is the one that is found."""
    moment = note.onset + _SETTLED
    near = [n for n in notes if n.onset <= moment < n.offset and abs(n.pitch - note.pitch) < 14]
    return len(near) == 1 and note.hand is not None and note.offset - note.onset > 2 * _SETTLED


def _cut(frame: np.ndarray, rest: np.ndarray, clip: Clip, note: Note) -> Cutout | None:
    """The hand on a note's key; None where what is found there is no hand."""
    assert clip.keyboard is not None
    key = float(CENTRES[note.key])
    width, height = round(2 * REACH * SCALE), round((BEHIND + BEFORE) * _LENGTH)
    to_keyboard = np.array([[1 / SCALE, 0, key - REACH], [0, 1 / _LENGTH, -BEHIND], [0, 0, 1]])
    matrix, flags = clip.keyboard.to_picture @ to_keyboard, cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    hand, bare = (
        np.asarray(cv2.warpPerspective(image, matrix, (width, height), flags=flags)) for image in (frame, rest)
    )
    red = [cv2.cvtColor(image, cv2.COLOR_BGR2YCrCb)[..., 1].astype(np.float32) for image in (hand, bare)]
    mask: np.ndarray = _skin(*red).astype(np.uint8)
    mask = np.asarray(cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((7, 7), np.uint8)))
    mask = np.asarray(cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((5, 5), np.uint8)))
    _, labels = cv2.connectedComponents(mask)
    middle, front = width // 2, round((BEHIND + 1) * _LENGTH)
    under = labels[:front, middle - SCALE // 2 : middle + SCALE // 2]
    if not under.any():
        return None
    label = int(np.bincount(under[under > 0]).argmax())
    if not _is_hand(labels == label, hand):
        return None
    own = cv2.GaussianBlur((labels == label).astype(np.float32), (0, 0), 1.3)
    own[-2 * SCALE :] *= np.linspace(1, 0, 2 * SCALE, dtype=np.float32)[:, None]
    low = np.flatnonzero(labels[-2 * SCALE] == label)
    if not len(low):
        return None  # it does not come from the player
    finger = np.any(labels[:, middle - SCALE // 2 : middle + SCALE // 2] == label, axis=1)
    tip = float(np.flatnonzero(finger)[0]) / _LENGTH - BEHIND
    wrist = (float(low.mean()) - middle) / SCALE
    alpha = np.round(255 * own).astype(np.uint8)
    side = 1.0 if note.hand == "right" else -1.0
    return Cutout(np.dstack([hand, alpha]), side, bool(BLACK[note.key]), tip, wrist, clip.name)


def _skin(red: np.ndarray, bare: np.ndarray) -> np.ndarray:
    """Where a picture (its Cr) is redder than without hands, beyond what all of it is, and redder than keys are."""
    change = cv2.GaussianBlur(red - bare, (0, 0), 1.0)
    keys = float(np.median(bare[round(BEHIND * _LENGTH) : round((BEHIND + 1) * _LENGTH)]))
    return np.asarray((change - min(0.0, float(np.median(change))) > _SKIN) & (red - keys > _SKIN))


def _is_hand(mask: np.ndarray, picture: np.ndarray) -> bool:
    """Whether a patch is large and whole enough for one hand, lies within the cut-out, and holds hardly any white."""
    y, x = np.nonzero(mask)
    if not _SMALLEST < len(x) / SCALE**2 < _LARGEST or x.min() == 0 or x.max() == mask.shape[1] - 1:
        return False
    hull = cv2.contourArea(cv2.convexHull(np.stack([x, y], axis=1).astype(np.int32)))
    white = picture[mask].min(axis=1) > _WHITE
    return bool(len(x) > _SOLID * hull and white.mean() < 0.04)


def _tinted(cutout: Cutout, skin: Colour) -> Cutout:
    """The hand in the colour that the scene's arms have."""
    picture = cutout.picture.astype(np.float32)
    usual = np.median(picture[picture[..., 3] > 200][:, :3], axis=0)
    picture[..., :3] *= np.clip(np.array(skin) / np.maximum(usual, 20), 0.3, 3).astype(np.float32)
    return replace(cutout, picture=np.clip(picture, 0, 255).astype(np.uint8))


class Pasted:
    """Cut-outs that follow a hand: one for each of its strikes, laid onto the drawing with its finger on the key."""

    def __init__(self, scene: Scene, camera: Camera, motion: HandMotion, cutouts: Sequence[Cutout]) -> None:
        self.scene, self.camera, self.motion = scene, camera, motion
        rng = np.random.default_rng([scene.seed, 72 + round(motion.side)])
        sources = sorted({cutout.source for cutout in cutouts})
        player = sources[int(np.random.default_rng([scene.seed, 70]).integers(len(sources)))]  # one for both hands
        own = [_tinted(cutout, scene.skin) for cutout in cutouts if cutout.source == player]
        own = [cutout for cutout in own if cutout.side == motion.side] or own
        by_colour = {black: [c for c in own if c.black == black] or own for black in (False, True)}
        strikes = motion.outer_strikes
        self._times = np.array([onset for onset, _, _ in strikes])
        self._xs = np.array([x for _, x, _ in strikes])
        self._chosen = [by_colour[black][int(rng.integers(len(by_colour[black])))] for _, _, black in strikes]
        self._deeper = [  # millimetres that a hand which pressed a white key must go on to reach a black one
            max(0.0, cutout.tip - _ON_BLACK) * WHITE_LENGTH * black
            for cutout, (_, _, black) in zip(self._chosen, strikes, strict=True)
        ]

    def place(self, time: float) -> tuple[Cutout, float, float]:
        """The cut-out now, the world x (mm) of its finger, on the key or on its way to the next one, and how much
        farther from the player than it was filmed."""
        number = int(np.clip(np.searchsorted(self._times, time + 0.08) - 1, 0, len(self._times) - 1))
        near = time + np.linspace(-0.04, 0.04, 3)
        x = float(np.interp(near, self._times, self._xs).mean()) if len(self._times) > 1 else float(self._xs[0])
        settled = self._times[number] - 0.08 <= time < self._times[number] + 0.12
        return self._chosen[number], float(self._xs[number]) if settled else x, self._deeper[number]

    def wrist(self, time: float) -> np.ndarray:
        """World point ``(3,)`` at which the arm goes on."""
        cutout, x, deeper = self.place(time)
        return np.array([x + cutout.wrist * WHITE_WIDTH, (BEFORE - 0.22) * WHITE_LENGTH - deeper, 10.0])

    def draw(self, frame: np.ndarray, time: float) -> None:
        """Lay the hand and its shadow onto the drawing ``(H, W, 3)``."""
        cutout, x, deeper = self.place(time)
        height, width = cutout.picture.shape[:2]
        left, back = x - REACH * WHITE_WIDTH, -BEHIND * WHITE_LENGTH - deeper
        right, front = x + REACH * WHITE_WIDTH, BEFORE * WHITE_LENGTH - deeper
        world = np.array([[left, back, 0], [right, back, 0], [right, front, 0], [left, front, 0]])
        corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32) - 0.5
        pixels = self.camera(world)
        low = np.maximum(np.floor(pixels.min(axis=0)).astype(int), 0)
        high = np.minimum(np.ceil(pixels.max(axis=0)).astype(int) + 1, frame.shape[1::-1])
        if np.any(high - low < 2):
            return
        matrix = cv2.getPerspectiveTransform(corners, (pixels - low).astype(np.float32))
        laid = np.asarray(cv2.warpPerspective(cutout.picture, matrix, tuple(high - low), flags=cv2.INTER_AREA))
        part = frame[low[1] : high[1], low[0] : high[0]]
        alpha = laid[..., 3:].astype(np.float32) / 255
        away = 12 * self.camera.scale(world[0]) * np.array(self.scene.lighting.lamp)
        moved = np.array([[1, 0, away[0]], [0, 1, away[1]]], np.float32)
        shade = cv2.GaussianBlur(cv2.warpAffine(alpha[..., 0], moved, tuple(high - low)), (0, 0), 3)[..., None]
        shaded = part * (1 - self.scene.lighting.shadow * shade)
        part[:] = np.round(shaded * (1 - alpha) + laid[..., :3] * alpha).astype(np.uint8)
