"""Videos from the web, by a list of their ids or addresses: fetched once each, politely, and listed as what they are.

A list is a text file (a YouTube id or an address a line; # begins a comment) or a CSV: PianoYT's own (number, address,
split, crop; no names of columns), or any whose columns have names, one of them ``id``, ``url``, ``address`` or
``link``. In the folder, ``manifest.csv`` tells what was fetched (see MANIFEST), ``unavailable.csv`` what could not be
and why. A run that was interrupted goes on where it stopped, also within a file.
"""

import csv
import hashlib
import json
import logging
import os
import re
import socket
import urllib.request
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import av

from dataset_tools.ledger import Ledger
from dataset_tools.work import do_all
from pianoroll import FileError, SilentkeysError
from pianoroll.files import check_folder, sha256, write_beside

MANIFEST = (
    *("id", "url", "file"),
    *("title", "uploader", "licence"),  # as the site says
    *("duration", "width", "height", "fps"),  # seconds, pixels
    *("bytes", "sha256"),
    *("split", "crop"),  # of the list: train, dev, test; min y, max y, min x, max x in pixels
    "fetched",  # UTC
    "given",  # the list's other columns, JSON
)
UNAVAILABLE = ("id", "url", "reason", "tried")
ADDRESSES = ("url", "address", "link")  # names of the column that holds addresses
SPLITS = {"1": "train", "3": "test"}  # PianoYT's
LINES = 720  # what a picture should have at least
# Whole files of so many lines; else picture and sound apart, which are put together here: no ffmpeg is needed.
FORMATS = f"b[height>={LINES}]/(bv,ba)/b/bv"
PREFERRED = ["res:1080", "vcodec:h264", "ext:mp4:m4a", "acodec:aac"]  # more than 1080 lines teach nothing
PAUSE = 5.0  # seconds before each file, up to twice as long
TIMEOUT = 30.0  # seconds that a server may be silent
RETRIES = 5
YOUTUBE_ID = re.compile(r"[\w-]{11}", re.ASCII)
STOPS = {  # what would stop every other item too
    "No space left on device": "The disk is full; free some space, then run the same command again.",
    "The disk is full": "The disk is full; free some space, then run the same command again.",
    "HTTP Error 429": "The site asks for fewer requests; wait some hours, then go on with a longer --pause.",
    "not a bot": "The site takes this for a robot; wait some hours, then go on with a longer --pause.",
}

_log = logging.getLogger("silentkeys")

Progress = Callable[[str, float | None], None]


class DownloadError(SilentkeysError):
    """A list that cannot be read, or videos that cannot be fetched."""


@dataclass(frozen=True)
class Wanted:
    """A video to fetch: ``id`` names its file; ``given`` are the other columns of the list."""

    id: str
    url: str
    split: str = ""
    crop: str = ""
    given: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Downloads:
    """Ids: fetched by this run, had before, and the reason for each of the list that there is none of.

    ``small``: those fetched by this run that have fewer than LINES.
    """

    fetched: list[str]
    had: list[str]
    unavailable: dict[str, str]
    small: list[str]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"fetched": self.fetched, "had": self.had, "unavailable": self.unavailable, "small": self.small}


def download(
    source: str | os.PathLike[str],
    folder: str | os.PathLike[str],
    *,
    pause: float = PAUSE,
    jobs: int | None = None,
    ray: str | None = None,
    retry: bool = False,
    progress: Progress | None = None,
) -> Downloads:
    """Fetch the videos of a list into ``folder``; those that are there, as the manifest says they are, are left alone.

    ``pause``: seconds between requests of one worker; ``jobs``, ``ray``: see ``work.do_all``; ``retry``: try those of
    unavailable.csv again. Raises DownloadError where a row of the list is wrong (before anything is fetched), there is
    no network, or the site wants no more requests; FileError where the folder cannot be written.
    """
    wanted = read_list(source)
    if pause < 0:
        raise DownloadError(f"--pause is {pause:g}; give 0 or more seconds.")
    target = check_folder(folder).resolve()
    manifest, unavailable = Ledger(target / "manifest.csv", MANIFEST), Ledger(target / "unavailable.csv", UNAVAILABLE)
    for scrap in target.glob(".writing-*"):  # of a run that was killed while it wrote
        scrap.unlink()
    had = [video.id for video in wanted if video.id in manifest and _is_whole(target, manifest.rows[video.id])]
    whole = set(had)
    missing = [video for video in wanted if video.id not in whole and (retry or video.id not in unavailable)]
    hosts = {str(urlsplit(video.url).hostname) for video in missing}
    if ray is None:
        check_network(hosts)

    def tell(done: int, count: int) -> None:
        if progress is not None:
            progress(f"{done} of {count} videos", done / count)

    if progress is not None:
        progress("fetching", None)
    task, fetched = partial(fetch, folder=target, pause=pause), []
    with closing(do_all(task, missing, jobs=jobs, ray=ray, tell=tell)) as outcomes:
        for outcome in outcomes:
            video, reason = outcome.item, str(outcome.failure)
            if outcome.result is not None:
                manifest.add(outcome.result)
                unavailable.remove(video.id)
                fetched.append(video.id)
            else:
                _check_going_on(reason, hosts if ray is None else set())
                unavailable.add({"id": video.id, "url": video.url, "reason": reason, "tried": _now()})
    reasons = {v.id: unavailable.rows[v.id]["reason"] for v in wanted if v.id in unavailable and v.id not in whole}
    small = [name for name in fetched if int(manifest.rows[name]["height"]) < LINES]
    return Downloads(fetched, had, reasons, small)


