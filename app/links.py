"""A video by its address on the web: fetched from public machines alone, however the address is written or redirected.

The name is resolved once, each address that it has is judged, and the very address that was judged is connected to: a
name that means another machine a moment later gains nothing. Every redirect is judged as if it had been typed. Proxies
that the environment names are not used, as they would resolve names themselves. Pages that only show a video are
refused here; those of well-known sites are for ``app/sites.py``.
"""

import http.client
import ipaddress
import os
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from time import monotonic
from urllib.parse import quote, unquote, urljoin, urlsplit

from app import words
from app.intake import MOST_MEGABYTES, IntakeError, check_size, title_of
from pianoroll.files import write_beside

REDIRECTS = 5
SILENCE = 20.0  # seconds that a server may say nothing
PATIENCE = 600.0  # seconds for everything
PORTS = {"http": 80, "https": 443}
AGENT = "silentkeys (a web page that reads piano videos)"
PIECE = 1 << 18  # bytes read at once

_SIGNS = "%/:=&?~+!$,;'@()*[]"  # of an address, kept as they are
_NAT64 = ipaddress.ip_network("64:ff9b::/96")  # the last 32 bits are an IPv4 address

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], list[str]]
Connect = Callable[[str, int, float], socket.socket]
Progress = Callable[[float], None]


class LinkError(IntakeError):
    """An address from which no video is fetched."""


@dataclass(frozen=True)
class _Place:
    """A judged link: where to connect, and what to ask for there."""

    url: str
    scheme: str
    host: str
    port: int
    query: str  # path and what follows it
    addresses: list[str]


def fetch(
    url: str,
    target: str | os.PathLike[str],
    *,
    resolve: Resolve | None = None,
    connect: Connect | None = None,
    progress: Progress | None = None,
) -> str:
    """Write the file that ``url`` names to ``target``; gives its title, made from the address.

    ``resolve``: the addresses of a host and port; ``connect``: to an address and port within so many seconds.
    ``progress``: 0..1. Raises LinkError where the address is not http(s), not public, not a file or cannot be reached;
    IntakeError where the file is too large; FileError where it cannot be written. Nothing half-fetched is left.
    """
    deadline = monotonic() + PATIENCE
    for _ in range(REDIRECTS + 1):
        place = judge(url, resolve=resolve)
        with _ask(place, connect or _connect, deadline) as answer:
            if answer.status in (301, 302, 303, 307, 308):
                url = urljoin(place.url, answer.headers.get("Location", ""))
                continue
            title = title_of(unquote(urlsplit(place.url).path))
            _check_answer(answer, place, title)
            _save(answer, target, place, title, deadline, progress)
            return title
    raise LinkError(words.LINK_ENDLESS.format(address=_short(url)))


def judge(url: str, *, resolve: Resolve | None = None) -> _Place:
    """What a link means, every address of its host being public. Raises LinkError where it is not to be followed."""
    try:
        parts = urlsplit(url.strip())
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise LinkError(words.LINK_NO_ADDRESS.format(address=_short(url))) from error
    if parts.scheme not in PORTS or not host:
        raise LinkError(words.LINK_NO_HTTP.format(address=_short(url)))
    if any(ord(letter) <= 32 or ord(letter) == 127 for letter in url.strip()):
        raise LinkError(words.LINK_BLANKS.format(address=_short(url)))
    if parts.username is not None or parts.password is not None:
        raise LinkError(words.LINK_PASSWORD)
    port = PORTS[parts.scheme] if port is None else port
    try:
        host = host.encode("idna").decode("ascii") if not host.isascii() else host
        addresses = (resolve or _resolve)(host, port)
    except (OSError, UnicodeError, ValueError) as error:
        raise LinkError(words.LINK_NO_MACHINE.format(host=_short(host))) from error
    if not addresses or not all(is_public(address) for address in addresses):
        raise LinkError(words.LINK_NOT_PUBLIC.format(host=_short(host)))
    query = quote((parts.path or "/") + (f"?{parts.query}" if parts.query else ""), safe=_SIGNS)
    return _Place(url.strip(), parts.scheme, host, port, query, addresses)


def is_public(address: str) -> bool:
    """Whether a numeric IP address is one of the web's, and no private, local, shared or reserved one.

    IPv4 addresses within IPv6 ones are judged for themselves.
    """
    try:
        found: Address = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address):
        if found.teredo is not None:
            return False
        within = found.ipv4_mapped or found.sixtofour
        if found in _NAT64:
            within = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
        if within is not None:
            return is_public(str(within))
        if found.is_site_local:
            return False
    return found.is_global and not (found.is_multicast or found.is_reserved or found.is_unspecified)


