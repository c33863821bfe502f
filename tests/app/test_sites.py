"""Videos by the pages of sites: which addresses are theirs, what is fetched and what refused, and how it is said."""

import re
import stat
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from example_site import EXAMPLE, PAGE, ExampleSite, pretend, serve
from yt_dlp.extractor import gen_extractor_classes
from yt_dlp.utils import DownloadError, ExtractorError

from app import child, intake, sites, video_step
from app.child import Bounds, ChildError
from app.intake import IntakeError
from app.line import Line
from app.links import LinkError
from app.sessions import Room
from app.sites import SITES, in_words, site_of
from app.visit import Lines, Visit

MakeVideo = Callable[..., Path]
AMPLE = Bounds(memory=8 << 30, seconds=60)
FILES = "http://files.example"
PICTURE = {"vcodec": "avc1.64001f", "acodec": "none", "width": 1280, "height": 720}
PLUGIN = "from pathlib import Path\nPath(__file__).with_name('was_loaded').touch()\n"


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[ExampleSite]:
    with serve() as site:
        pretend(monkeypatch, site.server_port, fenced=False)
        yield site


def fetch(url: str, folder: Path, told: list[Any] | None = None) -> dict[str, str]:
    return sites.fetch(url, folder, progress=lambda *how: None if told is None else told.append(how))


def fetch_fenced(port: int, url: str, folder: str, plugins: str, *, progress: Any) -> dict[str, str]:
    """In the child: with the real fence, and with what a computer may have of its own."""
    with pytest.MonkeyPatch.context() as patch:
        pretend(patch, port, fenced=True)
        patch.syspath_prepend(plugins)
        patch.setenv("PATH", plugins)
        patch.setenv("http_proxy", "http://127.0.0.1:9")
        return sites.fetch(url, folder, progress=progress)


def in_child(port: int, url: str, folder: Path) -> dict[str, str]:
    words, how = (port, url, str(folder), str(folder.parent / "plugins")), {"tell": lambda *_: None}
    return child.run(fetch_fenced, *words, bounds=AMPLE, stopped=threading.Event(), **how)


# ---- which addresses -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://www.youtube.com/watch?v=abcdefghijk", "YouTube"),
        ("https://youtube.com/shorts/abcdefghijk", "YouTube"),
        ("HTTPS://M.YouTube.COM/watch?v=abcdefghijk", "YouTube"),
        ("https://music.youtube.com/watch?v=abcdefghijk&list=RD", "YouTube"),
        ("http://youtu.be/abcdefghijk?t=3", "YouTube"),
        ("https://www.youtube-nocookie.com/embed/abcdefghijk", "YouTube"),
        ("https://www.youtube.com:443/watch?v=abcdefghijk", "YouTube"),
        (" https://vimeo.com/76979871\n", "Vimeo"),
        ("https://player.vimeo.com/video/76979871", "Vimeo"),
        ("https://www.dailymotion.com/video/x5kesuj", "Dailymotion"),
        ("https://dai.ly/x5kesuj", "Dailymotion"),
        ("https://m.bilibili.com/video/BV1bK411W797", "Bilibili"),
        ("https://streamable.com/dnd1", "Streamable"),
        ("https://archive.org/details/a_piano", "Internet Archive"),
        ("https://commons.wikimedia.org/wiki/File:Für_Elise_(piano).webm", "Wikimedia Commons"),
    ],
)
def test_addresses_of_sites_are_known_and_so_are_they_to_yt_dlp(url: str, name: str) -> None:
    site = site_of(url)
    assert site is not None
    assert site.name == name
    address = sites._address(site, url)
    assert next(each.IE_NAME for each in gen_extractor_classes() if each.suitable(address)) in site.extractors
    assert sites.site_of(address) is site


