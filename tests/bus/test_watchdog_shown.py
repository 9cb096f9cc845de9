"""The watchdog as quorumd shows it on the bus, and the lock that keeps a machine awake which holds something."""

import asyncio
import contextlib
import os
import queue
import socket
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from dbus_next.aio.message_bus import MessageBus
from dbus_next.message import Message
from dbus_next.signature import Variant

from bus.private import PrivateBus, until
from fakes.network import FakeNetwork
from standfast.bus import Bus, BusError, call_for_descriptor
from standfast.configuration.model import Cluster, Configuration, Node
from standfast.quorumd import feeder as feeding
from standfast.quorumd.descriptors import Store
from standfast.quorumd.feeder import Surroundings
from standfast.quorumd.service import INTERFACE, NAME, ROOT, Quorum
from standfast.quorumd.wakefulness import Wakefulness
from standfast.quorumd.watch import NO_WATCHDOG, Watch
from standfast.watchdog.messages import Arm, Tell, encode
from standfast.watchdog.times import proven_after_ms

LOGIND = ("org.freedesktop.login1", "/org/freedesktop/login1", "org.freedesktop.login1.Manager")
INHIBIT = ("Inhibit", "ssss", "sleep", "Standfast", "why", "block")


class FakeDevice:
    """A device with a timeout of a minute."""

    given_ms = 60_000

    def __init__(self, path: str) -> None:
        self.path = path
        self.descriptor = os.open(os.devnull, os.O_WRONLY)
        self.settable = True
        self.fed = 0

    @classmethod
    def arm(cls, path: str) -> "FakeDevice":
        return cls(path)

    def set_timeout(self, timeout_ms: int) -> int:
        self.given_ms = timeout_ms
        return timeout_ms

    def timeout_ms(self) -> int:
        return self.given_ms

    def feed(self) -> None:
        self.fed += 1

    def disarm(self) -> None:
        os.close(self.descriptor)


class Machine:
    """systemd and logind of one machine: what kind of machine it is, and who keeps it awake."""

    def __init__(self) -> None:
        self.virtual = ""
        self.locks: list[int] = []  # our ends: readable when the lock is gone
        self.asked: queue.SimpleQueue[list[Any]] = queue.SimpleQueue()
        self._bus: MessageBus | None = None
        self._task: asyncio.Future[None] | None = None

    @contextlib.asynccontextmanager
    async def running(self, *names: str) -> AsyncIterator["Machine"]:
        self._bus = await MessageBus(
            bus_address=os.environ["DBUS_SYSTEM_BUS_ADDRESS"], negotiate_unix_fd=True
        ).connect()
        self._bus.add_message_handler(self._answer)
        for name in names or (LOGIND[0], "org.freedesktop.systemd1"):
            await self._bus.request_name(name)
        try:
            yield self
        finally:
            self._bus.disconnect()  # type: ignore[no-untyped-call] # of the library

    def _answer(self, message: Message) -> Message | bool | None:
        match message.member:
            case "Inhibit":
                self._task = asyncio.ensure_future(self._hand_over(message))
                return True
            case "Get" if message.body[1] == "Virtualization":
                return Message.new_method_return(message, "v", [Variant("s", self.virtual)])
        return None

    async def _hand_over(self, message: Message) -> None:
        """The lock, of which no copy is left here."""
        assert self._bus is not None
        ours, theirs = os.pipe()
        self.locks.append(ours)
        await self._bus.send(Message.new_method_return(message, "h", [0], [theirs]))
        os.close(theirs)
        self.asked.put(message.body)


def configuration(**settings: Any) -> Configuration:
    nodes = tuple(
        Node(**{"name": f"node{number}", "id": number, "addresses": (f"192.0.2.{10 + number}",), **settings})
        for number in (1, 2, 3)
    )
    return Configuration(cluster=Cluster(name="webha"), nodes=nodes, devices=(), domains=(), groups=(), digest="d")


