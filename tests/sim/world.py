"""Whole nodes under a virtual clock: the real cores, a simulated Corosync, units, disks, agents and power.

One seed gives one history. After every step the invariants of DESIGN section 9 are checked; a violation names the seed.
"""

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from standfast.configuration.model import Cluster, Configuration, Domain, Group, Node, Plug, Resource
from standfast.resourced.codec import decode
from standfast.resourced.core import Core, Disk, Identity
from standfast.resourced.events import (
    Action,
    Adopted,
    Answer,
    Entry,
    Event,
    Fence,
    FencingTold,
    GroupChanged,
    JobDone,
    JoinGroup,
    LeaveAsked,
    LeaveGroup,
    Left,
    NetworkDown,
    Observed,
    QuorumTold,
    Reboot,
    Received,
    RingChanged,
    SendRecord,
    SendTick,
    TickReceived,
    TimePassed,
    Wished,
)
from standfast.resourced.hands import Act, Verb
from standfast.resourced.messages import RunningAttempt, Wish, WishKind
from standfast.resourced.record import initial, whole_digest
from standfast.vocabulary import Cause, UnitState
from tests.sim.network import DETECT_MS, Network

UNITS = ("ip.service", "web.service")


class Violation(AssertionError):
    """An invariant is broken."""


def configuration(names: list[str]) -> Configuration:
    nodes = tuple(
        Node(name=name, id=index + 1, addresses=(f"192.0.2.{index + 11}",), fence=((Plug(device="bmc", plug=name),),))
        for index, name in enumerate(names)
    )
    resources = tuple(Resource(unit=unit) for unit in UNITS)
    group = Group(
        name="webserv",
        description="",
        resources=resources,
        domain="web",
        in_place=True,
        restart_window_ms=60_000,
        failure_expire_ms=60_000,
    )
    return Configuration(
        cluster=Cluster(name="sim"),
        nodes=nodes,
        devices=(),
        domains=(Domain(name="web", nodes=tuple(names), ordered=True),),
        groups=(group,),
        digest="d1",
    )


@dataclass
class Machine:
    """One server: what survives a crash of its daemon, and what survives a power cut (its disk)."""

    name: str
    disk: bytes
    powered: bool = False
    boot: int = 0
    core: Core | None = None
    life: int = 0  # of the daemon's process
    hung: bool = False
    going: bool = False  # it left and switches itself off
    held: bool = False
    leased: bool = False
    active: dict[str, str] = field(default_factory=lambda: dict.fromkeys(UNITS, "inactive"))
    jobs: dict[str, str] = field(default_factory=dict)
    agents: dict[tuple[str, str], str] = field(default_factory=dict)  # (loss, action): node
    ended: dict[tuple[str, str], tuple[bool, str]] = field(default_factory=dict)
    dangerous: bool = False  # it was a member of an open term and was neither off nor gone since


