"""Corosync as the simulator has it: rings, one order for messages and membership, delivery agreed but not uniform.

What it keeps of what was measured: within a ring all that is delivered comes in one order; a node that is about to be
cut off may deliver a message that the others never get; members that come along into a new ring have delivered the same
messages; votequorum's word comes by another stream, later; the group simply grows when a partition heals; a process
that dies and returns does not change the ring; a hung Corosync sees "left" and "joined" in one change; a fault that is
not transitive leaves one node alone in ever new rings, and nothing is delivered among the others until it is mended.
"""

from collections import deque
from dataclasses import dataclass, field
from random import Random
from typing import Any

from sim.faulty import Pair, Parts, divide
from standfast.vocabulary import Ring

DETECT_MS = 2_200


class Formation:
    """One ring: its nodes, and all that was ordered in it."""

    __slots__ = ("checked_at", "holder", "log", "nodes", "ring", "whole")

    def __init__(self, ring: Ring, nodes: tuple[str, ...]) -> None:
        self.ring = ring
        self.nodes = nodes
        self.log: list[tuple[str, str, Any]] = []  # sender, kind, content
        self.holder = ""  # who still orders in it once it is broken
        self.whole = True
        self.checked_at = -1


@dataclass(slots=True, eq=False)
class Station:
    """One node's Corosync and the queues of its reader."""

    name: str
    id: int
    up: bool = False
    entered: int = 0  # how many rings it was in
    side: int = 0  # nodes of equal side hear each other, unless their links are faulty or their Corosync hangs
    reach: int = 0  # nodes of equal reach hear each other now
    formation: Formation | None = None
    got: int = 0  # how much of its ring's log it has delivered
    joined: bool = False  # its process is in the group
    known: frozenset[tuple[str, int]] = frozenset()  # the group as delivered here: (node, process)
    process: int = 0
    frozen: bool = False  # Corosync hangs
    stalled: bool = False  # rings churn: nothing is delivered, nothing is said of quorum
    saw_all: bool = False  # since it started it was in a ring with every node, or need not be (wait_for_all)
    expected: int = 0  # votes, once they were lowered, until more are here; 0 = as configured
    inbox: deque[tuple[Any, ...]] = field(default_factory=deque)
    outbox: deque[tuple[str, Any]] = field(default_factory=deque)
    reading: bool = False  # its reader is about to look

    @property
    def ring(self) -> Ring | None:
        return self.formation.ring if self.formation else None

    @property
    def ring_nodes(self) -> tuple[str, ...]:
        return self.formation.nodes if self.formation else ()


