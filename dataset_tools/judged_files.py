"""What is judged: rolls and MIDI files, the pairs of them in two folders, and the videos that they were read from."""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from pianoroll import FileError, Note, PianoRoll, read_midi
from pianoroll.keys import HIGHEST_PITCH, LOWEST_PITCH
from pianoroll.metrics import GRID
from pianoroll.roll import frame_distance, notes_to_frames
from video2roll.rectify import CornersError, Keyboard
from video2roll.video import VIDEO_SUFFIXES

_MIDI_SUFFIXES = (".mid", ".midi")
_QUANTISED = ".quantised"  # such MIDI files hold the score as written, not what was played
_NAMED = 3  # files without a partner that are named


@dataclass
class Performance:
    """A roll or a list of notes, asked alike: which keys are down at these times, and which notes there are."""

    roll: PianoRoll | None = None
    given_notes: Sequence[Note] = ()
    note_model: str | None = None

    @classmethod
    def read(cls, path: Path, note_model: str | None = None) -> "Performance":
        """A roll (.npz) or MIDI (.mid). Raises FileError where the file is neither."""
        if path.suffix.lower() == ".npz":
            return cls(roll=PianoRoll.load(path), note_model=note_model)
        if path.suffix.lower() in _MIDI_SUFFIXES:
            return cls(given_notes=read_midi(path))
        if not path.exists():
            raise FileError(f"{path} does not exist; give a piano roll (.npz) or MIDI (.mid).")
        raise FileError(f"{path} is neither a piano roll (.npz) nor MIDI (.mid).")

    @cached_property
    def notes(self) -> list[Note]:
        """The notes given, or those decoded from the roll."""
        if self.roll is None:
            return list(self.given_notes)
        import roll2midi

        return roll2midi.add_velocities(roll2midi.decode(self.roll, model=self.note_model))

    @property
    def span(self) -> tuple[float, float]:
        """First and last second of which this knows."""
        if self.roll is not None:
            return (float(self.roll.times[0]) if len(self.roll) else 0.0), self.roll.end
        return 0.0, max((note.offset for note in self.given_notes), default=0.0)

    def down(self, times: np.ndarray) -> np.ndarray:
        """Which keys are down at ``times (T,)``: bool ``(T, 88)``; a roll answers with the frame shown at that time."""
        if self.roll is None:
            return notes_to_frames(self.notes, times)
        pressed = self.roll.frame > self.roll.threshold
        index = np.searchsorted(self.roll.times, times, side="right") - 1
        known = (index >= 0) & (times < self.roll.end)
        answer = np.zeros((len(times), pressed.shape[1]), dtype=bool)
        answer[known] = pressed[index[known]]
        return answer


def times_to_compare(roll: PianoRoll | None, first: float, last: float) -> np.ndarray:
    """Times to compare at: the roll's own, carried on evenly to ``first`` and ``last``; without a roll, every 10 ms."""
    if roll is None or len(roll) == 0:
        return np.arange(first, last, GRID)
    step = frame_distance(roll.times)
    before = np.arange(roll.times[0] - step, first - 1e-9, -step)[::-1]
    after = np.arange(roll.end, last - 1e-9, step)
    times = np.concatenate([before, roll.times, after])
    return times[(times >= first) & (times < last)]


@dataclass(frozen=True)
class Pairs:
    """Files to compare: name, predicted, true; and sentences on those without a partner."""

    files: list[tuple[str, Path, Path]]
    warnings: list[str] = field(default_factory=list)


