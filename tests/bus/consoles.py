"""A console on the private bus, beside the fakes of the daemons, and whoever calls it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from bus.desk import Desk
from standfast.bus import Bus, BusError
from standfast.console.service import INTERFACE, NAME, PATH, Service

SIGNATURES = {
    "Timeline": "sus",
    "Difference": "uu",
    "Version": "u",
    "Read": "a{ss}",
    "Edit": "a{ss}aa{ss}",
    "Check": "a{ss}",
    "Plan": "a{ss}",
    "Push": "sa{ss}assu",
    "Rollback": "usu",
    "Agent": "s",
    "TestDevice": "a{ss}s",
    "TryProbe": "a{ss}sss",
    "AddNode": "sassasb",
}


@dataclass
class Caller:
    """Somebody on the bus; `told` has what Progress told of which call, `busy` the values of Busy."""

    bus: Bus
    told: list[tuple[str, str]] = field(default_factory=list)
    busy: list[str] = field(default_factory=list)
    is_busy: asyncio.Event = field(default_factory=asyncio.Event)

    async def ask(self, member: str, *arguments: Any) -> tuple[Any, ...]:
        return await self.bus.call(
            NAME, PATH, INTERFACE, member, SIGNATURES.get(member, ""), *arguments, timeout_s=30.0
        )

    async def refused(self, member: str, *arguments: Any) -> BusError:
        """The error that the call ends with: one sentence or several, in one line."""
        try:
            answer = await self.ask(member, *arguments)
        except BusError as error:
            assert error.text and "\n" not in error.text and error.text[0] != "(", error.text
            return error
        raise AssertionError(f"{member} was answered: {answer}")

    async def follow(self) -> None:
        await self.bus.subscribe(NAME, lambda signal: self.told.append(signal.arguments), path=PATH, member="Progress")
        await self.bus.subscribe(NAME, self._changed, path=PATH, member="PropertiesChanged")

    def _changed(self, signal: Any) -> None:
        self.is_busy.set()
        self.busy += [signal.arguments[1]["Busy"]] if "Busy" in signal.arguments[1] else []


@contextlib.asynccontextmanager
async def console(idle_s: float = 60.0) -> AsyncIterator[Caller]:
    """The service runs, and somebody is connected to it."""
    ready = asyncio.Event()
    service = asyncio.create_task(Service(ready.set, idle_s).run())
    await asyncio.wait_for(ready.wait(), 10)
    async with await Bus.connect() as bus:
        caller = Caller(bus)
        await caller.follow()
        yield caller
    service.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await service


@contextlib.asynccontextmanager
async def at(desk: Desk) -> AsyncIterator[Caller]:
    """The same on a node whose daemons run."""
    async with desk.cluster.running(), console() as caller:
        yield caller
