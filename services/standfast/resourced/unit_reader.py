"""One unit's state, put together from calls to systemd and what the kernel shows."""

import asyncio
import contextlib
import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import Any, Final

from standfast.bus import Bus, BusError, escape
from standfast.jobs import JobResult
from standfast.manager import CALL_TIMEOUT_S, MANAGER, MANAGER_PATH, SYSTEMD, UNIT, UNIT_PATHS, Listed, list_units
from standfast.resourced.unit_reading import (
    WITH_CONTROL_GROUP,
    WITH_RESULT,
    Ending,
    Machine,
    Past,
    find_control_groups,
    kind_of,
    read_cause,
    type_interface,
)
from standfast.resourced.unstarted import AUTO_RESTART, LONG_US, not_started, still_starting
from standfast.vocabulary import Cause, UnitState

KEPT: Final = 256  # systemd follows by a match rule who wants a unit kept, and the bus cuts it off when it has 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether a job that was not ours stopped it; `down_at`: when, µs of CLOCK_MONOTONIC as systemd has it."""

    down_at: int
    by_hand: bool = False
    cause: Cause | None = None  # None: no such job stopped it


@dataclass(slots=True)
class Known:
    """What is remembered of one unit from read to read."""

    past: Past = field(default_factory=Past)
    was_down: bool = False  # seen down, and not up since
    others: tuple[str, ...] = ()  # names that systemd ever had for it beside that one
    fresh: bool = True  # it was not read yet
    verdict: Verdict | None = None  # on its last end, if that was looked into
    started: bool = False  # a start of ours was done, and it was not seen up since
    starting_since: int = 0  # µs of CLOCK_MONOTONIC, 0 = it is not activating

    def names_of(self, unit: str) -> tuple[str, ...]:
        return (unit, *self.others)

    def named(self, listed: Listed) -> None:
        """An alias may be taken away while what was started by it still runs."""
        if listed.name not in self.names_of(listed.unit):
            self.others = (*self.others, listed.name)

    def job_ended(self, result: str, *, ours: bool) -> None:
        """`ours`: we are starting something of its group."""
        foreign = not self.past.ended_by_us and not ours
        self.started = ours and result == JobResult.DONE
        done_at = now_us() if foreign and result == JobResult.DONE else self.past.foreign_done_at
        job_result = "" if result == JobResult.DONE else result
        self.past = replace(self.past, job_result=job_result, foreign_job=foreign, foreign_done_at=done_at)

    def end_by_us(self) -> None:
        """It is up, and a stop or kill of ours begins."""
        self.past = replace(self.past, ended_by_us=True)
        self.was_down = self.started = False

    def start_anew(self) -> None:
        """A start of ours begins in its group: how it ended before is no cause of what comes."""
        was_active = self.past.was_active and not self.was_down
        self.past = replace(self.past, was_active=was_active, ended_by_us=False, job_result="")
        if self.verdict is not None and not self.verdict.by_hand:
            self.verdict = None


