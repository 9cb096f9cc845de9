"""An ordinary user floods a daemon: it goes on serving root, gets its own answers, and its loop keeps turning."""

import array
import asyncio
import os
import socket
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from dbus_next._private.unmarshaller import Unmarshaller
from dbus_next.message import Message

from bus import hostile
from bus.private import PrivateBus, as_nobody, until
from standfast.bus import Bus, BusError, Call, ErrorName, Server, wire
from standfast.bus.client import CALL_TIMEOUT_S

NAME = "org.standfast.Test"
ROOT = "/org/standfast"
INTERFACE = "org.standfast.Test1"
XML = f"""<node>
  <interface name="{INTERFACE}">
    <property name="Word" type="s" access="read"/>
    <method name="Say">
      <annotation name="org.standfast.Access" value="everybody"/>
      <arg name="text" type="s" direction="in"/>
      <arg name="length" type="u" direction="out"/>
    </method>
  </interface>
</node>"""
PROPERTIES = "org.freedesktop.DBus.Properties"


class Daemon:
    """A service with a task of its own, which counts the loop's turns."""

    def __init__(self, folder: Path) -> None:
        xml = folder / "test.xml"
        xml.write_text(XML)
        self.server = Server(xml)
        self.server.publish(ROOT, INTERFACE, {"Word": "first"})
        self.server.handle(INTERFACE, "Say", self._say)
        self.heard: list[int] = []
        self.bus = Bus()

    async def start(self) -> None:
        self.bus = await Bus.connect()
        await self.server.attach(self.bus, NAME)

    async def _say(self, call: Call) -> tuple[Any, ...]:
        self.heard.append(len(call.arguments[0]))
        return (len(call.arguments[0]),)

    async def own_call(self, timeout_s: float = CALL_TIMEOUT_S) -> None:
        """As a daemon calls systemd: with the usual time limit."""
        driver = "org.freedesktop.DBus"
        path = "/org/freedesktop/DBus"
        (name,) = await self.bus.call(driver, path, driver, "GetNameOwner", "s", NAME, timeout_s=timeout_s)
        assert name == self.bus.unique_name


@pytest.fixture
def daemon(tmp_path: Path) -> Daemon:
    return Daemon(tmp_path)


