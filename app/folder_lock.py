"""One batch at a time in a folder of results: two would overwrite each other's tables.

A file in the folder is locked, not merely made: the system lets go of it when the process ends, even if it is killed,
so that nothing left behind is ever in the way. Network folders (NFS since version 4, SMB) lock across machines.
"""

import errno
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pianoroll import FileError

LOCK = ".batch.lock"
_HELD = (errno.EACCES, errno.EAGAIN, errno.EWOULDBLOCK, getattr(errno, "EDEADLOCK", errno.EAGAIN))

_log = logging.getLogger("silentkeys")


class BusyError(FileError):
    """Another batch writes into the folder."""

    exit_code = 5


@contextmanager
def only_one(folder: Path) -> Iterator[None]:
    """Within, no other batch can write into the folder, which exists. Raises BusyError where another one does.

    Where the folder's file system knows no locks, nothing is kept out.
    """
    path = folder / LOCK
    handle = _take(path)
    try:
        yield
    finally:
        with suppress(OSError):  # Windows lets no open file be removed
            path.unlink()
        os.close(handle)
        if os.name == "nt":
            with suppress(OSError):
                path.unlink()


def _take(path: Path) -> int:
    """A handle of the locked file, which nobody has removed meanwhile."""
    while True:
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as error:
            raise FileError(f"{path} cannot be written: {error.strerror}; choose another folder.") from error
        try:
            _lock(handle)
            with suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(handle), path.stat()):
                    return handle
        except BlockingIOError as error:
            os.close(handle)
            raise BusyError(
                f"Another batch is writing into {path.parent}; wait until it has ended, or give another folder (-o)."
            ) from error
        os.close(handle)


def _lock(handle: int) -> None:
    """Lock an open file, or raise BlockingIOError where it is locked."""
    try:
        if os.name == "nt":
            import msvcrt

            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _HELD:
            raise BlockingIOError(*error.args) from error
        _log.warning("the results' folder cannot be locked: %s", error)
