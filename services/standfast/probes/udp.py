"""One datagram and its answer."""

from standfast.configuration.model import Probe
from standfast.probes.datagrams import ask
from standfast.probes.expressions import found
from standfast.probes.verdict import BadAnswerError, excerpt


def subject(probe: Probe) -> str:
    """Where the datagram goes to."""
    return f"UDP {probe.connect}"


async def look(probe: Probe, seen: bytearray) -> str:
    """What is answered first matches. Raises as any checker does."""
    assert probe.connect is not None
    assert probe.send is not None
    assert probe.expect is not None
    data = await ask(probe.connect, probe.send, seen, probe.timeout_ms)
    if not found(probe.expect, data):
        raise BadAnswerError(f"the answer does not match {probe.expect}: {excerpt(data)}")
    return f"the answer matches {probe.expect}"
