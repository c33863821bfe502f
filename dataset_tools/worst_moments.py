"""Where a transcription goes most wrong, and what the video shows there.

A moment is a stretch of up to WINDOW seconds in which many notes were missed or invented. Its picture is taken where
most of these are held, with their keys marked: filled as the note was found rightly or invented, hollow where missed.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import ImageColor

from dataset_tools.judged_files import Footage
from pianoroll import Note
from pianoroll.keys import CENTRES, LOWEST_PITCH, WHITE_KEYS, is_black, key_outline
from pianoroll.metrics import ONSET_TOLERANCES, matches
from pianoroll.plot import VERDICTS
from video2roll.rectify import Keyboard, KeyboardError
from video2roll.scenes import find_views
from video2roll.video import Frame, frames_at

WINDOW = 1.5  # seconds
MOST = 6  # moments of one file
TOLERANCE = ONSET_TOLERANCES[-1]  # seconds: what is late by less is neither missed nor invented
STRUCK = 0.1  # seconds after its onset at which a key is surely down
LATEST = 1.0  # seconds after the last picture of a video that it still stands for
KEYS_SHOWN = 18  # white-key widths at least
ROOM = 3.0  # white-key widths beside the outermost key that is marked
BEHIND, BEFORE = 0.5, 0.9  # of a key's length, shown behind and before the keys: the hands
WIDEST = 720  # pixels of a picture
FILLED = 0.55  # how much of a marked key is colour
QUALITY = 80  # of the JPEG


@dataclass(frozen=True)
class Moment:
    """``start`` and ``end``: seconds between which the notes ``missed`` and ``invented`` begin. ``second``: of its
    picture; ``keys``: what each key held there turned out to be, by pitch: "hit", "miss" or "extra"."""

    start: float
    end: float
    second: float
    missed: tuple[Note, ...]
    invented: tuple[Note, ...]
    keys: dict[int, str]


def worst_moments(found: Sequence[Note], true: Sequence[Note], *, most: int = MOST) -> list[Moment]:
    """The moments with most notes missed or invented, worst first; none overlap."""
    pairs = matches(found, true, onset_tolerance=TOLERANCE)
    hit, met = {guess for guess, _ in pairs}, {truth for _, truth in pairs}
    verdicts = [(note, "extra") for number, note in enumerate(found) if number not in hit]
    verdicts += [(note, "hit" if number in met else "miss") for number, note in enumerate(true)]
    stretches = [sorted((note, verdict) for note, verdict in verdicts if verdict != "hit")]
    moments: list[Moment] = []
    while len(moments) < most and any(stretches):
        windows = [_densest([note.onset for note, _ in wrong]) for wrong in stretches]
        number = max(range(len(windows)), key=lambda i: windows[i][1] - windows[i][0])
        wrong, (first, last) = stretches[number], windows[number]
        moments.append(_moment(wrong[first:last], verdicts))
        stretches[number : number + 1] = [wrong[:first], wrong[last:]]
    return moments


def _densest(onsets: Sequence[float]) -> tuple[int, int]:
    """First index, and the one after the last, of as many as begin within WINDOW; ``onsets`` in seconds, in order."""
    if not onsets:
        return 0, 0
    last = np.searchsorted(onsets, np.array(onsets) + WINDOW)
    first = int(np.argmax(last - np.arange(len(onsets))))
    return first, int(last[first])


def _moment(wrong: Sequence[tuple[Note, str]], verdicts: Sequence[tuple[Note, str]]) -> Moment:
    """``wrong``: its notes, in order; ``verdicts``: of all notes."""
    notes = [note for note, _ in wrong]
    seconds = [note.onset + min(STRUCK, (note.offset - note.onset) / 2) for note in notes]
    second = max(seconds, key=lambda at: sum(note.onset <= at < note.offset for note in notes))
    held = [(verdict, note.pitch) for note, verdict in verdicts if note.onset <= second < note.offset]
    missed, invented = (tuple(n for n, verdict in wrong if verdict == kind) for kind in ("miss", "extra"))
    keys = {pitch: kind for order in ("hit", "extra", "miss") for kind, pitch in held if kind == order}
    return Moment(notes[0].onset, notes[-1].onset, second, missed, invented, keys)


@dataclass(frozen=True)
class Thumbnail:
    """A picture as JPEG, and whether its keys are marked: not where nobody knows where the keyboard is."""

    jpeg: bytes
    marked: bool


def thumbnails(footage: Footage, moments: Sequence[Moment]) -> list[Thumbnail | None]:
    """A picture of each moment; None where the video ends long before. Raises VideoError."""
    if not moments:
        return []
    footage = _with_keyboard(footage)
    frames = frames_at(footage.video, [moment.second for moment in moments])
    return [
        _thumbnail(frame, footage, moment) if moment.second - frame.time < LATEST else None
        for frame, moment in zip(frames, moments, strict=True)
    ]


def _with_keyboard(footage: Footage) -> Footage:
    """With the place of the keyboard, looked for in the video unless it is known."""
    if footage.keyboard is not None:
        return footage
    try:
        return Footage(footage.video, find_views(footage.video)[0].keyboard)
    except KeyboardError:
        return footage


def _thumbnail(frame: Frame, footage: Footage, moment: Moment) -> Thumbnail:
    """The part of a picture in which the keys that matter lie, with marks; all of it without a keyboard."""
    picture, keyboard = frame.in_colour(), footage.keyboard_at(frame.time)
    if keyboard is None:
        return Thumbnail(_jpeg(picture), False)
    x0, y0, x1, y1 = _part(picture, keyboard, list(moment.keys))
    part = picture[y0:y1, x0:x1]
    scale = min(WIDEST / part.shape[1], 4.0)
    part = cv2.resize(part, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    to_part = np.array([[scale, 0, -scale * x0], [0, scale, -scale * y0], [0, 0, 1]]) @ keyboard.to_picture
    _mark(part, to_part, moment.keys)
    return Thumbnail(_jpeg(part), True)


def _part(picture: np.ndarray, keyboard: Keyboard, pitches: Sequence[int]) -> tuple[int, int, int, int]:
    """Left, upper, right and lower edge in pixels of what surrounds the keys of these pitches."""
    centres = CENTRES[[pitch - LOWEST_PITCH for pitch in pitches]] if pitches else np.array([WHITE_KEYS / 2])
    low, high = centres.min() - ROOM, centres.max() + ROOM
    more = max(0.0, KEYS_SHOWN - (high - low)) / 2
    in_view = CENTRES[keyboard.keys_in_view]
    low, high = max(low - more, in_view.min() - 1), min(high + more, in_view.max() + 1)
    corners = np.array([[low, -BEHIND], [high, -BEHIND], [high, 1 + BEFORE], [low, 1 + BEFORE]])
    placed = cv2.perspectiveTransform(corners[None], keyboard.to_picture.astype(np.float64))[0]
    height, width = picture.shape[:2]
    x0, y0 = np.clip(placed.min(axis=0), 0, [width - 2, height - 2]).astype(int).tolist()
    x1, y1 = np.clip(placed.max(axis=0), [x0 + 2, y0 + 2], [width, height]).astype(int).tolist()
    return x0, y0, x1, y1


def _mark(picture: np.ndarray, to_picture: np.ndarray, keys: dict[int, str]) -> None:
    """Colour keys by what they turned out to be."""
    width = max(2, picture.shape[1] // 240)
    for pitch, verdict in keys.items():
        body, edge = (ImageColor.getrgb(colour)[2::-1] for colour in VERDICTS[verdict])
        shape = _shape(pitch, picture.shape[:2], to_picture)
        outline, _ = cv2.findContours(shape, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        if verdict == "miss":
            cv2.drawContours(picture, outline, -1, body, width + 4, cv2.LINE_AA)
        else:
            cv2.copyTo(cv2.addWeighted(np.full_like(picture, body), FILLED, picture, 1 - FILLED, 0), shape, picture)
        cv2.drawContours(picture, outline, -1, edge, width, cv2.LINE_AA)


def _shape(pitch: int, size: tuple[int, ...], to_picture: np.ndarray) -> np.ndarray:
    """Where a key shows: 255 in a picture ``size`` of 0; black keys lie above the white ones."""
    shape = np.zeros(size, np.uint8)
    above = [] if is_black(pitch) else [beside for beside in (pitch - 1, pitch + 1) if is_black(beside)]
    for key in (pitch, *above):
        placed = cv2.perspectiveTransform(key_outline(key)[None], to_picture)[0]
        points = np.rint(np.clip(placed, -4000, 8000)).astype(np.int32)
        cv2.fillPoly(shape, [points], 255 if key == pitch else 0)
    return shape


def _jpeg(picture: np.ndarray) -> bytes:
    """The picture, made smaller where it is large."""
    scale = min(1.0, WIDEST / picture.shape[1])
    small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else picture
    _, data = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    return bytes(data)
