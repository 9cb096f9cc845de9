"""One fire drill from its fault to its report, by somebody who only looks on: the cluster recovers by itself."""

import asyncio
import contextlib
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from standfast import journal
from standfast.bus import Bus, BusError, ErrorName, Signal
from standfast.drills import reports
from standfast.drills.measuring import result_rows, step_rows
from standfast.incidents import Entry, reading
from standfast.vocabulary import DrillKind, NodeState, Phase

GROUPS: Final = "org.standfast.Groups"
ROOT: Final = "/org/standfast"
INTERFACE: Final = "org.standfast.Groups1"
INJECT_S: Final = 120.0
END_S: Final = 30.0
END_WITHIN_S: Final = 60.0  # a term may have to be opened first
MARGIN_S: Final = 15.0  # before the record ends the drill by itself
JOURNAL_S: Final = 2.0  # until journald has what was just written
_AT_MOST_EVERY_S: Final = 0.02
_LOOK_AGAIN_S: Final = 1.0
_SERVES: Final = ("good", "none", "degraded", "not-ready")
Properties = Mapping[str, Any]


class NoDrillError(Exception):
    """Nothing is to be conducted from here; says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drill:
    """As resourced publishes it."""

    id: str
    kind: DrillKind
    node: str
    groups: tuple[str, ...]
    unit: str
    by: str
    at: str
    limit_ms: int

    @property
    def of_node(self) -> bool:
        return self.kind in (DrillKind.POWER, DrillKind.CUT)


@dataclass(slots=True, kw_only=True)
class Seen:
    """What resourced says at one moment."""

    groups: dict[str, Properties] = field(default_factory=dict)
    serving: set[str] = field(default_factory=set)  # groups all of whose resources are active, with good probes
    node: Properties = field(default_factory=dict)  # where the fault is


class Conductor:
    def __init__(self, bus: Bus, folder: Path = reports.FOLDER) -> None:
        self._bus = bus
        self._folder = folder
        self._changed = asyncio.Event()
        self.recovered: dict[str, int] = {}  # by group, ms
        self.node_back_ms: int | None = None

    async def conduct(self) -> reports.Report:
        """The drill that is under way has ended in the record, and its report is saved.

        Raises NoDrillError, BusError.
        """
        drill, me = await self._drill()
        journal.identify("drill", me)
        await self._bus.subscribe(GROUPS, self._on_signal, path_namespace=ROOT)
        await self._bus.on_owner(GROUPS, lambda _: self._changed.set())
        expected = await self._expected(drill)
        before = await self._look(drill)
        injected, begun = datetime.now(UTC), time.monotonic()
        injecting = asyncio.create_task(self._inject(drill))  # an agent may take longer than the others need to notice
        watching = asyncio.create_task(self._watch(drill, before, begun))
        await asyncio.wait((injecting, watching), return_when=asyncio.FIRST_COMPLETED)
        if injecting.done() and injecting.result():
            watching.cancel()
        missed = await injecting
        failed = missed or await watching
        report = await self._report(drill, me, injected, failed, expected)
        await self._finish(drill, report, failed, struck=not missed)
        return report

    async def _inject(self, drill: Drill) -> str:
        """Why the fault was not injected, "" = it was."""
        try:
            await self._call("InjectFault", "s", drill.id, timeout_s=INJECT_S)
        except BusError as error:
            return f"the fault was not injected: {error.text}"
        return ""

    async def _report(
        self, drill: Drill, me: str, injected: datetime, failed: str, expected: list[dict[str, Any]]
    ) -> reports.Report:
        entries = await self._entries(injected)
        after = Seen()
        with contextlib.suppress(BusError):
            after = await self._look(drill)
        rows = {group: step_rows(entries, group, injected) for group in drill.groups}
        owners = {group: str(values["Owner"]) for group, values in after.groups.items()}
        return {
            "id": drill.id,
            "kind": drill.kind.value,
            "node": drill.node,
            "unit": drill.unit or None,
            "conducted_from": me,
            "by": drill.by,
            "began": drill.at,
            "fault_at": injected.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "passed": not failed,
            "failed": failed or None,
            "node_back_ms": self.node_back_ms,
            "groups": result_rows(drill.groups, self.recovered, owners, expected, rows),
        }

    # What resourced says

    async def _drill(self) -> tuple[Drill, str]:
        root = await self._bus.get_all(GROUPS, ROOT, INTERFACE)
        identity, kind, node, groups, unit, leader, by, at, limit_ms = root["Drill"]
        me = str(root["Node"])
        if not identity or leader != me:
            raise NoDrillError("no fire drill that is conducted from this node is under way: standfast status")
        drill = Drill(
            id=identity,
            kind=DrillKind(kind),
            node=node,
            groups=tuple(groups),
            unit=unit,
            by=by,
            at=at,
            limit_ms=limit_ms,
        )
        return drill, me

    async def _expected(self, drill: Drill) -> list[dict[str, Any]]:
        """What was measured before; nothing where that cannot be asked."""
        subject = drill.node if drill.of_node else drill.groups[0]
        try:
            (text,) = await self._call("ForeseeDrill", "ssb", drill.kind.value, subject, True)
        except BusError:
            return []
        rows: list[dict[str, Any]] = json.loads(text)["expected"]
        return rows

    async def _look(self, drill: Drill) -> Seen:
        """Raises BusError."""
        objects = await self._bus.managed_objects(GROUPS, ROOT)
        seen = Seen()
        for path, found in objects.items():
            group, member = found.get("org.standfast.Group1"), found.get("org.standfast.Member1")
            if group is not None and group["Name"] in drill.groups:
                name = str(group["Name"])
                seen.groups[name] = group
                below = [
                    one["org.standfast.Resource1"]
                    for other, one in objects.items()
                    if other.startswith(f"{path}/resource/") and "org.standfast.Resource1" in one
                ]
                if all(one["State"] == "active" and one["Probe"] in _SERVES for one in below):
                    seen.serving.add(name)
            if member is not None and member["Name"] == drill.node:
                seen.node = member
        return seen

    def _on_signal(self, _: Signal) -> None:
        self._changed.set()

    async def _call(self, method: str, signature: str, *arguments: Any, timeout_s: float = END_S) -> tuple[Any, ...]:
        return await self._bus.call(GROUPS, ROOT, INTERFACE, method, signature, *arguments, timeout_s=timeout_s)

    # What becomes of it

    async def _watch(self, drill: Drill, before: Seen, begun: float) -> str:
        """Why the drill failed, "" = all that the fault struck has recovered."""
        until = begun + drill.limit_ms / 1000 - MARGIN_S
        seen = before
        while time.monotonic() < until:
            self._changed.clear()
            with contextlib.suppress(BusError):  # a resourced that is away comes back
                seen = await self._look(drill)
                self._note(drill, before, seen, round((time.monotonic() - begun) * 1000))
            if self.recovered.keys() >= set(drill.groups) and (not drill.of_node or self.node_back_ms is not None):
                return ""
            blocked = next((one for one in seen.groups.values() if one["Phase"] == Phase.BLOCKED), None)
            if blocked is not None:
                return f"{blocked['Name']} is blocked: {blocked['Reason']}"
            await asyncio.sleep(_AT_MOST_EVERY_S)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), _LOOK_AGAIN_S)
        return self._late(drill, before, seen)

    def _note(self, drill: Drill, before: Seen, seen: Seen, ms: int) -> None:
        """A group that ran all the time has not recovered: nothing happened to it yet."""
        for name in drill.groups:
            now, had = seen.groups.get(name), before.groups.get(name)
            started = now is not None and now["Phase"] == Phase.STARTED and name in seen.serving
            if started and had is not None and now is not None and now["Since"] != had["Since"]:
                self.recovered.setdefault(name, ms)
        back = seen.node.get("State") == NodeState.ONLINE
        if drill.of_node and back and seen.node["Incarnation"] != before.node.get("Incarnation"):
            self.node_back_ms = self.node_back_ms or ms

    def _late(self, drill: Drill, before: Seen, seen: Seen) -> str:
        for name in drill.groups:
            if name in self.recovered:
                continue
            now, had = seen.groups.get(name, {}), before.groups.get(name, {})
            if now.get("Phase") == Phase.STARTED and now.get("Since") == had.get("Since"):
                return f"nothing noticed the fault: {name} still counts as started; give {drill.unit or name} a probe"
            return f"{name} did not run again in time: it is {now.get('Phase', 'unknown')}: {now.get('Reason', '')}"
        return f"{drill.node} is not back: it is {seen.node.get('State', 'unknown')}; is it to boot by itself?"

    async def _entries(self, since: datetime) -> list[Entry]:
        """Ours since the fault, as soon as journald has them."""
        until = time.monotonic() + JOURNAL_S
        while True:
            entries = await asyncio.to_thread(reading.read, since=since)
            started = {entry.group for entry in entries if entry.event == "group-started"}
            if started >= self.recovered.keys() or time.monotonic() >= until:
                return entries
            await asyncio.sleep(_LOOK_AGAIN_S / 5)

    async def _finish(self, drill: Drill, report: reports.Report, failed: str, *, struck: bool) -> None:
        """The report first: who waits for the drill's end reads it then."""
        try:
            path = await asyncio.to_thread(reports.save, report, self._folder)
            _tell(drill, f"The report of the fire drill is {path}")
        except OSError as error:
            _tell(drill, f"The report of the fire drill cannot be saved: {error}", bad=True)
        until = time.monotonic() + END_WITHIN_S
        while True:
            try:
                await self._call("EndDrill", "sa{su}sb", drill.id, self.recovered, failed, struck)
            except BusError as error:
                if error.name == ErrorName.REFUSED or time.monotonic() >= until:
                    text = f"The end of the fire drill is not in the record: {error.text}"
                    _tell(drill, text, bad=True)
                    return
            else:
                return
            await asyncio.sleep(_LOOK_AGAIN_S)


def _tell(drill: Drill, text: str, *, bad: bool = False) -> None:
    groups = {"group": drill.groups[0]} if len(drill.groups) == 1 else {}
    journal.write(
        journal.Event.DRILL_REPORT,
        journal.Level.WARNING if bad else journal.Level.NOTICE,
        text,
        subject=drill.node,
        **groups,
    )
