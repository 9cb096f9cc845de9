"""One GET of a health page over asyncio streams: what was seen, and whether it is what was expected (RFC 9112).

http.client would need a thread for each try; ssl is imported for https only (it costs 5 MiB).
"""

import asyncio
import errno
import re
import socket
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import TYPE_CHECKING, Final
from urllib.parse import SplitResult, urlsplit

from standfast.configuration.model import Probe

if TYPE_CHECKING:
    import ssl

LARGEST_HEAD: Final = 32_768  # bytes of status line and headers
LARGEST_BODY: Final = 65_536  # bytes that are read and searched; the rest of a page is not looked at
_LATE_S: Final = 0.25  # a time-out noticed so late tells about our own process, not about the page
_SHORTAGES: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS, errno.EADDRNOTAVAIL})
_STATUS_LINE: Final = re.compile(rb"HTTP/1\.[01] ([1-5][0-9][0-9])(?: .*)?")


class Outcome(Enum):
    GOOD = "good"
    BAD = "bad"
    UNKNOWN = "unknown"  # the checker could not work: that says nothing about what it checks


@dataclass(frozen=True, slots=True, kw_only=True)
class Try:
    """One try and what was seen, a sentence without a full stop."""

    outcome: Outcome
    text: str


class _BadAnswerError(Exception):
    """The other side answered, but not as expected."""


class _CannotCheckError(Exception):
    """The try could not be made."""


async def check(probe: Probe) -> Try:
    """One try; it ends within the probe's timeout and never raises for anything the other side does."""
    loop = asyncio.get_running_loop()
    begin = loop.time()
    outcome, text = Outcome.BAD, ""
    try:
        async with asyncio.timeout(probe.timeout_ms / 1000):
            outcome, text = Outcome.GOOD, await _get(probe)
    except _BadAnswerError as error:
        text = str(error)
    except _CannotCheckError as error:
        outcome, text = Outcome.UNKNOWN, str(error)
    except TimeoutError:
        late = loop.time() - begin - probe.timeout_ms / 1000 > _LATE_S
        outcome = Outcome.UNKNOWN if late else Outcome.BAD
        text = "this process was not scheduled" if late else f"no answer within {probe.timeout_ms / 1000:g} s"
    except (OSError, EOFError) as error:
        outcome = Outcome.UNKNOWN if isinstance(error, OSError) and error.errno in _SHORTAGES else Outcome.BAD
        text = _why(error)
    return Try(outcome=outcome, text=f"GET {_shown(probe.url)}: {text}")


async def _get(probe: Probe) -> str:
    url = urlsplit(probe.url)
    assert url.hostname is not None
    secure = url.scheme == "https"
    port = url.port or (443 if secure else 80)
    address = await _resolve(url.hostname, port)
    context = _tls() if secure else None
    reader, writer = await asyncio.open_connection(
        address, port, ssl=context, server_hostname=url.hostname if secure else None, limit=LARGEST_HEAD
    )
    try:
        writer.write(_request(url))
        await writer.drain()
        status, headers = await _read_head(reader)
        body = await _read_body(reader, status, headers)
    finally:
        writer.transport.abort()  # nothing is left to be said, and nobody waits for a slow peer
    return _judge(probe, status, body)


