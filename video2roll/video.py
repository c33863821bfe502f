"""Decoding: a video's frames with their own times. The sound track is never opened."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from time import monotonic
from typing import Any

import av
import cv2
import numpy as np

from pianoroll import SilentkeysError

VIDEO_SUFFIXES = frozenset(
    (".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".wmv", ".flv", ".mpg", ".mpeg", ".ts", ".mts", ".3gp", ".ogv")
)
SAMPLES = 24  # pictures spread over a video
FAR_KEY_FRAME = 600  # pictures after a key frame: what lies farther from it is not gone to
NEAR_ENOUGH = 0.5  # seconds from where one wants to be to where a jump led
DECODE_BUDGET = 4e8  # pixels decoded at most to get them: 200 pictures of 1080p
THUMBNAIL = (160, 120)  # pixels at most, width and height
PATIENCE = 2.0  # seconds for all thumbnails of a video
MOST_PIXELS = 8192 * 8192  # of a picture: a damaged or hostile file may claim any size, and memory is taken for it
# Of FFmpeg's readers those for VIDEO_SUFFIXES: others, such as playlists, would open what a file names, here or far.
FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,asf,flv,mpeg,mpegts,mpegvideo,m4v,h264,hevc,ogg"

_TURNS = {90: cv2.ROTATE_90_COUNTERCLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_CLOCKWISE}
_LUMA_FIRST = ("yuv420p", "yuvj420p", "yuv422p", "yuv444p", "nv12")  # layouts whose first plane is the brightness
_FULL_RANGE = 2  # AVCOL_RANGE_JPEG: black is 0 and white 255, not 16 and 235
_AS_GRAY = (2, 5, 6)  # colour spaces of which FFmpeg's gray is that plane: not told, and BT.601's two
_STRETCHED = np.clip(np.round((np.arange(256) - 16) * 255 / 219), 0, 255).astype(np.uint8)
_ASF_FILE_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")


class VideoError(SilentkeysError):
    """A video that cannot be read, or a part of it that is not there."""


@dataclass(frozen=True)
class VideoInfo:
    """What the file's header says. ``duration`` in seconds and ``fps`` are guesses until the file was decoded."""

    path: Path
    width: int
    height: int
    fps: float
    duration: float | None


@dataclass(frozen=True)
class Frame:
    """One picture: ``time`` in seconds from the first frame; ``image (H, W)`` gray or ``(H, W, 3)`` BGR, uint8."""

    time: float
    image: np.ndarray
    _decoded: "av.VideoFrame | None" = None

    def in_colour(self) -> np.ndarray:
        """The picture as BGR ``(H, W, 3)``, made only when asked for; gray where no colours are known."""
        if self.image.ndim == 3:
            return self.image
        if self._decoded is None:
            return cv2.cvtColor(self.image, cv2.COLOR_GRAY2BGR)
        return _image(self._decoded, True)


def probe(path: str | os.PathLike[str]) -> VideoInfo:
    """Read a video's header. Raises VideoError where there is no video to be read."""
    with _open(path) as container:
        stream = container.streams.video[0]
        duration = None
        if stream.duration is not None and stream.time_base is not None:
            duration = float(stream.duration * stream.time_base)
        elif container.duration is not None:
            duration = container.duration / av.time_base
        elif container.format.name == "asf":
            duration = _asf_duration(Path(path))
        if container.format.name == "avi" and stream.frames and stream.average_rate:
            duration = max(duration or 0.0, float(stream.frames / stream.average_rate))  # counted when it was whole
        fps = float(stream.average_rate or stream.guessed_rate or 25)
        return VideoInfo(Path(path), stream.width, stream.height, fps, duration)


