"""One connection to a message bus: whole messages in and out, never blocking, never hogging the loop.

Anyone on the bus may send us as much as the bus carries. What nobody here wants is passed over unread, for a few
microseconds each, so that our own replies and root's calls do not wait behind it.
"""

import asyncio
import io
import os
import socket
import struct
from collections import deque
from collections.abc import Callable
from typing import Any, Final, Protocol
from urllib.parse import unquote

from standfast.bus.errors import BusError, ErrorName
from standfast.bus.library import Message, MessageType, Unmarshaller

BATCH: Final = 32  # messages handled in one turn of the loop: CPG, ticks and the watchdog come between
PASSED_OVER: Final = 512  # … and passed over
READ_AT_ONCE: Final = 4096  # bytes; of a larger call only the header is read at first
LARGEST_HEADER: Final = 8192  # bytes; honest ones have some hundreds
LARGEST_MESSAGE: Final = 32 * 1024 * 1024  # what dbus-daemon's system bus lets through
LARGEST_BACKLOG: Final = 64 * 1024 * 1024  # bytes not yet sent; a bus that lets it grow so far is lost
_FIXED_HEADER: Final = 16  # byte order, type, flags, version, body length, serial, length of the header's fields
_SENDER_FIELD: Final = b"\x07\x01s\0"  # its number, and its type as a signature; the bus itself writes its value
_PATH_FIELD: Final = b"\x01\x01o\0"
_REPLY_FIELD: Final = b"\x05\x01u\0"
_CALL: Final = MessageType.METHOD_CALL.value
_SIGNAL: Final = MessageType.SIGNAL.value
_REPLIES: Final = (MessageType.METHOD_RETURN.value, MessageType.ERROR.value)

_unmarshaller: Any = Unmarshaller  # untyped, as all of dbus-next's inside


class Ears(Protocol):
    """Who listens to a connection."""

    def hears(self, sender: str, path: str) -> bool:
        """This signal from that object is to be read; "": from an object that cannot be told at a glance.

        Replies always are: the bus carries those alone that were asked for.
        """

    def on_message(self, message: Any) -> None:
        """A reply or a signal."""

    def on_call(self, sender: str, data: bytes) -> bool:
        """A call, not yet read (see read_message); false: it was passed over, at next to no cost."""

    def on_lost(self, why: str) -> None:
        """The bus ended the connection; told once."""


class Wire:
    """Hands what comes to `ears` in order, until the bus ends the connection."""

    def __init__(self, sock: socket.socket, ears: Ears) -> None:
        self._socket = sock
        self._ears = ears
        self._loop = asyncio.get_running_loop()
        self._received = bytearray()
        self._at = 0  # where in it the next message begins
        self._unsent: deque[memoryview] = deque()
        self.backlog = 0  # bytes not yet sent
        self._serial = 0
        self._questions: dict[int, Callable[[int | None], None]] = {}
        self._reading = False
        self.skipped = 0  # replies and signals that dbus-next could not read
        self.open = True
        self._read_on()

    @classmethod
    async def connect(cls, address: str, ears: Ears) -> "Wire":
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
        return cls(sock, ears)

    def next_serial(self) -> int:
        self._serial = self._serial % 0xFFFF_FFFF + 1
        return self._serial

    def ask_user(self, name: str, answered: Callable[[int | None], None]) -> None:
        """`answered` gets the user id behind a unique name, None when it is gone; nothing when the bus is lost.

        Made and read by hand: in a flood of new connections dbus-next's half a millisecond for each is too much.
        """
        serial = self.next_serial()
        self._questions[serial] = answered
        self._send(user_question(name, serial))

    def send(self, message: Any) -> None:
        """The message is on its way or in the backlog; on a lost connection it is dropped.

        Raises dbus-next's errors when the body does not fit the signature.
        """
        if not message.serial:
            message.serial = self.next_serial()
        self._send(message._marshall())

    def _send(self, marshalled: bytes | bytearray) -> None:
        if not self.open:
            return
        data = memoryview(marshalled)
        if self.backlog + len(data) > LARGEST_BACKLOG:
            self._lose("the bus does not read what we send")
            return
        self._unsent.append(data)
        self.backlog += len(data)
        if len(self._unsent) == 1:
            self._write()

    def close(self) -> None:
        """The connection is gone; `ears` is not told."""
        if not self.open:
            return
        self.open = False
        self._loop.remove_reader(self._socket)
        self._loop.remove_writer(self._socket)
        self._socket.close()

    def _lose(self, why: str) -> None:
        if self.open:
            self.close()
            self._ears.on_lost(why)

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
            self.backlog -= sent
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
        del self._received[: self._at]
        self._at = 0
        self._received += data
        self._deliver()

    def _deliver(self) -> None:
        """Hands on at most BATCH messages; with more at hand the socket rests until the loop's next turn."""
        handled = passed_over = 0
        try:
            while handled < BATCH and passed_over < PASSED_OVER:
                if not self._whole():
                    self._read_on()
                    return
                if self._take():
                    handled += 1
                else:
                    passed_over += 1
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

    def _whole(self) -> bool:
        """A whole message is there."""
        there = len(self._received) - self._at
        if not self.open or there < _FIXED_HEADER:
            return False
        _, size = message_size(self._received, self._at)
        if size > LARGEST_MESSAGE:
            raise _NotDBusError(f"a message of {size} bytes")
        return there >= size

    def _take(self) -> bool:
        """The next message is dealt with; false: it was passed over."""
        start = self._at
        header, size = message_size(self._received, start)
        self._at += size
        if header > LARGEST_HEADER:
            return False
        kind = self._received[start + 1]
        fields = start + _FIXED_HEADER, start + header, self._received[start]
        sender = sender_of(self._received, *fields)
        if kind == _CALL:
            return self._ears.on_call(sender, bytes(self._received[start : self._at])) if sender else False
        if kind == _SIGNAL and not self._ears.hears(sender, path_of(self._received, *fields)):
            return False
        if kind not in (*_REPLIES, _SIGNAL):
            return False
        data = bytes(self._received[start : self._at])
        if self._questions and kind in _REPLIES:
            answered = self._questions.pop(reply_serial_of(data, header), None)
            if answered is not None:
                answered(user_answer(data, header))
                return False  # it cost next to nothing
        message = read_message(data)
        if message is None:
            self.skipped += 1
        else:
            self._ears.on_message(message)
        return True


