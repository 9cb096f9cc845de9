"""The drain against a resourced that leaves, restarts, refuses or is not there."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from bus.private import PrivateBus, until
from fakes.resourced import with_resourced
from fakes.values import NO_RECORD
from standfast.bus import Bus, BusError, Call, ErrorName, Server, escape, interface_file
from standfast.manager import MANAGER, MANAGER_PATH, SYSTEMD, UNIT, UNIT_PATHS
from standfast.resourced import drain
from unit.test_core import Alone

Leave = Callable[[Call], Awaitable[tuple[Any, ...]]]
Jobs = dict[str, str]  # by unit: what systemd is about to do with it
SYSTEMD_XML = f"""<node>
  <interface name="{MANAGER}">
    <method name="ListJobs">
      <annotation name="org.standfast.Access" value="root"/>
      <arg type="a(usssoo)" direction="out"/>
    </method>
  </interface>
  <interface name="{UNIT}"><property name="After" type="as" access="read"/></interface>
</node>"""
ALL: dict[str, Any] = {**NO_RECORD, "Term": 7}
PATH = f"{drain.ROOT}/group/webserv"


async def resourced(
    leave: Leave, owner: str = "node1", stay: Leave = lambda call: leave_at_once(call)
) -> tuple[Bus, Server]:
    """A resourced on the bus, on node1, with webserv running on `owner`."""
    server = Server(interface_file(drain.NAME))
    server.publish(drain.ROOT, drain.GROUPS, ALL | {"Node": "node1"})
    group = {"Name": "webserv", "Phase": "started", "Owner": owner, "LastOwner": "", "Since": "", "Reason": ""}
    server.publish(PATH, drain.GROUP, group | {"Flags": (), "WantedOn": "", "Drilled": ("", "", 0)})
    server.handle(drain.GROUPS, "Leave", leave)
    server.handle(drain.GROUPS, "Stay", stay)
    bus = await Bus.connect()
    await server.attach(bus, drain.NAME)
    return bus, server


async def systemd(jobs: Jobs, folder: Path) -> Bus:
    """A systemd on the bus whose jobs the test says; resources of webserv are ordered before the drain."""
    (folder / "systemd.xml").write_text(SYSTEMD_XML)
    server = Server(folder / "systemd.xml")

    async def list_jobs(_: Call) -> tuple[Any, ...]:
        rows = [(number, unit, kind, "waiting", "/job", "/unit") for number, (unit, kind) in enumerate(jobs.items())]
        return (rows,)

    server.handle(MANAGER, "ListJobs", list_jobs)
    server.publish(MANAGER_PATH, MANAGER, {})
    server.publish(f"{UNIT_PATHS}/{escape(drain.DRAIN)}", UNIT, {"After": ["standfast.target", "apache2.service"]})
    bus = await Bus.connect()
    await server.attach(bus, SYSTEMD)
    return bus


async def leave_at_once(_: Call) -> tuple[Any, ...]:
    return ()


async def never_leave(_: Call) -> tuple[Any, ...]:
    await asyncio.sleep(60)
    return ()


def test_it_ends_when_the_node_left_and_says_what_happened(
    private_bus: PrivateBus, capsys: pytest.CaptureFixture[str]
) -> None:
    async def main() -> None:
        bus, _ = await resourced(leave_at_once)
        assert await drain.drain()
        await bus.close()

    asyncio.run(main())
    assert capsys.readouterr().err.splitlines() == [
        "<5>standfast-drain: node1 leaves the cluster; to be moved away: webserv [drain-begun]",
        "<5>standfast-drain: nothing runs here any more, and the others know that this node left [drain-done]",
    ]


def test_a_node_without_groups_says_so(private_bus: PrivateBus, capsys: pytest.CaptureFixture[str]) -> None:
    async def main() -> None:
        bus, _ = await resourced(leave_at_once, owner="node2")
        assert await drain.drain()
        await bus.close()

    asyncio.run(main())
    assert "no group runs here" in capsys.readouterr().err


def test_a_resourced_that_restarts_meanwhile_is_asked_again(
    private_bus: PrivateBus, capsys: pytest.CaptureFixture[str]
) -> None:
    async def main() -> None:
        asked = asyncio.Event()

        async def leave(call: Call) -> tuple[Any, ...]:
            asked.set()
            return await never_leave(call)

        first, _ = await resourced(leave)
        task = asyncio.create_task(drain.drain())
        await asked.wait()
        await first.close()
        await asyncio.sleep(0.5)
        assert not task.done()
        second, _ = await resourced(leave_at_once)
        async with asyncio.timeout(5):
            assert await task
        await second.close()

    asyncio.run(main())
    assert "resourced does not go on while this node is leaving (" in capsys.readouterr().err


def test_without_resourced_it_waits_a_while_and_names_what_is_held(
    private_bus: PrivateBus,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setattr(drain, "BACK_S", 0.3)
    monkeypatch.setattr(drain, "RUN", tmp_path)
    (tmp_path / "held").mkdir()
    (tmp_path / "held/webserv").touch()
    assert drain.main() == 0
    assert "<4>standfast-drain: resourced does not run here, but webserv may" in capsys.readouterr().err


def test_a_refusal_and_a_time_out_are_said_and_end_it_with_0(
    private_bus: PrivateBus, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(_: Call) -> tuple[Any, ...]:
        raise BusError(ErrorName.FAILED, "The record cannot be written.")

    async def main() -> None:
        bus, _ = await resourced(refuse)
        assert not await drain.drain()
        await bus.close()
        bus, _ = await resourced(never_leave)
        monkeypatch.setattr(drain, "LEAVE_S", 0.5)
        assert await asyncio.to_thread(drain.main) == 0
        await bus.close()

    asyncio.run(main())
    said = capsys.readouterr().err
    assert "<4>standfast-drain: resourced did not let this node leave cleanly: The record cannot be written." in said
    assert "<4>standfast-drain: the groups were not moved away within" in said


def test_without_a_bus_it_ends(
    private_bus: PrivateBus, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drain, "BACK_S", 0.3)
    private_bus.kill()
    assert drain.main() == 0
    assert "Nobody can be asked" in capsys.readouterr().err


def test_a_lost_bus_does_not_end_it(private_bus: PrivateBus) -> None:
    async def main() -> None:
        first, _ = await resourced(never_leave)
        task = asyncio.create_task(drain.drain())
        await asyncio.sleep(0.3)
        private_bus.kill()
        await until(lambda: first.closed.is_set())
        private_bus.start()
        second, _ = await resourced(leave_at_once)
        async with asyncio.timeout(5):
            assert await task
        await second.close()

    asyncio.run(main())


def test_started_again_it_says_that_the_node_stays_and_ends_when_no_resource_has_a_job(
    private_bus: PrivateBus, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def main() -> None:
        jobs = {drain.DRAIN: "restart", "apache2.service": "stop", "ssh.service": "start"}
        asked, told = asyncio.Event(), asyncio.Event()

        async def leave(call: Call) -> tuple[Any, ...]:
            asked.set()
            return await never_leave(call)

        async def stay(_: Call) -> tuple[Any, ...]:
            told.set()
            return ()

        other, (bus, _) = await systemd(jobs, tmp_path), await resourced(leave, stay=stay)
        task = asyncio.create_task(drain.drain())
        await asked.wait()
        assert not told.is_set()
        jobs[drain.DRAIN] = "start"
        async with asyncio.timeout(10):
            await told.wait()
            await asyncio.sleep(3 * drain._PAUSE_S)
            assert not task.done()
            del jobs["apache2.service"]
            assert not await task
        await bus.close()
        await other.close()

    asyncio.run(main())
    assert "[drain-failed]" not in capsys.readouterr().err


def test_stopped_once_more_before_it_could_be_started_it_leaves(private_bus: PrivateBus, tmp_path: Path) -> None:
    async def main() -> None:
        jobs = {drain.DRAIN: "start", "apache2.service": "stop"}
        stays = 0

        async def leave(call: Call) -> tuple[Any, ...]:
            return await (leave_at_once if stays else never_leave)(call)

        async def stay(_: Call) -> tuple[Any, ...]:
            nonlocal stays
            stays += 1
            jobs[drain.DRAIN] = "stop"
            return ()

        other, (bus, _) = await systemd(jobs, tmp_path), await resourced(leave, stay=stay)
        async with asyncio.timeout(10):
            assert await drain.drain()
        assert stays == 1
        await bus.close()
        await other.close()

    asyncio.run(main())


def test_who_waits_for_the_end_of_a_leave_hears_that_it_was_taken_back_and_may_ask_anew(
    private_bus: PrivateBus,
) -> None:
    alone = Alone().serve()

    async def ask() -> str:
        async with await Bus.connect() as bus:
            leaving = asyncio.create_task(bus.call(drain.NAME, drain.ROOT, drain.GROUPS, "Leave", timeout_s=60))
            await until(lambda: alone.core.departure.asked)
            await bus.call(drain.NAME, drain.ROOT, drain.GROUPS, "Stay")
            with pytest.raises(BusError) as caught:
                await leaving
            assert not alone.core.departure.asked
            again = asyncio.create_task(bus.call(drain.NAME, drain.ROOT, drain.GROUPS, "Leave", timeout_s=60))
            await until(lambda: alone.core.departure.asked)
            again.cancel()
            return caught.value.name

    assert with_resourced(alone, ask) == ErrorName.REFUSED
