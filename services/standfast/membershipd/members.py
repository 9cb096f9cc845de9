"""The members of the last open term: a copy that does not need the bus, resourced or an open term to be asked."""

import asyncio
from collections.abc import Callable
from typing import Final

from standfast.bus import Bus, BusError, Signal

GROUPS: Final = "org.standfast.Groups"
_ROOT: Final = "/org/standfast"
_AGAIN_S: Final = 1.0


class Members:
    """Follows resourced on each bus that comes. `on_open` is called when a term opens (True) and at its end."""

    def __init__(self, on_open: Callable[[bool], None]) -> None:
        self.names: frozenset[str] | None = None  # None: no term was open yet since this process began
        self._on_open = on_open
        self._open = False
        self._bus: Bus | None = None
        self._look = asyncio.Event()

    async def on_bus(self, bus: Bus) -> None:
        """What resourced publishes there is followed. Raises BusError."""
        await bus.subscribe(GROUPS, self._changed, path=_ROOT)
        self._bus = bus
        await bus.on_owner(GROUPS, lambda _: self._look.set())

    async def follow(self) -> None:
        """Keeps the copy; does not return."""
        while True:
            await self._look.wait()
            self._look.clear()
            try:
                await self._read()
            except BusError:
                self._told(False)  # resourced is away; it, or the next bus, wakes us when it is back
                await asyncio.sleep(_AGAIN_S)

    def _changed(self, signal: Signal) -> None:
        if signal.member == "PropertiesChanged" and signal.arguments[1].keys() & {"Term", "Members"}:
            self._look.set()

    async def _read(self) -> None:
        """These two alone: with all that resourced publishes each view would cost memory and time. Raises BusError."""
        assert self._bus is not None
        term, members = [await self._bus.get(GROUPS, _ROOT, f"{GROUPS}1", name) for name in ("Term", "Members")]
        self._told(term > 0)
        if members:
            self.names = frozenset(members)

    def _told(self, is_open: bool) -> None:
        if is_open != self._open:
            self._open = is_open
            self._on_open(is_open)
