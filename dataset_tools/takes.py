"""Other people's data sets as ``Take``s: which video, which labels, who played, and which split.

Kinds: ``manifest`` (a folder with a manifest.csv of clips, as ``data render`` writes it), ``clavision`` (Akbari, Liang
& Cheng 2018; the same, with pianists), ``audeo`` (Su et al. 2020: pictures ``frameN.jpg`` in a folder a video, labels
as pickles or as ``.npz`` chunks), ``pianoyt`` (Koepke et al. 2020: a table, MIDI, and videos got with ``data
download``), ``omaps2``, ``pianovam`` (Kim et al. 2025: MIDI or tables of notes, metadata.json), and ``pairs``: any
folder in which videos and labels have the same names.
"""

import json
import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from dataset_tools.clips import read_manifest
from dataset_tools.download import read_list
from dataset_tools.foreign_pickle import read_arrays
from dataset_tools.strip_set import SPLITS, choose_split
from dataset_tools.table import Row, read_table
from pianoroll import FileError, Note, read_midi
from pianoroll.keys import HIGHEST_PITCH, KEYS, LOWEST_PITCH
from video2roll.rectify import CornersError, Keyboard
from video2roll.video import VIDEO_SUFFIXES

MIDI = (".mid", ".midi")
TABLES = (".csv", ".tsv", ".txt")
AUDEO_RATE = 25.0  # frames a second of Audeo's pictures and labels
_SPLIT_NAMES = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("dev", "valid", "validation", "val"), "dev"),
    **dict.fromkeys(("test", "testing"), "test"),
    "ext-train": "train",
}
_SECONDS = re.compile(r"-?\d+(\.\d+)?([eE][-+]?\d+)?")


@dataclass(frozen=True)
class Take:
    """A filmed performance and its labels.

    ``video``: a file, or Audeo's folder of pictures. ``labels``: MIDI, a table of notes, a pickle, or a folder of
    ``.npz`` chunks; None where there are none. ``kind``: where they come from. ``ends``: see ``strip_set.ENDS``.
    ``start``, ``end``: labelled seconds, None for as far as video and labels go. ``crop``: box (left, top, right,
    bottom) in which the keyboard lies, pixels.
    """

    clip: str
    video: Path
    labels: Path
    kind: str
    ends: str
    split: str = ""
    source: str = ""
    rights: str = ""
    player: str = ""
    piano: str = ""
    start: float | None = None
    end: float | None = None
    keyboard: Keyboard | None = None
    crop: tuple[float, float, float, float] | None = None

    def notes(self) -> list[Note]:
        """The labels. Raises FileError."""
        if self.labels.is_dir() or self.labels.suffix.lower() in (".pkl", ".pickle"):
            return _notes_of_frames(_audeo_frames(self.labels))
        if self.labels.suffix.lower() in TABLES:
            return read_note_table(self.labels)
        return read_midi(self.labels)


def find_takes(kind: str, folder: str | os.PathLike[str], *, rights: str = "") -> list[Take]:
    """What a data set of a KIND holds, sorted by name, every take with a split. Raises FileError."""
    root = Path(folder).resolve()  # workers may have other working folders
    if not root.is_dir():
        raise FileError(f"{folder} is no folder; give the folder of the data set.")
    if kind not in KINDS:
        raise FileError(f"“{kind}” is no kind of data set; choose from {', '.join(KINDS)}.")
    takes = [_named(take, root, rights) for take in KINDS[kind](root)]
    if not takes:
        raise FileError(f"{folder} holds nothing of the kind “{kind}”: {NEEDED[kind]}.")
    return sorted(takes, key=lambda take: take.clip)


def _named(take: Take, root: Path, rights: str) -> Take:
    clip = re.sub(r"[^\w./+-]+", "_", take.clip)  # a name for files, whatever the video is called
    split = take.split or choose_split(take.player or take.piano or take.clip)
    source = take.source or f"{root.name}/{take.video.relative_to(root)}"
    return replace(take, clip=clip, split=split, source=source, rights=rights or take.rights)


