"""resourced's end of the socket on which quorumd hears what feeding the watchdog depends on.

Nothing here waits for quorumd but `arm`: a quorumd that is away or hangs changes nothing else in this daemon.
"""

import asyncio
import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

from standfast.watchdog.messages import LONGEST, SOCKET, Arm, Armed, Message, MessageError, Tell, decode, encode

ARM_TIMEOUT_S: Final = 5.0
RECONNECT_S: Final = 0.2
SELDOM_S: Final = 10.0  # without a watchdog quorumd hears just what is held, when that changes and now and then


class NotArmed(Exception):  # noqa: N818 - what is so, not what went wrong
    """The watchdog is not armed although the configuration wants it; one sentence that says why and what to do."""

    def __init__(self, text: str, *, told: bool = False) -> None:
        super().__init__(text)
        self.told = told  # quorumd said it, in the journal too


class Feeder:
    """Connects for as long as `run` does; `on_armed` gets how it stands, first of each connection and when it changes.

    How it stands is stored in the record before anything is held here: arm(), the record, then held. What the record
    is to name is max(timeout_ms, wanted_ms) of the last Armed: a longer timeout is set only when `tell` says that the
    record names it, a shorter one was set before it is said here.
    """

    def __init__(self, on_armed: Callable[[Armed], None], path: Path = Path(SOCKET)) -> None:
        self._on_armed = on_armed
        self._path = path
        self._loop = asyncio.get_running_loop()
        self._socket: socket.socket | None = None
        self._closed = asyncio.Event()
        self._last: Tell | None = None
        self._told_at = 0.0  # when that was sent, or one before it; seconds of the loop's clock
        self._feeds = True  # quorumd has a watchdog, or wants one, as far as is known
        self._number = 0
        self._serial = 0  # of the last Armed of this connection
        self._waiting: asyncio.Future[Armed] | None = None

    async def run(self) -> None:
        """Ends only by cancellation."""
        try:
            while True:
                self._closed.clear()
                if self._connect():
                    await self._closed.wait()
                await asyncio.sleep(RECONNECT_S)
        finally:
            self._close()

    async def arm(self) -> int:
        """The watchdog is armed, and counts this node as one that holds something from now on; its timeout in ms.

        0: the configuration wants none. Raises NotArmed when it cannot be used or quorumd does not answer in time.
        Call it each time before the first group is held; then `tell` with holding=True until nothing is.
        """
        if self._waiting is None:
            self._waiting = self._loop.create_future()
            self._number += 1
            self._feeds = True  # it may be armed before it says so, and is fed by what is said
            self._send(Arm(number=self._number))
        try:
            async with asyncio.timeout(ARM_TIMEOUT_S):
                armed = await asyncio.shield(self._waiting)
        except TimeoutError:
            self._waiting = None
            text = "quorumd does not say whether the watchdog is armed: systemctl status standfast-quorumd"
            raise NotArmed(text) from None
        if armed.refusal:
            raise NotArmed(armed.refusal, told=True)
        return armed.timeout_ms

    def tell(self, *, holding: bool, echoed_until_ms: int | None, stored_ms: int = 0) -> None:
        """quorumd knows this, or will when it is back: say it with each tick, and at once when something changes.

        `holding`: something is held, or may begin to be (from arm() on). `echoed_until_ms`: CLOCK_BOOTTIME up to which
        this node's tick is echoed: when the newest tick was sent that a quorum echoed, plus TickMax; None: it is not.
        `stored_ms`: the shortest timeout that the record names for this node, or will when updates that are on their
        way have come, with those that the last `on_armed` leads to; 0: none.
        """
        before = self._last
        self._last = Tell(holding=holding, echoed_until_ms=echoed_until_ms, stored_ms=stored_ms, serial=self._serial)
        same = before is not None and (before.holding, before.stored_ms) == (holding, stored_ms)
        if self._feeds or not same or self._loop.time() - self._told_at >= SELDOM_S:
            self._say(self._last)

    def _say(self, told: Tell) -> None:
        self._told_at = self._loop.time()
        self._send(told)

    def _connect(self) -> bool:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_CLOEXEC)
        connection.setblocking(False)
        try:
            connection.connect(str(self._path))
        except OSError:  # it is away, or has no time to accept
            connection.close()
            return False
        self._socket = connection
        self._loop.add_reader(connection, self._read)
        self._serial, self._feeds = 0, True
        if self._last is not None:
            self._say(replace(self._last, serial=0))
        if self._waiting is not None:
            self._send(Arm(number=self._number))
        return True

    def _send(self, message: Message) -> None:
        """On its way; dropped while nobody is connected (said again then) or quorumd reads nothing (the next comes)."""
        if self._socket is None:
            return
        try:
            self._socket.send(encode(message))
        except BlockingIOError:
            return
        except OSError:
            self._close()

    def _read(self) -> None:
        assert self._socket is not None
        try:
            data = self._socket.recv(LONGEST + 1)
            armed = decode(data) if data else None
        except BlockingIOError:
            return
        except (OSError, MessageError):
            armed = None
        if not isinstance(armed, Armed):
            self._close()
            return
        self._serial = armed.serial
        fed, self._feeds = self._feeds, bool(armed.timeout_ms or armed.wanted_ms)
        if self._feeds and not fed and self._last is not None:
            self._say(replace(self._last, serial=0))  # it is newer than what was said
        if self._waiting is not None and armed.number == self._number and not self._waiting.done():
            if armed.timeout_ms:  # what a quorumd that starts anew is told first
                last = self._last or Tell(holding=True, echoed_until_ms=None)
                self._last = replace(last, holding=True)
            self._waiting.set_result(armed)
            self._waiting = None
        self._on_armed(armed)

    def _close(self) -> None:
        if self._socket is not None:
            self._loop.remove_reader(self._socket)
            self._socket.close()
            self._socket = None
        self._closed.set()
