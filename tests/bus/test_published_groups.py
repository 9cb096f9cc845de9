"""What the benches publish on a bus: many groups, and changes that say when they were published."""

import asyncio
import contextlib
import sys
from typing import Any

from bus.private import REPOSITORY, PrivateBus
from fakes.daemons import ALL, ROOT
from standfast.bus import Bus, Signal

sys.path.append(str(REPOSITORY / "contrib/bench"))

from standfast_bench.published import tell_forever

GROUPS = ALL[3]


async def seen() -> tuple[str, list[Any], dict[str, dict[str, dict[str, Any]]]]:
    """The first reason that was told, what needs a person, and all objects."""
    reasons: asyncio.Queue[str] = asyncio.Queue()

    def take(signal: Signal) -> None:
        reasons.put_nowait(str(signal.arguments[1].get("Reason", "")))

    async with asyncio.timeout(60), await Bus.connect() as bus:
        await bus.subscribe(GROUPS, take, path_namespace=ROOT, member="PropertiesChanged")
        told = asyncio.create_task(tell_forever(8, 100))
        reason = await reasons.get()
        (sentences,) = await bus.call(GROUPS, ROOT, "org.standfast.Groups1", "Attention")
        objects = await bus.managed_objects(GROUPS)
        told.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await told
    return reason, sentences, objects


def test_a_large_cluster_is_published_and_each_change_says_when(private_bus: PrivateBus) -> None:
    reason, sentences, objects = asyncio.run(seen())
    assert int(reason.removeprefix("published at ")) > 1e12
    assert sentences == []
    interfaces = [name for one in objects.values() for name in one]
    assert interfaces.count("org.standfast.Group1") == 100
    assert interfaces.count("org.standfast.Member1") == 8
