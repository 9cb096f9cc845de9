"""Probes of a group that this node does not hold, against real servers."""

import asyncio
from dataclasses import replace

from standfast.resourced.events import Look, Looked
from standfast.resourced.looking import Looking
from standfast.resourced.presence import View
from unit.probing import OK, in_loop, probe, send, serving

NO = b"HTTP/1.1 500 No\r\n\r\n"


class Told:
    def __init__(self) -> None:
        self.views: list[View] = []
        self._changed = asyncio.Event()

    def __call__(self, event: Looked) -> None:
        self.views.append(event.view)
        self._changed.set()

    async def until(self, view: View) -> None:
        async with asyncio.timeout(20):
            while self.views[-1:] != [view]:
                self._changed.clear()
                await self._changed.wait()


@in_loop
async def test_each_probe_is_told_with_the_run_that_it_looked_at() -> None:
    told = Told()
    async with (
        serving(send(OK)) as url,
        serving(send(NO)) as wrong,
        asyncio.TaskGroup() as tasks,
    ):
        looking = Looking(told, tasks)
        good, bad = probe(url, name="good"), probe(wrong, name="bad", start_timeout_ms=0)
        looking.look_on((Look(group="webserv", run=3, probes=(good, bad)),))
        seen = View(run=3, good=(good.full_name,), bad=(bad.full_name,))
        await told.until(seen)
        looking.look_on((Look(group="webserv", run=4, probes=(good, bad)),))
        await told.until(replace(seen, run=4))
        looking.look_on(())
        count = len(told.views)
        await asyncio.sleep(0.1)
        assert len(told.views) == count


@in_loop
async def test_who_is_in_doubt_is_not_good() -> None:
    parts, told = [OK], Told()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await send(*parts)(reader, writer)

    async with serving(answer) as url, asyncio.TaskGroup() as tasks:
        looking = Looking(told, tasks)
        one = probe(url, fail_after=1_000)
        looking.look_on((Look(group="webserv", run=0, probes=(one,)),))
        await told.until(View(good=(one.full_name,)))
        parts[:] = [NO]
        await told.until(View())
        looking.look_on(())
