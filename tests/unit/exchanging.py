"""Members of a simulated group that exchange versions: one order of messages in each ring, faults from a seed."""

import random
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256

from standfast.membershipd import exchange
from standfast.membershipd.chunks import LARGEST_BUNDLE, Chunk, MessageError, decode
from standfast.membershipd.exchange import (
    Abandoned,
    Action,
    Ask,
    Event,
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
)

Member = tuple[int, int]


def digest_of(bundle: bytes) -> str:
    """In place of the digest of the version in it."""
    return sha256(bundle).hexdigest()


@dataclass
class Node:
    member: Member
    exchange: Exchange = field(default_factory=Exchange)
    disk: dict[str, bytes] = field(default_factory=dict)
    to_do: deque[Store | Read] = field(default_factory=deque)  # for the thread
    sent: deque[bytes] = field(default_factory=deque)  # and not yet delivered
    came_back: list[str] = field(default_factory=list)  # its own sendings
    abandoned: list[str] = field(default_factory=list)


class Group:
    """`rings`: which nodes hear each other; a node that is in none does not run."""

    def __init__(self, count: int, seed: int = 0) -> None:
        self.dice = random.Random(seed)
        self.now_ms = 0
        self._pid = 100
        self.nodes = {number: Node(member=(number, self._next_pid())) for number in range(1, count + 1)}
        self.rings: list[set[int]] = []
        self.told: list[str] = []  # what was refused
        self.begun: list[tuple[int, str]] = []  # who began to send what

    # What a test does

    def join(self, *numbers: int) -> None:
        """These run now, and all that run are in one ring."""
        old = {number: self._members(number) for number in self._running()}
        self.rings = [{*old, *numbers}]
        self._tell(old)

    def merge(self) -> None:
        """All that run are in one ring."""
        self.join()

    def split(self, part: Iterable[int]) -> None:
        """These do not hear the others."""
        old = {number: self._members(number) for number in self._running()}
        part = set(part)
        self.rings = [piece for ring in self.rings for piece in (ring & part, ring - part) if piece]
        self._tell(old)

    def die(self, number: int) -> None:
        """It is gone with everything but its disk; what it sent and nobody was delivered is gone too."""
        old = {other: self._members(other) for other in self._running() if other != number}
        self.rings = [ring - {number} for ring in self.rings if ring != {number}]
        before = self.nodes[number]
        self.nodes[number] = Node(member=(number, self._next_pid()), disk=before.disk)
        self._tell(old)

    def share(self, number: int, bundle: bytes) -> None:
        node = self.nodes[number]
        node.disk[digest_of(bundle)] = bundle
        self.step(node, Share(digest=digest_of(bundle), bundle=bundle))

    def ask(self, number: int, digest: str) -> None:
        self.step(self.nodes[number], Ask(at_ms=self.now_ms, digest=digest))

    def send(self, number: int, data: bytes) -> None:
        """Bytes of the test's own."""
        self.nodes[number].sent.append(data)

    def do_something(self) -> bool:
        """One delivery or one thing on a disk, at random; False: there is nothing to do before time passes."""
        ready = [node for node in self._all_running() if node.sent or node.to_do]
        if not ready:
            return False
        node = self.dice.choice(ready)
        if node.sent and (not node.to_do or self.dice.random() < 0.7):
            self._deliver(node)
        else:
            self._work(node)
        return True

    def pass_time(self, most_ms: int = 1 << 40) -> bool:
        """It is as late as the next one is due; False: nobody waits for anything, or not within `most_ms`."""
        due = [node.exchange.due_ms for node in self._all_running() if node.exchange.due_ms is not None]
        if not due or min(due) > self.now_ms + most_ms:
            return False
        self.now_ms = max(self.now_ms, min(due))
        for node in self._all_running():
            if node.exchange.due_ms is not None and node.exchange.due_ms <= self.now_ms:
                self.step(node, TimePassed(at_ms=self.now_ms))
        return True

    def settle(self, within_ms: int = 60_000) -> None:
        """Nothing is under way any more, or somebody still waits after all that time."""
        until_ms = self.now_ms + within_ms
        while self.do_something() or (self.now_ms < until_ms and self.pass_time()):
            self.check()

    def step(self, node: Node, event: Event) -> None:
        node.exchange, actions = exchange.step(node.exchange, event)
        for action in actions:
            self._do(node, action)

    def check(self) -> None:
        """What holds at every moment."""
        for node in self._all_running():
            known = node.exchange
            assert all(arriving.size <= LARGEST_BUNDLE for arriving in known.arriving.values())
            assert set(known.arriving) <= set(known.members)
            assert len(known.sendings) <= exchange.MOST_SENDINGS

    # What comes of it

    def _do(self, node: Node, action: Action) -> None:
        match action:
            case Send():
                node.sent.append(action.data)
            case Store() | Read():
                node.to_do.append(action)
            case Refuse():
                self.told.append(f"{action.sender[0]} {action.text}")
            case Abandoned():
                node.abandoned.append(action.digest)

    def _deliver(self, sender: Node) -> None:
        data = sender.sent.popleft()
        message = _decoded(data)
        if isinstance(message, Chunk) and message.index == 0:
            self.begun.append((sender.member[0], message.digest))
        for number in sorted(self._ring(sender.member[0])):
            self.step(self.nodes[number], Received(at_ms=self.now_ms, sender=sender.member, data=data))

    def _work(self, node: Node) -> None:
        task = node.to_do.popleft()
        if isinstance(task, Read):
            self.step(node, Found(digest=task.digest, bundle=node.disk.get(task.digest)))
        elif digest_of(task.bundle) != task.digest:
            self.told.append(f"{task.sender[0]} sent another version than {task.digest[:12]}")
        else:
            node.disk[task.digest] = task.bundle
            if task.sender == node.member:
                node.came_back.append(task.digest)
            self.step(node, Here(digest=task.digest))

    def _tell(self, old: dict[int, set[Member]]) -> None:
        for number in self._running():
            members = self._members(number)
            joined = {self.nodes[number].member}  # who joins is told of nobody else that is new
            if gone := old[number] ^ members if number in old else joined:
                event = MembersChanged(
                    at_ms=self.now_ms, me=number, members=tuple(sorted(members)), gone=frozenset(gone)
                )
                self.step(self.nodes[number], event)

    def _ring(self, number: int) -> set[int]:
        return next(ring for ring in self.rings if number in ring)

    def _members(self, number: int) -> set[Member]:
        return {self.nodes[other].member for other in self._ring(number)}

    def _running(self) -> list[int]:
        return sorted(number for ring in self.rings for number in ring)

    def _all_running(self) -> list[Node]:
        return [self.nodes[number] for number in self._running()]

    def _next_pid(self) -> int:
        self._pid += 1
        return self._pid


def _decoded(data: bytes) -> object:
    try:
        return decode(data)
    except MessageError:
        return None
