"""Corosync of several nodes in one process: rings are formed by the test, messages come in order and are never lost."""

import asyncio
from collections.abc import Callable, Iterable, Mapping

from standfast.corosync.cfg import Link, NodeStatus
from standfast.corosync.common import Code, CorosyncError
from standfast.corosync.cpg import LARGEST_MESSAGE, Member
from standfast.corosync.knet_log import LinkChange
from standfast.corosync.network import OnDead, OnMembers, OnMessage, OnQuorum, OnRing
from standfast.corosync.votequorum import VoteInformation
from standfast.vocabulary import Ring


class FakeNetwork:
    """All nodes. A node that was started is alone until `form` puts it in a ring with others."""

    def __init__(self, votes: Mapping[int, int]) -> None:
        self.votes = votes
        self.nodes = {node: FakeCorosync(self, node) for node in votes}
        self.flags: frozenset[str] = frozenset()  # votequorum's, beside "quorate"
        self.expected = 0  # votes, once somebody has set them
        self.waits_for_all = False
        self._sequence = 1
        self._pid = 100

    def start(self, node: int, strings: Mapping[str, str] | None = None) -> None:
        """Corosync of `node` runs, with these keys in its cmap."""
        corosync = self.nodes[node]
        corosync.running, corosync.strings = True, dict(strings or {})
        self.form(node)

    def stop(self, node: int) -> None:
        """Corosync of `node` is gone; those who were with it form a ring of their own."""
        corosync = self.nodes[node]
        rest = tuple(other for other in corosync.ring_nodes if other != node)
        corosync.die()
        if rest:
            self.form(*rest)

    def form(self, *nodes: int) -> None:
        """These nodes are in one new ring; what is left of their old rings forms new ones too."""
        left = [set(self.nodes[node].ring_nodes) - set(nodes) for node in nodes]
        self._ring(nodes)
        for rest in {frozenset(part) for part in left if part}:
            self._ring(tuple(sorted(rest)))

    def quorate(self, nodes: Iterable[int]) -> bool:
        return 2 * sum(self.votes[node] for node in nodes) > (self.expected or sum(self.votes.values()))

    def members(self, group: bytes, nodes: Iterable[int]) -> tuple[Member, ...]:
        """Those who joined `group` on `nodes`."""
        handles = [handle for node in sorted(nodes) for handle in self.nodes[node].groups]
        return tuple(handle.member for handle in handles if handle.name == group and handle.joined)

    def next_pid(self) -> int:
        self._pid += 1
        return self._pid

    def _ring(self, nodes: tuple[int, ...]) -> None:
        self._sequence += 4
        ring = Ring(min(nodes), self._sequence)
        for node in nodes:
            self.nodes[node].ring, self.nodes[node].ring_nodes = ring, tuple(sorted(nodes))
        for node in nodes:
            self.nodes[node].changed()


class FakeCorosync:
    """One node's Corosync; it is a standfast.corosync.network.Network."""

    def __init__(self, network: FakeNetwork, node: int) -> None:
        self.network = network
        self.node = node
        self.running = False
        self.strings: dict[str, str] = {}
        self.sequence: int | None = None  # what its file would hold
        self.logged: list[LinkChange] = []
        self.lines = 0  # of knet's log, ever
        self.questions = 0  # about links
        self.links: dict[int, tuple[Link, ...]] = {}
        self.ring = Ring(node, 0)
        self.ring_nodes: tuple[int, ...] = (node,)
        self.groups: list[FakeGroup] = []
        self.vote_handles: list[FakeVotes] = []
        self.on_reload: Callable[[], None] = lambda: None
        self._dead: list[OnDead] = []
        self._loop: asyncio.AbstractEventLoop | None = None

    # Network

    def group(
        self,
        loop: asyncio.AbstractEventLoop,
        group: bytes,
        on_message: OnMessage,
        on_members: OnMembers,
        on_ring: OnRing,
        on_dead: OnDead,
    ) -> "FakeGroup":
        self.check(loop, on_dead)
        return FakeGroup(self, group, on_message, on_members, on_ring)

    def votes(
        self,
        loop: asyncio.AbstractEventLoop,
        on_quorum: OnQuorum,
        on_dead: OnDead,
        on_votes: Callable[[], None] | None = None,
    ) -> "FakeVotes":
        self.check(loop, on_dead)
        return FakeVotes(self, on_quorum)

    def configuration(self, loop: asyncio.AbstractEventLoop, on_dead: OnDead) -> "FakeConfiguration":
        self.check(loop, on_dead)
        return FakeConfiguration(self)

    def read_string(self, key: str) -> str | None:
        self.check()
        return self.strings.get(key)

    def stored_sequence(self, node: int) -> int | None:
        assert node == self.node
        return self.sequence

    def link_changes(self) -> tuple[LinkChange, ...]:
        told, self.logged = tuple(self.logged), []
        return told

    def link_log(self) -> object:
        self.lines += len(self.logged)
        return self.lines, dict(self.links)

    def cancel_wait_for_all(self) -> None:
        self.check()
        self.network.waits_for_all = False
        self.changed()

    # for the handles and the network

    def check(self, loop: asyncio.AbstractEventLoop | None = None, on_dead: OnDead | None = None) -> None:
        if not self.running:
            raise CorosyncError("initialize", Code.LIBRARY)
        self._loop = loop or self._loop
        if on_dead is not None:
            self._dead.append(on_dead)

    def soon(self, callback: Callable[[], None]) -> None:
        """In the loop's thread, after everything that was said before."""
        assert self._loop is not None
        self._loop.call_soon_threadsafe(callback)

    def changed(self) -> None:
        """The node's ring is another one: groups, rings, then quorum."""
        for handle in self.groups:
            if handle.joined:
                handle.tell_change()
        for votes in self.vote_handles:
            votes.tell()

    def die(self) -> None:
        self.running = False
        self.ring_nodes = (self.node,)
        dead, self._dead = self._dead, []
        self.groups, self.vote_handles = [], []
        for on_dead in dead:
            self.soon(on_dead)


