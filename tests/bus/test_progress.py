"""What a command that waits shows, and that Ctrl-C ends the waiting alone and says so."""

import asyncio
from typing import Any

import pytest

from bus.every_command import obey
from bus.private import PrivateBus
from bus.terminal import Terminal
from fakes.daemons import ALL, Cluster
from standfast.bus import Call

GOES_ON = "This command ended; what it asked for goes on: standfast status"
NEVER: tuple[tuple[tuple[str, ...], str, str], ...] = (  # words, what is waited for, what Ctrl-C says
    (("group", "start", "webserv", "node2"), "webserv is started on node1", GOES_ON),
    (("group", "stop", "webserv"), "webserv is started on node1", GOES_ON),
    (("group", "relocate", "webserv"), "webserv is started on node1", GOES_ON),
    (("group", "restart", "webserv"), "webserv is started on node1", GOES_ON),
    (("group", "disable", "webserv"), "webserv is started on node1", GOES_ON),
    (("group", "freeze", "webserv"), "webserv is started on node1", GOES_ON),
    (("node", "standby", "node1"), "webserv is started on node1", GOES_ON),
    (("fence", "now", "node3"), "node3 is online", GOES_ON),
    (("fence", "test"), "the fence devices are asked", "Nothing was changed."),
    (("maintenance", "on"), "standfast-resourced stores it", GOES_ON),
)


async def wait_for_ever(_: Call) -> tuple[Any, ...]:
    await asyncio.Event().wait()
    return ()


async def store_for_ever(_: str, __: tuple[Any, ...]) -> None:
    await asyncio.Event().wait()


@pytest.mark.parametrize(("words", "waits", "said"), NEVER, ids=lambda one: " ".join(one) if type(one) is tuple else "")
def test_ctrl_c_on_a_terminal_ends_the_waiting_alone(
    private_bus: PrivateBus, words: tuple[str, ...], waits: str, said: str
) -> None:
    async def play() -> None:
        cluster = Cluster()
        obey(cluster)
        cluster.on_wish = store_for_ever if words[0] == "maintenance" else None
        cluster.servers[ALL[2]].handle("org.standfast.Fencing1", "Test", wait_for_ever)
        async with cluster.running():
            with Terminal(*words) as terminal:
                await terminal.told(waits)
                terminal.type("\x03")
                assert await terminal.ended() == 6
                assert terminal.plain.endswith(f"standfast: {said}"), terminal.text

    asyncio.run(asyncio.wait_for(play(), 60))


def test_the_line_lives_on_a_terminal_and_stands_when_something_changes(private_bus: PrivateBus) -> None:
    async def play() -> None:
        async with Cluster().running() as cluster:
            with Terminal("group", "stop", "webserv", columns=50) as terminal:
                await terminal.told("webserv is started on node1")
                await terminal.until(lambda: terminal.text.count("\r\x1b[K") >= 3, "the seconds to go on")
                reason = "an operator wants it, and that takes a sentence which is longer than this terminal is wide"
                cluster.group("2026-01-01T00:00:09Z", Phase="stopping", Reason=reason)
                await terminal.told("webserv is stopping on node1")
                cluster.group("2026-01-01T00:00:09Z", Phase="stopped", Owner="")
                assert await terminal.ended() == 0
                drawn = terminal.text.split("\r\x1b[K")
                assert all(len(one.rstrip("\r\n")) < 50 for one in drawn if "\n" not in one), "a line that lives fits"
                assert reason in terminal.plain, "it stands whole in the end"
                assert terminal.plain.endswith("webserv is stopped")

    asyncio.run(asyncio.wait_for(play(), 60))


def test_in_a_pipe_each_change_is_a_line(private_bus: PrivateBus) -> None:
    """As scripts and logs want it: nothing is rewritten, nothing told twice."""
    from bus.test_command_line import comes_true, with_daemons

    result = with_daemons("group", "relocate", "webserv", "node2", prepare=lambda c: comes_true(c, "node2"))
    lines = result.stderr.splitlines()
    assert len(lines) == len({line[9:] for line in lines}), lines
    assert "\r" not in result.stderr and "\x1b" not in result.stderr
