"""Health pages are read instead of trusting that a unit is active (DESIGN section 8).

`probe_judge` says what tries mean. `Probes` makes them and tells each change of a unit's state.
"""

import asyncio
import contextlib
import math
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from standfast import files, journal
from standfast.configuration.model import Group, Level, OnFail, Probe
from standfast.probes.checking import check
from standfast.probes.verdict import Outcome, Try
from standfast.resourced.presence import View
from standfast.resourced.probe_judge import Judge, against, combine, linked, seen_by_peers
from standfast.vocabulary import ProbeState

_OUTCOMES: Final = {ProbeState.GOOD: Outcome.GOOD, ProbeState.BAD: Outcome.BAD}
_WITH_CAUSE: Final = (ProbeState.BAD, ProbeState.NOT_READY, ProbeState.DEGRADED)  # people read what was seen
_SHOWN: Final = (Level.READY, Level.DEGRADED)  # levels that fail nothing
JITTER: Final = 0.05  # of a pause, so that a hundred probes do not come in step
WAKE_UP_S: Final = 0.02  # saves a tenth of the processor time of 200 probes at 1 s
FIRST_JITTER: Final = 0.5  # up to the one after the first success: those that start together spread at once

Peers = Callable[[str], Mapping[str, View]]  # of a unit
OnTurn = Callable[[str, str], None]  # group, unit: one of its probes changed its state
OnResult = Callable[[str, str, ProbeState, str], None]  # group, unit, state, what was seen


@dataclass(slots=True, kw_only=True)
class _Watched:
    group: Group
    judges: dict[str, list[Judge]]  # by unit; empty lists are not in it
    tasks: list[asyncio.Task[None]] = field(default_factory=list)
    told: dict[str, tuple[object, ...]] = field(default_factory=dict)
    since: dict[Judge, str] = field(default_factory=dict)  # when it began to be in its state, RFC 3339 in UTC
    said: dict[Judge, "_Said"] = field(default_factory=dict)  # what was told last


