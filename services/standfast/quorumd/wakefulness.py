"""While anything is held here this machine is not put to sleep: a sleeping node is a lost node that has its groups.

logind's inhibitor lock (https://systemd.io/INHIBITOR_LOCKS): it lasts as long as the descriptor is open. A bus that is
away changes nothing else; it is tried again.
"""

import asyncio
import os
from typing import Final

from standfast import journal
from standfast.bus import BusError, call_for_descriptor
from standfast.journal import Event, Level

TRY_AGAIN_S: Final = 10.0
_MANAGER: Final = ("org.freedesktop.login1", "/org/freedesktop/login1", "org.freedesktop.login1.Manager")
_WHY: Final = "Groups of the cluster are held here"


class Wakefulness:
    """`want` may be called at any time; `run` does it and ends only by cancellation."""

    def __init__(self, *, try_again_s: float = TRY_AGAIN_S) -> None:
        self._try_again_s = try_again_s
        self._wanted = False
        self._changed = asyncio.Event()
        self._lock: int | None = None
        self._told = False

    def want(self, awake: bool) -> None:
        """From now on this machine is (not) to be kept from sleeping."""
        if awake != self._wanted:
            self._wanted = awake
            self._changed.set()

    async def run(self) -> None:
        try:
            while True:
                self._changed.clear()
                if not self._wanted:
                    self._release()
                elif self._lock is None:
                    await self._take()
                await self._pause()
        finally:
            self._release()

    async def _pause(self) -> None:
        missing = self._wanted and self._lock is None
        try:
            async with asyncio.timeout(self._try_again_s if missing else None):
                await self._changed.wait()
        except TimeoutError:
            return

    async def _take(self) -> None:
        try:
            arguments = ("sleep", "Standfast", _WHY, "block")
            self._lock = await call_for_descriptor(*_MANAGER, "Inhibit", "ssss", *arguments)
        except BusError as error:
            if not self._told:
                self._told = True
                text = f"This machine can be put to sleep although groups are held here: {error.text}"
                journal.write(Event.SLEEP_POSSIBLE, Level.WARNING, text)
        else:
            self._told = False

    def _release(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None
