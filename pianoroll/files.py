"""Writing files so that nothing half-written is ever left: write beside, then rename."""

import errno
import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pianoroll.errors import FileError

_UMASK = os.umask(0)  # can only be read by setting it, for all threads: so once, before there are any
os.umask(_UMASK)


@contextmanager
def write_beside(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a temporary path beside ``path`` with the same ending; rename it to ``path`` when the block ends well.

    Raises FileError, in the user's words, where the folder cannot be written or the disk is full.
    """
    target = Path(path)
    temporary: Path | None = None
    try:
        if target.is_dir():
            raise FileError(f"{target} is a folder, so no file can be written there; name a file instead.")
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=".writing-", suffix=target.suffix, dir=target.parent)
        temporary = Path(name)
        os.close(handle)
        yield temporary
        temporary.chmod(0o666 & ~_UMASK)  # mkstemp makes files private; these are the user's own outputs
        temporary.replace(target)
    except OSError as error:
        raise FileError(_explain(target, error)) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def check_folder(folder: str | os.PathLike[str]) -> Path:
    """Make ``folder`` and see that it can be written, before any long work. Raises FileError if not."""
    path = Path(folder)
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as error:
        raise FileError(_explain(path, error)) from error
    return path


def sha256(path: str | os.PathLike[str]) -> str:
    """Of a file's content."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _explain(path: Path, error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"The disk is full: {path} could not be written; free some space or choose another folder."
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"{path} cannot be written: no permission; choose another folder."
    if error.errno in (errno.EEXIST, errno.ENOTDIR):
        return f"{path} cannot be made: a file of that name is in the way; choose another folder."
    return f"{path} cannot be written: {error.strerror or error}."
