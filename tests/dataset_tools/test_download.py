"""Videos fetched from a web server of this machine, which breaks off, is slow, or has none."""

import csv
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import av
import numpy as np
import pytest

from dataset_tools import download as downloads
from dataset_tools.download import DownloadError, download, read_list, sha256
from dataset_tools.ledger import Ledger
from pianoroll import FileError

PIANOYT = Path(__file__).resolve().parents[3] / "shared" / "data" / "pianoyt" / "pianoyt.csv"
MPD = """<?xml version="1.0"?>
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT2S" minBufferTime="PT1S"
 profiles="urn:mpeg:dash:profile:isoff-on-demand:2011"><Period>
<AdaptationSet mimeType="video/mp4"><Representation id="v" codecs="avc1.42c01e" width="96" height="64" bandwidth="9000">
<BaseURL>picture.mp4</BaseURL></Representation></AdaptationSet>
<AdaptationSet mimeType="audio/mp4"><Representation id="a" codecs="mp4a.40.2" bandwidth="900">
<BaseURL>sound.m4a</BaseURL></Representation></AdaptationSet></Period></MPD>
"""


class Site(ThreadingHTTPServer):
    """Files of a folder. Whole requests of those in ``broken`` end half-way; those of ``stuck`` wait there."""

    daemon_threads = True

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.folder = folder
        self.broken: set[str] = set()
        self.stuck: set[str] = set()
        self.asked: list[tuple[str, str]] = []  # file and range of each request
        self.url = f"http://127.0.0.1:{self.server_address[1]}"

    def ranges(self, name: str) -> list[str]:
        return [asked for file, asked in self.asked if file == name]


