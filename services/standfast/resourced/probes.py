"""Health pages are read instead of trusting that a unit is active (DESIGN section 8).

`Judge` is pure: it counts tries. `Probes` makes them and tells each change of a unit's state.
"""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from standfast.configuration.model import Group, Probe
from standfast.probes.checking import check
from standfast.probes.verdict import Outcome, Try
from standfast.vocabulary import ProbeState

JITTER: Final = 0.05  # of the interval, so that a hundred probes do not stay in step
FIRST_RETRY_MS: Final = 50  # before the first success, doubled up to the interval: a start is seen at once

OnResult = Callable[[str, str, ProbeState, str], None]  # group, unit, state, what was seen


class Judge:
    """What the tries of one probe mean.

    Before the first success bad tries do not count until the start timeout is over. Then `fail_after` bad ones in a
    row are bad, `pass_after` good ones in a row are good. A try that could not be made begins both counts anew.
    """

    def __init__(self, probe: Probe) -> None:
        self.probe = probe
        self._good = self._bad = 0
        self._succeeded = False
        self.state = ProbeState.UNKNOWN
        self.text = ""

    def tried(self, one: Try, since_start_ms: float) -> ProbeState:
        """The state after this try, begun so long after the probe's start."""
        self.text = one.text
        match one.outcome:
            case Outcome.UNKNOWN:
                self._good = self._bad = 0
                self.state = ProbeState.UNKNOWN
            case Outcome.GOOD:
                self._good, self._bad, self._succeeded = self._good + 1, 0, True
                if self._good >= self.probe.pass_after:
                    self.state = ProbeState.GOOD
            case Outcome.BAD:
                self._good = 0
                if self._succeeded or since_start_ms >= self.probe.start_timeout_ms:
                    self._bad += 1
                if self._bad >= self.probe.fail_after:
                    self.state = ProbeState.BAD
        return self.state

    def pause_ms(self, one: Try, tries: int) -> int:
        """From the begin of this try, the `tries`-th, to the next one's."""
        if not self._succeeded:
            return int(min(FIRST_RETRY_MS << min(tries - 1, 20), self.probe.interval_ms))
        if one.outcome is Outcome.BAD and self.probe.fast_interval_ms is not None:
            return self.probe.fast_interval_ms
        return self.probe.interval_ms


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
        """None without a probe; unknown while the group's probes do not run or wait for the first answer."""
        watched = self._watched.get(name)
        judges = watched.judges.get(unit, []) if watched else []
        return combine(tuple(judge.state for judge in judges))

    async def _run(self, watched: _Watched, unit: str, judge: Judge) -> None:
        loop = asyncio.get_running_loop()
        start = due = loop.time()
        tries = 0
        while True:
            tries += 1
            one = await _try(judge.probe)
            judge.tried(one, (due - start) * 1000)
            self._tell(watched, unit)
            pause_s = judge.pause_ms(one, tries) / 1000
            # not seeded: it only spreads the load
            pause_s *= 1 + random.uniform(-JITTER, JITTER)  # noqa: S311 - no secret
            due = max(due + pause_s, loop.time())
            await asyncio.sleep(due - loop.time())

    def _tell(self, watched: _Watched, unit: str) -> None:
        judges = watched.judges[unit]
        state = combine(tuple(judge.state for judge in judges))
        if watched.told.get(unit, ProbeState.UNKNOWN) is state:
            return
        watched.told[unit] = state
        text = "; ".join(judge.text for judge in judges if judge.state is state)
        self._on_result(watched.group.name, unit, state, text)


def combine(states: tuple[ProbeState, ...]) -> ProbeState:
    """What several probes of one unit say together: the worst counts."""
    for state in (ProbeState.BAD, ProbeState.UNKNOWN, ProbeState.GOOD):
        if state in states:
            return state
    return ProbeState.NONE


async def _try(probe: Probe) -> Try:
    """One try; an error of our own is told as unknown, for it says nothing about the unit."""
    try:
        return await check(probe)
    except Exception as error:  # whatever it is, the verdict must not be "bad"
        text = f"the probe of {probe.unit} itself failed: {type(error).__name__}: {error}"
        return Try(outcome=Outcome.UNKNOWN, text=text)


def _judges(group: Group) -> dict[str, list[Judge]]:
    return {
        resource.unit: [Judge(probe) for probe in resource.probes] for resource in group.resources if resource.probes
    }
