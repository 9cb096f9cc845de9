"""Whole nodes under a virtual clock: the real cores, a simulated Corosync, units, disks, agents and power.

One seed gives one history. After every step the invariants of DESIGN section 9 are checked; a violation names the seed.
"""

import heapq
from collections.abc import Callable
from random import Random

from sim.agents import Agents
from sim.audit import Audit
from sim.machine import UNITS, Machine, configuration
from sim.network import DETECT_MS, Network
from sim.operators import Operators
from sim.units import Units
from standfast.resourced.codec import decode, encode
from standfast.resourced.core import Core, Identity
from standfast.resourced.events import (
    Action,
    Adopted,
    Answer,
    Entry,
    Event,
    Fence,
    GroupChanged,
    JobDone,
    JoinGroup,
    LeaveAsked,
    LeaveGroup,
    Left,
    NetworkDown,
    QuorumTold,
    Reboot,
    Received,
    RingChanged,
    SendRecord,
    SendTick,
    TickReceived,
    TimePassed,
)
from standfast.resourced.hands import Act
from standfast.resourced.record import Disk, initial
from standfast.vocabulary import Ring


class World:
    def __init__(self, seed: int, names: list[str]) -> None:
        self.seed = seed
        self.random = Random(seed)
        self.names = names
        self.now = 0
        self.count = 0
        self.queue: list[tuple[int, int, Callable[[], None]]] = []
        self.network = Network(names, self.random)
        self.configuration = configuration(names)
        first = initial("d1", {node.name: node.votes for node in self.configuration.nodes}, ("webserv",))
        disk = encode(Disk(highest_term=0, record=first))
        self.machines = {name: Machine(name=name, disk=disk) for name in names}
        self.journal: list[str] = []
        self.fails = 0.0  # how often a start fails
        self.calm = False
        self.crashes = 0.0005  # how often a step is broken off
        self.provoke: Callable[[str, bytes], None] = lambda _name, _data: None  # sees every message that is sent
        self.steps = 0
        self.audit = Audit(self)
        self.operators = Operators(self)
        self.units = Units(self)
        self.agents = Agents(self)

    # Time

    def after(self, delay: int, act: Callable[[], None]) -> None:
        self.count += 1
        heapq.heappush(self.queue, (self.now + max(delay, 0), self.count, act))

    def run(self, until: int) -> None:
        while self.queue and self.queue[0][0] <= until:
            self.now, _, act = heapq.heappop(self.queue)
            act()
            self.steps += 1
        self.now = until

    def note(self, text: str) -> None:
        self.journal.append(f"{self.now / 1000:9.3f} {text}")

    # Power

    def power_on(self, name: str) -> None:
        machine = self.machines[name]
        if machine.powered:
            return
        self.note(f"{name} boots")
        machine.powered, machine.going, machine.hung = True, False, False
        machine.boot += 1
        machine.held = machine.leased = False
        machine.active = dict.fromkeys(UNITS, "inactive")
        machine.jobs, machine.agents, machine.ended = {}, {}, {}
        machine.stubborn, machine.disk_bad = "", False
        self.network.start(name)
        self._reform()
        boot = machine.boot
        self.after(self.random.randint(200, 2000), lambda: self.start_daemon(name, boot))

    def power_off(self, name: str) -> None:
        machine = self.machines[name]
        if not machine.powered:
            return
        self.note(f"{name} is off")
        machine.powered, machine.core, machine.dangerous = False, None, False
        machine.held = machine.leased = False
        machine.active, machine.jobs = dict.fromkeys(UNITS, "inactive"), {}
        machine.agents = {}
        self.network.stop(name)
        self._reform()

    def start_daemon(self, name: str, boot: int) -> None:
        machine = self.machines[name]
        if not machine.powered or machine.boot != boot or machine.core is not None or machine.going:
            return
        machine.life += 1
        machine.hung, machine.missed, machine.begun_at = False, [], self.now
        self.audit.forget(name)
        identity = Identity(
            node=name, incarnation=machine.incarnation, machine=f"machine-{name}", product=f"product-{name}"
        )

        def write(data: bytes) -> bool:
            if not machine.disk_bad:
                machine.disk = data
            return not machine.disk_bad

        machine.core = Core(
            identity=identity,
            configuration=self.configuration,
            installed="d1",
            disk=decode(Disk, machine.disk),
            write=write,
            fresh=lambda: self.random.getrandbits(50),
            now=self.now,
        )
        self.give(
            name, Adopted(group="webserv", held=machine.held, leased=machine.leased, states=self.units.states(name))
        )
        self.agents.tell(name)
        station = self.network.stations[name]
        station.inbox = []
        if station.ring is not None:
            self.tell_ring(name, station.ring, station.ring_nodes)
            self.tell_quorum(name)
            self.network.join(name)
            self._flow(name)
        self._clock(name, machine.life)

    def kill_daemon(self, name: str) -> None:
        machine = self.machines[name]
        if machine.core is None:
            return
        self.note(f"resourced on {name} is killed")
        machine.core = None
        machine.hung = False
        self.audit.unburden(name)
        if self.network.stations[name].up:
            self.network.leave(name)
            self._flow(name)
        boot = machine.boot
        self.after(self.random.randint(100, 3000), lambda: self.start_daemon(name, boot))

    def _clock(self, name: str, life: int) -> None:
        machine = self.machines[name]
        if machine.core is None or machine.life != life:
            return
        if not machine.hung:
            self.give(name, TimePassed())
            self.audit.stopped_in_time(machine)
        self.after(200 + self.random.randint(0, 100), lambda: self._clock(name, life))

    # The core's events and actions

    def give(self, name: str, event: Event) -> None:
        machine = self.machines[name]
        if machine.core is None:
            return
        if machine.hung:
            if isinstance(event, JobDone):
                machine.missed.append(event)
            return
        core = machine.core
        actions = core.step(event, self.now, f"t{self.now}")
        self.audit.record(name, core)
        crash = self.random.random() < self.crashes and not self.calm
        ends = self.random.randint(0, len(actions)) if crash else len(actions)
        for action in actions[:ends]:
            self.perform(name, action)
        if crash:
            self.break_off(name)
        self.audit.safety()

    def break_off(self, name: str) -> None:
        """In the middle of a step the daemon dies, or the whole machine."""
        if self.random.random() < 0.7:
            self.kill_daemon(name)
        else:
            self.power_off(name)
            self.after(self.random.randint(50, 5_000), lambda: self.power_on(name))

    def perform(self, name: str, action: Action) -> None:
        machine = self.machines[name]
        match action:
            case SendRecord() | SendTick() | JoinGroup() | LeaveGroup():
                self._network_action(name, action)
            case Fence(loss=loss, node=node, action=kind):
                self.agents.begin(name, loss, node, kind)
            case Answer(wish=wish, outcome=outcome):
                self.operators.answered(name, wish, outcome)
            case Left():
                self.note(f"{name} has left")
                self.audit.leave(name)
                machine.going, machine.dangerous = True, False
                self.after(100, lambda: self.power_off(name) if machine.going else None)
            case Reboot():
                self.note(f"{name} reboots: it was proven off")
                self.power_off(name)
                self.after(3000, lambda: self.power_on(name))
            case Entry(text=text):
                self.note(f"{name}: {text}")
            case Act():
                self.units.act(name, action)

    def _network_action(self, name: str, action: Action) -> None:
        match action:
            case SendRecord(data=data):
                if self.network.stations[name].joined:
                    self.network.send(name, data)
                    self._flow(name)
                    self.provoke(name, data)
            case SendTick(data=data):
                self._tick(name, data)
            case LeaveGroup():
                self.network.leave(name)
                self._flow(name)
            case JoinGroup():
                if self.network.stations[name].up:
                    self.network.join(name)
                    self._flow(name)

    def _tick(self, name: str, data: bytes) -> None:
        station = self.network.stations[name]
        for other in self.network.stations.values():
            if other.up and station.up and other.ring == station.ring and other.reach == station.reach:
                event = TickReceived(sender=name, data=data)
                self.after(self.random.randint(1, 10), lambda to=other.name, e=event: self.give(to, e))  # type: ignore[misc]

    # Corosync

    def _flow(self, name: str) -> None:
        self.after(self.random.randint(0, 3), lambda: self._order(name))

    def _order(self, name: str) -> None:
        if self.network.order(name):
            self._flow(name)
            for other in self.names:
                self._read(other)

    def _read(self, name: str) -> None:
        if self.network.stations[name].inbox:
            slow = self.random.random() < 0.02 and not self.calm
            self.after(
                self.random.randint(100, 800) if slow else self.random.randint(0, 5), lambda: self._read_one(name)
            )

    def _read_one(self, name: str) -> None:
        station, machine = self.network.stations[name], self.machines[name]
        if not station.inbox or machine.hung:
            return
        kind, *rest = station.inbox.pop(0)
        if kind == "ring":
            self.tell_ring(name, rest[0], rest[1])  # type: ignore[arg-type]
        elif kind == "group":
            self.give(name, GroupChanged(members=rest[0], joined=rest[1]))  # type: ignore[arg-type]
        else:
            self.give(name, Received(sender=str(rest[0]), data=rest[1]))  # type: ignore[arg-type]
        self._read(name)

    def _reform(self) -> None:
        """The nodes of a side find each other, or notice a loss, after the time that Corosync takes."""
        self.after(DETECT_MS + self.random.randint(-400, 400), self._form)

    def _form(self) -> None:
        for side in self.network.unsettled():
            self.network.form(side)
        self.network.catch_up()
        for name in self.names:
            self._read(name)
            self._flow(name)
            self.after(self.random.randint(0, 60), lambda name=name: self.tell_quorum(name))  # type: ignore[misc]

    def tell_ring(self, name: str, ring: Ring, nodes: tuple[str, ...]) -> None:
        if self.machines[name].core is not None and not self.machines[name].hung:
            self.audit.told_ring(name, ring)
            self.give(name, RingChanged(ring=ring, nodes=nodes))

    def tell_quorum(self, name: str) -> None:
        """votequorum's word as it is now; with two nodes it is two_node with wait_for_all."""
        station, machine = self.network.stations[name], self.machines[name]
        if not station.up or station.ring is None or machine.core is None or machine.hung:
            return
        quorate = 2 * len(station.ring_nodes) > len(self.names) or (len(self.names) == 2 and station.saw_all)
        self.audit.told_quorum(name, station.ring, quorate)
        self.give(name, QuorumTold(ring=station.ring, quorate=quorate))

    def resume(self, name: str) -> None:
        """The daemon that hung goes on, with what waited for it first."""
        machine = self.machines[name]
        machine.hung = False
        missed, machine.missed = machine.missed, []
        for event in missed:
            self.give(name, event)
        self._read(name)
        self.tell_quorum(name)
        self.agents.tell(name)
        self.units.observe(name)

    def freeze_corosync(self, name: str, lasts: int) -> None:
        """Corosync on `name` stops for a while, everything else there goes on; nobody sees a difference on it."""
        station = self.network.stations[name]
        if not station.up or station.frozen:
            return
        self.note(f"Corosync on {name} hangs for {lasts} ms")
        station.frozen, ring = True, station.ring
        self._reform()

        def thaw() -> None:
            if station.frozen and station.ring == ring:
                station.frozen = False
                self._reform()
                self._flow(name)

        self.after(lasts, thaw)

    def cut(self, sides: dict[str, int]) -> None:
        self.note(f"cut: {sides}")
        for name, side in sides.items():
            self.network.stations[name].side = side
        self._reform()

    def corosync_dies(self, name: str) -> None:
        if not self.network.stations[name].up:
            return
        self.note(f"Corosync on {name} dies")
        self.network.stop(name)
        self._reform()
        self.give(name, NetworkDown())
        boot = self.machines[name].boot
        self.after(self.random.randint(500, 4000), lambda: self._corosync_starts(name, boot))

    def _corosync_starts(self, name: str, boot: int) -> None:
        machine = self.machines[name]
        if not machine.powered or machine.boot != boot or self.network.stations[name].up or machine.going:
            return
        self.network.start(name)
        self._reform()
        if machine.core is not None:
            self.network.join(name)
            self._flow(name)
        self._read(name)

    # Operators

    def leave(self, name: str) -> None:
        self.note(f"{name} is asked to leave")
        self.give(name, LeaveAsked())

    def serving(self) -> list[str]:
        return [
            name for name in self.names if self.runs(name) and set(self.machines[name].active.values()) == {"active"}
        ]

    def runs(self, name: str) -> bool:
        machine = self.machines[name]
        return machine.powered and any(state in ("active", "deactivating") for state in machine.active.values())
