"""A whole video, read: frames -> strips -> windows -> the activations of 88 keys.

The video is decoded once and read in blocks, so that memory does not grow with its length. The keyboard at rest is
estimated from strips of the last minute, a block ahead of the reading. Each view of the keyboard (after a cut: another
camera) begins a block of its own and has a rest of its own.
"""

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pianoroll import PianoRoll
from pianoroll.keys import KEYS
from video2roll.follow import View
from video2roll.rectify import STRIP_HEIGHT, STRIP_WIDTH, Keyboard
from video2roll.rest import rest_strip
from video2roll.scenes import Sight, watch
from video2roll.video import probe, read_frames

if TYPE_CHECKING:
    from video2roll.hand_model import HandModel
    from video2roll.hands import HandWatcher
    from video2roll.infer import Network

BLOCK = 60.0  # seconds read at once: hands move on in that time, and the rest is seen...
BLOCK_FRAMES = 2400  # ...but no more frames than that, of 65 kB each: at 60 a second, 40 s
REST_STEP = 0.4  # seconds between the strips that the rest is estimated from
REST_STRIPS = 120  # of them at most: the last 48 s
DECODING, NETWORK = 0.6, 0.32  # of the time that reading takes; looking for falling notes has the rest
TOLD = 0.002  # of the video: so much more is told at a time
FLASH = 0.2  # seconds without a keyboard that a key is held over: a flash, a broken frame


@dataclass
class _Block:
    """Strips of one view with their times; the first ``done`` of them are only context, as the block before has read
    them. Frames that do not show the keyboard are not ``seen`` and repeat the strip before."""

    view: int
    keyboard: Keyboard
    times: list[float] = field(default_factory=list)
    strips: list[np.ndarray] = field(default_factory=list)
    seen: list[bool] = field(default_factory=list)
    corners: list[np.ndarray] = field(default_factory=list)
    done: int = 0

    def add(self, sight: Sight) -> None:
        blank = self.strips[-1] if self.strips else np.zeros((STRIP_HEIGHT, STRIP_WIDTH), np.uint8)
        self.times.append(sight.time)
        self.strips.append(blank if sight.strip is None else sight.strip)
        self.seen.append(sight.strip is not None)
        self.corners.append(sight.keyboard.corners.astype(np.float32))

    def rest(self, first: int) -> "_Block":
        """The part from frame ``first`` on."""
        parts = (self.times[first:], self.strips[first:], self.seen[first:], self.corners[first:])
        return _Block(self.view, self.keyboard, *parts)


