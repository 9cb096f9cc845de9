"""This node's fenced over the bus: asked to begin attempts, its Attempts property read whenever it changes."""

import asyncio
from collections.abc import Callable
from typing import Final

from standfast.bus import Bus, BusError, ErrorName, Signal
from standfast.resourced import later
from standfast.resourced.events import Fence, FencingTold
from standfast.resourced.presence import RunningAttempt

NAME: Final = "org.standfast.Fencing"
PATH: Final = "/org/standfast"
INTERFACE: Final = "org.standfast.Fencing1"
OBJECTIONS_S: Final = 30.0
CUT_S: Final = 90.0  # an agent's Timeout= and its turn
CHECK_S: Final = 30.0
ENDS: Final = {"proven": True, "done": True, "failed": False}


class Fencer:
    def __init__(self, push: Callable[[FencingTold], None], tasks: asyncio.TaskGroup) -> None:
        self._push = push
        self._tasks = tasks
        self._bus: Bus | None = None
        self._running: tuple[RunningAttempt, ...] = ()

    async def attach(self, bus: Bus) -> None:
        """Follow fenced on this connection; it is read once before this returns."""
        self._bus = bus
        await bus.subscribe(NAME, self._changed, path=PATH, member="PropertiesChanged")
        await bus.on_owner(NAME, self._owned)
        await self._read(restarted=False)

    def begin(self, fence: Fence) -> None:
        later.begin(self._tasks, self._begin(fence))

    async def objections(self, node: str) -> list[tuple[str, str]]:
        """What speaks against an operator's word that `node` is off: (link, address or device, a sentence). Raises
        BusError when fenced cannot be asked."""
        (rows,) = await self._present().call(NAME, PATH, INTERFACE, "Objections", "s", node, timeout_s=OBJECTIONS_S)
        return [(kind, text) for kind, text in rows]

    async def check(self, digest: str) -> tuple[str, ...]:
        """What the agents say against the fence devices of a version that is stored here. Raises BusError when fenced
        cannot be asked."""
        (problems,) = await self._present().call(NAME, PATH, INTERFACE, "Check", "s", digest, timeout_s=CHECK_S)
        return tuple(problems)

    async def drill_doubts(self, node: str) -> list[str]:
        """What speaks against a fire drill, and with a `node` against having it fenced. Raises BusError."""
        (doubts,) = await self._present().call(NAME, PATH, INTERFACE, "DrillDoubts", "s", node)
        return list(doubts)

    async def cut_power(self, node: str) -> None:
        """The node's power was cut, and nobody told. Raises BusError."""
        await self._present().call(NAME, PATH, INTERFACE, "CutPower", "s", node, timeout_s=CUT_S)

    async def offs_ms(self, node: str) -> list[int]:
        """How long the last `off`s of the node took that proved something. Raises BusError."""
        (rows,) = await self._present().call(NAME, PATH, INTERFACE, "History", "su", node, 50)
        return [ms for _, _, _, _, action, state, ms, _ in rows if (action, state) == ("off", "proven")]

    def _present(self) -> Bus:
        if self._bus is None:
            raise BusError(ErrorName.BUS_LOST, "The system bus is away: try again.")
        return self._bus

    async def _begin(self, fence: Fence) -> None:
        """fenced has the order; one that cannot be reached is a failed attempt, which the coordinator repeats."""
        arguments = (fence.loss, fence.node, fence.incarnation, fence.action)
        try:
            if self._bus is None:
                raise BusError(ErrorName.BUS_LOST, "the bus is away")
            await self._bus.call(NAME, PATH, INTERFACE, "Begin", "ssss", *arguments)
        except BusError as error:
            ended = {(fence.loss, fence.action): (False, f"fenced could not be asked: {error.text}")}
            self._push(FencingTold(running=self._running, ended=ended))
            return
        await self._read(restarted=False)  # what had ended well before is begun no more, and no signal tells it again

    def _owned(self, owner: str) -> None:
        if owner:
            later.begin(self._tasks, self._read(restarted=True))

    def _changed(self, signal: Signal) -> None:
        later.begin(self._tasks, self._read(restarted=False))

    async def _read(self, *, restarted: bool) -> None:
        assert self._bus is not None
        try:
            values = await self._bus.get_all(NAME, PATH, INTERFACE)
        except BusError:
            return  # it is away; its return is told by on_owner
        attempts = values["Attempts"]
        running = tuple(
            RunningAttempt(loss=loss, node=node, action=action)
            for loss, node, _, action, state, _, _ in attempts
            if state == "running"
        )
        ended = {
            (loss, action): (ENDS[state], text) for loss, _, _, action, state, _, text in attempts if state in ENDS
        }
        self._running = running
        known = {(attempt.loss, attempt.action) for attempt in running} | set(ended)
        self._push(
            FencingTold(
                running=running,
                ended=ended,
                restarted=restarted and not known,
                slowest_off_ms=values["SlowestOff"],
                unfenced=values["Unfenced"],
            )
        )
