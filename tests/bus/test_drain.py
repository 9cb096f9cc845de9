"""The drain against a resourced that leaves, restarts, refuses or is not there."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from bus.private import PrivateBus, until
from fakes.values import NO_RECORD
from standfast.bus import Bus, BusError, Call, ErrorName, Server, interface_file
from standfast.resourced import drain

Leave = Callable[[Call], Awaitable[tuple[Any, ...]]]
ALL: dict[str, Any] = {**NO_RECORD, "Term": 7}
PATH = f"{drain.ROOT}/group/webserv"


async def resourced(leave: Leave, owner: str = "node1") -> tuple[Bus, Server]:
    """A resourced on the bus, on node1, with webserv running on `owner`."""
    server = Server(interface_file(drain.NAME))
    server.publish(drain.ROOT, drain.GROUPS, ALL | {"Node": "node1"})
    group = {"Name": "webserv", "Phase": "started", "Owner": owner, "LastOwner": "", "Since": "", "Reason": ""}
    server.publish(PATH, drain.GROUP, group | {"Flags": (), "Drilled": ("", "", 0)})
    server.handle(drain.GROUPS, "Leave", leave)
    bus = await Bus.connect()
    await server.attach(bus, drain.NAME)
    return bus, server


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
    assert "resourced went away while this node was leaving" in capsys.readouterr().err


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
