"""The video again, with what was read from it: keys lit where they are, notes falling onto them, and the sound.

Each picture is drawn once from the last: the bars of the next seconds above, in line with the keys below, and the keys
that are down in the colour of their hand, with the finger where it is known.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import av
import cv2
import numpy as np

from midi_synth.sound_file import aac_frames
from pianoroll import Note, PianoRoll
from pianoroll.files import write_beside
from pianoroll.keys import (
    BLACK,
    CENTRES,
    KEYS,
    LOWEST_PITCH,
    PITCHES,
    WHITE_KEYS,
    is_black,
    key_edges,
    key_outline,
)
from video2roll.hand_model import TIPS
from video2roll.rectify import Keyboard
from video2roll.video import VideoInfo, read_frames

WIDEST = 1280  # pixels: a larger picture is made smaller
BARS = 0.42  # height of the falling bars, of the picture's
AHEAD = 3.0  # seconds that are seen before they are played
SMALLEST_SPAN = 0.3  # of the picture's width that the keys must span for the bars to stand over them
LIT = 0.6  # how much of a lit key is colour
BONES = ((0, 1, 2, 3, 4), (0, 5, 6, 7, 8), (9, 10, 11, 12), (13, 14, 15, 16), (0, 17, 18, 19, 20), (5, 9, 13, 17))
CLOCK = Fraction(1, 90000)  # of the pictures' times
QUALITY = {"crf": "23", "preset": "ultrafast"}  # of H.264: the rest takes as long as this already
COLOURS = {"right": (230, 150, 50), "left": (40, 140, 250), None: (150, 190, 60)}  # BGR, as on the page
GROUND, LANE, LINE, PAPER = (28, 24, 22), (38, 33, 30), (70, 62, 56), (250, 250, 250)

Colour = tuple[int, int, int]


def write_result_video(
    path: str | os.PathLike[str],
    info: VideoInfo,
    notes: Sequence[Note],
    roll: PianoRoll,
    *,
    keyboard: Keyboard,
    sound: np.ndarray | None = None,
    sample_rate: int = 44100,
    start: float = 0.0,
    end: float | None = None,
    progress: Callable[[float], None] | None = None,
) -> None:
    """Write H.264 and AAC: the part of the video from ``start`` to ``end`` (seconds), which is the roll's.

    ``keyboard``: where it is, unless ``roll.corners`` tell of every frame. ``sound (2, N)``: from the video's first
    second on; none, and the video is silent. Hands are drawn where the roll has their landmarks. ``progress``: 0..1.
    Raises VideoError and FileError.
    """
    drawing = _Drawing(info, notes, roll, keyboard)
    rate = Fraction(round(info.fps * 1000), 1000) if 1 <= info.fps <= 240 else Fraction(25)
    with write_beside(path) as temporary, av.open(os.fspath(temporary), "w", format="mp4") as out:
        video = out.add_stream("libx264", rate=rate, options=QUALITY)
        video.width, video.height, video.pix_fmt = drawing.width, drawing.height, "yuv420p"
        video.codec_context.time_base = CLOCK
        audio = out.add_stream("aac", rate=sample_rate, layout="stereo") if sound is not None else None
        begin = round(start * sample_rate)
        heard = aac_frames(sound[:, begin:], sample_rate) if sound is not None else iter(())
        length = max(1e-6, roll.end - start)
        for frame in read_frames(info.path, start=start, end=end):
            now = frame.time - start
            picture = av.VideoFrame.from_ndarray(drawing.at(frame.time, frame.in_colour()), format="bgr24")
            picture.pts, picture.time_base = round(now / CLOCK), CLOCK
            out.mux(video.encode(picture))
            if audio is not None:
                out.mux([packet for each in _until(heard, now) for packet in audio.encode(each)])
            if progress is not None:
                progress(min(1.0, now / length))
        out.mux(video.encode(None))
        if audio is not None:
            rest = [packet for each in _until(heard, roll.end - start) for packet in audio.encode(each)]
            out.mux([*rest, *audio.encode(None)])


def _until(frames: Iterator[av.AudioFrame], second: float) -> Iterator[av.AudioFrame]:
    """The frames that begin before a second, and one more."""
    for frame in frames:
        yield frame
        if (frame.pts or 0) / frame.sample_rate > second:
            return


@dataclass(frozen=True)
class _Lanes:
    """Where the bars of each key stand: left and right edge in pixels ``(88,)``."""

    left: np.ndarray
    right: np.ndarray


class _Drawing:
    """Draws one picture after another."""

    def __init__(self, info: VideoInfo, notes: Sequence[Note], roll: PianoRoll, keyboard: Keyboard) -> None:
        self.scale = min(1.0, WIDEST / info.width)
        self.width, self.below = (round(self.scale * size) // 2 * 2 for size in (info.width, info.height))
        self.above = round(BARS * self.below) // 2 * 2
        self.height = self.above + self.below
        self._notes = sorted(notes)
        self._onsets = np.array([note.onset for note in self._notes])
        self._longest = max((note.offset - note.onset for note in notes), default=0.0)
        self._roll, self._keyboard = roll, keyboard
        self._corners: np.ndarray | None = None
        self._lanes = _lanes(None, self.width)
        self._ground = self._empty_panel()
        self._to_picture = np.eye(3)

    def at(self, second: float, image: np.ndarray) -> np.ndarray:
        """The picture ``(height, width, 3)`` BGR of a second of the video."""
        picture = np.empty((self.height, self.width, 3), np.uint8)
        if image.shape[:2] == (self.below, self.width):
            picture[self.above :] = image
        else:
            cv2.resize(image, (self.width, self.below), dst=picture[self.above :], interpolation=cv2.INTER_AREA)
        nearest = int(np.abs(self._roll.times - second).argmin()) if len(self._roll) else -1
        near = self._near(second)
        if self._look(nearest):
            self._light(picture[self.above :], [note for note in near if note.onset <= second < note.offset])
            self._draw_hands(picture[self.above :], nearest)
        self._draw_bars(picture[: self.above], near, second)
        return picture

    def _near(self, second: float) -> list[Note]:
        """The notes that sound, or will within AHEAD."""
        first, last = np.searchsorted(self._onsets, [second - self._longest, second + AHEAD])
        return [note for note in self._notes[first:last] if note.offset > second]

    def _look(self, frame: int) -> bool:
        """Take the keyboard's place in a frame of the roll; whether it is in view."""
        corners = self._keyboard.corners
        if self._roll.corners is not None and frame >= 0:
            corners = self._roll.corners[frame]
        if not np.isfinite(corners).all():
            return False
        if self._corners is None or not np.array_equal(corners, self._corners):
            self._corners = corners
            there = Keyboard(
                self.scale * corners.astype(float), self._keyboard.lowest_pitch, self._keyboard.highest_pitch
            )
            self._to_picture = there.to_picture.astype(np.float64)
            self._lanes = _lanes(self._to_picture, self.width)
            self._ground = self._empty_panel()
        return True

    def _light(self, picture: np.ndarray, down: Sequence[Note]) -> None:
        """Colour the keys that are down; black keys lie above the white ones."""
        if not down:
            return
        keys = {note.pitch: note for note in down}
        shapes = {pitch: self._points(key_outline(pitch)) for pitch in keys}
        every = np.concatenate(list(shapes.values()))
        x0, y0 = np.maximum(every.min(axis=0) - 2, 0)
        x1, y1 = np.minimum(every.max(axis=0) + 3, [self.width, self.below])
        if x0 >= x1 or y0 >= y1:
            return
        part = picture[y0:y1, x0:x1]
        lit, mask = part.copy(), np.zeros(part.shape[:2], np.uint8)
        for pitch in sorted(keys, key=is_black):
            cv2.fillPoly(lit, [shapes[pitch] - [x0, y0]], COLOURS[keys[pitch].hand])
            cv2.fillPoly(mask, [shapes[pitch] - [x0, y0]], 255)
            for beside in (pitch - 1, pitch + 1):
                if is_black(beside):
                    cv2.fillPoly(mask, [self._points(key_outline(beside)) - [x0, y0]], 0)
        blended = cv2.addWeighted(lit, LIT, part, 1 - LIT, 0)
        cv2.copyTo(blended, mask, part)
        for pitch, note in keys.items():
            if note.finger is not None:
                self._write_finger(picture, pitch, note.finger)

    def _write_finger(self, picture: np.ndarray, pitch: int, finger: int) -> None:
        centre = CENTRES[pitch - LOWEST_PITCH]
        x, y = self._points(np.array([[centre, 0.45 if is_black(pitch) else 0.88]]))[0]
        size = max(0.3, float(self._lanes.right[pitch - LOWEST_PITCH] - self._lanes.left[pitch - LOWEST_PITCH]) / 26)
        _write(picture, str(finger), int(x), int(y), min(size, 0.8))

    def _draw_hands(self, picture: np.ndarray, frame: int) -> None:
        """The bones of each hand, and a dot on each fingertip."""
        if self._roll.hands is None or self._roll.sides is None:
            return
        for points, side in zip(self._roll.hands[frame], self._roll.sides, strict=True):
            if not np.isfinite(points).all():
                continue
            colour = COLOURS["left" if side == 1 else "right"]
            joints = np.rint(self.scale * np.clip(points, -4000, 8000)).astype(np.int32)
            cv2.polylines(picture, [joints[list(bones)] for bones in BONES], False, GROUND, 4, cv2.LINE_AA)
            cv2.polylines(picture, [joints[list(bones)] for bones in BONES], False, colour, 2, cv2.LINE_AA)
            for x, y in joints[list(TIPS)].tolist():
                cv2.circle(picture, (x, y), 5, colour, -1, cv2.LINE_AA)
                cv2.circle(picture, (x, y), 5, PAPER, 1, cv2.LINE_AA)

    def _points(self, along_across: np.ndarray) -> np.ndarray:
        """Keyboard coordinates -> whole pixels of the picture ``(n, 2)``."""
        placed = cv2.perspectiveTransform(along_across[None].astype(np.float64), self._to_picture)[0]
        return np.rint(np.clip(placed, -4000, 8000)).astype(np.int32)

    def _empty_panel(self) -> np.ndarray:
        """The lanes of the keys: black ones paler, a line below each C."""
        lanes = self._lanes
        panel = np.full((self.above, self.width, 3), GROUND, np.uint8)
        for key in np.flatnonzero(BLACK).tolist():
            panel[:, max(0, int(lanes.left[key])) : max(0, int(lanes.right[key]))] = LANE
        for key in range(3, KEYS, 12):
            x = int(min(lanes.left[key], lanes.right[key]))
            cv2.line(panel, (x, 0), (x, self.above), LINE, 1)
        return panel

    def _draw_bars(self, panel: np.ndarray, near: Sequence[Note], second: float) -> None:
        """The notes to come, falling towards the keys; what sounds touches the lower edge."""
        panel[:] = self._ground
        lanes, height = self._lanes, len(panel)
        for note in near:
            left, right = int(lanes.left[note.key]) + 1, int(lanes.right[note.key]) - 1
            low = min(height, round(height * (1 - (note.onset - second) / AHEAD)))
            high = max(-8, round(height * (1 - (note.offset - second) / AHEAD)) + 1)
            colour = COLOURS[note.hand]
            if is_black(note.pitch):
                colour = (colour[0] * 2 // 3, colour[1] * 2 // 3, colour[2] * 2 // 3)
            cv2.rectangle(panel, (left, high), (max(left + 1, right), low), colour, -1)
            if note.finger is not None and low - high > 16 and right - left > 7:
                _write(panel, str(note.finger), (left + right) // 2, low - 9, 0.4)
        cv2.line(panel, (0, height - 1), (self.width, height - 1), PAPER, 1)


def _lanes(to_picture: np.ndarray | None, width: int) -> _Lanes:
    """Lanes over the keys where these run across the picture; else the 88 keys over its whole width."""
    edges = np.array([key_edges(pitch) for pitch in PITCHES.tolist()])
    if to_picture is not None:
        points = np.stack([edges, np.zeros_like(edges)], axis=2).reshape(1, -1, 2)
        x = cv2.perspectiveTransform(points.astype(np.float64), to_picture)[0, :, 0].reshape(-1, 2)
        centres = x.mean(axis=1)
        rises = np.diff(centres)
        inside = (centres > 0) & (centres < width)
        if ((rises > 0).all() or (rises < 0).all()) and np.ptp(centres[inside], axis=0) > SMALLEST_SPAN * width:
            return _Lanes(x.min(axis=1), x.max(axis=1))
    return _Lanes(edges[:, 0] * width / WHITE_KEYS, edges[:, 1] * width / WHITE_KEYS)


def _write(picture: np.ndarray, text: str, x: int, y: int, size: float) -> None:
    """A small text around a place, dark-edged so that it is read on any ground."""
    (wide, high), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, size, 1)
    place = (x - wide // 2, y + high // 2)
    cv2.putText(picture, text, place, cv2.FONT_HERSHEY_SIMPLEX, size, GROUND, 3, cv2.LINE_AA)
    cv2.putText(picture, text, place, cv2.FONT_HERSHEY_SIMPLEX, size, PAPER, 1, cv2.LINE_AA)
