"""A data set on disk, as trainings read it: strips of the keys, rolls, notes, and a manifest that says what each is.

::

    SET/manifest.csv       one row a clip (COLUMNS)
    SET/strips/NAME.mp4    the keys, straightened (``strip_video``)
    SET/rolls/NAME.npz     the labels as a ``PianoRoll``: the strips' times, which keys are down, where they went down
    SET/midi/NAME.mid      the labels as notes, in the video's seconds

Nothing is read but what is asked for: strips are decoded where a training looks, rolls are loaded clip by clip. No
player, and no video, stands on both sides of a split (``check_splits``).
"""

import hashlib
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from dataset_tools.clips import CORNER_COLUMNS, Clip, Strips, read_corners
from dataset_tools.strip_video import StripVideo
from dataset_tools.table import Row, read_table, write_table
from pianoroll import FileError, Note, PianoRoll, read_midi
from pianoroll.roll import frame_distance, notes_to_frames
from video2roll.rectify import Keyboard

SPLITS = ("train", "dev", "test")
ENDS = ("key", "sound")
"""What the end of a note means: the key went up, or the sound ended, which the pedal makes later."""
DEV_SHARE = 10  # one group in so many judges, where a source has no splits of its own
_NAMED = ("clip", "source", "sha256", "rights", "player", "piano", "split", "labels", "ends")
_SECONDS = ("start", "end", "fps", "offset")
_FOUND = ("lag", "drift", "agreement", "suspect")
COLUMNS = (*_NAMED, *_SECONDS, "frames", "lowest_pitch", "highest_pitch", *CORNER_COLUMNS, *_FOUND, "note")


@dataclass(frozen=True)
class Entry:
    """A row of the manifest. Seconds are the video's.

    ``source``: the file or address it came from; ``sha256``: of that file. ``player`` and ``piano``: "" where unknown.
    ``labels``: where the notes come from, in a word or two; ``ends``: one of ENDS. Every note between ``start`` and
    ``end`` is known. ``offset``: seconds by which the labels were moved to meet the picture. ``lag``, ``drift``,
    ``agreement``, ``suspect``: what ``data check`` found ("" before): seconds by which the labels are late, seconds
    that this grows by in an hour, F1 of the onsets, and spans ("12.0-19.5 40.0-44.0") in which they do not meet.
    """

    clip: str
    split: str
    start: float
    end: float
    ends: str = "key"
    source: str = ""
    sha256: str = ""
    rights: str = ""
    player: str = ""
    piano: str = ""
    labels: str = ""
    fps: float = 0.0
    frames: int = 0
    offset: float = 0.0
    keyboard: Keyboard | None = None
    lag: str = ""
    drift: str = ""
    agreement: str = ""
    suspect: str = ""
    note: str = ""
    folder: Path = field(default=Path(), compare=False)

    @property
    def strips(self) -> Path:
        return self.folder / "strips" / f"{self.clip}.mp4"

    @property
    def roll(self) -> Path:
        return self.folder / "rolls" / f"{self.clip}.npz"

    @property
    def midi(self) -> Path:
        return self.folder / "midi" / f"{self.clip}.mid"

    @property
    def suspect_spans(self) -> list[tuple[float, float]]:
        """Seconds in which labels and picture do not meet."""
        return [
            (float(first), float(last)) for first, _, last in (part.partition("-") for part in self.suspect.split())
        ]

    def as_row(self) -> dict[str, Any]:
        """For the manifest."""
        row = {name: getattr(self, name) for name in (*_NAMED, "frames", *_FOUND, "note")}
        row |= {
            name: f"{getattr(self, name):.4f}".rstrip("0").rstrip(".") for name in ("start", "end", "fps", "offset")
        }
        if self.keyboard is not None:
            corners = np.round(self.keyboard.corners.ravel(), 2).tolist()
            row |= dict(zip(CORNER_COLUMNS, corners, strict=True))
            row |= {"lowest_pitch": self.keyboard.lowest_pitch, "highest_pitch": self.keyboard.highest_pitch}
        return row

    def load(self) -> Strips:
        """As trainings and evaluations take it; strips stay on disk."""
        roll = PianoRoll.load(self.roll)
        strips = StripVideo(self.strips)
        if len(strips) != len(roll):
            raise FileError(f"{self.strips} and {self.roll} differ in length; import the clip again.")
        notes = read_midi(self.midi)
        return Strips(self._as_clip(), strips, roll.times, roll.frame > 0.5, notes)

    def _as_clip(self) -> Clip:
        return Clip(
            name=self.clip,
            video=self.strips,
            midi=self.midi,
            start=self.start,
            end=self.end,
            split=self.split,
            keyboard=self.keyboard,
            exact_ends=self.ends == "key",
            suspect=tuple(self.suspect_spans),
        )


