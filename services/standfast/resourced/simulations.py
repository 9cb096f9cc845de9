"""`standfast simulate` on the bus: what the cluster would do, worked out beside the loop; nothing is changed by it."""

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from standfast.bus import BusError, Call, ErrorName, Server
from standfast.configuration import load
from standfast.configuration.model import Configuration, ConfigurationError
from standfast.resourced.core import Core
from standfast.resourced.foreseen import document
from standfast.resourced.record import Record
from standfast.resourced.situation import Situation
from standfast.resourced.whatif import Configured, GroupFails, Hypothesis, NodeDies, Standby, foresee, refuse

INTERFACE: Final = "org.standfast.Groups1"
HYPOTHESES: Final[Mapping[str, Callable[[str], Hypothesis]]] = {
    "node-dies": lambda name: NodeDies(node=name),
    "group-fails": lambda name: GroupFails(group=name),
    "standby": lambda name: Standby(node=name),
}


class Simulations:
    """One at a time, whoever asks: they take a processor from the cluster's own work."""

    def __init__(self, core: Core, server: Server) -> None:
        self._core = core
        self.one = asyncio.Lock()
        server.handle(INTERFACE, "Simulate", self._simulate)
        server.handle(INTERFACE, "SimulateConfiguration", self._simulate_configuration)

    async def _simulate(self, call: Call) -> tuple[Any, ...]:
        word, subject = call.arguments
        made = HYPOTHESES.get(word)
        if made is None:
            text = f"there is no hypothesis {word}; there are: {', '.join(HYPOTHESES)}"
            raise BusError(ErrorName.INVALID_ARGUMENTS, text)
        return await self._answer(made(subject))

    async def _simulate_configuration(self, call: Call) -> tuple[Any, ...]:
        (files,) = call.arguments
        try:
            configuration = await asyncio.to_thread(load.load_with, load.ROOT, files)
        except ConfigurationError as error:
            raise BusError(ErrorName.REFUSED, str(error)) from error
        return await self._answer(Configured(configuration=configuration))

    async def _answer(self, hypothesis: Hypothesis) -> tuple[Any, ...]:
        async with self.one:
            record, known, situation = present(self._core)
            if why := refuse(hypothesis, record, situation):
                raise BusError(ErrorName.REFUSED, why)
            found = await asyncio.to_thread(foresee, record, known, situation, hypothesis)
        return (json.dumps({"node": self._core.me, "term": record.term, **document(found)}, ensure_ascii=False),)


def present(core: Core) -> tuple[Record, Configuration, Situation]:
    """What a plan would be made of now. Raises BusError when this node cannot plan."""
    term, record, situation = core.terms.term, core.record, core.coordinator.situation(core.knowledge)
    if record is None or situation is None or term is None or term.position == 0:
        text = f"no term is open on {core.me}, so it does not know what the cluster would do"
        raise BusError(ErrorName.NOT_QUORATE, text)
    if core.configuration.digest != record.configuration:
        text = f"{core.me} does not have the configuration in force yet; ask again, or ask on another node"
        raise BusError(ErrorName.REFUSED, text)
    return record, core.configuration, situation
