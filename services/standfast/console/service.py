"""The console on the bus: its methods, what it tells while they go on, and its end when nobody calls any more."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from standfast.bus import GONE, Bus, BusError, Call, ErrorName, Server, interface_file
from standfast.console import changes, happened, machine, texts
from standfast.operations import telling
from standfast.operations.problems import CommandError, Exit, not_running

NAME: Final = "org.standfast.Console"
INTERFACE: Final = "org.standfast.Console1"
PATH: Final = "/org/standfast/Console"
IDLE_S: Final = 60.0
THREADS: Final = 32  # what goes through large texts, or waits for ssh, keeps nobody else waiting
_ERRORS: Final = {
    Exit.REFUSED: ErrorName.REFUSED,
    Exit.USAGE: ErrorName.INVALID_ARGUMENTS,
    Exit.NOT_RUNNING: ErrorName.FAILED,
    Exit.NOT_QUORATE: ErrorName.NOT_QUORATE,
    Exit.NO_RIGHTS: ErrorName.ACCESS_DENIED,
    Exit.UNKNOWN: ErrorName.OUTCOME_UNKNOWN,
}

Method = Callable[..., Awaitable[tuple[Any, ...]]]

_READS: Final[dict[str, Method]] = {
    "Difference": happened.difference,
    "Timeline": happened.timeline,
}  # these are told who asks
_METHODS: Final[dict[str, Method]] = {
    "Agent": machine.agent,
    "Agents": machine.agents,
    "Check": texts.check,
    "Edit": texts.edit,
    "Files": texts.files,
    "Keys": texts.keys,
    "Plan": changes.plan,
    "Read": texts.read,
    "Show": texts.show,
    "TestDevice": machine.test_device,
    "TryProbe": machine.try_probe,
    "Units": machine.units,
    "Version": happened.version,
    "Versions": happened.versions,
}
_CHANGES: Final[dict[str, Method]] = {
    "AddNode": changes.add_node,
    "Push": changes.push,
    "Rollback": changes.rollback,
}  # one at a time


class Service:
    """`run` ends after IDLE_S without a call, or when the bus is lost: the next call starts it anew."""

    def __init__(self, ready: Callable[[], None], idle_s: float = IDLE_S) -> None:
        self._ready, self._idle_s = ready, idle_s
        self._server = Server(interface_file(NAME))
        self._called = asyncio.Event()
        self._open = 0
        self._busy = ""
        for name in (*_READS, *_METHODS, *_CHANGES):
            self._server.handle(INTERFACE, name, self._answer)

    async def run(self) -> None:
        self._server.publish(PATH, INTERFACE, {"Hidden": texts.HIDDEN, "Busy": ""})
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(THREADS))
        async with await Bus.connect() as bus:
            self._bus = bus
            await self._server.attach(bus, NAME)
            take = bus.take_call
            assert take is not None
            bus.take_call = lambda sender, data: self._take(take, sender, data)
            self._ready()
            while await self._is_wanted():
                pass

    def _take(self, take: Callable[[str, bytes], bool], sender: str, data: bytes) -> bool:
        self._called.set()
        return take(sender, data)

    async def _is_wanted(self) -> bool:
        """Somebody called within the time; else the name is nobody's, and no call came before that was so."""
        self._called.clear()
        await self._called_or_lost()
        if self._bus.closed.is_set():
            return False
        if self._called.is_set() or self._open:
            return True
        await self._bus.release(NAME)
        if self._called.is_set():  # it came before the bus took the name away
            await self._bus.claim(NAME)
        return self._called.is_set()

    async def _called_or_lost(self) -> None:
        """One of these is so, or the time is over."""
        waits = [asyncio.ensure_future(one) for one in (self._called.wait(), self._bus.closed.wait())]
        try:
            await asyncio.wait(waits, timeout=self._idle_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in waits:
                one.cancel()

    async def _answer(self, call: Call) -> tuple[Any, ...]:
        """What the method answers, whatever it raises as one sentence."""
        telling.listener.set(_OnBus(call.member, self._tell))
        self._open += 1
        try:
            if call.member in _CHANGES:
                async with self._alone(call.member):
                    return await _CHANGES[call.member](*call.arguments)
            if call.member in _READS:
                return await _READS[call.member](*call.arguments, uid=call.uid)
            return await _METHODS[call.member](*call.arguments)
        except CommandError as error:
            text = " ".join((*(f"{line.rstrip('.')}." for line in error.told), error.message))
            raise BusError(_ERRORS[Exit(error.exit_code)], text) from error
        except BusError as error:
            if error.name in GONE:
                raise BusError(ErrorName.FAILED, not_running().message) from error
            raise
        finally:
            self._open -= 1
            self._called.set()

    @contextlib.asynccontextmanager
    async def _alone(self, member: str) -> AsyncIterator[None]:
        if self._busy:
            text = f"Another change is being made just now ({self._busy}): wait until it has ended."
            raise BusError(ErrorName.REFUSED, text)
        self._show_busy(member)
        try:
            yield
        finally:
            self._show_busy("")

    def _show_busy(self, member: str) -> None:
        self._busy = member
        self._server.publish(PATH, INTERFACE, {"Busy": member})

    def _tell(self, member: str, sentence: str) -> None:
        self._bus.emit(PATH, INTERFACE, "Progress", "ss", member, sentence)


class _OnBus:
    """Whoever follows the console is told how a call goes on; also from a thread."""

    def __init__(self, member: str, emit: Callable[[str, str], None]) -> None:
        self._member, self._emit = member, emit
        self._loop = asyncio.get_running_loop()

    def tell(self, sentence: str) -> None:
        if sentence:
            self._loop.call_soon_threadsafe(self._emit, self._member, sentence)

    def wait(self) -> "_Waiting":
        return _Waiting(self.tell)


class _Waiting:
    """Each line of what is waited for is told when it is a new one."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._seen: tuple[str, ...] = ()

    def tell(self, waiting: str) -> None:
        lines = tuple(waiting.split("\n"))
        for line in lines:
            if line not in self._seen:
                self._tell(line)
        self._seen = lines

    def tick(self) -> None:
        """Nobody counts the seconds here."""

    def settle(self) -> None:
        """What was told stands."""
