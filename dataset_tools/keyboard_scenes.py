"""Drawn scenes that a keyboard finder is judged on: any keys in view, any side, any light; the same for a seed."""

from dataclasses import replace

import cv2
import numpy as np

from dataset_tools.render import OVERLAYS, Colour, Scene, plain_scene, random_notes, render_frames, scene_keyboard
from pianoroll.keys import WHITE_KEYS, key_edges

SMALL_SIZES = {  # keys: lowest and highest pitch of keyboards that are sold
    25: ((48, 72),),
    32: ((53, 84),),
    37: ((48, 84), (41, 77)),
    49: ((36, 84),),
    61: ((36, 96),),
    73: ((28, 100), (24, 96)),
    76: ((28, 103),),
}
WHITES: dict[str, Colour] = {  # BGR
    "plain": (222.0, 230.0, 232.0),
    "ivory": (178.0, 212.0, 226.0),
    "yellowed": (120.0, 180.0, 205.0),
    "wooden": (95.0, 140.0, 190.0),
    "dim": (110.0, 112.0, 115.0),
}
_PICTURES = ((640, 360), (960, 540), (1280, 720), (640, 480))


def full_scenes(count: int, seed: int = 0) -> list[Scene]:
    """Whole 88-key pianos within the picture: tilted up to 45 degrees, rolled by any angle, oddly lit and coloured."""
    return [_full_scene(np.random.default_rng([seed, 11, number])) for number in range(count)]


def partial_scenes(count: int, seed: int = 0) -> list[Scene]:
    """Parts of keyboards: small ones in whole, and full pianos that one or both edges of the picture cut off."""
    return [_partial_scene(np.random.default_rng([seed, 12, number]), number) for number in range(count)]


def pictures(scene: Scene, moments: int = 5) -> list[np.ndarray]:
    """What a video of the scene would give a finder: ``moments`` pictures ``(H, W, 3)`` with hands, or one without."""
    if not scene.hands:
        return list(render_frames(scene, [], [0.0]))
    rng = np.random.default_rng([scene.seed, 13])
    first, last = keys_in_picture(scene)
    notes = random_notes(rng, 20.0, lowest_pitch=first, highest_pitch=last)
    return list(render_frames(scene, notes, np.linspace(1, 19, moments)))


def keys_in_picture(scene: Scene) -> tuple[int, int]:
    """Lowest and highest pitch of the white keys whose fronts are in the picture (their middle, that is)."""
    keyboard = scene_keyboard(scene)
    pitches = np.array(
        [p for p in range(scene.lowest_pitch, scene.highest_pitch + 1) if p % 12 in (0, 2, 4, 5, 7, 9, 11)]
    )
    places = np.array([[np.mean(key_edges(int(p))), 0.8] for p in pitches])
    x, y = cv2.perspectiveTransform(places[None], keyboard.to_picture.astype(np.float64))[0].T
    seen = pitches[(x > 0) & (y > 0) & (x < scene.width - 1) & (y < scene.height - 1)]
    return int(seen.min()), int(seen.max())


def _looks(rng: np.random.Generator) -> Scene:
    """Light, colours and camera by chance; all of it rarer and stranger than in ``plain_scene``."""
    width, height = _PICTURES[rng.integers(len(_PICTURES))]
    white = WHITES[rng.choice(list(WHITES), p=[0.5, 0.15, 0.15, 0.1, 0.1])]
    tint = rng.uniform(0.45, 1.0, 3) if rng.random() < 0.2 else np.ones(3)
    return replace(
        plain_scene(rng),
        width=width,
        height=height,
        white=white,
        tint=(float(tint[0]), float(tint[1]), float(tint[2])),
        vignette=float(rng.choice([0.0, rng.uniform(0.2, 0.7)])),
        front_shade=float(rng.uniform(0.35, 0.9)),
        reflection=float(rng.choice([0.0, rng.uniform(0.1, 0.5)])),
        overlay=str(rng.choice(["", "", "", *OVERLAYS])),
        hands=bool(rng.random() < 0.5),
    )


def _full_scene(rng: np.random.Generator) -> Scene:
    scene = replace(_looks(rng), lowest_pitch=21, highest_pitch=108)
    kind = rng.random()
    if kind < 0.3:  # any roll, in a square picture
        scene = replace(scene, width=720, height=720, roll=float(rng.uniform(-180, 180)), fill=0.92)
    elif kind < 0.5:  # low views
        scene = replace(scene, tilt=float(rng.uniform(38, 45)))
    return _within(scene)


def _within(scene: Scene) -> Scene:
    """The scene from so far that all corners of its keys are in the picture."""
    size = np.array([scene.width, scene.height])
    while True:
        corners = scene_keyboard(scene).corners
        if np.all((corners > 2) & (corners < size - 3)):
            return uncovered(scene)
        scene = replace(scene, fill=scene.fill * 0.95)


def uncovered(scene: Scene) -> Scene:
    """The scene without an overlay that would hide keys."""
    corners = scene_keyboard(scene).corners
    covers = scene.overlay in ("score", "falling") and corners[:, 1].min() < 0.15 * scene.height
    if scene.overlay == "inset":
        seen = np.zeros((scene.height, scene.width), np.uint8)
        cv2.fillConvexPoly(seen, np.round(corners).astype(np.int32), (1.0,))
        covers = bool(seen[: scene.height // 4 + 10, : scene.width // 4 + 10].any())
    return replace(scene, overlay="") if covers else scene


def _partial_scene(rng: np.random.Generator, number: int) -> Scene:
    """Every other one a small keyboard in whole, the others cut-off pianos of 25 keys or more."""
    scene = replace(_looks(rng), mirrored=number % 16 in (7, 12))
    if number % 2:
        keys = list(SMALL_SIZES)[(number // 2) % len(SMALL_SIZES)]
        sizes = SMALL_SIZES[keys]
        lowest, highest = sizes[rng.integers(len(sizes))]
        scene = replace(scene, lowest_pitch=lowest, highest_pitch=highest, overlay="" if keys < 40 else scene.overlay)
        return _within(scene)
    whites = float(rng.uniform(15, 46))
    side = number // 2 % 3  # bass in view, treble in view, neither
    start = (-0.6, WHITE_KEYS - whites + 0.6, float(rng.uniform(1, WHITE_KEYS - 1 - whites)))[side]
    scene = replace(scene, lowest_pitch=21, highest_pitch=108, framed=(start, start + whites), fill=1.0)
    return uncovered(scene)
