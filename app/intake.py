"""What the page takes from strangers: how large a video may be, what it is called, and how words of theirs are shown.

Nothing here trusts a name, a header or an ending. The limits of the page stand here alone.
"""

import os
import re
import unicodedata
from pathlib import Path, PurePosixPath

from app import words
from pianoroll import SilentkeysError
from video2roll.video import VIDEO_SUFFIXES, measure, probe, read_frames

MOST_MEGABYTES = 500  # of 2**20 bytes, of an upload or a download
LONGEST = 3600.0  # seconds
MOST_PIXELS = 4096 * 3072  # of a picture: somewhat more than 4K
MOST_FRAMES = 60 * 3600  # an hour at 60 a second
LONGEST_NAME = 80  # letters
PLAIN = "video"  # what a video is called on the disk

_NO_NAME = re.compile(r"[^\w .,'’()&+!–—-]")
_ADDRESS = re.compile(r"(?<=https)(?=:)|(?<=http)(?=:)|(?<=www)(?=\.)|(?=@)", re.IGNORECASE)
_JOINER = "\u2060"  # no letter, and seen by nobody but programs that look for addresses
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+.!|<>~$:&^=@/-])")


class IntakeError(SilentkeysError):
    """A video that the page does not take."""


def title_of(name: str) -> str:
    """A title made from a file's name: its last part without ending, of harmless letters alone, never empty.

    It is for people to read and for names of downloads; no path is ever made from it.
    """
    last = unicodedata.normalize("NFC", name).replace("\\", "/").rstrip("/").rpartition("/")[2]
    path = PurePosixPath(last)
    stem = path.stem if path.suffix.lower() in VIDEO_SUFFIXES else last
    clean = " ".join(_NO_NAME.sub(" ", stem).split()).strip(". ")
    return clean[:LONGEST_NAME].strip(". ") or words.NO_TITLE


def stored_name(name: str) -> str:
    """What a file is called on the disk: of the name that came, only an ending that is known is kept."""
    suffix = PurePosixPath(name.replace("\\", "/")).suffix.lower()
    return PLAIN + (suffix if suffix in VIDEO_SUFFIXES else ".mp4")


def as_text(text: str) -> str:
    """Words in which Markdown finds no sign of its own: no HTML, link, picture, formula, colour or address."""
    return _MARKDOWN.sub(r"\\\1", _ADDRESS.sub(_JOINER, " ".join(text.split())))


def check_size(size: int, title: str) -> None:
    """Raise IntakeError where a file of ``size`` bytes is more than the page takes."""
    if size > MOST_MEGABYTES << 20:
        raise IntakeError(words.TOO_LARGE.format(title=title, most=MOST_MEGABYTES))


def check_length(seconds: float, title: str) -> None:
    """Raise IntakeError where a video is longer than the page takes."""
    if seconds > LONGEST:
        raise IntakeError(words.TOO_LONG.format(title=title, minutes=round(LONGEST / 60)))


def check_video(path: str | os.PathLike[str], title: str) -> None:
    """Raise IntakeError where a video is longer, larger or of more pictures than the page takes; VideoError where it
    is none. What the header says is judged first, then the packets are counted, and last one picture is decoded."""
    if Path(path).exists() and not Path(path).is_file() and not Path(path).is_dir():
        raise IntakeError(words.NO_FILE.format(path=path))
    info = probe(path)
    _check_picture(info.width, info.height, title)
    check_length(info.duration or 0.0, title)
    frames, seconds = measure(path, most=MOST_FRAMES)
    if frames > MOST_FRAMES:
        raise IntakeError(words.TOO_MANY_PICTURES.format(title=title, most=MOST_FRAMES))
    check_length(seconds, title)
    height, width = next(iter(read_frames(path, colour=False))).image.shape[:2]
    _check_picture(width, height, title)


def _check_picture(width: int, height: int, title: str) -> None:
    if width * height > MOST_PIXELS:
        raise IntakeError(words.PICTURES_TOO_LARGE.format(title=title, width=width, height=height))


def in_their_words(error: SilentkeysError, path: Path, title: str) -> str:
    """An error's sentence with the video called as its owner calls it, and not by its place on this machine."""
    return str(error).replace(str(path), f"“{title}”")
