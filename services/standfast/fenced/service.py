"""fenced on the bus: org.standfast.Fencing1, the devices, and when they are tested."""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from standfast.bus import Bus, BusError, Call, ErrorName, Server, Signal, interface_file, serve_forever
from standfast.configuration.model import Configuration, Problem
from standfast.fenced.agents import Agents
from standfast.fenced.attempts import Attempts, Order
from standfast.fenced.devices import Devices
from standfast.fenced.history import History
from standfast.fenced.levels import Action

NAME: Final = "org.standfast.Fencing"
ROOT: Final = "/org/standfast"
INTERFACE: Final = "org.standfast.Fencing1"
TEST_EVERY_S: Final = 600.0
GROUPS: Final = ("org.standfast.Groups", ROOT, "org.standfast.Groups1")
MEMBERSHIP: Final = ("org.standfast.Membership", ROOT, "org.standfast.Membership1")
_TERM_TIMEOUT_S: Final = 2.0
_LONGEST_WORD: Final = 128

Load = Callable[[], tuple[Configuration | None, tuple[Problem, ...]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What is another thing in tests."""

    load: Load  # blocks: it is called in a thread
    agents: Agents = field(default_factory=Agents)
    history: Path = Path("/var/lib/standfast/fencing")
    test_every_s: float = TEST_EVERY_S


class Service:
    """Answers Begin, publishes Attempts and devices; reads the configuration anew when `reload` is called."""

    def __init__(self, settings: Settings, tasks: asyncio.TaskGroup) -> None:
        self._settings = settings
        self._tasks = tasks
        self._server = Server(interface_file(NAME))
        self._server.handle(INTERFACE, "Begin", self._begin)
        self._bus: Bus | None = None
        self._configuration: Configuration | None = None
        self._loading = asyncio.Lock()
        self._reload_due = asyncio.Event()
        self._devices = Devices(self._server, settings.agents)
        history = History(settings.history)
        self._attempts = Attempts(self._devices.act, self._term_open, history, self._publish, tasks)
        self._publish()

    async def run(self, on_bus: Callable[[], None]) -> None:
        """Serves until it is cancelled; `on_bus` is called each time the name was claimed."""
        await self._load()

        async def opened(bus: Bus) -> None:
            self._bus = bus
            on_bus()
            await bus.subscribe(MEMBERSHIP[0], self._on_membership, path=ROOT, member="PropertiesChanged")
            await bus.on_owner(MEMBERSHIP[0], lambda _: self.reload())

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(serve_forever(self._server, NAME, opened))
            tasks.create_task(self._test_forever())

    def reload(self) -> None:
        """The configuration is read anew soon, and devices that are new or changed are tested."""
        self._reload_due.set()

    async def _begin(self, call: Call) -> tuple[Any, ...]:
        order = _order(call.arguments)
        if not self._knows(order.node):
            await self._load()
        if self._configuration is None:
            text = "There is no configuration here: correct /etc/standfast/cluster.conf."
            raise BusError(ErrorName.REFUSED, text)
        try:
            self._attempts.begin(order, self._configuration)
        except LookupError as error:
            raise BusError(ErrorName.REFUSED, f"No node {order.node} is configured.") from error
        except OverflowError as error:
            text = f"{error}: wait until some of them have ended."
            raise BusError(ErrorName.TOO_MANY_CALLS, text) from error
        return ()

    def _knows(self, name: str) -> bool:
        known = self._configuration.nodes if self._configuration is not None else ()
        return any(node.name == name for node in known)

    async def _load(self) -> bool:
        """The configuration is the files', or the last good one; True: a device has never been asked."""
        async with self._loading:
            configuration, _ = await asyncio.to_thread(self._settings.load)
        if configuration is None:
            return False
        self._configuration = configuration
        return self._devices.configure(configuration)

    async def _test_forever(self) -> None:
        """Tests all devices at start, every ten minutes, and when a reload brought a device never asked."""
        loop = asyncio.get_running_loop()
        next_test = loop.time()
        while True:
            if loop.time() >= next_test:
                await self._devices.test_all()
                next_test = loop.time() + self._settings.test_every_s
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(next_test):
                    await self._reload_due.wait()
            self._reload_due.clear()
            if await self._load():
                next_test = loop.time()

    async def _term_open(self) -> bool:
        """resourced says that a term is open; without its word none is."""
        if self._bus is None:
            return False
        try:
            return bool(await self._bus.get(*GROUPS, "Term", timeout_s=_TERM_TIMEOUT_S))
        except BusError:
            return False

    def _on_membership(self, signal: Signal) -> None:
        interface, changed, _ = signal.arguments
        if interface == MEMBERSHIP[2] and "Configuration" in changed:
            self.reload()

    def _publish(self) -> None:
        self._server.publish(ROOT, INTERFACE, {"Attempts": self._attempts.rows()})


def _order(arguments: tuple[Any, ...]) -> Order:
    """The order that Begin's arguments make. Raises BusError."""
    loss, node, incarnation, action = arguments
    if action not in (Action.OFF, Action.ON):
        raise BusError(ErrorName.INVALID_ARGUMENTS, f"The action is off or on, not {action!r}.")
    if not loss or any(len(word) > _LONGEST_WORD for word in (loss, node, incarnation)):
        text = "Name the loss as status shows it, the node and its incarnation."
        raise BusError(ErrorName.INVALID_ARGUMENTS, text)
    return Order(loss=loss, node=node, incarnation=incarnation, action=Action(action))
