"""quorumd on a private bus, with a Corosync that the test plays."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from bus.private import PrivateBus, until
from fakes.network import FakeNetwork
from standfast.bus import Bus
from standfast.quorumd.service import INTERFACE, NAME, ROOT, Quorum
from standfast.quorumd.watch import NO_WATCHDOG

NOTHING = {
    "Quorate": False,
    "View": "",
    "Votes": 0,
    "ExpectedVotes": 0,
    "QuorumVotes": 0,
    "Flags": [],
    **NO_WATCHDOG,
}


@contextlib.asynccontextmanager
async def running(network: FakeNetwork) -> AsyncIterator[Callable[..., Any]]:
    """quorumd on node 1; gives a function that waits until the properties are as named."""
    served = asyncio.Event()
    task = asyncio.ensure_future(Quorum(network.nodes[1], served.set).run())
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
            yield shows
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
                **NO_WATCHDOG,
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
