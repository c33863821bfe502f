"""How well a keyboard is followed: real clips, filmed anew by a camera that pans, zooms, turns, shakes or is nudged.

    python -m dataset_tools.judge_following --data ../shared/data [--read] [--clips p05/0_2.wmv …]

The made-up motion is known, so that the place of every key is: ``lost`` is the share of frames in which no keyboard was
seen, ``median`` and ``worst`` (of 99 % of the frames) how far a corner of the keyboard was from where the motion had
brought it, in white-key widths along the keys; ``ms`` is what following adds to a frame, beyond straightening the strip
once. With ``--read`` the keys are read, and ``F1`` is the frame F1 of the moved clip next to that of the clip as it is.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

import video2roll
from dataset_tools.clips import Clip, read_manifest
from pianoroll.metrics import frame_score
from pianoroll.roll import notes_to_frames
from video2roll.follow import View
from video2roll.rectify import Keyboard, Rectifier
from video2roll.scenes import find_views, watch
from video2roll.video import Frame, read_frames

DEFAULT_CLIPS = ("p05/0_2.wmv", "p13/0_1.wmv", "p13/p45_1.wmv", "furelise_old.mp4")
LENGTH = 20.0  # seconds of each clip

Motion = Callable[[float, int, int], np.ndarray]


def _about_middle(
    width: int, height: int, zoom: float = 1.0, turn: float = 0.0, x: float = 0.0, y: float = 0.0
) -> np.ndarray:
    """Homography ``(3, 3)``: zoom and turn (degrees) about the picture's middle, then a shift in pixels."""
    motion = np.eye(3)
    motion[:2] = cv2.getRotationMatrix2D((width / 2, height / 2), turn, zoom)
    motion[:2, 2] += x, y
    return motion


def _wave(time: float, period: float, phase: float = 0.0) -> float:
    return float(np.sin(2 * np.pi * time / period + phase))


MOTIONS: dict[str, Motion] = {
    "none": lambda t, w, h: np.eye(3),
    "pan": lambda t, w, h: _about_middle(w, h, x=0.04 * w * _wave(t, 15), y=0.03 * h * _wave(t, 11)),
    "zoom": lambda t, w, h: _about_middle(w, h, zoom=1 + 0.1 * _wave(t, 12)),
    "turn": lambda t, w, h: _about_middle(w, h, turn=6 * _wave(t, 20)),
    "shake": lambda t, w, h: _about_middle(
        w, h, x=w * (0.006 * _wave(t, 0.6) + 0.003 * _wave(t, 0.23, 1)), y=0.006 * w * _wave(t, 0.43, 2)
    ),
    "nudge": lambda t, w, h: _about_middle(w, h, turn=2, x=0.04 * w, y=-0.03 * h) if t > LENGTH / 2 else np.eye(3),
}


def film(clip: Clip, motion: Motion, path: Path) -> tuple[int, int]:
    """Write the first LENGTH seconds of a clip as seen by a moving camera; gives the picture's width and height."""
    clock = Fraction(1, 1000)
    with av.open(str(path), "w") as container:
        stream = None
        for frame in read_frames(clip.video, end=LENGTH):
            height, width = (2 * (side // 2) for side in frame.image.shape[:2])
            if stream is None:
                stream = container.add_stream("libx264", rate=30, options={"crf": "18", "preset": "veryfast"})
                stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
                stream.codec_context.time_base = clock
            seen = cv2.warpPerspective(
                frame.image, motion(frame.time, width, height), (width, height), borderMode=cv2.BORDER_REPLICATE
            )
            picture = av.VideoFrame.from_ndarray(seen.astype(np.uint8, copy=False), format="bgr24")
            picture.pts, picture.time_base = round(frame.time * 1000), clock
            container.mux(stream.encode(picture))
        if stream is not None:
            container.mux(stream.encode())
    return width, height


def errors(path: Path, views: list[View], still: Keyboard, motion: Motion, size: tuple[int, int]) -> np.ndarray:
    """How far the worst corner is from its place in each frame, white-key widths along the keys; NaN where lost."""
    found = []
    for sight in watch(read_frames(path, colour=False), views):
        if sight.strip is None:
            found.append(np.nan)
            continue
        back = np.linalg.inv(motion(sight.time, *size) @ still.to_picture) @ sight.keyboard.to_picture
        corners = np.array([[[2.0, 0.5], [50.0, 0.5], [2.0, 1.0], [50.0, 1.0]]])
        found.append(float(np.abs(cv2.perspectiveTransform(corners, back) - corners)[..., 0].max()))
    return np.array(found)


def cost(path: Path, views: list[View]) -> float:
    """Milliseconds that following adds to a frame, beyond straightening it once: the median."""
    images = [frame.image for frame in read_frames(path, colour=False, end=4.0)]
    rectify = Rectifier(views[0].keyboard)
    alone = _seconds(rectify(image) for image in images)
    followed = _seconds(watch((Frame(number / 30, image) for number, image in enumerate(images)), views))
    return 1e3 * float(np.median(followed) - np.median(alone))


def _seconds(work: Iterator) -> list[float]:
    """How long each item of an iterator takes."""
    taken, begin = [], time.perf_counter()
    for _ in work:
        taken.append(time.perf_counter() - begin)
        begin = time.perf_counter()
    return taken


def frame_f1(path: Path, views: list[View], clip: Clip) -> float:
    """Frame F1 over the labelled seconds."""
    roll = video2roll.transcribe(path, keyboard=views, hands=False, falling_notes=False)
    labelled = (roll.times >= clip.start) & (roll.times < min(clip.end, LENGTH))
    truth = notes_to_frames(clip.notes(), roll.times)
    return frame_score(roll.frame[labelled] >= roll.threshold, truth[labelled]).f1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with clavision and wild")
    parser.add_argument("--clips", nargs="+", default=list(DEFAULT_CLIPS))
    parser.add_argument("--read", action="store_true", help="read the keys too")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    clips = [c for name in ("clavision", "wild") for c in read_manifest(options.data / name / "manifest.csv")]
    for clip in [clip for clip in clips if clip.name in options.clips]:
        still = find_views(clip.video, end=LENGTH)[0].keyboard
        for kind, motion in MOTIONS.items():
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "moved.mp4"
                size = film(clip, motion, path)
                views = find_views(path)
                off = errors(path, views, still, motion, size)
                line = f"{clip.name:16s} {kind:6s} views {len(views)}  lost {np.isnan(off).mean():.3f}  "
                line += f"median {np.nanmedian(off):.3f}  worst {np.nanquantile(off, 0.99):.3f}  "
                line += f"{cost(path, views):.2f} ms"
                print(line + (f"  F1 {frame_f1(path, views, clip):.3f}" if options.read else ""), flush=True)


if __name__ == "__main__":
    main()
