"""`standfast simulate` on the bus: what the cluster would do, worked out beside the loop; nothing is changed by it."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from standfast.bus import BusError, Call, ErrorName, Server, escape
from standfast.configuration import load
from standfast.configuration.model import Configuration, ConfigurationError
from standfast.resourced import store
from standfast.resourced.core import Core
from standfast.resourced.durations import Durations
from standfast.resourced.foreseen import document
from standfast.resourced.record import Record
from standfast.resourced.situation import Situation
from standfast.resourced.whatif import Configured, GroupFails, Hypothesis, NodeDies, Standby, foresee, refuse

if TYPE_CHECKING:
    from standfast.resourced.changes_planned import Effect
    from standfast.resourced.goals import Condition, Goal, Way
    from standfast.resourced.messages import Wish

INTERFACE: Final = "org.standfast.Groups1"
HYPOTHESES: Final[Mapping[str, Callable[[str], Hypothesis]]] = {
    "node-dies": lambda name: NodeDies(node=name),
    "group-fails": lambda name: GroupFails(group=name),
    "standby": lambda name: Standby(node=name),
}


class Simulations:
    """One at a time, whoever asks: they take a processor from the cluster's own work. `durations` are what was measured
    so far, `offs_ms` how long it took before until a node was off."""

    def __init__(self, core: Core, server: Server, durations: Callable[[], Durations]) -> None:
        self._core = core
        self._durations = durations
        self.offs_ms: Callable[[str], Awaitable[list[int]]] | None = None
        self.one = asyncio.Lock()
        server.handle(INTERFACE, "Simulate", self._simulate)
        server.handle(INTERFACE, "SimulateConfiguration", self._simulate_configuration)
        server.handle(INTERFACE, "SimulateWish", self._simulate_wish)

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

    async def _simulate_wish(self, call: Call) -> tuple[Any, ...]:
        from standfast.resourced.wished import WishRefusedError, outcome, wish_of  # it is rare, memory is short

        word, subject, node = call.arguments
        async with self.one:
            record, known, situation = present(self._core)
            try:
                wish = wish_of(word, subject, node, record, f"uid {call.uid} on {self._core.me}")
                offs_ms, back = await self._offs_ms(wish), await self._version_before(wish, record)
                found = await asyncio.to_thread(
                    outcome, wish, record, known, situation, self._durations(), tuple(offs_ms), back
                )
            except ValueError as error:
                raise BusError(ErrorName.INVALID_ARGUMENTS, str(error)) from error
            except WishRefusedError as error:
                raise BusError(ErrorName.REFUSED, str(error)) from error
        told = {
            "node": self._core.me,
            "term": record.term,
            "wish": {"kind": word, "subject": subject, "node": found.wish.node or None, "loss": wish.loss or None},
            **document(found.foreseen),
            "effects": [effect_row(effect) for effect in found.effects],
            **goal_ways(found.goal),
        }
        return (json.dumps(told, ensure_ascii=False),)

    async def _offs_ms(self, wish: "Wish") -> list[int]:
        """Nothing where that cannot be asked: it is only shown."""
        if wish.kind != "fence" or self.offs_ms is None:
            return []
        try:
            return await self.offs_ms(wish.subject)
        except BusError:
            return []

    async def _version_before(self, wish: "Wish", record: Record) -> Configuration | None:
        """What a version that is taken back makes way for; None: nothing is. Raises BusError: it is not here."""
        if wish.kind != "take-back" or not record.unconfirmed:
            return None
        try:
            found = await asyncio.to_thread(store.load_decided, record.unconfirmed)
        except ConfigurationError as error:
            raise BusError(ErrorName.REFUSED, str(error)) from error
        if found is None:
            text = f"{self._core.me} does not have the version before ({record.unconfirmed[:12]}): ask on another node"
            raise BusError(ErrorName.REFUSED, text)
        return found

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


def effect_row(effect: "Effect") -> dict[str, Any]:
    return {
        "group": effect.group,
        "kind": effect.kind.value,
        "source": effect.source or None,
        "target": effect.target or None,
        "reason": effect.reason,
        "setting": effect.setting or None,
        "interruption_ms": effect.interruption_ms,
        "measured": effect.measured,
    }


def goal_ways(goal: "Goal") -> dict[str, Any]:
    return {"done": [_way(way) for way in goal.done], "otherwise": [_way(way) for way in goal.otherwise]}


def _way(way: "Way") -> list[dict[str, Any]]:
    return [_condition(condition) for condition in way]


def _condition(condition: "Condition") -> dict[str, Any]:
    kinds = {"Group1": "/group/", "Member1": "/node/", "Groups1": ""}
    return {
        "path": f"/org/standfast{kinds[condition.interface]}{escape(condition.name) if condition.name else ''}",
        "interface": f"org.standfast.{condition.interface}",
        "property": condition.property,
        "test": condition.test.value,
        "value": condition.value,
    }