@pytest.mark.parametrize(
    "url",
    [
        "https://youtube.com.evil.example/watch?v=abcdefghijk",
        "https://evilyoutube.com/watch?v=abcdefghijk",
        "https://youtube.com@evil.example/watch?v=abcdefghijk",
        "https://user:word@youtube.com/watch?v=abcdefghijk",
        "https://evil.example@youtube.com/watch?v=abcdefghijk",
        "https://evil.example\\@youtube.com/",
        "https://youtube.com\\@evil.example/",
        "https://evil.example\\.youtube.com/",
        "https://evil.example/youtube.com/watch?v=abcdefghijk",
        "https://evil.example?https://youtube.com/watch?v=abcdefghijk",
        "https://evil.example#@youtube.com/watch?v=abcdefghijk",
        "https://youtube.com:8080/watch?v=abcdefghijk",
        "https://youtube.com:80/watch?v=abcdefghijk",
        "https://youtube.com:x/watch?v=abcdefghijk",
        "https://youtube.com./watch?v=abcdefghijk",
        "https://.youtube.com/watch?v=abcdefghijk",
        "https://youtube..com/watch?v=abcdefghijk",
        "https://you\ntube.com/watch?v=abcdefghijk",
        "https://youtube.com/watch?v=abc\r\nHost: inside.example",
        "https://youtube。com/watch?v=abcdefghijk",
        "https://yоutube.com/watch?v=abcdefghijk",  # a Cyrillic o
        "https://xn--yutube-wqf.com/watch?v=abcdefghijk",
        "https://ｙoutube.com/watch?v=abcdefghijk",
        "https://youtube%2ecom/watch?v=abcdefghijk",
        "https://[youtube.com]/watch?v=abcdefghijk",
        "ftp://youtube.com/watch?v=abcdefghijk",
        "file://youtube.com/etc/passwd",
        "//youtube.com/watch?v=abcdefghijk",
        "youtube.com/watch?v=abcdefghijk",
        "abcdefghijk",
        "ytsearch:piano",
        "javascript://youtube.com/%0aalert(1)",
        "https://upload.wikimedia.org/piano.webm",
        "https://peertube.example/w/abcdefghijk",
        "https://127.0.0.1/",
        "https://com/",
        "https://",
        "",
    ],
)
def test_what_only_looks_like_a_site_is_none(url: str) -> None:
    assert site_of(url) is None


def test_no_site_is_asked_by_an_extractor_that_goes_anywhere() -> None:
    names = {each.IE_NAME: each for each in gen_extractor_classes()}
    for site in SITES:
        for extractor in site.extractors:
            assert not names[extractor].suitable("https://evil.example/videos/watch/abcdefghijk")
            assert extractor.lower() not in ("generic", "peertube", "html5")


# ---- what is fetched -------------------------------------------------------------------------------------------------


def test_a_page_gives_its_video_by_the_sites_title(site: ExampleSite, make_video: MakeVideo, tmp_path: Path) -> None:
    clip = make_video(frames=50).read_bytes()
    site.files["/clip"] = clip
    (tmp_path / "50% of it").mkdir()
    told: list[Any] = []
    url = site.add("waltz", {**PICTURE, "url": f"{FILES}/clip"}, title="Waltz /../ <b>No. 2</b>\x1b[31m.mp4")
    assert fetch(url, tmp_path / "50% of it", told) == {"file": "video.mp4", "title": "Waltz .. b No. 2 b 31m"}
    assert (tmp_path / "50% of it" / "video.mp4").read_bytes() == clip
    assert [path.name for path in (tmp_path / "50% of it").iterdir()] == ["video.mp4"]
    assert told[0] == ("ask", None)
    assert told[-1] == ("fetch", 1.0)
    assert site.asked == [("videos.example", "/api/waltz"), ("files.example", "/clip")]


