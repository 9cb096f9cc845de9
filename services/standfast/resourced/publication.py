"""The record on the bus: org.standfast.Groups1, Member1, Group1, Resource1; and the operators' methods."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, Final

from standfast.bus import Bus, BusError, Call, ErrorName, Server, escape, interface_file, serve_forever
from standfast.resourced import showing
from standfast.resourced.asking import Asking
from standfast.resourced.attending import Attending
from standfast.resourced.codec import encode
from standfast.resourced.core import Core
from standfast.resourced.drilling import Drilling
from standfast.resourced.durations import UNMEASURED, Durations
from standfast.resourced.events import AloneAsked, Answer, Event, LeaveAsked, Left, Wished
from standfast.resourced.explanations import Explanations
from standfast.resourced.faults import Systemd
from standfast.resourced.fencer import Fencer
from standfast.resourced.messages import Wish, WishKind
from standfast.resourced.no_term import why_no_term
from standfast.resourced.planning import Planning
from standfast.resourced.record_text import WholeText
from standfast.resourced.simulations import Simulations

NAME: Final = "org.standfast.Groups"
ROOT: Final = "/org/standfast"
RESOURCE: Final = "org.standfast.Resource1"
Objections = Callable[[str], Awaitable[list[tuple[str, str]]]]
LONGEST_WHY: Final = 200  # characters: the record of every node has it
LARGEST_WISH: Final = 16 * 1024  # bytes: Corosync takes 64 KiB in one piece
OUTCOMES: Final = {
    "refused": ErrorName.REFUSED,
    "unknown": ErrorName.OUTCOME_UNKNOWN,
    "not-quorate": ErrorName.NOT_QUORATE,
}

NOT_OF_COPIES: Final = ("Relocate", "Restart")  # of all copies of a group at once
GROUP_METHODS: Final = {
    "Start": WishKind.START,
    "Stop": WishKind.STOP,
    "Restart": WishKind.RESTART,
    "Relocate": WishKind.RELOCATE,
    "Enable": WishKind.ENABLE,
    "Disable": WishKind.DISABLE,
    "Freeze": WishKind.FREEZE,
    "Thaw": WishKind.THAW,
}


class Publication:
    """Publishes what the core has, after each step; hands wishes to it and answers when they are decided."""

    def __init__(
        self, core: Core, push: Callable[[Event], None], objections: Objections, durations: Durations = UNMEASURED
    ) -> None:
        self._core = core
        self._push = push
        self._objections = objections
        self._text = WholeText()
        self._waiting: dict[str, asyncio.Future[Answer]] = {}
        self._left: asyncio.Future[Left] | None = None
        self._seen: tuple[object, ...] = ()
        self._names: dict[str, str] = {}  # path of a group: its name
        self._resources: dict[str, tuple[str, str]] = {}  # path of a resource: its group and unit
        self._server = Server(interface_file(NAME))
        handle = self._server.handle
        self._simulations = Simulations(core, self._server, lambda: self.planning.measuring.durations)
        one = self._one = self._simulations.one
        Explanations(core, self._server, one)
        self._attending = Attending(self._server)
        self.planning = Planning(core, self._server, durations, one)
        handle("org.standfast.Groups1", "MissingRights", self._missing_rights)
        handle("org.standfast.Groups1", "Leave", self._leave)
        handle("org.standfast.Groups1", "Stay", self._stay)
        handle("org.standfast.Groups1", "SetStandby", self._set_standby)
        handle("org.standfast.Groups1", "SetMaintenance", self._set_maintenance)
        handle("org.standfast.Groups1", "FenceNow", self._fence_now)
        handle("org.standfast.Groups1", "Confirm", self._confirm)
        handle("org.standfast.Groups1", "StartAlone", self._start_alone)
        handle("org.standfast.Groups1", "PutInForce", self._put_in_force)
        handle("org.standfast.Groups1", "KeepConfiguration", self._keep_configuration)
        handle("org.standfast.Groups1", "TakeBackConfiguration", self._take_back_configuration)
        for method, kind in GROUP_METHODS.items():
            handle("org.standfast.Group1", method, self._group_wish(kind))
            if method not in NOT_OF_COPIES:
                handle("org.standfast.Copies1", method, self._group_wish(kind))
        self.update()

    def asking(self, send: Callable[[bytes], None], tasks: asyncio.TaskGroup) -> Asking:
        """It serves what others than the core answer."""
        return Asking(self._core, self._server, send, tasks)

    def drilling(self, asking: Asking, fencer: Fencer, systemd: Systemd) -> Drilling:
        """It serves fire drills."""
        measuring = self.planning.measuring
        self._simulations.offs_ms = fencer.offs_ms
        return Drilling(
            self._core, self._server, asking, fencer, systemd, self._answer, lambda: measuring.durations, self._one
        )

    def show_probes(self, probes: Callable[[str, str], list[tuple[Any, ...]]]) -> None:
        """`probes(group, unit)` are the rows of Probes, as they are now."""
        self._server.live(RESOURCE, "Probes", lambda path: probes(*self._resources[path]))

    def probes_changed(self, group: str, unit: str) -> None:
        """One of this unit's probes says something else now."""
        self._server.tell_live(_resource_path(group, unit), RESOURCE, "Probes")

    async def serve(self, on_bus: Callable[[Bus], Any]) -> None:
        async def opened(bus: Bus) -> None:
            self._attending.attach(bus)
            await on_bus(bus)

        await serve_forever(self._server, NAME, opened)

    def answered(self, answer: Answer) -> None:
        future = self._waiting.pop(answer.wish, None)
        if future is not None and not future.done():
            future.set_result(answer)

    def left(self, left: Left) -> None:
        if self._left is not None and not self._left.done():
            self._left.set_result(left)

    # Methods

    async def _missing_rights(self, call: Call) -> tuple[Any, ...]:
        return (await self._server.missing_rights(call),)

    async def _leave(self, call: Call) -> tuple[Any, ...]:
        if self._left is None:
            self._left = asyncio.get_running_loop().create_future()
            self._push(LeaveAsked())
        await asyncio.shield(self._left)
        return ()

    async def _stay(self, call: Call) -> tuple[Any, ...]:
        asked, self._left = self._left, None
        self._push(LeaveAsked(taken_back=True))
        if asked is not None and not asked.done():
            asked.set_exception(BusError(ErrorName.REFUSED, f"{self._core.me} was started again: it stays."))
        return ()

    async def _set_standby(self, call: Call) -> tuple[Any, ...]:
        node, standby = call.arguments
        return await self._wish(WishKind.STANDBY if standby else WishKind.RESUME, node)

    async def _set_maintenance(self, call: Call) -> tuple[Any, ...]:
        (maintenance,) = call.arguments
        return await self._wish(WishKind.MAINTENANCE if maintenance else WishKind.NORMAL, "")

    async def _fence_now(self, call: Call) -> tuple[Any, ...]:
        (node,) = call.arguments
        return await self._wish(WishKind.FENCE, node, by=self._who(call))

    async def _confirm(self, call: Call) -> tuple[Any, ...]:
        """What was overridden is recorded with who did it."""
        node, loss, although = call.arguments
        known = await self._objections(node)
        against = [text for kind, text in known if kind not in although]
        if against:
            raise BusError(ErrorName.REFUSED, f"{node} may not be off: {' '.join(against)}")
        overridden = "".join(f", although {text}" for _, text in known)
        return await self._wish(WishKind.CONFIRM, node, loss=loss, by=f"{self._who(call)}{overridden}")

    async def _start_alone(self, call: Call) -> tuple[Any, ...]:
        """Answered when the request is taken: `Losses` and `Term` tell how it goes on."""
        (nodes,) = call.arguments
        return await self._answer(lambda identity: AloneAsked(id=identity, without=tuple(nodes), by=self._who(call)))

    async def _put_in_force(self, call: Call) -> tuple[Any, ...]:
        digest, base, without, why, confirm_ms = call.arguments
        if len(why) > LONGEST_WHY:
            raise BusError(ErrorName.INVALID_ARGUMENTS, f"The reason has more than {LONGEST_WHY} characters.")
        more = {"base": base, "without": tuple(without), "why": why, "confirm_ms": confirm_ms}
        return await self._wish(WishKind.CONFIGURE, digest, by=self._who(call), **more)

    async def _keep_configuration(self, call: Call) -> tuple[Any, ...]:
        return await self._wish(WishKind.KEEP, "", by=self._who(call))

    async def _take_back_configuration(self, call: Call) -> tuple[Any, ...]:
        return await self._wish(WishKind.TAKE_BACK, "", by=self._who(call))

    def _who(self, call: Call) -> str:
        return f"uid {call.uid} on {self._core.me}"

    def _group_wish(self, kind: WishKind) -> Callable[[Call], Any]:
        async def handler(call: Call) -> tuple[Any, ...]:
            node = call.arguments[0] if call.arguments else ""
            return await self._wish(kind, self._names[call.path], node)

        return handler

    async def _wish(self, kind: WishKind, subject: str, node: str = "", **more: Any) -> tuple[Any, ...]:
        """`more`: further fields of the wish."""

        wish = Wish(id="", kind=kind, subject=subject, node=node, **more)
        if len(encode(wish)) > LARGEST_WISH:
            text = (
                "These arguments are too long to be names of anything: `standfast status` shows those that there are."
            )
            raise BusError(ErrorName.INVALID_ARGUMENTS, text)
        return await self._answer(lambda identity: Wished(wish=replace(wish, id=identity)))

    async def _answer(self, event: Callable[[str], Event]) -> tuple[Any, ...]:
        """The core was given the event of a new identity, and answered "done". Raises BusError."""
        identity = uuid.uuid4().hex
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting[identity] = future
        self._push(event(identity))
        answer = await future
        if answer.outcome != "done":
            raise BusError(OUTCOMES[answer.outcome], answer.text)
        return ()

    # Properties

    def update(self) -> None:
        """Publish what differs; nothing is computed when nothing can."""
        core, record = self._core, self._core.record
        term, alone = core.terms.term, core.alone.losses(self._core.now)
        without = tuple(core.alone.wanted) or (record.without if record and term else ())
        seen = (
            record,
            term.nonce if term else "",
            core.quorum(),
            core.terms.ring,
            core.configuration,
            (alone, without, why_no_term(core.terms)),
            term is not None and all(term.stored.values()),  # from then on groups wait for nothing but what plan says
            core.now // 1000,
        )
        waiting = record is not None and (
            bool(record.unconfirmed) or any(not loss.proof for loss in record.losses.values())
        )
        if (
            all(a is b or a == b for a, b in zip(seen[:7], self._seen, strict=False))
            and self._seen
            and not (waiting and seen != self._seen)
        ):
            return
        self._seen = seen
        situation = core.coordinator.situation(core.knowledge)
        losses = showing.losses(record, core.configuration, situation, core.alone.wanted) if record else []
        nodes = core.configuration.nodes
        values = {
            "Cluster": core.configuration.cluster.name,
            "Node": core.me,
            "Term": term.number if term else 0,
            "Coordinator": term.coordinator if term else "",
            "Members": list(term.members) if term else [],
            "Quorate": core.quorum().value,
            "NoTerm": why_no_term(core.terms),
            "Position": f"{record.term}.{record.position}" if record else "",
            "RecordDigest": self._text.digest(record) if record else "",
            "Configuration": record.configuration if record else "",
            "ConfigurationVersion": record.version if record else 0,
            **showing.versions(record, situation),
            "Losses": alone + losses,
            "Without": list(without),
            **showing.drills(record),
            "Maintenance": record.maintenance if record else False,
            "Safe": all(node.fence or node.watchdog for node in nodes) or len(nodes) == 1,
        }
        if record is not None:
            self._publish_objects()
        self._server.publish(ROOT, "org.standfast.Groups1", values)  # who sees LastDrill has seen Drilled of its groups

    def _publish_objects(self) -> None:
        core, record = self._core, self._core.record
        assert record is not None
        ring_nodes, in_term = frozenset(core.terms.ring_nodes), core.terms.term is not None
        waiting = showing.Waiting(record, core.configuration, core.coordinator.situation(core.knowledge))
        paths = {ROOT}
        for name in record.nodes:
            path = f"{ROOT}/node/{escape(name)}"
            paths.add(path)
            values = showing.node_values(name, record, ring_nodes, in_term=in_term)
            self._server.publish(path, "org.standfast.Member1", values)
        for name in record.groups:
            path = f"{ROOT}/group/{escape(name)}"
            paths.add(path)
            self._names[path] = name
            values = showing.group_values(name, record, waiting)
            self._server.publish(path, "org.standfast.Group1", values)
            for unit, shown in showing.resource_values(name, record, core.configuration).items():
                below = _resource_path(name, unit)
                paths.add(below)
                self._resources[below] = (name, unit)
                self._server.publish(below, RESOURCE, shown)
        for values in showing.copies_values(record, core.configuration):
            path = f"{ROOT}/group/{escape(values['Name'])}"
            paths.add(path)
            self._names[path] = values["Name"]
            self._server.publish(path, "org.standfast.Copies1", values)
        for path in set(self._server.published()) - paths:
            self._server.withdraw(path)


def _resource_path(group: str, unit: str) -> str:
    return f"{ROOT}/group/{escape(group)}/resource/{escape(unit)}"
