"""Lets this node in again at its own devices when it starts, where an agent asks for that (storage and fabric).

Once in each life of the node and no more: who was cut off while it ran must not let itself in again without a reboot,
so what was done is kept where only a boot clears it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from pathlib import Path
from typing import Final

from standfast import journal
from standfast.agents.running import Result
from standfast.agents.words import Answer
from standfast.configuration.model import Plug
from standfast.fenced.levels import backoff_ms
from standfast.files import write_atomic

MARKS: Final = Path("/run/standfast/unfenced")


class Unfencing:
    """`want` says which plugs must be switched on here; `changed` is called whenever `done` may have changed."""

    def __init__(
        self,
        switch_on: Callable[[Plug], Awaitable[Result]],
        changed: Callable[[], None],
        tasks: asyncio.TaskGroup,
        marks: Path = MARKS,
    ) -> None:
        self._switch_on = switch_on
        self._changed = changed
        self._tasks = tasks
        self._marks = marks
        self._done: frozenset[str] | None = None  # by word; None: not read yet
        self._wanted: frozenset[Plug] | None = None  # None: nobody knows yet
        self._running: dict[Plug, asyncio.Task[None]] = {}
        self._marking = asyncio.Lock()

    @property
    def done(self) -> bool:
        """Nothing is to be switched on for this node any more."""
        return self._wanted is not None and self._done is not None and self._done >= {str(one) for one in self._wanted}

    async def want(self, plugs: Collection[Plug]) -> None:
        """These plugs are switched on for this node unless they were in this life of it; tried until they are."""
        if self._done is None:
            self._done = await asyncio.to_thread(_read, self._marks)
        self._wanted = frozenset(plugs)
        for plug in self._running.keys() - self._wanted:
            self._running.pop(plug).cancel()
        for plug in sorted(self._wanted - self._running.keys(), key=str):
            if str(plug) not in self._done:
                self._running[plug] = self._tasks.create_task(self._unfence(plug))
        self._changed()

    async def _unfence(self, plug: Plug) -> None:
        """The plug is on and that is marked."""
        failed = 0
        while (result := await self._switch_on(plug)).answer is not Answer.DONE:
            failed += 1
            if failed == 1:
                text = f"This node is not let in at fence device {plug}: {result.text}. It runs no group until it is."
                self._write(journal.Event.UNFENCE_FAILED, journal.Level.ERROR, text, plug)
            await asyncio.sleep(backoff_ms(failed) / 1000)
        self._write(journal.Event.UNFENCED, journal.Level.NOTICE, f"This node is let in at fence device {plug}.", plug)
        await self._mark(plug)
        self._running.pop(plug, None)
        self._changed()

    async def _mark(self, plug: Plug) -> None:
        assert self._done is not None
        self._done |= {str(plug)}
        try:
            async with self._marking:
                text = "".join(f"{word}\n" for word in sorted(self._done))
                await asyncio.to_thread(_write, self._marks, text)
        except OSError as error:
            said = f"That this node was let in at {plug} cannot be kept in {self._marks}: {error.strerror}."
            self._write(journal.Event.UNFENCE_FAILED, journal.Level.WARNING, said, plug)

    def _write(self, event: journal.Event, level: journal.Level, text: str, plug: Plug) -> None:
        journal.write(event, level, text, device=plug.device)


def _read(path: Path) -> frozenset[str]:
    try:
        return frozenset(path.read_text().split())
    except OSError:
        return frozenset()


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, text.encode())