def _is_whole(folder: Path, row: dict[str, str]) -> bool:
    """Whether a file is still the one that was fetched: by its size, and by its hash if it was touched since."""
    path = folder / Path(row["file"]).name
    try:
        size, fetched = int(row["bytes"]), datetime.fromisoformat(row["fetched"]).timestamp()
    except ValueError as error:
        raise FileError(f"{folder / 'manifest.csv'}: the row of {row['id']} is wrong ({error}); remove it.") from error
    if not path.is_file():
        return False
    found = path.stat()
    if found.st_size == size and (found.st_mtime <= fetched + 1 or sha256(path) == row["sha256"]):
        return True
    path.unlink()
    return False


def _check_going_on(reason: str, hosts: set[str]) -> None:
    """Raise DownloadError where what failed one video would fail all."""
    for sign, sentence in STOPS.items():
        if sign in reason:
            raise DownloadError(sentence)
    check_network(hosts)


def check_network(hosts: set[str]) -> None:
    """Raise DownloadError where not one of the hosts can be found; with a proxy, that is the proxy's to tell."""
    if not hosts or urllib.request.getproxies():
        return
    for host in hosts:
        try:
            socket.getaddrinfo(host, None)
        except OSError:
            continue
        return
    raise DownloadError(f"There is no network: {min(hosts)} cannot be found; connect, then run the same command again.")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


# ---- lists -----------------------------------------------------------------------------------------------------------


def read_list(source: str | os.PathLike[str]) -> list[Wanted]:
    """The videos of a list, each once. Raises DownloadError, with the row, where one cannot be understood."""
    path = Path(source)
    if not path.is_file():
        raise DownloadError(f"{path} does not exist; give a list of YouTube ids or addresses.")
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DownloadError(f"{path} is no text that can be read: {error}.") from error
    try:
        rows = _read_table(path, lines) if path.suffix.lower() == ".csv" else _read_lines(lines)
    except csv.Error as error:
        raise DownloadError(f"{path} is no table: {error}.") from error
    wanted: dict[str, Wanted] = {}
    for number, row in rows:
        try:
            video = _wanted(row)
        except ValueError as error:
            raise DownloadError(f"{path}, row {number}: {error}; mend or remove it.") from error
        if wanted.setdefault(video.id, video).url != video.url:
            raise DownloadError(f"{path}, row {number}: “{video.id}” names another video above; give each its own id.")
    if not wanted:
        raise DownloadError(f"{path} names no video; write a YouTube id or an address on each line.")
    return list(wanted.values())


def _read_lines(lines: Sequence[str]) -> list[tuple[int, dict[str, str]]]:
    """Number and content of the rows of a plain list."""
    words = [(number, re.sub(r"(^|\s)#.*", "", line).strip()) for number, line in enumerate(lines, start=1)]
    return [(number, {"id": word}) for number, word in words if word]


def _read_table(path: Path, lines: Sequence[str]) -> list[tuple[int, dict[str, str]]]:
    """Number and content of the rows of a CSV, PianoYT's or one whose columns have names."""
    rows = [(number, row) for number, row in enumerate(csv.reader(lines), start=1) if any(map(str.strip, row))]
    if not rows:
        return []
    if len(rows[0][1]) == 7 and "://" in rows[0][1][1]:
        return [(number, _pianoyt(path, number, row)) for number, row in rows]
    names = [name.strip().lower() for name in rows[0][1]]
    if not {"id", *ADDRESSES} & set(names):
        raise DownloadError(f"{path}, row 1: no column is named id, {', '.join(ADDRESSES[:-1])} or {ADDRESSES[-1]}.")
    for number, row in rows[1:]:
        if len(row) != len(names):
            raise DownloadError(f"{path}, row {number}: {len(row)} fields instead of {len(names)}; mend or remove it.")
    return [(number, dict(zip(names, map(str.strip, row), strict=True))) for number, row in rows[1:]]


