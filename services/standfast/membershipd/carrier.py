"""Versions of the configuration between the group and the disk; what is sent and taken is decided in exchange.py.

The group's handle is the Follower's. What comes is handed on at once; the disk is used by a thread, for one version
at a time, and what waits for it is bounded.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Final

from standfast import journal
from standfast.configuration import versions
from standfast.configuration.bundle import pack, unpack
from standfast.configuration.model import ConfigurationError, Problem, Source
from standfast.corosync.cpg import Member
from standfast.corosync.requests import Requests
from standfast.journal import Event, Level
from standfast.membershipd.exchange import (
    Abandoned,
    Action,
    Ask,
    Exchange,
    Found,
    Here,
    MembersChanged,
    Read,
    Received,
    Refuse,
    Send,
    Share,
    Store,
    TimePassed,
    step,
)
from standfast.membershipd.exchange import Event as News

MOST_WAITING: Final = 8  # versions for the disk
DISK_WITHIN_S: Final = 30.0
SHOWN: Final = 12  # digits of a digest


class UndeliveredError(Exception):
    """A version that this node sends did not come back, or is not here although it did; a sentence says why."""


class Carrier:
    """`on_stored` is called with the digest of each version that came whole onto the disk."""

    def __init__(self, folder: Path, name_of: Callable[[int], str], on_stored: Callable[[str], None]) -> None:
        self._folder = folder
        self._name_of = name_of
        self._on_stored = on_stored
        self._loop = asyncio.get_running_loop()
        self._disk = Requests("versions")
        self._exchange = Exchange()
        self._me = 0
        self._send: Callable[[bytes], None] | None = None
        self._waiting: asyncio.Queue[Store | Read] = asyncio.Queue(MOST_WAITING)
        self._returns: dict[str, set[asyncio.Future[None]]] = {}  # who waits for what this node sends, by digest
        self._due: asyncio.TimerHandle | None = None
        self._strange: set[int] = set()  # nodes that sent what is refused
        self._disk_refuses = False

    @property
    def in_group(self) -> bool:
        return self._exchange.in_group

    @property
    def has_room(self) -> bool:
        """For one more version that this node sends."""
        return self._exchange.has_room

    async def keep(self) -> None:
        """The disk is read and written as the group wants it, for ever."""
        while True:
            match await self._waiting.get():
                case Store() as task:
                    await self._store(task)
                case Read(digest=digest):
                    self._step(Found(digest=digest, bundle=await self._read(digest)))

    # for the bus

    async def take(self, bundle: bytes) -> str:
        """The version in the bundle is on the disk; its digest. Raises ConfigurationError, OSError, TimeoutError."""
        return await self._disk.ask(lambda: _keep(bundle, self._folder), timeout_s=DISK_WITHIN_S)

    async def is_here(self, digest: str) -> bool:
        """Raises TimeoutError when the disk does not answer."""
        return await self._disk.ask(lambda: versions.read(digest, self._folder), timeout_s=DISK_WITHIN_S) is not None

    async def send(self, digest: str, bundle: bytes) -> None:
        """It came back, and so to every member. Only while `in_group` and `has_room`. Raises UndeliveredError."""
        returned: asyncio.Future[None] = self._loop.create_future()
        self._returns.setdefault(digest, set()).add(returned)
        self._step(Share(digest=digest, bundle=bundle))
        try:
            await returned
        finally:
            self._returns.get(digest, set()).discard(returned)

    def ask(self, digest: str) -> None:
        """The others are asked for the version until it is here."""
        self._step(Ask(at_ms=self._now_ms(), digest=digest))

    # for the Follower

    def enter(self, me: int, send: Callable[[bytes], None]) -> None:
        """Corosync takes messages to the group from now on; `me`: this node's id."""
        self._me, self._send = me, send

    def members_changed(self, members: tuple[Member, ...], gone: frozenset[Member]) -> None:
        """See MembersChanged."""
        self._strange -= {node for node, _ in gone}
        self._step(MembersChanged(at_ms=self._now_ms(), me=self._me, members=members, gone=gone))

    def heard(self, sender: Member, data: bytes) -> None:
        self._step(Received(at_ms=self._now_ms(), sender=sender, data=data))

    def leave(self) -> None:
        """Corosync is gone."""
        self.members_changed((), frozenset())
        self._send = None

    # what the rules want

    def _step(self, news: News) -> None:
        self._exchange, actions = step(self._exchange, news)
        for action in actions:
            self._do(action)
        if self._due is not None:
            self._due.cancel()
        due_ms = self._exchange.due_ms
        self._due = None if due_ms is None else self._loop.call_at(due_ms / 1000, self._time_passed)

    def _time_passed(self) -> None:
        self._step(TimePassed(at_ms=self._now_ms()))

    def _now_ms(self) -> int:
        return round(self._loop.time() * 1000)

    def _do(self, action: Action) -> None:
        match action:
            case Send(data=data):
                if self._send is not None:
                    self._send(data)
            case Store():
                self._wait_for_disk(action)
            case Read(digest=digest):
                if self._waiting.full():
                    self._loop.call_soon(self._step, Found(digest=digest, bundle=None))
                else:
                    self._waiting.put_nowait(action)
            case Refuse(sender=sender, text=text):
                self._refuse(sender, text)
            case Abandoned(digest=digest):
                text = "Corosync was lost here before the version came back, and others may have it: share it again."
                self._return(digest, UndeliveredError(text))

    def _wait_for_disk(self, task: Store) -> None:
        if not self._waiting.full():
            self._waiting.put_nowait(task)
            return
        text = f"{MOST_WAITING} others waited for the disk"
        self._refuse(task.sender, f"sent version {task.digest[:SHOWN]} while {text}")
        self._failed(task, f"{text}: share it again")

    # the disk

    async def _store(self, task: Store) -> None:
        version = f"version {task.digest[:SHOWN]}"
        try:
            await self._disk.ask(lambda: _keep(task.bundle, self._folder, task.digest), timeout_s=DISK_WITHIN_S)
        except ConfigurationError as error:
            self._refuse(task.sender, f"sent what is not {version} ({error})")
            self._failed(task, f"it is not {version} any more")
        except OSError as error:
            text = f"cannot be stored in {self._folder} ({why(error)}): make room there"
            name = self._name_of(task.sender[0])
            self._tell_disk(f"{version.capitalize()} of {name} {text}; it is taken when it is sent again")
            self._failed(task, f"it {text}, and share it again")
        else:
            self._disk_refuses = False
            self._strange.discard(task.sender[0])
            self._step(Here(digest=task.digest))
            self._on_stored(task.digest)
            if task.sender[0] == self._me:
                self._return(task.digest, None)

    async def _read(self, digest: str) -> bytes | None:
        """The bundle of a version that is here whole."""
        try:
            return await self._disk.ask(lambda: _packed(digest, self._folder), timeout_s=DISK_WITHIN_S)
        except (ConfigurationError, OSError):
            return None  # another member may answer

    def _failed(self, task: Store, text: str) -> None:
        if task.sender[0] == self._me:
            self._return(task.digest, UndeliveredError(f"The version came back from the group, but {text}."))

    def _return(self, digest: str, error: UndeliveredError | None) -> None:
        """Whoever waits for this version to come back has this answer."""
        for returned in self._returns.pop(digest, ()):
            if returned.done():
                continue  # its time is over in this very moment
            if error is None:
                returned.set_result(None)
            else:
                returned.set_exception(error)

    # the journal

    def _refuse(self, sender: Member, text: str) -> None:
        """Told once for each node, until something good comes from it."""
        if sender[0] not in self._strange:
            self._strange.add(sender[0])
            name = self._name_of(sender[0])
            journal.write(Event.VERSION_REFUSED, Level.WARNING, f"Node {name} {text}; it is dropped here", peer=name)

    def _tell_disk(self, text: str) -> None:
        """Told once until a version could be stored."""
        if not self._disk_refuses:
            self._disk_refuses = True
            journal.write(Event.VERSION_UNSTORED, Level.ERROR, text, file=str(self._folder))


def why(error: OSError) -> str:
    """In the words of the system."""
    return error.strerror or "the disk does not answer"


# in the thread of the disk


def _keep(bundle: bytes, folder: Path, digest: str = "") -> str:
    """The version in the bundle is on the disk; its digest, which must be `digest` if that is given."""
    tree = unpack(bundle)
    if digest and tree.digest != digest:
        source = Source(path="its files", line=0)
        raise ConfigurationError((Problem(source=source, text=f"are version {tree.digest[:SHOWN]}"),))
    versions.store(tree, folder)
    return tree.digest


def _packed(digest: str, folder: Path) -> bytes | None:
    tree = versions.read(digest, folder)
    return None if tree is None else pack(tree)