def transcribe(
    video: str | os.PathLike[str],
    *,
    keyboard: Keyboard | Sequence[View],
    model: str | os.PathLike[str] | None = None,
    start: float = 0.0,
    end: float | None = None,
    hands: bool = True,
    landmarks: bool = False,
    falling_notes: bool = True,
    progress: Callable[[float], None] | None = None,
    warnings: list[str] | None = None,
) -> PianoRoll:
    """Read the keys of ``keyboard`` in a video from ``start`` to ``end`` (seconds), and see the hands.

    ``keyboard``: one that stays where it is, or the views that ``find_views`` gives, which are followed. ``model``:
    weights as .safetensors, or a checkpoint of Audeo's as .pth; those that ship with the program unless given.
    ``hands``: look for hands, where the networks for that were fetched; ``landmarks``: keep all of each hand, not only
    its fingertips. ``falling_notes``: where bars fall onto the keys that say what these do, read the bars. ``progress``
    is told the part done, 0..1;
    sentences about what was lost are appended to ``warnings``. Raises VideoError and ModelError.
    """
    from video2roll.infer import read_strips, window_reach  # PyTorch, which takes seconds
    from video2roll.model import DEFAULT_WEIGHTS

    warnings = warnings if warnings is not None else []
    weights = DEFAULT_WEIGHTS if model is None else Path(model)
    network, facts = _network(weights)
    length = ((end if end is not None else probe(video).duration) or 0.0) - start
    times: list[float] = []
    seen: list[bool] = []
    corners: list[np.ndarray] = []
    scenes: list[dict[str, Any]] = []
    activations: list[np.ndarray] = []
    reach = window_reach(network)
    watcher = _hand_watcher(warnings) if hands else None
    frames = read_frames(video, start=start, end=end, colour=False, warnings=warnings)
    told = _Told(progress, start, length)
    sights = told.seeing(watch(frames, keyboard) if watcher is None else watcher.watch(frames, keyboard))
    rests: dict[int, list[np.ndarray]] = {}
    for block, last in _blocks(sights, reach):
        rest = rests[block.view] = (rests.get(block.view, []) + _spread(block))[-REST_STRIPS:]
        stop = len(block.times) if last else int(np.searchsorted(block.times, block.times[-1] - reach))
        values = np.zeros((stop - block.done, KEYS, 2), dtype=np.float32)
        if rest and any(block.seen):
            still = rest_strip(np.stack(rest), block.keyboard.keys_in_view)
            rows = slice(block.done, stop)
            values = read_strips(network, block.strips, np.array(block.times), still, rows, told.read)
            values[:, ~block.keyboard.keys_in_view] = 0
            values[_long_unseen(block)[block.done : stop]] = 0
        activations.append(values)
        if any(block.seen) and (not scenes or scenes[-1]["view"] != block.view):
            scenes.append(_scene(block))
        times += block.times[block.done : stop]
        seen += block.seen[block.done : stop]
        corners += block.corners[block.done : stop]
    warnings += _unseen_spans(times, seen)
    values = _joined(activations, len(times))
    main = keyboard if isinstance(keyboard, Keyboard) else keyboard[0].keyboard
    seen_hands = watcher.finish(np.array(times)) if watcher is not None else None
    if seen_hands is not None and not len(seen_hands.side):
        seen_hands = None
    roll = PianoRoll(
        times=np.array(times),
        frame=values[..., 0],
        onset=values[..., 1],
        threshold=float(facts.get("threshold", 0.5)),
        onset_threshold=float(facts.get("onset_threshold", 0.5)),
        fingertips=seen_hands.tips if seen_hands is not None else None,
        sides=seen_hands.side if seen_hands is not None else None,
        hands=seen_hands.points if seen_hands is not None and landmarks else None,
        corners=np.where(np.array(seen)[:, None, None], np.array(corners).reshape(-1, 4, 2), np.float32(np.nan)),
        metadata={
            "source": Path(video).name,
            "corners": np.round(main.corners, 2).tolist(),
            "lowest_pitch": main.lowest_pitch,
            "highest_pitch": main.highest_pitch,
            "scenes": scenes,
            "model": weights.stem,
            "model_facts": facts,
            "warnings": list(warnings),
        },
    )
    if falling_notes:
        roll = _with_bars(roll, video, main, start, end, warnings, told)
    if progress is not None:
        progress(1.0)
    return roll


def _with_bars(
    roll: PianoRoll,
    video: str | os.PathLike[str],
    keyboard: Keyboard,
    start: float,
    end: float | None,
    warnings: list[str],
    told: "_Told",
) -> PianoRoll:
    """The roll with what falling notes say, and a sentence about it in ``warnings``, where there are any."""
    from video2roll.falling_notes import put_into, read_falling_notes  # SciPy's statistics, which take seconds

    falling = read_falling_notes(video, keyboard, start=start, end=end, progress=told.bars)
    exact = put_into(roll, falling) if falling is not None else None
    if exact is None:
        return roll
    warnings.append("The notes were read from the bars that fall onto the keys; --falling-notes ignore reads the keys.")
    exact.metadata["warnings"] = list(warnings)
    return exact


def _joined(parts: list[np.ndarray], count: int) -> np.ndarray:
    """The ``parts`` one after another, ``(count, 88, 2)``; each is let go once it is copied."""
    values = np.zeros((count, KEYS, 2), dtype=np.float32)
    at = 0
    while parts:
        part = parts.pop(0)
        values[at : at + len(part)] = part
        at += len(part)
    return values


_loaded = threading.local()  # networks by file and its age; a thread's own, as they are not for two at once


def _network(weights: Path) -> "tuple[Network, dict[str, Any]]":
    """As ``load_network``, which takes its time; the last one is kept, as many videos are read with the same."""
    from video2roll.infer import load_network

    try:
        age = weights.stat().st_mtime_ns
    except OSError:
        age = -1  # loading it will say what is wrong
    if getattr(_loaded, "key", None) != (weights, age):
        _loaded.network = load_network(weights)
        _loaded.key = (weights, age)
    network, facts = _loaded.network
    return network, dict(facts)


@cache
def _hand_model(folder: Path) -> "HandModel":
    from video2roll.hand_model import HandModel

    return HandModel(folder)


def _hand_watcher(warnings: list[str]) -> "HandWatcher | None":
    """None, and a sentence in ``warnings``, where the networks that see hands are not there."""
    from video2roll import hand_model
    from video2roll.hands import HandWatcher

    try:
        return HandWatcher(_hand_model(hand_model.cache_folder()))
    except hand_model.HandModelError as error:
        warnings.append(f"Hands and fingering are left out: {error}")
        return None


