"""What needs a person, on the bus: resourced asks the node's other daemons and adds what it knows itself."""

import asyncio
from typing import Any, Final

from standfast.bus import Bus, BusError, Call, ErrorName, Server
from standfast.bus.server import Values
from standfast.bus.values import incoming
from standfast.published import DAEMONS, GROUPS, ROOT, Daemon, Snapshot, read_daemon

INTERFACE: Final = "org.standfast.Groups1"
ANSWER_S: Final = 1.5  # the others answer from memory; one that hangs does not hold what is known
PAUSE_S: Final = 0.5  # between two answers: many may look, one thinks, and nobody gets what was read before he asked

Sentences = list[tuple[bool, str]]


class Attending:
    """Serves Attention once it has a bus; nothing is read or kept while nobody asks."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._bus: Bus | None = None
        self._coming: asyncio.Task[Sentences] | None = None  # an answer for which nothing was read yet
        self._begun_at = float("-inf")
        server.handle(INTERFACE, "Attention", self._attention)

    def attach(self, bus: Bus) -> None:
        """The other daemons are asked on this connection."""
        self._bus = bus

    async def _attention(self, call: Call) -> tuple[Any, ...]:
        if self._coming is None:
            self._coming = asyncio.get_running_loop().create_task(self._make())
        return (await asyncio.shield(self._coming),)

    async def _make(self) -> Sentences:
        clock = asyncio.get_running_loop().time
        await asyncio.sleep(self._begun_at + PAUSE_S - clock())
        self._coming, self._begun_at = None, clock()
        others = await self._others()
        return await asyncio.to_thread(_sentences, others, self._server.values())

    async def _others(self) -> Snapshot:
        if self._bus is None:
            raise BusError(ErrorName.BUS_LOST, "The system bus is away: try again.")
        names = [name for name in DAEMONS if name != GROUPS]
        found = await asyncio.gather(*(read_daemon(self._bus, name, timeout_s=ANSWER_S) for name in names))
        return dict(zip(names, found, strict=True))


def _sentences(others: Snapshot, own: dict[str, Values]) -> Sentences:
    from standfast import attention, status_report  # when somebody asks: memory is short

    objects = {path: {name: incoming(values) for name, values in found.items()} for path, found in own.items()}
    root = objects.pop(ROOT, {}).get(INTERFACE, {})
    report = status_report.make({**others, GROUPS: Daemon(root=root, objects=objects)})
    return [(one.urgent, one.text) for one in attention.troubles(report)]