@pytest.mark.parametrize(
    ("forms", "best"),
    [
        ([{"height": 360}, {"height": 720}, {"height": 1080}], 1),
        ([{"height": 360}, {"height": 1080}, {"height": 2160}], 1),
        ([{"height": 1080, "width": 1920}, {"height": 1280, "width": 720}, {"height": 3840, "width": 2160}], 1),
        ([{"acodec": "mp4a.40.2"}, {}, {"acodec": "mp4a.40.2", "tbr": 9000}], 1),
        ([{"vcodec": "none"}, {"vcodec": "av01.0.05M.08", "ext": "webm"}, {}, {"vcodec": "vp9", "ext": "webm"}], 2),
        ([{"height": 360}, {"filesize": 600 << 20}, {"height": 480, "filesize": 400 << 20}], 2),
        ([{"height": 360}, {"protocol": "rtmp"}, {"protocol": "m3u8"}, {"protocol": "ism"}, {"ext": "mhtml"}], 0),
    ],
)
def test_of_its_forms_the_one_that_reads_best_is_fetched(
    forms: list[dict[str, Any]], best: int, site: ExampleSite, tmp_path: Path
) -> None:
    for k in range(len(forms)):
        site.files[f"/{k}"] = b"a video" * 10
    fetch(site.add("waltz", *({**PICTURE, "url": f"{FILES}/{k}", **form} for k, form in enumerate(forms))), tmp_path)
    assert site.paths() == [f"/{best}"]


def test_a_file_on_a_host_of_a_site_is_fetched_as_files_are(site: ExampleSite, tmp_path: Path) -> None:
    site.files["/files/waltz.webm"] = b"a video" * 1000
    assert fetch("http://videos.example/files/waltz.webm", tmp_path) == {"file": "video.webm", "title": "waltz"}
    assert (tmp_path / "video.webm").read_bytes() == b"a video" * 1000


# ---- what is not -----------------------------------------------------------------------------------------------------


