"""`standfast drill` on the bus: what a drill would do, its beginning, its fault and its end.

This node asks everything that could speak against it, then the coordinator judges it by the record once more. A
process of its own (`standfast.drills`) conducts it: it calls InjectFault, watches, writes the report, calls EndDrill.
"""

import asyncio
import json
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any, Final

from standfast import files, journal
from standfast.bus import BusError, Call, ErrorName, Server
from standfast.configuration.model import Configuration
from standfast.resourced.asking import Asking
from standfast.resourced.codec import encode
from standfast.resourced.core import Core
from standfast.resourced.drill_checks import OF_NODES, refuse_drill, subject_of
from standfast.resourced.drills import Drill, DrillBegun, DrillEnded
from standfast.resourced.durations import Durations
from standfast.resourced.events import Event, Wished
from standfast.resourced.faults import CONDUCTOR, Faults, Systemd
from standfast.resourced.fencer import Fencer
from standfast.resourced.foreseen import Foreseen, document
from standfast.resourced.messages import Wish, WishKind
from standfast.resourced.questions import FaultAct, FaultAsked
from standfast.resourced.reasons import sentence
from standfast.resourced.record import Record
from standfast.resourced.simulations import effect_row, goal_ways, present
from standfast.resourced.situation import Situation
from standfast.resourced.story import FAULTS
from standfast.vocabulary import DrillKind, Phase

INTERFACE: Final = "org.standfast.Groups1"
ANSWER_S: Final = 10.0  # another node's
LOOK_S: Final = 0.05
PROCESS_MS: Final = 150_000  # until a hung process goes on by itself and a while, beside the group's own timeouts
NODE_MS: Final = 600_000  # until a node has booted
LARGEST: Final = 48 * 1024  # bytes of a drill in the record: Corosync takes 64 KiB in one piece

Answers = Callable[[Callable[[str], Event]], Awaitable[tuple[Any, ...]]]  # see Publication


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreseeing:
    """A drill as it would be, and what the plan makes of it."""

    drill: Drill
    record: Record
    configuration: Configuration
    situation: Situation
    foreseen: Foreseen
    refusal: str  # "" = nothing in the record and the plan speaks against it