def _scene(block: _Block) -> dict[str, Any]:
    """From when on which view is seen, and where its keyboard is then."""
    keyboard = block.keyboard
    return {
        "start": round(block.times[block.seen.index(True)], 3),
        "view": block.view,
        "corners": np.round(keyboard.corners, 2).tolist(),
        "lowest_pitch": keyboard.lowest_pitch,
        "highest_pitch": keyboard.highest_pitch,
    }


def _blocks(sights: Iterator[Sight], reach: float) -> Iterator[tuple[_Block, bool]]:
    """Strips in blocks that overlap by the reach of a window; and whether no more frames of its view follow."""
    block: _Block | None = None
    for sight in sights:
        if block is None:
            block = _Block(sight.view, sight.keyboard)
        elif sight.view != block.view:
            yield block, True
            block = _Block(sight.view, sight.keyboard)
        elif block.times[-1] - block.times[block.done] >= BLOCK or len(block.times) - block.done >= BLOCK_FRAMES:
            yield block, False
            first = int(np.searchsorted(block.times, block.times[-1] - 2 * reach))
            unread = int(np.searchsorted(block.times, block.times[-1] - reach))
            block = block.rest(first)
            block.done = unread - first
        block.add(sight)
    if block is not None:
        yield block, True


def _spread(block: _Block) -> list[np.ndarray]:
    """Strips of the block REST_STEP apart, where the keyboard is seen; all of them where it is short."""
    seen = np.flatnonzero(block.seen)
    if not len(seen):
        return []
    times = np.array(block.times)[seen]
    step = min(REST_STEP, (times[-1] - times[0]) / 40) if len(times) > 1 else REST_STEP
    wanted = np.arange(times[0], times[-1] + 1e-6, max(step, 1e-3))
    return [block.strips[seen[i]] for i in np.unique(np.searchsorted(times, wanted).clip(0, len(times) - 1))]


def _long_unseen(block: _Block) -> np.ndarray:
    """Bool ``(n,)``: frames in a stretch without the keyboard that is longer than a flash or a broken frame."""
    result = np.zeros(len(block.seen), dtype=bool)
    for first, last in _stretches(block.seen):
        result[first : last + 1] = block.times[last] - block.times[first] > FLASH
    return result


def _unseen_spans(times: list[float], seen: list[bool]) -> list[str]:
    """A sentence that says where the keyboard was out of view for a second or longer."""
    spans = [(times[a], times[b]) for a, b in _stretches(seen) if times[b] - times[a] >= 1]
    if not spans:
        return []
    told = ", ".join(f"{a:.1f} to {b:.1f} s" for a, b in spans[:5]) + (" and later" if len(spans) > 5 else "")
    return [f"The keyboard is not in view from {told}; nothing was read there."]


def _stretches(seen: list[bool]) -> list[tuple[int, int]]:
    """First and last index of each run of frames that are not seen."""
    edges = np.diff(np.concatenate([[1], np.array(seen, dtype=int), [1]]))
    return list(zip(np.flatnonzero(edges < 0).tolist(), (np.flatnonzero(edges > 0) - 1).tolist(), strict=True))


class _Told:
    """Tells ``progress`` the part done of a video of ``length`` seconds, of which more is seen than is read as yet."""

    def __init__(self, progress: Callable[[float], None] | None, start: float, length: float) -> None:
        self._progress = progress if length > 0 else None
        self._start, self._length = start, length
        self._seen = self._read = start
        self._bars = self._last = 0.0

    def seeing(self, sights: Iterator[Sight]) -> Iterator[Sight]:
        """The sights, told of as they go by."""
        for sight in sights:
            self._seen = sight.time
            self._tell()
            yield sight

    def read(self, now: float) -> None:
        """The second up to which the video is read."""
        self._read = now
        self._tell()

    def bars(self, part: float) -> None:
        """The part of the video in which falling notes were read."""
        self._seen = self._read = self._start + self._length
        self._bars = part
        self._tell()

    def _tell(self) -> None:
        seen, read = (min(1.0, max(0.0, (t - self._start) / self._length)) for t in (self._seen, self._read))
        part = DECODING * seen + NETWORK * read + (1 - DECODING - NETWORK) * self._bars
        if self._progress is not None and part - self._last >= TOLD:
            self._last = part
            self._progress(part)