FORM = {**PICTURE, "url": f"{FILES}/clip", "ext": "mp4"}
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "long": ({"duration": 3601.0, "formats": [FORM]}, "“A waltz” is longer than 60 minutes"),
    "large": ({"formats": [{**FORM, "filesize": 501 << 20}]}, "“A waltz” is larger than 500 MB"),
    "heavy": ({"formats": [{**FORM, "tbr": 90000}]}, "“A waltz” is larger than 500 MB"),  # kbit/s, for a minute
    "live": ({"is_live": True, "formats": [FORM]}, "is live, or has yet to begin"),
    "ended": ({"live_status": "post_live", "formats": [FORM]}, "is live, or has yet to begin"),
    "several": ({"_type": "playlist", "entries": [{"id": "a", "title": "a", **FORM}]}, "shows no single video"),
    "elsewhere": ({"_type": "url", "url": "http://videos.example/files/clip"}, "does not answer as yt-dlp expects"),
    "generic": ({"_type": "url", "url": FORM["url"], "ie_key": "Generic"}, "does not answer as yt-dlp expects"),
    "sound": ({"formats": [{**FORM, "vcodec": "none", "acodec": "mp4a.40.2"}]}, "in no form that can be read"),
    "sharp": ({"formats": [{**FORM, "width": 3840, "height": 2160}]}, "in no form that can be read"),
    "locked": ({"formats": [{**FORM, "has_drm": True}]}, "protected against copying"),
    "empty": ({"formats": []}, "does not answer as yt-dlp expects"),
    "odd": ({"formats": [{**FORM, "url": "file:///etc/passwd"}]}, "in no form that can be read"),
    "old": ({"formats": [{**FORM, "url": "ftp://files.example/clip"}]}, "in no form that can be read"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_taken_is_refused_before_it_is_fetched(name: str, site: ExampleSite, tmp_path: Path) -> None:
    facts, words = REFUSED[name]
    site.files["/clip"] = site.files["/files/clip"] = b"a video"
    with pytest.raises(IntakeError, match=words):
        fetch(site.add(name, **facts), tmp_path)
    assert site.paths() == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("path", ["/endless/", "/clip"])
def test_more_than_was_told_is_given_up(
    path: str, site: ExampleSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (intake, sites):
        monkeypatch.setattr(module, "MOST_MEGABYTES", 1)
    site.files["/clip"] = bytes((1 << 20) + 1)
    with pytest.raises(IntakeError, match="larger than 1 MB"):
        fetch(site.add("waltz", {**FORM, "url": FILES + path, "filesize": 1000}), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_takes_too_long_is_given_up(site: ExampleSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sites, "PATIENCE", 0.3)
    began = time.monotonic()
    with pytest.raises(LinkError, match="takes longer than 0 minutes"):
        fetch(site.add("waltz", {**FORM, "url": f"{FILES}/endless/"}), tmp_path)
    assert time.monotonic() - began < 10
    assert list(tmp_path.iterdir()) == []


def test_without_network_or_yt_dlp_a_sentence_says_so(
    site: ExampleSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    offline = sites.Site("Offline", ("none.example",), ("example",))
    monkeypatch.setattr(sites, "SITES", (EXAMPLE, offline))
    with pytest.raises(LinkError, match=r"no network where this page runs: Offline cannot be found"):
        fetch("http://none.example/watch/waltz", tmp_path)
    for name in [name for name in sys.modules if name.split(".")[0] == "yt_dlp"]:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(LinkError, match="yt-dlp, which is not installed: pip install yt-dlp"):
        fetch(PAGE + "waltz", tmp_path)
    assert site.asked == []


# ---- in the child, behind the real fence -----------------------------------------------------------------------------


def test_behind_the_fence_a_stream_in_pieces_arrives_and_nothing_of_the_computer_is_used(tmp_path: Path) -> None:
    plugins = tmp_path / "plugins" / "yt_dlp_plugins" / "extractor"
    plugins.mkdir(parents=True)
    (plugins / "mine.py").write_text(PLUGIN)
    ffmpeg = tmp_path / "plugins" / "ffmpeg"
    ffmpeg.write_text(f"#!/bin/sh\n: > '{tmp_path}/ffmpeg_ran'\n")
    ffmpeg.chmod(ffmpeg.stat().st_mode | stat.S_IEXEC)
    (tmp_path / "video").mkdir()
    stream = {**PICTURE, "url": f"{FILES}/all.m3u8", "protocol": "m3u8_native"}
    with serve() as site:
        site.files = {"/all.m3u8": b"#EXTM3U\n#EXTINF:5,\n1.ts\n#EXTINF:5,\n2.ts\n#EXT-X-ENDLIST\n"}
        site.files |= {"/1.ts": b"one" * 1000, "/2.ts": b"two" * 1000}
        got = in_child(site.server_port, site.add("waltz", stream), tmp_path / "video")
        assert site.paths() == ["/all.m3u8", "/1.ts", "/2.ts"]
    assert got == {"file": "video.mp4", "title": "A waltz"}
    assert (tmp_path / "video" / "video.mp4").read_bytes() == b"one" * 1000 + b"two" * 1000
    assert not (tmp_path / "ffmpeg_ran").exists()
    assert not (plugins / "was_loaded").exists()


@pytest.mark.parametrize("kind", ["page", "file", "piece"])
def test_behind_the_fence_nothing_leads_to_a_private_machine(kind: str, tmp_path: Path) -> None:
    (tmp_path / "video").mkdir()
    with serve() as site:
        site.files = {"/inside": b"secret", "/all.m3u8": b"#EXTM3U\n#EXTINF:5,\nhttp://inside.example/inside\n"}
        forms = {
            "page": ("", "http://inside.example/inside"),
            "file": ("", f"{FILES}/to/http://127.0.0.2:{site.server_port}/inside"),
            "piece": ("m3u8_native", f"{FILES}/all.m3u8"),
        }
        protocol, url = forms[kind]
        page = site.add("waltz", {**PICTURE, "url": url, **({"protocol": protocol} if protocol else {})})
        with pytest.raises(ChildError, match="leads to a machine that is not a public one"):
            in_child(site.server_port, page, tmp_path / "video")
        assert "/inside" not in site.paths()
    assert list((tmp_path / "video").iterdir()) == []


@pytest.mark.parametrize("how", ["cancel", "another source"])
def test_a_fetch_that_is_called_off_ends_at_once_and_leaves_nothing(
    how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(video_step.st, "session_state", {})
    (tmp_path / "room").mkdir()
    here = Visit(Room(tmp_path / "room", spare=0), Lines(Line(1), Line(1)))
    folder = here.new_folder()
    with serve() as site:
        page = site.add("waltz", {**PICTURE, "url": f"{FILES}/held/"})
        words = (site.server_port, page, str(folder), str(tmp_path))
        job = here.fetch("fetch", page, AMPLE, fetch_fenced, *words, about=folder).job
        assert site.holding.wait(30)
        while not any(path.is_file() for path in folder.rglob("*")):  # it is just being opened
            assert not job.over.wait(0.05)
        if how == "cancel":
            video_step.forget_video(here)
        else:
            assert video_step._look(here, "example", None, page, "") is not None
        assert job.over.is_set()
    assert here.tasks == {}
    assert [path.name for path in here.folder.iterdir()] == [".used"]


# ---- words -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("[youtube] abcdefghijk: Video unavailable", "There is no such video on Example"),
        ("[youtube] abcdefghijk: Video unavailable. This video is private", "private or restricted by age"),
        ("[youtube] abcdefghijk: Private video. Sign in if you've been granted access", "private or restricted"),
        ("[youtube] abcdefghijk: Sign in to confirm your age. This video may be inappropriate", "restricted by age"),
        ("[youtube] abcdefghijk: Sign in to confirm you’re not a bot. Use --cookies-from-browser", "for a robot"),
        ("[youtube] abcdefghijk: Join this channel to get access to members-only content", "wants one to sign in"),
        ("[youtube] abcdefghijk: This live event will begin in 5 hours.", "is live, or has yet to begin"),
        ("[youtube] abcdefghijk: Premieres in 20 minutes", "is live, or has yet to begin"),
        ("[youtube] abcdefghijk: The uploader has not made this video available in your country", "in the country"),
        ("[youtube] abcdefghijk: Video unavailable. It was blocked in your country on copyright", "in the country"),
        ("[youtube] abcdefghijk: This video has been removed by the uploader", "no such video"),
        ("[youtube] abcdefghijk: Unable to download API page: HTTP Error 429: Too Many Requests", "asked too often"),
        ("[vimeo] 1: Unable to download webpage: HTTP Error 404: Not Found (caused by <HTTPError>)", "no such video"),
        ("[vimeo] 1: Unable to download JSON metadata: HTTP Error 503: Service Unavailable", "cannot be reached"),
        ("[vimeo] 1: This video is only available for registered users", "sign in"),
        ("unable to download video data: HTTP Error 403: Forbidden", "pip install -U yt-dlp"),
        ("unable to write data: [Errno 28] No space left on device: '/tmp/page/x'", "the disk is full"),
        ("Unable to download webpage: <urlopen error [Errno 101] Network is unreachable>", "cannot be reached"),
        ("Unable to download webpage: The read operation timed out", "cannot be reached"),
        ("This video is DRM protected", "protected against copying"),
        ("[youtube] abcdefghijk: \x1b[0;31mThe piano is out of tune\x1b[0m. See https://x", "The piano is out of tune"),
        ("[youtube] abcdefghijk: Play at www.evil.example or https://evil.example/x now", "Play at or now"),
    ],
)
def test_what_yt_dlp_says_is_told_in_words(said: str, words: str) -> None:
    cause = ExtractorError(said, expected=True)
    told = in_words(EXAMPLE, DownloadError(f"ERROR: {said}", (type(cause), cause, None)))
    assert words in told
    assert told.endswith((".", "!"))
    assert not re.search(r"\x1b|Errno|ERROR|/tmp|Traceback|--|http|caused|\{", told)


def test_a_mistake_of_yt_dlps_is_no_reason_of_the_sites() -> None:
    cause = ExtractorError("Unable to extract player at /home/x/yt_dlp/common.py")
    told = in_words(EXAMPLE, DownloadError(f"ERROR: {cause}", (type(cause), cause, None)))
    assert "pip install -U yt-dlp" in told
    assert "/home" not in told