@pytest.fixture
def passed_over(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of the messages that a connection passed over unread."""
    sizes: list[int] = []
    take = wire.Wire._take

    def counting(self: wire.Wire) -> bool:
        begun = self._at
        handled = take(self)
        if not handled:
            sizes.append(self._at - begun)
        return handled

    monkeypatch.setattr(wire.Wire, "_take", counting)
    return sizes


def read_all(*, reply: bool) -> bytes:
    return b"".join(
        hostile.call(NAME, ROOT, PROPERTIES, "GetAll", INTERFACE, reply=reply, serial=serial)
        for serial in range(2, 202)
    )


def job_removed(unique_name: str) -> bytes:
    manager = "org.freedesktop.systemd1.Manager"
    arguments = (1, "/org/freedesktop/systemd1/job/1", "apache2.service", "done")
    signal = hostile.forged_signal(unique_name, "/org/freedesktop/systemd1", manager, "JobRemoved", "uoss", *arguments)
    return hostile.marshalled(signal) * 200


FLOODS: dict[str, Callable[[str, str], Callable[[], None]]] = {
    "calls": lambda path, _: partial(hostile.endlessly, path, read_all(reply=True)),
    "calls without an answer": lambda path, _: partial(hostile.endlessly, path, read_all(reply=False)),
    "signals straight to it": lambda path, name: partial(hostile.endlessly, path, job_removed(name)),
    "new connections": lambda path, _: partial(
        hostile.new_connections, path, hostile.call(NAME, ROOT, PROPERTIES, "GetAll", INTERFACE, reply=True, serial=2)
    ),
}


@pytest.mark.parametrize("kind", [kind for kind in FLOODS if kind != "new connections"])
def test_root_is_served_and_own_calls_are_answered_in_a_flood_of(
    private_bus: PrivateBus, daemon: Daemon, passed_over: list[int], kind: str
) -> None:
    async def main() -> None:
        await daemon.start()
        async with hostile.flood(FLOODS[kind](str(private_bus.socket), daemon.bus.unique_name)):
            # whoever waits for answers is stopped by the bus after 128 that do not come
            enough = 50 if kind == "calls" else 2000
            await until(lambda: len(passed_over) > enough, 60)
            for number in range(10):
                root = await Bus.connect()
                daemon.server.publish(ROOT, INTERFACE, {"Word": f"word {number}"})
                assert await root.get(NAME, ROOT, INTERFACE, "Word") == f"word {number}"
                await daemon.own_call()
                await root.close()
        assert not daemon.bus.closed.is_set()

    asyncio.run(main())


def test_a_flood_of_new_connections_keeps_nobody_from_an_answer(private_bus: PrivateBus, daemon: Daemon) -> None:
    """The bus itself is busy with them, so no time is asserted."""

    async def main() -> None:
        await daemon.start()
        assert daemon.server._callers is not None
        users = daemon.server._callers._uids
        async with hostile.flood(FLOODS["new connections"](str(private_bus.socket), "")):
            await until(lambda: len(users) > 200, 60)
            for _ in range(10):
                root = await Bus.connect(timeout_s=60)
                assert await root.get(NAME, ROOT, INTERFACE, "Word", timeout_s=60) == "first"
                await daemon.own_call(timeout_s=60)
                await root.close()

    asyncio.run(main())


@pytest.fixture
def read_sizes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Bytes of each message that was read."""
    sizes: list[int] = []

    def recording(stream: Any) -> Any:
        sizes.append(len(stream.getvalue()))
        unmarshaller: Any = Unmarshaller
        return unmarshaller(stream)

    monkeypatch.setattr(wire, "_unmarshaller", recording)
    return sizes


@pytest.mark.parametrize("size", [100_000, 300_000, 30 << 20])
def test_the_body_of_a_large_call_with_a_wrong_signature_is_never_read(
    private_bus: PrivateBus, daemon: Daemon, read_sizes: list[int], size: int
) -> None:
    """dbus-next takes a second for each MiB of small numbers: the watchdog would end the daemon."""
    path = str(private_bus.socket)

    async def stranger() -> str:
        sock = hostile.connect(path)
        sock.settimeout(60)
        sock.sendall(hostile.many_small_values(NAME, ROOT, INTERFACE, "Say", size, 5))
        answer = b""
        while b"org.standfast.Error." not in answer:
            answer += sock.recv(4096)
        return str(wire.read_message(answer[answer.index(b"l\x03") :]).error_name)

    async def main() -> None:
        await daemon.start()
        error = ErrorName.INVALID_ARGUMENTS if size < 1 << 20 else ErrorName.TOO_MANY_CALLS
        assert await as_nobody(stranger) == error
        assert max(read_sizes) < 4096
        root = await Bus.connect()
        assert await root.get(NAME, ROOT, INTERFACE, "Word") == "first"

    asyncio.run(main())


def test_a_large_signal_of_a_stranger_is_never_read(
    private_bus: PrivateBus, daemon: Daemon, read_sizes: list[int], passed_over: list[int]
) -> None:
    path = str(private_bus.socket)

    async def main() -> None:
        await daemon.start()
        name = daemon.bus.unique_name

        async def stranger() -> None:
            signal = hostile.forged_signal(name, ROOT, INTERFACE, "Changed", "ay", bytes(20 << 20))
            sock = hostile.connect(path)
            sock.sendall(hostile.marshalled(signal).replace(b"\x02ay\0", b"\x02ai\0", 1))
            await asyncio.sleep(0.2)

        await as_nobody(stranger)
        await until(lambda: bool(passed_over), 30)
        assert passed_over[0] > 20 << 20
        assert max(read_sizes) < 4096
        await daemon.own_call()

    asyncio.run(main())


def test_a_large_header_is_never_read(
    private_bus: PrivateBus, daemon: Daemon, read_sizes: list[int], passed_over: list[int]
) -> None:
    path = str(private_bus.socket)

    async def stranger() -> None:
        sock = hostile.connect(path)
        sock.sendall(hostile.call(NAME, ROOT, PROPERTIES, "GetAll", INTERFACE, reply=True, serial=8))
        answer = b""
        while b"first" not in answer:  # now it is known whose the connection is
            answer += sock.recv(4096)
        long_path = "/" + "x" * (5 << 20)
        sock.sendall(hostile.call(NAME, long_path, INTERFACE, "Say", "hello", reply=False, serial=9))
        sock.sendall(hostile.call("org.freedesktop.DBus", "/", "org.freedesktop.DBus", "GetId", reply=True, serial=10))
        sock.recv(4096)  # the bus has handed on what was sent before

    async def main() -> None:
        await daemon.start()
        await as_nobody(stranger)
        await until(lambda: max(passed_over, default=0) > 5 << 20, 30)
        root = await Bus.connect()
        assert await root.get(NAME, ROOT, INTERFACE, "Word") == "first"
        assert max(read_sizes) < 4096

    asyncio.run(main())


def test_an_honest_large_call_is_read_and_one_that_is_too_large_is_root_s_alone(
    private_bus: PrivateBus, daemon: Daemon
) -> None:
    async def say(size: int) -> str:
        client = await Bus.connect()
        try:
            (length,) = await client.call(NAME, ROOT, INTERFACE, "Say", "s", "x" * size, timeout_s=60)
        except BusError as error:
            return error.text
        return str(length)

    async def main() -> None:
        await daemon.start()
        assert await as_nobody(partial(say, 20_000)) == "20000"
        assert await as_nobody(partial(say, 2_000_000)) == "Only root may send more than 1048576 bytes in a call."
        assert await say(2_000_000) == "2000000"
        assert daemon.heard == [20_000, 2_000_000]

    asyncio.run(main())


def test_a_message_with_descriptors_does_not_reach_us(private_bus: PrivateBus, daemon: Daemon) -> None:
    """The bus gives them to those alone who said that they take them, and tells the sender."""
    path = str(private_bus.socket)

    async def stranger() -> str:
        sock = hostile.connect(path, descriptors=True)
        message: Any = Message(
            destination=NAME, path=ROOT, interface=INTERFACE, member="Say", signature="h", body=[0], serial=3
        )
        message.unix_fds = [0]
        data = bytes(message._marshall(negotiate_unix_fd=True))
        reader, writer = os.pipe()
        sock.sendmsg([data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [reader]))])
        os.close(writer)
        answer = b""
        while b"Error" not in answer:
            answer += sock.recv(4096)
        return "org.freedesktop.DBus.Error.NotSupported" if b"NotSupported" in answer else repr(answer)

    async def main() -> None:
        await daemon.start()
        taken: list[str] = []
        take = daemon.bus.take_call
        assert take is not None

        def listening(sender: str, data: bytes) -> bool:
            taken.append(sender)
            return take(sender, data)

        daemon.bus.take_call = listening
        assert await as_nobody(stranger) == "org.freedesktop.DBus.Error.NotSupported"
        await daemon.own_call()
        assert taken == []

    asyncio.run(main())
