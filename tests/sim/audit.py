"""The invariants of DESIGN section 9, looked at after every step of the simulator that could break one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.machine import Machine, Place
from sim.truth import Truth
from sim.versions import Versions
from standfast.resourced.core import Core
from standfast.resourced.events import Event
from standfast.resourced.record import Record
from standfast.vocabulary import Ring

if TYPE_CHECKING:
    from sim.world import World

YOUNG_MS = 1_000
STOP_MARGIN_MS = 25_000  # QuorumWait, the kill after StopTimeout, a daemon's restart


class Violation(AssertionError):  # noqa: N818  # the word of DESIGN section 9
    """An invariant is broken."""

    def __init__(self, invariant: str, text: str, journal: list[str]) -> None:
        super().__init__(text)
        self.invariant = invariant
        self.journal = journal


class Audit:
    def __init__(self, world: World) -> None:
        self.world = world
        self.truth = Truth(world, self)
        self.versions = Versions(world, self)
        self.contents: dict[tuple[str, int], Record] = {}
        self.rings: dict[str, Ring] = {}  # as each daemon was told
        self.words: dict[str, tuple[Ring, bool]] = {}
        self.seen: dict[str, Record] = {}  # what was looked at last, by node
        self.terms: set[str] = set()
        self.starts = 0

    def fail(self, invariant: str, text: str) -> None:
        world = self.world
        tail = world.journal[-60:]
        raise Violation(
            invariant,
            f"{invariant}: {text}\nat {world.now / 1000:.3f} s: {world.command}\n" + "\n".join(tail),
            tail,
        )

    def raised(self, name: str, event: Event, error: Exception) -> None:
        """Invariant 7: whatever comes, the core takes it."""
        try:
            self.fail("invariant 7", f"{name} raised {error!r} at {event}")
        except Violation as violation:
            raise violation from error

    # What daemons were told

    def told_ring(self, name: str, ring: Ring) -> None:
        self.rings[name] = ring

    def told_quorum(self, name: str, ring: Ring, quorate: bool) -> None:
        self.words[name] = (ring, quorate)
        machine = self.world.machines[name]
        if quorate:
            machine.powerless_since = None
        elif machine.powerless_since is None:
            machine.powerless_since = self.world.now

    def withdrew(self, machine: Machine) -> None:
        """Its Corosync is stopped: from now on it is not quorate."""
        if machine.powerless_since is None:
            machine.powerless_since = self.world.now

    def forget(self, name: str) -> None:
        """A new process begins: it was told nothing."""
        self.rings.pop(name, None)
        self.words.pop(name, None)
        self.seen.pop(name, None)
        self.world.machines[name].powerless_since = None

    # Groups

    def safety(self, group: str) -> None:
        """Invariant 1, and no unit is active without held."""
        machines = [machine for machine in self.world.machines.values() if machine.runs(group)]
        running = [machine.name for machine in machines if not machine.believed_off]
        if len(running) > 1:
            self.fail("invariant 1", f"{group} runs on {', '.join(running)}")
        for machine in machines:
            if not machine.places[group].held:
                self.fail("held", f"units of {group} are active on {machine.name} without held")

    def start(self, name: str, group: str) -> None:
        """Invariants 2 and 3 where a lease is granted: whoever is not in the starter's term was off, or left, since
        it last had to do with the group; and votequorum says yes for the ring that the starter knows."""
        world, machine = self.world, self.world.machines[name]
        assert machine.core is not None
        term = machine.core.terms.term
        if term is None:
            self.fail("order", f"{name} starts {group} outside an open term")
            return
        self.starts += 1
        if "@" in group and group.partition("@")[2] != name:
            self.fail("invariant 1", f"{name} starts {group}, the copy of another node")
        world.note(f"{name} starts {group} in term {term.number}")
        if self.words.get(name) != (self.rings.get(name), True):
            self.fail("invariant 3", f"{name} starts {group}, but votequorum did not say yes for its ring")
        if machine.going:
            self.fail("leave", f"{name} starts {group} although it has left")
        self.versions.start(machine, machine.core, group)
        for other in world.machines.values():
            place = other.places.get(group)
            if other.name in term.members or place is None or other.believed_off:
                continue
            proven = machine.core.record is not None and self._is_idle(other, machine.core.record)
            if place.dangerous and not self._rests(other) and not proven:
                self.fail(
                    "invariant 2", f"{name} starts {group}, but {other.name} was neither off nor gone since it had it"
                )

    def _rests(self, machine: Machine) -> bool:
        """It said that it cannot work, and holds nothing: whatever it was ordered, it begins nothing."""
        return machine.core is not None and machine.core.fitness.rests_up_to > 0 and self.harmless(machine)

    def _is_idle(self, machine: Machine, record: Record) -> bool:
        """Proven off by its watchdog without a reset: it holds nothing, is fed for that, and begins nothing, whatever
        it was ordered, before it hears a quorum again; that is another term."""
        loss, core = record.losses.get(machine.name), machine.core
        if loss is None or loss.proof != "watchdog" or loss.incarnation != machine.incarnation:
            return False
        return not any(map(_has, machine.places.values())) and (core is None or not core.echoed())

    def harmless(self, machine: Machine) -> bool:
        """It holds nothing, and is in no term in which it would take an order."""
        term = machine.core.terms.term if machine.core is not None else None
        rests = term is None or (machine.core is not None and term.number <= machine.core.fitness.rests_up_to)
        return rests and not any(map(_has, machine.places.values()))

    def stopped_in_time(self, machine: Machine) -> None:
        """Invariant 3: who is not quorate runs nothing when its deadline is over."""
        since = machine.powerless_since
        if since is None or machine.core is None:
            return
        for group, place in machine.places.items():
            if not place.runs or place.stubborn:
                continue
            settings = machine.core.configuration.group(group)
            longest = STOP_MARGIN_MS + (settings.stop_timeout_ms if settings else 0)
            if self.world.now - since > longest and self.world.now - machine.begun_at > longest:
                self.fail("invariant 3", f"{machine.name} is not quorate and still runs {group}")

    def stop(self, name: str, group: str) -> None:
        """Invariant 9: a daemon that has just begun, and was not told that it is not quorate, stops nothing."""
        machine = self.world.machines[name]
        core, place = machine.core, machine.places[group]
        young = self.world.now - machine.begun_at < YOUNG_MS and self.words.get(name, (None, True))[1]
        up = all(active == "active" or unit in place.by_hand for unit, active in place.active.items())
        whole = place.held and place.leased and up and not place.bad
        if whole and young and core is not None and core.terms.term is None and not core.departure.asked:
            self.fail("invariant 9", f"resourced on {name} began anew and stops {group}")

    def leave(self, name: str) -> None:
        """Who has left was to leave, and holds nothing."""
        if not self.world.machines[name].leaves:
            self.fail("leave", f"{name} has left although it was started again")
        for group, place in self.world.machines[name].places.items():
            if place.held or place.leased or place.runs:
                self.fail("leave", f"{name} has left, but it holds {group}")

    # Records

    def stepped(self, name: str, core: Core) -> None:
        """After every step; most change no record."""
        record, term = core.terms.record, core.terms.term
        if record is None or term is None or term.position == 0:
            return
        if self.seen.get(name) is not record:
            self.seen[name] = record
            self._record(name, core, record, term.nonce, term.position, term.number)
        if term.coordinator == name:
            self.truth.coordinates(name, core, record)

    def _record(self, name: str, core: Core, record: Record, nonce: str, position: int, number: int) -> None:
        """Invariants 4 and 5."""
        self.terms.add(nonce)
        first = self.contents.setdefault((nonce, position), record)
        if first is record:
            self._endanger(record)
            before = self._before(nonce, position)
            self.versions.applied(before, record)
            self.truth.applied(core, before, record)
            if before is not None:
                self.world.outside.applied(before, record)
                self.world.administrators.applied(before, record)
        elif first != record:
            self.fail("invariant 4", f"two contents at {nonce}, position {position}")
        self.truth.read(core, record)
        self.versions.read(number, record)
        if record.nodes[name].left:
            self.unburden(self.world.machines[name])
        lost = self.world.operators.lost(number, record)
        if lost and not self.truth.split:
            self.fail("invariant 5", f"the acknowledged {lost} is not in term {number}")

    def _before(self, nonce: str, position: int) -> Record | None:
        """The record before this update; updates that changed nothing were not noted."""
        contents = (self.contents.get((nonce, earlier)) for earlier in range(position - 1, 0, -1))
        return next((content for content in contents if content is not None), None)

    def _endanger(self, record: Record) -> None:
        """Whoever has an order, or holds something, may run it from now on, until it is off, has left, or is a member
        that has neither: then the orders of older terms are void there."""
        for name in record.members:
            machine = self.world.machines[name]
            if record.nodes[name].incarnation == machine.incarnation:
                for group, mine in machine.places.items():
                    there = record.groups.get(group)
                    busy = there is not None and (name in there.open_orders or name in there.holders)
                    mine.dangerous &= busy or _has(mine)
        for group, known in record.groups.items():
            for name in (*known.holders, *known.open_orders):
                machine = self.world.machines[name]
                place = machine.places.get(group)
                heard = record.nodes[name].incarnation == machine.incarnation
                if place is not None and machine.powered and not machine.going and heard:
                    place.dangerous = True

    def unburden(self, machine: Machine) -> None:
        """A node that knows its mark, or whose process is gone with its orders, is no danger if it holds nothing."""
        for place in machine.places.values():
            if not _has(place):
                place.dangerous = False

    # The end

    def served(self) -> None:
        """Invariant 8: the faults stopped long ago."""
        for text in self.truth.unserved():
            self.fail("invariant 8", f"after the calm {text}")
        self.truth.lies_came_out()
        self.versions.rests()


def _has(place: Place) -> bool:
    return place.held or place.runs