async def _resolve(host: str, port: int) -> str:
    """The first address of a host; that a name cannot be looked up tells nothing about the service."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise _CannotCheckError(f"{host} cannot be looked up: {error.strerror}") from error
    # IPv4 first: `localhost` is both, and many a daemon listens there only
    return str(min(found, key=lambda entry: entry[0])[4][0])


def _request(url: SplitResult) -> bytes:
    path = (url.path or "/") + (f"?{url.query}" if url.query else "")
    host = url.netloc.rpartition("@")[2]
    lines = (f"GET {path} HTTP/1.1", f"Host: {host}", "User-Agent: standfast", "Accept: */*", "Connection: close")
    return "".join(f"{line}\r\n" for line in (*lines, "")).encode("ascii")


async def _read_head(reader: asyncio.StreamReader) -> tuple[int, dict[bytes, bytes]]:
    """Status and headers of the final answer; interim ones (1xx) are skipped."""
    while True:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError as error:
            if not error.partial:
                raise _BadAnswerError("the connection was closed without an answer") from error
            raise _BadAnswerError(f"the answer is not HTTP: {_excerpt(error.partial)}") from error
        except asyncio.LimitOverrunError as error:
            raise _BadAnswerError(f"the answer's head is longer than {LARGEST_HEAD} bytes") from error
        first, *lines = head.split(b"\r\n")
        found = _STATUS_LINE.fullmatch(first)
        if found is None:
            raise _BadAnswerError(f"the answer is not HTTP: {_excerpt(first)}")
        status = int(found[1])
        if status >= 200:
            pairs = (line.partition(b":") for line in lines)
            return status, {name.strip().lower(): value.strip() for name, _, value in pairs}


async def _read_body(reader: asyncio.StreamReader, status: int, headers: dict[bytes, bytes]) -> bytes:
    """The body, or its first LARGEST_BODY bytes."""
    if status in (204, 304):
        return b""
    if b"chunked" in headers.get(b"transfer-encoding", b"").lower():
        return await _read_chunks(reader)
    length = headers.get(b"content-length", b"")
    if not length:
        return await _read_to_end(reader)
    if not length.isdigit() or len(length) > 18:
        raise _BadAnswerError(f"the answer's Content-Length is no number: {_excerpt(length)}")
    return await _read_exactly(reader, min(int(length), LARGEST_BODY))


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    body = b""
    while len(body) < LARGEST_BODY:
        try:
            line = await reader.readuntil(b"\r\n")
            size = int(line.partition(b";")[0].strip(), 16)
        except (ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            raise _BadAnswerError("the answer's chunks are malformed") from error
        if size <= 0:
            break
        body += await _read_exactly(reader, min(size, LARGEST_BODY))
        if size > LARGEST_BODY or await _read_exactly(reader, 2) != b"\r\n":
            break
    return body[:LARGEST_BODY]


async def _read_exactly(reader: asyncio.StreamReader, size: int) -> bytes:
    try:
        return await reader.readexactly(size)
    except asyncio.IncompleteReadError as error:
        raise _BadAnswerError(f"the answer ended after {len(error.partial)} of {size} bytes") from error


async def _read_to_end(reader: asyncio.StreamReader) -> bytes:
    body = b""
    while len(body) < LARGEST_BODY and (data := await reader.read(LARGEST_BODY - len(body))):
        body += data
    return body


def _judge(probe: Probe, status: int, body: bytes) -> str:
    if status not in probe.status:
        raise _BadAnswerError(f"status {status}, expected {_statuses(probe.status)}")
    if probe.body is not None and not re.search(probe.body, body.decode("utf-8", "replace"), re.MULTILINE):
        raise _BadAnswerError(f"status {status}, but the body does not match {probe.body}: {_excerpt(body)}")
    return f"status {status}"


def _statuses(expected: frozenset[int]) -> str:
    numbers = sorted(expected)
    return ", ".join(map(str, numbers)) if len(numbers) < 6 else f"{numbers[0]} … {numbers[-1]}"


def _excerpt(data: bytes) -> str:
    """The first characters of what a stranger sent, fit for a journal's line."""
    text = data[:60].decode("utf-8", "replace")
    return "“" + "".join(char if char.isprintable() else " " for char in text).strip() + "”"


def _shown(url: str) -> str:
    """The URL as people may see it: without user and password."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def _why(error: OSError | EOFError) -> str:
    match error:
        case ConnectionRefusedError():
            return "connection refused"
        case ConnectionResetError() | EOFError():
            return "the connection was reset"
        case _:
            return error.strerror or type(error).__name__


@lru_cache(maxsize=1)
def _tls() -> "ssl.SSLContext":
    import ssl

    return ssl.create_default_context()
