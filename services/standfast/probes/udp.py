"""One datagram and its answer."""

import asyncio
import re
import socket

from standfast.configuration.model import Probe
from standfast.probes.streams import LARGEST_SEEN, resolve
from standfast.probes.verdict import BadAnswerError, excerpt


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


def subject(probe: Probe) -> str:
    """Where the datagram goes to."""
    return f"UDP {probe.connect}"


async def look(probe: Probe, seen: bytearray) -> str:
    """What is answered first matches. Raises as any checker does."""
    assert probe.connect is not None
    assert probe.send is not None
    assert probe.expect is not None
    address = await resolve(probe.connect.host, socket.SOCK_DGRAM, probe.timeout_ms)
    transport, answer = await asyncio.get_running_loop().create_datagram_endpoint(
        _Answer, remote_addr=(address, probe.connect.port)
    )
    try:
        transport.sendto(probe.send)
        data = await answer.first
    finally:
        transport.abort()
    seen += data[:LARGEST_SEEN]
    if not re.search(probe.expect.encode(), data):
        raise BadAnswerError(f"the answer does not match {probe.expect}: {excerpt(data)}")
    return f"the answer matches {probe.expect}"
