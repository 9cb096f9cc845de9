"""Who calls, and how much of us a caller who is not root may use."""

import asyncio
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from standfast.bus.client import Bus
from standfast.bus.errors import BusError, ErrorName
from standfast.bus.wire import read_message

OPEN_CALLS: Final = 4  # of one user, waiting ones included
CALLS_PER_SECOND: Final = 50
OPEN_CALLS_OF_ROOT: Final = 256
REFUSALS_PER_SECOND: Final = 20  # of one user are answered; what comes on top of them is not even read
LARGEST_CALL: Final = 1 << 20  # bytes; root may send what the bus carries
COUNTS_AS_ONE: Final = 4096  # bytes; a larger call counts as several
LOOKUPS: Final = 32  # questions to the bus under way; with client.CALLS_IN_FLIGHT and rights.QUESTIONS below 128
STRANGERS: Final = 1024  # senders that wait for a lookup
WAITING_FOR_LOOKUP: Final = 64  # calls of one sender
WAITING_BYTES: Final = 64 << 20  # of all of them
REMEMBERED: Final = 4096


@dataclass(slots=True)
class _Account:
    """One user's use of this service; the times run ahead of now by what was used beyond the rate."""

    open: int = 0
    ready_at: float = 0.0
    refused_until: float = 0.0


class Callers:
    """Admits calls: `admitted(message, uid)` is called at once, or later for who asks too fast."""

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
        self._muted: OrderedDict[str, None] = OrderedDict()  # who sent what cannot be read: that costs most
        self._accounts: OrderedDict[int, _Account] = OrderedDict()
        self._waiting: dict[str, list[bytes]] = {}
        self._waiting_bytes = 0
        self._strangers: deque[str] = deque()  # of those that wait: whom the bus was not asked for yet
        self._asked = 0

    def take(self, sender: str, data: bytes) -> bool:
        """`admitted` or `refused` is called for the call, in the order of the sender's calls.

        False: it was passed over unread, for whoever floods us gets no answer.
        """
        uid = self._uids.get(sender)
        if uid is None:
            return self._keep(sender, data)
        return self._judge(sender, data, uid)

    def finished(self, uid: int) -> None:
        """A call that was admitted has its answer."""
        self._accounts[uid].open -= 1

    def _keep(self, sender: str, data: bytes) -> bool:
        """It waits, unread, until the bus told whose it is. That costs no more than to pass it over: false."""
        waiting = self._waiting.get(sender)
        room = len(self._waiting) < STRANGERS if waiting is None else len(waiting) < WAITING_FOR_LOOKUP
        if not room or self._waiting_bytes + len(data) > WAITING_BYTES:
            return False
        self._waiting_bytes += len(data)
        if waiting is not None:
            waiting.append(data)
            return False
        self._waiting[sender] = [data]
        self._strangers.append(sender)
        self._ask_more()
        return False

    def _ask_more(self) -> None:
        while self._strangers and self._asked < LOOKUPS:
            self._asked += 1
            sender = self._strangers.popleft()
            self._bus.ask_user(sender, partial(self._told, sender))

    def _told(self, sender: str, uid: int | None) -> None:
        """The bus said who the sender is; None: it is gone, and nobody waits for an answer."""
        self._asked -= 1
        self._ask_more()
        waiting = self._waiting.pop(sender)
        self._waiting_bytes -= sum(len(data) for data in waiting)
        if uid is None:
            return
        self._uids[sender] = uid
        if len(self._uids) > REMEMBERED:
            self._uids.popitem(last=False)
        for data in waiting:
            self._judge(sender, data, uid)

    def _judge(self, sender: str, data: bytes, uid: int) -> bool:
        """What `take` says, of a user that is known."""
        account = self._accounts.setdefault(uid, _Account())
        self._accounts.move_to_end(uid)
        if len(self._accounts) > REMEMBERED:
            self._forget_an_idle_account()
        why_not = ""
        if account.open >= (OPEN_CALLS if uid else OPEN_CALLS_OF_ROOT):
            why_not = "Too many calls at once: wait for answers."
        elif uid and len(data) > LARGEST_CALL:
            why_not = f"Only root may send more than {LARGEST_CALL} bytes in a call."
        if sender in self._muted or (uid and why_not and account.refused_until > self._now()):
            return False
        message = read_message(data)
        if message is None:
            self._mute(sender)
        elif why_not:
            self._refuse(account, message, why_not)
        else:
            self._admit(account, message, uid, 1 + len(data) // COUNTS_AS_ONE)
        return True

    def _admit(self, account: _Account, message: Any, uid: int, calls: int) -> None:
        account.open += 1
        wait_s = self._wait_s(account, calls) if uid else 0.0
        if wait_s <= 0:
            self._admitted(message, uid)
        else:
            asyncio.get_running_loop().call_later(wait_s, self._admitted, message, uid)

    def _refuse(self, account: _Account, message: Any, text: str) -> None:
        """A second's worth of refusals is answered at once, then they are spread."""
        account.refused_until = max(account.refused_until, self._now() - 1.0) + 1.0 / REFUSALS_PER_SECOND
        self._refused(message, BusError(ErrorName.TOO_MANY_CALLS, text))

    def _mute(self, sender: str) -> None:
        self._muted[sender] = None
        if len(self._muted) > REMEMBERED:
            self._muted.popitem(last=False)

    def _wait_s(self, account: _Account, calls: int) -> float:
        """Seconds until these calls may be answered: a second's worth of calls is free, then they are spread."""
        now = self._now()
        account.ready_at = max(account.ready_at, now - 1.0) + calls / CALLS_PER_SECOND
        return account.ready_at - now

    def _forget_an_idle_account(self) -> None:
        idle = next((uid for uid, account in self._accounts.items() if account.open == 0), None)
        if idle is not None:
            del self._accounts[idle]
