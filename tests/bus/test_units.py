"""The adapter over systemd1: jobs, what is told of units, refusals, and what a lost bus or systemd means."""

import asyncio
import functools
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from bus.hostile import forged_signal
from bus.private import PrivateBus, as_nobody, until
from fakes.systemd import ROOT, FakeSystemd
from standfast.bus import Bus, BusError, Variant
from standfast.configuration.model import Group, Resource
from standfast.jobs import JobResult
from standfast.manager import UNIT
from standfast.resourced import unit_reading
from standfast.resourced.leases import Leases
from standfast.resourced.units import Units
from standfast.vocabulary import Cause, UnitState

ADDRESS = "standfast-ip@192.0.2.100.service"
MOUNT = r"srv-www\x2ddata.mount"
APACHE = "apache2.service"
TARGET = "webserv.target"
GROUP = Group(name="webserv", description="", resources=tuple(Resource(unit=unit) for unit in (ADDRESS, MOUNT, APACHE)))


class Node:
    """One node: a fake systemd, the adapter on it, and what it told."""

    def __init__(self, folder: Path, tasks: asyncio.TaskGroup) -> None:
        self.systemd = FakeSystemd()
        self.leases = Leases(folder / "run")
        self.control_groups = folder / "cgroup"
        self.control_groups.mkdir()
        self.told: list[tuple[UnitState, ...]] = []
        self.refused: list[tuple[str, str]] = []
        self.reloads = 0
        self.bus = Bus()
        self.units = Units(
            on_states=lambda _, states: self.told.append(states),
            on_refused=lambda group, unit: self.refused.append((group, unit)),
            on_reloaded=self._reloaded,
            tasks=tasks,
            run=folder / "run",
            control_groups=self.control_groups,
        )
        guard = self.leases.path("webserv")
        for name in (ADDRESS, MOUNT, APACHE):
            self.systemd.add(name, guard=guard)
        self.systemd.add(TARGET, wants=(ADDRESS, MOUNT, APACHE))

    def _reloaded(self) -> None:
        self.reloads += 1

    async def connect(self) -> None:
        self.bus = await Bus.connect()
        await self.units.attach(self.bus)

    def lease(self) -> None:
        self.leases.hold("webserv")
        self.leases.grant("webserv")

    async def start(self) -> None:
        """The group runs here."""
        self.lease()
        assert await self.units.start(TARGET) is JobResult.DONE
        await until(lambda: self.active == "active active active")

    @property
    def active(self) -> str:
        return " ".join(state.active for state in self.told[-1]) if self.told else ""

    def last(self, unit: str) -> UnitState:
        return next(state for state in self.told[-1] if state.unit == unit)

    def process_in(self, control_group: str, name: str = "cgroup.procs", content: str = "4711\n") -> Path:
        folder = self.control_groups
        for part in control_group.split("/"):
            folder /= part
            folder.mkdir(exist_ok=True)
            (folder / "cgroup.procs").touch()
        (folder / name).write_text(content)
        return folder


Test = Callable[[Node], Coroutine[Any, Any, None]]