def _pianoyt(path: Path, number: int, row: list[str]) -> dict[str, str]:
    if len(row) != 7:
        raise DownloadError(f"{path}, row {number}: {len(row)} fields instead of 7; mend or remove it.")
    order, url, split, *crop = (word.strip().strip("'") for word in row)
    return {"number": order, "url": url, "split": SPLITS.get(split, split), "crop": " ".join(crop)}


def _wanted(row: dict[str, str]) -> Wanted:
    """A video of a list. Raises ValueError, with half a sentence, where it cannot be understood."""
    given = dict(row)
    names = [name for name in (*ADDRESSES, "id") if given.get(name)]
    if not names:
        raise ValueError("it names no video")
    name, url = address_of(given.pop(names[0]))
    if names[0] in ADDRESSES and given.get("id"):
        name = _safe(given.pop("id"))
    split, crop = given.pop("split", ""), given.pop("crop", "")
    if crop:
        crop = _crop(crop)
    return Wanted(name, url, split, crop, {column: value for column, value in given.items() if value})


def address_of(word: str) -> tuple[str, str]:
    """Id and address of a video, by either. YouTube's addresses, in all their forms, become one.

    Raises ValueError, with half a sentence, where it is no address, or YouTube's of no single video.
    """
    if YOUTUBE_ID.fullmatch(word):
        return word, f"https://www.youtube.com/watch?v={word}"
    parts = urlsplit(word)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"“{word}” is neither a YouTube id nor an address that begins with http:// or https://")
    host = parts.hostname.removeprefix("www.").removeprefix("m.").removeprefix("music.")
    if host in ("youtube.com", "youtube-nocookie.com", "youtu.be"):
        pieces = [*parse_qs(parts.query).get("v", []), *reversed(parts.path.split("/"))]
        if not YOUTUBE_ID.fullmatch(pieces[0]):
            raise ValueError(f"“{word}” is no address of one YouTube video")
        return address_of(pieces[0])
    return f"{_safe(Path(parts.path).stem)[:40]}-{hashlib.sha1(word.encode()).hexdigest()[:8]}", word


def _safe(name: str) -> str:
    """A name that any file may have."""
    return re.sub(r"[^\w-]+", "_", name, flags=re.ASCII).strip("_") or "video"


def _crop(text: str) -> str:
    numbers = [int(word) for word in re.findall(r"-?\d+", text)]
    if len(numbers) != 4 or not (0 <= numbers[0] < numbers[1] and 0 <= numbers[2] < numbers[3]):
        raise ValueError(f"the crop “{text}” is not min y, max y, min x, max x in pixels")
    return " ".join(map(str, numbers))


# ---- one video -------------------------------------------------------------------------------------------------------


def fetch(video: Wanted, *, folder: Path, pause: float) -> dict[str, object]:
    """Fetch a video into ``folder`` as ``id.mp4`` (or .mkv, .webm); gives its row of the manifest.

    What was fetched of it before is gone on with. Raises DownloadError, with the site's reason, where it cannot be had.
    """
    import yt_dlp

    # A file has its last name only once it is whole: it was fetched, and the run ended before the manifest had it.
    whole = [path for path in folder.glob(f"{video.id}.*") if path.stem == video.id and path.suffix != ".csv"]
    settings = _settings(folder, video.id, pause, fetched=bool(whole))
    try:
        with yt_dlp.YoutubeDL(settings) as youtube:
            info = youtube.extract_info(video.url)
    except yt_dlp.utils.YoutubeDLError as error:
        raise DownloadError(reason_of(str(error))) from error
    parts = [Path(part["filepath"]) for part in (info or {}).get("requested_downloads", []) if "filepath" in part]
    if not info or not (whole or parts):
        raise DownloadError(f"{video.url} shows no single video that can be fetched: it may be a list, or live.")
    path = whole[0] if whole else _put_together(parts, folder / video.id)
    facts = _look_at(path)
    about = {"title": "title", "uploader": "uploader", "licence": "license"}
    return {
        **{column: info.get(name) or "" for column, name in about.items()},
        **facts,
        "id": video.id,
        "url": video.url,
        "file": path.name,
        "bytes": path.stat().st_size,
        "sha256": sha256(path),
        "split": video.split,
        "crop": video.crop,
        "fetched": _now(),
        "given": json.dumps(video.given, ensure_ascii=False) if video.given else "",
    }