def read_frames(
    path: str | os.PathLike[str],
    *,
    start: float = 0.0,
    end: float | None = None,
    colour: bool = True,
    warnings: list[str] | None = None,
) -> Iterator[Frame]:
    """Yield the frames of ``start`` <= time < ``end`` (seconds), turned upright, with strictly rising times.

    What does not decode is skipped; a sentence about it is appended to ``warnings``.
    Raises VideoError where the file holds no video or ``start`` lies past its last frame.
    """
    warnings = warnings if warnings is not None else []
    with _open(path) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        origin: float | None = None
        last = -1.0
        count = broken = 0
        packets = container.demux(stream)
        fallback = 1 / float(stream.average_rate or stream.guessed_rate or 25)
        while True:
            try:
                packet = next(packets)
                decoded = packet.decode()
            except StopIteration:
                break
            except EOFError:
                break
            except av.FFmpegError:
                broken += 1
                if broken > 1000:
                    break
                continue
            for picture in decoded:
                own = _time(picture, ordered=container.format.name == "avi")
                stamp = own if own is not None else (origin or 0.0) + last + fallback
                origin = stamp if origin is None else origin
                time = stamp - origin
                if time <= last:  # doubled or disordered time stamps: a frame shows nothing new
                    continue
                last = time
                if end is not None and time >= end:
                    packets = iter(())
                    break
                if time < start:
                    continue
                count += 1
                yield Frame(time, _image(picture, colour), picture)
    if last < 0:
        raise VideoError(f"{path} holds no picture that can be decoded; check the file or convert it to MP4 (H.264).")
    if count == 0:
        raise VideoError(
            f"{path} ends at {last:.2f} s, so nothing is left after --start {start:g}; choose an earlier one."
        )
    _warn_of_loss(container_duration=probe(path).duration, last=last, end=end, broken=broken, warnings=warnings)


def measure(path: str | os.PathLike[str], *, most: int) -> tuple[int, float]:
    """How many pictures a video has, and the seconds that they span, by its packets: none is decoded.

    Goes on to ``most`` pictures and one more. Raises VideoError where there is no video to be read.
    """
    count, first, last = 0, np.inf, -np.inf
    with _open(path) as container:
        stream = container.streams.video[0]
        unit = float(stream.time_base or 0)
        try:
            for packet in container.demux(stream):
                if not packet.size:  # the last, which only says that it is the last
                    continue
                count += 1
                stamp = packet.pts if packet.pts is not None else packet.dts
                if stamp is not None:
                    first, last = min(first, stamp * unit), max(last, stamp * unit)
                if count > most:
                    break
        except av.FFmpegError:
            pass  # a damaged file: what can be reached of it is what will be read
    return count, float(max(0.0, last - first))


