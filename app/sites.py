"""A video by the address of the page that shows it, of a few well-known sites, by yt-dlp.

A site stands here by its hosts and by yt-dlp's own extractors for it; no other extractor is asked, and never the one
for any page. Fetching is for a child process (``app/fence.py``): yt-dlp makes requests of its own, and there each of
their connections is judged. The limits are those of ``app/intake.py``; length, and size where the site tells it, are
judged before anything is fetched. No cookies, settings, plugins or programs of the computer are used.
"""

import os
import re
import socket
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from app import fence, links, words
from app.intake import MOST_MEGABYTES, check_length, check_size, stored_name, title_of
from app.links import LinkError
from app.report import Progress
from video2roll.video import VIDEO_SUFFIXES

PATIENCE = 1800.0  # seconds for one video
ENOUGH, MOST = 720, 1080  # lines of a picture: what should be there, and more of which teach nothing
PREFERRED = ["+hasaud", "vcodec:h264", "ext:mp4"]  # no sound is needed; what decodes quickly
PROTOCOLS = ("http", "https", "http_dash_segments", "m3u8_native")  # that yt-dlp reads itself, without ffmpeg
NOT_OVER = ("is_live", "is_upcoming", "post_live")
SINGLE = ("video", "url", "url_transparent")  # what yt-dlp may find at an address; else lists of several
SAID = 160  # letters of a site's own reason, which are shown at most

_ADDRESS = re.compile(r"(https?://|www\.)\S+")
_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")

REASONS = {  # what is wrong, by what yt-dlp says of it; the first that fits
    r"not a bot|HTTP Error 429|rate.?limit|too many requests|likely being blocked|blocked by server": words.SITE_ROBOT,
    r"HTTP Error 5": words.SITE_BROKE_OFF,
    r"\bDRM\b": words.SITE_PROTECTED,
    r"geo.?restrict|your (country|location)|available (in|from) your": words.SITE_COUNTRY,
    r"will begin|premieres|scheduled|live event|is offline": words.SITE_LIVE,
    r"private|sign.?in|log.?in|logged.?in|registered|password|cookies|members|premium|confirm your age|age.?restrict"
    r"|supporter|purchase|requires payment|rental": words.SITE_PRIVATE,
    r"HTTP Error 4(04|10)|unavailable|not available|no longer|removed|deleted|terminated|not found|not exist"
    r"|looks truncated": words.SITE_NO_VIDEO,
    r"HTTP Error 4": words.SITE_OUT_OF_DATE,
    r"No space left": words.SITE_NOT_WRITTEN.format(why=words.WHY_DISK_FULL),
    r"timed? ?out|Errno|urlopen error|unreachable|refused|reset|IncompleteRead|bytes read|broken pipe"
    r"|any data|too short|is empty|SSL|certificate": words.SITE_BROKE_OFF,
}


@dataclass(frozen=True)
class Site:
    """``name``: for people; ``hosts``: each with its subdomains; ``extractors``: yt-dlp's names of those for one video.

    Only sites on fixed public hosts; none whose extractor goes to whatever host a page names, as PeerTube's does.
    """

    name: str
    hosts: tuple[str, ...]
    extractors: tuple[str, ...]


SITES = (
    Site("YouTube", ("youtube.com", "youtube-nocookie.com", "youtu.be"), ("youtube",)),
    Site("Vimeo", ("vimeo.com",), ("vimeo",)),
    Site("Dailymotion", ("dailymotion.com", "dai.ly"), ("dailymotion",)),
    Site("Bilibili", ("bilibili.com",), ("BiliBili",)),
    Site("Streamable", ("streamable.com",), ("Streamable",)),
    Site("Internet Archive", ("archive.org",), ("archive.org",)),
    Site("Wikimedia Commons", ("commons.wikimedia.org",), ("wikimedia.org",)),
)


def site_of(url: str) -> Site | None:
    """The site of SITES that an address belongs to; None for all others, and for whatever is written oddly."""
    host = _host(url)
    for site in SITES:
        if any(host == known or host.endswith(f".{known}") for known in site.hosts):
            return site
    return None


def _host(url: str) -> str:
    """The host of a plain http(s) address in small letters; empty where there is none, or one could be misled."""
    plain = url.strip()
    if any(letter <= " " or letter in "\\\x7f" for letter in plain):
        return ""
    try:
        parts = urlsplit(plain)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return ""
    usual = port is None or port == links.PORTS.get(parts.scheme)
    if parts.scheme not in links.PORTS or not usual or "@" in parts.netloc:
        return ""
    return host if re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)+", host) else ""