# ---- the manifest ----------------------------------------------------------------------------------------------------


def read_set(folder: str | os.PathLike[str], *, split: str | None = None) -> list[Entry]:
    """The clips of a data set (of one ``split``). Raises FileError where the manifest is none, or a row is wrong."""
    rows = read_table(Path(folder) / "manifest.csv", COLUMNS)
    entries = [entry_of(row, Path(folder)) for row in rows]
    return [entry for entry in entries if split is None or entry.split == split]


def entry_of(row: Row, folder: Path) -> Entry:
    """What a row of the manifest says. Raises FileError."""
    if not row.text("clip") or ".." in Path(row.text("clip")).parts or Path(row.text("clip")).is_absolute():
        raise row.error(f"“clip” is “{row.text('clip')}”, which names no file in the set")
    values: dict[str, Any] = {name: row.text(name) for name in (*_NAMED, *_FOUND, "note")}
    values["split"], values["ends"] = row.text("split", SPLITS), row.text("ends", ENDS)
    values |= {name: row.real(name) for name in _SECONDS}
    entry = Entry(**values, frames=row.whole("frames"), keyboard=read_corners(row), folder=folder)
    try:
        _ = entry.suspect_spans
    except ValueError:
        raise row.error(f"“suspect” is “{entry.suspect}”; write spans of seconds, such as 12.0-19.5") from None
    return entry


def write_set(folder: str | os.PathLike[str], entries: Iterable[Entry]) -> None:
    """Write the manifest, sorted by name. Raises FileError where a split is broken, or the file cannot be written."""
    ordered = sorted(entries, key=lambda entry: entry.clip)
    check_splits(ordered)
    write_table(Path(folder) / "manifest.csv", COLUMNS, [entry.as_row() for entry in ordered])


class Filmed(Protocol):
    """What a split is broken by."""

    @property
    def clip(self) -> str: ...
    @property
    def split(self) -> str: ...
    @property
    def source(self) -> str: ...
    @property
    def player(self) -> str: ...
    @property
    def piano(self) -> str: ...


def check_splits(entries: Sequence[Filmed]) -> None:
    """Raises FileError where one video or one player stands in two splits, or one piano of which the player is not
    known."""
    seen: dict[str, Filmed] = {}
    for entry in entries:
        groups = [f"video {entry.source}"] if entry.source else []
        if entry.player:
            groups.append(f"player {entry.player}")
        elif entry.piano:
            groups.append(f"piano {entry.piano}")
        for group in groups:
            other = seen.setdefault(group, entry)
            if other.split != entry.split:
                raise FileError(
                    f"The {group} is in two splits, {other.split} ({other.clip}) and {entry.split} ({entry.clip}): "
                    "what was seen in training must not judge; give both the same split."
                )


def choose_split(group: str) -> str:
    """ "dev" for one group of videos (a player's, or a piano's) in DEV_SHARE, else "train"; always the same one."""
    return "dev" if int(hashlib.sha1(group.encode()).hexdigest(), 16) % DEV_SHARE == 0 else "train"


# ---- labels ----------------------------------------------------------------------------------------------------------


def label_roll(notes: Sequence[Note], times: np.ndarray, metadata: dict[str, Any] | None = None) -> PianoRoll:
    """The labels at the strips' ``times (T,)``: keys down; onsets, and velocity / 127, at the nearest frame."""
    down = notes_to_frames(list(notes), times).astype(np.float32)
    onset, velocity = np.zeros_like(down), np.zeros_like(down)
    reach = frame_distance(times)
    for note in notes:
        if len(times) and times[0] - reach < note.onset < times[-1] + reach:
            nearest = int(np.abs(times - note.onset).argmin())
            onset[nearest, note.key] = 1.0
            velocity[nearest, note.key] = note.velocity / 127
    return PianoRoll(times, down, onset, velocity=velocity, metadata=metadata or {})