class FakeGroup:
    def __init__(
        self, corosync: FakeCorosync, name: bytes, on_message: OnMessage, on_members: OnMembers, on_ring: OnRing
    ) -> None:
        self.corosync = corosync
        self.name = name
        self.node_id = corosync.node
        self.member = (corosync.node, corosync.network.next_pid())
        self.joined = False
        self.full = 0  # so many messages are not taken
        self._told: tuple[Member, ...] = ()  # the members
        self._open = True
        self._on_message, self._on_members, self._on_ring = on_message, on_members, on_ring

    def join(self) -> None:
        self.corosync.check()
        self.corosync.soon(self._join)

    def leave(self) -> None:
        self.corosync.check()
        self._part()

    def try_send(self, data: bytes) -> bool:
        self.corosync.check()
        assert len(data) <= LARGEST_MESSAGE, f"{len(data)} bytes in one message"
        if self.full:
            self.full -= 1
            return False
        for handle in self._in_ring():
            handle.deliver(self.member, data)
        return True

    def close(self) -> None:
        self._open = False
        if self.joined:
            self._part()

    def deliver(self, sender: Member, data: bytes) -> None:
        self._later(lambda: self._on_message(*sender, data))

    def tell_change(self) -> None:
        """The ring is another one, and so may the members be."""
        members = self.corosync.network.members(self.name, self.corosync.ring_nodes)
        if members != self._told:
            self._tell_members()
        self._tell_ring()

    def _join(self) -> None:
        if not self._open or not self.corosync.running:
            return
        self.corosync.groups.append(self)
        self.joined = True
        for handle in self._in_ring():
            handle._tell_members()
        self._tell_ring()

    def _part(self) -> None:
        others = [handle for handle in self._in_ring() if handle is not self]
        self.joined = False
        if self in self.corosync.groups:
            self.corosync.groups.remove(self)
        for handle in others:
            handle._tell_members()

    def _in_ring(self) -> "list[FakeGroup]":
        network = self.corosync.network
        handles = [handle for node in self.corosync.ring_nodes for handle in network.nodes[node].groups]
        return [handle for handle in handles if handle.name == self.name and handle.joined]

    def _tell_members(self) -> None:
        members = self.corosync.network.members(self.name, self.corosync.ring_nodes)
        left = tuple(member for member in self._told if member not in members)
        joined = tuple(member for member in members if member not in self._told)
        self._told = members
        self._later(lambda: self._on_members(members, left, joined))

    def _tell_ring(self) -> None:
        ring, nodes = self.corosync.ring, self.corosync.ring_nodes
        self._later(lambda: self._on_ring(ring, nodes))

    def _later(self, callback: Callable[[], None]) -> None:
        self.corosync.soon(lambda: callback() if self._open else None)


class FakeVotes:
    def __init__(self, corosync: FakeCorosync, on_quorum: OnQuorum) -> None:
        self.corosync = corosync
        self._on_quorum = on_quorum
        self._open = True
        corosync.vote_handles.append(self)
        self.tell()

    def information(self) -> VoteInformation:
        self.corosync.check()
        network, nodes = self.corosync.network, self.corosync.ring_nodes
        return VoteInformation(
            votes=network.votes[self.corosync.node],
            expected=network.expected or sum(network.votes.values()),
            quorum=sum(network.votes.values()) // 2 + 1,
            total=sum(network.votes[node] for node in nodes),
            flags=network.flags | ({"quorate"} if network.quorate(nodes) else set()),
        )

    def expect(self, votes: int) -> None:
        self.corosync.check()
        self.corosync.network.expected = votes
        self.tell()

    def close(self) -> None:
        self._open = False

    def tell(self) -> None:
        ring, nodes = self.corosync.ring, self.corosync.ring_nodes
        quorate = self.corosync.network.quorate(nodes) and not self.corosync.network.waits_for_all
        self.corosync.soon(lambda: self._on_quorum(ring, quorate, nodes) if self._open else None)


class FakeConfiguration:
    def __init__(self, corosync: FakeCorosync) -> None:
        self.corosync = corosync

    def node_status(self, node: int) -> NodeStatus:
        self.corosync.check()
        self.corosync.questions += 1
        if node not in self.corosync.links:
            raise CorosyncError("corosync_cfg_node_status_get", Code.FAILED_OPERATION)
        links = self.corosync.links[node]
        return NodeStatus(reachable=any(link.up for link in links), links=links)

    def reload(self) -> None:
        self.corosync.check()
        self.corosync.on_reload()

    def shut_down(self) -> None:
        self.corosync.check()
        self.corosync.soon(lambda: self.corosync.network.stop(self.corosync.node))

    def close(self) -> None:
        """It has no callback that could come later."""
