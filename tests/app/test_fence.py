"""The fence around a process: it reaches public machines alone, by the web's means, and starts no programs."""

import os
import socket
import subprocess
import sys
import threading
import urllib.request
from typing import Any

import pytest

from app import child, fence, links
from app.child import Bounds

NOT_PUBLIC = [
    *("127.0.0.1", "127.8.8.8", "10.0.0.7", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0"),
    *("224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1", "fe80::1%eth0", "fd00::1", "fec0::1", "ff02::1"),
    *("::ffff:127.0.0.1", "::ffff:10.0.0.7", "::ffff:a9fe:a9fe", "64:ff9b::10.0.0.1", "2002:7f00:1::", "::127.0.0.1"),
    *("localhost", "videos.example", ""),
]
PUBLIC = ["93.184.215.14", "1.1.1.1", "2606:4700:4700::1111", "::ffff:1.1.1.1"]
OPEN = "127.0.0.1"  # what the child takes for a public machine, so that it can be gone to


def try_all(port: int, *, progress: Any) -> dict[str, Any]:
    """In the child: what the fence lets through."""
    really = links.is_public
    refused = fence.stay_public()

    def passes(event: str, *args: Any) -> bool:
        try:
            sys.audit(event, *args)
        except PermissionError:
            return False
        return True

    through = [address for address in (*NOT_PUBLIC, *PUBLIC) if passes("socket.connect", None, (address, 80))]
    others = [passes("socket.connect", None, "/run/docker.sock"), passes("socket.sendto", None, ("10.0.0.7", 53))]
    count = len(refused)
    said = {"through": through, "others": others, "refused": count, "names": _names(port), "programs": _programs()}
    links.is_public = lambda address: address == OPEN or really(address)
    urllib.request.install_opener(urllib.request.build_opener(urllib.request.ProxyHandler({})))
    said["page"] = urllib.request.urlopen(f"http://{OPEN}:{port}/").status
    said["schemes"] = [_asks(url) for url in ("file:///etc/hostname", f"ftp://{OPEN}:{port}/x")]
    said["redirect"] = _asks(f"http://{OPEN}:{port}/to/http://127.0.0.2:{port}/")
    return said


def _names(port: int) -> list[bool]:
    """Whether what a name means is gone to, for each of what it may mean."""
    gone = []
    for address in ("127.0.0.1", "10.0.0.7", "169.254.169.254"):
        socket.getaddrinfo = lambda *_, address=address, **__: [(2, 1, 6, "", (address, port))]  # type: ignore[assignment]
        try:
            socket.create_connection(("videos.example", port), 1).close()
            gone.append(True)
        except PermissionError:
            gone.append(False)
    socket.getaddrinfo = lambda host, *_, **__: [(2, 1, 6, "", (host, port))]  # type: ignore[assignment]
    return gone


def _programs() -> list[bool]:
    """Whether a program was started."""
    started = []
    for start in (
        lambda: subprocess.run(["true"]),
        lambda: os.system("true"),
        lambda: os.posix_spawn("/bin/true", ["x"], {}),
    ):
        try:
            start()
            started.append(True)
        except PermissionError:
            started.append(False)
    with pytest.raises(FileNotFoundError):  # may be started, were it here
        subprocess.run(["/nowhere/deno", "--version"])
    return started


def _asks(url: str) -> str:
    try:
        urllib.request.urlopen(url, timeout=5)
    except OSError as error:
        return str(error)
    return "was fetched"


@pytest.mark.skipif(sys.platform == "win32", reason="/bin/true")
def test_a_fenced_process_reaches_public_machines_alone() -> None:
    from example_site import serve

    with serve() as site:
        site.files["/"] = b"a page"
        how = {"bounds": Bounds(memory=8 << 30, seconds=60), "tell": lambda *_: None, "stopped": threading.Event()}
        said = child.run(try_all, site.server_port, **how)
        asked = site.asked
    assert said["through"] == PUBLIC
    assert said["others"] == [False, False]
    assert said["refused"] == len(NOT_PUBLIC) + 2
    assert said["names"] == [False] * 3
    assert said["programs"] == [False] * 3
    assert said["page"] == 200
    assert all("not a public machine" in text for text in (*said["schemes"], said["redirect"]))
    assert [path for _, path in asked] == ["/", f"/to/http://127.0.0.2:{site.server_port}/"]
