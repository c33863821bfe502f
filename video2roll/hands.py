"""The player's hands: where each of them and its fingertips are, frame after frame.

``HandWatcher`` is shown the pictures of a video in order and keeps only numbers:

- Palms are looked for in square windows along the keyboard, turned so that the player is at the bottom, and turned
  round: hands that the edge of the picture cuts at the wrist are found better that way. Dark windows are brightened.
- A hand found is followed by its landmarks: those of the last look tell where to look now. One that hardly moves is
  passed over every other time; one found late is followed back through the last second, too. Only while fewer than
  two hands are followed are palms looked for again, a window at a time; and now and then all the same.
- At the end hands that were no player's go: reflections in the fallboard have their wrist on the wrong side, a page
  turner's fingers stay off the keys. Left or right is decided once for each hand followed, by all its looks.
- Places are smoothed in time and filled in between looks.

Where fingers hide each other their landmarks are
guesses; ``score`` tells how sure the network is that there is a hand, not how sure it is of a finger.
"""

import os
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

import cv2
import numpy as np

from pianoroll.keys import WHITE_KEY_LENGTH, key_edges
from pianoroll.roll import frame_distance
from video2roll.follow import View
from video2roll.hand_crops import (
    NARROW,
    WIDE,
    crop,
    search_windows,
    square_of_hand,
    square_of_palm,
    turned_round,
    widened,
    window_around,
)
from video2roll.hand_model import HAND_SIZE, LANDMARKS, PALM_SIZE, TIPS, HandModel, HandShape
from video2roll.rectify import Keyboard
from video2roll.scenes import Sight, watch
from video2roll.video import Frame, read_frames

LEFT, RIGHT = 1, 2  # the player's
BRIDGED = 0.3  # seconds without a hand that are filled in

_EVERY = 0.045  # seconds between looks at least: every frame at 20 fps, every second one at 25 and 30
_RARELY = 1.0  # seconds between searches while two hands are followed: there may be a second player
_SOON = 1.0  # seconds after a hand came or went in which every look searches
_OFTEN = 0.15  # seconds between searches later on, if fewer than two hands are in view
_STILL = 0.2  # white-key widths that a hand's tips may move from look to look, so that it is left alone next time …
_LONGEST_REST = 0.09  # … unless the last look was longer ago, seconds
_PLAYER_HANDS = 2
_MOST_HANDS = 4  # two players
_BACK = 1.0  # seconds that a hand found is followed back
_MOST_KEPT = 100_000_000  # bytes of pictures kept for that
_PRESENT = 0.5  # probability from which a hand that is followed is still there
_FOUND = 0.8  # probability from which there is one where a palm may be

_KNUCKLES = (5, 9, 13, 17)

_SAME_HAND = 0.35  # of a hand's size: two followed hands nearer to each other are one
_HAND_LENGTH = 7.0  # white-key widths
_SAME_PLACE = 0.2  # of a hand's size: so near to each other are no two hands' middles
_SHORTEST = 3  # looks that a hand must be seen
_INTRUDER = 1.0  # seconds that a hand beyond the first of its side must be seen to be another player's
_OVER_KEYS = (-0.25, 1.35)  # across: there tips may press keys; they stand above them, and cameras look aslant
_BESIDE_KEYS = 2.0  # white-key widths that tips may lie beyond the outermost keys
_PLAYING = 0.3  # of a hand's looks in which a tip must be over the keys, or else
_LONG_ENOUGH = 1.0  # seconds
_SMOOTH = 0.25  # seconds that a parabola is laid through


@dataclass(frozen=True)
class Hands:
    """The players' hands in a video.

    ``times (T,)``: seconds, one for each picture. ``points (T, H, 21, 2)``: landmarks in pixels of the picture;
    ``tips (T, H, 5, 2)``: thumb to little finger in keyboard coordinates (along, across); both float32, NaN where the
    hand is not seen. ``side (H,)``: 1 left, 2 right, the player's. ``score (T, H)``: 0..1, that the hand is there;
    0 where it is not seen.
    """

    times: np.ndarray
    points: np.ndarray
    tips: np.ndarray
    side: np.ndarray
    score: np.ndarray


_LOOKS = ("times", "points", "tips", "scores", "sides", "playing")


