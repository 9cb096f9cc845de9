"""Connections to what is probed: TCP or a Unix socket, with TLS or without; ssl is imported for TLS only (5 MiB)."""

import asyncio
import contextlib
import ipaddress
import math
import socket
import time
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final, SupportsIndex

from standfast.probes.verdict import BadAnswerError, CannotCheckError

if TYPE_CHECKING:
    import ssl

LARGEST_HEAD: Final = 32_768  # bytes that are read for one line or head
LARGEST_SEEN: Final = 4_096  # bytes of an answer that are kept for people
_LOOKUP_SHARE: Final = 0.8  # of a try's time: a resolver that hangs is not the service
_DAY_S: Final = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    host: str  # of a Unix socket: whose name its certificate must have
    port: int = 0
    path: str | None = None  # a Unix socket
    secure: bool = False
    timeout_ms: int  # of the whole try


class _Recorder(asyncio.StreamReader):
    """A reader that keeps the first bytes of what came, also of what nobody has read yet."""

    def __init__(self, seen: bytearray) -> None:
        super().__init__(limit=LARGEST_HEAD)
        self._seen = seen

    def feed_data(self, data: Iterable[SupportsIndex]) -> None:
        self._seen += bytes(data)[: max(LARGEST_SEEN - len(self._seen), 0)]
        super().feed_data(data)


@contextlib.asynccontextmanager
async def connected(place: Place, seen: bytearray) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection that is cut at the end: nothing is left to be said then, and nobody waits for a slow peer."""
    loop = asyncio.get_running_loop()
    reader = _Recorder(seen)
    protocol = asyncio.StreamReaderProtocol(reader)
    context, name = (_tls(), place.host) if place.secure else (None, None)
    if place.path is not None:
        made = await loop.create_unix_connection(lambda: protocol, place.path, ssl=context, server_hostname=name)
    else:
        address = await resolve(place.host, socket.SOCK_STREAM, place.timeout_ms)
        made = await loop.create_connection(lambda: protocol, address, place.port, ssl=context, server_hostname=name)
    writer = asyncio.StreamWriter(made[0], protocol, reader, loop)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def resolve(host: str, kind: socket.SocketKind, timeout_ms: int) -> str:
    """The first address of a host; that a name cannot be looked up in time tells nothing about the service."""
    if _is_address(host):
        return host
    try:
        async with asyncio.timeout(timeout_ms * _LOOKUP_SHARE / 1000):
            found = await asyncio.get_running_loop().getaddrinfo(host, 0, type=kind)
    except TimeoutError as error:
        raise CannotCheckError(f"{host} cannot be looked up: no name server answers") from error
    except (OSError, UnicodeError) as error:  # a name that no resolver is asked for is a UnicodeError
        why = getattr(error, "strerror", None) or "it is no name"
        raise CannotCheckError(f"{host} cannot be looked up: {why}") from error
    # IPv4 first: `localhost` is both, and many a daemon listens there only
    return str(min(found, key=lambda entry: entry[0])[4][0])


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def check_certificate(writer: asyncio.StreamWriter, days: int | None) -> None:
    """The other side's certificate is good for so many days more. Raises BadAnswerError."""
    if days is None:
        return
    import ssl

    until = writer.get_extra_info("peercert")["notAfter"]
    left = math.floor((ssl.cert_time_to_seconds(until) - time.time()) / _DAY_S)
    if left < days:
        raise BadAnswerError(f"its certificate is good for {left} more days only, until {until}")


@lru_cache(maxsize=1)
def _tls() -> "ssl.SSLContext":
    import ssl

    return ssl.create_default_context()
