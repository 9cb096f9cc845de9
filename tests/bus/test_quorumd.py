"""quorumd on a private bus, with a Corosync that the test plays."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from bus.private import PrivateBus, until
from fakes.network import FakeNetwork
from standfast.bus import Bus
from standfast.configuration.model import Cluster, Configuration, Heuristic
from standfast.quorumd import arbiter, service
from standfast.quorumd.arbiter import NO_ARBITER
from standfast.quorumd.command import Commands
from standfast.quorumd.looking import NO_HEURISTICS, Looking
from standfast.quorumd.service import INTERFACE, NAME, ROOT, Quorum
from standfast.quorumd.watch import NO_WATCHDOG

QUIET = NO_HEURISTICS | NO_ARBITER | NO_WATCHDOG
NOTHING = {"Quorate": False, "View": "", "Votes": 0, "ExpectedVotes": 0, "QuorumVotes": 0, "Flags": [], **QUIET}


def configured(*heuristics: Heuristic, arbiter: str = "") -> Configuration:
    cluster = Cluster(name="webha", arbiter=arbiter)
    return Configuration(
        cluster=cluster, nodes=(), devices=(), domains=(), groups=(), digest="d", heuristics=heuristics
    )


@contextlib.asynccontextmanager
async def running(network: FakeNetwork) -> AsyncIterator[Callable[..., Any]]:
    """quorumd on node 1; gives a function that waits until the properties are as named."""
    async with quorumd(network) as (shows, _):
        yield shows


@contextlib.asynccontextmanager
async def quorumd(
    network: FakeNetwork,
) -> AsyncIterator[tuple[Callable[..., Any], Callable[[Configuration], None]]]:
    """Beside that function one that gives quorumd another configuration."""
    served = asyncio.Event()
    quorum = Quorum(network.nodes[1], served.set)
    looking = Looking(Commands(None).look, quorum.show)

    def configure(configuration: Configuration) -> None:
        quorum.configure(configuration)
        looking.configure(configuration)

    async def both() -> None:
        await asyncio.gather(quorum.run(), looking.run())

    task = asyncio.ensure_future(both())
    await until(lambda: served.is_set() or task.done())

    async with await Bus.connect() as bus:

        async def shows(**wanted: Any) -> dict[str, Any]:
            async with asyncio.timeout(5):
                while True:
                    values = await bus.get_all(NAME, ROOT, INTERFACE)
                    if values | wanted == values:
                        return values
                    await asyncio.sleep(0.01)

        try:
            yield shows, configure
            assert not task.done(), task.exception()
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


def test_without_corosync_it_serves_and_shows_no_view(private_bus: PrivateBus) -> None:
    async def main() -> None:
        async with running(FakeNetwork({1: 1, 2: 1, 3: 1})) as shows:
            assert await shows() == NOTHING

    asyncio.run(main())


def test_quorum_is_gained_and_lost_and_told_once_each(
    private_bus: PrivateBus, capsys: pytest.CaptureFixture[str]
) -> None:
    async def main() -> None:
        network = FakeNetwork({1: 1, 2: 1, 3: 2})
        async with running(network) as shows:
            for node in (1, 2, 3):
                network.start(node)
            assert await shows(View="1.5", Votes=1) == {
                "Quorate": False,
                "View": "1.5",
                "Votes": 1,
                "ExpectedVotes": 4,
                "QuorumVotes": 3,
                "Flags": [],
                **QUIET,
            }
            network.form(1, 3)
            await shows(Quorate=True, Votes=3)
            network.form(1, 2, 3)
            await shows(Quorate=True, Votes=4)
            network.form(1, 2)
            await shows(Quorate=False, Votes=2)

    asyncio.run(main())
    told = capsys.readouterr().err
    assert told.count("[quorum-gained]") == 1
    assert told.count("[quorum-lost]") == 1


def test_with_corosync_the_quorum_goes_and_comes_back(
    private_bus: PrivateBus, capsys: pytest.CaptureFixture[str]
) -> None:
    async def main() -> None:
        network = FakeNetwork({1: 1})
        network.start(1)
        async with running(network) as shows:
            await shows(Quorate=True, Votes=1)
            network.stop(1)
            assert await shows(Quorate=False) == NOTHING
            network.start(1)
            await shows(Quorate=True, Votes=1)

    asyncio.run(main())
    told = capsys.readouterr().err
    assert told.count("[quorum-gained]") == 2
    assert told.count("Quorum lost: Corosync is gone") == 1


def test_the_arbiters_vote_is_looked_for_and_its_silence_told_once(
    private_bus: PrivateBus, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "LOOK_S", 0.01)

    async def main() -> None:
        network = FakeNetwork({1: 1, 2: 1})
        network.start(1)
        async with quorumd(network) as (shows, configure):
            await shows(Quorate=False, Votes=1)
            configure(configured(arbiter="192.0.2.99"))
            await shows(Arbiter="192.0.2.99", ArbiterState="away")
            network.flags = frozenset({"qdevice_registered", "qdevice_alive", "qdevice_cast_vote"})
            await shows(ArbiterState="votes")
            monkeypatch.setattr(arbiter, "TELL_AFTER_S", 0.05)  # not before: on a busy machine it is away for longer
            network.flags = frozenset({"qdevice_registered"})
            await shows(ArbiterState="silent")
            await until(lambda: "[arbiter-silent]" in told())
            network.stop(1)
            await shows(Arbiter="192.0.2.99", ArbiterState="away")
            configure(configured())
            await shows(Arbiter="", ArbiterState="")

    text = ""

    def told() -> str:
        nonlocal text
        text += capsys.readouterr().err
        return text

    asyncio.run(main())
    assert told().count("[arbiter-votes]") == 1
    assert told().count("192.0.2.99 has not voted for this node's view for 0.05 s: corosync-qdevice-tool") == 1


def test_health_follows_the_heuristics_and_a_changed_configuration(
    private_bus: PrivateBus, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    good = tmp_path / "good"
    gateway = Heuristic(
        name="gateway", command=("/usr/bin/test", "-e", str(good)), interval_ms=10, fail_after=2, pass_after=2, score=2
    )

    async def main() -> None:
        async with quorumd(FakeNetwork({1: 1})) as (shows, configure):
            good.touch()
            configure(configured(gateway))
            seen = "/usr/bin/test ended with exit code 0"
            await shows(Healthy=True, HealthMinimum=1, Health=[["gateway", 2, seen]])
            good.unlink()
            await shows(Healthy=False, Health=[["gateway", 0, "/usr/bin/test ended with exit code 1"]])
            good.touch()
            await shows(Healthy=True, Health=[["gateway", 2, seen]])
            configure(configured(Heuristic(name="gateway", command=("/nowhere/x",), interval_ms=10)))
            await shows(Healthy=True, Health=[["gateway", 1, "/nowhere/x is not there; counts as good, as before"]])
            configure(configured())
            await shows(**NO_HEURISTICS)

    asyncio.run(main())
    told = capsys.readouterr().err
    assert told.count("This node is not healthy, so it gives its groups away: score 0, 1 needed (gateway: /usr") == 1
    assert told.count("[node-healthy]") == 1
    assert told.count("[heuristic-changed]") == 2
    assert told.count("[heuristic-unknown]") == 1


def test_a_page_can_be_a_heuristic(private_bus: PrivateBus) -> None:
    async def main() -> None:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            writer.close()

        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        page = Heuristic(name="page", url=url, body="^ok", interval_ms=10, fail_after=1)
        async with quorumd(FakeNetwork({1: 1})) as (shows, configure):
            configure(configured(page))
            await shows(Healthy=True, Health=[["page", 1, f"GET {url}: status 200"]])
            server.close()
            await server.wait_closed()
            await shows(Healthy=False, Health=[["page", 0, f"GET {url}: connection refused"]])

    asyncio.run(main())