def on_a_node(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """The test gets a node whose systemd is on the private bus and whose group is watched."""

    @functools.wraps(test)
    def run(private_bus: PrivateBus, tmp_path: Path, **named: Any) -> None:
        async def main() -> None:
            async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
                node = Node(tmp_path, tasks)
                await node.systemd.serve()
                node.units.watch(GROUP)
                await node.connect()
                await until(lambda: bool(node.told))
                if "private_bus" in wanted:
                    named["private_bus"] = private_bus
                await test(node, **named)
                await node.bus.close()

        asyncio.run(main())

    wanted = test.__annotations__
    del run.__wrapped__  # pytest asks `run` for its fixtures, not the test
    return run


@on_a_node
async def test_after_attach_the_group_is_told_in_start_order(node: Node) -> None:
    assert [state.unit for state in node.told[0]] == [ADDRESS, MOUNT, APACHE]
    assert all(state.gone and state.cause is None for state in node.told[0])
    assert ("Subscribe",) in node.systemd.calls


@on_a_node
async def test_a_start_of_the_target_is_done_and_its_units_are_told(node: Node) -> None:
    await node.start()
    assert all(state.serving for state in node.told[-1])
    assert ("StartUnit", TARGET, "replace") in node.systemd.calls


@on_a_node
async def test_a_job_that_ends_before_the_calls_reply_has_its_result(node: Node) -> None:
    node.systemd.removed_first = True
    node.lease()
    assert await node.units.start(TARGET) is JobResult.DONE
    node.systemd.units[APACHE].start = "fail"
    assert await node.units.restart(APACHE) is JobResult.FAILED


@on_a_node
async def test_a_start_that_fails_tells_the_unit_and_its_exit_status(node: Node) -> None:
    node.lease()
    node.systemd.units[MOUNT].start = "fail"
    assert await node.units.start(TARGET) is JobResult.DONE  # Wants=: the target does not fail with its units
    await until(lambda: node.active == "active failed inactive")
    assert node.last(MOUNT).cause == Cause(
        kind="exit-code", text=f"{MOUNT} could not be mounted or unmounted (see its journal)"
    )
    text = f"{APACHE} was not started: a unit that it needs failed"
    assert node.last(APACHE).cause == Cause(kind="dependency", text=text)


@on_a_node
async def test_what_is_told_after_a_job_ended_was_read_after_its_end(node: Node) -> None:
    """A read from before the end, delivered after it, would look like a start that failed."""
    node.lease()
    for _ in range(20):
        node.systemd.changed(APACHE)
        job = asyncio.create_task(node.units.start(TARGET))
        await job
        node.told.clear()
        await until(lambda: bool(node.told))
        assert node.active.split() == ["active"] * 3
        for unit in (APACHE, MOUNT, ADDRESS):
            await node.units.stop(unit)


@on_a_node
async def test_a_killed_daemon_is_told_with_its_signal(node: Node) -> None:
    await node.start()
    node.systemd.crash(APACHE, 9)
    await until(lambda: node.active == "active active failed")
    assert node.last(APACHE).cause == Cause(kind="signal", text=f"{APACHE} was killed by signal 9 (SIGKILL)")


@on_a_node
async def test_a_daemon_that_ends_by_itself_is_told_so(node: Node) -> None:
    await node.start()
    node.systemd.exit(APACHE, 0)
    await until(lambda: node.active == "active active inactive")
    assert node.last(APACHE).cause == Cause(kind="gone", text=f"{APACHE} ended by itself, without error")


@on_a_node
async def test_our_own_stop_waits_for_no_other_job_and_is_no_failure(node: Node) -> None:
    await node.start()
    assert await node.units.stop(APACHE) is JobResult.DONE
    assert ("StopUnit", APACHE, "ignore-dependencies") in node.systemd.calls
    await until(lambda: node.active == "active active inactive")
    assert node.last(APACHE).cause is None
    assert node.last(APACHE).gone


@on_a_node
async def test_our_own_kill_is_no_failure_but_an_earlier_failure_keeps_its_cause(node: Node) -> None:
    await node.start()
    await node.units.kill(APACHE)
    await until(lambda: node.active == "active active failed")
    assert ("KillUnit", APACHE, "all 9") in node.systemd.calls
    assert node.last(APACHE).cause is None
    await node.units.restart(APACHE)
    await until(lambda: node.active == "active active active")
    node.systemd.crash(APACHE, 11)
    await until(lambda: node.active == "active active failed")
    await node.units.stop(APACHE)
    await asyncio.sleep(0.05)
    assert node.last(APACHE).cause == Cause(kind="signal", text=f"{APACHE} was killed by signal 11 (SIGSEGV)")


@on_a_node
async def test_a_start_by_hand_without_lease_is_reported_as_refused(node: Node) -> None:
    node.systemd.run_job_of_somebody("StartUnit", APACHE)
    await until(lambda: bool(node.refused))
    assert node.refused == [("webserv", APACHE)]
    await until(lambda: node.last(APACHE).cause is not None)
    assert node.last(APACHE).cause == Cause(
        kind="assert", text=f"{APACHE} was refused by systemd: an assertion failed (the lease of its group is not here)"
    )


@on_a_node
async def test_a_refusal_is_reported_also_where_another_read_is_the_first_to_see_the_states(node: Node) -> None:
    node.systemd.run_job_of_somebody("StartUnit", APACHE)
    for _ in range(20):
        await node.units.read(["webserv"])
    await until(lambda: bool(node.refused))
    assert node.refused == [("webserv", APACHE)]


@on_a_node
async def test_a_start_of_the_target_by_hand_is_reported_once_for_its_last_unit(node: Node) -> None:
    node.systemd.run_job_of_somebody("StartUnit", TARGET)
    await until(lambda: bool(node.refused))
    assert node.refused == [("webserv", APACHE)]


@on_a_node
async def test_our_own_start_that_the_guard_refuses_is_a_result_and_not_reported(node: Node) -> None:
    assert await node.units.start(APACHE) is JobResult.ASSERT
    await asyncio.sleep(0.05)
    assert node.refused == []


@on_a_node
async def test_a_queued_job_is_told_until_it_ends(node: Node) -> None:
    node.lease()
    node.systemd.units[APACHE].start = "hang"
    job = asyncio.create_task(node.units.start(APACHE))
    await until(lambda: node.last(APACHE).job == "start")
    assert node.last(APACHE).active == "activating"
    assert not node.last(APACHE).gone
    assert not job.done()
    node.systemd.finish(APACHE)
    assert await job is JobResult.DONE
    await until(lambda: node.active == "inactive inactive active")


@on_a_node
async def test_a_signal_that_another_user_forged_changes_nothing(node: Node) -> None:
    node.lease()
    node.systemd.units[APACHE].start = "hang"
    job = asyncio.create_task(node.units.start(APACHE))
    await until(lambda: node.last(APACHE).job == "start")
    target, systemd_name = node.bus.unique_name, node.systemd.unique_name

    async def forge() -> None:
        """As systemd, and as the bus that says that the forger is systemd now."""
        manager, properties = "org.freedesktop.systemd1.Manager", "org.freedesktop.DBus.Properties"
        driver, values = "org.freedesktop.DBus", {"ActiveState": Variant("s", "failed")}
        async with await Bus.connect() as forger:
            owners = ("org.freedesktop.systemd1", systemd_name, forger.unique_name)
            forged: tuple[tuple[Any, ...], ...] = (
                ("/org/freedesktop/DBus", driver, "NameOwnerChanged", "sss", *owners),
                (ROOT, manager, "JobRemoved", "uoss", 1, f"{ROOT}/job/1", APACHE, "done"),
                (ROOT, manager, "JobRemoved", "uoss", 2, f"{ROOT}/job/2", MOUNT, "assert"),
                (ROOT, manager, "Reloading", "b", False),
                (FakeSystemd.path(APACHE), properties, "PropertiesChanged", "sa{sv}as", UNIT, values, []),
            )
            for to in (target, ""):
                for arguments in forged:
                    forger.send(forged_signal(to, *arguments))
            await forger.call(driver, "/", driver, "GetId")  # the bus has handed on what was sent before

    count = len(node.told)
    await as_nobody(forge)
    await asyncio.sleep(0.2)
    assert (job.done(), node.refused, node.reloads, len(node.told)) == (False, [], 1, count)
    node.systemd.finish(APACHE)
    await job


@on_a_node
async def test_every_reload_is_followed_by_a_whole_read_and_a_look_at_the_guards(node: Node) -> None:
    await until(lambda: node.reloads == 1)  # after attach: nobody knows what was reloaded before
    count = len(node.told)
    await node.units.reload()
    await until(lambda: node.reloads == 2)
    assert len(node.told) > count
    node.systemd.reload()  # by an administrator
    await until(lambda: node.reloads == 3)
    assert await node.units.effective_guard(APACHE, "webserv")
    assert not await node.units.effective_guard(APACHE, "database")
    node.systemd.units[APACHE].guards_in_effect = False
    assert not await node.units.effective_guard(APACHE, "webserv")
    node.systemd.units[APACHE].load = "masked"  # systemd does not read its drop-ins then, and starts it in no case
    assert await node.units.effective_guard(APACHE, "webserv")


@on_a_node
async def test_systemd_away_from_the_bus_tells_nothing_and_is_read_anew_when_it_is_back(node: Node) -> None:
    await node.start()
    count = len(node.told)
    node.systemd.units[APACHE].start = "hang"
    job = asyncio.create_task(node.units.restart(APACHE))
    await until(lambda: node.systemd.units[APACHE].job[0] != 0)
    await until(lambda: len(node.told) > count)
    await node.systemd.leave()
    await asyncio.sleep(0.1)
    count = len(node.told)
    with pytest.raises(BusError):
        await node.units.read(["webserv"])
    assert await node.units.stop(MOUNT) is JobResult.UNKNOWN
    node.systemd.units[APACHE].job = (0, "")  # it ended meanwhile, and nobody was told
    node.systemd.units[APACHE].active = "active"
    assert not job.done()
    assert len(node.told) == count
    await node.systemd.serve()
    assert await job is JobResult.UNKNOWN
    await until(lambda: len(node.told) > count)
    assert node.active == "active active active"


@on_a_node
async def test_a_systemd_that_executed_itself_anew_remembers_that_it_tells_us(node: Node) -> None:
    await node.start()
    await node.systemd.leave()
    node.systemd.remembers_subscribers = True
    await node.systemd.serve()
    await until(lambda: node.reloads == 2)
    node.systemd.crash(APACHE)
    await until(lambda: node.active == "active active failed")


@on_a_node
async def test_a_job_that_goes_on_while_systemd_is_away_keeps_its_result(node: Node) -> None:
    node.lease()
    node.systemd.units[APACHE].start = "hang"
    job = asyncio.create_task(node.units.start(APACHE))
    await until(lambda: node.last(APACHE).job == "start")
    await node.systemd.leave()
    await node.systemd.serve()
    await asyncio.sleep(0.2)
    node.systemd.finish(APACHE)
    assert await job is JobResult.DONE


@on_a_node
async def test_a_lost_bus_tells_nothing_and_the_next_one_reads_everything(node: Node, private_bus: PrivateBus) -> None:
    await node.start()
    node.systemd.units[APACHE].start = "hang"
    job = asyncio.create_task(node.units.restart(APACHE))
    await until(lambda: node.last(APACHE).job == "restart")
    private_bus.kill()
    assert await job is JobResult.UNKNOWN
    with pytest.raises(BusError):
        await node.units.read(["webserv"])
    count = len(node.told)
    await asyncio.sleep(0.1)
    assert len(node.told) == count
    private_bus.start()
    node.systemd.units[APACHE].active, node.systemd.units[APACHE].job = "failed", (0, "")
    await node.systemd.serve()
    await node.connect()
    await until(lambda: node.active == "active active failed")


@on_a_node
async def test_processes_that_a_stop_left_behind_keep_the_unit_from_being_gone(node: Node) -> None:
    """systemd tells no control group after the stop, and no signal when the last process goes."""
    await node.start()
    folder = node.process_in(f"system.slice/{APACHE}/worker")
    await node.units.stop(APACHE)
    await until(lambda: node.last(APACHE).active == "inactive")
    assert node.systemd.units[APACHE].control_group == ""
    assert node.last(APACHE).processes
    assert not node.last(APACHE).gone
    (folder / "cgroup.procs").write_text("")
    await until(lambda: node.last(APACHE).gone)


@on_a_node
async def test_processes_from_before_our_start_are_found_where_systemd_puts_them(node: Node) -> None:
    node.process_in(f"system.slice/{APACHE}")
    assert not next(state for state in (await node.units.read(["webserv"]))["webserv"] if state.unit == APACHE).gone


@on_a_node
async def test_what_runs_under_a_units_other_name_is_the_units(node: Node) -> None:
    """systemd names processes by the unit's own name, whatever a group calls it."""
    real = node.systemd.add("mariadb.service")
    node.systemd.units["mysql.service"] = real  # Alias=
    node.units.watch(Group(name="data", description="", resources=(Resource(unit="mysql.service"),)))
    node.process_in(f"system.slice/{real.name}")
    ((state,),) = (await node.units.read(["data"])).values()
    assert state.processes
    del node.systemd.units["mysql.service"]  # the alias is taken away; what was started by it is still there
    ((state,),) = (await node.units.read(["data"])).values()
    assert (state.load, state.processes) == ("not-found", True)


@on_a_node
async def test_a_kill_reaches_what_an_earlier_stop_left_behind(node: Node) -> None:
    await node.start()
    folder = node.process_in(f"system.slice/{APACHE}")
    node.process_in(f"system.slice/{APACHE}", "cgroup.kill", "")
    await node.units.stop(APACHE)
    await node.units.kill(APACHE)
    assert (folder / "cgroup.kill").read_text() == "1"


@on_a_node
async def test_a_mount_that_is_still_there_keeps_its_unit_from_being_gone(node: Node) -> None:
    mountinfo = node.control_groups / "mountinfo"
    mountinfo.write_text("21 1 0:19 / /srv/www-data rw - nfs nas:/www rw\n")

    async def machine(_: Bus) -> unit_reading.Machine:
        return unit_reading.Machine(node.control_groups, mountinfo=mountinfo)

    node.units._reader.machine = machine  # type: ignore[method-assign, assignment]
    node.systemd.changed(MOUNT)
    await until(lambda: node.last(MOUNT).traces)
    assert not node.last(MOUNT).gone
    mountinfo.write_text("")
    await until(lambda: node.last(MOUNT).gone)


@on_a_node
async def test_units_that_run_or_start_without_the_cluster_are_named(node: Node) -> None:
    node.systemd.add("enabled.service", file_state="enabled")
    node.systemd.add("running.service", active="active")
    linked = {"file_state": "generated", "wanted_by": ("graphical.target", "multi-user.target")}
    node.systemd.add("linked.service", source="/etc/init.d/linked", **linked)
    node.systemd.add("unlinked.service", source="/etc/init.d/unlinked", file_state="generated", wanted_by=("a.target",))
    node.systemd.add("quadlet.service", source="/etc/containers/systemd/quadlet.container", **linked)
    scripts = ("linked.service", "unlinked.service", "quadlet.service")
    names = (APACHE, "enabled.service", "running.service", "missing.service", *scripts)
    assert await node.units.enabled_or_running(names) == {
        "enabled.service": "enabled.service is enabled: systemctl disable enabled.service",
        "running.service": "running.service runs: systemctl stop running.service",
        "linked.service": "linked.service starts at boot by the links of its init script: "
        "systemctl disable linked.service",
    }


@on_a_node
async def test_a_missing_unit_and_a_forgotten_group(node: Node) -> None:
    node.units.watch(Group(name="other", description="", resources=(Resource(unit="missing.service"),)))
    ((state,),) = (await node.units.read(["other"])).values()
    assert (state.load, state.gone) == ("not-found", True)
    text = "missing.service has no unit file here: install it, or put one into /etc/standfast/units"
    assert state.cause == Cause(kind="not-found", text=text)
    assert await node.units.stop("missing.service") is JobResult.DONE
    node.units.forget("other")
    assert await node.units.read(["other"]) == {}
    await node.units.reset_failed("missing.service")
    await node.units.ask("Reboot")
    assert node.systemd.calls[-1] == ("Reboot",)


@on_a_node
async def test_a_storm_of_signals_is_few_reads(node: Node) -> None:
    calls = 0
    original = node.units._reader.list_units

    async def count(bus: Bus, names: tuple[str, ...]) -> Any:
        nonlocal calls
        calls += 1
        return await original(bus, names)

    node.units._reader.list_units = count  # type: ignore[method-assign, assignment]
    for _ in range(500):
        node.systemd.changed(APACHE)
    await asyncio.sleep(0.5)
    assert 0 < calls < 100
