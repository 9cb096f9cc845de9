"""The configured fence devices: one agent at a time on each, their tests, and what the bus shows of them."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from standfast import journal
from standfast.bus import Server, escape
from standfast.configuration.model import Configuration, FenceDevice, Plug
from standfast.fenced.agents import Agents, Result, verified
from standfast.fenced.levels import Action, Answer, Step

INTERFACE: Final = "org.standfast.FenceDevice1"
TESTS_AT_ONCE: Final = 8


@dataclass(slots=True)
class _Device:
    configured: FenceDevice
    uses: tuple[tuple[str, str | None], ...]  # node and plug
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)  # many power switches take one session at a time
    test: asyncio.Task[None] | None = None
    ok: bool | None = None  # None: never asked
    last_test: str = ""
    answer: str = ""

    def test_ended(self, _: "asyncio.Task[None]") -> None:
        self.test = None


class Devices:
    """`configure` says which there are; attempts come before tests."""

    def __init__(
        self, server: Server, agents: Agents, wall_clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._server = server
        self._agents = agents
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
        return any(device.ok is None for device in self._devices.values())

    async def act(self, step: Step) -> Result:
        """The step's agent has ended; a test of the device that is under way is given up for it."""
        device = self._devices.get(step.plug.device)
        if device is None:
            text = f"{step.plug.device} is not configured any more"
            return Result(answer=Answer.FAILED, text=text, milliseconds=0)
        if device.test is not None:
            device.test.cancel()
        async with device.lock:
            return await self._agents.run(device.configured, step.plug.plug, step.action)

    async def test_all(self) -> None:
        """Every device was asked for the status of each plug; one that an attempt needed meanwhile was not."""
        async with asyncio.TaskGroup() as tasks:
            for device in self._devices.values():
                if device.test is None and not device.lock.locked():
                    device.test = tasks.create_task(self._test(device))
                    device.test.add_done_callback(device.test_ended)

    async def _test(self, device: _Device) -> None:
        async with self._slots, device.lock:
            results = {
                use: await self._agents.run(device.configured, use[1], Action.STATUS)
                for use in device.uses or (("", None),)
            }
        if self._devices.get(device.configured.name) is device:
            self._tell(device, results)

    def _tell(self, device: _Device, results: Mapping[tuple[str, str | None], Result]) -> None:
        """Publishes what the test said; the journal gets an entry when the device became silent or answers again."""
        before = device.ok
        device.ok = all(result.answer is not Answer.FAILED for result in results.values())
        device.last_test = self._wall_clock().isoformat(timespec="seconds").replace("+00:00", "Z")
        device.answer = "; ".join(
            f"{node}: {_words(result)}" if node else _words(result) for (node, _), result in results.items()
        )
        self._publish(device)
        name = device.configured.name
        if not device.ok and before is not False:
            text = f"Fence device {name} does not answer: {device.answer}."
            self._write(journal.Event.FENCE_DEVICE_SILENT, journal.Level.ERROR, text, device)
        elif device.ok and before is False:
            text = f"Fence device {name} answers again: {device.answer}."
            self._write(journal.Event.FENCE_DEVICE_ANSWERS, journal.Level.NOTICE, text, device)

    def _write(self, event: journal.Event, level: journal.Level, text: str, device: _Device) -> None:
        journal.write(event, level, text, device=device.configured.name, cause=device.answer)

    def _publish(self, device: _Device) -> None:
        values = {
            "Name": device.configured.name,
            "Agent": device.configured.agent,
            "LastTest": device.last_test,
            "Ok": bool(device.ok),
            "Answer": device.answer,
            "Verified": verified(device.configured),
        }
        self._server.publish(_path(device.configured.name), INTERFACE, values)

    def _forget(self, device: _Device) -> None:
        if device.test is not None:
            device.test.cancel()
        self._server.withdraw(_path(device.configured.name))


def _path(name: str) -> str:
    return f"/org/standfast/device/{escape(name)}"


def _uses(configuration: Configuration) -> dict[str, tuple[tuple[str, str | None], ...]]:
    """For each device the nodes and plugs that use it, each pair once."""
    uses: dict[str, dict[tuple[str, str | None], None]] = {}
    for node, plug in _plugs(configuration):
        uses.setdefault(plug.device, {})[node, plug.plug] = None
    return {device: tuple(pairs) for device, pairs in uses.items()}


def _plugs(configuration: Configuration) -> Iterator[tuple[str, Plug]]:
    for node in configuration.nodes:
        for level in node.fence:
            for plug in level:
                yield node.name, plug


def _words(result: Result) -> str:
    match result.answer:
        case Answer.DONE:
            return "on"
        case Answer.IS_OFF:
            return "off"
        case Answer.FAILED:
            return result.text
