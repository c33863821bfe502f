"""What a video shows of its keyboard: pictures of it, and the keys that are found.

No Streamlit here: looking decodes a visitor's video, so it is done in a child process (``app/apart.py``).
"""

import base64
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from app import pipeline, words
from pianoroll.keys import WHITE_KEY_LENGTH, WHITE_KEYS
from video2roll.rectify import Keyboard, KeyboardError
from video2roll.video import probe, sample_images

MOMENTS = 12  # pictures of the video to choose from
PICTURE_SIZE = 1280  # pixels at most, of the longer side
STEADY = 0.85  # correlation of a picture's edges with the median's, below which the camera moved


@dataclass(frozen=True)
class Scene:
    """What the video shows of its keyboard.

    ``pictures``: JPEG as data addresses, spread over the video; ``without_hands``: the keyboard alone, likewise.
    ``size``: width and height of the video in pixels. ``moments``: what each picture is called.
    ``steady``: the camera stands still.
    """

    size: tuple[int, int]
    pictures: list[str]
    moments: list[str]
    without_hands: str
    steady: bool
    found: Keyboard | None

    def start(self) -> Keyboard:
        """What the editor begins with: the keyboard found, or one to be dragged to its place."""
        return self.found or Keyboard(_plausible_corners(*self.size), confidence=0.0)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        found = None if self.found is None else keyboard_as_dict(self.found)
        return {**{name: getattr(self, name) for name in self.__dataclass_fields__}, "found": found}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Scene":
        """What ``as_dict`` gave."""
        found = None if values["found"] is None else keyboard_from_dict(values["found"])
        return cls(**{**values, "size": tuple(values["size"]), "found": found})


def keyboard_as_dict(keyboard: Keyboard) -> dict[str, Any]:
    """Plain values, exact, for JSON."""
    return {**asdict(keyboard), "corners": keyboard.corners.tolist(), "confidence": float(keyboard.confidence)}


def keyboard_from_dict(values: dict[str, Any]) -> Keyboard:
    """What ``keyboard_as_dict`` gave."""
    return Keyboard(**{**values, "corners": np.array(values["corners"], dtype=float)})


def look(video: Path, *, start: float = 0.0, end: float | None = None) -> Scene:
    """Pictures of the part ``start`` to ``end`` (seconds) of a video, and the keyboard that is found in it.

    Raises VideoError where the video cannot be read.
    """
    images = sample_images(video, MOMENTS, start=start, end=end)
    height, width = images[0].shape[:2]
    small = [_reduce(image) for image in images]
    middle = len(small) // 2
    median = np.partition(np.stack(small), middle, axis=0)[middle]
    steady = _is_steady(small, median)
    try:
        view = pipeline.find_views(video, start=start, end=end)[0]
        found = view.keyboard
        if not steady:  # its picture is where the keyboard was found
            median = cv2.cvtColor(_reduce(view.picture), cv2.COLOR_GRAY2BGR)
    except KeyboardError:
        found = None
    stop = min(probe(video).duration or np.inf, np.inf if end is None else end)
    return Scene(
        size=(width, height),
        pictures=[_jpeg(image) for image in small],
        moments=_moments(len(small), start, stop),
        without_hands=_jpeg(median),
        steady=steady,
        found=found,
    )


def _reduce(image: np.ndarray) -> np.ndarray:
    scale = min(1.0, PICTURE_SIZE / max(image.shape))
    return cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else image


def _is_steady(images: list[np.ndarray], median: np.ndarray) -> bool:
    """Whether most pictures have their edges where the median has them: the camera stood still."""
    there, _ = _edges(median)
    alike = []
    for image in images:
        here, strength = _edges(image)
        strong = strength >= np.percentile(strength, 90)
        alike.append(_correlation(here[strong], there[strong]))
    return float(np.median(alike)) > STEADY


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    if min(a.std(), b.std()) < 1e-6:
        return 0.0
    return float(np.corrcoef(a, b)[0, 1])


def _edges(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A picture without its large areas, and how steep it is at each pixel; both float ``(h, w)``."""
    gray = cv2.GaussianBlur(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), (0, 0), 1.5).astype(np.float32)
    steep = np.hypot(cv2.Sobel(gray, cv2.CV_32F, 1, 0), cv2.Sobel(gray, cv2.CV_32F, 0, 1))
    return gray - cv2.blur(gray, (25, 25)), steep


def _jpeg(image: np.ndarray) -> str:
    _, coded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 82])
    return f"data:image/jpeg;base64,{base64.b64encode(coded.tobytes()).decode('ascii')}"


def _moments(count: int, start: float, stop: float) -> list[str]:
    """Names of ``count`` pictures spread evenly from ``start`` to ``stop`` (seconds): their time, or number."""
    if not np.isfinite(stop) or count < MOMENTS:
        return [words.MOMENT_NUMBER.format(number=number + 1) for number in range(count)]
    seconds = [start + (stop - start) * (number + 0.5) / count for number in range(count)]
    tenths = stop - start < count
    return [f"{s // 60:.0f}:{s % 60:04.1f}" if tenths else f"{s // 60:.0f}:{int(s % 60):02d}" for s in seconds]


def _plausible_corners(width: int, height: int) -> np.ndarray:
    """A keyboard as it often lies: across the picture, a little below the middle, the player at the bottom."""
    left, right = 0.06 * width, 0.94 * width
    depth = min(0.5 * height, (right - left) * WHITE_KEY_LENGTH / WHITE_KEYS)
    back = min(0.55 * height, 0.95 * height - depth)
    return np.array([[left, back], [right, back], [right, back + depth], [left, back + depth]])
