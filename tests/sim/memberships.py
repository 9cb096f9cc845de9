"""The simulator's membershipd, as far as it withdraws: each node judges its own links by `withdrawal.step` itself."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from random import Random
from typing import TYPE_CHECKING

from sim.faulty import hears
from sim.network import DETECT_MS, Network, Station
from standfast.membershipd import pause
from standfast.membershipd.withdrawal import (
    Decision,
    LinksRead,
    RingFormed,
    TermOpened,
    Wait,
    Watch,
    Withdraw,
    churns,
    step,
)
from standfast.resourced.events import NetworkDown

if TYPE_CHECKING:
    from sim.machine import Machine
    from sim.world import World

LOOK_MS = 250  # while rings churn
AT_REST_MS = 2_000
SILENT_MS = DETECT_MS // 2  # so soon knet notices that a link is down
UNANSWERED = 0.15  # how often Corosync does not answer while rings churn


@dataclass(slots=True)
class Membership:
    """What one node's membershipd knows in one life of Corosync."""

    watch: Watch
    entered: int  # rings that it knows of
    silent: dict[str, int] = field(default_factory=dict)  # peer: from when on its link is shown as down


class Memberships:
    def __init__(self, world: World, network: Network, random: Random) -> None:
        self.world = world
        self.network = network
        self.random = random
        self.known: dict[str, Membership] = {}  # of the Corosyncs that run
        self.members: dict[str, frozenset[int]] = {}  # of the last open term of this boot, by node
        self.looking: set[str] = set()
        self.withdrawals = 0

    # Looks

    def watch(self) -> None:
        """Links are faulty: from now on until the churn is over every node looks at its own."""
        for name in self.world.names:
            if name not in self.looking:
                self.looking.add(name)
                self.world.after(self.random.randint(0, AT_REST_MS), self._look, name)

    def _look(self, name: str) -> None:
        station = self.network.stations[name]
        wait_ms = LOOK_MS
        if station.up:
            known = self._known(station)
            decision = self._judge(name, known)
            if isinstance(decision, Withdraw):
                self._withdraws(name, decision)
            elif isinstance(decision, Wait):
                wait_ms = max(min(LOOK_MS, decision.until_ms - self.world.now), 10)
        elif not self.network.bad:
            self.known.pop(name, None)
        if self.network.bad or (station.up and churns(self.known[name].watch, self.world.now)):
            self.world.after(wait_ms, self._look, name)
        else:
            self.known.pop(name, None)
            self.looking.discard(name)

    def _known(self, station: Station) -> Membership:
        if station.name not in self.known:
            watch = Watch(me=station.id, detect_within_ms=DETECT_MS, members=self._members(station.name))
            self.known[station.name] = Membership(watch=watch, entered=self._entered(station))
        return self.known[station.name]

    def _members(self, name: str) -> frozenset[int]:
        """Of the last open term, as its resourced publishes it; before there was one every configured node."""
        core = self.world.machines[name].core
        if core is not None and core.terms.term is not None and not self.world.machines[name].hung:
            self.members[name] = frozenset(self.network.stations[other].id for other in core.terms.term.members)
        return self.members.get(name) or frozenset(station.id for station in self.network.all)

    def _entered(self, station: Station) -> int:
        return station.entered + self.world.links.formed[station.name]

    def _judge(self, name: str, known: Membership) -> Decision:
        """What follows from a look. Corosync's rings are known also where it does not answer: then the links are taken
        to be as before."""
        now, station = self.world.now, self.network.stations[name]
        members, entered = self._members(name), self._entered(station)
        if members != known.watch.members:
            known.watch, _ = step(known.watch, TermOpened(at_ms=now, members=members))
        if entered > known.entered:
            known.watch, _ = step(known.watch, RingFormed(at_ms=now, sequence=entered))
            known.entered = entered
        if station.frozen or (churns(known.watch, now) and self.random.random() < UNANSWERED):
            heard = known.watch.members - known.watch.missed.keys() - {station.id}
        else:
            heard = frozenset(other.id for other in self.network.all if self._is_heard(station, other, known))
        known.watch, decision = step(known.watch, LinksRead(at_ms=now, heard=heard))
        return decision

    def _is_heard(self, station: Station, other: Station, known: Membership) -> bool:
        """Whatever Corosync makes of it, as knet shows the link between the two."""
        up = other.up and not other.frozen and other.side == station.side
        if other is station or (up and hears(station.name, other.name, self.network.bad)):
            known.silent.pop(other.name, None)
        else:
            known.silent.setdefault(other.name, self.world.now + self.random.randint(0, SILENT_MS))
        return known.silent.get(other.name, self.world.now + 1) > self.world.now

    # The withdrawal

    def here(self, machine: Machine) -> bool:
        """It has not withdrawn, or its pause is over."""
        return not machine.pause or pause.decode(machine.pause).over

    def boots(self, name: str) -> bool:
        """Its Corosync is started; False: it has withdrawn, and its pause is counted anew."""
        machine = self.world.machines[name]
        self.members.pop(name, None)
        self.begins(name)
        if self.here(machine):
            return True
        resumed = pause.resume(pause.decode(machine.pause), machine.incarnation, machine.boottime(self.world.now))
        machine.pause = pause.encode(resumed)
        self.world.after(resumed.length_ms, self._returns, machine, machine.boot)
        return False

    def begins(self, name: str) -> None:
        """A new life of Corosync."""
        self.known.pop(name, None)

    def _withdraws(self, name: str, decision: Withdraw) -> None:
        world, machine = self.world, self.world.machines[name]
        missed = ", ".join(station.name for station in self.network.all if station.id in decision.missed)
        before = pause.decode(machine.pause) if machine.pause else None
        now = pause.begin(before, f"it does not hear {missed}", machine.incarnation, machine.boottime(world.now))
        machine.pause = pause.encode(now)
        world.note(f"{name} withdraws for {now.length_ms // 1000} s: it does not hear {missed}")
        self.withdrawals += 1
        world.corosync.stop(name, clean=True)
        world.audit.withdrew(machine)
        world.give(name, NetworkDown())
        world.after(now.length_ms, self._returns, machine, machine.boot)

    def _returns(self, machine: Machine, boot: int) -> None:
        if not machine.powered or machine.boot != boot or self.here(machine):
            return
        known = pause.decode(machine.pause)
        if (left_ms := known.due_ms - machine.boottime(self.world.now)) > 0:  # its clock is slow
            self.world.after(left_ms, self._returns, machine, boot)
            return
        machine.pause = pause.encode(replace(known, over=True))
        self.world.note(f"the pause of {machine.name} is over")
        self.world.corosync.starts(machine.name, boot)
