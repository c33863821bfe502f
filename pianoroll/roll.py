"""``PianoRoll``: what is seen of the keys over time, and its file."""

import json
import os
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from pianoroll.errors import FileError
from pianoroll.files import write_beside
from pianoroll.keys import KEYS
from pianoroll.notes import Note


@dataclass
class PianoRoll:
    """Activations of the 88 keys at the video's own times; column 0 is A0.

    ``times (T,)`` seconds, rising, not necessarily evenly spaced. ``frame (T, 88)`` and ``onset (T, 88)``: float32 in
    0..1, the key is down, and the key went down here. ``velocity (T, 88)`` in 0..1 or None.
    ``threshold``: the decision threshold of ``frame``; ``onset_threshold``: that of ``onset``.
    ``fingertips (T, hands, 5, 2)``: along and across in keyboard coordinates, NaN where unseen, or None;
    ``sides (hands,)``: 1 left, 2 right (the player's), or None.
    ``hands (T, hands, 21, 2)``: the same hands' landmarks (wrist, then each finger from palm to tip, thumb first),
    pixels of the picture, NaN where unseen, or None.
    ``corners (T, 4, 2)``: of the keyboard in the picture, pixels, NaN where it is out of view, or None.
    ``metadata``: source, keyboard, model, version, warnings.
    """

    times: np.ndarray
    frame: np.ndarray
    onset: np.ndarray
    threshold: float = 0.5
    onset_threshold: float = 0.5
    velocity: np.ndarray | None = None
    fingertips: np.ndarray | None = None
    sides: np.ndarray | None = None
    hands: np.ndarray | None = None
    corners: np.ndarray | None = None
    metadata: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.times = np.asarray(self.times, dtype=np.float64)
        self.frame = np.asarray(self.frame, dtype=np.float32)
        self.onset = np.asarray(self.onset, dtype=np.float32)
        shape = (len(self.times), KEYS)
        if self.times.ndim != 1 or self.frame.shape != shape or self.onset.shape != shape:
            raise ValueError(f"a roll of {len(self.times)} times needs frame and onset of shape {shape}")
        if np.any(np.diff(self.times) <= 0):
            raise ValueError("the times of a roll must rise")

    def __len__(self) -> int:
        return len(self.times)

    @property
    def end(self) -> float:
        """Seconds at which the last frame ends: its time plus the usual frame distance."""
        if len(self.times) == 0:
            return 0.0
        return float(self.times[-1] + frame_distance(self.times))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write one compressed ``.npz``. Raises FileError where that cannot be done."""
        arrays: dict[str, Any] = {
            "times": self.times,
            "frame": self.frame,
            "onset": self.onset,
            "threshold": np.float32(self.threshold),
            "onset_threshold": np.float32(self.onset_threshold),
            "metadata": np.array(json.dumps(self.metadata)),
        }
        for name in ("velocity", "fingertips", "sides", "hands", "corners"):
            if getattr(self, name) is not None:
                arrays[name] = getattr(self, name)
        with write_beside(path) as temporary, open(temporary, "wb") as file:
            np.savez_compressed(file, **arrays)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "PianoRoll":
        """Read a roll written by ``save``. Raises FileError where the file is none."""
        if not Path(path).is_file():
            raise FileError(f"{path} does not exist; give a piano roll (.npz) made by “silentkeys roll”.")
        try:
            with np.load(path, allow_pickle=False) as file:
                data = {name: file[name] for name in file.files}
            return cls(
                times=data["times"],
                frame=data["frame"],
                onset=data["onset"],
                threshold=float(data["threshold"]),
                onset_threshold=float(data.get("onset_threshold", 0.5)),
                velocity=data.get("velocity"),
                fingertips=data.get("fingertips"),
                sides=data.get("sides"),
                hands=data.get("hands"),
                corners=data.get("corners"),
                metadata=json.loads(str(data["metadata"])) if "metadata" in data else {},
            )
        except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
            raise FileError(f"{path} is no piano roll (.npz) of silentkeys: {error}") from error


def frame_distance(times: np.ndarray) -> float:
    """Usual distance of two frames in seconds: the median; 0.04 where there is but one frame."""
    return float(np.median(np.diff(times))) if len(times) > 1 else 0.04


def notes_to_frames(notes: list[Note], times: np.ndarray) -> np.ndarray:
    """Which keys are down at ``times (T,)``: bool ``(T, 88)``. A note is down in onset <= t < offset."""
    down = np.zeros((len(times), KEYS), dtype=bool)
    for note in notes:
        first, last = np.searchsorted(times, [note.onset, note.offset])
        down[first:last, note.key] = True
    return down