# ---- kinds -----------------------------------------------------------------------------------------------------------


def _manifest(root: Path) -> Iterable[Take]:
    rows = {row.text("clip"): row for row in read_table(root / "manifest.csv", ("clip",))}
    for clip in read_manifest(root / "manifest.csv"):
        row = rows[clip.name]
        pianist = row.text("pianist")
        yield Take(
            clip=os.path.splitext(clip.name)[0],
            video=clip.video,
            labels=clip.midi or Path(),
            kind=row.text("truth") or "cable",
            ends="key" if clip.exact_ends else "sound",
            split=clip.split,
            player=f"{root.name} {pianist}" if pianist else "",
            piano=row.text("piano"),
            start=clip.start,
            end=clip.end,
            keyboard=clip.keyboard,
        )


def _audeo(root: Path) -> Iterable[Take]:
    pictures = root / "input_images" if (root / "input_images").is_dir() else root
    for part, split in (("training", "train"), ("testing", "test")):
        for folder in sorted(path for path in (pictures / part).glob("*") if path.is_dir()):
            candidates = [root / "labels" / part / f"{folder.name}{ending}" for ending in (".pkl", ".pickle", "")]
            labels = next((path for path in candidates if path.exists()), None)
            if labels is not None:
                yield Take(f"{part}/{folder.name}", folder, labels, "onsets_frames on the sound", "sound", split)


def _pianoyt(root: Path) -> Iterable[Take]:
    tables = sorted(root.rglob("pianoyt.csv")) or sorted(root.rglob("PianoYT.csv"))
    if not tables:
        return
    files = {path.stem: path for path in root.rglob("*") if path.suffix.lower() in VIDEO_SUFFIXES}
    got = {row.text("id"): row.file.parent / row.text("file") for row in _downloads(root)}
    midi = {path.name.split("_")[-1].split(".")[0]: path for path in root.rglob("*") if path.suffix.lower() in MIDI}
    for listed in read_list(tables[0]):
        number = listed.given.get("number", "")
        top, bottom, left, right = (float(part) for part in listed.crop.split())
        video = got.get(listed.id) or files.get(listed.id) or files.get(number)
        if video is not None and number in midi:
            yield Take(
                *(number, video, midi[number], "onsets_frames on the sound", "sound"),
                split=listed.split if listed.split in SPLITS else "dev",
                source=listed.url,
                rights="labels CC BY 4.0; video: its uploader's",
                crop=(left, top, right, bottom),
            )


def _downloads(root: Path) -> list[Row]:
    """The rows of what ``data download`` left, if it did."""
    return [row for path in sorted(root.rglob("manifest.csv")) for row in read_table(path, ()) if row.text("file")]


def _pianovam(root: Path) -> Iterable[Take]:
    tables = sorted(root.glob("metadata*.json"))
    if not tables:
        return
    try:
        listed = json.loads(tables[-1].read_text(encoding="utf-8"))
        entries = list(listed.values()) if isinstance(listed, dict) else list(listed)
        named = {str(entry["record_time"]): entry for entry in entries}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise FileError(f"{tables[-1]} is no metadata of PianoVAM: {error!r} is missing or wrong.") from error
    for video, labels in _pairs_of(root, prefer=MIDI):
        entry = named.get(video.stem)
        if entry is None:
            continue
        people = [str(entry.get(f"P{number}_name") or "").strip().lower() for number in (1, 2)]
        yield Take(
            clip=video.stem,
            video=video,
            labels=labels,
            kind="piano's own MIDI",
            ends="key",
            split=_SPLIT_NAMES.get(str(entry.get("split", "")).lower(), ""),
            rights="CC BY-NC-SA 4.0",
            player=" and ".join(person for person in people if person),
            piano="PianoVAM",
            keyboard=_pianovam_keyboard(entry),
        )


