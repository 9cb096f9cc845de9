"""How something goes on, told to whoever listens: the terminal of who typed a command, or a console on the bus."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextvars import ContextVar
from typing import Final, Protocol

TICK_S: Final = 0.5
_SILENT_S: Final = 1.0  # what is over by then needs no word


class Wait(Protocol):
    """Something that is waited for; `tell` gets all that it waits for now, a line each."""

    def tell(self, waiting: str) -> None: ...
    def tick(self) -> None: ...
    def settle(self) -> None: ...


class Listener(Protocol):
    """Who is told; a sentence stands, a wait goes by."""

    def tell(self, sentence: str) -> None: ...
    def wait(self) -> Wait: ...


class Nobody:
    """Whoever asked wants the end alone."""

    def tell(self, sentence: str) -> None: ...
    def tick(self) -> None: ...
    def settle(self) -> None: ...

    def wait(self) -> Wait:
        return self


# Of each task its own: two who ask at the same time are told what is theirs.
listener: Final[ContextVar[Listener]] = ContextVar("listener", default=Nobody())  # noqa: B039 - it has no state


def say(sentence: str) -> None:
    """Whoever listens has this sentence."""
    listener.get().tell(sentence)


def begin_wait() -> Wait:
    """Something is waited for, as whoever listens will be told."""
    return listener.get().wait()


@contextlib.asynccontextmanager
async def waiting_for(what: str) -> AsyncIterator[None]:
    """Whoever waits for longer than a moment is told for what."""
    telling = asyncio.create_task(_tell(what))
    try:
        yield
    finally:
        telling.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await telling


async def _tell(what: str) -> None:
    await asyncio.sleep(_SILENT_S)
    wait = begin_wait()
    wait.tell(what)
    try:
        while True:
            await asyncio.sleep(TICK_S)
            wait.tick()
    finally:
        wait.settle()
