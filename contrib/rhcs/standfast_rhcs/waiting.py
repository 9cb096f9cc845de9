"""Waiting for what resourced shows."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from standfast.bus import Bus
from standfast.published import GROUPS, ROOT

_LOOK_AGAIN_S: Final = 2.0
_AT_MOST_EVERY_S: Final = 0.05

Result = TypeVar("Result")


async def until(bus: Bus, look: Callable[[], Awaitable[Result | None]], timeout_s: float) -> Result | None:
    """The first answer of `look` that is not None; it is asked again after each change. None: it took too long."""
    changed = asyncio.Event()
    await bus.subscribe(GROUPS, lambda _: changed.set(), path_namespace=ROOT)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(timeout_s):
            while True:
                changed.clear()
                found = await look()
                if found is not None:
                    return found
                await asyncio.sleep(_AT_MOST_EVERY_S)  # a change brings several signals
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(changed.wait(), _LOOK_AGAIN_S)
    return None
