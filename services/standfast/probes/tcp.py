"""A connection over TCP or a Unix socket: it is accepted, and what is sent is answered as expected."""

import re
from typing import Final

from standfast.configuration.model import Probe
from standfast.probes.streams import Place, check_certificate, connected
from standfast.probes.verdict import BadAnswerError, excerpt

_LARGEST_ANSWER: Final = 65_536  # bytes that are read and searched


def subject(probe: Probe) -> str:
    """Where it connects to."""
    kind = "TLS" if probe.tls else "TCP"
    return f"{kind} {probe.connect}" + (f" at {probe.socket}" if probe.socket else "")


async def look(probe: Probe, seen: bytearray) -> str:
    """The connection is made, and what comes on it matches. Raises as any checker does."""
    assert probe.connect is not None
    place = Place(
        host=probe.connect.host,
        port=probe.connect.port,
        path=probe.socket,
        secure=probe.tls,
        timeout_ms=probe.timeout_ms,
    )
    async with connected(place, seen) as (reader, writer):
        if probe.tls:
            check_certificate(writer, probe.certificate_days)
        if probe.send is not None:
            writer.write(probe.send)
            await writer.drain()
        if probe.expect is None:
            return "connected"
        expected, received = re.compile(probe.expect.encode()), b""
        while len(received) < _LARGEST_ANSWER and (data := await reader.read(_LARGEST_ANSWER - len(received))):
            received += data
            if expected.search(received):
                return f"the answer matches {probe.expect}"
    if not received:
        raise BadAnswerError("the connection was closed without an answer")
    raise BadAnswerError(f"the answer does not match {probe.expect}: {excerpt(received)}")