@dataclass(eq=False)
class Track:
    """A hand followed: what each look at it gave, newest last."""

    times: list[float] = field(default_factory=list)
    points: list[np.ndarray] = field(default_factory=list)  # (21, 2) pixels
    tips: list[np.ndarray] = field(default_factory=list)  # (5, 2) keyboard coordinates
    scores: list[float] = field(default_factory=list)
    sides: list[float] = field(default_factory=list)  # -1 left … 1 right
    playing: list[bool] = field(default_factory=list)
    lost: bool = False  # not found where it was looked for

    def add(self, time: float, points: np.ndarray, shape: HandShape, keyboard: Keyboard) -> None:
        """One more look: landmarks ``points (21, 2)`` in pixels at ``time`` seconds."""
        to_keyboard = np.linalg.inv(keyboard.to_picture)
        tips = cv2.perspectiveTransform(points[None, list(TIPS)].astype(np.float64), to_keyboard)[0]
        self.lost = False
        self.times.append(time)
        self.points.append(points.astype(np.float32))
        self.tips.append(tips.astype(np.float32))
        self.scores.append(shape.presence)
        self.sides.append(_side(points, shape.right, keyboard))
        self.playing.append(_over_keys(tips, keyboard) and _from_player(points, keyboard))

    def precede(self, earlier: "Track") -> None:
        """Put looks at the same hand before these; in ``earlier`` the newest is first."""
        for name in _LOOKS:
            getattr(self, name)[:0] = getattr(earlier, name)[::-1]

    def rest_until(self, time: float) -> None:
        """A hand that was left alone at ``time`` seconds, the last look there was, lay as at the look before."""
        if not self.lost and self.times[-1] < time:
            for name in _LOOKS:
                getattr(self, name).append(getattr(self, name)[-1])
            self.times[-1] = time

    def at(self, time: float) -> np.ndarray | None:
        """Landmarks at the look at ``time`` seconds, or before it if the hand rested; None where it was not seen."""
        last = bisect_right(self.times, time) - 1
        return self.points[last] if last >= 0 and time - self.times[last] <= _LONGEST_REST else None

    @property
    def side(self) -> float:
        """-1 surely a left hand … 1 surely a right one."""
        return float(np.mean(self.sides))

    def rests(self, time: float) -> bool:
        """Whether its tips hardly moved between the last two looks, and these are recent enough at ``time`` seconds."""
        if self.lost or len(self.tips) < 2 or time - self.times[-1] > _LONGEST_REST:
            return False
        way = (self.tips[-1] - self.tips[-2]) * [1.0, WHITE_KEY_LENGTH]
        return float(np.hypot(*way.T).mean()) < _STILL

    @property
    def size(self) -> float:
        """Pixels from the wrist to the knuckle of the middle finger, and as much again."""
        return 2 * float(np.hypot(*(self.points[-1][9] - self.points[-1][0])))


