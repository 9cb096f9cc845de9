"""One datagram and what is answered to it."""

import asyncio

from standfast.configuration.model import Endpoint
from standfast.probes.names import resolve
from standfast.probes.place import LARGEST_SEEN


class _Answer(asyncio.DatagramProtocol):
    """The first datagram that comes back, or why none can."""

    def __init__(self) -> None:
        self.first: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def datagram_received(self, data: bytes, _: object) -> None:
        if not self.first.done():
            self.first.set_result(data)

    def error_received(self, error: Exception) -> None:
        if not self.first.done():
            self.first.set_exception(error)


async def ask(place: Endpoint, question: bytes, seen: bytearray, timeout_ms: int) -> bytes:
    """What is answered first; it comes from `place`, or the kernel says that nobody listens there (OSError)."""
    address = await resolve(place.host, timeout_ms)
    transport, answer = await asyncio.get_running_loop().create_datagram_endpoint(
        _Answer, remote_addr=(address, place.port)
    )
    try:
        transport.sendto(question)
        data = await answer.first
    finally:
        transport.abort()
    seen += data[:LARGEST_SEEN]
    return data
