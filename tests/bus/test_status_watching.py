"""`standfast status -w` on a terminal, while the cluster, its daemons and the bus come and go."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import pytest

from bus.private import PrivateBus
from bus.terminal import Terminal
from bus.test_command_line import invoke
from fakes.daemons import ALL, Cluster

MEMBERSHIP, QUORUM, FENCING, GROUPS = ALL


@contextlib.asynccontextmanager
async def watching(*words: str, columns: int = 80, lines: int = 24) -> AsyncIterator[tuple[Cluster, Terminal]]:
    async with Cluster().running() as cluster:
        with Terminal("status", "-w", *words, columns=columns, lines=lines) as terminal:
            await terminal.shows("webserv started on node1")
            yield cluster, terminal


def play(story: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(asyncio.wait_for(story(), 60))


@pytest.mark.parametrize("keys", ["q", "\x03"])
def test_a_change_is_shown_at_once_and_a_key_gives_the_terminal_back(private_bus: PrivateBus, keys: str) -> None:
    async def story() -> None:
        async with watching() as (cluster, terminal):
            cluster.group("2026-01-01T00:00:09Z", Phase="started", Owner="node2")
            await terminal.shows("webserv started on node2")
            assert terminal.modes_now() != terminal.modes
            terminal.type(keys)
            assert await terminal.ended() == 0
            assert terminal.modes_now() == terminal.modes
            assert terminal.text.endswith("\x1b[?25h\x1b[?1049l")

    play(story)


def test_its_clock_goes_on_while_nothing_changes(private_bus: PrivateBus) -> None:
    async def story() -> None:
        async with watching() as (_, terminal):
            first = terminal.frame[-1]
            await terminal.until(lambda: terminal.frame[-1][:8] > first[:8], "another second", 5)

    play(story)


def test_a_restarted_daemon_and_a_bus_that_was_lost_are_followed_again(private_bus: PrivateBus) -> None:
    async def story() -> None:
        async with watching() as (cluster, terminal):
            await cluster.kill(FENCING)
            await terminal.shows("standfast-fenced does not run here")
            await cluster.start(FENCING)
            await terminal.shows("3 fence devices answer")
            private_bus.kill()
            await terminal.shows("The message bus does not answer")
            assert "webserv started on node1" in " ".join(" ".join(terminal.frame).split())
            private_bus.start()
            await terminal.shows("Standfast is not running here: systemctl start standfast.target")
            for name in ALL:
                await cluster.start(name)
            cluster.group("2026-01-01T00:00:09Z", Phase="started", Owner="node3")
            await terminal.shows("webserv started on node3")
            assert "is not running" not in " ".join(terminal.frame)

    play(story)


def test_a_daemon_that_hangs_holds_neither_the_others_nor_the_end(private_bus: PrivateBus) -> None:
    async def story() -> None:
        async with watching() as (cluster, terminal):
            await hang(cluster, FENCING)
            cluster.group("2026-01-01T00:00:09Z", Phase="started", Owner="node2")
            await terminal.shows("standfast-fenced does not answer here")
            await terminal.shows("webserv started on node2")
            terminal.type("q")
            assert await terminal.ended(1.0) == 0

    play(story)


async def hang(cluster: Cluster, name: str) -> None:
    """The daemon owns its name and answers nothing any more, as after SIGSTOP."""
    cluster._buses[name].take_call = lambda *_: True


def test_a_small_window_shows_what_is_urgent_and_how_much_is_left(private_bus: PrivateBus) -> None:
    async def story() -> None:
        async with watching("-v") as (cluster, terminal):
            cluster.publish("/org/standfast", "Groups1", Losses=[("8.1", "node3", 2, 4, "left the ring")])
            await terminal.shows("node3 waits for proof")
            terminal.resize(40, 10)
            await terminal.shows("more lines: make the window larger")
            assert "node3 waits for proof" in " ".join(" ".join(terminal.frame).split())
            assert max(map(len, terminal.frame)) <= 40
            terminal.resize(80, 40)
            await terminal.until(lambda: "more lines" not in " ".join(terminal.frame), "the whole")

    play(story)


def test_without_a_terminal_it_says_what_there_is_for_programs(private_bus: PrivateBus) -> None:
    result = invoke("status", "-w")
    assert (result.exit_code, "for programs there are --json" in result.stderr) == (2, True)


def test_what_is_wrong_from_the_start_is_told_as_ever(private_bus: PrivateBus) -> None:
    async def story() -> None:
        with Terminal("status", "-w") as terminal:
            assert await terminal.ended() == 3
            assert terminal.plain == "standfast: Standfast is not running here: systemctl start standfast.target"

    play(story)
