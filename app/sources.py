"""Which videos are meant by folders, patterns, names and lists; and what the results of each are called."""

import os
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from pianoroll import FileError
from video2roll.video import VIDEO_SUFFIXES

RESERVED = ("summary", "failures")  # names in the results' folder that are no video's

Word = str | os.PathLike[str]
_MAGIC = "*?["


@dataclass
class Sources:
    """``videos``: absolute paths, each once. ``root``: the folder that all sources share; results lie as the videos lie
    below it. ``unread``: folders that could not be looked into, and why."""

    videos: list[Path] = field(default_factory=list)
    root: Path = Path("/")
    unread: dict[Path, str] = field(default_factory=dict)


def find_videos(sources: Word | Sequence[Word], *, listed: Word | None = None, out: Word | None = None) -> Sources:
    """The videos that are meant, in order.

    ``sources``: folders, with all below them; files; patterns such as “films/**/*.mp4”. ``listed``: a text file with
    one of these a line, relative to its folder; empty lines and those that begin with # say nothing. Of folders and
    patterns, what is hidden or no video by its name is passed over, links that lead in circles are followed once, and
    nothing below ``out`` is taken. Raises FileError where a source does not exist, or there is no video at all.
    """
    words = [sources] if isinstance(sources, str | os.PathLike) else list(sources)
    walk = _Walk(out)
    pairs = [_look(word, Path.cwd(), walk) for word in words] + (_look_up(listed, walk) if listed is not None else [])
    if not pairs:
        raise FileError("No video is named; give a folder, files, a pattern such as “films/**/*.mp4”, or --list FILE.")
    videos = list(dict.fromkeys(video for _, found in pairs for video in found))
    if not videos:
        for sentence in walk.unread.values():
            raise FileError(sentence)
        named = ", ".join(str(word) for word in [*words, *([listed] if listed is not None else [])])
        raise FileError(f"{named} holds no video ({', '.join(sorted(VIDEO_SUFFIXES))}).")
    return Sources(videos, Path(os.path.commonpath([root for root, _ in pairs])), walk.unread)


def result_names(found: Sources, kept: Mapping[Path, str]) -> dict[Path, str]:
    """What each video's results are called: a path below the results' folder, without an ending.

    ``kept``: names given before, which stay, and which no other video gets. Where videos differ in nothing but their
    ending, the name holds it; names that differ only in case count as one, as they do on some disks.
    """
    below = {video: video.relative_to(found.root) for video in found.videos}
    alike = Counter(_folded(path.with_suffix("")) for path in below.values())
    taken = {_folded(name) for name in (*RESERVED, *kept.values())}
    names = {}
    for video, path in below.items():
        if video in kept:
            names[video] = kept[video]
            continue
        short = [path.with_suffix("")] if alike[_folded(path.with_suffix(""))] == 1 else []
        numbered = (path.with_name(f"{path.name} ({number})") for number in range(2, len(taken) + 4))
        name = next(name for name in (*short, path, *numbered) if _folded(name) not in taken)
        taken.add(_folded(name))
        names[video] = name.as_posix()
    return names


def _folded(name: Word) -> str:
    return unicodedata.normalize("NFC", Path(name).as_posix()).casefold()


def _look_up(listed: Word, walk: "_Walk") -> list[tuple[Path, list[Path]]]:
    """What the rows of a list mean. Raises FileError that names the row."""
    path = Path(os.path.abspath(listed))
    try:
        rows = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text in UTF-8"
        raise FileError(f"The list {listed} cannot be read: {why}.") from error
    pairs = []
    for number, row in enumerate(rows, start=1):
        if row.strip() and not row.startswith("#"):
            try:
                pairs.append(_look(row.strip(), path.parent, walk))
            except (FileError, ValueError) as error:
                raise FileError(f"{listed}, row {number}: {error}") from error
    return pairs


def _look(word: Word, base: Path, walk: "_Walk") -> tuple[Path, list[Path]]:
    """The folder of a source, below which its videos are mirrored, and the videos. Raises FileError."""
    path = Path(os.path.abspath(base / Path(word).expanduser()))
    if path.is_dir():
        return path, list(walk(path))
    if path.is_file():
        return path.parent, [path]
    first = next((n for n, part in enumerate(path.parts) if any(sign in part for sign in _MAGIC)), None)
    root = Path(*path.parts[:first])
    if first is None or not root.is_dir():
        raise FileError(f"{word} is no folder, no file and no pattern; check its name.")
    pattern = path.parts[first:]
    depth = None if "**" in pattern else len(pattern)
    fitting = [video for video in walk(root, depth) if _fits(video.relative_to(root).parts, pattern)]
    if not fitting:
        raise FileError(f"No video fits “{word}” ({', '.join(sorted(VIDEO_SUFFIXES))}).")
    return root, fitting


def _fits(parts: tuple[str, ...], pattern: tuple[str, ...]) -> bool:
    """Whether a path is as a pattern says, in which ** stands for any number of folders."""
    if not pattern:
        return not parts
    if pattern[0] == "**":
        rest = pattern[1:] or ("*",)
        return any(_fits(parts[n:], rest) for n in range(len(parts) + 1))
    return bool(parts) and fnmatchcase(parts[0], pattern[0]) and _fits(parts[1:], pattern[1:])


class _Walk:
    """Goes through folders for videos; ``unread`` gathers what could not be opened."""

    def __init__(self, out: Word | None) -> None:
        self.out = _identity(out) if out is not None else None
        self.unread: dict[Path, str] = {}

    def __call__(self, folder: Path, depth: int | None = None) -> Iterator[Path]:
        """The videos in a folder and below it, at most ``depth`` names deep, by name."""
        seen = {_identity(folder), self.out}
        for place, folders, files in os.walk(folder, followlinks=True, onerror=self._note):
            here = Path(place)
            deep = depth is not None and len(here.relative_to(folder).parts) + 1 >= depth
            entered = []
            for name in sorted(folders):
                identity = _identity(here / name)
                if not deep and not name.startswith(".") and identity not in seen:
                    seen.add(identity)
                    entered.append(name)
            folders[:] = entered
            yield from (here / name for name in sorted(files) if _is_video(here / name))

    def _note(self, error: OSError) -> None:
        self.unread[Path(error.filename)] = f"{error.filename} cannot be opened: {error.strerror}."


def _identity(folder: Word) -> tuple[int, int] | None:
    """What a folder is, by whatever name it is reached; None where there is none."""
    try:
        found = os.stat(folder)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _is_video(path: Path) -> bool:
    """By its name; a link that leads nowhere counts, so that it is told of."""
    if path.name.startswith(".") or path.suffix.lower() not in VIDEO_SUFFIXES:
        return False
    return os.path.isfile(path) or (os.path.islink(path) and not os.path.exists(path))
