"""What the page takes from strangers: how large a video may be, what it is called, and how words of theirs are shown.

Nothing here trusts a name, a header or an ending. The limits of the page stand here alone.
"""

import os
import re
import unicodedata
from pathlib import Path, PurePosixPath

from pianoroll import SilentkeysError
from video2roll.video import VIDEO_SUFFIXES, measure, probe, read_frames

MOST_MEGABYTES = 500  # of 2**20 bytes, of an upload or a download
LONGEST = 3600.0  # seconds
MOST_PIXELS = 4096 * 3072  # of a picture: somewhat more than 4K
MOST_FRAMES = 60 * 3600  # an hour at 60 a second
LONGEST_NAME = 80  # letters
PLAIN = "video"  # what a video without a name is called

_NO_NAME = re.compile(r"[^\w .,'’()&+!–—-]")
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
    return clean[:LONGEST_NAME].strip(". ") or PLAIN


def stored_name(name: str) -> str:
    """What a file is called on the disk: of the name that came, only an ending that is known is kept."""
    suffix = PurePosixPath(name.replace("\\", "/")).suffix.lower()
    return PLAIN + (suffix if suffix in VIDEO_SUFFIXES else ".mp4")


def as_text(words: str) -> str:
    """Words in which Markdown finds no sign of its own: no HTML, link, picture, formula or colour."""
    return _MARKDOWN.sub(r"\\\1", " ".join(words.split()))


def check_size(size: int, title: str) -> None:
    """Raise IntakeError where a file of ``size`` bytes is more than the page takes."""
    if size > MOST_MEGABYTES << 20:
        raise IntakeError(
            f"“{title}” is larger than {MOST_MEGABYTES} MB; make the video smaller (720 lines are enough), "
            "or read it with “silentkeys transcribe”."
        )


def check_length(seconds: float, title: str) -> None:
    """Raise IntakeError where a video is longer than the page takes."""
    if seconds > LONGEST:
        minutes = round(LONGEST / 60)
        raise IntakeError(f"“{title}” is longer than {minutes} minutes, more than this page reads; cut it.")


def check_video(path: str | os.PathLike[str], title: str) -> None:
    """Raise IntakeError where a video is longer, larger or of more pictures than the page takes; VideoError where it
    is none. What the header says is judged first, then the packets are counted, and last one picture is decoded."""
    if Path(path).exists() and not Path(path).is_file() and not Path(path).is_dir():
        raise IntakeError(f"{path} is no file; choose a video.")
    info = probe(path)
    _check_picture(info.width, info.height, title)
    check_length(info.duration or 0.0, title)
    frames, seconds = measure(path, most=MOST_FRAMES)
    if frames > MOST_FRAMES:
        raise IntakeError(
            f"“{title}” has more than {MOST_FRAMES} pictures, more than this page reads; cut it, "
            "or make fewer a second of it (30 are enough)."
        )
    check_length(seconds, title)
    height, width = next(iter(read_frames(path, colour=False))).image.shape[:2]
    _check_picture(width, height, title)


def _check_picture(width: int, height: int, title: str) -> None:
    if width * height > MOST_PIXELS:
        raise IntakeError(
            f"The pictures of “{title}” are {width} × {height} pixels, more than this page reads; "
            "make the video smaller (720 lines are enough)."
        )


def in_their_words(error: SilentkeysError, path: Path, title: str) -> str:
    """An error's sentence with the video called as its owner calls it, and not by its place on this machine."""
    return str(error).replace(str(path), f"“{title}”")