class Running:
    """quorumd's watchdog, served."""

    def __init__(self, watch: Watch, bus: Bus, path: Path) -> None:
        self.watch = watch
        self._bus = bus
        self._path = path

    async def shows(self, **wanted: Any) -> dict[str, Any]:
        async with asyncio.timeout(10):
            while True:
                values = await self._bus.get_all(NAME, ROOT, INTERFACE)
                if values | wanted == values:
                    return {name: value for name, value in values.items() if name in NO_WATCHDOG}
                await asyncio.sleep(0.01)

    async def arithmetic(self, word: str = "") -> list[Any]:
        """The rows, once there are some and `word` is in the last one."""
        async with asyncio.timeout(10):
            while True:
                rows = (await self.shows())["WatchdogArithmetic"]
                if rows and word in rows[-1][2]:
                    return list(rows)
                await asyncio.sleep(0.01)

    def connect(self) -> socket.socket:
        client = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        client.connect(str(self._path))
        return client


@contextlib.asynccontextmanager
async def running(folder: Path, load: Callable[[], Configuration | None]) -> AsyncIterator[Running]:
    """The daemon on node1, without Corosync."""
    served = asyncio.Event()
    quorum = Quorum(FakeNetwork({1: 1}).nodes[1], served.set)
    surroundings = Surroundings(
        socket=folder / "socket",
        held=folder / "held",
        owner=os.getuid(),
        store=Store({}),
        known=lambda: (),
        lock_memory=lambda: None,
    )
    watch = Watch(quorum.show, load, surroundings=surroundings, host="node1.example.com")
    tasks = [asyncio.ensure_future(work) for work in (quorum.run(), watch.run())]
    await until(lambda: served.is_set() or any(task.done() for task in tasks))
    async with await Bus.connect() as bus:
        try:
            yield Running(watch, bus, folder / "socket")
            assert not any(task.done() for task in tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


@pytest.fixture(autouse=True)
def _device(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeding, "Device", FakeDevice)


def test_without_a_watchdog_it_shows_none(private_bus: PrivateBus, tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path, configuration) as quorumd:
            assert await quorumd.shows() == NO_WATCHDOG

    asyncio.run(main())


def test_from_wanted_to_armed_to_fed_to_starved_it_is_shown_with_its_arithmetic(
    private_bus: PrivateBus, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def main() -> None:
        with_one = configuration(watchdog="/srv/dog", watchdog_trust=True, watchdog_timeout_ms=20_000)
        async with running(tmp_path, lambda: with_one) as quorumd:
            rows = {name: ms for name, ms, _ in await quorumd.arithmetic()}
            assert rows["proven after"] == proven_after_ms(with_one.cluster, 20_000)
            assert rows["shortest timeout"] == 20_000
            with quorumd.connect() as resourced:
                resourced.send(encode(Arm(number=1)))
                await quorumd.shows(Watchdog="/srv/dog", WatchdogTimeout=20_000, WatchdogArmed=True, WatchdogFed=False)
                resourced.send(encode(Tell(holding=True, echoed_until_ms=2**52)))
                await quorumd.shows(WatchdogFed=True)
                resourced.send(encode(Tell(holding=True, echoed_until_ms=None)))
                await quorumd.shows(WatchdogArmed=True, WatchdogFed=False)

    asyncio.run(main())
    told = capsys.readouterr().err
    assert told.count("[watchdog-armed]") == 1
    assert "its tick is not echoed by a quorum; this machine is reset within 20 s [watchdog-starved]" in told


def test_one_in_a_virtual_machine_is_refused_and_the_arithmetic_says_why(
    private_bus: PrivateBus, tmp_path: Path
) -> None:
    async def main() -> None:
        machine = Machine()
        machine.virtual = "kvm"
        async with (
            machine.running(),
            running(tmp_path, lambda: configuration(watchdog="/dev/watchdog7")) as quorumd,
        ):
            with quorumd.connect() as resourced:
                resourced.send(encode(Arm(number=1)))
                rows = await quorumd.arithmetic("(kvm)")
                assert rows[-1][0] == "not armed"
                assert not (await quorumd.shows())["WatchdogArmed"]

    asyncio.run(main())


def test_a_configuration_that_cannot_be_read_changes_nothing_and_a_new_one_counts(
    private_bus: PrivateBus, tmp_path: Path
) -> None:
    async def main() -> None:
        found: list[Configuration | None] = [None]
        async with running(tmp_path, lambda: found[0]) as quorumd:
            assert await quorumd.shows() == NO_WATCHDOG
            found[0] = configuration(watchdog="/srv/dog", watchdog_trust=True, watchdog_timeout_ms=25_000)
            quorumd.watch.reload()
            with quorumd.connect() as resourced:
                resourced.send(encode(Arm(number=1)))
                await quorumd.shows(WatchdogTimeout=25_000)
                found[0] = None
                quorumd.watch.reload()
                resourced.send(encode(Tell(holding=True, echoed_until_ms=2**52)))
                await quorumd.shows(WatchdogTimeout=25_000, WatchdogFed=True)

    asyncio.run(main())


def test_a_feeding_thread_that_ends_ends_the_daemon(
    private_bus: PrivateBus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_down(path: Path) -> bool:
        raise RuntimeError("broken")

    monkeypatch.setattr(feeding, "held_files", break_down)

    async def main() -> None:
        surroundings = Surroundings(socket=tmp_path / "socket", store=Store({}), lock_memory=lambda: None)
        watch = Watch(lambda _: None, configuration, surroundings=surroundings, host="node1")
        async with asyncio.timeout(10):
            await watch.run()

    with pytest.raises(ExceptionGroup) as caught:
        asyncio.run(main())
    assert "broken" in str(caught.value.exceptions[0])


def test_while_something_is_held_the_machine_is_kept_awake(private_bus: PrivateBus, tmp_path: Path) -> None:
    async def main() -> None:
        machine = Machine()
        async with machine.running(), running(tmp_path, configuration) as quorumd:
            with quorumd.connect() as resourced:
                resourced.send(encode(Tell(holding=True, echoed_until_ms=None)))
                asked = await asyncio.to_thread(machine.asked.get, timeout=10)
                assert (asked[0], asked[3]) == ("sleep", "block")
                resourced.send(encode(Tell(holding=False, echoed_until_ms=None)))
                assert await asyncio.to_thread(os.read, machine.locks[0], 1) == b""

    asyncio.run(main())


def test_a_logind_that_is_away_is_told_once_and_asked_again(
    private_bus: PrivateBus, capsys: pytest.CaptureFixture[str]
) -> None:
    async def main() -> None:
        machine = Machine()
        wakefulness = Wakefulness(try_again_s=0.01)
        wakefulness.want(True)
        task = asyncio.ensure_future(wakefulness.run())
        await asyncio.sleep(0)
        refused = 0
        while refused < 3:
            with pytest.raises(BusError):
                await call_for_descriptor(*LOGIND, *INHIBIT)
            refused += 1
        async with machine.running():
            await asyncio.to_thread(machine.asked.get, timeout=10)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    asyncio.run(main())
    assert capsys.readouterr().err.count("[sleep-possible]") == 1


def test_a_descriptor_that_a_reply_hands_over_is_the_one_that_was_sent(private_bus: PrivateBus) -> None:
    async def main() -> None:
        machine = Machine()
        async with machine.running():
            descriptor = await call_for_descriptor(*LOGIND, *INHIBIT)
            os.write(descriptor, b"x")
            assert os.read(machine.locks[0], 1) == b"x"
            assert not os.get_inheritable(descriptor)
            os.close(descriptor)

    asyncio.run(main())


def test_a_reply_without_its_descriptor_and_a_bus_that_is_away_are_errors(private_bus: PrivateBus) -> None:
    async def main() -> None:
        machine = Machine()
        machine.virtual = "kvm"
        arguments = ("org.freedesktop.systemd1.Manager", "Virtualization")
        properties = ("org.freedesktop.systemd1", "/org/freedesktop/systemd1", "org.freedesktop.DBus.Properties")
        async with machine.running():
            with pytest.raises(BusError, match="a descriptor that did not come with it"):
                await call_for_descriptor(*properties, "Get", "ss", *arguments)
        private_bus.pause()
        with pytest.raises(BusError, match=r"org.freedesktop.login1 did not answer Inhibit"):
            await call_for_descriptor(*LOGIND, *INHIBIT, timeout_s=0.1)
        private_bus.resume()
        private_bus.kill()
        with pytest.raises(BusError, match="The message bus does not answer"):
            await call_for_descriptor(*LOGIND, *INHIBIT)

    asyncio.run(main())