def _pianovam_keyboard(entry: dict[str, Any]) -> Keyboard | None:
    """From the corners of the picture's quadrilateral; the player sits at the bottom of the picture."""
    try:
        points = [
            [float(number) for number in str(entry[f"Point_{corner}"]).strip("()[] ").split(",")]
            for corner in ("LT", "RT", "RB", "LB")
        ]
        return Keyboard(np.array(points))
    except (KeyError, ValueError, CornersError):
        return None


def _omaps2(root: Path) -> Iterable[Take]:
    for video, labels in _pairs_of(root, prefer=MIDI):
        name = str(video.relative_to(root).with_suffix(""))
        yield Take(name, video, labels, "cable, aligned by hand", "key", _split_of(video, root), piano="OMAPS2")


def _pairs(root: Path) -> Iterable[Take]:
    for video, labels in _pairs_of(root, prefer=MIDI):
        name = str(video.relative_to(root).with_suffix(""))
        yield Take(name, video, labels, "given", "key", _split_of(video, root))


def _pairs_of(root: Path, prefer: Iterable[str]) -> Iterable[tuple[Path, Path]]:
    """Videos with the labels of the same name: the nearest in the tree, MIDI before tables. Raises FileError where two
    are as near."""
    order = [*prefer, *TABLES]
    labels: dict[str, list[Path]] = {}
    for path in sorted(root.rglob("*")):
        if path.suffix.lower() in order:
            labels.setdefault(path.stem, []).append(path)
    for video in sorted(path for path in root.rglob("*") if path.suffix.lower() in VIDEO_SUFFIXES):
        ranked = sorted(
            (-_shared(video, path), order.index(path.suffix.lower()), path) for path in labels.get(video.stem, ())
        )
        if len(ranked) > 1 and ranked[0][:2] == ranked[1][:2]:
            raise FileError(f"{video} has two labels of its name, {ranked[0][2]} and {ranked[1][2]}; keep one.")
        if ranked:
            yield video, ranked[0][2]


def _shared(one: Path, other: Path) -> int:
    """Folders that two files have in common."""
    return len(os.path.commonpath([one.parent, other.parent]).split(os.sep))


def _split_of(path: Path, root: Path) -> str:
    """By the name of a folder on the way, "" where none says."""
    parts = [part.lower() for part in path.relative_to(root).parts[:-1]]
    return next((_SPLIT_NAMES[part] for part in parts if part in _SPLIT_NAMES), "")


KINDS: dict[str, Callable[[Path], Iterable[Take]]] = {
    **{"manifest": _manifest, "clavision": _manifest, "audeo": _audeo, "pianoyt": _pianoyt},
    **{"omaps2": _omaps2, "pianovam": _pianovam, "pairs": _pairs},
}
NEEDED = {
    **dict.fromkeys(("manifest", "clavision"), "a manifest.csv that names clips"),
    "audeo": "input_images/training/NAME/frameN.jpg with labels/training/NAME.pkl, and the same of testing",
    "pianoyt": "pianoyt.csv, its MIDI files, and videos named by number or id (data download)",
    "pianovam": "metadata.json, and Video and MIDI with files of the same names",
    **dict.fromkeys(("omaps2", "pairs"), "videos and MIDI (or tables of notes) of the same names"),
}


# ---- labels ----------------------------------------------------------------------------------------------------------


