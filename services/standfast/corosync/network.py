"""Corosync of one node as the daemons see it, so that tests can put a simulated one in its place."""

import asyncio
from collections.abc import Callable
from typing import Protocol

from standfast.corosync import cmap, ring_file
from standfast.corosync.cfg import Cfg, NodeStatus
from standfast.corosync.cpg import Cpg, Member
from standfast.corosync.knet_log import KnetLog, LinkChange
from standfast.corosync.votequorum import VoteInformation, Votequorum
from standfast.vocabulary import Ring

OnMessage = Callable[[int, int, bytes], None]
OnMembers = Callable[[tuple[Member, ...], tuple[Member, ...], tuple[Member, ...]], None]
OnRing = Callable[[Ring, tuple[int, ...]], None]
OnQuorum = Callable[[Ring, bool, tuple[int, ...]], None]
OnDead = Callable[[], None]


class GroupHandle(Protocol):
    """See Cpg."""

    node_id: int

    def join(self) -> None: ...
    def leave(self) -> None: ...
    def try_send(self, data: bytes) -> bool: ...
    def close(self) -> None: ...


class VoteHandle(Protocol):
    """See Votequorum."""

    def information(self) -> VoteInformation: ...
    def expect(self, votes: int) -> None: ...
    def close(self) -> None: ...


class ConfigurationHandle(Protocol):
    """See Cfg."""

    def node_status(self, node: int) -> NodeStatus: ...
    def reload(self) -> None: ...
    def shut_down(self) -> None: ...
    def close(self) -> None: ...


class Network(Protocol):
    """Opens handles to this node's Corosync; each raises CorosyncError while it does not run."""

    def group(
        self,
        loop: asyncio.AbstractEventLoop,
        group: bytes,
        on_message: OnMessage,
        on_members: OnMembers,
        on_ring: OnRing,
        on_dead: OnDead,
    ) -> GroupHandle: ...

    def votes(
        self,
        loop: asyncio.AbstractEventLoop,
        on_quorum: OnQuorum,
        on_dead: OnDead,
        on_votes: Callable[[], None] | None = None,
    ) -> VoteHandle: ...

    def configuration(self, loop: asyncio.AbstractEventLoop, on_dead: OnDead) -> ConfigurationHandle: ...

    def read_string(self, key: str) -> str | None: ...

    def stored_sequence(self, node: int) -> int | None: ...

    def link_changes(self) -> tuple[LinkChange, ...]: ...

    def link_log(self) -> object: ...

    def cancel_wait_for_all(self) -> None: ...


class Corosync:
    """The real one."""

    def __init__(self) -> None:
        self._links = KnetLog()

    def group(
        self,
        loop: asyncio.AbstractEventLoop,
        group: bytes,
        on_message: OnMessage,
        on_members: OnMembers,
        on_ring: OnRing,
        on_dead: OnDead,
    ) -> GroupHandle:
        return Cpg(loop, group, on_message, on_members, on_ring, on_dead)

    def votes(
        self,
        loop: asyncio.AbstractEventLoop,
        on_quorum: OnQuorum,
        on_dead: OnDead,
        on_votes: Callable[[], None] | None = None,
    ) -> VoteHandle:
        return Votequorum(loop, on_quorum, on_dead, on_votes)

    def configuration(self, loop: asyncio.AbstractEventLoop, on_dead: OnDead) -> ConfigurationHandle:
        return Cfg(loop, on_dead)

    def cancel_wait_for_all(self) -> None:
        cmap.write_byte("quorum.cancel_wait_for_all", 1)

    def read_string(self, key: str) -> str | None:
        return cmap.read_string(key)

    def stored_sequence(self, node: int) -> int | None:
        return ring_file.stored_sequence(node)

    def link_changes(self) -> tuple[LinkChange, ...]:
        return self._links.changes()

    def link_log(self) -> object:
        """Another one each time after Corosync has logged something of a link; costs next to nothing."""
        return self._links.stamp()
