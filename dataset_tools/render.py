"""Our own clips of a piano being played, drawn in three dimensions, with exact truth.

A scene (drawn_scene.py) is seen by a camera (drawn_camera.py): its keys and what is about them (drawn_keys.py,
drawn_room.py), the hands that play the notes (drawn_playing.py, drawn_hands.py), and what a lens and an editor make of
it (drawn_lens.py, overlays.py).
``notes_to_frames(notes, times)`` is the truth of a clip.
"""

import os
from collections.abc import Iterator, Sequence
from fractions import Fraction

import av
import cv2
import numpy as np

from dataset_tools.cutouts import Cutout
from dataset_tools.drawn_camera import Camera, scene_keyboard
from dataset_tools.drawn_hands import Hands
from dataset_tools.drawn_keys import Keys, NotesNear, key_presses
from dataset_tools.drawn_lens import Lens
from dataset_tools.drawn_scene import OVERLAYS, Colour, Handling, Scene, plain_scene, random_notes, random_scene
from dataset_tools.overlays import STYLES, Overlay
from pianoroll.files import write_beside
from pianoroll.notes import Note
from video2roll.rectify import Keyboard

__all__ = [
    "OVERLAYS",
    "Colour",
    "Handling",
    "Scene",
    "clip_times",
    "key_presses",
    "plain_scene",
    "random_notes",
    "random_scene",
    "render_frames",
    "render_video",
    "scene_keyboard",
]


def render_frames(
    scene: Scene,
    notes: Sequence[Note],
    times: Sequence[float] | np.ndarray,
    *,
    cutouts: Sequence[Cutout] = (),
) -> Iterator[np.ndarray]:
    """BGR uint8 frames ``(height, width, 3)`` of a scene at ``times`` (seconds). Raises ValueError for a wrong key.

    ``cutouts``: filmed hands, which are pasted in instead of drawn ones."""
    if any(not scene.lowest_pitch <= note.pitch <= scene.highest_pitch for note in notes):
        raise ValueError("a note lies outside the keys of the scene")
    return _frames(scene, notes, times, cutouts)


def _frames(
    scene: Scene, notes: Sequence[Note], times: Sequence[float] | np.ndarray, cutouts: Sequence[Cutout]
) -> Iterator[np.ndarray]:
    camera = Camera(scene)
    keys, hands, near = Keys(scene, camera), Hands(scene, notes, camera, cutouts), NotesNear(notes)
    lens = Lens(scene, camera, hands.playing)
    bars = Overlay(scene_keyboard(scene), notes, STYLES[scene.bars], seed=scene.seed) if scene.bars else None
    for time in times:
        frame = keys(key_presses(near(float(time)), float(time)))
        if scene.hands:
            frame = hands.draw(frame, float(time))
        frame = lens(frame, float(time))
        if bars is not None:
            frame = bars(frame, float(time))
        yield frame if scene.coding.detail == 1 else _coarsened(frame, scene.coding.detail)


def _coarsened(frame: np.ndarray, detail: float) -> np.ndarray:
    """As it was once kept with ``detail`` of the pixels a side."""
    height, width = frame.shape[:2]
    small = cv2.resize(frame, (round(width * detail), round(height * detail)), interpolation=cv2.INTER_AREA)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)


def clip_times(scene: Scene, duration: float) -> np.ndarray:
    """The times ``(T,)`` of a clip's frames: n / fps, without those that were dropped."""
    times = np.arange(round(duration * scene.fps)) / scene.fps
    kept = np.random.default_rng([scene.seed, 14]).random(len(times)) >= scene.coding.dropped
    kept[:1] = True
    return times[kept]


def render_video(
    scene: Scene,
    notes: Sequence[Note],
    path: str | os.PathLike[str],
    *,
    duration: float,
    cutouts: Sequence[Cutout] = (),
) -> Keyboard:
    """Write a clip of ``duration`` seconds as H.264, frames at ``clip_times``; gives its keyboard at the start.

    The same scene and notes give the same bytes, with the same x264. Raises FileError."""
    times = clip_times(scene, duration)
    options = {"crf": str(scene.coding.crf), "preset": scene.coding.preset, "x264-params": "cpu-independent=1"}
    with write_beside(path) as temporary, av.open(os.fspath(temporary), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=scene.fps, options=options)
        stream.width, stream.height, stream.pix_fmt = scene.width, scene.height, "yuv420p"
        stream.codec_context.thread_count = 1  # as many threads as there are cores would make the bytes depend on them
        for time, image in zip(times, render_frames(scene, notes, times, cutouts=cutouts), strict=True):
            frame = av.VideoFrame.from_ndarray(image, format="bgr24")
            frame.pts, frame.time_base = round(float(time) * scene.fps), Fraction(1, scene.fps)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return scene_keyboard(scene)