def read_note_table(path: Path) -> list[Note]:
    """Notes from CSV, or text separated by tabs, semicolons or spaces: onset and offset in seconds, pitch (MIDI),
    velocity if there is one; named by a first line, or in this order. Raises FileError with the row."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise FileError(f"{path} is no table of notes: {error}.") from error
    rows = [(number, re.split(r"[,;\t ]+", line.strip())) for number, line in enumerate(lines, start=1)]
    rows = [(number, parts) for number, parts in rows if parts != [""] and not parts[0].startswith("#")]
    places = {"onset": 0, "offset": 1, "pitch": 2, "velocity": 3}
    if rows and not _SECONDS.fullmatch(rows[0][1][0]):
        places = _places(path, [name.strip("\"'").lower() for name in rows.pop(0)[1]])
    notes = []
    for number, parts in rows:
        try:
            onset, offset, pitch = (float(parts[places[name]]) for name in ("onset", "offset", "pitch"))
            loud = float(parts[places["velocity"]]) if len(parts) > places.get("velocity", len(parts)) else 80.0
        except (ValueError, IndexError) as error:
            raise FileError(f"{path}, row {number}: onset, offset and pitch must be numbers.") from error
        if not (LOWEST_PITCH <= pitch <= HIGHEST_PITCH and offset > onset):
            raise FileError(f"{path}, row {number}: pitch must be 21 to 108 and the offset after the onset.")
        notes.append(Note(onset, int(pitch), offset, int(np.clip(loud * (127 if 0 < loud <= 1 else 1), 1, 127))))
    return sorted(notes)


def _places(path: Path, header: list[str]) -> dict[str, int]:
    """Columns by meaning. Raises FileError where one is missing."""
    known = {
        "onset": ("onset", "start", "start_time", "onset_time", "onsettime", "begin"),
        "offset": ("offset", "key_offset", "end", "end_time", "offset_time", "offsettime"),
        "pitch": ("pitch", "note", "midi", "midipitch", "midi_pitch", "midi_note"),
        "velocity": ("velocity", "vel"),
    }
    places = {
        meaning: header.index(name) for meaning, names in known.items() for name in reversed(names) if name in header
    }
    missing = [meaning for meaning in ("onset", "offset", "pitch") if meaning not in places]
    if missing:
        raise FileError(f"{path}, row 1: no column says the {' and '.join(missing)}; name it so.")
    return places


def _audeo_frames(labels: Path) -> np.ndarray:
    """Which keys are down in each frame: bool ``(T, 88)``. A pickle maps numbers of frames to 88 values; chunks
    (``FIRST-LAST.npz``) hold keys × frames, or frames × keys. Raises FileError."""
    chunks: dict[int, np.ndarray] = {}
    if labels.is_dir():
        for path in sorted(labels.glob("*.npz")):
            chunks[_first_number(path)] = _down(next(iter(read_arrays(path).values())), path)
    else:
        chunks = {int(number): _down(np.asarray(value)[None], labels) for number, value in read_arrays(labels).items()}
    if not chunks:
        raise FileError(f"{labels} holds no labels; get the data set again.")
    frames = np.zeros((max(first + len(part) for first, part in chunks.items()), KEYS), dtype=bool)
    for first, part in chunks.items():
        frames[first : first + len(part)] = part
    return frames


def _first_number(path: Path) -> int:
    found = re.search(r"\d+", path.stem)
    if found is None:
        raise FileError(f"{path} has no number of its first frame in its name, such as 100-149.npz.")
    return int(found.group())


def _down(values: np.ndarray, path: Path) -> np.ndarray:
    """Bool ``(t, 88)`` of values either way round."""
    values = np.asarray(values)
    if values.ndim == 2 and values.shape[1] != KEYS and values.shape[0] == KEYS:
        values = values.T
    if values.ndim != 2 or values.shape[1] != KEYS:
        raise FileError(f"{path} holds labels of the shape {values.shape}; 88 keys are needed.")
    return values > 0


def _notes_of_frames(down: np.ndarray) -> list[Note]:
    """Runs of frames in which a key is down; frame n is shown at n / AUDEO_RATE."""
    padded = np.pad(down.astype(np.int8), ((1, 1), (0, 0)))
    steps = np.diff(padded, axis=0)
    notes = []
    for key in np.flatnonzero(down.any(axis=0)):
        begins, ends = np.flatnonzero(steps[:, key] > 0), np.flatnonzero(steps[:, key] < 0)
        for begin, end in zip(begins, ends, strict=True):
            notes.append(Note(begin / AUDEO_RATE, LOWEST_PITCH + int(key), end / AUDEO_RATE))
    return sorted(notes)
