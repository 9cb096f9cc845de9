"""Who calls, and how much of us a caller who is not root may use."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from standfast.bus.client import Bus
from standfast.bus.errors import BusError, ErrorName

OPEN_CALLS: Final = 4  # of one user, waiting ones included
CALLS_PER_SECOND: Final = 50
OPEN_CALLS_OF_ROOT: Final = 256
LOOKUPS: Final = 32  # questions to the bus under way; with client.CALLS_IN_FLIGHT below dbus-daemon's 128
WAITING_FOR_LOOKUP: Final = 64  # messages of one sender
REMEMBERED: Final = 1024


@dataclass(slots=True)
class _Account:
    """One user's use of this service; `ready_at` runs ahead of now by what was used beyond the rate."""

    open: int = 0
    ready_at: float = 0.0


class Callers:
    """Admits messages: `admitted(message, uid)` is called at once, or later for who asks too fast."""

    def __init__(
        self,
        bus: Bus,
        admitted: Callable[[Any, int], None],
        refused: Callable[[Any, BusError], None],
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._bus = bus
        self._admitted = admitted
        self._refused = refused
        self._now = now
        # unique names are never given twice in the life of a bus (D-Bus specification): none has to be dropped
        self._uids: OrderedDict[str, int] = OrderedDict()
        self._accounts: OrderedDict[int, _Account] = OrderedDict()
        self._waiting: dict[str, list[Any]] = {}
        self._lookups: set[asyncio.Task[None]] = set()

    def admit(self, message: Any) -> None:
        """`admitted` or `refused` is called for the message, in the order of the sender's messages."""
        uid = self._uids.get(message.sender)
        if uid is not None:
            self._account(message, uid)
            return
        waiting = self._waiting.get(message.sender)
        if waiting is not None and len(waiting) < WAITING_FOR_LOOKUP:
            waiting.append(message)
        elif waiting is None and len(self._waiting) < LOOKUPS:
            self._waiting[message.sender] = [message]
            task = asyncio.get_running_loop().create_task(self._look_up(message.sender))
            self._lookups.add(task)
            task.add_done_callback(self._lookups.discard)
        else:
            self._refused(message, _too_many("Too many callers at once: try again."))

    def finished(self, uid: int) -> None:
        """A call that was admitted has its answer."""
        self._accounts[uid].open -= 1

    def close(self) -> None:
        for task in self._lookups:
            task.cancel()

    async def _look_up(self, sender: str) -> None:
        try:
            uid = await self._bus.uid_of(sender)
        except BusError as error:
            for message in self._waiting.pop(sender):
                self._refused(message, error)
            return
        self._uids[sender] = uid
        if len(self._uids) > REMEMBERED:
            self._uids.popitem(last=False)
        for message in self._waiting.pop(sender):
            self._account(message, uid)

    def _account(self, message: Any, uid: int) -> None:
        account = self._accounts.setdefault(uid, _Account())
        self._accounts.move_to_end(uid)
        if len(self._accounts) > REMEMBERED:
            self._forget_an_idle_account()
        if account.open >= (OPEN_CALLS if uid else OPEN_CALLS_OF_ROOT):
            self._refused(message, _too_many("Too many calls at once: wait for answers."))
            return
        account.open += 1
        wait_s = self._wait_s(account) if uid else 0.0
        if wait_s <= 0:
            self._admitted(message, uid)
        else:
            asyncio.get_running_loop().call_later(wait_s, self._admitted, message, uid)

    def _wait_s(self, account: _Account) -> float:
        """Seconds until this call may be answered: a second's worth of calls is free, then they are spread."""
        now = self._now()
        account.ready_at = max(account.ready_at, now - 1.0) + 1.0 / CALLS_PER_SECOND
        return account.ready_at - now

    def _forget_an_idle_account(self) -> None:
        idle = next((uid for uid, account in self._accounts.items() if account.open == 0), None)
        if idle is not None:
            del self._accounts[idle]


def _too_many(text: str) -> BusError:
    return BusError(ErrorName.TOO_MANY_CALLS, text)