def _settings(folder: Path, name: str, pause: float, *, fetched: bool) -> dict[str, Any]:
    """How yt-dlp works for a list: politely, names from ids alone."""
    return {
        **one_quietly(),
        "format": FORMATS,
        "format_sort": PREFERRED,
        "outtmpl": {"default": str(folder / name).replace("%", "%%") + ".%(format_id)s.%(ext)s"},
        "skip_download": fetched,
        "sleep_interval": pause,
        "max_sleep_interval": 2 * pause,
        "sleep_interval_requests": pause / 5,
        "match_filter": _single,
    }


def one_quietly() -> dict[str, Any]:
    """How yt-dlp works for whoever asks it: one video, its file as it came, and what it says goes to the log alone."""
    return {
        "retries": RETRIES,
        "fragment_retries": RETRIES,
        "socket_timeout": TIMEOUT,
        "noplaylist": True,
        "extract_flat": "in_playlist",
        "fixup": "never",
        "updatetime": False,
        "quiet": True,
        "no_warnings": True,
        "noprogress": True,
        "color": "no_color",
        "logger": _Silent(),
    }


class _Silent:
    """What yt-dlp says goes to the log alone."""

    def debug(self, text: str) -> None:
        _log.debug("yt-dlp: %s", text)

    info = warning = error = debug


def _single(info: dict[str, Any], *, incomplete: bool = False) -> str | None:
    """Why a video is not to be fetched, if so."""
    if info.get("playlist_index") is not None:
        return "it is one of several"
    return "it is live" if info.get("is_live") else None


def reason_of(text: str) -> str:
    """The site's own reason in one line, without what yt-dlp says of itself."""
    for noise in (
        r"^ERROR:\s*(\[[^]]*\]\s*([^\s:]+:\s+)?)?",
        r"\s*\(caused by .*",
        r"[;.]?\s*please report this issue on .*",
        r"HTTPS?Connection\(.*?\): ",
    ):
        text = re.sub(noise, "", text, flags=re.DOTALL)
    return " ".join(text.split()) or "It cannot be fetched."


def _put_together(parts: list[Path], stem: Path) -> Path:
    """One file of what was fetched: the file itself, or picture and sound in one, as they are, not coded anew."""
    if len(parts) == 1:
        return parts[0].replace(stem.with_name(stem.name + parts[0].suffix))
    suffix = ".mp4" if all(part.suffix in (".mp4", ".m4a") for part in parts) else ".mkv"
    with write_beside(stem.with_name(stem.name + suffix)) as path:
        try:
            _mux(parts, path)
        except (av.FFmpegError, ValueError) as error:
            raise DownloadError(f"Picture and sound cannot be put together: {error}.") from error
    for part in parts:
        part.unlink()
    return stem.with_name(stem.name + suffix)


def _mux(parts: list[Path], path: Path) -> None:
    with av.open(str(path), "w") as out:
        sources = [av.open(str(part)) for part in parts]
        try:
            streams = [out.add_stream_from_template(file.streams[0]) for file in sources]
            packets = [file.demux(file.streams[0]) for file in sources]
            heads = [_next(each) for each in packets]
            while any(heads):  # in the order of time, so that a player need not look far for the sound
                k = min((k for k in range(len(heads)) if heads[k]), key=lambda k: heads[k].dts * heads[k].time_base)
                heads[k].stream = streams[k]
                out.mux(heads[k])
                heads[k] = _next(packets[k])
        finally:
            for file in sources:
                file.close()


def _next(packets: Any) -> Any:
    return next((packet for packet in packets if packet.dts is not None), None)


def _look_at(path: Path) -> dict[str, object]:
    """Size, rate and length of a video. Raises DownloadError, and takes the file away, where it is none."""
    try:
        with av.open(str(path)) as file:
            picture = file.streams.video[0]
            seconds = float(file.duration / av.time_base) if file.duration else 0.0
            size = {"width": picture.width, "height": picture.height}
            return {**size, "fps": round(float(picture.average_rate or 0), 3), "duration": round(seconds, 2)}
    except (av.FFmpegError, IndexError) as error:
        path.unlink(missing_ok=True)
        raise DownloadError("What was fetched is no video.") from error
