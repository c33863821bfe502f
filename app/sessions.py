"""A folder for each visitor of the page: found by nobody else, gone when the visit ends or after an hour without use.

All lie below one root that belongs to the user who runs the page; together they take no more than ``Room.most`` bytes.
Servers that share a root share its bound, and clear away what one that was killed has left.
"""

import os
import shutil
import stat
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import sleep, time

from app import words
from pianoroll import SilentkeysError

UNUSED = 3600.0  # seconds after which a folder is removed
MOST_BYTES = 20 << 30  # of all folders together
SPARE = 1 << 30  # bytes of the disk that are left to others
ROUND = 60.0  # seconds between two looks for what is to be removed
_MARK = ".used"  # its time says when the folder was last used


class FullError(SilentkeysError):
    """There is no room for another video."""


@dataclass(frozen=True)
class Room:
    """Where the folders lie. ``most``: bytes of all together; ``unused``: seconds; ``clock``: seconds since 1970."""

    root: Path
    most: int = MOST_BYTES
    spare: int = SPARE
    unused: float = UNUSED
    clock: Callable[[], float] = time

    def enter(self) -> Path:
        """A new folder, which only this user may look into. Raises FullError where no folder can be made."""
        try:
            folder = Path(tempfile.mkdtemp(prefix="visit-", dir=self.root))
            (folder / _MARK).touch()
        except OSError as error:
            raise FullError(words.NO_ROOM.format(why=error.strerror)) from error
        self.touch(folder)
        return folder

    def touch(self, folder: Path) -> bool:
        """Note that a folder is in use; False where it is there no more."""
        now = self.clock()
        try:
            os.utime(folder / _MARK, (now, now))
        except OSError:
            return False
        return True

    def leave(self, folder: Path) -> None:
        """Remove a folder with all in it."""
        if folder.parent == self.root:
            shutil.rmtree(folder, ignore_errors=True)

    def sweep(self) -> None:
        """Remove the folders that were not used for so long."""
        for folder in self._folders():
            used = _last_used(folder)
            if used is not None and self.clock() - used > self.unused:
                self.leave(folder)

    def taken(self) -> int:
        """Bytes of all files of all folders."""
        return sum(_size(folder) for folder in self._folders())

    def check(self, size: int = 0) -> None:
        """Raise FullError where ``size`` bytes more are too many, now that what is old was removed."""
        self.sweep()
        free = shutil.disk_usage(self.root).free
        if self.taken() + size > self.most or free - size < self.spare:
            raise FullError(words.FULL)

    def _folders(self) -> list[Path]:
        return [path for path in self.root.glob("visit-*") if path.is_dir() and not path.is_symlink()]


def open_room(root: Path | None = None) -> Room:
    """The room below ``root``, or in the computer's folder for temporary files; swept from now on, every minute.

    Raises FullError where the folder is not this user's own: another could look into it.
    """
    if root is None:
        user = os.getuid() if hasattr(os, "getuid") else "page"
        root = Path(tempfile.gettempdir()) / f"silentkeys-page-{user}"
    try:
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = root.lstat()
    except OSError as error:
        raise FullError(words.ROOM_NOT_MADE.format(folder=root, why=error.strerror)) from error
    foreign = hasattr(os, "getuid") and (found.st_uid != os.getuid() or stat.S_IMODE(found.st_mode) & 0o077)
    if foreign or not stat.S_ISDIR(found.st_mode):
        raise FullError(words.ROOM_OPEN.format(folder=root))
    room = Room(root)
    threading.Thread(target=_keep_sweeping, args=(room,), daemon=True, name="sweep").start()
    return room


def _keep_sweeping(room: Room) -> None:
    while True:
        room.sweep()
        sleep(ROUND)


def _last_used(folder: Path) -> float | None:
    """Seconds since 1970; None where it is gone. A folder without its mark is just being made, or half removed."""
    for path in (folder / _MARK, folder):
        with suppress(OSError):
            return path.stat().st_mtime
    return None


def _size(folder: Path) -> int:
    """Bytes of the files below a folder; what goes away meanwhile is nothing."""
    size = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                size += os.lstat(os.path.join(place, name)).st_size
    return size
