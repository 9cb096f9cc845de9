"""The core's ears and mouth in Corosync: the groups of record, ticks and questions, and votequorum's word.

One thin reader: what Corosync brings is handed on at once, in its order. What cannot be sent now waits in a bounded
queue. When Corosync goes, everything is closed and opened again, for ever.
"""

import asyncio
import zlib
from collections.abc import Callable, Mapping

from standfast.corosync.common import CorosyncError
from standfast.corosync.cpg import Member
from standfast.corosync.network import GroupHandle, Network, OnMembers, OnMessage, OnRing, VoteHandle
from standfast.corosync.requests import Requests
from standfast.corosync.sender import Sender
from standfast.resourced.codec import MAXIMUM_BYTES
from standfast.resourced.events import (
    Event,
    GroupChanged,
    LoosenQuorum,
    NetworkDown,
    QuorumTold,
    Received,
    RingChanged,
    TickReceived,
)
from standfast.vocabulary import Ring

REOPEN_S = 0.1
LARGE_BYTES = 32 * 1024  # what is longer goes compressed: a state, and what is made of it, tells of every group
FASTEST = 1  # of zlib's levels: 12 ms for 2.8 MB, which is 5,000 groups of four units, and becomes 0.3 MB


class Stream:
    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        network: Network,
        names: Callable[[], Mapping[int, str]],
        push: Callable[[Event], None],
        asked: Callable[[str, bytes], None],
    ) -> None:
        """`names`: id and name of every configured node; `push` takes what Corosync brings, but `asked` what came from
        which node in the group of questions."""
        self._loop = loop
        self._network = network
        self._names = names
        self._push = push
        self._asked = asked
        self._record = Sender(loop, self._lost)
        self._ticks = Sender(loop, self._lost)
        self._questions = Sender(loop, self._lost)
        self._votes: VoteHandle | None = None
        self._requests = Requests("corosync")  # a Corosync that hangs must not hang the loop
        self._changed = asyncio.Event()
        self._wanted = False  # to be in the record's group
        self._open = False

    async def follow(self) -> None:
        """Listens to votequorum and ticks, and is in the record's group while asked, for ever."""
        while True:
            self._changed.clear()
            try:
                if not self._open:
                    await self._open_all()
                if self._wanted and self._record.handle is None:
                    await self._enter(self._record, b"standfast.record", self._message, self._members, self._ring)
                if not self._wanted:
                    self._record.close()  # asked to leave meanwhile
            except (CorosyncError, TimeoutError):
                self._lost()
                await asyncio.sleep(REOPEN_S)
            else:
                await self._changed.wait()

    def join(self) -> None:
        self._wanted = True
        self._changed.set()

    def leave(self) -> None:
        """Out of the record's group: the others see it in the order of all messages."""
        self._wanted = False
        self._record.close()

    def send_record(self, data: bytes) -> None:
        self._record.send(zlib.compress(data, FASTEST) if len(data) > LARGE_BYTES else data)

    def send_tick(self, data: bytes) -> None:
        self._ticks.send(data)

    def send_question(self, data: bytes) -> None:
        self._questions.send(data)

    async def loosen(self, action: LoosenQuorum) -> None:
        """votequorum has it, and tells soon what it makes of it. Raises CorosyncError or TimeoutError."""
        votes = self._votes

        def request() -> None:
            if action.cancel_wait_for_all:
                self._network.cancel_wait_for_all()
            if action.expected and votes is not None:
                votes.expect(action.expected)

        await self._requests.ask(request)

    def close(self) -> None:
        self._wanted = False
        self._close()

    async def _open_all(self) -> None:
        self._votes = await self._requests.ask(
            lambda: self._network.votes(self._loop, self._quorum, self._lost), abandoned=_close
        )
        await self._enter(self._ticks, b"standfast.tick", self._tick, _nothing, _nothing)
        await self._enter(self._questions, b"standfast.ask", self._question, _nothing, _nothing)
        self._open = True

    async def _enter(self, sender: Sender, group: bytes, message: OnMessage, members: OnMembers, ring: OnRing) -> None:
        """The handle is known before the first news of the group comes, so nothing that it leads to is unsent."""
        handle = await self._requests.ask(
            lambda: self._network.group(self._loop, group, message, members, ring, self._lost), abandoned=_close
        )
        sender.handle = handle
        await self._requests.ask(handle.join)

    def _close(self) -> None:
        self._open = False
        self._record.close()
        self._ticks.close()
        self._questions.close()
        if self._votes is not None:
            self._votes.close()
            self._votes = None

    def _lost(self) -> None:
        """Corosync is gone: every handle says so, the first one counts."""
        known = self._votes is not None
        self._close()
        if known:
            self._push(NetworkDown())
        self._changed.set()

    def _name(self, node: int) -> str:
        return self._names().get(node, f"#{node}")

    def _message(self, node: int, pid: int, data: bytes) -> None:
        self._push(Received(sender=self._name(node), data=_as_it_was(data)))

    def _tick(self, node: int, pid: int, data: bytes) -> None:
        self._push(TickReceived(sender=self._name(node), data=data))

    def _question(self, node: int, pid: int, data: bytes) -> None:
        self._asked(self._name(node), data)

    def _members(self, members: tuple[Member, ...], left: tuple[Member, ...], joined: tuple[Member, ...]) -> None:
        names = tuple(sorted(self._name(node) for node, _ in members))
        self._push(GroupChanged(members=names, joined=tuple(sorted(self._name(node) for node, _ in joined))))

    def _ring(self, ring: Ring, nodes: tuple[int, ...]) -> None:
        self._push(RingChanged(ring=ring, nodes=tuple(self._name(node) for node in nodes)))

    def _quorum(self, ring: Ring, quorate: bool, nodes: tuple[int, ...]) -> None:
        self._push(QuorumTold(ring=ring, quorate=quorate))


def _close(handle: GroupHandle | VoteHandle) -> None:
    """An answer that came too late."""
    handle.close()


def _as_it_was(data: bytes) -> bytes:
    """JSON as it was sent; what cannot be read stays as it is, for the core to refuse."""
    if data.startswith(b"{"):
        return data
    try:
        return zlib.decompressobj().decompress(data, MAXIMUM_BYTES)
    except zlib.error:
        return data


def _nothing(*_: object) -> None:
    """Ticks have no use for the group's members and rings."""
