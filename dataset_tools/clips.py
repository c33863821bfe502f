"""Labelled clips as every training and evaluation sees them: frames, times, roll, corners.

``read_manifest`` reads the manifests of clavision and of wild; ``load_strips`` turns a clip into strips and labels, and
keeps them in a cache folder, as decoding is what costs.
"""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from dataset_tools.strip_video import StripVideo
from dataset_tools.table import Row, read_table
from pianoroll import FileError, Note, read_midi
from pianoroll.keys import CENTRES, HIGHEST_PITCH, LOWEST_PITCH
from pianoroll.roll import notes_to_frames
from video2roll.follow import View
from video2roll.rectify import STRIP_HEIGHT, STRIP_WIDTH, CornersError, Keyboard, KeyboardError
from video2roll.scenes import find_views, watch
from video2roll.video import read_frames

AGREEMENT = 0.6  # white-key widths: a found keyboard farther from the manifest's names other keys
CORNER_COLUMNS = tuple(
    f"{axis}_{corner}" for corner in ("back_left", "back_right", "front_right", "front_left") for axis in "xy"
)
_COLUMNS = ("clip", "midi", "start", "end", "split", *CORNER_COLUMNS)


@dataclass(frozen=True)
class Clip:
    """A labelled clip: every note between ``start`` and ``end`` (seconds) is known; outside nothing is.

    ``midi`` is None where no note is known. ``keyboard`` is None where the manifest gives no corners; ``views`` are
    what the program found, to be followed where the camera moves. ``exact_ends``: note ends are those of the keys;
    where the labels come from sound, the pedal has lengthened them. ``suspect``: seconds in which the labels do not
    meet the picture, or the keys are out of view.
    """

    name: str
    video: Path
    midi: Path | None
    start: float
    end: float
    split: str
    keyboard: Keyboard | None
    exact_ends: bool
    views: tuple[View, ...] = ()
    suspect: tuple[tuple[float, float], ...] = ()

    def notes(self) -> list[Note]:
        return [] if self.midi is None else read_midi(self.midi)


@dataclass(frozen=True)
class Strips:
    """A clip made ready: ``strips (T, 104, 624)`` gray uint8, in memory or on disk, ``times (T,)`` s, ``down (T, 88)``
    bool, its notes."""

    clip: Clip
    strips: np.ndarray | StripVideo
    times: np.ndarray
    down: np.ndarray
    notes: list[Note]


def read_manifest(path: str | os.PathLike[str], *, split: str | None = None) -> list[Clip]:
    """The clips of a ``manifest.csv`` (of one ``split``, if given). Raises FileError where it is none."""
    rows = read_table(path, _COLUMNS)
    clips = [_clip(row, Path(path).parent) for row in rows]
    return [clip for clip in clips if split is None or clip.split == split]


def find_keyboards(clips: Sequence[Clip]) -> list[Clip]:
    """The clips with the keyboard as the program itself finds it, so that training sees what reading will see.

    Where it is not found, or the manifest names other keys, the corners there stand; clips with neither are left out.
    """
    found = []
    for clip in clips:
        try:
            views = find_views(clip.video)
            seen = views[0].keyboard
            if clip.keyboard is None or _distance(seen, clip.keyboard) < AGREEMENT:
                found.append(replace(clip, keyboard=seen, views=tuple(views)))
                continue
        except KeyboardError:
            pass
        if clip.keyboard is not None:
            found.append(clip)
    return found


def _distance(one: Keyboard, other: Keyboard) -> float:
    """Largest distance along the keyboard between the two places of a key that ``other`` has, in white-key widths."""
    places = np.stack([CENTRES, np.full(len(CENTRES), 0.6)], axis=1)[None]
    seen = cv2.perspectiveTransform(places, np.linalg.inv(other.to_picture) @ one.to_picture)[0, :, 0]
    return float(np.max(np.abs(seen - CENTRES)[other.keys_in_view]))


def load_strips(clip: Clip, cache: str | os.PathLike[str]) -> Strips:
    """Decode and rectify a clip, or take it from ``cache``; its keyboard stays where it is unless it has ``views``."""
    if clip.keyboard is None:
        raise FileError(f"{clip.name}: the manifest gives no corners; find the keyboard first.")
    places = [np.round(view.keyboard.corners, 2).tolist() for view in clip.views]
    key = f"{clip.video.resolve()} {np.round(clip.keyboard.corners, 2).tolist()} {places} {STRIP_WIDTH}x{STRIP_HEIGHT}"
    stem = Path(cache) / (clip.video.stem + "-" + hashlib.sha1(key.encode()).hexdigest()[:12])
    if not stem.with_suffix(".times.npy").exists():
        _decode(clip, clip.keyboard, stem)
    strips = np.load(stem.with_suffix(".strips.npy"), mmap_mode="r")
    times = np.load(stem.with_suffix(".times.npy"))
    notes = clip.notes()
    return Strips(clip, strips, times, notes_to_frames(notes, times), notes)


def _decode(clip: Clip, keyboard: Keyboard, stem: Path) -> None:
    stem.parent.mkdir(parents=True, exist_ok=True)
    strips, times = [np.zeros((STRIP_HEIGHT, STRIP_WIDTH), np.uint8)], []
    for sight in watch(read_frames(clip.video, colour=False), clip.views or keyboard):
        strips.append(strips[-1] if sight.strip is None else sight.strip)
        times.append(sight.time)
    np.save(stem.with_suffix(".strips.npy"), np.stack(strips[1:]))
    np.save(stem.with_suffix(".times.npy"), np.array(times))


def _clip(row: Row, folder: Path) -> Clip:
    return Clip(
        name=row.text("clip"),
        video=folder / row.text("clip"),
        midi=folder / row.text("midi"),
        start=row.real("start"),
        end=row.real("end"),
        split=row.text("split"),
        keyboard=read_corners(row),
        exact_ends="sound" not in row.text("truth"),
    )


def read_corners(row: Row) -> Keyboard | None:
    """The keyboard that a manifest's row names by its corners and outermost pitches, None where it gives none."""
    if not row.text(CORNER_COLUMNS[0]):
        return None
    corners = np.array([row.real(column) for column in CORNER_COLUMNS]).reshape(4, 2)
    lowest = row.whole("lowest_pitch", LOWEST_PITCH)
    highest = row.whole("highest_pitch", HIGHEST_PITCH)
    try:
        return Keyboard(corners, lowest, highest)
    except CornersError as error:
        raise row.error(f"the corners form no quadrilateral: {error}") from error
