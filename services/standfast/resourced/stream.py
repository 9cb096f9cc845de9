"""The core's ears and mouth in Corosync: the record's group, the tick's group and votequorum's word.

One thin reader: what Corosync brings is handed on at once, in its order. What cannot be sent now waits in a bounded
queue. When Corosync goes, everything is closed and opened again, for ever.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping

from standfast.corosync.common import CorosyncError
from standfast.corosync.cpg import Member
from standfast.corosync.network import GroupHandle, Network, VoteHandle
from standfast.resourced.events import Event, GroupChanged, NetworkDown, QuorumTold, Received, RingChanged, TickReceived
from standfast.vocabulary import Ring

REOPEN_S = 0.1
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


class Stream:
    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        network: Network,
        names: Callable[[], Mapping[int, str]],
        push: Callable[[Event], None],
    ) -> None:
        """`names`: id and name of every configured node; `push` takes what Corosync brings."""
        self._loop = loop
        self._network = network
        self._names = names
        self._push = push
        self._record = Sender(loop, self._lost)
        self._ticks = Sender(loop, self._lost)
        self._votes: VoteHandle | None = None
        self._wanted = False  # to be in the record's group
        self._open = False

    def open(self) -> None:
        """Listen to votequorum and ticks, now or as soon as Corosync runs; join the record's group when asked."""
        try:
            self._votes = self._network.votes(self._loop, self._quorum, self._lost)
            self._ticks.handle = self._network.group(
                self._loop, b"standfast.tick", self._tick, _nothing, _nothing, self._lost
            )
            self._ticks.handle.join()
            self._open = True
            if self._wanted:
                self._join()
        except CorosyncError:
            self._close()
            self._loop.call_later(REOPEN_S, self.open)

    def join(self) -> None:
        self._wanted = True
        if self._open and self._record.handle is None:
            try:
                self._join()
            except CorosyncError:
                self._lost()

    def leave(self) -> None:
        """Out of the record's group: the others see it in the order of all messages."""
        self._wanted = False
        self._record.close()

    def send_record(self, data: bytes) -> None:
        self._record.send(data)

    def send_tick(self, data: bytes) -> None:
        self._ticks.send(data)

    def close(self) -> None:
        self._wanted = False
        self._close()

    def _join(self) -> None:
        self._record.handle = self._network.group(
            self._loop, b"standfast.record", self._message, self._members, self._ring, self._lost
        )
        self._record.handle.join()

    def _close(self) -> None:
        self._open = False
        self._record.close()
        self._ticks.close()
        if self._votes is not None:
            self._votes.close()
            self._votes = None

    def _lost(self) -> None:
        """Corosync is gone: every handle says so, the first one counts."""
        if not self._open:
            return
        self._close()
        self._push(NetworkDown())
        self._loop.call_later(REOPEN_S, self.open)

    def _name(self, node: int) -> str:
        return self._names().get(node, f"#{node}")

    def _message(self, node: int, pid: int, data: bytes) -> None:
        self._push(Received(sender=self._name(node), data=data))

    def _tick(self, node: int, pid: int, data: bytes) -> None:
        self._push(TickReceived(sender=self._name(node), data=data))

    def _members(self, members: tuple[Member, ...], left: tuple[Member, ...], joined: tuple[Member, ...]) -> None:
        names = tuple(sorted(self._name(node) for node, _ in members))
        self._push(GroupChanged(members=names, joined=tuple(sorted(self._name(node) for node, _ in joined))))

    def _ring(self, ring: Ring, nodes: tuple[int, ...]) -> None:
        self._push(RingChanged(ring=ring, nodes=tuple(self._name(node) for node in nodes)))

    def _quorum(self, ring: Ring, quorate: bool, nodes: tuple[int, ...]) -> None:
        self._push(QuorumTold(ring=ring, quorate=quorate))


def _nothing(*_: object) -> None:
    """Ticks have no use for the group's members and rings."""
