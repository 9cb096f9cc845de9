"""What an ordinary user of the machine can do to whoever is on the bus: bytes of his own choice, without end."""

import asyncio
import contextlib
import os
import signal
import socket
import threading
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from dbus_next.constants import MessageFlag, MessageType
from dbus_next.message import Message

from bus.private import NOBODY

HELLO = Message(
    destination="org.freedesktop.DBus",
    path="/org/freedesktop/DBus",
    interface="org.freedesktop.DBus",
    member="Hello",
    serial=1,
)


def connect(path: str, *, descriptors: bool = False) -> socket.socket:
    """A connection that has said Hello; blocking, so that a flood goes as fast as the bus takes it.

    Raises OSError when the bus does not want it.
    """
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(60)
    sock.connect(path)
    sock.sendall(b"\0AUTH EXTERNAL " + str(os.geteuid()).encode().hex().encode() + b"\r\n")
    sock.recv(512)
    if descriptors:
        sock.sendall(b"NEGOTIATE_UNIX_FD\r\n")
        assert sock.recv(512).startswith(b"AGREE_UNIX_FD")
    sock.sendall(b"BEGIN\r\n" + marshalled(HELLO))
    sock.recv(4096)
    return sock


def marshalled(message: Any) -> bytes:
    return bytes(message._marshall())


def call(destination: str, path: str, interface: str, member: str, *arguments: str, reply: bool, serial: int) -> bytes:
    """A call with strings."""
    return marshalled(
        Message(
            destination=destination,
            path=path,
            interface=interface,
            member=member,
            signature="s" * len(arguments),
            body=list(arguments),
            serial=serial,
            flags=MessageFlag.NONE if reply else MessageFlag.NO_REPLY_EXPECTED,
        )
    )


def forged_signal(destination: str, path: str, interface: str, member: str, signature: str, *arguments: Any) -> Any:
    """A signal that goes straight to `destination`, past all match rules; "": to all."""
    to: Any = destination or None
    return Message(
        message_type=MessageType.SIGNAL,
        destination=to,
        path=path,
        interface=interface,
        member=member,
        signature=signature,
        body=list(arguments),
        serial=7,
    )


def many_small_values(destination: str, path: str, interface: str, member: str, size: int, serial: int) -> bytes:
    """A call of `size` bytes that takes longest to read: numbers, though it names no method that takes them."""
    message = Message(
        destination=destination,
        path=path,
        interface=interface,
        member=member,
        signature="ay",
        body=[bytes(size)],
        serial=serial,
    )
    return marshalled(message).replace(b"\x02ay\0", b"\x02ai\0", 1)


@contextlib.asynccontextmanager
async def flood(program: Callable[[], None]) -> AsyncIterator[None]:
    """`program`, which never ends, runs as the user nobody meanwhile."""
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")
    child = os.fork()
    if child == 0:
        try:
            threading.settrace(None)
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            program()
        finally:
            os._exit(0)
    try:
        yield
    finally:
        os.kill(child, signal.SIGKILL)
        await asyncio.to_thread(os.waitpid, child, 0)


def endlessly(path: str, data: bytes) -> None:
    """The same bytes again and again; answers are thrown away."""
    sock = connect(path)

    def read() -> None:
        while sock.recv(1 << 20):
            pass

    threading.Thread(target=read, daemon=True).start()
    while True:
        sock.sendall(data)


def new_connections(path: str, data: bytes) -> None:
    """A hundred connections at a time, each with these bytes, closed at once."""
    while True:
        open_ones = []
        for _ in range(100):
            with contextlib.suppress(OSError):
                sock = connect(path)
                open_ones.append(sock)
                sock.sendall(data)
        for sock in open_ones:
            sock.close()
