"""The scenes of a video that show a keyboard, and the keyboard's strip in frame after frame.

``find_views``: pictures spread over the video are looked at together. Where the camera stands still their median shows
the keyboard without hands. Those that show the keyboard found are taken away, and the rest is looked at again: another
camera, or the same one after a nudge. Titles and black pictures show none and are left over.

``watch``: the frames in order, each followed from the last one. Where the keyboard is lost the other views are tried,
and then, now and again, it is looked for as in any picture: after a nudge it is somewhere else, after a cut another.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from pianoroll.keys import HIGHEST_PITCH, LOWEST_PITCH
from video2roll.follow import Follower, View
from video2roll.keyboard import NO_KEYBOARD, agreement, find_keyboard, hands_free
from video2roll.rectify import Keyboard, KeyboardError, Rectifier
from video2roll.video import Frame, spread_frames

PICTURES = 7  # taken from a video: enough for hands to vanish from the median, few enough to be decoded in a second
MORE_PICTURES = 24  # where these do not all show one scene
MOST_VIEWS = 6
PATIENCE = 0.1  # seconds without a keyboard after which it is looked for anew: longer than a flash
_SOON = 0.5  # seconds between such looks at least
_CHANGED = 8.0  # gray levels by which a picture differs from another one on average
_LONGEST_PAUSE = 8.0  # seconds between such looks; each one takes longer to come than the last
_SAME = 0.1  # below the usual score, at which a keyboard found elsewhere is the same one and no other view
_LOOKS = 6  # at frames that show none of the views known
_MOST = 0.6  # share of the frames that must show a keyboard, so that no better picture of it is looked for
_CLEANER = 0.1  # of agreement, that a picture without hands is worth
_LEAST_LEFT = 2  # pictures that are worth looking for another view
_EMPTY = 8.0  # gray levels of contrast below which a picture is black or blank

Shown = tuple[Frame, Keyboard]  # a frame, and where it shows a keyboard


def find_views(
    path: str | os.PathLike[str],
    *,
    start: float = 0.0,
    end: float | None = None,
    lowest_key: int | None = None,
    keyboard: Keyboard | None = None,
) -> list[View]:
    """The keyboards in the part ``start`` to ``end`` (seconds) of a video, the one that is seen longest first.

    ``lowest_key``: MIDI pitch of the lowest key in view, where the octave is known. ``keyboard``: where it is known, as
    the user gave it. Raises KeyboardError, CornersError and VideoError.
    """
    frames = [_gray(frame) for frame in spread_frames(path, PICTURES, start=start, end=end)]
    if keyboard is not None:
        return [_view_of(keyboard, frames)]
    first, left = _first_view(frames, lowest_key)
    if left:  # not one scene: look at more of it
        frames = [_gray(frame) for frame in spread_frames(path, MORE_PICTURES, start=start, end=end)]
        first, left = _first_view(frames, lowest_key)
    if first is None:
        raise KeyboardError(NO_KEYBOARD.format(what=Path(path).name))
    followers, counts = [Follower(first)], [len(frames) - len(left)]
    for _ in range(_LOOKS):
        if len(left) < _LEAST_LEFT:
            break
        frame = left[len(left) // 2]
        number, strip = _look(followers, 0, frame)
        if strip is None:
            left = [other for other in left if other is not frame]
            continue
        shows = _showing(followers[number].view, left, frame.time, followers[number].keyboard)
        if number == len(counts):
            followers[number] = Follower(_without_hands(followers[number].view, shows))
            counts.append(0)
        counts[number] += len(shows)
        left = _without(left, shows)
    order = sorted(range(len(counts)), key=lambda number: -counts[number])
    return [followers[number].view for number in order]


def find_in_video(
    path: str | os.PathLike[str], *, start: float = 0.0, end: float | None = None, lowest_key: int | None = None
) -> Keyboard:
    """The keyboard that is seen longest in a part of a video; as ``find_views``."""
    return find_views(path, start=start, end=end, lowest_key=lowest_key)[0].keyboard


@dataclass(frozen=True)
class Sight:
    """What a frame shows at ``time`` seconds: the ``strip (104, 624)`` uint8 of view number ``view``, None where it
    shows no keyboard; and where that view's ``keyboard`` is, or was last."""

    time: float
    strip: np.ndarray | None
    view: int
    keyboard: Keyboard


def watch(frames: Iterable[Frame], keyboard: Keyboard | Sequence[View]) -> Iterator[Sight]:
    """Follow the keyboard of one or more views through gray frames ``(H, W)``; a bare keyboard stays where it is."""
    if isinstance(keyboard, Keyboard):
        rectify = Rectifier(keyboard)
        yield from (Sight(frame.time, rectify(frame.image), 0, keyboard) for frame in frames)
    else:
        yield from _follow(frames, [Follower(view) for view in keyboard])