# ---- in a child process ----------------------------------------------------------------------------------------------


def fetch(url: str, folder: str | os.PathLike[str], *, progress: Progress) -> dict[str, str]:
    """Write the video of a page into ``folder``; gives the name of its file, and its title as the site has it.

    The process is fenced in from then on. Raises LinkError where the page is not one of SITES, shows no single video or
    it cannot be had, and IntakeError where it is longer or larger than the page takes. Nothing half-fetched is left.
    """
    refused = fence.stay_public()
    site = site_of(url)
    if site is None:
        raise LinkError(words.SITE_NOT_KNOWN)
    try:
        return _fetch(site, _address(site, url), Path(folder), progress, refused)
    except OSError as error:
        raise LinkError(words.SITE_NOT_WRITTEN.format(why=error.strerror or words.WHY_DISK_FAILED)) from error


def _fetch(site: Site, address: str, folder: Path, progress: Progress, refused: list[str]) -> dict[str, str]:
    os.environ["YTDLP_NO_PLUGINS"] = "1"
    try:
        from yt_dlp.extractor import gen_extractor_classes
    except ImportError as error:
        raise LinkError(words.SITE_NOT_INSTALLED.format(site=site.name)) from error
    progress("ask", None)
    try:
        socket.getaddrinfo(_host(address), None)
    except OSError as error:
        raise LinkError(words.SITE_OFFLINE.format(site=site.name)) from error
    if not any(each.IE_NAME in site.extractors and each.suitable(address) for each in gen_extractor_classes()):
        return _fetch_file(address, folder, progress)
    with tempfile.TemporaryDirectory(prefix=".fetching-", dir=folder) as scratch:
        page = _Page(site, Path(scratch), progress, refused)
        page.fetch(address)
        files = list(Path(scratch).iterdir())
        if len(files) != 1:
            raise LinkError(words.SITE_NOT_WHOLE.format(site=site.name))
        check_size(files[0].stat().st_size, page.title)
        return {"file": files[0].replace(folder / stored_name(files[0].name)).name, "title": page.title}


def _fetch_file(address: str, folder: Path, progress: Progress) -> dict[str, str]:
    """What is no page of a video may be the file of one, as the Internet Archive has them."""
    file = folder / stored_name(urlsplit(address).path)
    return {"file": file.name, "title": links.fetch(address, file, progress=partial(progress, "fetch"))}


def _address(site: Site, url: str) -> str:
    """The address as yt-dlp's extractors know it: small letters, no “m.” of phones, one video of YouTube's lists."""
    from dataset_tools.download import address_of

    parts = urlsplit(url.strip())
    plain = urlunsplit((parts.scheme, _host(url).removeprefix("m."), parts.path or "/", parts.query, ""))
    try:
        return address_of(plain)[1]
    except ValueError as error:
        raise LinkError(words.SITE_NOT_ONE.format(site=site.name)) from error


