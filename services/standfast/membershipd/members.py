"""The members of the last open term: a copy that does not need the bus, resourced or an open term to be asked.

resourced publishes the term and each node's state, not the members as such: whom the record has online while a term is
open is named in it.
"""

import asyncio
from collections.abc import Callable, Iterable
from typing import Final

from standfast.bus import Bus, BusError, Signal, escape

GROUPS: Final = "org.standfast.Groups"
_ROOT: Final = "/org/standfast"
_NODES: Final = f"{_ROOT}/node"
_AGAIN_S: Final = 1.0


class Members:
    """Follows resourced on each bus that comes. `on_open` is called when a term opens (True) and at its end."""

    def __init__(self, names: Callable[[], Iterable[str]], on_open: Callable[[bool], None]) -> None:
        self.names: frozenset[str] | None = None  # None: no term was open yet since this process began
        self._configured = names
        self._on_open = on_open
        self._open = False
        self._bus: Bus | None = None
        self._look = asyncio.Event()

    async def on_bus(self, bus: Bus) -> None:
        """What resourced publishes there is followed. Raises BusError."""
        await bus.subscribe(GROUPS, self._changed, path=_ROOT)
        await bus.subscribe(GROUPS, self._changed, path_namespace=_NODES)
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
        if signal.member == "PropertiesChanged" and signal.arguments[1].keys() & {"Term", "State"}:
            self._look.set()

    async def _read(self) -> None:
        """The members, if one and the same term is open before and after they were read. Raises BusError."""
        term = await self._term()
        names = await self._online() if term else frozenset()
        if term != await self._term():
            self._look.set()
            return
        self._told(term > 0)
        if term and names:
            self.names = names

    async def _term(self) -> int:
        assert self._bus is not None
        return int(await self._bus.get(GROUPS, _ROOT, "org.standfast.Groups1", "Term"))

    async def _online(self) -> frozenset[str]:
        assert self._bus is not None
        found = set()
        for name in self._configured():
            path = f"{_NODES}/{escape(name)}"
            try:
                state = await self._bus.get(GROUPS, path, "org.standfast.Member1", "State")
            except BusError as error:
                if error.name != "org.freedesktop.DBus.Error.UnknownObject":
                    raise
                continue  # the record does not have it yet
            if state == "online":
                found.add(name)
        return frozenset(found)

    def _told(self, is_open: bool) -> None:
        if is_open != self._open:
            self._open = is_open
            self._on_open(is_open)
