"""Calls whose answer is an open descriptor.

Each has a connection of its own, which ends with it: the daemons' long ones take no descriptors, for anyone could send
them some. It is a blocking one in a thread, so that nothing of it is in the loop's way.
"""

import asyncio
import contextlib
import io
import os
import socket
import struct
import time
from typing import Any, Final

from standfast.bus.client import CALL_TIMEOUT_S, DRIVER, DRIVER_PATH, SYSTEM_BUS
from standfast.bus.errors import BusError, ErrorName
from standfast.bus.library import MessageType, Unmarshaller
from standfast.bus.values import outgoing
from standfast.bus.wire import make_call, socket_name

_MOST_DESCRIPTORS: Final = 16
_PIECE: Final = 65536
_FIXED_HEADER: Final = 16
_LONGEST_LINE: Final = 4096
_LONGEST_MESSAGE: Final = 1024 * 1024

_unmarshaller: Any = Unmarshaller  # untyped, as all of dbus-next's inside


async def call_for_descriptor(
    destination: str,
    path: str,
    interface: str,
    member: str,
    signature: str = "",
    *arguments: Any,
    timeout_s: float = CALL_TIMEOUT_S,
) -> int:
    """The descriptor that the reply (signature "h") hands over; the caller closes it. Raises BusError."""
    message = make_call(destination, path, interface, member, signature, outgoing(list(arguments)))
    asking = asyncio.ensure_future(asyncio.to_thread(_ask, message, timeout_s))
    try:
        return await asyncio.shield(asking)
    except asyncio.CancelledError:
        asking.add_done_callback(_close_unwanted)
        raise


def _close_unwanted(asking: "asyncio.Future[int]") -> None:
    with contextlib.suppress(BusError, asyncio.CancelledError):
        os.close(asking.result())


def _ask(message: Any, timeout_s: float) -> int:
    """The whole conversation, in at most `timeout_s`."""
    address = os.environ.get("DBUS_SYSTEM_BUS_ADDRESS") or SYSTEM_BUS
    talk = _Talk(time.monotonic() + timeout_s)
    try:
        talk.connect(socket_name(address))
        talk.call(make_call(DRIVER, DRIVER_PATH, DRIVER, "Hello", "", []))
        reply = talk.call(message)
        if reply.message_type is MessageType.ERROR:
            text = reply.body[0] if reply.body and isinstance(reply.body[0], str) else reply.error_name
            raise BusError(reply.error_name, text)
        return talk.take(reply.body)
    except TimeoutError as error:
        raise BusError(ErrorName.TIMED_OUT, f"{message.destination} did not answer {message.member}.") from error
    except OSError as error:
        raise BusError(ErrorName.BUS_LOST, f"The message bus does not answer: {error}.") from error
    finally:
        talk.close()


class _Talk:
    """One blocking connection; each method raises TimeoutError after `until` (monotonic), or OSError."""

    def __init__(self, until: float) -> None:
        self._until = until
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        self._received = bytearray()
        self._descriptors: list[int] = []
        self._serial = 0

    def connect(self, name: str) -> None:
        """Authenticated, and the bus passes descriptors (D-Bus specification, "Authentication Protocol")."""
        self._wait()
        self._socket.connect(name)
        identity = str(os.geteuid()).encode().hex().encode()
        for line, wanted in (
            (b"\0AUTH EXTERNAL " + identity, b"OK "),
            (b"NEGOTIATE_UNIX_FD", b"AGREE_UNIX_FD"),
        ):
            self._socket.sendall(line + b"\r\n")
            while not self._received.endswith(b"\r\n") and len(self._received) < _LONGEST_LINE:
                self._receive()
            if not self._received.startswith(wanted):
                raise ConnectionError("it does not accept us")
            self._received.clear()
        self._socket.sendall(b"BEGIN\r\n")

    def call(self, message: Any) -> Any:
        """The reply to a call."""
        self._serial = message.serial = self._serial + 1
        self._wait()
        self._socket.sendall(message._marshall())
        while True:
            answer = self._next_message()
            if answer is not None and answer.reply_serial == message.serial:
                return answer

    def take(self, body: list[Any]) -> int:
        """The descriptor that a reply with the signature "h" names; the caller closes it."""
        if len(body) != 1 or not isinstance(body[0], int) or not 0 <= body[0] < len(self._descriptors):
            raise BusError(ErrorName.FAILED, "The reply names a descriptor that did not come with it.")
        return self._descriptors.pop(body[0])

    def close(self) -> None:
        self._socket.close()
        while self._descriptors:
            os.close(self._descriptors.pop())

    def _next_message(self) -> Any:
        """None: one that dbus-next cannot read."""
        while len(self._received) < (size := _size(self._received)):
            self._receive()
        data = bytes(self._received[:size])
        del self._received[:size]
        try:
            return _unmarshaller(io.BytesIO(data)).unmarshall()
        except Exception:  # whatever the library stumbles over in a stranger's message
            return None

    def _receive(self) -> None:
        self._wait()
        data, descriptors, _, _ = socket.recv_fds(self._socket, _PIECE, _MOST_DESCRIPTORS)
        self._descriptors += descriptors
        for descriptor in descriptors:
            os.set_inheritable(descriptor, False)
        if not data:
            raise ConnectionError("it closed the connection")
        self._received += data

    def _wait(self) -> None:
        """The next operation may take what is left."""
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._socket.settimeout(left)


def _size(data: bytearray) -> int:
    """Bytes of the message that begins with `data` (D-Bus specification), or of the shortest header."""
    if len(data) < _FIXED_HEADER:
        return _FIXED_HEADER
    body, _, fields = struct.unpack_from("<III" if data[0] == ord("l") else ">III", data, 4)
    size = _FIXED_HEADER + (int(fields) + 7) // 8 * 8 + int(body)
    if size > _LONGEST_MESSAGE:
        raise ConnectionError(f"it sends a message of {size} bytes")
    return size
