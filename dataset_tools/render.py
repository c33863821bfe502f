"""Our own clips of a piano being played, drawn in three dimensions, with exact truth.

A scene (drawn_scene.py) is seen by a camera (drawn_camera.py): its keys (drawn_keys.py), the hands that play the notes
(drawn_playing.py, drawn_hands.py), and what a lens and an editor make of it (drawn_lens.py).
``notes_to_frames(notes, times)`` is the truth of a clip.
"""

import os
from collections.abc import Iterator, Sequence

import av
import numpy as np

from dataset_tools.drawn_camera import Camera, scene_keyboard
from dataset_tools.drawn_hands import Hands
from dataset_tools.drawn_keys import Keys, key_presses
from dataset_tools.drawn_lens import Lens
from dataset_tools.drawn_scene import OVERLAYS, Colour, Scene, random_notes, random_scene
from pianoroll.files import write_beside
from pianoroll.notes import Note
from video2roll.rectify import Keyboard

__all__ = [
    "OVERLAYS",
    "Colour",
    "Scene",
    "key_presses",
    "random_notes",
    "random_scene",
    "render_frames",
    "render_video",
    "scene_keyboard",
]


def render_frames(scene: Scene, notes: Sequence[Note], times: Sequence[float] | np.ndarray) -> Iterator[np.ndarray]:
    """BGR uint8 frames ``(height, width, 3)`` of a scene at ``times`` (seconds). Raises ValueError for a wrong key."""
    if any(not scene.lowest_pitch <= note.pitch <= scene.highest_pitch for note in notes):
        raise ValueError("a note lies outside the keys of the scene")
    return _frames(scene, notes, times)


def _frames(scene: Scene, notes: Sequence[Note], times: Sequence[float] | np.ndarray) -> Iterator[np.ndarray]:
    camera = Camera(scene)
    keys, hands, lens = Keys(scene, camera), Hands(scene, notes, camera), Lens(scene)
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