class Drilling:
    """Answers for drills; `durations` are what was measured so far, `one` is held while the plan is asked."""

    def __init__(
        self,
        core: Core,
        server: Server,
        asking: Asking,
        fencer: Fencer,
        systemd: Systemd,
        answer: Answers,
        durations: Callable[[], Durations],
        one: asyncio.Lock,
    ) -> None:
        self._core = core
        self._asking = asking
        self._fencer = fencer
        self._systemd = systemd
        self._answer = answer
        self._durations = durations
        self._one = one
        self._faults = Faults(core, systemd)
        self._injected = ""
        asking.fault = self._faults.carry_out
        for method, handler in (
            ("ForeseeDrill", self._foresee),
            ("Drill", self._begin),
            ("InjectFault", self._inject),
            ("EndDrill", self._end),
        ):
            server.handle(INTERFACE, method, handler)

    # Before it begins

    async def _foresee(self, call: Call) -> tuple[Any, ...]:
        # A drill is rare, memory is short.
        from standfast.resourced.changes_planned import effects_of
        from standfast.resourced.expected import effects_of_drill, expected
        from standfast.resourced.goals import goal_of_drill
        from standfast.resourced.whatif import NothingElse, foresee

        word, subject, again = call.arguments
        found = await self._look(word, subject, again, f"uid {call.uid} on {self._core.me}")
        drill = found.drill
        durations = self._durations()
        rows = expected(drill, found.foreseen, found.configuration, durations, await self._offs_ms(drill))
        async with self._one:
            usual = await asyncio.to_thread(foresee, found.record, found.configuration, found.situation, NothingElse())
        effects = effects_of(found.record, found.configuration, found.configuration, durations, usual, found.foreseen)
        told = {
            "kind": drill.kind.value,
            "at_node": drill.node,
            "struck": list(drill.groups),
            "unit": drill.unit or None,
            "fault": FAULTS[drill.kind].format(unit=drill.unit, node=drill.node),
            "refused": found.refusal or await self._doubt(drill),
            "limit_ms": drill.limit_ms,
            "expected": rows,
            **document(found.foreseen),
            "effects": [effect_row(effect) for effect in effects_of_drill(effects, rows)],
            **goal_ways(goal_of_drill(drill.groups)),
        }
        return (json.dumps(told, ensure_ascii=False),)

    async def _offs_ms(self, drill: Drill) -> list[int]:
        """What fencing took before; nothing where that cannot be asked: it is only shown."""
        if drill.kind not in OF_NODES:
            return []
        try:
            return await self._fencer.offs_ms(drill.node)
        except BusError:
            return []

    async def _look(self, word: str, subject: str, again: bool, by: str) -> Foreseeing:
        """Raises BusError: there is no such thing to drill, or no open term."""
        from standfast.resourced.whatif import GroupFails, Hypothesis, NodeDies, foresee

        if word not in list(DrillKind):
            text = f"there is no fire drill {word[:20]}; there are: {', '.join(DrillKind)}"
            raise BusError(ErrorName.INVALID_ARGUMENTS, text)
        kind = DrillKind(word)
        abandoned = await self._abandoned()
        async with self._one:
            record, known, situation = present(self._core)
            if record.drill == abandoned:
                record = replace(record, drill=None)  # it is ended before the next one begins
            try:
                node, groups, unit = subject_of(kind, subject, record, known)
            except LookupError as error:
                raise BusError(ErrorName.REFUSED, str(error.args[0])) from error
            drill = Drill(
                id=uuid.uuid4().hex,
                kind=kind,
                node=node,
                groups=groups,
                unit=unit,
                leader=self._core.me,
                by=by,
                at=files.now_text(),
                limit_ms=_limit_ms(kind, groups, known),
            )
            refusal = refuse_drill(DrillBegun(drill=drill, again=again), record, known, situation)
            supposed: Hypothesis = NodeDies(node=node) if kind in OF_NODES else GroupFails(group=subject)
            found = await asyncio.to_thread(foresee, record, known, situation, supposed)
        refusal = refusal or _refuse_outcome(drill, found)
        return Foreseeing(
            drill=drill, record=record, configuration=known, situation=situation, foreseen=found, refusal=refusal
        )

    async def _abandoned(self) -> Drill | None:
        """The drill that is under way although its conductor is gone."""
        drill = self._core.record.drill if self._core.record is not None else None
        if drill is None or drill.leader not in self._core.terms.ring_nodes:
            return None  # nobody can be asked: it ends by itself
        try:
            await self._ask(drill, FaultAct.ABANDONED, drill.leader)
        except BusError:
            return None
        return drill

    async def _doubt(self, drill: Drill) -> str:
        """What the fence devices and the node itself have against it."""
        try:
            doubts = await self._fencer.drill_doubts(drill.node if drill.kind in OF_NODES else "")
            if not doubts and drill.kind is not DrillKind.POWER:
                await self._ask(drill, FaultAct.CHECK)
        except BusError as error:
            return error.text
        return doubts[0] if doubts else ""

    async def _ask(self, drill: Drill, act: FaultAct, node: str = "") -> None:
        """That node, "" = where the fault belongs, has done that. Raises BusError."""
        asked = FaultAsked(
            id=uuid.uuid4().hex, node=node or drill.node, act=act, kind=drill.kind, unit=drill.unit, drill=drill.id
        )
        if asked.node != self._core.me:
            await self._asking.put(asked, ANSWER_S)
        elif refusal := await self._faults.carry_out(asked):
            raise BusError(ErrorName.REFUSED, refusal)

    # The drill

    async def _begin(self, call: Call) -> tuple[Any, ...]:
        word, subject, again = call.arguments
        if (other := await self._abandoned()) is not None:
            await self._wish(other.node, DrillEnded(id=other.id, failed=f"its conductor on {other.leader} is gone"))
        found = await self._look(word, subject, again, f"uid {call.uid} on {self._core.me}")
        drill = found.drill
        if refusal := found.refusal or await self._doubt(drill):
            raise BusError(ErrorName.REFUSED, refusal)
        self._faults.beginning += 1
        try:
            await self._start(drill, again)
        finally:
            self._faults.beginning -= 1
        return (drill.id,)

    async def _start(self, drill: Drill, again: bool) -> None:
        """It is in the record, and its conductor was started. Raises BusError."""
        begun = DrillBegun(drill=drill, again=again)
        if len(encode(begun)) > LARGEST:
            raise BusError(ErrorName.REFUSED, f"{drill.node} runs more groups than one drill can tell of")
        await self._wish(drill.node, begun)
        try:
            await self._systemd.ask("StartUnit", "ss", CONDUCTOR, "replace")
        except BusError as error:
            await self._wish(
                drill.node, DrillEnded(id=drill.id, struck=False, failed=f"{CONDUCTOR} does not start: {error.text}")
            )
            raise

    async def _wish(self, subject: str, wanted: DrillBegun | DrillEnded) -> None:
        await self._answer(
            lambda identity: Wished(wish=Wish(id=identity, kind=WishKind.DRILL, subject=subject, drill=wanted))
        )

    async def _inject(self, call: Call) -> tuple[Any, ...]:
        drill = self._under_way(*call.arguments)
        if self._injected == drill.id:
            raise BusError(ErrorName.REFUSED, "the fault of this fire drill was injected before")
        self._injected = drill.id
        what = FAULTS[drill.kind].format(unit=drill.unit, node=drill.node)
        groups = {"group": drill.groups[0]} if len(drill.groups) == 1 else {}
        journal.write(
            journal.Event.DRILL_FAULT, journal.Level.NOTICE, f"Fire drill: {what} now", subject=drill.node, **groups
        )
        if drill.kind is DrillKind.POWER:
            await self._fencer.cut_power(drill.node)
        elif drill.kind is DrillKind.CUT:
            await self._cut(drill)
        else:
            await self._ask(drill, FaultAct.INJECT)
        return ()

    async def _cut(self, drill: Drill) -> None:
        """The node has left the ring: what it answers once it is cut off never comes. Raises BusError."""
        asked = asyncio.create_task(self._ask(drill, FaultAct.INJECT))
        try:
            while not asked.done() and drill.node in self._core.terms.ring_nodes:
                await asyncio.wait((asked,), timeout=LOOK_S)
            if asked.done():
                asked.result()
        finally:
            asked.cancel()

    async def _end(self, call: Call) -> tuple[Any, ...]:
        identity, recovered, failed, struck = call.arguments
        drill = self._under_way(identity)
        if drill.kind is not DrillKind.POWER and drill.node in self._core.terms.ring_nodes:
            try:
                await self._ask(drill, FaultAct.UNDO)
            except BusError as error:
                text = f"{drill.node} does not undo the fault of a fire drill, which ends by itself: {error.text}"
                journal.write(journal.Event.DRILL_FAULT, journal.Level.WARNING, text, subject=drill.node)
        await self._wish(drill.node, DrillEnded(id=drill.id, recovered=recovered, failed=failed, struck=struck))
        return ()

    def _under_way(self, identity: str) -> Drill:
        """Raises BusError unless this node conducts that drill."""
        record = self._core.record
        drill = record.drill if record is not None else None
        if drill is None or (drill.id, drill.leader) != (identity, self._core.me):
            raise BusError(ErrorName.REFUSED, "that fire drill is not under way any more, or not conducted from here")
        return drill


def _limit_ms(kind: DrillKind, groups: tuple[str, ...], configuration: Configuration) -> int:
    """How long recovery is waited for: the longest that the groups may take, and what comes before."""
    known = [group for name in groups if (group := configuration.group(name)) is not None]
    longest = max((group.start_timeout_ms + group.stop_timeout_ms for group in known), default=0)
    return longest + (NODE_MS if kind in OF_NODES else PROCESS_MS)


def _refuse_outcome(drill: Drill, foreseen: Foreseen) -> str:
    """The plan says of a group that it would not run again."""
    from standfast.resourced.whatif import FAILURE

    for outcome in foreseen.groups:
        if outcome.group in drill.groups and (outcome.after is None or outcome.after.phase is not Phase.STARTED):
            why = sentence(outcome.waits_for[0]).removeprefix(f"{FAILURE}: ") if outcome.waits_for else ""
            why = f": {why}" if why else ""
            return f"group {outcome.group} would not run again{why}"
    return ""