def _resolve(host: str, port: int) -> list[str]:
    """By the system, which also takes 2130706433, 0x7f.1 and 0177.0.0.1 for the addresses that they are."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def _connect(address: str, port: int, timeout: float) -> socket.socket:
    return socket.create_connection((address, port), timeout)


class _Pinned(http.client.HTTPConnection):
    """A connection to an address that was judged, whatever its host's name may mean by now."""

    def __init__(self, place: _Place, connect: Connect) -> None:
        super().__init__(place.host, place.port, timeout=SILENCE)
        self._place, self._connect_to = place, connect
        self._wire: socket.socket | None = None  # stays when http.client lets go of its own

    def connect(self) -> None:
        """To the first of the judged addresses that answers."""
        failed: OSError = OSError("no address")
        for address in self._place.addresses:
            try:
                self.sock = self._connect_to(address, self._place.port, SILENCE)
                break
            except OSError as error:
                failed = error
        else:
            raise failed
        if self._place.scheme == "https":
            self.sock = ssl.create_default_context().wrap_socket(self.sock, server_hostname=self._place.host)
        self._wire = self.sock

    def stop(self) -> None:
        """Break off, from another thread; who reads is told by an error or the end."""
        if self._wire is not None:
            with suppress(OSError):
                socket.socket.shutdown(self._wire, socket.SHUT_RDWR)  # below TLS, which a reader is still using


@contextmanager
def _ask(place: _Place, connect: Connect, deadline: float) -> Iterator[http.client.HTTPResponse]:
    """The answer to a GET, broken off at the ``deadline``. Raises LinkError where the machine cannot be reached."""
    connection = _Pinned(place, connect)
    late = threading.Timer(max(0.0, deadline - monotonic()), connection.stop)
    late.daemon = True
    headers = {"User-Agent": AGENT, "Accept": "video/*,*/*;q=0.5", "Accept-Encoding": "identity"}
    with closing(connection):
        late.start()
        try:
            connection.request("GET", place.query, headers=headers)
            answer = connection.getresponse()
        except (OSError, http.client.HTTPException, UnicodeError) as error:
            raise _not_fetched(place, error, deadline) from error
        else:
            with closing(answer):
                yield answer
        finally:
            late.cancel()


def _check_answer(answer: http.client.HTTPResponse, place: _Place, title: str) -> None:
    if answer.status != 200:
        raise LinkError(words.LINK_REFUSED.format(address=_short(place.url), status=answer.status))
    if answer.headers.get_content_type() in ("text/html", "application/xhtml+xml"):
        raise LinkError(words.LINK_PAGE.format(address=_short(place.url)))
    if answer.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise LinkError(words.LINK_PACKED.format(address=_short(place.url)))
    if answer.length is not None:
        check_size(answer.length, title)


def _save(
    answer: http.client.HTTPResponse,
    target: str | os.PathLike[str],
    place: _Place,
    title: str,
    deadline: float,
    progress: Progress | None,
) -> None:
    """Write the answer piece by piece. What is promised is not believed: the bytes that come are counted."""
    promised, got = answer.length, 0
    with write_beside(target) as temporary, open(temporary, "wb") as file:
        while piece := _read(answer, place, deadline):
            got += len(piece)
            check_size(got, title)
            file.write(piece)
            if progress is not None:
                progress(min(1.0, got / (promised or MOST_MEGABYTES << 20)))
        if promised is not None and got < promised:
            raise LinkError(words.LINK_BROKE_OFF.format(address=_short(place.url), megabytes=got / 2**20))


def _read(answer: http.client.HTTPResponse, place: _Place, deadline: float) -> bytes:
    """The next piece, empty at the end. Raises LinkError: errors of the disk alone stay the file's."""
    try:
        piece = answer.read1(PIECE)
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise _not_fetched(place, error, deadline) from error
    if monotonic() >= deadline:
        raise _not_fetched(place, TimeoutError(), deadline)
    return piece


def _not_fetched(place: _Place, error: Exception, deadline: float) -> LinkError:
    if monotonic() >= deadline:
        why = words.WHY_TOO_SLOW.format(minutes=PATIENCE / 60)
    elif isinstance(error, TimeoutError):
        why = words.WHY_SILENT
    elif isinstance(error, ssl.SSLError):
        why = words.WHY_NOT_SECURE
    elif isinstance(error, OSError):
        why = error.strerror or words.WHY_BROKEN
    else:
        why = words.WHY_NOT_HTTP
    return LinkError(words.LINK_NOT_FETCHED.format(address=_short(place.url), why=why))


def _short(url: str) -> str:
    """An address for a sentence: without what could be secret or endless."""
    plain = "".join(letter if letter.isprintable() else "?" for letter in url.split("?")[0])
    return f"“{plain[:77]}…”" if len(plain) > 78 else f"“{plain}”"
