"""One connection to a message bus: whole messages in and out, never blocking, never hogging the loop."""

import asyncio
import io
import os
import socket
import struct
from collections import deque
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import unquote

from dbus_next._private.unmarshaller import Unmarshaller
from dbus_next.message import Message

from standfast.bus.errors import BusError, ErrorName

BATCH: Final = 32  # messages handled in one turn of the loop: CPG, ticks and the watchdog come between
LARGEST_MESSAGE: Final = 32 * 1024 * 1024  # what dbus-daemon's system bus lets through
LARGEST_BACKLOG: Final = 64 * 1024 * 1024  # bytes not yet sent; a bus that lets it grow so far is lost
_FIXED_HEADER: Final = 16  # byte order, type, flags, version, body length, serial, length of the header's fields

_unmarshaller: Any = Unmarshaller  # untyped, as all of dbus-next's inside


class Wire:
    """`on_message` gets every message in order; `on_lost` is called once, when the bus ended the connection."""

    def __init__(
        self,
        sock: socket.socket,
        on_message: Callable[[Any], None],
        on_lost: Callable[[str], None],
    ) -> None:
        self._socket = sock
        self._on_message = on_message
        self._on_lost = on_lost
        self._loop = asyncio.get_running_loop()
        self._received = bytearray()
        self._unsent: deque[memoryview] = deque()
        self._unsent_bytes = 0
        self._serial = 0
        self._reading = False
        self.skipped = 0  # messages that dbus-next could not read
        self.open = True
        self._read_on()

    @classmethod
    async def connect(cls, address: str, on_message: Callable[[Any], None], on_lost: Callable[[str], None]) -> "Wire":
        """An authenticated connection; Hello is not yet said. Raises OSError or BusError."""
        loop = asyncio.get_running_loop()
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        sock.setblocking(False)
        try:
            await loop.sock_connect(sock, socket_name(address))
            await _authenticate(loop, sock)
        except BaseException:
            sock.close()
            raise
        return cls(sock, on_message, on_lost)

    def next_serial(self) -> int:
        self._serial = self._serial % 0xFFFF_FFFF + 1
        return self._serial

    def send(self, message: Any) -> None:
        """The message is on its way or in the backlog; on a lost connection it is dropped.

        Raises dbus-next's errors when the body does not fit the signature.
        """
        if not message.serial:
            message.serial = self.next_serial()
        data = memoryview(message._marshall())
        if not self.open:
            return
        if self._unsent_bytes + len(data) > LARGEST_BACKLOG:
            self._lose("the bus does not read what we send")
            return
        self._unsent.append(data)
        self._unsent_bytes += len(data)
        if len(self._unsent) == 1:
            self._write()

    def close(self) -> None:
        """The connection is gone; `on_lost` is not called."""
        if not self.open:
            return
        self.open = False
        self._loop.remove_reader(self._socket)
        self._loop.remove_writer(self._socket)
        self._socket.close()

    def _lose(self, why: str) -> None:
        if self.open:
            self.close()
            self._on_lost(why)

    def _write(self) -> None:
        """Sends until nothing is left or the socket is full (EAGAIN is no error: it waits for room)."""
        while self._unsent:
            try:
                sent = self._socket.send(self._unsent[0])
            except BlockingIOError:
                self._loop.add_writer(self._socket, self._write)
                return
            except OSError as error:
                self._lose(f"sending failed: {error.strerror}")
                return
            self._unsent_bytes -= sent
            if sent == len(self._unsent[0]):
                self._unsent.popleft()
            else:
                self._unsent[0] = self._unsent[0][sent:]
        self._loop.remove_writer(self._socket)

    def _read_on(self) -> None:
        if self.open and not self._reading:
            self._reading = True
            self._loop.add_reader(self._socket, self._read)

    def _read(self) -> None:
        try:
            data = self._socket.recv(65536)
        except BlockingIOError:
            return
        except OSError as error:
            self._lose(f"receiving failed: {error.strerror}")
            return
        if not data:
            self._lose("the bus closed the connection")
            return
        self._received += data
        self._deliver()

    def _deliver(self) -> None:
        """Hands on at most BATCH messages; with more at hand the socket rests until the loop's next turn."""
        try:
            for _ in range(BATCH):
                message = self._take_message()
                if message is None:
                    self._read_on()
                    return
                self._on_message(message)
            self._pause()
        except _NotDBusError as error:
            self._lose(str(error))
        except BaseException:
            self._pause()  # the handler's exception goes to the loop; the messages behind it are not lost
            raise

    def _pause(self) -> None:
        if not self.open:
            return
        if self._reading:
            self._reading = False
            self._loop.remove_reader(self._socket)
        self._loop.call_soon(self._deliver)

    def _take_message(self) -> Any:
        """The next whole message, or None; one that dbus-next cannot read is skipped."""
        while self.open and len(self._received) >= _FIXED_HEADER:
            size = message_size(self._received)
            if size > LARGEST_MESSAGE:
                raise _NotDBusError(f"a message of {size} bytes")
            if len(self._received) < size:
                return None
            data = bytes(self._received[:size])
            del self._received[:size]
            try:
                message = _unmarshaller(io.BytesIO(data)).unmarshall()
            except Exception:  # whatever the library stumbles over in a stranger's message
                message = None
            if message is not None:
                return message
            self.skipped += 1
        return None


class _NotDBusError(Exception):
    """The stream is not D-Bus (any more)."""


def message_size(data: bytes | bytearray) -> int:
    """Bytes of the message that begins with `data` (D-Bus specification, "Message Format")."""
    order = {ord("l"): "<", ord("B"): ">"}.get(data[0])
    if order is None:
        raise _NotDBusError("bytes that are no D-Bus message")
    body, _, fields = struct.unpack_from(order + "III", data, 4)
    return int(_FIXED_HEADER + (fields + 7) // 8 * 8 + body)


def socket_name(address: str) -> str:
    """The name to connect to for a D-Bus address such as unix:path=/run/dbus/system_bus_socket."""
    for one in address.split(";"):
        transport, _, rest = one.partition(":")
        options = dict(option.partition("=")[::2] for option in rest.split(","))
        if transport == "unix" and "path" in options:
            return unquote(options["path"])
        if transport == "unix" and "abstract" in options:
            return "\0" + unquote(options["abstract"])
    raise BusError(ErrorName.BUS_LOST, f"The bus address {address!r} names no unix socket.")


async def _authenticate(loop: asyncio.AbstractEventLoop, sock: socket.socket) -> None:
    """EXTERNAL: the kernel tells the bus who we are (D-Bus specification, "Authentication Protocol")."""
    identity = str(os.geteuid()).encode().hex()
    await loop.sock_sendall(sock, b"\0AUTH EXTERNAL " + identity.encode() + b"\r\n")
    answer = b""
    while not answer.endswith(b"\r\n"):
        data = await loop.sock_recv(sock, 512)
        if not data or len(answer) > 4096:
            raise BusError(ErrorName.BUS_LOST, "The bus closed the connection while we said who we are.")
        answer += data
    if not answer.startswith(b"OK "):
        raise BusError(ErrorName.BUS_LOST, "The bus does not accept us.")
    await loop.sock_sendall(sock, b"BEGIN\r\n")


def make_call(destination: str, path: str, interface: str, member: str, signature: str, body: list[Any]) -> Any:
    """A method call message."""
    return Message(
        destination=destination,
        path=path,
        interface=interface,
        member=member,
        signature=signature,
        body=body,
    )