class _Page:
    """One page's video on its way into the empty folder ``scratch``. ``refused``: see ``fence.stay_public``."""

    def __init__(self, site: Site, scratch: Path, progress: Progress, refused: list[str]) -> None:
        self.site, self.title = site, title_of("")
        self._refused = refused
        self._scratch, self._progress, self._deadline = scratch, progress, monotonic() + PATIENCE

    def fetch(self, address: str) -> None:
        """Raises LinkError and IntakeError, in words, whatever yt-dlp says."""
        from yt_dlp.utils import YoutubeDLError

        try:
            with _one_video(self.site, self._settings()) as youtube:
                youtube.extract_info(address)
        except YoutubeDLError as error:
            said = words.SITE_NOT_PUBLIC.format(site=self.site.name) if self._refused else in_words(self.site, error)
            raise LinkError(said) from error
        except (LookupError, TypeError, ValueError, AttributeError, AssertionError) as error:  # mistakes of yt-dlp's
            raise LinkError(words.SITE_OUT_OF_DATE.format(site=self.site.name)) from error

    def _settings(self) -> dict[str, Any]:
        """How yt-dlp works: with nothing of this computer's own, and without other programs."""
        from dataset_tools.download import one_quietly

        return {
            **one_quietly(),
            "allowed_extractors": [re.escape(name) for name in self.site.extractors],
            "format": self._choose,
            "format_sort": PREFERRED,
            "outtmpl": {"default": str(self._scratch / "fetched").replace("%", "%%") + ".%(ext)s"},
            "match_filter": self._judge,
            "progress_hooks": [self._heard],
            "continuedl": False,
            "cachedir": False,
            "proxy": "",  # none, also of those that the environment names
            "geo_bypass": False,
            "extractor_retries": 1,
            "external_downloader": {"default": "native"},
        }

    def _judge(self, info: dict[str, Any], *, incomplete: bool = False) -> None:
        """What the site says of the video, before its form is chosen. Raises LinkError or IntakeError to refuse it."""
        self.title = title_of(re.sub(r"[/\\]", " ", str(info.get("title") or "")))
        if info.get("is_live") or info.get("live_status") in NOT_OVER:
            raise LinkError(words.SITE_LIVE.format(site=self.site.name))
        check_length(info.get("duration") or 0.0, self.title)

    def _choose(self, context: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """The best form that can be read and is not too large; of the same lines the last, as PREFERRED sorts them."""
        forms = sorted(filter(_can_be_read, context["formats"]), key=_sharpness)
        if not forms:
            raise LinkError(words.SITE_NO_FORM.format(site=self.site.name))
        sizes = [form.get("filesize") or form.get("filesize_approx") or 0 for form in forms]
        check_size(min(sizes), self.title)
        yield [form for form, size in zip(forms, sizes, strict=True) if size <= MOST_MEGABYTES << 20][-1]

    def _heard(self, status: dict[str, Any]) -> None:
        """Tell how far it is, and give up what is too large or slow. What is promised is not believed."""
        if monotonic() > self._deadline:
            raise LinkError(words.SITE_TOO_SLOW.format(title=self.title, minutes=round(PATIENCE / 60)))
        written = sum(file.stat().st_size for file in self._scratch.iterdir())
        check_size(max(written, status.get("total_bytes") or 0), self.title)
        total = status.get("total_bytes") or status.get("total_bytes_estimate")
        self._progress("fetch", min(1.0, (status.get("downloaded_bytes") or 0) / total) if total else None)


def _can_be_read(form: dict[str, Any]) -> bool:
    """Whether yt-dlp can fetch a form by itself, and it has pictures, not more than are useful."""
    video = form.get("vcodec") != "none" and f".{form.get('ext')}" in VIDEO_SUFFIXES
    return video and form.get("protocol") in PROTOCOLS and _lines(form) <= MOST


def _sharpness(form: dict[str, Any]) -> tuple[bool, int]:
    """Grows with what a form is worth: as few lines as are enough, else as many as there are."""
    lines = _lines(form)
    return lines >= ENOUGH, -lines if lines >= ENOUGH else lines


def _lines(form: dict[str, Any]) -> int:
    """Of the narrow side, as phones film upright; 0 where it is not known."""
    height = form.get("height") or 0
    return min(height, form.get("width") or height)


def _one_video(site: Site, settings: dict[str, Any]) -> Any:
    """A YoutubeDL that refuses lists, and uses Python's own connections, which the fence sees."""
    from yt_dlp import YoutubeDL

    class OneVideo(YoutubeDL):
        def build_request_director(self, handlers: Any, preferences: Any = None) -> Any:
            return super().build_request_director([each for each in handlers if each.RH_NAME == "urllib"])

        def process_ie_result(self, ie_result: dict[str, Any], *how: Any, **more: Any) -> Any:
            if ie_result.get("_type", "video") not in SINGLE:
                raise LinkError(words.SITE_NOT_ONE.format(site=site.name))
            return super().process_ie_result(ie_result, *how, **more)

    return OneVideo(settings)


def in_words(site: Site, error: Exception) -> str:
    """What yt-dlp could not do, as a sentence. Only reasons that are the site's own are shown as they are."""
    from dataset_tools.download import reason_of

    text = _ANSI.sub("", str(error))
    for sign, sentence in REASONS.items():
        if re.search(sign, text, re.IGNORECASE):
            return sentence.format(site=site.name)
    cause = (getattr(error, "exc_info", None) or (None, error))[1]
    reason = reason_of(_ADDRESS.sub("", text)).split(". ")[0].rstrip(".!")
    if not getattr(cause, "expected", False) or len(reason) > SAID:
        return words.SITE_OUT_OF_DATE.format(site=site.name)
    return words.SITE_REFUSED.format(site=site.name, reason=reason)
