"""Whole nodes under a virtual clock: the real cores, a simulated Corosync, units, disks, agents and power.

One seed gives one history. After every step the invariants of DESIGN section 9 are checked; a violation names the seed.
"""

import hashlib
import heapq
from collections.abc import Callable
from random import Random
from typing import Any

from sim import configurations
from sim.administrators import Administrators
from sim.agents import Agents
from sim.audit import Audit
from sim.changes import Changes
from sim.corosync import Corosync
from sim.dogs import Dogs
from sim.files import Files
from sim.links import Links
from sim.machine import Machine
from sim.network import Network
from sim.operators import Operators
from sim.outside import Outside
from sim.units import Units
from standfast.configuration.model import Configuration
from standfast.resourced.codec import decode, encode
from standfast.resourced.core import Core
from standfast.resourced.events import (
    Act,
    Action,
    Answer,
    ArmWatchdog,
    Entry,
    Event,
    Fence,
    FetchConfiguration,
    InstallConfiguration,
    JoinGroup,
    LeaveAsked,
    LeaveGroup,
    Left,
    LookOn,
    LoosenQuorum,
    Observed,
    Reboot,
    SendRecord,
    SendTick,
    TellWatchdog,
    TimePassed,
)
from standfast.resourced.presence import Identity
from standfast.resourced.record import Disk, initial

TIME_MS = 200
TIME = TimePassed()
NOT_WAITING = (TimePassed, Observed)  # a daemon that hung reads the time and the units anew
Watcher = Callable[[str, bytes], bool]


class PowerCut(Exception):  # noqa: N818  # no error: it is what happens
    """The power went while the record was being written."""


