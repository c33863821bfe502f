"""A video site of these tests: a server of this machine, and yt-dlp's extractor for it. Its pages are what it is told.

The names of its hosts mean this machine: 127.0.0.1 is taken for a public one, 127.0.0.2, where the same server listens,
for what it is.
"""

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from yt_dlp import globals as of_yt_dlp
from yt_dlp.extractor import import_extractors
from yt_dlp.extractor.common import InfoExtractor

from app import fence, links, sites
from app.sites import Site

EXAMPLE = Site("Example", ("videos.example",), ("example",))
HOSTS = {"videos.example": "127.0.0.1", "files.example": "127.0.0.1", "inside.example": "127.0.0.2"}
PAGE = "http://videos.example/watch/"


class ExampleIE(InfoExtractor):
    """What a page shows is what the site's interface tells of it."""

    IE_NAME = "example"
    _VALID_URL = r"https?://videos\.example/watch/(?P<id>\w+)"

    def _real_extract(self, url: str) -> Any:
        name = self._match_id(url)
        return self._download_json(f"http://videos.example/api/{name}", name)


class ExampleSite(ThreadingHTTPServer):
    """``videos``: what the interface tells, by name; ``files``: by path; ``asked``: host and path of all requests."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("0.0.0.0", 0), _Answer)
        self.videos: dict[str, dict[str, Any]] = {}
        self.files: dict[str, bytes] = {}
        self.asked: list[tuple[str, str]] = []
        self.holding = threading.Event()  # once a file of “/held/” was begun, which never ends

    def add(self, name: str, *forms: dict[str, Any], **facts: Any) -> str:
        """A video; gives the address of its page."""
        known = {"id": name, "title": "A waltz", "duration": 60.0}
        formats = {"formats": [{"format_id": str(k), "ext": "mp4", **form} for k, form in enumerate(forms)]}
        self.videos[name] = {**known, **(formats if forms else {}), **facts}
        return PAGE + name

    def paths(self) -> list[str]:
        """What was asked for besides the interface."""
        return [path for _, path in self.asked if not path.startswith("/api/")]


class _Answer(BaseHTTPRequestHandler):
    server: ExampleSite

    def do_GET(self) -> None:
        self.server.asked.append((self.headers["Host"], self.path))
        kind, _, rest = self.path.lstrip("/").partition("/")
        if kind == "api" and rest in self.server.videos:
            self._tell(200, json.dumps(self.server.videos[rest]).encode())
        elif kind == "to":
            self._tell(302, b"", Location=rest)
        elif kind == "status":
            self._tell(int(rest), b"")
        elif kind == "endless":
            self._send_for_ever()
        elif kind == "held":
            self._tell(200, bytes(1 << 16), Content_Length=str(1 << 20))
            self.server.holding.set()
            time.sleep(30)
        elif self.path in self.server.files:
            self._tell(200, self.server.files[self.path])
        else:
            self._tell(404, b"")

    def _tell(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content_Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def _send_for_ever(self) -> None:
        self.send_response(200)
        self.end_headers()
        try:
            while True:
                self.wfile.write(bytes(1 << 16))
        except OSError:
            pass

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def serve() -> Iterator[ExampleSite]:
    site = ExampleSite()
    thread = threading.Thread(target=site.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield site
    site.shutdown()
    site.server_close()


def pretend(patch: pytest.MonkeyPatch, port: int, *, fenced: bool) -> None:
    """Let the site's names mean the server at ``port``, and be known. ``fenced``: else no fence, as it would stay."""
    import_extractors()
    really_found, really_public = socket.getaddrinfo, links.is_public

    def find(host: Any, service: Any, *more: Any, **how: Any) -> Any:
        if host in HOSTS:
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (HOSTS[host], port))]
        if str(host).endswith(".example"):
            raise socket.gaierror(-2, "Name or service not known")
        return really_found(host, service, *more, **how)

    patch.setattr(socket, "getaddrinfo", find)
    patch.setattr(links, "is_public", lambda address: address == "127.0.0.1" or really_public(address))
    patch.setattr(links, "_connect", lambda address, _, timeout: socket.create_connection((address, port), timeout))
    patch.setattr(sites, "SITES", (*sites.SITES, EXAMPLE))
    patch.setitem(of_yt_dlp.extractors.value, "ExampleIE", ExampleIE)
    patch.setenv("YTDLP_NO_PLUGINS", "")
    if not fenced:
        patch.setattr(fence, "stay_public", lambda: [])