class Reader:
    """Reads units; the lists of one `Machine` belong to one moment."""

    def __init__(self, control_groups: Path | None) -> None:
        self._control_groups = control_groups or find_control_groups()
        self._root: Path | None = None  # systemd's own control group
        self._kept: set[str] = set()  # units that systemd keeps loaded, as long as that connection lasts
        self._kept_for: Bus | None = None

    async def machine(self, bus: Bus) -> Machine:
        if self._root is None:
            told = str(await bus.get(SYSTEMD, MANAGER_PATH, MANAGER, "ControlGroup", timeout_s=CALL_TIMEOUT_S))
            self._root = self._control_groups / told.strip("/")
        return Machine(self._root)

    async def list_units(self, bus: Bus, groups: Iterable[Collection[str]]) -> tuple[Listed, ...]:
        """The units of these groups as they all are at one moment, loaded if they were not."""
        units = [tuple(group) for group in groups]
        await self._keep_loaded(bus, [unit for group in units if len(group) > 1 for unit in group])
        return await list_units(bus, tuple(chain.from_iterable(units)))

    async def _keep_loaded(self, bus: Bus, units: Iterable[str]) -> None:
        """systemd forgets a unit that is down, and loads it with its whole group for each question: for a hundred units
        that was half a second of PID 1's time, a hundred times. Alone it costs little."""
        if self._kept_for is not bus:
            self._kept, self._kept_for = set(), bus
        new = [unit for unit in units if unit not in self._kept][: KEPT - len(self._kept)]
        self._kept.update(new)
        await asyncio.gather(*(_keep(bus, unit) for unit in new))

    async def read(self, bus: Bus, listed: Listed, known: Known, machine: Machine) -> UnitState:
        """The unit's state; `known` learns from it."""
        unit = listed.unit
        if listed.sub == AUTO_RESTART:
            listed = replace(listed, active="failed")  # restarts are the cluster's, by its own rules
        known.named(listed)
        with_processes = kind_of(unit) in WITH_CONTROL_GROUP and machine.has_processes(known.names_of(unit))
        ending = await self._read_ending(bus, unit) if listed.active == "failed" else Ending()
        cause = read_cause(listed, ending, known.past) or await _why_not_up(bus, listed, known)
        _remember(known, listed)
        return UnitState(
            unit=unit,
            load=listed.load,
            active=listed.active,
            job=listed.job,
            processes=with_processes,
            cause=cause,
            traces=listed.down and machine.has_traces(unit),  # while it is up they are no traces
        )

    async def kill_left_behind(self, bus: Bus, unit: str, known: Known) -> None:
        """Processes that systemd does not count as the unit's any more were sent SIGKILL by their control group."""
        if kind_of(unit) not in WITH_CONTROL_GROUP or await _get(bus, unit, type_interface(unit), "ControlGroup"):
            return
        with contextlib.suppress(OSError):  # what is left is looked at
            for folder in (await self.machine(bus)).control_groups(known.names_of(unit)):
                with contextlib.suppress(OSError):  # empty by now, or before Linux 5.14
                    (folder / "cgroup.kill").write_text("1")

    async def _read_ending(self, bus: Bus, unit: str) -> Ending:
        kind, interface = kind_of(unit), type_interface(unit)
        if kind not in WITH_RESULT:
            return Ending(result="failed")
        result = str(await _get(bus, unit, interface, "Result"))
        if kind != "service":
            return Ending(result=result)
        names = ("ExecMainCode", "ExecMainStatus", "StatusText")
        code, status, text = await asyncio.gather(*(_get(bus, unit, interface, name) for name in names))
        return Ending(result=result, main_code=int(code), main_status=int(status), status_text=str(text))


async def _keep(bus: Bus, unit: str) -> None:
    with contextlib.suppress(BusError):  # one that it cannot keep costs time, nothing else
        await bus.call(SYSTEMD, MANAGER_PATH, MANAGER, "RefUnit", "s", unit, timeout_s=CALL_TIMEOUT_S)


def now_us() -> int:
    """CLOCK_MONOTONIC, as systemd's time stamps have it."""
    return time.monotonic_ns() // 1000


async def _get(bus: Bus, unit: str, interface: str, name: str) -> Any:
    """A property; systemd loads a unit whose object is asked."""
    return await bus.get(SYSTEMD, f"{UNIT_PATHS}/{escape(unit)}", interface, name, timeout_s=CALL_TIMEOUT_S)


async def _why_not_up(bus: Bus, listed: Listed, known: Known) -> Cause | None:
    """What a start waits for, or why one of ours did nothing."""
    if listed.active == "activating":
        known.starting_since = known.starting_since or now_us()
        long = now_us() - known.starting_since >= LONG_US
        return still_starting(listed.unit, listed.sub) if long else None
    known.starting_since = 0
    if listed.active == "inactive" and not listed.job and known.started:
        service = kind_of(listed.unit) == "service"
        result = await _get(bus, listed.unit, type_interface(listed.unit), "Result") if service else "success"
        return not_started(listed.unit, await _get(bus, listed.unit, UNIT, "Conditions"), str(result))
    return None


def _remember(known: Known, listed: Listed) -> None:
    """What this read means for the causes of later ones."""
    if listed.down:
        known.was_down = True
    elif listed.active == "active":
        ended_by_us = known.past.ended_by_us and not known.was_down  # up again: somebody started it
        known.past = Past(was_active=True, ended_by_us=ended_by_us)
        known.was_down = known.started = False
