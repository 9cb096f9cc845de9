"""A daemon that is ending takes no work any more, whoever's word would begin it."""

import asyncio
import inspect
from collections.abc import Callable

import pytest

from standfast.bus.client import Signal
from standfast.resourced import later
from standfast.resourced.events import Fence
from standfast.resourced.fencer import Fencer
from standfast.resourced.neighbours import Neighbours


async def in_the_end(speak: Callable[[asyncio.TaskGroup], None]) -> None:
    """`speak` is called by a task of a group that is being cancelled."""
    spoken: list[bool] = []

    async def last(tasks: asyncio.TaskGroup) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            speak(tasks)
            spoken.append(True)

    async def life() -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(last(tasks))

    running = asyncio.create_task(life())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert spoken


async def nothing() -> None:
    raise AssertionError("it was run")


def test_work_is_dropped_and_closed_in_the_end() -> None:
    work = nothing()
    asyncio.run(in_the_end(lambda tasks: later.begin(tasks, work)))
    assert inspect.getcoroutinestate(work) == inspect.CORO_CLOSED


def test_work_runs_before_that() -> None:
    done: list[str] = []

    async def main() -> None:
        async def work() -> None:
            done.append("done")

        async with asyncio.TaskGroup() as tasks:
            later.begin(tasks, work())

    asyncio.run(main())
    assert done == ["done"]


CHANGED = Signal(
    sender=":1.1", path="/", interface="x", member="PropertiesChanged", arguments=("x", {"Healthy": 0, "Links": 0}, [])
)
FENCE = Fence(loss="1.1", node="n2", incarnation="", action="off")


@pytest.mark.parametrize(
    "speak",
    [
        lambda tasks: Fencer(print, tasks).begin(FENCE),
        lambda tasks: Fencer(print, tasks)._changed(CHANGED),
        lambda tasks: Fencer(print, tasks)._owned(":1.1"),
        lambda tasks: Neighbours(print, print, tasks)._quorum_changed(CHANGED),
        lambda tasks: Neighbours(print, print, tasks)._node_changed(CHANGED),
    ],
)
def test_a_word_that_comes_in_the_end_ends_nothing_with_an_error(speak: Callable[[asyncio.TaskGroup], None]) -> None:
    asyncio.run(in_the_end(speak))
