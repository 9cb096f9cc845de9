"""quorumd's end of the socket on which resourced says what feeding the watchdog depends on."""

import os
import socket
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

from standfast.quorumd.feeding import Heard
from standfast.watchdog.messages import LONGEST, Arm, Armed, MessageError, Tell, decode, encode

MOST_AT_ONCE: Final = 64  # messages: feeding comes between
_PEER: Final = struct.Struct("3i")  # struct ucred: pid, uid, gid


class Ear:
    """One resourced at a time; what one said that is gone does not count.

    Nothing here waits. `complain` gets a sentence about each one that is turned away.
    """

    def __init__(self, path: Path, owner: int, clock: Callable[[], int], complain: Callable[[str], None]) -> None:
        self.heard: Heard | None = None
        self._path, self._owner, self._clock, self._complain = path, owner, clock, complain
        self._number = 0  # of the last Arm of this client
        self._told: Armed | None = None  # what this client knows
        self._serial = 0  # of the last Armed
        self._listener = _listen(path)
        self._client: socket.socket | None = None

    def sources(self) -> tuple[int, ...]:
        """What to wait for: descriptors to be given to `on_ready` when they can be read."""
        client = (self._client.fileno(),) if self._client else ()
        return (self._listener.fileno(), *client)

    def on_ready(self, ready: set[int]) -> bool:
        """Everything that came was read, in its order, before the end of who said it; True: an Arm was among it."""
        asked = self._client is not None and self._client.fileno() in ready and self._read(self._client)
        if self._listener.fileno() in ready:
            self._accept()
        return asked

    def answer(self, timeout_ms: int, wanted_ms: int, refusal: str) -> None:
        """The client knows how it stands; nothing is sent that it knows already."""
        armed = Armed(
            number=self._number, timeout_ms=timeout_ms, wanted_ms=wanted_ms, serial=self._serial, refusal=refusal
        )
        if self._client is None or armed == self._told:
            return
        self._serial += 1  # what the record names is believed again when it is said after this
        armed = replace(armed, serial=self._serial)
        if self.heard is not None:
            self.heard = replace(self.heard, tell=replace(self.heard.tell, stored_ms=0))
        try:
            self._client.send(encode(armed))
        except BlockingIOError:
            return  # it does not read: told again later
        except OSError:
            return  # it is gone, which reading will tell
        self._told = armed

    def close(self) -> None:
        """Nobody is heard any more."""
        self._drop()
        self._listener.close()

    def _accept(self) -> None:
        """The newest one counts: systemd ended the resourced before it."""
        try:
            client, _ = self._listener.accept()
        except OSError:
            return
        client.setblocking(False)
        _, user, _ = _PEER.unpack(client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size))
        if user != self._owner:
            client.close()
            self._complain(f"A process of user {user} was turned away from {self._path}: only resourced speaks there")
            return
        self._drop()
        self._client = client

    def _drop(self) -> None:
        if self._client:
            self._client.close()
        self._client = self.heard = self._told = None
        self._number = 0

    def _read(self, client: socket.socket) -> bool:
        asked = False
        for _ in range(MOST_AT_ONCE):
            try:
                data = client.recv(LONGEST + 1)
            except BlockingIOError:
                return asked
            except OSError:
                data = b""  # it is gone
            try:
                message = decode(data) if data else None
            except MessageError as error:
                self._complain(f"{error}: its sender was turned away from {self._path}")
                message = None
            if not isinstance(message, Arm | Tell):
                self._drop()
                return asked
            asked = self._take(message) or asked
        return asked

    def _take(self, message: Arm | Tell) -> bool:
        now = self._clock()
        if isinstance(message, Tell):
            believed = message if message.serial == self._serial else replace(message, stored_ms=0)
            self.heard = Heard(tell=believed, at_ms=now)
            return False
        before = self.heard or Heard(tell=Tell(holding=True, echoed_until_ms=None), at_ms=now)
        self.heard = replace(before, tell=replace(before.tell, holding=True))
        self._number = message.number
        return True


def _listen(path: Path) -> socket.socket:
    """A socket that only its owner can connect to."""
    path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_CLOEXEC)
    os.fchmod(listener.fileno(), 0o600)  # before bind(2), so that the file never has another mode
    listener.bind(str(path))
    listener.listen(4)
    listener.setblocking(False)
    return listener
