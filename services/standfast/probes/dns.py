"""A question to a name server, and its answer."""

from standfast.configuration.model import Probe
from standfast.probes.libraries import client


def subject(probe: Probe) -> str:
    """The question and who is asked."""
    assert probe.question is not None
    return f"DNS {probe.connect}, {' '.join(probe.question)}"


async def look(probe: Probe, seen: bytearray) -> str:
    """There are such records, and they match. Raises as any checker does."""
    return str(await (await client(probe)).look(probe, seen))
