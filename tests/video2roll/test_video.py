"""Decoding: each frame with its own time, and what happens with videos that are not as they should be."""

import itertools
import struct
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest

from video2roll.video import VideoError, bursts, frames_at, probe, read_frames, sample_frames

SAMPLE = Path(__file__).resolve().parents[2] / "samples" / "furelise.mp4"
MakeVideo = Callable[..., Path]


def shades(video: Path, **span: float) -> list[int]:
    """Number of each frame, read back from its gray."""
    return [round(float(frame.image.mean()) / 8) for frame in read_frames(video, colour=False, **span)]


def test_every_frame_comes_with_its_time(make_video: MakeVideo) -> None:
    frames = list(read_frames(make_video(frames=20)))
    assert [frame.time for frame in frames] == pytest.approx([n / 25 for n in range(20)])
    assert frames[0].image.shape == (48, 64, 3)


def test_a_part_of_the_video(make_video: MakeVideo) -> None:
    assert shades(make_video(frames=25), start=0.2, end=0.4) == [5, 6, 7, 8, 9]


def test_variable_frame_rate_keeps_the_files_own_times(make_video: MakeVideo) -> None:
    stamps = [0, 40, 80, 200, 233, 900]
    frames = list(read_frames(make_video(name="vfr.mkv", frames=6, stamps=stamps)))
    assert [frame.time for frame in frames] == pytest.approx([s / 1000 for s in stamps], abs=2e-3)


def test_an_avi_which_has_no_times_of_its_own_gives_every_frame(make_video: MakeVideo) -> None:
    video = make_video(name="a.avi", frames=31)
    assert shades(video) == list(range(31))
    assert [frame.time for frame in read_frames(video)] == pytest.approx([n / 25 for n in range(31)])


def test_times_begin_at_the_first_frame(make_video: MakeVideo) -> None:
    video = make_video(name="late.mkv", frames=3, stamps=[5000, 5040, 5080])
    assert [frame.time for frame in read_frames(video)] == pytest.approx([0, 0.04, 0.08], abs=2e-3)


def test_a_single_frame_and_odd_sizes(make_video: MakeVideo) -> None:
    frames = list(read_frames(make_video(frames=1, size=(61, 47))))
    assert [frame.time for frame in frames] == [0.0]
    assert frames[0].image.shape == (47, 61, 3)


