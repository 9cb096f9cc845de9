"""fenced on the bus: org.standfast.Fencing1, the devices, and when they are tested."""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from standfast.agents.running import Agents
from standfast.agents.words import Action
from standfast.bus import Bus, BusError, Call, ErrorName, Server, Signal, interface_file, serve_forever
from standfast.configuration.device_checks import unsafe_nodes
from standfast.configuration.load import NOTHING_IN_FORCE
from standfast.configuration.model import Configuration, Node, Plug
from standfast.fenced import drill_power, ring, unfencing
from standfast.fenced.attempts import Attempts, Order
from standfast.fenced.devices import Devices
from standfast.fenced.history import History
from standfast.fenced.metadata import AgentLibrary
from standfast.fenced.objections import Answers, find_objections
from standfast.fenced.reachable import answers
from standfast.fenced.unfencing import Unfencing

NAME: Final = "org.standfast.Fencing"
ROOT: Final = "/org/standfast"
INTERFACE: Final = "org.standfast.Fencing1"
TEST_EVERY_S: Final = 600.0
GROUPS: Final = ("org.standfast.Groups", ROOT, "org.standfast.Groups1")
_TERM_TIMEOUT_S: Final = 2.0
_LONGEST_WORD: Final = 128
MOST_HISTORY: Final = 500  # entries that one call of History returns