class Probes:
    """The probes of all groups; its tasks belong to `tasks`."""

    def __init__(
        self,
        tasks: asyncio.TaskGroup,
        on_result: OnResult,
        on_turn: OnTurn = lambda *_: None,
        peers: Peers = lambda _: {},
    ) -> None:
        """`peers`: what other nodes see of a unit's group that runs here; call `turn` when that changes."""
        self._tasks = tasks
        self._peers = peers
        self._on_turn = on_turn
        self._on_result = on_result
        self._watched: dict[str, _Watched] = {}
        self._turned = asyncio.Event()  # a new one each time that a probe says something else

    def watch(self, group: Group) -> None:
        """The group's probes are known, with these settings; those that ran begin anew with them."""
        running = bool(self._watched[group.name].tasks) if group.name in self._watched else False
        self.stop(group.name)
        self._watched[group.name] = _Watched(group=group, judges=_judges(group))
        if running:
            self.start(group.name)

    def forget(self, name: str) -> None:
        """The group has no probes any more."""
        self.stop(name)
        self._watched.pop(name, None)

    def start(self, name: str) -> None:
        """The group's probes begin anew: unknown until the first answer."""
        self.stop(name)
        watched = self._watched[name]
        for unit, judges in watched.judges.items():
            for judge in judges:
                watched.since[judge] = files.now_text()
                task = self._tasks.create_task(self._run(watched, unit, judge), name=f"probe {unit}")
                watched.tasks.append(task)
        self.turn()

    def stop(self, name: str) -> None:
        """No probe of the group runs; nothing more is told, and its units' states are unknown."""
        watched = self._watched.get(name)
        if watched is None:
            return
        for task in watched.tasks:
            task.cancel()
        watched.tasks.clear()
        watched.told.clear()
        watched.said.clear()
        watched.since.clear()
        watched.judges = _judges(watched.group)
        self.turn()

    def state_of(self, name: str, unit: str) -> ProbeState:
        """None without a probe that must be good; else unknown while they do not run or wait for the first answer."""
        watched = self._watched.get(name)
        judges = watched.judges.get(unit, []) if watched else []
        return combine(judges)[0]

    def against(self, name: str, unit: str) -> tuple[tuple[str, ...], bool]:
        """The unit's needed probes that are bad, and whether one of them is in doubt."""
        watched = self._watched.get(name)
        return against(watched.judges.get(unit, []) if watched else [])

    def rows(self, name: str, unit: str) -> list[tuple[Any, ...]]:
        """Of each probe that is made: name, type, level, state, what it saw last, latency in ms, since when."""
        watched = self._watched.get(name)
        if watched is None or not watched.tasks:
            return []
        return [
            (
                judge.probe.name,
                judge.probe.type,
                judge.probe.level.value,
                judge.state.value,
                judge.text,
                judge.latency_ms,
                watched.since[judge],
            )
            for judge in watched.judges.get(unit, ())
        ]

    async def _run(self, watched: _Watched, unit: str, judge: Judge) -> None:
        loop = asyncio.get_running_loop()
        start = due = loop.time()
        while not judge.over:
            if judge.waits_for is not None:
                await self._wait_for_needs(watched, unit, judge)
                due = loop.time()
                start = start if judge.succeeded else due
            jitter = JITTER if judge.succeeded else FIRST_JITTER
            judge.blind = judge.probe.peers and not self._peers(unit)
            one = await self._look(judge.probe)
            if await self._counts(judge, one):
                judge.tried(one, (due - start) * 1000)
            else:
                judge.ignored(one)
            self._note(watched, unit, judge)
            # not seeded: it only spreads the load
            pause_s = judge.pause_ms(one) / 1000 * (1 + random.uniform(-jitter, jitter))  # noqa: S311 - no secret
            if one.outcome is Outcome.UNKNOWN:
                due = loop.time()  # a process that is too busy for its tries must not go on making them all at once
            due = max(due + pause_s, loop.time())
            await self._pause(judge, due)

    async def _look(self, probe: Probe, *, fresh: bool = False) -> Try:
        """One try; of a probe of Type=probe what the other one says, or of that one a try too (`fresh`)."""
        if probe.peers:
            return seen_by_peers(probe, self._peers(probe.unit))
        if probe.type != "probe":
            return await check(probe)
        while (other := self._running(*probe.target)) is not None and not fresh and not other.looked_at:
            await self._turned.wait()
        if other is None:
            unit, name = probe.target
            text = f"{Probe(name=name, unit=unit).label} does not run on this node"
            return Try(outcome=Outcome.UNKNOWN, text=text)
        if fresh:
            return await self._look(other.probe, fresh=True)
        outcome = _OUTCOMES.get(other.state, Outcome.UNKNOWN)
        return Try(outcome=outcome, text=f"{other.probe.label} is {other.state.value}: {other.text}")

    def _running(self, unit: str, name: str) -> Judge | None:
        found = (judge for one in self._watched.values() if one.tasks for judge in one.judges.get(unit, ()))
        return next((judge for judge in found if judge.probe.name == name), None)

    async def _wait_for_needs(self, watched: _Watched, unit: str, judge: Judge) -> None:
        """Nothing that it needs is missing any more."""
        judge.rested()
        while judge.waits_for is not None:
            judge.spoke |= judge.held_back
            self._note(watched, unit, judge)
            await self._turned.wait()

    async def _counts(self, judge: Judge, one: Try) -> bool:
        """Not a bad one while a probe that it needs is bad too: that one may just not have looked yet."""
        if one.outcome is Outcome.BAD:
            needs = await asyncio.gather(*(self._look(need.probe, fresh=True) for need in judge.needs if not need.over))
            if any(need.outcome is not Outcome.GOOD for need in needs):
                return False
        return judge.waits_for is None

    async def _pause(self, judge: Judge, due: float) -> None:
        """Until that time, or until one that it needs is missing, or that whose result it takes says something else."""
        if not judge.needs and not judge.probe.is_taken:
            await self._until(due)
        loop = asyncio.get_running_loop()
        turned = self._turned
        while judge.waits_for is None and (left := due - loop.time()) > 0:
            if turned is not self._turned and judge.probe.is_taken:
                return
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await self._turned.wait()

    def _note(self, watched: _Watched, unit: str, judge: Judge) -> None:
        """Who waits for it hears what it says now, and so do journal and core, if that is something else."""
        before, now = watched.said.get(judge, _NOTHING), _Said.by(judge)
        if now == before:
            return  # as after nearly every try
        watched.said[judge] = now
        self.turn()
        if now.state is not before.state:
            watched.since[judge] = files.now_text()
            self._on_turn(watched.group.name, unit)
        if now.aloud != before.aloud:
            _write(watched.group.name, judge, before, now)
        self._tell(watched, unit, anew=now.state is not before.state)

    def turn(self) -> None:
        """Whoever waits for something that is seen elsewhere looks again."""
        self._turned.set()
        self._turned = asyncio.Event()

    async def _until(self, due: float) -> None:
        """Or a little longer: tries that are due at about the same time share one wake-up of this process."""
        now = asyncio.get_running_loop().time()
        await asyncio.sleep(math.ceil(due / WAKE_UP_S) * WAKE_UP_S - now if due > now else 0)

    def _tell(self, watched: _Watched, unit: str, *, anew: bool) -> None:
        """What the unit's probes say together, if it is something else; `anew`: also if only the words are others."""
        judges = watched.judges[unit]
        state, text = combine(judges)
        said = (state, *against(judges), text if state in _WITH_CAUSE else "")
        before = watched.told.get(unit, (ProbeState.UNKNOWN, (), False, ""))
        if said == before or (said[:-1] == before[:-1] and not anew):
            return
        watched.told[unit] = said
        self._on_result(watched.group.name, unit, state, text)