class Network:
    def __init__(self, names: list[str], random: Random) -> None:
        self.random = random
        self.stations = {name: Station(name=name, id=index + 1) for index, name in enumerate(names)}
        self.all = tuple(self.stations.values())
        self.sequence = 0
        self.processes = 0
        self.changes = 0  # of who hears whom
        self.total = len(names)
        self.odd = ""  # the node whose fault is not transitive: rings churn, and no membershipd sees it
        self.bad: frozenset[Pair] = frozenset()  # faulty links
        self.blamed: tuple[str, ...] = tuple(names)
        self.parts = Parts()  # what they make of those that run

    def start(self, name: str) -> None:
        """Corosync starts: alone in a ring of its own."""
        station = self.stations[name]
        station.up, station.joined, station.frozen, station.saw_all = True, False, False, self.total == 1
        station.expected = 0
        station.inbox.clear()
        station.outbox.clear()
        station.known, station.stalled = frozenset(), False
        self._settle()
        self._enter(station, self._new_ring(station, (name,)))

    def stop(self, name: str) -> None:
        station = self.stations[name]
        station.up, station.joined, station.formation = False, False, None
        station.frozen = station.stalled = False
        station.inbox.clear()
        station.outbox.clear()
        station.known = frozenset()
        self._settle()

    def join(self, name: str) -> None:
        station = self.stations[name]
        self.processes += 1
        station.process = self.processes
        station.outbox.append(("join", (name, station.process)))

    def leave(self, name: str) -> None:
        """The process left or died: it gets nothing more; what it had sent but not ordered is lost."""
        station = self.stations[name]
        station.outbox = deque(item for item in station.outbox if item[0] != "message")
        station.outbox.append(("leave", (name, station.process)))
        station.joined = False
        station.inbox.clear()  # libcpg tells a ring only to who has the handle

    def send(self, name: str, data: bytes) -> None:
        self.stations[name].outbox.append(("message", data))

    def move(self, sides: dict[str, int]) -> None:
        for name, side in sides.items():
            self.stations[name].side = side
        self._settle()

    def freeze(self, station: Station, *, frozen: bool) -> None:
        station.frozen = frozen
        self._settle()

    def fault(self, bad: frozenset[Pair], blamed: tuple[str, ...]) -> None:
        """From now on exactly these links are faulty."""
        self.bad, self.blamed = bad, blamed
        self._settle()

    def _settle(self) -> None:
        """Who hears whom is another one now."""
        self.changes += 1
        self.parts = divide(self._sides(), self.bad, self.blamed) if self.bad else Parts()
        for station in self.all:
            station.reach = -station.id if station.frozen else self.parts.reach.get(station.name, station.side)

    def _sides(self) -> dict[int, list[str]]:
        sides: dict[int, list[str]] = {}
        for station in self.all:
            if station.up and not station.frozen:
                sides.setdefault(station.side, []).append(station.name)
        return sides

    def _new_ring(self, lowest: Station, nodes: tuple[str, ...]) -> Formation:
        self.sequence += 4
        return Formation(Ring(lowest.id, self.sequence), nodes)

    def intact(self, formation: Formation) -> bool:
        if formation.checked_at != self.changes:
            formation.checked_at = self.changes
            stations = [self.stations[name] for name in formation.nodes]
            reach = stations[0].reach
            formation.whole = all(s.up and s.formation is formation and s.reach == reach for s in stations)
        return formation.whole

    def order(self, name: str) -> bool:
        """Let one waiting message of `name` be ordered and delivered; False: there is none that can be."""
        station = self.stations[name]
        formation = station.formation
        if not station.outbox or formation is None or not station.up or station.frozen or station.stalled:
            return False
        broken = not self.intact(formation)
        if broken:
            formation.holder = formation.holder or name
            if formation.holder != name:
                return False
        else:
            self.catch_up()
        kind, content = station.outbox.popleft()
        formation.log.append((name, kind, content))
        alone = broken and self.random.random() < 0.5
        before = len(formation.log) - 1
        for other in self.all:
            if other.formation is not formation or other.got != before:
                continue
            if other is station or (other.reach == station.reach and not alone):
                self._deliver(other, formation)
        return True

    def catch_up(self) -> None:
        """In a ring that is whole again everybody gets what it has missed."""
        for station in self.all:
            formation = station.formation
            if formation is not None and station.got < len(formation.log):
                while station.got < len(formation.log) and self.intact(formation):
                    self._deliver(station, formation)

    def _deliver(self, station: Station, formation: Formation) -> None:
        sender, kind, content = formation.log[station.got]
        station.got += 1
        if kind == "message":
            if station.joined and any(name == sender for name, _ in station.known):
                station.inbox.append(("message", sender, content))
            return
        before = station.known
        station.known = before | {content} if kind == "join" else before - {content}
        if kind == "join" and content == (station.name, station.process):
            station.joined = True
            station.inbox.append(("ring", formation.ring, formation.nodes))
        if station.joined and station.known != before:
            self._tell_group(station, station.known - before)

    def _tell_group(self, station: Station, joined: frozenset[tuple[str, int]]) -> None:
        members = tuple(sorted(name for name, _ in station.known))
        station.inbox.append(("group", members, tuple(sorted(name for name, _ in joined))))

    def unsettled(self) -> list[int]:
        """Reaches whose nodes are not in one ring together."""
        sides = []
        for side in sorted({station.reach for station in self.all if station.up and not station.frozen}):
            stations = [s for s in self.all if s.up and s.reach == side]
            names = {s.name for s in stations}
            first = stations[0].formation
            if any(s.formation is not first or set(s.ring_nodes) != names or self._freed(s) for s in stations):
                sides.append(side)
        return sides

    def _freed(self, station: Station) -> bool:
        return station.stalled and not self.odd and station.name not in self.parts.stuck

    def form(self, side: int) -> None:
        """The nodes of one reach make a ring; those that come along from one ring have delivered the same."""
        stations = [s for s in self.all if s.up and s.reach == side]
        old = {s.name: s.formation for s in stations}
        for station in stations:
            top = max(s.got for s in stations if s.formation is station.formation)
            while station.formation is not None and station.got < top:
                self._deliver(station, station.formation)
        group = frozenset((s.name, s.process) for s in stations if s.joined)
        formation = self._new_ring(stations[0], tuple(s.name for s in stations))
        for station in stations:
            came = {name for name in formation.nodes if old[name] is old[station.name]}
            stayed = frozenset(member for member in group if member in station.known and member[0] in came)
            changed = group != station.known or stayed != group
            station.known = group
            self._enter(station, formation)
            if station.joined and changed:
                self._tell_group(station, group - stayed)

    def _enter(self, station: Station, formation: Formation) -> None:
        station.formation, station.got, station.stalled = formation, 0, False
        station.entered += 1
        station.saw_all = station.saw_all or len(formation.nodes) == self.total
        self.changes += 1
        if station.joined:
            station.inbox.append(("ring", formation.ring, formation.nodes))
