"""How what the simulated Corosync does reaches the daemons: readers, ticks, rings, votequorum's word, faults."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.arbiter import Arbiter
from sim.network import DETECT_MS, Formation, Network, Station
from standfast.configuration.quorum import quorum_of
from standfast.resourced.events import (
    GroupChanged,
    LoosenQuorum,
    NetworkDown,
    QuorumTold,
    Received,
    RingChanged,
    TickReceived,
)
from standfast.vocabulary import Ring

if TYPE_CHECKING:
    from sim.world import World

CHURN_MS = 600  # consensus: how often the odd node makes a new ring
LEAVE_MS = (50, 190)  # how soon the others notice a Corosync that was stopped in order


class Corosync:
    def __init__(self, world: World, network: Network) -> None:
        self.world = world
        self.network = network
        self.loosened = 0
        self.arbiter = Arbiter(world, network) if world.configuration.cluster.arbiter else None

    # The record's group

    def send(self, name: str, data: bytes) -> None:
        if self.network.stations[name].joined:
            self.network.send(name, data)
            self.flow(name)

    def join(self, name: str) -> None:
        if self.network.stations[name].up:
            self.network.join(name)
            self.flow(name)

    def leave(self, name: str) -> None:
        self.network.leave(name)
        self.flow(name)

    def flow(self, name: str) -> None:
        self.world.after(int(self.world.random.random() * 4), self._order, name)

    def _order(self, name: str) -> None:
        if self.network.order(name):
            if self.network.stations[name].outbox:
                self.flow(name)
            self._wake()

    def _wake(self) -> None:
        for station in self.network.all:
            if station.inbox and not station.reading:
                self.read(station)

    def read(self, station: Station) -> None:
        """The reader of this node looks soon; sometimes its machine is busy."""
        world = self.world
        station.reading = True
        drawn = world.random.random()
        slow = drawn < 0.01 and not world.calm
        world.after(100 + int(drawn * 70_000) if slow else int(drawn * 6), self._read, station)

    def _read(self, station: Station) -> None:
        station.reading = False
        world, machine = self.world, self.world.machines[station.name]
        if not station.inbox or machine.hung:
            return
        kind, first, *rest = station.inbox.popleft()
        if kind == "message":
            more = bool(station.inbox) and station.inbox[0][0] == "message"  # read with it
            world.give(station.name, Received(sender=first, data=rest[0], more=more))
        elif kind == "ring":
            self.tell_ring(station.name, first, rest[0])
        else:
            world.give(station.name, GroupChanged(members=first, joined=rest[0]))
        if station.inbox and not station.reading:
            self.read(station)

    # Ticks

    def tick(self, name: str, data: bytes) -> None:
        station = self.network.stations[name]
        if station.up and not station.stalled and station.formation is not None:
            delay = 1 + int(self.world.random.random() * 10)
            event = TickReceived(sender=name, data=data)
            self.world.after(delay, self._ticked, station, station.formation, event)

    def _ticked(self, sender: Station, formation: Formation, event: TickReceived) -> None:
        world = self.world
        for station in self.network.all:
            if not station.up or station.formation is not formation or station.reach != sender.reach:
                continue
            if world.random.random() < 0.02 and not world.calm:
                world.after(world.random.randint(50, 800), world.give, station.name, event)
            else:
                world.give(station.name, event)

    # Rings and quorum

    def reform(self, least: int = DETECT_MS - 400, most: int = DETECT_MS + 400) -> None:
        """The nodes of a side find each other, or notice a loss, after the time that Corosync takes."""
        self.world.after(self.world.random.randint(least, most), self._form)

    def _form(self) -> None:
        for side in self.network.unsettled():
            self.network.form(side)
            if self.network.odd:
                for station in self.network.all:
                    station.stalled = station.up and station.reach == side and station.name != self.network.odd
        for name in self.network.parts.stuck:
            self.network.stations[name].stalled = True
        self.network.catch_up()
        self.formed()
        for station in self.network.all:
            if station.outbox:
                self.flow(station.name)
            if station.up and not station.stalled:
                self.world.after(self.world.random.randint(0, 60), self._word, station.name)

    def formed(self) -> None:
        """Somebody has a new ring."""
        if self.arbiter is not None:
            self.arbiter.formed()
        self._wake()

    def tell_ring(self, name: str, ring: Ring, nodes: tuple[str, ...]) -> None:
        machine = self.world.machines[name]
        if machine.core is not None and not machine.hung:
            self.world.audit.told_ring(name, ring)
            self.world.give(name, RingChanged(ring=ring, nodes=nodes))

    def _word(self, name: str) -> None:
        self.world.tell_quorum(name)

    def tell_quorum(self, name: str) -> None:
        """votequorum's word as it is now; two nodes without an arbiter are two_node with wait_for_all. Every node says
        how many votes it expects, and the highest counts. Lowered ones go up again with the votes that are here."""
        station, machine = self.network.stations[name], self.world.machines[name]
        if station.ring is None or machine.core is None or machine.hung or station.stalled:
            return
        present = sum(self._votes(other) for other in station.ring_nodes)
        vote = self.arbiter.vote(station) if self.arbiter is not None else 0
        if vote is None:
            return
        station.expected = max(station.expected, present) if station.expected else 0
        expected = station.expected or max(map(self._expected, station.ring_nodes))
        two_node = quorum_of(machine.used).two_node
        quorate = 2 * (present + vote) > expected or (two_node and station.saw_all)
        self.world.audit.told_quorum(name, station.ring, quorate)
        self.world.give(name, QuorumTold(ring=station.ring, quorate=quorate))

    def _votes(self, name: str) -> int:
        """As its own corosync.conf has it, which is of the version that is installed there."""
        return quorum_of(self.world.machines[name].used).votes((name,))

    def _expected(self, name: str) -> int:
        return quorum_of(self.world.machines[name].used).expected

    def loosen(self, name: str, action: LoosenQuorum) -> None:
        """What every node of this ring is told: one message of votequorum."""
        self.loosened += 1
        for other in self.network.stations[name].ring_nodes:
            station = self.network.stations[other]
            station.saw_all |= action.cancel_wait_for_all
            station.expected = action.expected or station.expected
            self.world.after(self.world.random.randint(1, 60), self._word, other)

    def greet(self, name: str) -> None:
        """A new process of the daemon on this node is told how things are, and joins the group."""
        station = self.network.stations[name]
        station.inbox.clear()
        if station.ring is not None:
            self.tell_ring(name, station.ring, station.ring_nodes)
            self.world.tell_quorum(name)
            self.join(name)

    # Faults

    def start(self, name: str) -> None:
        self.network.start(name)
        self.world.links.memberships.begins(name)
        if self.arbiter is not None:
            self.arbiter.starts(name)
        self.reform()

    def stop(self, name: str, *, clean: bool = False) -> None:
        self.network.stop(name)
        if self.arbiter is not None:
            self.arbiter.stops(name)
        if clean:
            self.reform(*LEAVE_MS)
        else:
            self.reform()

    def cut(self, sides: dict[str, int]) -> None:
        self.world.note(f"cut: {sides}")
        self.network.move(sides)
        self.network.odd = ""
        self.reform()

    def churn(self, name: str, lasts: int) -> None:
        """This node and one other do not hear each other, everybody else hears both."""
        network, world = self.network, self.world
        if network.total < 3 or network.odd or network.bad or not network.stations[name].up:
            return
        world.note(f"rings churn for {lasts} ms: {name} is not heard by one of the others")
        network.odd = name
        network.move({name: 10 + network.stations[name].id})
        self.reform(1_500, 2_000)
        world.after(2_100, self._churn, name)
        world.after(lasts, self._churned, name)

    def _churn(self, name: str) -> None:
        station = self.network.stations[name]
        if self.network.odd == name and station.up and not station.frozen:
            self.network.form(station.side)
            self.formed()
            self.world.after(self.world.random.randint(0, 60), self._word, name)
            self.world.after(CHURN_MS, self._churn, name)

    def _churned(self, name: str) -> None:
        if self.network.odd == name:
            self.world.note("rings churn no more")
            self.network.odd = ""
            self.network.move(dict.fromkeys(self.world.names, 0))
            self.reform(300, 1_300)

    def freeze(self, name: str, lasts: int) -> None:
        """Corosync on `name` stops for a while, everything else there goes on; nobody sees a difference on it."""
        station = self.network.stations[name]
        if not station.up or station.frozen:
            return
        self.world.note(f"Corosync on {name} hangs for {lasts} ms")
        self.network.freeze(station, frozen=True)
        self.reform()
        self.world.after(lasts, self._thaw, station, station.formation)

    def _thaw(self, station: Station, formation: Formation | None) -> None:
        if station.frozen and station.formation is formation:
            self.network.freeze(station, frozen=False)
            self.reform()
            self.flow(station.name)

    def dies(self, name: str) -> None:
        world, machine = self.world, self.world.machines[name]
        if not self.network.stations[name].up:
            return
        world.note(f"Corosync on {name} dies")
        self.stop(name)
        world.give(name, NetworkDown())
        world.after(world.random.randint(500, 4000), self.starts, name, machine.boot)

    def starts(self, name: str, boot: int) -> None:
        machine = self.world.machines[name]
        if not machine.powered or machine.boot != boot or self.network.stations[name].up or machine.going:
            return
        if not self.world.links.memberships.here(machine):
            return
        self.start(name)
        if machine.core is not None:
            self.join(name)
        self._wake()