def read_message(data: bytes) -> Any:
    """The message, None when dbus-next cannot read it. A large call has no body yet: see read_body."""
    unread = data if data[1] == _CALL and len(data) > READ_AT_ONCE else None
    if unread is not None:
        header, _ = message_size(data)
        data = data[:4] + bytes(4) + data[8:header]  # a body of no bytes
    try:
        message: Any = _unmarshaller(io.BytesIO(data)).unmarshall()
    except Exception:  # whatever the library stumbles over in a stranger's message
        return None
    if message is not None:
        message.unread = unread
    return message


def read_body(message: Any) -> list[Any] | None:
    """The arguments of a call, those of a large one read now; None when dbus-next cannot read them."""
    if message.unread is None:
        return list(message.body)
    try:
        return list(_unmarshaller(io.BytesIO(message.unread)).unmarshall().body)
    except Exception:  # as above
        return None


def sender_of(data: bytes | bytearray, start: int, end: int, order: int) -> str:
    """The sender in the header's fields; "" if it cannot be told at a glance, which no honest message brings about.

    The bus writes the sender. A field of no known number may hold anything, also what looks like a second one; Debian
    12's dbus-daemon takes such fields out, others hand them on.
    """
    return _field(data, _SENDER_FIELD, start, end, order)


def path_of(data: bytes | bytearray, start: int, end: int, order: int) -> str:
    """The object in the header's fields, which its sender wrote; "" if it cannot be told at a glance."""
    return _field(data, _PATH_FIELD, start, end, order)


def _field(data: bytes | bytearray, mark: bytes, start: int, end: int, order: int) -> str:
    at = data.find(mark, start, end)
    if at < 0 or data.find(mark, at + 1, end) >= 0:
        return ""
    (length,) = struct.unpack_from("<I" if order == ord("l") else ">I", data, at + 4)
    return data[at + 8 : min(at + 8 + length, end)].decode("ascii", "replace")


class _NotDBusError(Exception):
    """The stream is not D-Bus (any more)."""


def user_question(name: str, serial: int) -> bytes:
    """The call of GetConnectionUnixUser as it goes to the bus."""
    body = struct.pack("<I", len(name)) + name.encode() + b"\0"
    header = bytearray(_USER_QUESTION)
    struct.pack_into("<II", header, 4, len(body), serial)
    return bytes(header) + body


def user_answer(reply: bytes, header: int) -> int | None:
    """The user id in the bus's reply, None in an error."""
    if reply[1] != MessageType.METHOD_RETURN.value or len(reply) != header + 4:
        return None
    (uid,) = struct.unpack_from("<I" if reply[0] == ord("l") else ">I", reply, header)
    return int(uid)


def reply_serial_of(reply: bytes, header: int) -> int:
    """The number of the call that it answers."""
    at = reply.find(_REPLY_FIELD, _FIXED_HEADER, header)
    if at < 0:
        return 0
    (serial,) = struct.unpack_from("<I" if reply[0] == ord("l") else ">I", reply, at + 4)
    return int(serial)


def message_size(data: bytes | bytearray, at: int = 0) -> tuple[int, int]:
    """Bytes of the header and of the whole message that begins there (D-Bus specification, "Message Format")."""
    order = {ord("l"): "<", ord("B"): ">"}.get(data[at])
    if order is None:
        raise _NotDBusError("bytes that are no D-Bus message")
    body, _, fields = struct.unpack_from(order + "III", data, at + 4)
    header = _FIXED_HEADER + (fields + 7) // 8 * 8
    return header, header + body


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


def _question_header() -> bytes:
    driver, path = "org.freedesktop.DBus", "/org/freedesktop/DBus"
    message = make_call(driver, path, driver, "GetConnectionUnixUser", "s", [""])
    data = bytes(message._marshall())
    return data[: message_size(data)[0]]


_USER_QUESTION: Final = _question_header()
