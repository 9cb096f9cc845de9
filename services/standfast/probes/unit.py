"""What systemd says of a unit: its ActiveState, and the STATUS= that it sent last (sd_notify(3))."""

import asyncio
import re
from typing import Final

from standfast.bus import Bus, BusError, escape
from standfast.configuration.model import Probe
from standfast.manager import SYSTEMD, UNIT, UNIT_PATHS
from standfast.probes.streams import LARGEST_SEEN
from standfast.probes.verdict import BadAnswerError, CannotCheckError, excerpt

_SERVICE: Final = "org.freedesktop.systemd1.Service"
_SHARE: Final = 0.8  # of a try's time: a systemd that does not answer says nothing about the unit


def subject(probe: Probe) -> str:
    """The unit."""
    return probe.watched or probe.unit


async def look(probe: Probe, seen: bytearray) -> str:
    """Its state is the wanted one, and its status matches. Raises as any checker does."""
    try:
        async with asyncio.timeout(probe.timeout_ms * _SHARE / 1000), await Bus.connect() as bus:
            path = f"{UNIT_PATHS}/{escape(subject(probe))}"
            state = str(await bus.get(SYSTEMD, path, UNIT, "ActiveState"))
            if state != probe.active_state:
                raise BadAnswerError(f"it is {state}, expected {probe.active_state}")
            if probe.status_text is None:
                return f"it is {state}"
            status = str(await bus.get(SYSTEMD, path, _SERVICE, "StatusText"))
    except TimeoutError as error:
        raise CannotCheckError("systemd does not answer") from error
    except BusError as error:
        raise CannotCheckError(f"systemd cannot be asked: {error.text.removesuffix('.')}") from error
    seen += status.encode()[:LARGEST_SEEN]
    if not re.search(probe.status_text, status):
        raise BadAnswerError(f"its status does not match {probe.status_text}: {excerpt(status.encode())}")
    return f"it is {state}, and its status matches {probe.status_text}"
