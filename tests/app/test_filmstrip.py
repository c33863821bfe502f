"""Small pictures out of a whole video: each shows its own moment, of whatever sort the video is, and they come soon."""

import base64
import json
import struct
import time
from collections.abc import Callable
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from app.filmstrip import MOST_BYTES, Filmstrip, film_strip
from video2roll.video import VideoError, thumbnails

SAMPLE = Path(__file__).resolve().parents[2] / "samples" / "furelise.mp4"
MakeVideo = Callable[..., Path]


def image(address: str) -> np.ndarray:
    """A picture of the strip."""
    kind, _, content = address.partition(",")
    assert kind == "data:image/jpeg;base64"
    return cv2.imdecode(np.frombuffer(base64.b64decode(content), np.uint8), cv2.IMREAD_COLOR)


def shade(address: str) -> float:
    """The gray of a picture of ``make_video``: eight times the frame's number, 0 to 255."""
    return float(image(address).mean())


def spread(strip: Filmstrip, count: int) -> None:
    """Nearly all of ``count`` pictures are there, in order, and no part of the video is without."""
    assert count - 4 <= len(strip.seconds) == len(strip.pictures) <= count
    edges = [0.0, *strip.seconds, strip.duration]
    gaps = np.diff(edges)
    assert (gaps[1:-1] > 0).all()
    assert gaps.max() < 3.1 * strip.duration / count


@pytest.mark.parametrize("name", ["clip.mp4", "clip.mkv", "clip.avi", "clip.ts", "clip.flv", "clip.asf"])
def test_each_picture_shows_its_own_moment(make_video: MakeVideo, name: str) -> None:
    strip = film_strip(make_video(name, frames=600), 12)  # H.264's key frames lie 250 apart
    assert strip.duration == pytest.approx(24, abs=0.2)
    spread(strip, 12)
    for second, picture in zip(strip.seconds, strip.pictures, strict=True):
        number = round(25 * second)
        assert min(abs(shade(picture) - 8 * (number + near) % 256) for near in (-2, -1, 0, 1, 2)) < 5


def test_it_is_plain_values_and_small() -> None:
    strip = film_strip(SAMPLE)
    assert Filmstrip.from_dict(json.loads(json.dumps(strip.as_dict()))) == strip
    assert (strip.size, strip.duration) == ((160, 90), 20.0)
    assert all(image(picture).shape == (90, 160, 3) for picture in strip.pictures)
    assert 40_000 < sum(map(len, strip.pictures)) < MOST_BYTES
    spread(strip, 24)


def test_pictures_of_noise_are_made_worse_until_they_are_small(tmp_path: Path) -> None:
    noise = np.random.default_rng(2)
    with av.open(str(tmp_path / "noise.mkv"), "w") as container:
        stream = container.add_stream("mjpeg", rate=25)
        stream.width, stream.height, stream.pix_fmt = 160, 120, "yuvj420p"
        stream.options = {"q": "2", "qmin": "1"}
        for _ in range(30):
            frame = av.VideoFrame.from_ndarray(noise.integers(0, 256, (120, 160, 3), np.uint8), format="bgr24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    strip = film_strip(tmp_path / "noise.mkv")
    assert len(strip.pictures) >= 20
    assert 100_000 < sum(map(len, strip.pictures)) <= MOST_BYTES


def test_a_turned_phone_s_video_stands_upright(make_video: MakeVideo) -> None:
    video = make_video("phone.mp4", size=(320, 180))
    content = bytearray(video.read_bytes())
    place = content.index(b"tkhd") + 44  # of the matrix in the header of the track
    content[place : place + 36] = struct.pack(">9i", 0, 1 << 16, 0, -1 << 16, 0, 0, 0, 0, 1 << 30)
    video.write_bytes(content)
    strip = film_strip(video)
    assert strip.size == (68, 120)
    assert image(strip.pictures[0]).shape == (120, 68, 3)


@pytest.mark.parametrize("name", ["cut.mkv", "cut.mp4", "cut.avi", "cut.asf", "cut.ts"])
def test_a_video_that_breaks_off_is_as_long_as_what_is_there(make_video: MakeVideo, name: str) -> None:
    video = make_video(name=name, frames=600, size=(320, 240), header_first=name.endswith("mp4"))
    whole = video.read_bytes()
    video.write_bytes(whole[: len(whole) * 6 // 10])
    strip = film_strip(video, 12)
    assert 10 < strip.duration < 19
    spread(strip, 12)


def test_where_the_header_tells_no_length_it_is_measured(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "live.mkv"), "w", options={"live": "1"}) as container:  # as a recorder in a browser
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number in range(200):
            grey = np.full((48, 64, 3), 8 * number % 256, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(grey, format="bgr24")))
        container.mux(stream.encode())
    strip = film_strip(tmp_path / "live.mkv", 8)
    assert strip.duration == pytest.approx(8.0, abs=0.05)
    spread(strip, 8)


def test_a_clock_that_begins_late_and_a_single_picture(make_video: MakeVideo) -> None:
    late = film_strip(make_video("late.mkv", frames=40, stamps=[5000 + 100 * n for n in range(40)]), 8)
    assert late.duration == pytest.approx(4.0, abs=0.01)
    spread(late, 8)
    single = film_strip(make_video("one.mp4", frames=1, size=(61, 47)))
    assert (single.size, single.seconds, single.duration) == ((61, 47), [0.0], 0.04)


def test_rare_key_frames_are_not_waited_for_longer_than_patience_lasts(make_video: MakeVideo) -> None:
    video = make_video(frames=2000, size=(320, 240))
    began = time.monotonic()
    hasty = thumbnails(video, 200, 80.0, patience=0.02)
    assert time.monotonic() - began < 1
    assert 1 <= len(hasty) < 100
    assert len(thumbnails(video, 200, 80.0, patience=60)) > 190


def test_what_is_no_video_is_told(tmp_path: Path, sound_only: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"Dear Elise,\n" * 50)
    for file in (tmp_path / "a.mp4", sound_only):
        with pytest.raises(VideoError):
            film_strip(file)
