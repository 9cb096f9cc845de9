"""Hundreds of units: systemd follows who asks it by rules of the bus, which cuts it off when it has too many."""

import asyncio
from collections import Counter
from functools import partial
from pathlib import Path
from unittest import mock

import pytest

from bus.private import PrivateBus, until
from fakes.systemd import FakeSystemd
from standfast import jobs
from standfast.bus import Bus
from standfast.configuration.model import Group, Resource
from standfast.resourced import acts
from standfast.resourced.events import Adopted
from standfast.resourced.leases import Leases
from standfast.resourced.unit_reader import KEPT
from standfast.resourced.units import BATCH, Units

LIMIT = 512  # max_match_rules_per_connection of dbus-daemon's system bus
NAMES = [f"dummy{number}" for number in range(400)]


class Crowd:
    """Two units for each of NAMES, in groups of two and of one; every start hangs."""

    def __init__(self, folder: Path, tasks: asyncio.TaskGroup) -> None:
        self.systemd = FakeSystemd()
        self.told: set[str] = set()
        self.units = Units(
            on_states=lambda group, _: self.told.add(group),
            on_refused=lambda *_: None,
            on_reloaded=lambda: None,
            tasks=tasks,
            run=folder / "run",
            control_groups=folder,
        )
        for name in NAMES:
            pair = (f"{name}.service", f"{name}-too.service")
            for unit in pair:
                self.systemd.add(unit, start="hang")
            for group, units in ((name, pair), (f"{name}-alone", (f"{name}-alone.service",))):
                resources = tuple(Resource(unit=unit) for unit in units)
                self.units.watch(Group(name=group, description="", resources=resources))

    @property
    def begun(self) -> list[str]:
        return [call[1] for call in self.systemd.calls if call[0] == "StartUnit"]

    @property
    def kept(self) -> list[str]:
        return [name for name, unit in self.systemd.units.items() if unit.references]

    async def settle(self) -> None:
        """Everything that was on its way has happened."""
        for _ in range(3):
            await self.units.ask("ResetFailedUnit", "s", f"{NAMES[0]}.service")


async def crowd(folder: Path, tasks: asyncio.TaskGroup) -> Crowd:
    found = Crowd(folder, tasks)
    await found.systemd.serve()
    await found.units.attach(await Bus.connect())
    await until(lambda: len(found.told) == 2 * len(NAMES))
    return found


def test_units_of_groups_with_several_are_kept_loaded_as_long_as_there_is_room(
    private_bus: PrivateBus, tmp_path: Path
) -> None:
    async def main() -> None:
        async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
            node = await crowd(tmp_path, tasks)
            assert len(node.kept) == KEPT
            assert not any("alone" in unit for unit in node.kept)
            assert KEPT + jobs.AT_ONCE < LIMIT
            await close(node)

    asyncio.run(main())


async def close(node: Crowd) -> None:
    assert node.units._bus is not None
    await node.units._bus.close()


@pytest.mark.parametrize("room_s", [60.0, 0.1])
def test_so_many_jobs_at_once_and_the_next_when_one_is_over_or_takes_long(
    private_bus: PrivateBus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room_s: float
) -> None:
    monkeypatch.setattr(jobs, "ROOM_S", room_s)

    async def main() -> None:
        async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
            node = await crowd(tmp_path, tasks)
            starts = [tasks.create_task(node.units.start(f"{name}.service")) for name in NAMES]
            await until(lambda: len(node.begun) >= jobs.AT_ONCE)
            if room_s > 1:
                await node.settle()
                assert len(node.begun) == jobs.AT_ONCE
                node.systemd.finish(node.begun[0])
                await until(lambda: len(node.begun) == jobs.AT_ONCE + 1)
            else:
                await until(lambda: len(node.begun) == len(NAMES))
            while not all(task.done() for task in starts):
                for unit in [name for name in node.begun if node.systemd.units[name].job[0]]:
                    node.systemd.finish(unit)
                await node.settle()
            await close(node)

    asyncio.run(main())


def test_a_start_that_waits_for_its_turn_is_refused_when_its_lease_is_gone_by_then(
    private_bus: PrivateBus, tmp_path: Path
) -> None:
    """No unit is active without held: the guard is asked when systemd is, however late that is."""

    async def main() -> None:
        async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
            node = await crowd(tmp_path, tasks)
            lease = tmp_path / "lease"
            lease.touch()
            late = node.systemd.add("late.service", guard=lease)
            starts = [tasks.create_task(node.units.start(f"{name}.service")) for name in NAMES[: jobs.AT_ONCE]]
            await until(lambda: len(node.begun) == jobs.AT_ONCE)
            waiting = tasks.create_task(node.units.start(late.name))
            await node.settle()
            assert late.name not in node.begun
            lease.unlink()
            for unit in node.begun[:]:
                node.systemd.finish(unit)
            await asyncio.wait(starts)
            assert (await waiting, late.active) == (jobs.JobResult.ASSERT, "inactive")
            await close(node)

    asyncio.run(main())


class Arrival:
    """A node's daemon that has just started, with a group of one unit for each of NAMES."""

    def __init__(self, folder: Path, tasks: asyncio.TaskGroup) -> None:
        self.systemd = FakeSystemd()
        self.told: list[object] = []
        self.unguarded: list[object] = []
        units = partial(Units, run=folder / "run", control_groups=folder)
        with (
            mock.patch.object(acts, "Units", units),
            mock.patch.object(acts, "Leases", lambda: Leases(folder / "run")),
        ):
            self.acts = acts.Acts(self.told.append, self.unguarded.append, tasks)
        self.groups = tuple(
            Group(name=name, description="", resources=(Resource(unit=f"{name}.service"),)) for name in NAMES
        )
        for name in NAMES:
            self.systemd.add(f"{name}.service", guard=folder / "run/lease" / name)


def test_a_node_that_comes_asks_little_of_systemd_before_it_takes_part_and_one_thing_of_each_unit_after_it(
    private_bus: PrivateBus, tmp_path: Path
) -> None:
    """systemd loads a unit that is down for each question, and tells what changes for all that depend on others."""

    async def main() -> None:
        async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
            node = Arrival(tmp_path, tasks)
            await node.systemd.serve()
            bus = await Bus.connect()
            await node.acts.attach(bus)
            await until(lambda: not node.acts.systemd._fresh)  # as it is by the time that the configuration was read
            node.acts.look_at_guards(node.groups)
            await node.acts.adopt(node.groups)
            assert {type(event) for event in node.told} == {Adopted}
            batches = -(-len(NAMES) // BATCH)
            assert node.systemd.asked == {"Subscribe": 1, "ListUnitsByNames": batches, "Get ControlGroup": 1}
            await until(lambda: bool(node.unguarded))
            assert node.unguarded == [()]
            assert node.systemd.asked - Counter({"Get Asserts": len(NAMES)}) == {
                "Subscribe": 1,
                "ListUnitsByNames": batches,
                "Get ControlGroup": 1,
            }
            assert len(node.told) == len(NAMES)
            await bus.close()

    asyncio.run(main())