@pytest.mark.parametrize("name", ["cut.mkv", "cut.mp4", "cut.avi", "cut.asf"])
def test_a_video_that_breaks_off_is_read_as_far_as_it_goes(make_video: MakeVideo, name: str) -> None:
    video = make_video(name=name, frames=250, size=(320, 240), header_first=name.endswith("mp4"))
    whole = video.read_bytes()
    video.write_bytes(whole[: len(whole) * 6 // 10])
    warnings: list[str] = []
    frames = list(read_frames(video, warnings=warnings))
    assert 20 < len(frames) < 230
    assert any("breaks off" in warning for warning in warnings)


def test_an_mp4_that_lost_its_index_is_told_to_be_cut_short(make_video: MakeVideo) -> None:
    video = make_video(frames=50)
    video.write_bytes(video.read_bytes()[:1000])
    with pytest.raises(VideoError, match="cut short"):
        probe(video)


def test_a_whole_video_gives_no_warning(make_video: MakeVideo) -> None:
    warnings: list[str] = []
    list(read_frames(make_video(frames=100), warnings=warnings))
    list(read_frames(make_video(frames=100), end=2.0, warnings=warnings))
    assert warnings == []


def test_start_past_the_end_is_told(make_video: MakeVideo) -> None:
    with pytest.raises(VideoError, match=r"ends at 0\.96 s.*--start 9"):
        list(read_frames(make_video(frames=25), start=9))


@pytest.mark.parametrize(
    ("content", "sentence"), [(None, "does not exist"), (b"", "empty"), (b"Dear Elise,\n" * 50, "not a video")]
)
def test_what_is_no_video_is_refused(tmp_path: Path, content: bytes | None, sentence: str) -> None:
    file = tmp_path / "a.mp4"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(VideoError, match=sentence):
        probe(file)


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(VideoError, match="is a folder"):
        probe(tmp_path)


def test_sound_alone_is_refused(sound_only: Path) -> None:
    with pytest.raises(VideoError, match="no picture"):
        probe(sound_only)


def test_a_header_without_any_frame_is_refused(make_video: MakeVideo, tmp_path: Path) -> None:
    whole = make_video(name="whole.mkv", frames=50).read_bytes()
    bare = tmp_path / "bare.mkv"
    bare.write_bytes(whole[: whole.index(b"\x1f\x43\xb6\x75")])  # up to the first cluster
    with pytest.raises(VideoError):
        list(read_frames(bare))


def test_samples_spread_over_the_video(make_video: MakeVideo) -> None:
    frames = sample_frames(make_video(frames=100), 4)
    assert [frame.time for frame in frames] == pytest.approx([0, 1, 2, 3])


@pytest.mark.parametrize("name", ["clip.mp4", "clip.avi", "clip.mkv", "sample"])
def test_gray_is_what_ffmpeg_makes_of_the_picture(make_video: MakeVideo, name: str) -> None:
    video = SAMPLE if name == "sample" else make_video(name=name, frames=8)
    with av.open(str(video)) as container:
        pictures = container.decode(video=0)
        for frame in itertools.islice(read_frames(video, colour=False), 8):
            np.testing.assert_array_equal(frame.image, next(pictures).to_ndarray(format="gray"))


def test_bursts_are_runs_of_every_frame_spread_over_the_video() -> None:
    runs = list(bursts(SAMPLE, 3, 1.0, start=2.0, end=17.0))
    assert [run[0].time for run in runs] == pytest.approx([4.0, 9.0, 14.0], abs=0.04)
    for run in runs:
        assert [b.time - a.time for a, b in itertools.pairwise(run)] == pytest.approx(
            [1 / 30] * (len(run) - 1), abs=1e-3
        )
        assert len(run) == pytest.approx(30, abs=1)
        assert run[0].image.shape == (720, 1280)


def test_bursts_of_a_short_video_are_fewer_and_rare_key_frames_are_not_waited_for(
    make_video: MakeVideo, monkeypatch: pytest.MonkeyPatch
) -> None:
    video = make_video(frames=40)
    assert len(list(bursts(video, 4, 1.0))) == 1
    monkeypatch.setattr("video2roll.video.FAR_KEY_FRAME", 3)
    assert list(bursts(video, 1, 0.2)) == []


@pytest.mark.parametrize("name", ["video.mp4", "video.avi", "video.mkv"])
def test_single_frames_are_those_that_reading_through_shows(make_video: MakeVideo, name: str) -> None:
    video = make_video(name, frames=700)  # H.264's key frames lie 250 apart
    every = list(read_frames(video))
    wanted = [20.0, 0.0, 12.05, 12.05, 99.0]
    found = frames_at(video, wanted)
    reached = [next((frame for frame in every if frame.time >= second), every[-1]) for second in wanted]
    assert [frame.time for frame in found] == pytest.approx([frame.time for frame in reached], abs=1e-3)
    for frame, other in zip(found, reached, strict=True):
        assert np.array_equal(frame.image, other.image)
    assert frames_at(video, []) == []


def test_single_frames_of_a_film_that_begins_late_and_of_none(make_video: MakeVideo, sound_only: Path) -> None:
    video = make_video(stamps=[5000 + 100 * n for n in range(25)])
    assert [frame.time for frame in frames_at(video, [1.0, 0.55])] == pytest.approx([1.0, 0.6], abs=1e-3)
    with pytest.raises(VideoError):
        frames_at(sound_only, [0.0])


ROTATED = {90: (0, 1, -1, 0), 180: (-1, 0, 0, -1), 270: (0, -1, 1, 0)}  # display matrices of phones, clockwise


@pytest.mark.parametrize("angle", ROTATED)
def test_a_turned_phone_s_video_is_turned_upright(tmp_path: Path, angle: int) -> None:
    picture = np.full((48, 64, 3), 60, np.uint8)
    picture[:16, :16] = 220  # the bright corner is the upper left one of what the sensor saw
    with av.open(str(tmp_path / "phone.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for _ in range(3):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        container.mux(stream.encode())
    content = bytearray((tmp_path / "phone.mp4").read_bytes())
    place = content.index(b"tkhd") + 44  # of the matrix in the header of the track
    a, b, c, d = (value << 16 for value in ROTATED[angle])
    content[place : place + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    (tmp_path / "phone.mp4").write_bytes(content)
    for colour in (True, False):
        image = next(iter(read_frames(tmp_path / "phone.mp4", colour=colour))).image
        assert image.shape[:2] == ((48, 64) if angle == 180 else (64, 48))
        bright = np.argwhere((image if image.ndim == 2 else image.mean(axis=2)) > 180).mean(axis=0)
        side = {90: (0, 1), 180: (1, 1), 270: (1, 0)}[angle]
        assert (bright > np.array(image.shape[:2]) / 2).astype(int).tolist() == list(side)


@pytest.mark.parametrize("layout", ["yuv420p10le", "yuv422p10le", "yuv444p"])
def test_shades_are_true_in_ten_bits_and_other_layouts(tmp_path: Path, layout: str) -> None:
    with av.open(str(tmp_path / "deep.mkv"), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, layout
        for shade in range(0, 256, 15):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), shade, np.uint8), format="bgr24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    for colour in (True, False):
        shades = [float(frame.image.mean()) for frame in read_frames(tmp_path / "deep.mkv", colour=colour)]
        np.testing.assert_allclose(shades, range(0, 256, 15), atol=3)