class HandWatcher:
    """Follows the hands through a video; see above. Looks at a picture beside the decoding of the next ones, and keeps
    pictures only of the last second, and only while hands are missing.

    ``every``: seconds between looks at least.
    """

    def __init__(self, model: HandModel, *, every: float = _EVERY) -> None:
        self._model = model
        self._every = every
        self._times: list[float] = []
        self._last_look = -np.inf
        self._last_search = -np.inf
        self._last_change = -np.inf
        self._seen = -1  # hands at the last look
        self._view = -1
        self._looks = 0
        self._worker = ThreadPoolExecutor(1, "hands")
        self._pending: Future[None] | None = None
        self._kept: deque[tuple[float, np.ndarray, Keyboard]] = deque()  # looked at while hands were missing
        self._searches = 0
        self._turn = 0  # of the windows
        self._found = {False: 1.0, True: 1.0}  # hands found with the windows upright and turned round
        self._followed: list[Track] = []
        self._ended: list[Track] = []

    def wants(self, time: float) -> bool:
        """Whether the picture at ``time`` seconds will be looked at: if not, it may be left out."""
        return time - self._last_look >= self._every - 1e-6

    def __call__(self, time: float, picture: np.ndarray | None, keyboard: Keyboard | None, view: int = 0) -> None:
        """Show the next picture, BGR ``(H, W, 3)`` uint8, with the keyboard where it is now; None: none is in view.
        ``view``: its number; another one means that the picture was cut."""
        self._times.append(time)
        if view != self._view:
            self._settle()
            self._end_all()
            self._view, self._searches = view, 0
            self._kept.clear()
        if keyboard is None or picture is None or not self.wants(time):
            return
        self._last_look = time
        self._settle()
        self._pending = self._worker.submit(self._look, time, picture, keyboard)

    def _settle(self) -> None:
        """Wait for the look that goes on beside the decoding of the next frames."""
        if self._pending is not None:
            self._pending.result()
            self._pending = None

    def _look(self, time: float, picture: np.ndarray, keyboard: Keyboard) -> None:
        self._looks += 1
        self._end(lambda track: time - track.times[-1] > BRIDGED)
        self._follow(time, picture, keyboard)
        seen = self._in_view()
        if seen != self._seen:
            self._seen, self._last_change = seen, time
        if time - self._last_search >= self._pause(time) - 1e-6:
            self._search(time, picture, keyboard)
            self._last_search = time
        self._keep(time, picture, keyboard)

    def _in_view(self) -> int:
        return sum(not track.lost for track in self._followed)

    def _keep(self, time: float, picture: np.ndarray, keyboard: Keyboard) -> None:
        """Keep the picture for hands that are found later, unless all are found."""
        if self._in_view() >= _PLAYER_HANDS or picture.nbytes > _MOST_KEPT:
            self._kept.clear()
            return
        self._kept.append((time, picture, keyboard))
        while time - self._kept[0][0] > _BACK or len(self._kept) * picture.nbytes > _MOST_KEPT:
            self._kept.popleft()

    def watch(self, frames: Iterable[Frame], keyboard: Keyboard | Sequence[View]) -> Iterator[Sight]:
        """As ``scenes.watch``, looking for hands on the way, in colour."""
        shown: list[Frame] = []

        def remembered() -> Iterator[Frame]:
            for frame in frames:
                shown[:] = [frame]
                yield frame

        for sight in watch(remembered(), keyboard):
            picture = shown[0].in_colour() if sight.strip is not None and self.wants(sight.time) else None
            self(sight.time, picture, None if sight.strip is None else sight.keyboard, sight.view)
            yield sight

    def _pause(self, time: float) -> float:
        """Seconds between searches: none while hands come and go, long while nobody is missing."""
        if self._seen >= _PLAYER_HANDS:
            return _RARELY
        return 0.0 if time - self._last_change < _SOON else _OFTEN

    def finish(self, times: np.ndarray | None = None) -> Hands:
        """The hands at all times shown (or at ``times (T,)`` seconds), once the video has ended."""
        self._settle()
        self._end_all()
        shortest = min(_SHORTEST, self._looks)
        tracks = [track for track in self._ended if len(track.times) >= shortest]
        return players_hands(tracks, np.array(self._times) if times is None else times, every=self._every)

    def _end_all(self) -> None:
        for track in self._followed:
            track.rest_until(self._last_look)
        self._end(lambda track: True)

    def _end(self, over: Callable[[Track], bool]) -> None:
        self._ended += [track for track in self._followed if over(track)]
        self._followed = [track for track in self._followed if not over(track)]

    def _follow(self, time: float, picture: np.ndarray, keyboard: Keyboard) -> None:
        """Look where the followed hands were last; of two that became one, the one that jumped there has it not."""
        seen: list[tuple[float, Track, np.ndarray, HandShape]] = []
        resting = [track for track in self._followed if track.rests(time)]
        for track in self._followed:
            if track in resting:
                continue
            track.lost = True  # until it is found
            square = square_of_hand(track.points[-1])
            points, shape = self._shape(picture, square)
            if shape.presence < _PRESENT:  # it leaps: on along its way, and in a wider square
                points, shape = self._shape(picture, widened(_moved(square, track, time)))
            if shape.presence >= _PRESENT:
                moved = _distance(points, track.points[-1]) / track.size
                seen.append((moved, track, points, shape))
        taken = [track.points[-1] for track in resting]
        for _, track, points, shape in sorted(seen, key=lambda look: look[0]):
            if not any(_same(points, other, _size(track, keyboard)) for other in taken):
                taken.append(points)
                track.add(time, points, shape, keyboard)

    def _search(self, time: float, picture: np.ndarray, keyboard: Keyboard) -> None:
        """Look for palms: everywhere at first; then where hands were lost and, in turn, a window at a time."""
        lost = [track for track in self._followed if track.lost]
        lost += [track for track in self._ended[-_PLAYER_HANDS:] if time - track.times[-1] < _SOON]
        if self._searches == 0:
            windows = [*search_windows(keyboard, WIDE), *search_windows(keyboard, NARROW)]
            chosen = [(window, turned) for turned in (False, True) for window in windows]
        elif lost and self._searches % 2:
            width = NARROW if self._searches % 4 == 1 else WIDE
            way = self._way(self._searches // 4)
            chosen = [(window_around(keyboard, track.points[-1][9], width), way) for track in lost[:_PLAYER_HANDS]]
        else:
            chosen = [self._next_window(keyboard)]
        self._searches += 1
        for window, turned in chosen:
            if len(self._followed) < _MOST_HANDS:
                self._look_in(time, picture, keyboard, turned_round(window) if turned else window, turned)

    def _next_window(self, keyboard: Keyboard) -> tuple[np.ndarray, bool]:
        """Wide and narrow windows in turn, each along the keyboard; and whether to turn it round."""
        self._turn += 1
        number, narrow = divmod(self._turn, 2)
        windows = search_windows(keyboard, NARROW if narrow else WIDE)
        return windows[number % len(windows)], self._way(number // len(windows))

    def _way(self, number: int) -> bool:
        """Turned round or not: two times of three the way in which more hands were found."""
        better = self._found[True] > self._found[False]
        return better if number % 3 else not better

    def _look_in(self, time: float, picture: np.ndarray, keyboard: Keyboard, window: np.ndarray, turned: bool) -> None:
        """Begin to follow the hands in a window that are not followed yet."""
        palms = self._model.palms(crop(picture, window, PALM_SIZE))
        for points, box in zip(palms.points, palms.boxes, strict=True):
            square = window @ square_of_palm(points, box)
            middle = (square @ [0.5, 0.5, 1])[:2]
            if any(_holds(track, middle) for track in self._followed):
                continue
            first, shape = self._shape(picture, square)
            if shape.presence < _FOUND:
                continue
            found, shape = self._shape(picture, square_of_hand(first))
            known = [track for track in self._followed if _same(found, track.points[-1], _size(track, keyboard))]
            lost = [track for track in known if track.lost]
            if shape.presence < _FOUND or len(known) > len(lost):
                continue
            self._found[turned] += 1
            track = lost[0] if lost else Track()
            track.add(time, found, shape, keyboard)
            if not lost:
                track.precede(self._look_back(track, keyboard))
                self._followed.append(track)

    def _look_back(self, found: Track, keyboard: Keyboard) -> Track:
        """Where a hand just found was before, newest first, as far as it can be followed and is no other hand."""
        earlier, place, size = Track(), found.points[0], _size(found, keyboard)
        for time, picture, there in reversed(self._kept):
            points, shape = self._shape(picture, square_of_hand(place))
            others = (track.at(time) for track in [*self._followed, *self._ended])
            if shape.presence < _PRESENT or any(o is not None and _same(points, o, size) for o in others):
                break
            earlier.add(time, points, shape, there)
            place = points
        return earlier

    def _shape(self, picture: np.ndarray, square: np.ndarray) -> tuple[np.ndarray, HandShape]:
        """Landmarks ``(21, 2)`` in pixels of the hand in a square (its homogeneous matrix ``(3, 3)``)."""
        shape = self._model.hand(crop(picture, square, HAND_SIZE))
        return shape.points @ square[:2, :2].T + square[:2, 2], shape


def find_hands(
    video: str | os.PathLike[str],
    keyboard: Keyboard | Sequence[View],
    *,
    start: float = 0.0,
    end: float | None = None,
    model: HandModel | None = None,
) -> Hands:
    """The hands in a video from ``start`` to ``end`` (seconds), at the times of its pictures.

    ``keyboard``: as for ``transcribe``. Raises HandModelError where the networks are missing, and VideoError.
    """
    watcher = HandWatcher(model or HandModel())
    for _ in watcher.watch(read_frames(video, start=start, end=end, colour=False), keyboard):
        pass
    return watcher.finish()


# ---- one look at a hand ----------------------------------------------------------------------------------------------


def _side(points: np.ndarray, right: float, keyboard: Keyboard) -> float:
    """-1 the player's left hand … 1 the right: what the network says, and on which side of the back of the hand the
    index finger lies (palms are down)."""
    index, little = points[5] - points[0], points[17] - points[0]
    turn = float(index[0] * little[1] - index[1] * little[0]) / max(float(np.hypot(*index) * np.hypot(*little)), 1e-9)
    side = ((2 * right - 1) + float(np.clip(4 * turn, -1, 1))) / 2
    return -side if _is_mirrored(keyboard) else side


def _is_mirrored(keyboard: Keyboard) -> bool:
    along, across = keyboard.corners[1] - keyboard.corners[0], keyboard.corners[3] - keyboard.corners[0]
    return bool(along[0] * across[1] - along[1] * across[0] < 0)


def _over_keys(tips: np.ndarray, keyboard: Keyboard) -> bool:
    left, right = key_edges(keyboard.lowest_pitch)[0], key_edges(keyboard.highest_pitch)[1]
    inside = (tips[:, 0] > left - _BESIDE_KEYS) & (tips[:, 0] < right + _BESIDE_KEYS)
    return bool(np.any(inside & (tips[:, 1] > _OVER_KEYS[0]) & (tips[:, 1] < _OVER_KEYS[1])))


def _from_player(points: np.ndarray, keyboard: Keyboard) -> bool:
    """Whether the wrist lies nearer to the player than the knuckles."""
    back, front = (keyboard.corners[:2].mean(axis=0), keyboard.corners[2:].mean(axis=0))
    return bool((points[0] - points[list(_KNUCKLES)].mean(axis=0)) @ (front - back) > 0)


def _distance(points: np.ndarray, others: np.ndarray) -> float:
    return float(np.linalg.norm(points - others, axis=1).mean())


def _same(points: np.ndarray, others: np.ndarray, size: float) -> bool:
    """Whether landmarks are of one hand of that size; seen the wrong way round, only their middles agree."""
    middles = float(np.hypot(*(points.mean(axis=0) - others.mean(axis=0))))
    return _distance(points, others) < _SAME_HAND * size or middles < _SAME_PLACE * size


def _size(track: Track, keyboard: Keyboard) -> float:
    """A hand's length in pixels: as seen, but no less than on these keys; one cut off by the picture looks small."""
    left, right = key_edges(keyboard.lowest_pitch)[0], key_edges(keyboard.highest_pitch)[1]
    key = float(np.hypot(*(keyboard.corners[1] - keyboard.corners[0]))) / (right - left)
    return max(track.size, _HAND_LENGTH * key)


def _holds(track: Track, place: np.ndarray) -> bool:
    """Whether a place is within a hand as it was last seen."""
    return bool(np.hypot(*(track.points[-1][[0, 9]].mean(axis=0) - place)) < 0.5 * track.size)


def _moved(square: np.ndarray, track: Track, time: float) -> np.ndarray:
    """The square where the hand is at ``time`` if it goes on as in its last two looks."""
    result = square.copy()
    if len(track.times) > 1:
        way = (track.points[-1] - track.points[-2]).mean(axis=0)
        result[:2, 2] += way * min(2.0, (time - track.times[-1]) / (track.times[-1] - track.times[-2]))
    return result


# ---- from hands followed to the players' hands -----------------------------------------------------------------------


def players_hands(tracks: Sequence[Track], times: np.ndarray, *, every: float = _EVERY) -> Hands:
    """The players' hands at ``times (T,)`` seconds, from all hands that were followed; looked at ``every`` seconds."""
    return _fill(_slots([track for track in tracks if _plays(track)]), times, every)


def _plays(track: Track) -> bool:
    """Whether a hand is a player's: tips over the keys and wrist on the player's side, often or for long."""
    share = float(np.mean(track.playing))
    return share >= _PLAYING or share * (track.times[-1] - track.times[0]) >= _LONG_ENOUGH


def _slots(tracks: Sequence[Track]) -> list[tuple[int, list[Track]]]:
    """Tracks of the same hand together, in order: (side, tracks). Longest first, each goes to the hand of its side
    that is not seen meanwhile. If there is none, it may be the other hand, if it is not sure of its side; or else a
    second player's, if it is seen long enough."""
    slots: list[tuple[int, list[Track]]] = [(LEFT, []), (RIGHT, [])]
    for track in sorted(tracks, key=lambda one: -len(one.times)):
        side = RIGHT if track.side > 0 else LEFT
        free = [slot for slot in slots if _is_free(slot[1], track)]
        same = [slot for slot in free if slot[0] == side]
        if same:
            min(same, key=lambda slot: _apart(slot[1], track))[1].append(track)
        elif free and abs(track.side) < 0.5:
            free[0][1].append(track)
        elif len(slots) < _MOST_HANDS and track.times[-1] - track.times[0] >= _INTRUDER:
            slots.append((side, [track]))
    for _, parts in slots:
        parts.sort(key=lambda one: one.times[0])
    return sorted((slot for slot in slots if slot[1]), key=lambda slot: slot[0])


def _apart(parts: Sequence[Track], track: Track) -> float:
    """White-key widths between where a hand usually is and where ``track`` is; 0 for a hand not seen yet."""
    if not parts:
        return 0.0
    usual = np.concatenate([part.tips for part in parts])[..., 0].mean()
    return abs(float(usual - np.array(track.tips)[..., 0].mean()))


def _is_free(parts: Sequence[Track], track: Track) -> bool:
    """Whether a hand is not seen while ``track`` lasts, but for a moment in which one takes over from the other."""
    return all(part.times[-1] - track.times[0] < BRIDGED or track.times[-1] - part.times[0] < BRIDGED for part in parts)


def _fill(slots: Sequence[tuple[int, list[Track]]], times: np.ndarray, every: float) -> Hands:
    """Smoothed places at all ``times``."""
    hands = len(slots)
    points = np.full((len(times), hands, LANDMARKS, 2), np.nan, np.float32)
    tips = np.full((len(times), hands, len(TIPS), 2), np.nan, np.float32)
    score = np.zeros((len(times), hands), np.float32)
    for hand, (_, parts) in enumerate(slots):
        looked = np.concatenate([part.times for part in parts])
        rising = np.flatnonzero(looked > np.maximum.accumulate(np.concatenate([[-np.inf], looked[:-1]])))
        looked = looked[rising]
        places = np.concatenate([np.concatenate([part.points, part.tips], axis=1) for part in parts])[rising]
        scores = np.concatenate([part.scores for part in parts])[rising]
        for first, last in _runs(looked, BRIDGED + every):
            run = slice(first, last + 1)
            here = (times >= looked[first] - 1e-6) & (times <= looked[last] + every)
            smooth = _smoothed(times[here], _at(times[here], looked[run], places[run]))
            points[here, hand], tips[here, hand] = smooth[:, :LANDMARKS], smooth[:, LANDMARKS:]
            score[here, hand] = np.interp(times[here], looked[run], scores[run])
    return Hands(times, points, tips, np.array([side for side, _ in slots], np.int8), score)


def _runs(looked: np.ndarray, longest: float) -> list[tuple[int, int]]:
    """First and last index of each stretch of looks without a gap longer than ``longest`` seconds."""
    breaks = np.flatnonzero(np.diff(looked) > longest)
    return list(zip([0, *(breaks + 1).tolist()], [*breaks.tolist(), len(looked) - 1], strict=True))


def _smoothed(times: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Places ``(n, points, 2)`` at ``times (n,)`` smoothed by parabolas (Savitzky & Golay 1964)."""
    from scipy.signal import savgol_filter  # here, as it takes a second

    if len(times) < 5:
        return places
    frames = 2 * round(_SMOOTH / frame_distance(times) / 2 - 0.5) + 1
    if frames < 5 or frames > len(times):
        return places
    return np.asarray(savgol_filter(places, frames, 2, axis=0))


def _at(times: np.ndarray, looked: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Places at ``times``, on straight lines between looks; beyond the last one as there."""
    after = np.searchsorted(looked, times).clip(1, max(1, len(looked) - 1))
    if len(looked) == 1:
        return np.repeat(places, len(times), axis=0)
    before = after - 1
    part = ((times - looked[before]) / (looked[after] - looked[before])).clip(0, 1)[:, None, None]
    return places[before] * (1 - part) + places[after] * part
