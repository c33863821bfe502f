"""Rectified strips on disk: a small gray video of the keys alone, read at any frame without decoding the rest.

H.264 in MP4, a key frame every GROUP frames and none that look ahead, so that a frame costs at most GROUP to decode.
``benchmarks/strip_codec.py`` says what the compression costs in F1. Times are kept apart (the frame rate in the file
means nothing): strips come from videos whose rate varies.
"""

import os
from collections.abc import Iterable
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any

import av
import numpy as np

from pianoroll import FileError
from video2roll.rectify import STRIP_HEIGHT, STRIP_WIDTH

GROUP = 24  # frames from one key frame to the next
QUALITY = 14  # x264's crf: 0 is without loss
KEPT = 64  # groups that stay decoded: 100 MB
_RATE = 25  # nominal frames a second
_FULL_RANGE = 2  # AVCOL_RANGE_JPEG: black is 0 and white 255


def write_strips(
    path: str | os.PathLike[str], strips: Iterable[np.ndarray], quality: int = QUALITY, preset: str = "medium"
) -> int:
    """Write strips ``(104, 624)`` uint8 to the file ``path`` (.mp4) as they come; gives their number."""
    options = {
        **{"crf": str(quality), "preset": preset, "bf": "0", "g": str(GROUP), "keyint_min": str(GROUP)},
        **{"sc_threshold": "0", "threads": "1"},  # workers import many clips at once
    }
    count = 0
    with av.open(os.fspath(path), "w", format="mp4", options={"movflags": "faststart"}) as container:
        stream = container.add_stream("libx264", rate=_RATE, options=options)
        stream.width, stream.height, stream.pix_fmt = STRIP_WIDTH, STRIP_HEIGHT, "gray"
        stream.codec_context.color_range = _FULL_RANGE
        for strip in strips:
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(strip), format="gray")
            frame.pts, frame.time_base, frame.color_range = count, Fraction(1, _RATE), _FULL_RANGE
            container.mux(stream.encode(frame))
            count += 1
        container.mux(stream.encode())
    return count


class StripVideo:
    """Strips in a file, asked like an array ``(T, 104, 624)`` uint8: ``video[7]``, ``video[[3, 9]][:, :, :50]``,
    ``video[10:20, :, :50]``. Only what is asked for is decoded, and little of it is kept. Raises FileError."""

    dtype = np.dtype(np.uint8)

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        try:
            with av.open(os.fspath(path)) as container:
                count = container.streams.video[0].frames
        except (av.FFmpegError, IndexError) as error:
            raise FileError(f"{path} holds no strips; import its clip again.") from error
        self._written = self.path.stat().st_mtime_ns
        self.shape = (count, STRIP_HEIGHT, STRIP_WIDTH)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: Any) -> np.ndarray:
        frames, *rest = key if isinstance(key, tuple) else (key,)
        wanted = np.arange(len(self))[frames]
        found = np.empty((*wanted.shape, *self.shape[1:]), np.uint8)[(..., *(slice(None),) * 2)]
        flat, places = wanted.reshape(-1), found.reshape(-1, *self.shape[1:])
        for group in np.unique(flat // GROUP):
            here = np.flatnonzero(flat // GROUP == group)
            places[here] = _decoded(str(self.path), self._written, int(group))[flat[here] % GROUP]
        return found[(slice(None),) * wanted.ndim + tuple(rest)]


@lru_cache(maxsize=KEPT)
def _decoded(path: str, written: int, group: int) -> np.ndarray:
    """The strips of one group ``(GROUP or fewer, 104, 624)`` of the file as it was ``written`` (ns). Each call has the
    file to itself, so threads may ask."""
    strips: list[np.ndarray] = []
    try:
        with av.open(path) as container:
            stream = container.streams.video[0]
            stream.thread_type = "NONE"
            assert stream.time_base is not None
            step = 1 / (_RATE * stream.time_base)
            container.seek(round(group * GROUP * step), stream=stream)
            for frame in container.decode(stream):
                number = round((frame.pts or 0) / step)
                if number == group * GROUP + len(strips):
                    strips.append(_brightness(frame))
                if len(strips) == GROUP:
                    break
    except av.FFmpegError as error:
        raise FileError(f"{path} cannot be decoded; import its clip again.") from error
    return np.stack(strips)


def _brightness(frame: av.VideoFrame) -> np.ndarray:
    """The picture's first plane ``(104, 624)``, as it was stored; the others of a gray video are empty."""
    plane: Any = frame.planes[0]
    return np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)[: frame.height, : frame.width].copy()
