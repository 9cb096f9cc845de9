"""Looks for what stopped a resource, when a job of somebody else's did: all that could have is read by calls."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from standfast.bus import Bus, escape
from standfast.configuration.model import Group
from standfast.manager import CALL_TIMEOUT_S, DOWN, SYSTEMD, UNIT, UNIT_PATHS, list_units
from standfast.resourced import stopped
from standfast.resourced.by_hand import Notes
from standfast.resourced.stopped import Other, Run
from standfast.resourced.unit_reader import Known, Verdict, now_us
from standfast.resourced.unit_reading import WITH_RESULT, kind_of, type_interface
from standfast.vocabulary import UnitState

OURSELVES: Final = "standfast-resourced.service"
_LEFT: Final = "ActiveExitTimestampMonotonic"
_BEGUN: Final = "InactiveExitTimestampMonotonic"


class Stops:
    """Every method that asks systemd raises BusError."""

    def __init__(self, run: Path) -> None:
        self._run = run
        self._notes = Notes(run)
        self._listening_since = 0
        self._died_at: int | None = None  # when the process before this one was gone

    def listening(self) -> None:
        """From now on nothing that systemd says of units is missed."""
        self._listening_since = now_us()

    def ours(self, units: Mapping[str, Known]) -> None:
        """We start or stop these now: what an administrator wished before is over."""
        for unit, known in units.items():
            self._notes.remove(unit)
            if known.verdict is not None and known.verdict.by_hand:
                known.verdict = None
                known.past = replace(known.past, was_active=False, ended_by_us=True)

    async def explain(
        self, bus: Bus, group: Group, states: Sequence[UnitState], units: Mapping[str, Known]
    ) -> tuple[UnitState, ...]:
        """The states, with what stopped those that are down; it is found once for each time that they came down."""
        runs = {}
        for state in states:
            known = units[state.unit]
            if state.active == "active":
                known.verdict = None
                self._notes.remove(state.unit)
            elif state.active in DOWN and not state.job and self._may_be_somebodys(group, known):
                runs[state.unit] = await _read_run(bus, state.unit)
        for unit, run in runs.items():
            known = units[unit]
            if known.verdict is None or known.verdict.down_at != run.down_at:
                known.verdict = await self._judge(bus, group, run, runs, units)
                if known.verdict.by_hand:
                    self._notes.add(unit, run.down_at)
        for known in units.values():
            known.fresh = False
        return tuple(
            _with_verdict(state, units[state.unit].verdict if state.unit in runs else None) for state in states
        )

    def _may_be_somebodys(self, group: Group, known: Known) -> bool:
        if known.past.ended_by_us:
            return False
        found = known.fresh and (self._run / "lease" / group.name).exists()  # it ran before this process did
        return known.past.was_active or known.verdict is not None or found

    async def _judge(
        self, bus: Bus, group: Group, run: Run, runs: Mapping[str, Run], units: Mapping[str, Known]
    ) -> Verdict:
        known, now = units[run.unit], now_us()
        noted = self._notes.down_at(run.unit) if known.fresh else None
        if noted is not None and noted == run.down_at:
            return Verdict(down_at=run.down_at, by_hand=True, cause=stopped.by_hand(run))
        if not await self._was_stopped(bus, run, known):
            return Verdict(down_at=run.down_at)
        moved = await self._moved(bus, group, run, runs, now)
        seen = [one for name, one in runs.items() if units[name].past.was_active or one.active == "failed"]
        failed = [one for one in seen if not await self._was_stopped(bus, one, units[one.unit])]
        cause = stopped.culprit(run, moved, failed, now)
        return Verdict(down_at=run.down_at, by_hand=cause is None, cause=cause or stopped.by_hand(run))

    async def _was_stopped(self, bus: Bus, run: Run, known: Known) -> bool:
        """By a job that is not ours. Before this process ran that is known only of what came down after the one before
        was gone: that one may have stopped it itself, for a new version."""
        if not known.past.was_active and known.verdict is None:
            if self._died_at is None:
                self._died_at = await _time(bus, OURSELVES, _LEFT)
            if not 0 < self._died_at <= run.left_at:
                return False
        return stopped.by_a_job(run, known.past.foreign_done_at, self._listening_since)

    async def _moved(self, bus: Bus, group: Group, run: Run, runs: Mapping[str, Run], now: int) -> list[Other]:
        """What of outside the group may have stopped it: it, or what of the group it was stopped with."""
        own = {group.target, *(resource.unit for resource in group.resources)}
        seen, todo, moved = {run.unit}, [run], []
        while todo:
            one = todo.pop(0)
            for other in await _read_others(bus, one):
                if other.unit not in own:
                    moved += [other] if other.moved(run, now) else []
                elif other.unit not in seen and (other.moved(run, now) or other.active in DOWN):
                    seen.add(other.unit)
                    todo.append(runs.get(other.unit) or await _read_run(bus, other.unit))
        return moved


def _with_verdict(state: UnitState, verdict: Verdict | None) -> UnitState:
    if verdict is None or verdict.cause is None:
        return state
    return replace(state, cause=verdict.cause, by_hand=verdict.by_hand)


async def _read_run(bus: Bus, unit: str) -> Run:
    path = f"{UNIT_PATHS}/{escape(unit)}"
    general = await bus.get_all(SYSTEMD, path, UNIT, timeout_s=CALL_TIMEOUT_S)
    special = {}
    if kind_of(unit) in WITH_RESULT:
        special = await bus.get_all(SYSTEMD, path, type_interface(unit), timeout_s=CALL_TIMEOUT_S)
    return stopped.read_run(unit, general, special)


async def _read_others(bus: Bus, run: Run) -> list[Other]:
    relations = stopped.others_of(run)
    listed = await list_units(bus, tuple(relations))
    times = (_time(bus, unit, _LEFT if relations[unit] in stopped.STOPS else _BEGUN) for unit in relations)
    return [
        Other(
            unit=one.unit,
            relation=relations[one.unit],
            of=run.unit,
            active=one.active,
            job=one.job,
            moved_at=moved_at,
        )
        for one, moved_at in zip(listed, await asyncio.gather(*times), strict=True)
    ]


async def _time(bus: Bus, unit: str, name: str) -> int:
    return int(await bus.get(SYSTEMD, f"{UNIT_PATHS}/{escape(unit)}", UNIT, name, timeout_s=CALL_TIMEOUT_S))
