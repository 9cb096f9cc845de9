"""A bus without a bus: FakeSystemd answers in the same loop, and nothing but the clock says when something is."""

import asyncio
import selectors
from types import SimpleNamespace
from typing import Any

from fakes.systemd import FakeSystemd, _handler_name
from standfast.bus import BusError, Signal


class DirectBus:
    """As `Bus`, as far as looks by processes use it."""

    def __init__(self, systemd: FakeSystemd) -> None:
        self.closed = asyncio.Event()
        self.calls = 0
        self._systemd = systemd
        self._handlers: list[tuple[Any, str]] = []
        systemd._bus = self  # type: ignore[assignment]

    async def call(self, _: str, path: str, __: str, member: str, ___: str = "", *arguments: Any, **____: Any) -> Any:
        self.calls += 1
        message = SimpleNamespace(member=member, path=path, body=list(arguments))
        try:
            _, body = getattr(self._systemd, _handler_name(member))(message)
        except LookupError as error:
            raise BusError(str(error.args[0]), str(error.args[0])) from error
        return tuple(body)

    async def get(self, destination: str, path: str, interface: str, name: str) -> Any:
        (value,) = await self.call(destination, path, "", "Get", "ss", interface, name)
        return value.value

    def tell(self, destination: str, path: str, interface: str, member: str, signature: str, *arguments: Any) -> None:
        asyncio.get_running_loop().create_task(
            self.call(destination, path, interface, member, signature, *arguments)
        ).add_done_callback(lambda call: call.exception())

    async def subscribe(self, _: str, handler: Any, *, member: str, **__: Any) -> None:
        self._handlers.append((handler, member))

    def when_closed(self, _: Any) -> None:
        """It never is."""

    def emit(self, path: str, interface: str, member: str, _: str, *arguments: Any) -> None:
        signal = Signal(sender=":1.0", path=path, interface=interface, member=member, arguments=arguments)
        for handler, wanted in self._handlers:
            if wanted == member:
                asyncio.get_running_loop().call_soon(handler, signal)


class _Hurried(selectors.DefaultSelector):
    """Nobody waits: the clock jumps to when something is due."""

    now = 0.0

    def select(self, timeout: float | None = None) -> Any:
        found = super().select(0)
        if not found and timeout:
            self.now += timeout
        return found


def simulated_loop() -> asyncio.AbstractEventLoop:
    """Its hours take as long as what is done in them."""
    selector = _Hurried()
    loop = asyncio.SelectorEventLoop(selector)
    loop.time = lambda: selector.now  # type: ignore[method-assign]
    return loop