Load = Callable[[], Configuration | None]  # blocks: it is called in a thread


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What is another thing in tests."""

    load: Load  # what is in force here
    version: Callable[[str], Configuration | None]  # one that is stored here, by its digest; likewise
    agents: Agents = field(default_factory=Agents)
    history: Path = Path("/var/lib/standfast/fencing")
    unfenced: Path = unfencing.MARKS
    test_every_s: float = TEST_EVERY_S
    answers: Answers = answers


class Service:
    """Answers for the devices, publishes them and the attempts; reads the configuration anew at `reload`."""

    def __init__(self, settings: Settings, tasks: asyncio.TaskGroup) -> None:
        self._settings = settings
        self._tasks = tasks
        self._server = Server(interface_file(NAME))
        for method, handler in (
            ("Begin", self._begin),
            ("Test", self._test),
            ("History", self._tell_history),
            ("Objections", self._object),
            ("Check", self._check_version),
            ("DrillDoubts", self._find_drill_doubts),
            ("CutPower", self._cut_power),
        ):
            self._server.handle(INTERFACE, method, handler)
        self._bus: Bus | None = None
        self._configuration: Configuration | None = None
        self._loading = asyncio.Lock()
        self._checking = asyncio.Lock()
        self._reload_due = asyncio.Event()
        self._library = AgentLibrary(settings.agents)
        self._devices = Devices(self._server, settings.agents, self._ring, self._library, self._publish)
        self._history = History(settings.history)
        self._attempts = Attempts(self._devices.act, self._term_open, self._history, self._publish, tasks)
        self._unfencing = Unfencing(self._devices.switch_on, self._publish, tasks, settings.unfenced)
        self._publish()

    async def run(self, on_bus: Callable[[], None]) -> None:
        """Serves until it is cancelled; `on_bus` is called each time the name was claimed."""
        await self._load()

        async def opened(bus: Bus) -> None:
            self._bus = bus
            on_bus()
            await bus.subscribe(ring.NAME, self._on_membership, path=ROOT, member="PropertiesChanged")
            await bus.subscribe(GROUPS[0], self._on_groups, path=ROOT, member="PropertiesChanged")
            with contextlib.suppress(BusError):
                self._hear_losses(await bus.get(*GROUPS, "Losses", timeout_s=_TERM_TIMEOUT_S))
            await bus.on_owner(ring.NAME, lambda _: self.reload())

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(serve_forever(self._server, NAME, opened))
            tasks.create_task(self._test_forever())

    def reload(self) -> None:
        """The configuration is read anew soon, and devices that are new or changed are tested."""
        self._reload_due.set()

    # methods

    async def _begin(self, call: Call) -> tuple[Any, ...]:
        order = _order(call.arguments)
        configuration = await self._configured(order.node)
        try:
            self._attempts.begin(order, configuration)
        except LookupError as error:
            raise _no_node(order.node) from error
        except OverflowError as error:
            text = f"{error}: wait until some of them have ended."
            raise BusError(ErrorName.TOO_MANY_CALLS, text) from error
        return ()

    async def _test(self, call: Call) -> tuple[Any, ...]:
        (name,) = call.arguments
        try:
            rows = await self._devices.test(name)
        except LookupError as error:
            text = f"There is no fence device {name}, and no node {name} that has one. Known: {error}."
            raise BusError(ErrorName.REFUSED, text) from error
        return ([(row.node, str(row.plug), row.power.value, row.ok, row.last_answer, row.text) for row in rows],)

    async def _tell_history(self, call: Call) -> tuple[Any, ...]:
        node, most = call.arguments
        try:
            entries = await asyncio.to_thread(self._history.last, node, min(most or MOST_HISTORY, MOST_HISTORY))
        except OSError as error:
            text = f"{self._settings.history} cannot be read: {error.strerror}."
            raise BusError(ErrorName.FAILED, text) from error
        words = ("time", "node", "loss", "device", "action", "state")
        rows = [
            (*(str(entry.get(word, "")) for word in words), _milliseconds(entry), str(entry.get("text", "")))
            for entry in entries
        ]
        return (rows,)

    async def _object(self, call: Call) -> tuple[Any, ...]:
        (name,) = call.arguments
        node = _find(await self._configured(name), name)
        if node is None:
            raise _no_node(name)
        found = await find_objections(node, await self._ring(), self._settings.answers, self._devices.power)
        return (found,)

    async def _check_version(self, call: Call) -> tuple[Any, ...]:
        """A version that could come into force is judged; which one is used here stays as it is."""
        (digest,) = call.arguments
        found = await asyncio.to_thread(self._settings.version, digest)
        if found is None:
            raise BusError(ErrorName.REFUSED, f"Version {digest[:12]} is not stored here whole: push it again.")
        return (await self._library.refusals(found),)

    async def _find_drill_doubts(self, call: Call) -> tuple[Any, ...]:
        (name,) = call.arguments
        configuration = await self._configured(name)
        node = _find(configuration, name)
        if name and node is None:
            raise _no_node(name)
        cuts_off_only = self._library.cuts_off_only
        return (await drill_power.find_doubts(configuration, node, self._devices, cuts_off_only),)

    async def _cut_power(self, call: Call) -> tuple[Any, ...]:
        (name,) = call.arguments
        node = _find(await self._configured(name), name)
        if node is None:
            raise _no_node(name)
        failed = await drill_power.cut(node, self._devices.act)
        if failed or not node.fence:
            why = "; ".join(f"{plug}: {text}" for plug, text in failed.items()) or "it has no fence device"
            raise BusError(ErrorName.FAILED, f"The power of {name} could not be cut: {why}.")
        return ()

    # the configuration and what is checked of it

    async def _configured(self, node: str) -> Configuration:
        """The configuration, read anew when it does not know `node`. Raises BusError: there is none."""
        if self._configuration is None or _find(self._configuration, node) is None:
            await self._load()
        if self._configuration is None:
            raise BusError(ErrorName.REFUSED, f"{NOTHING_IN_FORCE[0].upper()}{NOTHING_IN_FORCE[1:]}.")
        return self._configuration

    async def _load(self) -> bool:
        """The configuration is the one in force here; True: a device has never been asked."""
        async with self._loading:
            found = await asyncio.to_thread(self._settings.load)
            if found is None:
                return False
            self._configuration = found
            self._tasks.create_task(self._check(found))
            return self._devices.configure(found)

    async def _check(self, configuration: Configuration) -> None:
        """What the agents say of themselves was read: problems are told, this node is let in where it must be."""
        async with self._checking:
            await self._library.check(configuration)
            plugs = self._to_unfence(configuration)
            own = await self._ring() if plugs else None
            if not plugs or (own is not None and own.own):
                await self._unfencing.want([plug for node, plug in plugs if own is not None and node == own.own])
            self._publish()

    def _to_unfence(self, configuration: Configuration) -> list[tuple[str, Plug]]:
        """Nodes and those of their plugs at which they must be let in when they start."""
        agents = {device.name: self._library.metadata(device.agent) for device in configuration.devices}
        plugs = [(node.name, plug) for node in configuration.nodes for level in node.fence for plug in level]
        return [
            (node, plug) for node, plug in plugs if (agent := agents.get(plug.device)) is not None and agent.unfences
        ]

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
            if self._configuration is not None and not self._reload_due.is_set():
                self._tasks.create_task(self._check(self._configuration))  # an agent may have come, or gone
                continue
            self._reload_due.clear()
            if await self._load():
                next_test = loop.time()

    # the others on the bus

    async def _ring(self) -> ring.Ring | None:
        return await ring.read_ring(self._bus)

    async def _term_open(self) -> bool:
        """resourced says that a term is open, or that an operator has it opened without a node; else none is."""
        if self._bus is None:
            return False
        try:
            record = await self._bus.get_all(*GROUPS, timeout_s=_TERM_TIMEOUT_S)
        except BusError:
            return False
        return bool(record.get("Term") or record.get("Without"))

    def _on_membership(self, signal: Signal) -> None:
        interface, changed, _ = signal.arguments
        if interface == ring.INTERFACE and {"Configuration", "Node"} & changed.keys():
            self.reload()

    def _on_groups(self, signal: Signal) -> None:
        interface, changed, _ = signal.arguments
        if interface != GROUPS[2]:
            return
        if "Configuration" in changed:
            self.reload()  # another one is in force: a loss must not find the fence levels of the last one
        if "Losses" in changed:
            self._hear_losses(changed["Losses"])

    def _hear_losses(self, rows: list[tuple[Any, ...]]) -> None:
        self._attempts.hear_losses([str(number) for number, *_ in rows])

    def _publish(self) -> None:
        unsafe = unsafe_nodes(self._configuration, self._devices.answered()) if self._configuration is not None else ()
        values = {
            "Attempts": self._attempts.rows(),
            "Problems": self._library.problems,
            "Unsafe": unsafe,
            "Unfenced": self._unfencing.done,
            "SlowestOff": self._attempts.slowest_off_ms,
        }
        self._server.publish(ROOT, INTERFACE, values)


def _order(arguments: tuple[Any, ...]) -> Order:
    """The order that Begin's arguments make. Raises BusError."""
    loss, node, incarnation, action = arguments
    if action not in (Action.OFF, Action.ON):
        raise BusError(ErrorName.INVALID_ARGUMENTS, f"The action is off or on, not {action!r}.")
    if not loss or any(len(word) > _LONGEST_WORD for word in (loss, node, incarnation)):
        text = "Name the loss as status shows it, the node and its incarnation."
        raise BusError(ErrorName.INVALID_ARGUMENTS, text)
    return Order(loss=loss, node=node, incarnation=incarnation, action=Action(action))


def _find(configuration: Configuration, name: str) -> Node | None:
    return next((node for node in configuration.nodes if node.name == name), None)


def _no_node(name: str) -> BusError:
    return BusError(ErrorName.REFUSED, f"No node {name} is configured.")


def _milliseconds(entry: dict[str, str | int]) -> int:
    found = entry.get("milliseconds", 0)
    return found if isinstance(found, int) and 0 <= found < 2**32 else 0
