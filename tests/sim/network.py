"""Corosync as the simulator has it: rings, one order for messages and membership, delivery agreed but not uniform.

What it keeps of what was measured: within a ring all that is delivered comes in one order; a node that is about to be
cut off may deliver a message that the others never get; members that come along into a new ring have delivered the same
messages; votequorum's word comes by another stream, later; the group simply grows when a partition heals; a process
that dies and returns does not change the ring; a hung Corosync sees "left" and "joined" in one change.
"""

from dataclasses import dataclass, field
from random import Random

from standfast.vocabulary import Ring

DETECT_MS = 2_200


@dataclass
class Station:
    """One node's Corosync and the queues of its reader."""

    name: str
    id: int
    up: bool = False
    side: int = 0  # nodes of equal side hear each other
    ring: Ring | None = None
    ring_nodes: tuple[str, ...] = ()
    got: int = 0  # how much of its ring's log it has delivered
    joined: bool = False  # its process is in the group
    known: frozenset[tuple[str, int]] = frozenset()  # the group as delivered here: (node, process)
    process: int = 0
    frozen: bool = False  # Corosync hangs
    saw_all: bool = False  # since it started it was in a ring with every node (wait_for_all)
    inbox: list[tuple[object, ...]] = field(default_factory=list)
    outbox: list[tuple[object, ...]] = field(default_factory=list)

    @property
    def reach(self) -> int:
        """Nodes of equal reach hear each other now."""
        return -self.id if self.frozen else self.side


class Network:
    def __init__(self, names: list[str], random: Random) -> None:
        self.random = random
        self.stations = {name: Station(name=name, id=index + 1) for index, name in enumerate(names)}
        self.logs: dict[Ring, list[tuple[str, tuple[object, ...]]]] = {}
        self.sequence = 0
        self.processes = 0
        self.holder: dict[Ring, str] = {}  # who still orders in a ring that is broken
        self.total = len(names)

    def start(self, name: str) -> None:
        """Corosync starts: alone in a ring of its own."""
        station = self.stations[name]
        station.up, station.joined, station.frozen, station.saw_all = True, False, False, self.total == 1
        station.inbox, station.outbox, station.known = [], [], frozenset()
        self._enter(station, self._new_ring(station), (name,))

    def stop(self, name: str) -> None:
        station = self.stations[name]
        station.up, station.joined, station.ring, station.ring_nodes = False, False, None, ()
        station.frozen = False
        station.inbox, station.outbox, station.known = [], [], frozenset()

    def join(self, name: str) -> None:
        station = self.stations[name]
        self.processes += 1
        station.process = self.processes
        station.outbox.append(("join", (name, station.process)))

    def leave(self, name: str) -> None:
        """The process left or died: it gets nothing more; what it had sent but not ordered is lost."""
        station = self.stations[name]
        station.outbox = [item for item in station.outbox if item[0] != "message"]
        station.outbox.append(("leave", (name, station.process)))
        station.joined, station.inbox = False, []  # libcpg tells a ring only to who has the handle

    def send(self, name: str, data: bytes) -> None:
        self.stations[name].outbox.append(("message", data))

    def _new_ring(self, lowest: Station) -> Ring:
        self.sequence += 4
        ring = Ring(lowest.id, self.sequence)
        self.logs[ring] = []
        return ring

    def intact(self, ring: Ring) -> bool:
        nodes = next(s.ring_nodes for s in self.stations.values() if s.ring == ring)
        stations = [self.stations[name] for name in nodes]
        return all(s.up and s.ring == ring and s.reach == stations[0].reach for s in stations)

    def order(self, name: str) -> bool:
        """Let one waiting message of `name` be ordered and delivered; False: there is none that can be."""
        station = self.stations[name]
        if not station.up or station.frozen or not station.outbox or station.ring is None:
            return False
        ring = station.ring
        broken = not self.intact(ring)
        if not broken:
            self.catch_up()
        if broken and self.holder.setdefault(ring, name) != name:
            return False
        item = station.outbox.pop(0)
        self.logs[ring].append((name, item))
        alone = broken and self.random.random() < 0.5
        for other in self.stations.values():
            if other.ring != ring or not other.up or other.got != len(self.logs[ring]) - 1:
                continue
            if other is station or (other.reach == station.reach and not alone):
                self._deliver(other)
        return True

    def catch_up(self) -> None:
        """In a ring that is whole again everybody gets what it has missed."""
        for station in self.stations.values():
            while (
                station.up and station.ring and station.got < len(self.logs[station.ring]) and self.intact(station.ring)
            ):
                self._deliver(station)

    def _deliver(self, station: Station) -> None:
        assert station.ring is not None
        sender, (kind, content) = self.logs[station.ring][station.got][0], self.logs[station.ring][station.got][1][:2]
        station.got += 1
        if kind == "message":
            if station.joined and any(name == sender for name, _ in station.known):
                station.inbox.append(("message", sender, content))
            return
        assert isinstance(content, tuple)
        before = station.known
        station.known = before | {content} if kind == "join" else before - {content}
        if kind == "join" and content == (station.name, station.process):
            station.joined = True
            station.inbox.append(("ring", station.ring, station.ring_nodes))
        if station.joined and station.known != before:
            self._tell_group(station, frozenset(station.known - before))

    def _tell_group(self, station: Station, joined: frozenset[tuple[str, int]]) -> None:
        members = tuple(sorted(name for name, _ in station.known))
        station.inbox.append(("group", members, tuple(sorted(name for name, _ in joined))))

    def unsettled(self) -> list[int]:
        """Sides whose nodes are not in one ring together."""
        sides = []
        for side in sorted({station.side for station in self.stations.values() if station.up and not station.frozen}):
            stations = [s for s in self.stations.values() if s.up and s.reach == side]
            names = {s.name for s in stations}
            if len({s.ring for s in stations}) > 1 or any(set(s.ring_nodes) != names for s in stations):
                sides.append(side)
        return sides

    def form(self, side: int) -> None:
        """The nodes of one side make a ring; those that come along from one ring have delivered the same."""
        stations = [s for s in self.stations.values() if s.up and s.reach == side]
        old = {s.name: s.ring for s in stations}
        for station in stations:
            together = [s for s in stations if s.ring == station.ring]
            top = max(s.got for s in together)
            while station.got < top:
                self._deliver(station)
        group = frozenset((s.name, s.process) for s in stations if s.joined)
        ring = self._new_ring(stations[0])
        nodes = tuple(s.name for s in stations)
        for station in stations:
            came = {name for name in nodes if old[name] == old[station.name]}
            stayed = frozenset(member for member in group if member in station.known and member[0] in came)
            changed = group != station.known or stayed != group
            station.known = group
            self._enter(station, ring, nodes)
            if station.joined and changed:
                self._tell_group(station, group - stayed)

    def _enter(self, station: Station, ring: Ring, nodes: tuple[str, ...]) -> None:
        station.ring, station.ring_nodes, station.got = ring, nodes, 0
        station.saw_all = station.saw_all or len(nodes) == self.total
        if station.joined:
            station.inbox.append(("ring", ring, nodes))