def pair_files(
    predicted: str | os.PathLike[str], truth: str | os.PathLike[str], *, matched_only: bool = False
) -> Pairs:
    """Two files, or those of two folders that bear one name (``NAME.roll.npz`` and ``NAME.mid``).

    Raises FileError where a file is missing, or files of the folders have no partner; ``matched_only`` warns of these.
    """
    found, true = Path(predicted), Path(truth)
    for path in (found, true):
        if not path.exists():
            raise FileError(f"{path} does not exist; give a piano roll (.npz), MIDI (.mid), or a folder of them.")
    if found.is_dir() != true.is_dir():
        raise FileError(f"{found} and {true}: give two files or two folders.")
    if not found.is_dir():
        return Pairs([(_name(found), found, true)])
    predictions, truths = _by_name(found, prefer=".npz"), _by_name(true, prefer=".mid")
    both = sorted(predictions.keys() & truths.keys())
    if not both:
        raise FileError(f"No file in {found} has the name of one in {true} (NAME.roll.npz or NAME.mid).")
    missing = _list(truths[name] for name in sorted(truths.keys() - both))
    extra = _list(predictions[name] for name in sorted(predictions.keys() - both))
    alone = [f"{true}: {missing} no prediction in {found}"] if missing else []
    alone += [f"{found}: {extra} no truth in {true}"] if extra else []
    if alone and not matched_only:
        raise FileError(f"{'; '.join(alone)}; add or remove files, or give --matched-only to leave these out.")
    pairs = [(name, predictions[name], truths[name]) for name in both]
    return Pairs(pairs, [f"{sentence}; left out." for sentence in alone])


def _list(files: Iterable[Path]) -> str:
    """The names of the first few, how many there are, and the verb; nothing where there are none."""
    names = [path.name for path in files]
    if len(names) < 2:
        return f"{names[0]} has" if names else ""
    return f"{len(names)} files ({', '.join(names[:_NAMED])}{', …' if len(names) > _NAMED else ''}) have"


def _by_name(folder: Path, *, prefer: str) -> dict[str, Path]:
    """Rolls and MIDI files of a folder by name; where both exist, the one of the suffix ``prefer``."""
    files = [p for p in sorted(folder.iterdir()) if p.suffix.lower() in (".npz", *_MIDI_SUFFIXES)]
    played = [p for p in files if not p.stem.endswith(_QUANTISED)]
    return {_name(p): p for p in sorted(played, key=lambda p: p.suffix.lower() == prefer)}


def _name(path: Path) -> str:
    return path.stem.removesuffix(".roll")


@dataclass(frozen=True)
class Footage:
    """A video of what was compared. ``keyboard``: None where nobody told where it is. ``corners (T, 4, 2)`` at
    ``times (T,)``: where it is from frame to frame, pixels, NaN where out of view."""

    video: Path
    keyboard: Keyboard | None = None
    times: np.ndarray | None = None
    corners: np.ndarray | None = None

    @classmethod
    def of_roll(cls, video: Path, roll: PianoRoll | None) -> "Footage":
        """A video, and where the roll that was read from it has the keyboard, if it tells that."""
        if roll is None:
            return cls(video)
        keys = (roll.metadata.get("lowest_pitch", LOWEST_PITCH), roll.metadata.get("highest_pitch", HIGHEST_PITCH))
        try:
            keyboard = Keyboard(np.array(roll.metadata["corners"]), *keys)
        except (KeyError, ValueError, CornersError):
            return cls(video)
        return cls(video, keyboard, roll.times, roll.corners)

    def keyboard_at(self, second: float) -> Keyboard | None:
        """Where the keyboard is at a second of the video; None where that is not known, or it is out of view."""
        if self.keyboard is None or self.times is None or self.corners is None or not len(self.times):
            return self.keyboard
        corners = self.corners[int(np.abs(self.times - second).argmin())]
        try:
            return Keyboard(corners, self.keyboard.lowest_pitch, self.keyboard.highest_pitch)
        except CornersError:
            return None


def find_footage(name: str, files: Sequence[Path], roll: PianoRoll | None, videos: Path | None) -> Footage | None:
    """The video of a comparison: that of its name in the folder ``videos``, or the one that the roll says it was read
    from, there or beside one of the ``files``. None where there is none."""
    source = str(roll.metadata.get("source", "")) if roll is not None else ""
    for folder in [videos, *(file.parent for file in files)]:
        if folder is None:
            continue
        named = [folder / Path(source).name] if source else []
        for path in [*named, *(_videos_named(name, folder) if folder == videos else ())]:
            if path.is_file():
                return Footage.of_roll(path, roll)
    return None


def _videos_named(name: str, folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.glob("*")) if path.stem == name and path.suffix.lower() in VIDEO_SUFFIXES)
