"""The configured fence devices: one agent at a time on each, their tests, and what the bus shows of them."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from standfast import journal
from standfast.agents.running import Agents, Result
from standfast.agents.words import Action, Answer
from standfast.bus import Server, escape
from standfast.configuration.device_checks import unverified_options
from standfast.configuration.model import Configuration, FenceDevice, Plug
from standfast.fenced.judgement import Judgement, Power, Tested, judge
from standfast.fenced.levels import Step
from standfast.fenced.metadata import AgentLibrary
from standfast.fenced.ring import Ring

INTERFACE: Final = "org.standfast.FenceDevice1"
TESTS_AT_ONCE: Final = 8
SETTLED_AFTER: Final = 2  # times DetectWithin=: who is in the ring before and after that was on in between


@dataclass(slots=True)
class _Device:
    configured: FenceDevice
    uses: tuple[tuple[str, Plug], ...]  # node and plug
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)  # many power switches take one session at a time
    tests: set[asyncio.Task[list[Tested]]] = field(default_factory=set)
    judgement: Judgement | None = None  # None: never asked
    last_test: str = ""
    last_answer: str = ""  # when all of its plugs answered
    answer: str = ""
    answered: dict[Plug, bool] = field(default_factory=dict)  # by plug: it ever answered rightly

    def cancel_tests(self) -> None:
        for test in self.tests:
            test.cancel()


class Devices:
    """`configure` says which there are; attempts come before tests. `changed` is called after each test."""

    def __init__(
        self,
        server: Server,
        agents: Agents,
        ring: Callable[[], Awaitable[Ring | None]],
        library: AgentLibrary,
        changed: Callable[[], None],
        wall_clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._server = server
        self._agents = agents
        self._ring = ring
        self._library = library
        self._changed = changed
        self._wall_clock = wall_clock
        self._devices: dict[str, _Device] = {}
        self._slots = asyncio.Semaphore(TESTS_AT_ONCE)

    def configure(self, configuration: Configuration) -> bool:
        """The bus shows the devices of `configuration`; one whose settings or uses changed counts as never asked.

        True: there is such a device, so a test is due.
        """
        uses = _uses(configuration)
        wanted = {device.name: device for device in configuration.devices}
        for name in self._devices.keys() - wanted.keys():
            self._forget(self._devices.pop(name))
        for name, configured in wanted.items():
            known = self._devices.get(name)
            if known is not None and (known.configured, known.uses) == (configured, uses.get(name, ())):
                continue
            if known is not None:
                self._forget(known)
            self._devices[name] = _Device(configured=configured, uses=uses.get(name, ()))
            self._publish(self._devices[name])
        return any(device.judgement is None for device in self._devices.values())

    def answered(self) -> Mapping[Plug, bool]:
        """Whether each plug that was asked ever answered rightly."""
        return {plug: said for device in self._devices.values() for plug, said in device.answered.items()}

    def doubt(self, plug: Plug) -> str:
        """Why the plug's device is not to be relied on now, a sentence without its full stop; "": its last test was
        good."""
        device = self._devices.get(plug.device)
        if device is None or device.judgement is None:
            return f"fence device {plug.device} was not tested yet"
        return "" if device.judgement is Judgement.GOOD else f"fence device {plug.device} is in doubt ({device.answer})"

    async def act(self, step: Step, is_over: Callable[[], bool] = lambda: False) -> Result | None:
        """The step's agent has ended; a test of the device that is under way is given up for it.

        None: when its turn had come `is_over` was true, so it was not asked.
        """
        device = self._devices.get(step.plug.device)
        if device is None:
            return _not_configured(step.plug)
        if step.action is Action.ON and await self._library.cuts_off_only(device.configured.agent):
            return Result(answer=Answer.DONE, text="left to the node itself, when it starts", milliseconds=0)
        device.cancel_tests()
        async with device.lock:
            if is_over():
                return None
            return await self._agents.run(device.configured, step.plug.plug, step.action)

    async def switch_on(self, plug: Plug) -> Result:
        """The plug's agent was asked for `on` from here."""
        device = self._devices.get(plug.device)
        if device is None:
            return _not_configured(plug)
        async with device.lock:
            return await self._agents.run(device.configured, plug.plug, Action.ON)

    async def power(self, plug: Plug) -> Power:
        """What the plug's device says now; it waits its turn."""
        device = self._devices.get(plug.device)
        if device is None:
            return Power.SILENT
        async with device.lock:
            return Power.of((await self._agents.run(device.configured, plug.plug, Action.STATUS)).answer)

    async def test_all(self) -> None:
        """Every device was asked for the status of each plug; one that an attempt needed meanwhile was not."""
        idle = [device for device in self._devices.values() if not device.tests and not device.lock.locked()]
        await asyncio.gather(*(self._run_test(device) for device in idle))

    async def test(self, name: str) -> list[Tested]:
        """What each plug of a device, or each plug of a node, says now; "": all plugs of all devices.

        A plug that an attempt needed meanwhile says nothing. Raises LookupError: there is neither.
        """
        known = {device.configured.name for device in self._devices.values()}
        known |= {node for device in self._devices.values() for node, _ in device.uses}
        if name and name not in known:
            raise LookupError(", ".join(sorted(known)) or "none is configured")
        concerned = [device for device in self._devices.values() if name in _names(device)]
        rows = [row for found in await asyncio.gather(*map(self._run_test, concerned)) for row in found]
        return [row for row in rows if name in ("", row.node, row.plug.device)]

    async def _run_test(self, device: _Device) -> list[Tested]:
        """The test's rows; what was given up says so."""
        task = asyncio.get_running_loop().create_task(self._test(device))
        device.tests.add(task)
        try:
            await asyncio.wait((task,))
        finally:
            device.tests.discard(task)
            task.cancel()
        if task.cancelled():
            text = "was needed for an attempt meanwhile, so its test was given up"
            return [Tested(node=node, plug=plug, power=Power.SILENT, ok=False, text=text) for node, plug in device.uses]
        return task.result()

    async def _test(self, device: _Device) -> list[Tested]:
        async with self._slots, device.lock:
            results = {
                use: await self._agents.run(device.configured, use[1].plug, Action.STATUS) for use in _asked(device)
            }
        online = await self._surely_online(results)
        if online and await self._library.cuts_off_only(device.configured.agent):
            online = frozenset()  # it says off of a running node that was not let in yet, and is right
        rows = judge(results, online)
        if self._devices.get(device.configured.name) is device:
            self._tell(device, rows)
        return [row.with_answer(device.last_answer) for row in rows]

    async def _surely_online(self, results: Mapping[tuple[str, Plug], Result]) -> frozenset[str]:
        """Of the nodes whose plug says off: who was on all the same while it was asked."""
        off = {node for (node, _), result in results.items() if result.answer is Answer.IS_OFF}
        before = await self._ring() if off else None
        if before is None or not off & before.members:
            return frozenset()
        await asyncio.sleep(SETTLED_AFTER * before.detect_within_s)
        after = await self._ring()
        return frozenset(off & before.members & after.members) if after is not None else frozenset()

    def _tell(self, device: _Device, rows: list[Tested]) -> None:
        """Publishes what the test said; the journal gets an entry when that became bad, or good again."""
        before, device.judgement = device.judgement, Judgement.of(rows)
        device.last_test = self._wall_clock().isoformat(timespec="seconds").replace("+00:00", "Z")
        if device.judgement is not Judgement.SILENT:
            device.last_answer = device.last_test
        device.answer = "; ".join(f"{row.node}: {row.text}" if row.node else row.text for row in rows)
        for row in rows:  # a wrong answer is another node's plug; silence may be a moment's
            device.answered[row.plug] = row.ok or (row.power is Power.SILENT and device.answered.get(row.plug, False))
        self._publish(device)
        self._changed()
        if device.judgement is not before:
            self._write(device, before)

    def _write(self, device: _Device, before: Judgement | None) -> None:
        name = device.configured.name
        match device.judgement:
            case Judgement.SILENT:
                event, level = journal.Event.FENCE_DEVICE_SILENT, journal.Level.WARNING
                text = f"Fence device {name} does not answer: {device.answer}."
            case Judgement.WRONG:
                event, level = journal.Event.FENCE_DEVICE_WRONG, journal.Level.ERROR
                text = f"Fence device {name} says what cannot be: {device.answer}."
            case _ if before is not None:
                event, level = journal.Event.FENCE_DEVICE_ANSWERS, journal.Level.NOTICE
                text = f"Fence device {name} answers again: {device.answer}."
            case _:
                return
        journal.write(event, level, text, device=name, cause=device.answer)

    def _publish(self, device: _Device) -> None:
        values = {
            "Name": device.configured.name,
            "Agent": device.configured.agent,
            "Nodes": list(dict.fromkeys(node for node, _ in device.uses)),
            "LastTest": device.last_test,
            "LastAnswer": device.last_answer,
            "Ok": device.judgement is Judgement.GOOD,
            "Answer": device.answer,
            "Verified": not unverified_options(device.configured),
        }
        self._server.publish(_path(device.configured.name), INTERFACE, values)

    def _forget(self, device: _Device) -> None:
        device.cancel_tests()
        self._server.withdraw(_path(device.configured.name))


def _path(name: str) -> str:
    return f"/org/standfast/device/{escape(name)}"


def _not_configured(plug: Plug) -> Result:
    return Result(answer=Answer.FAILED, text=f"{plug.device} is not configured any more", milliseconds=0)


def _names(device: _Device) -> set[str]:
    """By what name a test of it can be asked for."""
    return {"", device.configured.name, *(node for node, _ in device.uses)}


def _asked(device: _Device) -> tuple[tuple[str, Plug], ...]:
    """What a test asks: the plugs of nodes, or just the device where no node uses it."""
    return device.uses or (("", Plug(device=device.configured.name, plug=None)),)


def _uses(configuration: Configuration) -> dict[str, tuple[tuple[str, Plug], ...]]:
    """For each device the nodes and plugs that use it, each pair once."""
    uses: dict[str, dict[tuple[str, Plug], None]] = {}
    for node, plug in _plugs(configuration):
        uses.setdefault(plug.device, {})[node, plug] = None
    return {device: tuple(pairs) for device, pairs in uses.items()}


def _plugs(configuration: Configuration) -> Iterator[tuple[str, Plug]]:
    for node in configuration.nodes:
        for level in node.fence:
            for plug in level:
                yield node.name, plug
