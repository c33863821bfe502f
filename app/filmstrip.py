"""A strip of small pictures out of a whole video, quickly, for its timeline. Nothing here needs the web page."""

import base64
import os
from dataclasses import asdict, dataclass
from typing import Any

import cv2
import numpy as np

from video2roll.video import Frame, measure, probe, thumbnails

PICTURES = 24
MOST_BYTES = 300_000  # of a strip as it is sent to the page
QUALITIES = (80, 60, 40, 20)  # of JPEG, the first that is small enough
_ALL = 1 << 40  # packets: more than there are


@dataclass(frozen=True)
class Filmstrip:
    """Small pictures of a video in order of time, all of the same ``size`` (width and height in pixels).

    ``seconds``: the time of each. ``pictures``: JPEG as data addresses. ``duration``: of the video, seconds.
    """

    size: tuple[int, int]
    seconds: list[float]
    pictures: list[str]
    duration: float

    def as_dict(self) -> dict[str, Any]:
        """Plain values, as JSON knows them."""
        return asdict(self) | {"size": list(self.size)}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Filmstrip":
        """What ``as_dict`` gave."""
        width, height = values["size"]
        return cls((width, height), values["seconds"], values["pictures"], values["duration"])


def film_strip(video: str | os.PathLike[str], count: int = PICTURES) -> Filmstrip:
    """About ``count`` pictures spread over a video; fewer where more would take long.

    Raises VideoError where there is no picture.
    """
    duration = probe(video).duration or _measured(video)
    frames = thumbnails(video, count, duration)
    if frames[-1].time < duration * (1 - 2 / count):
        there = _measured(video)  # the header may promise more than there is
        if there < duration * (1 - 1 / count):
            duration, frames = there, thumbnails(video, count, there)
    height, width = frames[0].image.shape[:2]
    return Filmstrip((width, height), [round(frame.time, 2) for frame in frames], _coded(frames), duration)


def _measured(video: str | os.PathLike[str]) -> float:
    """Seconds that a video lasts by its packets; of none that say when, by their number."""
    count, seconds = measure(video, most=_ALL)
    apart = 1 / probe(video).fps
    return seconds + (seconds / (count - 1) if seconds and count > 1 else max(1, count) * apart)


def _coded(frames: list[Frame]) -> list[str]:
    """The pictures as data addresses, no longer than MOST_BYTES together."""
    coded: list[str] = []
    for quality in QUALITIES:
        coded = [_jpeg(frame.image, quality) for frame in frames]
        if sum(map(len, coded)) <= MOST_BYTES:
            break
    return coded


def _jpeg(image: np.ndarray, quality: int) -> str:
    _, coded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return f"data:image/jpeg;base64,{base64.b64encode(coded.tobytes()).decode('ascii')}"
