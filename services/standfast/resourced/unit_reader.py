"""One unit's state, put together from calls to systemd and what the kernel shows."""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from standfast.bus import Bus, escape
from standfast.manager import CALL_TIMEOUT_S, MANAGER, MANAGER_PATH, SYSTEMD, UNIT_PATHS, Listed, list_units
from standfast.resourced.unit_reading import (
    WITH_CONTROL_GROUP,
    WITH_RESULT,
    Ending,
    Machine,
    Past,
    control_group_in,
    find_control_groups,
    kind_of,
    read_cause,
    type_interface,
)
from standfast.vocabulary import UnitState


@dataclass(slots=True)
class Known:
    """What is remembered of one unit from read to read."""

    past: Past = field(default_factory=Past)
    was_down: bool = False  # seen down, and not up since
    control_group: str = ""  # the last one that systemd told
    slice: str = ""


class Reader:
    """Reads units; the lists of one `Machine` belong to one moment."""

    def __init__(self, control_groups: Path | None) -> None:
        self._control_groups = control_groups or find_control_groups()
        self._root: str | None = None  # systemd's own control group

    def machine(self) -> Machine:
        return Machine(self._control_groups)

    async def list_units(self, bus: Bus, units: tuple[str, ...]) -> tuple[Listed, ...]:
        """The units as they all are at one moment, loaded if they were not."""
        return await list_units(bus, units)

    async def read(self, bus: Bus, listed: Listed, known: Known, machine: Machine) -> UnitState:
        """The unit's state; `known` learns from it."""
        unit = listed.unit
        groups = await self._control_groups_of(bus, unit, known)
        ending = await self._read_ending(bus, unit) if listed.active == "failed" else Ending()
        cause = read_cause(listed, ending, known.past)
        _remember(known, listed)
        return UnitState(
            unit=unit,
            load=listed.load,
            active=listed.active,
            job=listed.job,
            processes=machine.has_processes(groups),
            cause=cause,
            traces=listed.down and machine.has_traces(unit),  # while it is up they are no traces
        )

    async def left_behind(self, bus: Bus, unit: str, known: Known) -> list[Path]:
        """The control groups with processes that systemd does not count as the unit's any more."""
        if kind_of(unit) not in WITH_CONTROL_GROUP or await _get(bus, unit, type_interface(unit), "ControlGroup"):
            return []
        machine = self.machine()
        groups = await self._control_groups_of(bus, unit, known)
        return [self._control_groups / group.lstrip("/") for group in groups if machine.has_processes((group,))]

    async def _control_groups_of(self, bus: Bus, unit: str, known: Known) -> tuple[str, ...]:
        """Where its processes are; systemd forgets it at the unit's stop: then where they were, or would be."""
        if kind_of(unit) not in WITH_CONTROL_GROUP:
            return ()
        interface = type_interface(unit)
        told = str(await _get(bus, unit, interface, "ControlGroup"))
        if told:
            known.control_group = told
            return (told,)
        if not known.slice:
            known.slice = str(await _get(bus, unit, interface, "Slice"))
        if self._root is None:
            self._root = str(await bus.get(SYSTEMD, MANAGER_PATH, MANAGER, "ControlGroup", timeout_s=CALL_TIMEOUT_S))
        usual = control_group_in(known.slice, unit, self._root) if known.slice else ""
        return tuple(dict.fromkeys(group for group in (known.control_group, usual) if group))

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


async def _get(bus: Bus, unit: str, interface: str, name: str) -> Any:
    """A property; systemd loads a unit whose object is asked."""
    return await bus.get(SYSTEMD, f"{UNIT_PATHS}/{escape(unit)}", interface, name, timeout_s=CALL_TIMEOUT_S)


def _remember(known: Known, listed: Listed) -> None:
    """What this read means for the causes of later ones."""
    if listed.down:
        known.was_down = True
    elif listed.active == "active":
        ended_by_us = known.past.ended_by_us and not known.was_down  # up again: somebody started it
        known.past = Past(was_active=True, ended_by_us=ended_by_us)
        known.was_down = False
