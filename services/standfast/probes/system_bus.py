"""One connection to the system bus for all probes of this process.

It is not the daemon's own: a systemd that hangs holds up probes, and nothing else.
"""

import asyncio
from typing import Final

from standfast.bus import Bus, BusError, ErrorName
from standfast.probes.verdict import CannotCheckError

_LARGEST_BACKLOG: Final = 262_144  # bytes that a bus that hangs has not taken; then another connection is tried


class _Shared:
    """The connection of one loop."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.bus: Bus | None = None
        self._one_at_a_time = asyncio.Lock()

    async def open(self) -> Bus:
        async with self._one_at_a_time:
            if self.bus is not None and self.bus.backlog > _LARGEST_BACKLOG:
                await self.bus.close()
            if self.bus is None or self.bus.closed.is_set():
                self.bus = await Bus.connect()
            return self.bus


_shared: _Shared | None = None


async def system_bus() -> Bus:
    """The connection, made when it is needed and again after it was lost. Raises BusError.

    The caller bounds the time, and does not close it: others use it.
    """
    global _shared
    if _shared is None or _shared.loop is not asyncio.get_running_loop():
        _shared = _Shared()
    return await _shared.open()


def cannot_check(error: BusError | TimeoutError, failed: str) -> CannotCheckError:
    """Why systemd was of no help: it does not answer, or `failed` and what it says."""
    if isinstance(error, TimeoutError) or error.name == ErrorName.TIMED_OUT:
        return CannotCheckError("systemd does not answer")
    return CannotCheckError(f"{failed}: {error.text.removesuffix('.')}")


async def close_system_bus() -> None:
    """The connection of this loop is gone, if there was one."""
    global _shared
    if _shared is not None and _shared.bus is not None and _shared.loop is asyncio.get_running_loop():
        await _shared.bus.close()
    _shared = None
