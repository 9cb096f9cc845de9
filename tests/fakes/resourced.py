"""A core that is alone in its cluster, and shows itself on the bus as resourced does."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from standfast.bus import Bus
from standfast.resourced.events import Answer, Event
from standfast.resourced.publication import Objections, Publication
from unit.test_core import Alone


async def no_objections(_: str) -> list[tuple[str, str]]:
    return []


def with_resourced(alone: Alone, ask: Callable[[], Awaitable[Any]], objections: Objections = no_objections) -> Any:
    """What `ask` returned while the core published itself."""

    async def play() -> Any:
        served = asyncio.Event()

        async def on_bus(_: Bus) -> None:
            served.set()

        def push(event: Event) -> None:
            for action in alone.give(event):
                if isinstance(action, Answer):
                    publication.answered(action)
            publication.planning.look()
            publication.update()

        publication = Publication(alone.core, push, objections)
        task = asyncio.create_task(publication.serve(on_bus))
        try:
            await asyncio.wait_for(served.wait(), 10)
            return await ask()
        finally:
            task.cancel()

    return asyncio.run(play())