def read_image(path: str | os.PathLike[str]) -> np.ndarray:
    """Read a still picture as BGR uint8 ``(H, W, 3)``. Raises VideoError if it is none."""
    image = cv2.imdecode(np.fromfile(_existing(path), dtype=np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        raise VideoError(f"{path} is no picture that can be read; use PNG or JPEG.")
    return image


def sample_frames(
    path: str | os.PathLike[str], count: int, *, start: float = 0.0, end: float | None = None
) -> list[Frame]:
    """About ``count`` BGR frames spread evenly over ``start`` to ``end``, for a look at the scene as a whole."""
    info = probe(path)
    stop = end if end is not None else info.duration
    step = max(0.0, ((stop or 60.0) - start) / count)
    chosen: list[Frame] = []
    for frame in read_frames(path, start=start, end=end):
        if frame.time >= start + step * len(chosen) - 1e-6:
            chosen.append(frame)
    return chosen


def spread_frames(
    path: str | os.PathLike[str], count: int = SAMPLES, *, start: float = 0.0, end: float | None = None
) -> list[Frame]:
    """About ``count`` BGR frames spread over ``start`` to ``end`` (seconds) of a video, in order.

    Decoding everything is slow, so this jumps from key frame to key frame; between rare key frames it decodes on, but
    no more than DECODE_BUDGET pixels in all. Raises VideoError where there is no picture.
    """
    info = probe(path)
    stop = min(end or np.inf, info.duration or np.inf)
    if not np.isfinite(stop) or start >= stop:
        return sample_frames(path, count, start=start, end=start + 20)
    budget = max(2 * count, int(DECODE_BUDGET / max(1, info.width * info.height)))
    frames: list[Frame] = []
    try:
        with _open(path) as container:
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            origin = (container.start_time or 0) / av.time_base
            for target in start + (stop - start) * (np.arange(count) + 0.5) / count:
                container.seek(int((origin + target) * av.time_base), backward=True)
                last = frames[-1].time if frames else -np.inf
                for picture in container.decode(stream):
                    budget -= 1
                    time = (picture.time or 0.0) - origin
                    if time > last + 0.5 or time + 0.05 >= target or budget < 0:
                        break
                else:
                    continue
                if time > last:
                    frames.append(Frame(time, _image(picture, True)))
                if budget < 0:
                    break
    except av.FFmpegError:
        pass  # a damaged file: what was decoded must do, or else the patient reader
    if len(frames) < 3:
        return sample_frames(path, count, start=start, end=min(stop, start + 20))
    return frames


def frames_at(path: str | os.PathLike[str], seconds: Sequence[float]) -> list[Frame]:
    """The first frame at or after each of these ``seconds``, BGR; the video's last one where there is none.

    Jumps to key frames where the file lets it, else decodes everything. Raises VideoError where there is no picture.
    """
    found: dict[float, Frame] = {}
    try:
        with _open(path) as container:
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            origin = _origin(stream)
            for second in seconds if container.format.name != "avi" else ():
                container.seek(int((origin + max(0.0, second)) * av.time_base), backward=True)
                time, last = 0.0, None
                for picture in container.decode(stream):
                    time, last = (picture.time or 0.0) - origin, picture
                    if time >= second:
                        break
                if last is not None and time - second < NEAR_ENOUGH:
                    found[second] = Frame(time, _image(last, True))
    except av.FFmpegError:
        pass  # a damaged file: the patient reader gets the rest
    waiting = sorted((second for second in seconds if second not in found), reverse=True)
    for frame in read_frames(path, colour=False) if waiting else ():
        while waiting and frame.time >= waiting[-1]:
            found[waiting.pop()] = Frame(frame.time, frame.in_colour())
        if not waiting:
            break
    found.update((second, Frame(frame.time, frame.in_colour())) for second in waiting)
    return [found[second] for second in seconds]


def thumbnails(path: str | os.PathLike[str], count: int, duration: float, *, patience: float = PATIENCE) -> list[Frame]:
    """Small BGR frames, no larger than THUMBNAIL, one of each of ``count`` equal stretches of ``duration`` seconds.

    A key frame does where a stretch has one, as it is decoded alone; to others it is decoded on from the one before,
    for ``patience`` seconds in all. So they may be fewer; where there is none at all it is the video's first picture.
    Raises VideoError where there is no picture.
    """
    deadline = monotonic() + patience
    stretches = list(pairwise(np.linspace(0.0, duration, count + 1).tolist()))
    frames, far = _thumbnails_of_key_frames(path, stretches, deadline)
    if far:
        frames += _thumbnails_between(path, far, deadline)
    if not frames:
        first = next(iter(read_frames(path)))
        frames = [Frame(first.time, _small(first.image))]
    found = {frame.time: frame for frame in frames}
    return [found[time] for time in sorted(found)]


def _thumbnails_of_key_frames(
    path: str | os.PathLike[str], stretches: Sequence[tuple[float, float]], deadline: float
) -> tuple[list[Frame], list[tuple[float, float]]]:
    """The last key frame of each stretch (begin and end in seconds); and where there is none, in order, the stretch's
    begin and the time of the key frame before it."""
    frames, far = [], []
    coarse_to_fine = [*range(2, len(stretches), 4), *range(0, len(stretches), 4), *range(1, len(stretches), 2)]
    with _open(path) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        for begin, end in (stretches[number] for number in coarse_to_fine):
            key = 0.0  # as long as nothing is known, all is decoded
            try:
                key, packet = _key_packet(container, stream, begin, end)
                pictures = [*packet.decode(), *stream.decode(None)] if begin <= key < end else []
            except av.FFmpegError:  # a damaged place, or a file that cannot be gone about in
                pictures = []
            if pictures:
                frames.append(Frame(key, _thumbnail(pictures[0])))
            else:
                far.append((begin, key if key < end else 0.0))
            if monotonic() > deadline:
                break
    return frames, sorted(far)


def _thumbnails_between(
    path: str | os.PathLike[str], wanted: Sequence[tuple[float, float]], deadline: float
) -> list[Frame]:
    """The first frame at or after each time wanted (seconds, in order), given with that of the key frame before it."""
    frames: list[Frame] = []
    with _open(path) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        stream.codec_context.skip_frame = "NONREF"  # those on which no other rests
        origin, at = _origin(stream), 0.0
        pictures = container.decode(stream)
        for second, key in wanted:
            try:
                if not key <= at <= second:
                    container.seek(int((origin + key) * av.time_base), backward=True)
                    pictures = container.decode(stream)
                for picture in pictures:
                    at = (picture.time or 0.0) - origin
                    if at >= second or monotonic() > deadline:
                        break
                else:
                    continue
            except av.FFmpegError:
                at = np.inf  # what is wanted next is gone to anew
                continue
            if at >= second:
                frames.append(Frame(at, _thumbnail(picture)))
            if monotonic() > deadline:
                break
    return frames


def bursts(
    path: str | os.PathLike[str], count: int, seconds: float, *, start: float = 0.0, end: float | None = None
) -> Iterator[list[Frame]]:
    """Yield ``count`` runs of gray frames, ``seconds`` long each, spread over ``start`` to ``end`` of a video.

    Fewer where it is short or damaged, or key frames are so rare that getting there takes long. Raises VideoError where
    there is no video to be read.
    """
    info = probe(path)
    stop = min(end or np.inf, info.duration or np.inf)
    if not np.isfinite(stop):
        stop = start + count * seconds
    count = max(1, min(count, int((stop - start) / seconds)))
    with _open(path) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        origin = (container.start_time or 0) / av.time_base
        for begin in start + (stop - start) * (np.arange(count) + 0.5) / count - seconds / 2:
            run: list[Frame] = []
            try:
                container.seek(int((origin + max(begin, start)) * av.time_base), backward=True)
                for passed, picture in enumerate(container.decode(stream)):
                    time = (picture.time or 0.0) - origin
                    if time >= begin + seconds or (not run and passed > FAR_KEY_FRAME):
                        break
                    if time >= begin and (not run or time > run[-1].time):
                        run.append(Frame(time, _image(picture, False), picture))
            except av.FFmpegError:
                pass  # what was decoded must do
            if run:
                yield run


def sample_images(
    path: str | os.PathLike[str], count: int = SAMPLES, *, start: float = 0.0, end: float | None = None
) -> list[np.ndarray]:
    """The pictures of ``spread_frames``."""
    return [frame.image for frame in spread_frames(path, count, start=start, end=end)]


def _existing(path: str | os.PathLike[str]) -> Path:
    file = Path(path)
    if file.is_dir():
        raise VideoError(f"{file} is a folder; give one video file, or use “silentkeys batch” for a folder.")
    if not file.exists():
        raise VideoError(f"{file} does not exist; check the name.")
    if file.stat().st_size == 0:
        raise VideoError(f"{file} is empty (0 bytes); copy or download it again.")
    return file


def _open(path: str | os.PathLike[str]) -> "av.container.InputContainer":
    file = _existing(path)
    try:
        options = {"format_whitelist": FORMATS, "protocol_whitelist": "file", "max_pixels": str(MOST_PIXELS)}
        container = av.open(os.fspath(file), metadata_errors="ignore", options=options)
    except (av.FFmpegError, OSError, ValueError) as error:
        if isinstance(error, PermissionError):
            raise VideoError(f"{file} may not be read: no permission.") from error
        if _is_mp4(file):
            raise VideoError(
                f"{file} is cut short or damaged: its index is missing; copy or download it again."
            ) from error
        raise VideoError(f"{file} is not a video that can be read; check the file or convert it to MP4.") from error
    if not container.streams.video:
        container.close()
        raise VideoError(f"{file} has no picture, only sound or data; silentkeys needs to see the keys.")
    container.streams.video[0].codec_context.options = {"max_pixels": str(MOST_PIXELS)}
    return container


def _asf_duration(file: Path) -> float | None:
    """Seconds that a WMV's header promises; FFmpeg does not give them where the file is shorter than promised."""
    with open(file, "rb") as content:
        header = content.read(65536)
    place = header.find(_ASF_FILE_PROPERTIES)
    if place < 0 or len(header) < place + 88:
        return None
    played = int.from_bytes(header[place + 64 : place + 72], "little") * 1e-7  # units of 100 ns
    preroll = int.from_bytes(header[place + 80 : place + 88], "little") * 1e-3  # milliseconds
    return max(0.0, played - preroll) or None


def _is_mp4(file: Path) -> bool:
    with open(file, "rb") as content:
        return content.read(8)[4:] == b"ftyp"


def _image(picture: "av.VideoFrame", colour: bool) -> np.ndarray:
    """The picture as an array, turned as its display matrix says."""
    image = picture.to_ndarray(format="bgr24") if colour else _gray(picture)
    turn = int(getattr(picture, "rotation", 0)) % 360
    return cv2.rotate(image, _TURNS[turn]) if turn in _TURNS else image


def _thumbnail(picture: "av.VideoFrame") -> np.ndarray:
    """The picture as BGR, turned upright, made small before it is made an array."""
    turn = int(getattr(picture, "rotation", 0)) % 360
    width, height = _fit(picture.width, picture.height, THUMBNAIL[::-1] if turn in (90, 270) else THUMBNAIL)
    image = picture.reformat(width, height, format="bgr24", interpolation="AREA").to_ndarray()
    return cv2.rotate(image, _TURNS[turn]) if turn in _TURNS else image


def _small(image: np.ndarray) -> np.ndarray:
    return cv2.resize(image, _fit(image.shape[1], image.shape[0], THUMBNAIL), interpolation=cv2.INTER_AREA)


def _fit(width: int, height: int, most: tuple[int, int]) -> tuple[int, int]:
    """A size of the same shape that is no larger than ``most``."""
    scale = min(1.0, most[0] / width, most[1] / height)
    return max(1, round(scale * width)), max(1, round(scale * height))


def _key_packet(
    container: "av.container.InputContainer", stream: "av.VideoStream", begin: float, end: float
) -> tuple[float, "av.Packet"]:
    """The last packet before ``end`` that is decoded alone, and its time (seconds); where the file has no index and a
    jump leads past it, the first after ``begin``. The time is infinite where there is none."""
    origin = _origin(stream)
    for target in (end - 0.01 * (end - begin), begin):
        container.seek(int((origin + target) * av.time_base), backward=True)
        packet = next(packet for packet in container.demux(stream) if packet.is_keyframe or not packet.size)
        stamp = packet.pts if packet.pts is not None else packet.dts
        time = np.inf if stamp is None else float(stamp * (stream.time_base or 0)) - origin
        if time < end:
            break
    return time, packet


def _origin(stream: "av.VideoStream") -> float:
    """Seconds by the file's clock at which a stream begins."""
    return float((stream.start_time or 0) * (stream.time_base or 0))


def _gray(picture: "av.VideoFrame") -> np.ndarray:
    """Brightness, 0 to 255: most videos hold it as a plane of its own, which need not be converted, only stretched."""
    if picture.format.name not in _LUMA_FIRST or int(picture.colorspace) not in _AS_GRAY:
        return picture.to_ndarray(format="gray")
    plane: Any = picture.planes[0]
    luma = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)[: picture.height, : picture.width]
    if picture.format.name == "yuvj420p" or int(picture.color_range) == _FULL_RANGE:
        return luma.copy()
    return cv2.LUT(luma, _STRETCHED)


def _time(picture: "av.VideoFrame", *, ordered: bool) -> float | None:
    """Seconds of a picture by the file's clock. ``ordered``: AVI stores no times but the pictures' order (dts)."""
    if not ordered:
        return picture.time
    if picture.dts is None or picture.time_base is None:
        return None
    return float(picture.dts * picture.time_base)


def _warn_of_loss(
    *, container_duration: float | None, last: float, end: float | None, broken: int, warnings: list[str]
) -> None:
    if broken:
        warnings.append(
            f"{broken} damaged piece{'s' if broken > 1 else ''} of the video could not be decoded and were skipped."
        )
    expected = min(container_duration or 0.0, end if end is not None else float("inf"))
    if expected - last > max(1.0, 0.02 * expected):
        warnings.append(f"The video breaks off: only the first {last:.1f} s of {expected:.1f} s could be decoded.")
