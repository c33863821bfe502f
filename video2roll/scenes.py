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
from video2roll.keyboard import NO_KEYBOARD, find_keyboard, hands_free
from video2roll.rectify import Keyboard, KeyboardError, Rectifier
from video2roll.video import Frame, spread_frames

MOST_VIEWS = 6
PATIENCE = 0.3  # seconds without a keyboard after which it is looked for anew
_LONGEST_PAUSE = 8.0  # seconds between such looks; each one takes longer to come than the last
_LEAST_LEFT = 2  # pictures that are worth looking for another view
_EMPTY = 8.0  # gray levels of contrast below which a picture is black or blank


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
    frames = [_gray(frame) for frame in spread_frames(path, start=start, end=end)]
    if keyboard is not None:
        return [View(keyboard, _median(frames), frames[len(frames) // 2].time)]
    views: list[tuple[int, View]] = []
    left = [frame for frame in frames if frame.image.std() > _EMPTY]
    while len(left) >= (_LEAST_LEFT if views else 1) and len(views) < MOST_VIEWS:
        view = _one_view(left, None if views else lowest_key, thorough=not views)
        if view is None:
            break
        if views:
            view = replace(view, keyboard=_named_like(view.keyboard, views[0][1].keyboard))
        shows = _showing(view, left)
        times = {frame.time for frame, _ in shows}
        still = all(keyboard is view.keyboard for _, keyboard in shows)
        clean = still and len(shows) > 0.9 * len(left)  # then the median was theirs already
        views.append((len(shows), view if clean else _without_hands(view, shows)))
        left = [frame for frame in left if frame.time not in times]
        if not shows:
            break
    if not views:
        raise KeyboardError(NO_KEYBOARD.format(what=Path(path).name))
    return [view for _, view in sorted(views, key=lambda pair: -pair[0])]


@dataclass(frozen=True)
class Sight:
    """What a frame shows at ``time`` seconds: the ``strip (88, 624)`` uint8 of view number ``view``, None where it
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
    current, lost_at, pause, next_look = 0, np.inf, PATIENCE, np.inf
    for frame in frames:
        strip = followers[current](frame.image)
        if strip is None:
            if not np.isfinite(lost_at):
                lost_at, pause, next_look = frame.time, PATIENCE, frame.time + PATIENCE
            current, strip = _in_another(followers, current, frame.image)
            if strip is None and frame.time >= next_look:
                current, strip = _look(followers, current, frame)
                pause = min(2 * pause, _LONGEST_PAUSE)
                next_look = frame.time + pause
        if strip is not None:
            lost_at = np.inf
        yield Sight(frame.time, strip, current, followers[current].keyboard)


def _in_another(followers: list[Follower], current: int, image: np.ndarray) -> tuple[int, np.ndarray | None]:
    """The view that a picture shows, other than the ``current`` one, and its strip; None where it shows none."""
    for number, follower in enumerate(followers):
        if number != current:
            strip = follower(image)
            if strip is not None:
                return number, strip
    return current, None


def _look(followers: list[Follower], current: int, frame: Frame) -> tuple[int, np.ndarray | None]:
    """Look for the keyboard as in any picture: one of the views at another place, or else a new view."""
    if frame.image.std() < _EMPTY:
        return current, None
    try:
        found = find_keyboard([frame.image])
    except KeyboardError:
        return current, None
    for number in [current, *(n for n in range(len(followers)) if n != current)]:
        last = followers[number].keyboard
        followers[number].place(_same_keys(followers[number].view.keyboard, found, last))
        strip = followers[number](frame.image)
        if strip is not None:
            return number, strip
        followers[number].place(last)
    if len(followers) >= MOST_VIEWS:
        return current, None
    named = _named_like(found, followers[current].keyboard)
    followers.append(Follower(View(named, frame.image, frame.time)))
    return len(followers) - 1, followers[-1](frame.image)


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


def _one_view(frames: Sequence[Frame], lowest_key: int | None, *, thorough: bool) -> View | None:
    """A keyboard in the median of the frames, or else in one of them; None where there is none."""
    middle = frames[len(frames) // 2]
    tries = [Frame(middle.time, _median(frames))] if len(frames) > 2 else []
    tries += [middle, *([frames[len(frames) // 4], frames[len(frames) * 3 // 4]] if thorough else [])]
    for frame in tries:
        try:
            return View(find_keyboard([frame.image], lowest_key=lowest_key), frame.image, frame.time)
        except KeyboardError:
            continue
    return None


def _showing(view: View, frames: Sequence[Frame]) -> list[tuple[Frame, Keyboard]]:
    """The frames that show the view's keyboard, and where; a camera that moves is followed from the view's time."""
    shows = []
    later = [frame for frame in frames if frame.time >= view.time]
    earlier = [frame for frame in frames if frame.time < view.time][::-1]
    for part in (later, earlier):
        follower = Follower(view)
        for frame in part:
            if follower(frame.image) is not None:
                shows.append((frame, follower.keyboard))
    return sorted(shows, key=lambda pair: pair[0].time)


def _without_hands(view: View, shows: Sequence[tuple[Frame, Keyboard]]) -> View:
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
