"""A process that reaches public machines of the web alone, whatever the libraries in it do.

Python tells an audit hook of each connection before it is made, and by the very address that is connected to: names
are resolved by then, so that none can mean another machine a moment later, and a redirect or a manifest that names a
private machine leads nowhere. Hooks cannot be taken back; so this is for child processes. What libraries in C do by
themselves is not seen: such ones must not be used here (yt-dlp's curl-cffi).
"""

import errno
import os
import sys
from pathlib import PurePath
from typing import Any
from urllib.parse import urlsplit

from app import links

SCHEMES = ("http", "https", "data")  # of what urllib is asked for; “data:” stays within the process
PROGRAMS = ("deno",)  # runs the scripts of YouTube's player for yt-dlp; it has no network and no files unless told so

_ASKS = "urllib.Request"
_CONNECTS = ("socket.connect", "socket.sendto", "socket.sendmsg")
_STARTS = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.startfile", "pty.spawn")


def stay_public() -> list[str]:
    """From now on this process connects to public machines alone, by http(s), and starts no other programs.

    Whoever tries is given a PermissionError, an OSError as a network has many. The list that is returned grows by what
    was refused of the web.
    """
    refused: list[str] = []

    def judge(event: str, args: tuple[Any, ...]) -> None:
        if event in _STARTS:
            if not _is_known(args[0]):
                raise PermissionError(errno.EACCES, "no program is started here")
        elif (event in _CONNECTS and not _is_public(args[1])) or (event == _ASKS and not _is_web(args[0])):
            refused.append(str(args[-1] if event in _CONNECTS else args[0]))
            raise PermissionError(errno.EACCES, "not a public machine of the web")

    sys.addaudithook(judge)
    return refused


def _is_public(address: Any) -> bool:
    """Of a socket's address: (IP address, port, …); sockets of this machine have a path, and others None."""
    return isinstance(address, tuple) and len(address) >= 2 and links.is_public(str(address[0]))


def _is_web(url: Any) -> bool:
    return urlsplit(str(url)).scheme.lower() in SCHEMES


def _is_known(program: Any) -> bool:
    return PurePath(os.fsdecode(program)).name.removesuffix(".exe") in PROGRAMS
