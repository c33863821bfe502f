"""Links lead to public machines alone, however they are written, resolved or redirected; a real server answers."""

import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from app import intake, links
from app.intake import IntakeError
from app.links import LinkError, fetch, is_public, judge

PUBLIC = "93.184.215.14"
NAMES = {"videos.example": [PUBLIC], "inside.example": ["10.0.0.7"], "both.example": [PUBLIC, "127.0.0.1"]}
CONTENT = b"a video, as far as this server knows" * 1000


class Answers(BaseHTTPRequestHandler):
    """What the servers of these tests say, by path."""

    def do_GET(self) -> None:
        self.server.asked.append((self.headers["Host"], self.path))  # type: ignore[attr-defined]
        getattr(self, self.path.strip("/").split("/")[0].split("?")[0].replace(".", "_"))()

    def tell(self, status: int = 200, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def waltz_mp4(self) -> None:
        self.tell(body=CONTENT, Content_Type="video/mp4", Content_Length=str(len(CONTENT)))

    def to(self) -> None:
        self.tell(302, Location=self.path.partition("?")[2])

    def round(self) -> None:
        self.tell(301, Location="/round")

    def page(self) -> None:
        self.tell(body=b"<html>", Content_Type="text/html; charset=utf-8")

    def missing(self) -> None:
        self.tell(404)

    def packed(self) -> None:
        self.tell(body=b"x", Content_Encoding="gzip")

    def large(self) -> None:
        self.tell(Content_Length=str(10**12))

    def endless(self) -> None:
        self.tell()
        try:
            for _ in range(3000):
                self.wfile.write(b"\0" * 1000)
        except OSError:
            pass

    def slow(self) -> None:
        self.tell()
        try:
            for _ in range(100):
                self.wfile.write(b"\0")
                time.sleep(0.05)
        except OSError:
            pass

    def short(self) -> None:
        self.tell(body=b"abc", Content_Length="1000")

    def headers_huge(self) -> None:
        self.tell(**{f"X_{n}": "x" * 1000 for n in range(2000)})

    def log_message(self, *_: Any) -> None:
        pass


class Web:
    """A web of which one server is everywhere: ``connected`` tells which addresses were gone to."""

    def __init__(self, port: int, asked: list[tuple[str, str]]) -> None:
        self.connected: list[tuple[str, int]] = []
        self.asked = asked
        self._port = port

    def connect(self, address: str, port: int, timeout: float) -> socket.socket:
        self.connected.append((address, port))
        return socket.create_connection(("127.0.0.1", self._port), timeout)

    @staticmethod
    def resolve(host: str, port: int) -> list[str]:
        """NAMES; what is written in numbers is left to the system."""
        return NAMES[host] if host in NAMES else links._resolve(host, port)

    def fetch(self, url: str, target: Path) -> str:
        return fetch(url, target, resolve=self.resolve, connect=self.connect)


@pytest.fixture
def web() -> Iterator[Web]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    server.asked = []  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield Web(server.server_port, server.asked)  # type: ignore[attr-defined]
    server.shutdown()
    server.server_close()


def test_a_file_is_fetched_from_the_address_that_was_judged(web: Web, tmp_path: Path) -> None:
    title = web.fetch("http://videos.example/waltz.mp4?key=1", tmp_path / "video.mp4")
    assert title == "waltz"
    assert (tmp_path / "video.mp4").read_bytes() == CONTENT
    assert web.connected == [(PUBLIC, 80)]
    assert web.asked == [("videos.example", "/waltz.mp4?key=1")]


def test_the_name_is_resolved_once_so_that_it_cannot_mean_another_machine_later(web: Web, tmp_path: Path) -> None:
    answers = iter([[PUBLIC], ["127.0.0.1"], ["127.0.0.1"]])
    fetch(
        "http://turncoat.example/waltz.mp4",
        tmp_path / "video.mp4",
        resolve=lambda *_: next(answers),
        connect=web.connect,
    )
    assert web.connected == [(PUBLIC, 80)]


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://videos.example/waltz.mp4",
        "gopher://videos.example/",
        "data:video/mp4;base64,AAAA",
        "javascript:alert(1)",
        "/etc/passwd",
        "",
        "http://",
        "http:///waltz.mp4",
        "http://127.0.0.1/",
        "http://127.0.0.1:8501/",
        "http://localhost/",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[::ffff:7f00:1]/",
        "http://[::127.0.0.1]/",
        "http://[64:ff9b::10.0.0.1]/",
        "http://[2002:7f00:1::]/",
        "http://[fe80::1]/",
        "http://[fd00::1]/",
        "http://[ff02::1]/",
        "http://169.254.169.254/latest/meta-data/",
        "http://10.1.2.3/",
        "http://172.16.0.1/",
        "http://192.168.1.1/",
        "http://100.64.0.1/",
        "http://0.0.0.0/",
        "http://0/",
        "http://224.0.0.1/",
        "http://255.255.255.255/",
        "http://2130706433/",
        "http://017700000001/",
        "http://0x7f000001/",
        "http://0x7f.1/",
        "http://0177.0.0.1/",
        "http://127.1/",
        "http://2852039166/",
        "http://①②⑦.⓪.⓪.①/",
        "http://inside.example/",
        "http://both.example/",
        "http://user:word@videos.example/",
        "http://videos.example@127.0.0.1/",
        "http://127.0.0.1#@videos.example/",
        "http://videos.example:99999/",
        "http://[::1/",
        "http://videos.example/a b\r\nHost: inside.example",
        "http://" + "a" * 300 + ".example/",
    ],
)
def test_what_is_not_public_is_not_gone_to(url: str, web: Web, tmp_path: Path) -> None:
    with pytest.raises(LinkError):
        web.fetch(url, tmp_path / "video.mp4")
    assert web.connected == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "to",
    [
        *("http://127.0.0.1/waltz.mp4", "http://2130706433/", "http://[::1]/", "http://inside.example/waltz.mp4"),
        *("file:///etc/passwd", "ftp://videos.example/waltz.mp4", "//169.254.169.254/latest", ""),
    ],
)
def test_a_redirect_is_judged_as_the_first_address_was(to: str, web: Web, tmp_path: Path) -> None:
    with pytest.raises(LinkError):
        web.fetch(f"http://videos.example/to?http://videos.example/to?{to}", tmp_path / "video.mp4")
    assert {address for address, _ in web.connected} == {PUBLIC}
    assert list(tmp_path.iterdir()) == []


