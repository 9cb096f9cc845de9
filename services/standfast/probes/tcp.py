"""A connection over TCP or a Unix socket: it is accepted, and what is sent is answered as expected."""

from typing import Final

from standfast.configuration.model import Probe
from standfast.probes.connections import connection_to
from standfast.probes.expressions import found
from standfast.probes.place import Place
from standfast.probes.tls import judge_certificate, tls_context
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
        tls=await tls_context(probe) if probe.tls else None,
        timeout_ms=probe.timeout_ms,
    )
    with await connection_to(place, seen) as connection:
        if probe.tls:
            judge_certificate(connection.certificate, probe.certificate_days)
        if probe.send is not None:
            await connection.send(probe.send)
        if probe.expect is None:
            return "connected"
        received = b""
        while len(received) < _LARGEST_ANSWER and (data := await connection.read(_LARGEST_ANSWER - len(received))):
            received += data
            if found(probe.expect, received):
                return f"the answer matches {probe.expect}"
    if not received:
        raise BadAnswerError("the connection was closed without an answer")
    raise BadAnswerError(f"the answer does not match {probe.expect}: {excerpt(received)}")
