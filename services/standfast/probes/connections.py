"""A connection to what is probed, over TCP or a Unix socket, with TLS or without; it works on the socket itself.

asyncio's streams take a third more processor time for a page, and its TLS a quarter of a MiB for each connection.
"""

import asyncio
import contextlib
import socket
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, Self

from standfast.probes.names import resolve
from standfast.probes.place import LARGEST_HEAD, LARGEST_SEEN, Place

if TYPE_CHECKING:
    import ssl

    from standfast.probes.tls import Tls

_AT_ONCE: Final = 16_384  # bytes; room for 64 KiB costs a fifth more of a try, in page faults


class Connection:
    """Bytes that come are kept until they are read, and the first of them in `seen` for people.

    It is cut at the end of a `with`: nothing is left to be said then, and nobody waits for a slow peer.
    """

    def __init__(self, own: socket.socket, seen: bytearray) -> None:
        self._loop = asyncio.get_running_loop()
        self._socket = own
        self._seen = seen
        self._received = bytearray()
        self._tls: Tls | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    async def start_tls(self, context: "ssl.SSLContext", name: str) -> None:
        """From now on both sides speak TLS, and the other one's certificate is good and has this name."""
        from standfast.probes.tls import Tls

        tls = Tls(context, name, self._send, self._receive)
        self._received.clear()  # what was said without it is not taken for something else (RFC 3207)
        await tls.shake_hands()
        self._tls = tls

    @property
    def certificate(self) -> Mapping[str, Any]:
        """What the other side showed, as ssl.SSLObject.getpeercert has it."""
        return self._tls.certificate if self._tls else {}

    async def send(self, data: bytes) -> None:
        await (self._tls.send(data) if self._tls else self._send(data))

    async def read(self, size: int) -> bytes:
        """What has come, at least one byte and at most `size`; nothing when no more will come."""
        if not self._received:
            await self._more()
        return self._take(size)

    async def read_until(self, end: bytes) -> bytes:
        """All up to `end` and with it. Raises asyncio's IncompleteReadError and LimitOverrunError."""
        while (at := self._received.find(end)) < 0:
            if len(self._received) > LARGEST_HEAD:
                break
            if not await self._more():
                raise asyncio.IncompleteReadError(self._take(len(self._received)), None)
        if not 0 <= at <= LARGEST_HEAD:
            raise asyncio.LimitOverrunError(f"no end within {LARGEST_HEAD} bytes", len(self._received))
        return self._take(at + len(end))

    async def read_exactly(self, size: int) -> bytes:
        """So many bytes. Raises asyncio.IncompleteReadError."""
        while len(self._received) < size:
            if not await self._more():
                raise asyncio.IncompleteReadError(self._take(size), size)
        return self._take(size)

    def _take(self, size: int) -> bytes:
        taken = bytes(self._received[:size])
        del self._received[:size]
        return taken

    async def _more(self) -> bool:
        data = await (self._tls.receive() if self._tls else self._receive())
        self._received += data
        if len(self._seen) < LARGEST_SEEN:
            self._seen += data[: LARGEST_SEEN - len(self._seen)]
        return bool(data)

    async def _send(self, data: bytes) -> None:
        await self._loop.sock_sendall(self._socket, data)

    async def _receive(self) -> bytes:
        return await self._loop.sock_recv(self._socket, _AT_ONCE)


async def connection_to(place: Place, seen: bytearray) -> Connection:
    """A connection, for a `with`."""
    family, where = await _target(place)
    own = socket.socket(family, socket.SOCK_STREAM)
    try:
        own.setblocking(False)
        await _connect(own, where)
        if family is not socket.AF_UNIX:
            _refuse_itself(own)
            own.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # what is sent does not wait to become more
        connection = Connection(own, seen)
        if place.tls is not None:
            await connection.start_tls(place.tls, place.host)
    except BaseException:
        own.close()
        raise
    return connection


async def _connect(own: socket.socket, where: str | tuple[str, int]) -> None:
    """A second connect() succeeds at once where the first has reached a server of this machine by then (connect(2))."""
    for _ in range(2):
        with contextlib.suppress(BlockingIOError):
            own.connect(where)
            return
    await asyncio.get_running_loop().sock_connect(own, where)


def _refuse_itself(own: socket.socket) -> None:
    """Where nobody listens on a port that the kernel gives to clients, it may connect a socket to itself (RFC 9293)."""
    if own.getsockname() == own.getpeername():
        raise ConnectionRefusedError


async def _target(place: Place) -> tuple[socket.AddressFamily, str | tuple[str, int]]:
    if place.path is not None:
        return socket.AF_UNIX, place.path
    address = await resolve(place.host, place.timeout_ms)
    return socket.AF_INET6 if ":" in address else socket.AF_INET, (address, place.port)