def test_a_redirect_to_a_public_file_is_followed(web: Web, tmp_path: Path) -> None:
    assert web.fetch("http://videos.example/to?/waltz.mp4/für%20Elise", tmp_path / "video.mp4") == "für Elise"
    assert len(web.connected) == 2


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("round", "without end"),
        ("page", "is a page and no video file"),
        ("missing", "answers 404"),
        ("packed", "packed"),
        ("short", "broke off"),
        ("headers_huge", "none of the web’s"),
    ],
)
def test_other_answers_are_told_in_words(path: str, words: str, web: Web, tmp_path: Path) -> None:
    with pytest.raises(LinkError, match=words):
        web.fetch(f"http://videos.example/{path}", tmp_path / "video.mp4")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("path", ["large", "endless"])
def test_too_much_is_refused_whether_promised_or_not(
    path: str, web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "MOST_MEGABYTES", 1)
    with pytest.raises(IntakeError, match="larger than 1 MB"):
        web.fetch(f"http://videos.example/{path}", tmp_path / "video.mp4")
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_dribbles_is_left(web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(links, "PATIENCE", 0.4)
    began = time.monotonic()
    with pytest.raises(LinkError, match="it took longer"):
        web.fetch("http://videos.example/slow", tmp_path / "video.mp4")
    assert time.monotonic() - began < 3
    assert list(tmp_path.iterdir()) == []


def test_a_machine_that_does_not_answer_is_told_in_words(tmp_path: Path) -> None:
    def connect(*_: Any) -> socket.socket:
        raise ConnectionRefusedError(111, "Connection refused")

    with pytest.raises(LinkError, match="Connection refused"):
        fetch("http://videos.example/", tmp_path / "video.mp4", resolve=lambda *_: [PUBLIC], connect=connect)


def test_public_addresses_are_told_from_others() -> None:
    for address in (PUBLIC, "1.1.1.1", "2606:4700:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"):
        assert is_public(address), address
    for address in ("192.0.2.1", "198.18.0.1", "240.0.0.1", "::", "2001:db8::1", "fec0::1", "2001::1", "nonsense"):
        assert not is_public(address), address
    assert judge("HTTPS://Videos.Example/a", resolve=lambda *_: [PUBLIC]).port == 443