class World:
    def __init__(self, seed: int, names: list[str]) -> None:
        self.seed = seed
        self.random = Random(seed)
        self.names = names
        self.now = 0
        self.count = 0
        self.queue: list[tuple[int, int, Callable[[], None]]] = []
        self.network = Network(names, self.random)
        self.ticks = Network(names, self.random)  # never used for order, only for who is in reach
        self.configuration = configuration(names)
        first = initial("d1", {node.name: node.votes for node in self.configuration.nodes}, ("webserv",))
        from standfast.resourced.codec import encode

        disk = encode(Disk(highest_term=0, record=first))
        self.machines = {name: Machine(name=name, disk=disk) for name in names}
        self.contents: dict[tuple[str, int], str] = {}
        self.asked: dict[str, tuple[str, bool]] = {}  # wish: (node, standby)
        self.latest: dict[str, str] = {}  # node: its latest wish
        self.acknowledged: dict[str, tuple[int, bool]] = {}  # node: (term, standby)
        self.open_until: dict[str, int] = {}
        self.journal: list[str] = []
        self.words: dict[str, object] = {}
        self.fails = 0.0  # how often a start fails
        self.lies = False
        self.steps = 0

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
        machine.hung = False
        identity = Identity(
            node=name, incarnation=f"{name}/{machine.boot}", machine=f"machine-{name}", product=f"product-{name}"
        )

        def write(data: bytes) -> bool:
            machine.disk = data
            return True

        machine.core = Core(
            identity=identity,
            configuration=self.configuration,
            installed="d1",
            disk=decode(Disk, machine.disk),
            write=write,
            fresh=lambda: self.random.getrandbits(50),
            now=self.now,
        )
        self.give(name, Adopted(group="webserv", held=machine.held, leased=machine.leased, states=self.states(name)))
        self.fencing(name, restarted=False)
        station = self.network.stations[name]
        if station.ring is not None:
            self.give(name, RingChanged(ring=station.ring, nodes=station.ring_nodes))
            self._word(name)
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
        self.after(200 + self.random.randint(0, 100), lambda: self._clock(name, life))

    # The core's events and actions

    def give(self, name: str, event: Event) -> None:
        machine = self.machines[name]
        if machine.core is None or machine.hung:
            return
        core = machine.core
        actions = core.step(event, self.now, f"t{self.now}")
        self.check_record(name, core)
        crash = self.random.random() < 0.0005 and not self.calm
        for index, action in enumerate(actions):
            if crash and index >= self.random.randint(0, len(actions)):
                self.kill_daemon(name)  # in the middle of a step
                break
            self.perform(name, action)
        self.check_safety()

    calm = False

    def perform(self, name: str, action: Action) -> None:
        machine = self.machines[name]
        match action:
            case SendRecord(data=data):
                if self.network.stations[name].joined:
                    self.network.send(name, data)
                    self._flow(name)
            case SendTick(data=data):
                self._tick(name, data)
            case LeaveGroup():
                self.network.leave(name)
                self._flow(name)
            case JoinGroup():
                if self.network.stations[name].up:
                    self.network.join(name)
                    self._flow(name)
            case Fence(loss=loss, node=node, action=kind):
                self.begin_agent(name, loss, node, kind)
            case Answer(wish=wish, outcome=outcome):
                self.answered(name, wish, outcome)
            case Left():
                self.note(f"{name} has left")
                machine.going, machine.dangerous = True, False
                self.after(100, lambda: self.power_off(name) if machine.going else None)
            case Reboot():
                self.note(f"{name} reboots: it was proven off")
                self.power_off(name)
                self.after(3000, lambda: self.power_on(name))
            case Entry(text=text):
                self.note(f"{name}: {text}")
            case Act():
                self.act(name, action)

    def _tick(self, name: str, data: bytes) -> None:
        station = self.network.stations[name]
        for other in self.network.stations.values():
            if other.up and station.up and other.ring == station.ring and other.side == station.side:
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
            self.give(name, RingChanged(ring=rest[0], nodes=rest[1]))  # type: ignore[arg-type]
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
        for name in self.names:
            self._read(name)
            self._flow(name)
            self.after(self.random.randint(0, 60), lambda name=name: self._word(name))  # type: ignore[misc]

    def _word(self, name: str) -> None:
        station = self.network.stations[name]
        if not station.up or station.ring is None:
            return
        quorate = 2 * len(station.ring_nodes) > len(self.names)
        self.give(name, QuorumTold(ring=station.ring, quorate=quorate))

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

    # Units

    def states(self, name: str) -> tuple[UnitState, ...]:
        machine = self.machines[name]
        return tuple(
            UnitState(
                unit=unit,
                load="loaded",
                active=machine.active[unit],
                job=machine.jobs.get(unit, ""),
                processes=machine.active[unit] in ("active", "deactivating"),
                cause=Cause(kind="signal", text=f"{unit} was killed") if machine.active[unit] == "failed" else None,
            )
            for unit in UNITS
        )

    def observe(self, name: str) -> None:
        self.give(name, Observed(group="webserv", states=self.states(name)))

    def act(self, name: str, act: Act) -> None:
        machine = self.machines[name]
        match act.verb:
            case Verb.HOLD:
                machine.held = True
            case Verb.RELEASE:
                machine.held = False
            case Verb.GRANT:
                machine.leased = True
                self.check_start(name)
            case Verb.REVOKE:
                machine.leased = False
            case Verb.START | Verb.RESTART:
                self._start_units(name, act)
            case Verb.STOP | Verb.KILL:
                self._stop_unit(name, act)

    def _start_units(self, name: str, act: Act) -> None:
        machine, boot = self.machines[name], self.machines[name].boot
        units = UNITS if act.verb is Verb.START else UNITS[UNITS.index(act.unit) :]
        due = 0
        for unit in units:
            machine.jobs[unit] = "start"
            due += self.random.randint(5, 300)
            self.after(due, lambda unit=unit: self._started(name, boot, unit))  # type: ignore[misc]
        self.after(due + 1, lambda: self._job_over(name, boot, act))
        self.after(0, lambda: self.observe(name))

    def _started(self, name: str, boot: int, unit: str) -> None:
        machine = self.machines[name]
        if not machine.powered or machine.boot != boot or machine.jobs.get(unit) != "start":
            return
        del machine.jobs[unit]
        if not machine.leased:
            return  # the guard
        machine.active[unit] = "failed" if self.random.random() < self.fails else "active"
        self.check_safety()
        self.observe(name)

    def _job_over(self, name: str, boot: int, act: Act) -> None:
        machine = self.machines[name]
        if machine.powered and machine.boot == boot:
            self.give(name, JobDone(group="webserv", unit=act.unit, verb=act.verb))
            self.observe(name)

    def _stop_unit(self, name: str, act: Act) -> None:
        machine, boot = self.machines[name], self.machines[name].boot
        if act.unit in machine.jobs:
            del machine.jobs[act.unit]
        if act.unit in UNITS and machine.active[act.unit] == "active":
            machine.active[act.unit] = "deactivating"
        self.after(self.random.randint(2, 200), lambda: self._unit_stopped(name, boot, act))

    def _unit_stopped(self, name: str, boot: int, act: Act) -> None:
        machine = self.machines[name]
        if not machine.powered or machine.boot != boot:
            return
        if act.unit in UNITS and machine.active[act.unit] == "deactivating":
            machine.active[act.unit] = "inactive"
        self._job_over(name, boot, act)

    def unit_fails(self, name: str) -> None:
        machine = self.machines[name]
        if machine.powered and machine.active["web.service"] == "active":
            self.note(f"web.service on {name} fails")
            machine.active["web.service"] = "failed"
            self.observe(name)

    # Agents

    def begin_agent(self, name: str, loss: str, node: str, action: str) -> None:
        machine, key = self.machines[name], (loss, action)
        if key in machine.agents:
            return
        self.note(f"fenced on {name}: {action} {node} (loss {loss})")
        machine.agents[key] = node
        machine.ended.pop(key, None)
        boot = machine.boot
        self.fencing(name)
        self.after(self.random.randint(300, 1500), lambda: self._agent_acts(name, boot, key, node))

    def _agent_acts(self, name: str, boot: int, key: tuple[str, str], node: str) -> None:
        machine = self.machines[name]
        if not machine.powered or machine.boot != boot or key not in machine.agents:
            return
        good = self.random.random() > 0.15 or self.calm
        if good and key[1] == "off":
            self.power_off(node)
        elif good:
            self.power_on(node)
        self.after(self.random.randint(50, 900), lambda: self._agent_ends(name, boot, key, node, good))

    def _agent_ends(self, name: str, boot: int, key: tuple[str, str], node: str, good: bool) -> None:
        """An agent's `off` is proven by a status that it reads itself."""
        machine = self.machines[name]
        if not machine.powered or machine.boot != boot or key not in machine.agents:
            return
        if key[1] == "off":
            good = good and not self.machines[node].powered
        del machine.agents[key]
        machine.ended[key] = (good, "status is off" if good else "no answer")
        self.fencing(name)

    def fencing(self, name: str, restarted: bool = False) -> None:
        machine = self.machines[name]
        running = tuple(
            RunningAttempt(loss=loss, node=node, action=action)
            for (loss, action), node in sorted(machine.agents.items())
        )
        self.give(name, FencingTold(running=running, ended=dict(machine.ended), restarted=restarted))

    # Operators

    def wish_standby(self, name: str, node: str, standby: bool) -> None:
        if self.now < self.open_until.get(node, 0):
            return  # one wish for a node at a time: two at once may come true in any order
        self.open_until[node] = self.now + 25_000
        identity = f"w{self.count}"
        self.count += 1
        self.note(f"operator on {name}: {'standby' if standby else 'resume'} {node} ({identity})")
        self.asked[identity] = (node, standby)
        self.latest[node] = identity
        self.acknowledged.pop(node, None)
        kind = WishKind.STANDBY if standby else WishKind.RESUME
        self.give(name, Wished(wish=Wish(id=identity, kind=kind, subject=node)))

    def answered(self, name: str, wish: str, outcome: str) -> None:
        node, standby = self.asked[wish]
        self.note(f"wish {wish}: {outcome}")
        core = self.machines[name].core
        if outcome == "done" and self.latest[node] == wish and core is not None and core.terms.term is not None:
            self.acknowledged[node] = (core.terms.term.number, standby)

    def leave(self, name: str) -> None:
        self.note(f"{name} is asked to leave")
        self.give(name, LeaveAsked())

    # Checks

    def runs(self, name: str) -> bool:
        machine = self.machines[name]
        return machine.powered and any(state in ("active", "deactivating") for state in machine.active.values())

    def fail(self, text: str) -> None:
        tail = "\n".join(self.journal[-60:])
        raise Violation(f"{text}\nseed {self.seed}, {len(self.names)} nodes, at {self.now / 1000:.3f} s\n{tail}")

    def check_safety(self) -> None:
        running = [name for name in self.names if self.runs(name)]
        if len(running) > 1:
            self.fail(f"invariant 1: webserv runs on {', '.join(running)}")
        for name in self.names:
            if self.runs(name) and not self.machines[name].held:
                self.fail(f"units of webserv are active on {name} without held")

    def check_start(self, name: str) -> None:
        """Invariant 2: whoever is not in the starter's term was off, or left, since it last was in an open one."""
        core = self.machines[name].core
        assert core is not None
        assert core.terms.term is not None
        self.note(f"{name} starts webserv in term {core.terms.term.number}")
        for other in self.names:
            if other not in core.terms.term.members and self.machines[other].dangerous:
                self.fail(
                    f"invariant 2: {name} starts webserv, but {other} was neither off nor gone since its last term"
                )

    def check_record(self, name: str, core: Core) -> None:
        term = core.terms.term
        if term is None or core.record is None:
            return
        if term.position > 1:
            self.machines[name].dangerous = True
        digest = whole_digest(core.record)
        known = self.contents.setdefault((term.nonce, term.position), digest)
        if term.position and known != digest:
            self.fail(f"invariant 4: two contents at {term.nonce}, position {term.position}")
        for node, (number, standby) in self.acknowledged.items():
            if term.number > number and term.position and core.record.nodes[node].standby != standby:
                self.fail(f"invariant 5: the acknowledged standby={standby} of {node} is not in term {term.number}")

    def serving(self) -> list[str]:
        return [
            name for name in self.names if self.runs(name) and set(self.machines[name].active.values()) == {"active"}
        ]
