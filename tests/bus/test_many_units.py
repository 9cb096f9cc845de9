"""Hundreds of units: systemd follows who asks it by rules of the bus, which cuts it off when it has too many."""

import asyncio
from pathlib import Path

import pytest

from bus.private import PrivateBus, until
from fakes.systemd import FakeSystemd
from standfast import jobs
from standfast.bus import Bus
from standfast.configuration.model import Group, Resource
from standfast.resourced.unit_reader import KEPT
from standfast.resourced.units import Units

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
