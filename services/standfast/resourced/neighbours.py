"""What the other daemons of this node say on the bus: quorumd of its health, membershipd of links and versions.

One that is away says nothing bad: health stays as it was told last, and no link is up.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final

from standfast.bus import Bus, BusError, ErrorName, Signal
from standfast.resourced import later
from standfast.resourced.events import HealthTold, LinksTold

ROOT: Final = "/org/standfast"
QUORUM: Final = ("org.standfast.Quorum", ROOT, "org.standfast.Quorum1")
MEMBERSHIP: Final = "org.standfast.Membership"
CARRIER: Final = "org.standfast.Membership1"
NODES: Final = f"{ROOT}/node"
NODE: Final = "org.standfast.Node1"


class Neighbours:
    def __init__(
        self,
        push: Callable[[HealthTold | LinksTold], None],
        stored: Callable[[str], None],
        tasks: asyncio.TaskGroup,
    ) -> None:
        """`stored` hears the digest of each version of the configuration that membershipd has stored."""
        self._push = push
        self._stored = stored
        self._tasks = tasks
        self._bus: Bus | None = None

    async def attach(self, bus: Bus) -> None:
        """Follow both on this connection. Raises BusError."""
        self._bus = bus
        await bus.subscribe(QUORUM[0], self._quorum_changed, path=ROOT, member="PropertiesChanged")
        await bus.subscribe(MEMBERSHIP, self._node_changed, path_namespace=NODES, member="PropertiesChanged")
        await bus.subscribe(MEMBERSHIP, self._version_stored, path=ROOT, interface=CARRIER, member="Stored")
        await bus.on_owner(QUORUM[0], lambda owner: self._later(self._read_health()) if owner else None)
        await bus.on_owner(MEMBERSHIP, lambda _: self._later(self._read_links()))

    async def want(self, digest: str) -> None:
        """membershipd asks the other nodes for this version until it has it. Raises BusError."""
        if self._bus is None:
            raise BusError(ErrorName.BUS_LOST, "The system bus is away: try again.")
        await self._bus.call(MEMBERSHIP, ROOT, CARRIER, "Want", "s", digest)

    def _version_stored(self, signal: Signal) -> None:
        (digest,) = signal.arguments
        self._stored(digest)

    def _later(self, reading: Coroutine[Any, Any, None]) -> None:
        later.begin(self._tasks, reading)

    def _quorum_changed(self, signal: Signal) -> None:
        if "Healthy" in signal.arguments[1]:
            self._later(self._read_health())

    def _node_changed(self, signal: Signal) -> None:
        if "Links" in signal.arguments[1]:
            self._later(self._read_links())

    async def _read_health(self) -> None:
        assert self._bus is not None
        try:
            healthy = await self._bus.get(*QUORUM, "Healthy")
        except BusError:
            return
        self._push(HealthTold(healthy=healthy))

    async def _read_links(self) -> None:
        assert self._bus is not None
        try:
            objects = await self._bus.managed_objects(MEMBERSHIP)
        except BusError:
            objects = {}
        nodes = [interfaces[NODE] for interfaces in objects.values() if NODE in interfaces]
        up = frozenset(node["Name"] for node in nodes if any(is_up for _, is_up, _ in node["Links"]))
        self._push(LinksTold(up=up))