def _follow(frames: Iterable[Frame], followers: list[Follower]) -> Iterator[Sight]:
    """As ``watch``; views that are found on the way are appended to ``followers``."""
    current, clock = 0, _LookClock()
    for frame in frames:
        strip = followers[current](frame.image)
        if strip is None:
            current, strip = _in_another(followers, current, frame.image)
        if strip is not None and not followers[current].doubtful:
            clock = _LookClock()
        elif clock.due(frame, changed_counts=strip is None):
            current, strip = _look(followers, current, frame, strip)
        yield Sight(frame.time, strip, current, followers[current].keyboard)


class _LookClock:
    """When to look for a lost keyboard, as a look costs as much as many frames: soon, then ever less often, but soon
    again where the picture has changed since."""

    def __init__(self) -> None:
        self._next: float | None = None
        self._pause = _SOON / 2
        self._looked_at: np.ndarray | None = None

    def due(self, frame: Frame, *, changed_counts: bool) -> bool:
        """Whether to look at this frame, one of a row of frames that show no keyboard, or a doubtful one."""
        if self._next is None:
            self._next = frame.time + PATIENCE
        early = self._next - self._pause + _SOON
        if frame.time < self._next and not (changed_counts and frame.time >= early and self._changed(frame.image)):
            return False
        self._pause = min(2 * self._pause, _LONGEST_PAUSE)
        self._next = frame.time + self._pause
        self._looked_at = _thumbnail(frame.image)
        return True

    def _changed(self, image: np.ndarray) -> bool:
        if self._looked_at is None:
            return False
        return float(np.abs(_thumbnail(image) - self._looked_at).mean()) > _CHANGED


def _thumbnail(image: np.ndarray) -> np.ndarray:
    return cv2.resize(image, (32, 18), interpolation=cv2.INTER_AREA).astype(np.float32)


def _in_another(followers: list[Follower], current: int, image: np.ndarray) -> tuple[int, np.ndarray | None]:
    """The view, other than the ``current`` one, that a picture shows best, and its strip; None where it shows none."""
    strips = {number: follower(image) for number, follower in enumerate(followers) if number != current}
    seen = [number for number, strip in strips.items() if strip is not None]
    if not seen:
        return current, None
    best = max(seen, key=lambda number: followers[number].score)
    return best, strips[best]


def _look(
    followers: list[Follower], current: int, frame: Frame, strip: np.ndarray | None = None
) -> tuple[int, np.ndarray | None]:
    """Look for the keyboard as in any picture: one of the views at another place, or else a new view.

    Where the current view is seen (``strip``), another place must look better; a new view is not looked for.
    """
    if frame.image.std() < _EMPTY:
        return current, None
    try:
        found = find_keyboard([frame.image])
    except KeyboardError:
        return current, strip
    best, best_score, best_strip = current, followers[current].score if strip is not None else 0.0, strip
    for number, follower in enumerate(followers):
        last, score = follower.keyboard, follower.score
        follower.place(_same_keys(follower.view.keyboard, found, last))
        placed = follower(frame.image)
        if placed is not None and follower.score > max(best_score, follower.usual - _SAME):
            best, best_score, best_strip = number, follower.score, placed
        else:
            follower.place(last)
            follower.score = score
    if best_strip is None and len(followers) < MOST_VIEWS:
        named = _named_like(found, followers[current].keyboard)
        followers.append(Follower(View(named, frame.image, frame.time)))
        return len(followers) - 1, followers[-1](frame.image)
    return best, best_strip


def _same_keys(wanted: Keyboard, found: Keyboard, last: Keyboard) -> Keyboard:
    """The keys of ``wanted`` where a keyboard was ``found``; its octave may be a guess: the nearest to the ``last``
    place is taken."""
    octaves = range(-6, 7) if wanted.octave_guessed or found.octave_guessed else range(1)
    places = []
    for octave in octaves:
        shift = np.array([[1, 0, 7.0 * octave], [0, 1, 0], [0, 0, 1]])
        motion = found.to_picture @ shift @ np.linalg.inv(wanted.to_picture)
        places.append(cv2.perspectiveTransform(wanted.corners[None], motion)[0])
    nearest = min(places, key=lambda corners: float(np.abs(corners - last.corners).sum()))
    return replace(wanted, corners=nearest)


