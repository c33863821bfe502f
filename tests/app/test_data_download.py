"""``silentkeys data download`` as a person meets it."""

import json
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from app import cli
from dataset_tools.download import MANIFEST

MakeVideo = Callable[..., Path]


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *words: object) -> None:
        pass


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Address of a server of the test's own folder."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(tmp_path)))
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


def call(monkeypatch: pytest.MonkeyPatch, *words: object) -> int:
    monkeypatch.setattr(sys, "argv", ["silentkeys", "data", "download", *map(str, words)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return int(ended.value.code or 0)


def test_exit_codes_and_what_is_told(
    tmp_path: Path,
    site: str,
    make_video: MakeVideo,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    make_video("one.mp4")
    words = (tmp_path / "list.csv", "--out", tmp_path / "got", "--pause", "0")
    (tmp_path / "list.csv").write_text(f"id,address\none,{site}/one.mp4\ntwo,{site}/two.mp4\n")
    assert call(monkeypatch, *words, "--json") == 4
    said = capsys.readouterr()
    assert json.loads(said.out)["fetched"] == ["one"]
    assert "404" in json.loads(said.out)["unavailable"]["two"]
    assert "silentkeys: two: " in said.err
    make_video("two.mp4")
    assert call(monkeypatch, *words) == 4
    assert call(monkeypatch, *words, "--retry") == 0
    assert "1 videos fetched, 1 were there" in capsys.readouterr().err


def test_a_manifest_of_another_kind_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "list.txt").write_text("http://127.0.0.1:9/a.mp4\n")
    (tmp_path / "manifest.csv").write_text("clip,midi\n")
    assert call(monkeypatch, tmp_path / "list.txt", "--out", tmp_path) == 1
    said = capsys.readouterr().err
    assert f"manifest.csv, row 1: the columns are not {', '.join(MANIFEST)}" in said
    assert len(said.strip().splitlines()) == 1
