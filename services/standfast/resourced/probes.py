"""Health pages are read instead of trusting that a unit is active (DESIGN section 8).

`probe_judge` says what tries mean. `Probes` makes them and tells each change of a unit's state.
"""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from standfast import journal
from standfast.configuration.model import Group, Level
from standfast.probes.checking import check
from standfast.resourced.probe_judge import Judge, combine
from standfast.vocabulary import ProbeState

JITTER: Final = 0.05  # of the interval, so that a hundred probes do not stay in step

OnResult = Callable[[str, str, ProbeState, str], None]  # group, unit, state, what was seen


@dataclass(slots=True, kw_only=True)
class _Watched:
    group: Group
    judges: dict[str, list[Judge]]  # by unit; empty lists are not in it
    tasks: list[asyncio.Task[None]] = field(default_factory=list)
    told: dict[str, ProbeState] = field(default_factory=dict)


class Probes:
    """The probes of all groups; its tasks belong to `tasks`."""

    def __init__(self, tasks: asyncio.TaskGroup, on_result: OnResult) -> None:
        self._tasks = tasks
        self._on_result = on_result
        self._watched: dict[str, _Watched] = {}

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
                task = self._tasks.create_task(self._run(watched, unit, judge), name=f"probe {unit}")
                watched.tasks.append(task)

    def stop(self, name: str) -> None:
        """No probe of the group runs; nothing more is told, and its units' states are unknown."""
        watched = self._watched.get(name)
        if watched is None:
            return
        for task in watched.tasks:
            task.cancel()
        watched.tasks.clear()
        watched.told.clear()
        watched.judges = _judges(watched.group)

    def state_of(self, name: str, unit: str) -> ProbeState:
        """None without a probe that must be good; else unknown while they do not run or wait for the first answer."""
        watched = self._watched.get(name)
        judges = watched.judges.get(unit, []) if watched else []
        return combine(judges)[0]

    async def _run(self, watched: _Watched, unit: str, judge: Judge) -> None:
        loop = asyncio.get_running_loop()
        start = due = loop.time()
        tries = 0
        while not judge.over:
            tries += 1
            one = await check(judge.probe)
            before = _Said.by(judge)
            judge.tried(one, (due - start) * 1000)
            _write(watched.group.name, judge, before)
            self._tell(watched, unit)
            pause_s = judge.pause_ms(one, tries) / 1000
            # not seeded: it only spreads the load
            pause_s *= 1 + random.uniform(-JITTER, JITTER)  # noqa: S311 - no secret
            due = max(due + pause_s, loop.time())
            await asyncio.sleep(due - loop.time())

    def _tell(self, watched: _Watched, unit: str) -> None:
        judges = watched.judges[unit]
        state, text = combine(judges)
        if watched.told.get(unit, ProbeState.UNKNOWN) is state:
            return
        watched.told[unit] = state
        self._on_result(watched.group.name, unit, state, text)


@dataclass(frozen=True, slots=True)
class _Said:
    """What the journal knows of a probe."""

    spoke: bool
    flaps: bool
    state: ProbeState

    @classmethod
    def by(cls, judge: Judge) -> "_Said":
        return cls(judge.spoke, judge.flaps, judge.state)


def _write(group: str, judge: Judge, before: _Said) -> None:
    """A change of what the probe says is in the journal; of one that flaps only that it does, and that it is over."""
    now = _Said.by(judge)
    if now == before:
        return
    probe, event = judge.probe, journal.Event.PROBE_CHANGED
    needed = probe.level in (Level.STARTUP, Level.LIVE)
    level = journal.Level.INFO if now.state is ProbeState.GOOD else journal.Level.WARNING
    text = f"{probe.label} is {now.state.value}" + ("" if needed else f" ({probe.level.value})")
    if now.flaps and not before.flaps:
        event, level = journal.Event.PROBE_FLAPS, journal.Level.WARNING
        text = f"{probe.label} flaps and is held as {now.state.value}: look at what it asks"
    elif before.flaps and not now.flaps:
        event, text = journal.Event.PROBE_STEADY, f"{text} and does not flap any more"
    journal.write(event, level, f"{text}: {judge.text}", group=group, resource=probe.unit)


def _judges(group: Group) -> dict[str, list[Judge]]:
    return {
        resource.unit: [Judge(probe) for probe in resource.probes] for resource in group.resources if resource.probes
    }
