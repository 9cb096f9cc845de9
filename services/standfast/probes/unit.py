"""What systemd says of a unit: its ActiveState, and the STATUS= that it sent last (sd_notify(3))."""

import asyncio
from typing import Final

from standfast.bus import BusError, escape
from standfast.configuration.model import Probe
from standfast.manager import SYSTEMD, UNIT, UNIT_PATHS
from standfast.probes.expressions import found
from standfast.probes.place import LARGEST_SEEN
from standfast.probes.system_bus import cannot_check, system_bus
from standfast.probes.verdict import BadAnswerError, excerpt

_SERVICE: Final = "org.freedesktop.systemd1.Service"
BOUNDS_ITSELF: Final = True  # a systemd that does not answer says nothing about the unit


def subject(probe: Probe) -> str:
    """The unit."""
    return probe.watched or probe.unit


async def look(probe: Probe, seen: bytearray) -> str:
    """Its state is the wanted one, and its status matches. Raises as any checker does."""
    try:
        async with asyncio.timeout(probe.timeout_ms / 1000):
            bus = await system_bus()
            path = f"{UNIT_PATHS}/{escape(subject(probe))}"
            state = str(await bus.get(SYSTEMD, path, UNIT, "ActiveState"))
            if state != probe.active_state:
                raise BadAnswerError(f"it is {state}, expected {probe.active_state}")
            if probe.status_text is None:
                return f"it is {state}"
            status = str(await bus.get(SYSTEMD, path, _SERVICE, "StatusText"))
    except (TimeoutError, BusError) as error:
        raise cannot_check(error, "systemd cannot be asked") from error
    seen += status.encode()[:LARGEST_SEEN]
    if not found(probe.status_text, status):
        raise BadAnswerError(f"its status does not match {probe.status_text}: {excerpt(status.encode())}")
    return f"it is {state}, and its status matches {probe.status_text}"