class Answer(BaseHTTPRequestHandler):
    """One request."""

    server: Site

    def do_GET(self) -> None:
        name, asked = self.path.lstrip("/"), self.headers.get("Range", "")
        self.server.asked.append((name, asked))
        if not (self.server.folder / name).is_file():
            self.send_error(404)
            return
        data = (self.server.folder / name).read_bytes()
        start = start_of(asked) if asked else 0
        self.send_response(206 if asked else 200)
        kinds = {".mpd": "application/dash+xml", ".html": "text/html"}
        self.send_header("Content-Type", kinds.get(Path(name).suffix, "video/mp4"))
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(len(data) - start))
        if asked:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        self.end_headers()
        whole = start > 0 or name not in self.server.broken | self.server.stuck
        self.wfile.write(data[start:] if whole else data[: len(data) // 2])
        self.wfile.flush()
        while name in self.server.stuck and not whole:
            time.sleep(0.05)

    def log_message(self, *words: object) -> None:
        pass


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    (tmp_path / "site").mkdir()
    server = Site(tmp_path / "site")
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def write_clip(path: Path, seed: int = 0, sound: bool = False, picture: bool = True) -> Path:
    """Two seconds of noise, which does not pack well, so that half of the file is still a lot."""
    rng = np.random.default_rng(seed)
    with av.open(str(path), "w", format="mp4") as out:
        if picture:
            stream = out.add_stream("libx264", rate=25)
            stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
            for _ in range(50):
                image = rng.integers(0, 255, (64, 96, 3), np.uint8)
                out.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
            out.mux(stream.encode())
        if sound:
            track = out.add_stream("aac", rate=44100, layout="mono")
            tone = np.sin(np.arange(88200) / 20).astype(np.float32)[None]
            frame = av.AudioFrame.from_ndarray(tone, format="fltp", layout="mono")
            frame.rate, frame.pts = 44100, 0
            out.mux(track.encode(frame))
            out.mux(track.encode())
    return path


def write_list(folder: Path, site: Site, *names: str) -> Path:
    (folder / "list.txt").write_text("# a list\n\n" + "".join(f"{site.url}/{name}  # why not\n" for name in names))
    return folder / "list.txt"


def start_of(asked: str) -> int:
    return int(asked.removeprefix("bytes=").split("-")[0])


def rows(path: Path) -> list[dict[str, str]]:
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_videos_are_fetched_once_and_told_of(tmp_path: Path, site: Site) -> None:
    clips = [write_clip(site.folder / f"clip{k}.mp4", seed=k) for k in range(3)]
    wanted = write_list(tmp_path, site, "clip0.mp4", "clip1.mp4", "clip0.mp4", "gone.mp4", "clip2.mp4")
    found = download(wanted, tmp_path / "got", pause=0)
    assert len(found.fetched) == 3
    assert found.had == []
    told = rows(tmp_path / "got" / "manifest.csv")
    assert [row["url"].rsplit("/")[-1] for row in told] == [clip.name for clip in clips]
    for row, clip in zip(told, clips, strict=True):
        fetched = tmp_path / "got" / row["file"]
        assert fetched.name == f"{row['id']}.mp4"
        assert fetched.read_bytes() == clip.read_bytes()
        assert (row["width"], row["height"], row["fps"], row["duration"]) == ("96", "64", "25.0", "2.0")
        assert (row["bytes"], row["sha256"]) == (str(clip.stat().st_size), sha256(clip))
    (gone,) = rows(tmp_path / "got" / "unavailable.csv")
    assert gone["url"].endswith("gone.mp4")
    assert "404" in gone["reason"]
    assert "yt-dlp" not in gone["reason"]
    assert found.unavailable == {gone["id"]: gone["reason"]}
    names = {path.name for path in (tmp_path / "got").iterdir()}
    assert names == {row["file"] for row in told} | {"manifest.csv", "unavailable.csv"}

    asked = len(site.asked)
    again = download(wanted, tmp_path / "got", pause=0)
    assert (again.fetched, again.had, again.unavailable) == ([], found.fetched, found.unavailable)
    assert len(site.asked) == asked

    write_clip(site.folder / "gone.mp4", seed=9)
    come = download(wanted, tmp_path / "got", pause=0, retry=True)
    assert come.fetched == [gone["id"]]
    assert come.unavailable == {}
    assert rows(tmp_path / "got" / "unavailable.csv") == []
    assert {file for file, _ in site.asked[asked:]} == {"gone.mp4"}


def test_files_are_looked_at_before_they_are_left_alone(tmp_path: Path, site: Site) -> None:
    clips = [write_clip(site.folder / f"clip{k}.mp4", seed=k) for k in range(4)]
    wanted, got = write_list(tmp_path, site, *(clip.name for clip in clips)), tmp_path / "got"
    download(wanted, got, pause=0)
    before = rows(got / "manifest.csv")
    untouched, cut, changed, untold = paths = [got / row["file"] for row in before]
    cut.write_bytes(b"short")
    data = bytearray(changed.read_bytes())
    data[-100] ^= 1
    changed.write_bytes(data)
    for path in (untouched, changed):
        os.utime(path, (time.time() + 60, time.time() + 60))
    lines = (got / "manifest.csv").read_text().splitlines(keepends=True)
    (got / "manifest.csv").write_text("".join(lines[:-1]))  # killed between the file and its row
    written = untold.stat().st_mtime_ns
    found = download(wanted, got, pause=0)
    assert (found.had, found.fetched) == ([untouched.stem], [cut.stem, changed.stem, untold.stem])
    assert [path.read_bytes() for path in paths] == [clip.read_bytes() for clip in clips]
    assert untold.stat().st_mtime_ns == written
    after = {row["id"]: {**row, "fetched": ""} for row in rows(got / "manifest.csv")}
    assert after == {row["id"]: {**row, "fetched": ""} for row in before}


def test_what_a_site_may_send(tmp_path: Path, site: Site) -> None:
    names = ["broken.mp4", "apart.mpd", "many.html", "none.mp4"]
    broken = write_clip(site.folder / "broken.mp4")
    site.broken.add("broken.mp4")
    (site.folder / "apart.mpd").write_text(MPD)
    picture = write_clip(site.folder / "picture.mp4")
    write_clip(site.folder / "sound.m4a", picture=False, sound=True)
    several = "".join(f'<video src="{site.url}/{name}"></video>' for name in ("picture.mp4", "sound.m4a"))
    (site.folder / "many.html").write_text(f"<html><head><title>Two</title></head><body>{several}</body></html>")
    (site.folder / "none.mp4").write_text("<html>Please log in.</html>" * 100)
    found = download(write_list(tmp_path, site, *names), tmp_path / "got", pause=0)
    files = [tmp_path / "got" / row["file"] for row in rows(tmp_path / "got" / "manifest.csv")]
    many, none = found.unavailable.values()

    # A transfer that breaks off is gone on with.
    assert files[0].read_bytes() == broken.read_bytes()
    assert 0 < start_of(site.ranges("broken.mp4")[-1]) <= broken.stat().st_size // 2
    # Picture and sound that come apart are put together as they are.
    with av.open(str(files[1])) as file, av.open(str(picture)) as sent:
        assert [stream.type for stream in file.streams] == ["video", "audio"]
        track = file.streams.audio[0]
        assert float((track.duration or 0) * (track.time_base or 0)) == pytest.approx(2, abs=0.1)
        frames, true = (list(each.decode(video=0)) for each in (file, sent))
    assert [frame.time for frame in frames] == [frame.time for frame in true]
    assert all(np.array_equal(a.to_ndarray(), b.to_ndarray()) for a, b in zip(frames, true, strict=True))
    # A page of several videos gives none of them; what is no video is not kept.
    assert "shows no single video" in many
    assert none
    assert {path.name for path in (tmp_path / "got").iterdir()} - {"manifest.csv", "unavailable.csv"} == {
        file.name for file in files
    }


def test_a_run_that_is_killed_is_gone_on_with(tmp_path: Path, site: Site) -> None:
    write_clip(site.folder / "first.mp4")
    slow = write_clip(site.folder / "slow.mp4", seed=1)
    site.stuck.add("slow.mp4")
    wanted, got = write_list(tmp_path, site, "first.mp4", "slow.mp4"), tmp_path / "got"
    words = ["-m", "app.cli", "data", "download", str(wanted), "--out", str(got), "--pause", "0"]
    run = subprocess.Popen([sys.executable, *words], cwd=Path(__file__).parents[2], stderr=subprocess.PIPE)
    end = time.monotonic() + 30
    while not any(path.stat().st_size for path in got.glob("slow*.part")):
        assert time.monotonic() < end, "nothing of it ever came"
        time.sleep(0.05)
    run.kill()
    run.communicate()  # ends once its worker, too, is gone
    half = next(got.glob("slow*.part")).stat().st_size
    assert len(rows(got / "manifest.csv")) == 1
    with open(got / "manifest.csv", "a") as file:
        file.write("slow,half of a li")
    asked = len(site.asked)
    site.stuck.clear()
    found = download(wanted, got, pause=0)
    assert [name.split("-")[0] for name in (*found.had, *found.fetched)] == ["first", "slow"]
    assert (got / f"{found.fetched[0]}.mp4").read_bytes() == slow.read_bytes()
    assert {file for file, _ in site.asked[asked:]} == {"slow.mp4"}
    assert start_of(site.ranges("slow.mp4")[-1]) == half
    assert len(rows(got / "manifest.csv")) == 2


@pytest.mark.skipif(not PIANOYT.exists(), reason="PianoYT's list is not here")
def test_pianoyts_list_is_understood() -> None:
    wanted = read_list(PIANOYT)
    assert len(wanted) == len({video.id for video in wanted}) > 200
    first = wanted[0]
    assert (first.id, first.url) == ("bAS4XoMwsWw", "https://www.youtube.com/watch?v=bAS4XoMwsWw")
    assert (first.split, first.crop, first.given) == ("train", "666 999 45 1874", {"number": "100"})
    assert {video.split for video in wanted} == {"train", "test"}


def test_lists_of_all_kinds(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text(
        "\ufeff-abcdefghi_ # the first\nhttps://youtu.be/-abcdefghi_?t=3\n\n#none\nhttps://m.youtube.com/shorts/ABCDEFGHIJK\n"
        "https://www.youtube.com/watch?list=PL1&v=abcdefghijk\nhttps://host.example/a/../%25(x).mp4?k=1\n"
    )
    ids = [video.id for video in read_list(tmp_path / "list.txt")]
    assert ids[:3] == ["-abcdefghi_", "ABCDEFGHIJK", "abcdefghijk"]
    assert len(ids) == 4
    assert set(ids[3]) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")
    (tmp_path / "list.csv").write_text("Title,Link,id,Split,crop\nA waltz,https://host.example/w,no. 1,dev,\n")
    (video,) = read_list(tmp_path / "list.csv")
    assert (video.id, video.split, video.given) == ("no_1", "dev", {"title": "A waltz"})


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("list.txt", "abcdefghijk\nfile:///etc/passwd\n", r"list.txt, row 2: “file:///etc/passwd” is neither"),
        ("list.txt", "abc\n", "row 1: “abc” is neither"),
        ("list.txt", "https://www.youtube.com/playlist?list=PL1\n", "no address of one YouTube video"),
        ("list.txt", "# nothing\n", "names no video"),
        ("list.csv", "name,age\nx,3\n", "row 1: no column is named id, url, address or link"),
        ("list.csv", "id,split\nabcdefghijk,dev\nABCDEFGHIJK\n", "row 3: 1 fields instead of 2"),
        ("list.csv", "id,crop\nabcdefghijk,\nABCDEFGHIJK,9 1 2 3\n", "row 3: the crop “9 1 2 3”"),
        ("list.csv", "id,url\na,http://x.org/1\na,http://x.org/2\n", "row 3: “a” names another video above"),
        ("list.csv", "1,'https://youtu.be/abcdefghijk',1,0,9,0,9\n2,'https://youtu.be/abcd',1,0,9,0,9\n", "row 2: "),
    ],
)
def test_a_wrong_row_is_refused_before_anything_is_fetched(tmp_path: Path, name: str, text: str, sentence: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(DownloadError, match=sentence):
        download(tmp_path / name, tmp_path / "got")
    assert not (tmp_path / "got").exists()


def test_without_network_one_sentence_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloads.urllib.request, "getproxies", dict)
    (tmp_path / "list.txt").write_text("http://none.invalid/a.mp4\nhttp://none.invalid/b.mp4\n")
    with pytest.raises(DownloadError, match=r"There is no network: none.invalid cannot be found"):
        download(tmp_path / "list.txt", tmp_path / "got")
    assert not (tmp_path / "got" / "unavailable.csv").exists()


def test_a_disk_that_is_full_or_a_site_that_refuses_stops_the_run() -> None:
    with pytest.raises(DownloadError, match="disk is full"):
        downloads._check_going_on("unable to write data: [Errno 28] No space left on device", set())
    with pytest.raises(DownloadError, match="fewer requests"):
        downloads._check_going_on("Unable to download webpage: HTTP Error 429: Too Many Requests", set())


def test_a_ledger_keeps_what_was_whole_and_refuses_other_tables(tmp_path: Path) -> None:
    path = tmp_path / "done.csv"
    ledger = Ledger(path, ("id", "note"))
    ledger.add({"id": "a", "note": 'two\nlines, "quoted"'})
    ledger.add({"id": "b"})
    path.write_text(path.read_text() + "c,half a li")
    again = Ledger(path, ("id", "note"))
    assert again.rows == {"a": {"id": "a", "note": 'two lines, "quoted"'}, "b": {"id": "b", "note": ""}}
    again.add({"id": "d", "note": "new"})
    again.add({"id": "a", "note": "other"})
    again.remove("b")
    assert rows(path) == [{"id": "a", "note": "other"}, {"id": "d", "note": "new"}]
    with pytest.raises(FileError, match=r"done.csv, row 1: the columns are not id, when"):
        Ledger(path, ("id", "when"))
    path.write_text("id,note\na,1\nb\n")
    with pytest.raises(FileError, match=r"done.csv, row 3: 1 fields instead of 2"):
        Ledger(path, ("id", "note"))
