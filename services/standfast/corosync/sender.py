"""A daemon's mouth in a group: what Corosync does not take now waits, in its order."""

import asyncio
from collections import deque
from collections.abc import Callable

from standfast.corosync.common import CorosyncError
from standfast.corosync.network import GroupHandle

RETRY_S = 0.002
LONGEST_QUEUE = 10_000


class Sender:
    """Sends in order; what Corosync does not take now is tried again."""

    def __init__(self, loop: asyncio.AbstractEventLoop, lost: Callable[[], None]) -> None:
        self._loop = loop
        self._lost = lost
        self._waiting: deque[bytes] = deque()
        self.handle: GroupHandle | None = None

    def send(self, data: bytes) -> None:
        if self.handle is None:
            return
        assert len(self._waiting) < LONGEST_QUEUE, "Corosync takes no messages: the queue is full"
        self._waiting.append(data)
        if len(self._waiting) == 1:
            self._flush()

    def close(self) -> None:
        self._waiting.clear()
        if self.handle is not None:
            self.handle.close()
            self.handle = None

    def _flush(self) -> None:
        try:
            while self._waiting and self.handle is not None:
                if not self.handle.try_send(self._waiting[0]):
                    self._loop.call_later(RETRY_S, self._flush)
                    return
                self._waiting.popleft()
        except CorosyncError:
            self._loop.call_soon(self._lost)