class World:
    def __init__(self, seed: int, names: list[str], configuration: Configuration | None = None) -> None:
        self.seed = seed
        self.random = Random(f"world {seed}")
        self.names = names
        self.command = f"seed {seed}, {len(names)} nodes"
        self.now = self.count = self.steps = 0
        self.queue: list[tuple[int, int, Callable[..., None], tuple[Any, ...]]] = []
        self.configuration = configuration or configurations.example(names)
        self.network = Network(names, self.random)
        self.machines = {name: self._machine(name) for name in names}
        self.journal: list[str] = []
        self.log: Any = None  # a digest over all events and actions, if one is wanted
        self.fails = 0.0  # how often a start fails
        self.mishaps = 0.0  # how often a start is slow, and an agent slow or failing
        self.calm = False
        self.provoke: Callable[[str, bytes], None] | None = None  # sees every message that is sent
        self.watchers: list[Watcher] = []  # likewise, each until it says True
        self.audit = Audit(self)
        self.operators = Operators(self)
        self.units = Units(self)
        self.outside = Outside(self)
        self.administrators = Administrators(self)
        self.changes = Changes(self)
        self.agents = Agents(self)
        self.dogs = Dogs(self)
        self.files = Files(self)
        self.corosync = Corosync(self, self.network)
        self.links = Links(self, self.network)
        self.arbiter = self.corosync.arbiter
        self.cut = self.corosync.cut
        self.freeze_corosync = self.corosync.freeze
        self.corosync_dies = self.corosync.dies
        self.tell_quorum = self.corosync.tell_quorum

    def _machine(self, name: str) -> Machine:
        configuration = self.configuration
        groups = tuple(group.name for group in configuration.groups)
        first = initial(configuration.digest, {node.name: node.votes for node in configuration.nodes}, groups)
        return Machine(
            name=name,
            disk=encode(Disk(highest_term=0, record=first)),
            stored={configuration.digest},
            used=configuration,
            installed=configuration.digest,
            drift=self.random.randint(-100, 100),
        )

    # Time

    def after(self, delay: int, act: Callable[..., None], *arguments: Any) -> None:
        self.count += 1
        heapq.heappush(self.queue, (self.now + delay if delay > 0 else self.now, self.count, act, arguments))

    def run(self, until: int) -> None:
        queue, pop = self.queue, heapq.heappop
        while queue and queue[0][0] <= until:
            self.now, _, act, arguments = pop(queue)
            act(*arguments)
        self.now = until

    def note(self, text: str) -> None:
        self.journal.append(f"{self.now / 1000:9.3f} {text}")

    # Power

    def power_on(self, name: str) -> None:
        machine = self.machines[name]
        if machine.powered:
            return
        self.note(f"{name} boots")
        machine.powered, machine.going, machine.hung, machine.fencer_down = True, False, False, False
        machine.boot += 1
        machine.booted_at = self.now
        machine.agents, machine.ended = {}, {}
        machine.disk_bad, machine.torn = False, ""
        if self.links.memberships.boots(name):
            self.corosync.start(name)
        self.dogs.boots(name)
        self.after(self.random.randint(200, 2000), self._start_daemon, name, machine.boot)

    def power_off(self, name: str) -> None:
        machine = self.machines[name]
        if not machine.powered:
            return
        self.note(f"{name} is off")
        machine.powered, machine.core, machine.believed_off = False, None, False
        machine.agents = {}
        for place in machine.places.values():
            place.cease()
        self.corosync.stop(name, clean=machine.going)

    # Daemons

    def _start_daemon(self, name: str, boot: int) -> None:
        self.start_daemon(name, boot)  # as it is then: a script may hold it back

    def start_daemon(self, name: str, boot: int) -> None:
        machine = self.machines[name]
        if not machine.powered or machine.boot != boot or machine.core is not None or machine.going:
            return
        machine.life += 1
        machine.hung, machine.missed, machine.begun_at, machine.told = False, [], self.now, set()
        self.audit.forget(name)
        self.outside.looks.pop(name, None)
        disk = decode(Disk, machine.disk)
        self.files.begin(machine, disk.record)
        identity = Identity(
            node=name, incarnation=machine.incarnation, machine=f"machine-{name}", product=f"product-{name}"
        )
        machine.core = Core(
            identity=identity,
            configuration=machine.used,
            installed=machine.installed,
            disk=disk,
            write=lambda data: self._write(machine, data),
            fresh=lambda: self.random.getrandbits(50),
            now=machine.boottime(self.now),
            speaks=machine.speaks,
        )
        self.units.adopt(name)
        self.agents.tell(name)
        self.dogs.greet(name)
        self.corosync.greet(name)
        self._clock(machine, machine.life)

    def _write(self, machine: Machine, data: bytes) -> bool:
        if machine.torn:
            machine.disk = data if machine.torn == "new" else machine.disk
            raise PowerCut
        if not machine.disk_bad:
            machine.disk = data
        return not machine.disk_bad

    def kill_daemon(self, name: str) -> None:
        machine = self.machines[name]
        if machine.core is None:
            return
        self.note(f"resourced on {name} is killed")
        machine.core = None
        machine.hung = False
        self.audit.unburden(machine)
        if self.network.stations[name].up:
            self.corosync.leave(name)
        self.after(self.random.randint(100, 3000), self._start_daemon, name, machine.boot)

    def _clock(self, machine: Machine, life: int) -> None:
        if machine.core is None or machine.life != life:
            return
        if not machine.hung:
            self.give(machine.name, TIME)
            if machine.powerless_since is not None:
                self.audit.stopped_in_time(machine)
        self.after(TIME_MS + int(self.random.random() * 100), self._clock, machine, life)

    def resume(self, name: str) -> None:
        """The daemon that hung goes on, with what waited for it first."""
        machine = self.machines[name]
        machine.hung = False
        missed, machine.missed = machine.missed, []
        for event in missed:
            self.give(name, event)
        self.corosync.read(self.network.stations[name])
        self.tell_quorum(name)
        self.agents.tell(name)
        self.units.observe_all(name)

    # The core's events and actions

    def give(self, name: str, event: Event) -> None:
        machine = self.machines[name]
        core = machine.core
        if core is None:
            return
        if machine.hung:
            if not isinstance(event, NOT_WAITING):
                machine.missed.append(event)
            return
        self.steps += 1
        try:
            actions = core.step(event, machine.boottime(self.now), f"t{self.now + machine.wall}")
        except PowerCut:
            self._power_cut(name)
            return
        except Exception as error:
            self.audit.raised(name, event, error)
            raise
        if self.log is not None:
            self.log.update(f"{self.now} {name} {event} {actions}".encode())
        self.audit.stepped(name, core)
        self.outside.stepped(name, core)
        if not actions:
            return
        if machine.break_off:
            self._perform_some(machine, actions)
            return
        for action in actions:
            self.perform(name, action)

    def _power_cut(self, name: str) -> None:
        self.note(f"{name} loses power while it writes")
        self.machines[name].torn = ""
        self.power_off(name)
        self.after(self.random.randint(500, 8_000), self.power_on, name)

    def _perform_some(self, machine: Machine, actions: list[Action]) -> None:
        """In the middle of a step the daemon dies, or the whole machine."""
        machine.break_off -= 1
        ends = len(actions) if machine.break_off else self.random.randint(0, len(actions))
        for action in actions[:ends]:
            self.perform(machine.name, action)
        if machine.break_off:
            return
        if self.random.random() < 0.7:
            self.kill_daemon(machine.name)
        else:
            self.power_off(machine.name)
            self.after(self.random.randint(50, 5_000), self.power_on, machine.name)

    def perform(self, name: str, action: Action) -> None:  # noqa: C901  # one row for each kind of action
        match action:
            case SendTick(data=data):
                self.corosync.tick(name, data)
            case SendRecord(data=data):
                self._send(name, data)
            case Entry(text=text):
                self.note(f"{name}: {text}")
                self.audit.truth.told(action.event, action.fields.get("SUBJECT", ""))
            case Act():
                self.units.act(name, action)
            case LeaveGroup():
                self.corosync.leave(name)
            case JoinGroup():
                self.corosync.join(name)
            case LookOn(looks=looks):
                self.outside.look_on(name, looks)
            case ArmWatchdog():
                self.after(self.random.randint(1, 20), self.dogs.arm, name, self.machines[name].life)
            case TellWatchdog():
                self.dogs.told(name, action)
            case Fence(loss=loss, node=node, action=kind):
                self.agents.begin(name, loss, node, kind)
            case LoosenQuorum():
                self.after(self.random.randint(1, 20), self.corosync.loosen, name, action)
            case Answer(wish=wish, outcome=outcome):
                self.operators.answered(name, wish, outcome, action.text)
            case FetchConfiguration(digest=digest):
                self.files.fetch(name, digest)
            case InstallConfiguration(digest=digest):
                self.files.install(name, digest)
            case Left() | Reboot():
                self._goes(name, action)

    def _send(self, name: str, data: bytes) -> None:
        self.audit.truth.sent(name, data)
        self.corosync.send(name, data)
        if self.provoke is not None:
            self.provoke(name, data)
        if self.watchers:
            self.watchers = [watcher for watcher in self.watchers if not watcher(name, data)]

    def _goes(self, name: str, action: Left | Reboot) -> None:
        machine = self.machines[name]
        if isinstance(action, Reboot):
            self.note(f"{name} reboots: it was proven off")
            self.after(self.random.randint(1_000, 5_000), self._reboots, machine, machine.boot)
            return
        self.note(f"{name} has left")
        self.audit.leave(name)
        machine.going = True
        self.audit.unburden(machine)
        self.after(100, lambda: self.power_off(name) if machine.going else None)

    def _reboots(self, machine: Machine, boot: int) -> None:
        if machine.powered and machine.boot == boot:
            self.power_off(machine.name)
            self.after(3_000, self.power_on, machine.name)

    # What histories ask

    def leave(self, name: str) -> None:
        self.note(f"{name} is asked to leave")
        self.machines[name].leaves = True
        self.give(name, LeaveAsked())

    def start_again(self, name: str) -> None:
        """An operator starts what is just being stopped; the daemon does not end, if it has not yet."""
        machine = self.machines[name]
        if machine.core is not None and not machine.hung:
            self.note(f"{name} is started again")
            machine.leaves = machine.going = False
            self.give(name, LeaveAsked(taken_back=True))

    def serving(self, group: str = "webserv") -> list[str]:
        """The nodes where all that is critical of the group is active."""
        return [machine.name for machine in self.machines.values() if self._serves(machine, group)]

    def _serves(self, machine: Machine, group: str) -> bool:
        settings = machine.used.group(group) or self.files.settings(group)
        if settings is None or not machine.runs(group):
            return False
        return machine.places[group].serves(resource.unit for resource in settings.resources if resource.critical)

    def keep_log(self) -> None:
        """From now on everything goes into one digest."""
        self.log = hashlib.sha256()