@dataclass(frozen=True, slots=True)
class _Said:
    """What counts of a probe: for the journal (aloud), and for those that need it or speak with it."""

    spoke: bool
    flaps: bool
    state: ProbeState
    doubt: bool
    held_back: bool
    looked_at: bool

    @classmethod
    def by(cls, judge: Judge) -> "_Said":
        return cls(judge.spoke, judge.flaps, judge.state, judge.doubt, judge.held_back, judge.looked_at)

    @property
    def aloud(self) -> tuple[bool, bool, ProbeState]:
        return self.spoke, self.flaps, self.state


_NOTHING: Final = _Said(False, False, ProbeState.UNKNOWN, False, False, False)


def _write(group: str, judge: Judge, before: _Said, now: _Said) -> None:
    """A change of what the probe says is in the journal; of one that flaps only that it does, and that it is over."""
    probe, event = judge.probe, journal.Event.PROBE_CHANGED
    level = journal.Level.INFO if now.state is ProbeState.GOOD else journal.Level.WARNING
    if now.state is ProbeState.BAD and probe.on_fail is OnFail.ALERT:
        level = journal.Level.ERROR
    text = f"{probe.label} is {now.state.value}" + (f" ({probe.level.value})" if probe.level in _SHOWN else "")
    if now.flaps and not before.flaps:
        event, level = journal.Event.PROBE_FLAPS, journal.Level.WARNING
        text = f"{probe.label} flaps and is held as {now.state.value}: look at what it asks"
    elif before.flaps and not now.flaps:
        event, text = journal.Event.PROBE_STEADY, f"{text} and does not flap any more"
        level = journal.Level.NOTICE
    fields = {"group": group, "resource": probe.unit, "probe": now.state.value}
    if now.state is ProbeState.BAD and judge.silent_ms is not None:
        fields["silent_ms"] = str(judge.silent_ms)
    journal.write(event, level, f"{text}: {judge.text}", **fields)


def _judges(group: Group) -> dict[str, list[Judge]]:
    return {resource.unit: linked(resource.probes) for resource in group.resources if resource.probes}