def _named_like(found: Keyboard, other: Keyboard) -> Keyboard:
    """A keyboard whose octave is a guess, in the octave that lays its keys nearest to those of ``other``."""
    best, least = found, np.inf
    for octave in range(-6, 7) if found.octave_guessed else ():
        lowest, highest = found.lowest_pitch + 12 * octave, found.highest_pitch + 12 * octave
        low, high = max(lowest, other.lowest_pitch), min(highest, other.highest_pitch)
        if lowest < LOWEST_PITCH or highest > HIGHEST_PITCH or low > high:
            continue
        named = replace(found, lowest_pitch=lowest, highest_pitch=highest, octave_guessed=other.octave_guessed)
        here = named.key_centres()[low - lowest : high - lowest + 1]
        there = other.key_centres()[low - other.lowest_pitch : high - other.lowest_pitch + 1]
        distance = float(np.linalg.norm(here - there, axis=1).mean())
        if distance < least:
            best, least = named, distance
    return best


# ---- finding the views -----------------------------------------------------------------------------------------------


def _gray(frame: Frame) -> Frame:
    return Frame(frame.time, cv2.cvtColor(frame.image, cv2.COLOR_BGR2GRAY))


def _median(frames: Sequence[Frame]) -> np.ndarray:
    """The scene without what moves, ``(H, W)`` uint8."""
    height, width = frames[0].image.shape
    return cv2.resize(hands_free([frame.image for frame in frames]), (width, height))


def _view_of(keyboard: Keyboard, frames: Sequence[Frame]) -> View:
    """The view of a keyboard whose place is known: the median of the frames, or where the camera moves the frame that
    shows it best there."""
    middle = frames[len(frames) // 2]
    pictures = [Frame(middle.time, _median(frames)), *frames]
    best = max(pictures, key=lambda picture: agreement(picture.image, keyboard) + (picture is pictures[0]) * _CLEANER)
    return View(keyboard, best.image, best.time)


def _first_view(frames: Sequence[Frame], lowest_key: int | None) -> tuple[View | None, list[Frame]]:
    """The keyboard in the median of the frames, or else in one of them, None if none shows one; and the frames that do
    not show it, less those that are blank."""
    frames = [frame for frame in frames if frame.image.std() > _EMPTY]
    if not frames:
        return None, []
    middle = frames[len(frames) // 2]
    tries = [Frame(middle.time, _median(frames))] if len(frames) > 2 else []
    tries += [frames[len(frames) * part // 4] for part in (2, 1, 3)]
    best: tuple[View, list[Shown]] | None = None
    for frame in tries:
        try:
            view = View(find_keyboard([frame.image], lowest_key=lowest_key), frame.image, frame.time)
        except KeyboardError:
            continue
        shows = _showing(view, frames, view.time, view.keyboard)
        if best is None or len(shows) > len(best[1]):
            best = view, shows
        if len(shows) > _MOST * len(frames):
            break
    if best is None:
        return None, frames
    view, shows = best
    still = all(keyboard is view.keyboard for _, keyboard in shows)
    if not (still and len(shows) == len(frames) and view.picture is tries[0].image):
        view = _without_hands(view, shows)
    return view, _without(frames, shows)


def _showing(view: View, frames: Sequence[Frame], time: float, place: Keyboard) -> list[Shown]:
    """The frames that show the view's keyboard, and where; followed from its ``place`` at ``time`` (seconds)."""
    shows = []
    later = [frame for frame in frames if frame.time >= time]
    earlier = [frame for frame in frames if frame.time < time][::-1]
    for part in (later, earlier):
        follower = Follower(view)
        follower.place(place)
        for frame in part:
            if follower(frame.image) is not None:
                shows.append((frame, follower.keyboard))
    return sorted(shows, key=lambda pair: pair[0].time)


def _without(frames: Sequence[Frame], shows: Sequence[Shown]) -> list[Frame]:
    shown = {frame.time for frame, _ in shows}
    return [frame for frame in frames if frame.time not in shown]


def _without_hands(view: View, shows: Sequence[Shown]) -> View:
    """The view with a better picture: the median of the frames that show it, each moved to where the view has it."""
    if len(shows) < 3:
        return view
    height, width = view.picture.shape
    moved = []
    for frame, keyboard in shows:
        if keyboard is not view.keyboard:
            back = view.keyboard.to_picture @ np.linalg.inv(keyboard.to_picture)
            frame = Frame(frame.time, cv2.warpPerspective(frame.image, back, (width, height)))
        moved.append(frame)
    picture = _median(moved)
    try:
        found = _named_like(find_keyboard([picture]), view.keyboard)
    except KeyboardError:
        return replace(view, picture=picture)
    return View(found, picture, view.time)
