"""The invariants of DESIGN section 9, looked at after every step of the simulator."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.machine import Machine
from standfast.resourced.core import Core
from standfast.resourced.record import Record
from standfast.resourced.record_text import WholeText
from standfast.vocabulary import Ring

if TYPE_CHECKING:
    from sim.world import World

YOUNG_MS = 1_000
STOPPED_WITHIN_MS = 60_000  # QuorumWait, StopTimeout, the kill after it, and a margin


class Violation(AssertionError):  # noqa: N818  # the word of DESIGN section 9
    """An invariant is broken."""


class Audit:
    def __init__(self, world: World) -> None:
        self.world = world
        self.contents: dict[tuple[str, int], str] = {}
        self.rings: dict[str, Ring] = {}  # as each daemon was told
        self.words: dict[str, tuple[Ring, bool]] = {}
        self.texts: dict[str, WholeText] = {}
        self.judged: dict[str, tuple[Record | None, str]] = {}  # the record and term of each node's last look

    def fail(self, text: str) -> None:
        world = self.world
        tail = "\n".join(world.journal[-60:])
        command = f"PYTHONPATH=services:tests python3 -m sim.walk {world.seed} {len(world.names)}"
        raise Violation(
            f"{text}\nseed {world.seed}, {len(world.names)} nodes, at {world.now / 1000:.3f} s: {command}\n{tail}"
        )

    def told_ring(self, name: str, ring: Ring) -> None:
        self.rings[name] = ring

    def told_quorum(self, name: str, ring: Ring, quorate: bool) -> None:
        self.words[name] = (ring, quorate)
        machine = self.world.machines[name]
        if quorate:
            machine.powerless_since = None
        elif machine.powerless_since is None:
            machine.powerless_since = self.world.now

    def forget(self, name: str) -> None:
        """A new process begins: it was told nothing."""
        self.rings.pop(name, None)
        self.words.pop(name, None)
        self.world.machines[name].powerless_since = None

    def safety(self) -> None:
        """Invariant 1, and no unit is active without held."""
        world = self.world
        running = [name for name in world.names if world.runs(name)]
        if len(running) > 1:
            self.fail(f"invariant 1: webserv runs on {', '.join(running)}")
        for name in running:
            if not world.machines[name].held:
                self.fail(f"units of webserv are active on {name} without held")

    def start(self, name: str) -> None:
        """Invariants 2 and 3 where a lease is granted: whoever is not in the starter's term was off, or left, since
        it last was in an open one; and votequorum says yes for the ring that the starter knows."""
        world = self.world
        core = world.machines[name].core
        assert core is not None
        if core.terms.term is None:
            self.fail(f"{name} starts webserv outside an open term")
            return
        world.note(f"{name} starts webserv in term {core.terms.term.number}")
        if self.words.get(name) != (self.rings.get(name), True):
            self.fail(f"invariant 3: {name} starts webserv, but votequorum did not say yes for its ring")
        if world.machines[name].going:
            self.fail(f"{name} starts webserv although it has left")
        for other in world.names:
            if other not in core.terms.term.members and world.machines[other].dangerous:
                self.fail(
                    f"invariant 2: {name} starts webserv, but {other} was neither off nor gone since its last term"
                )

    def stopped_in_time(self, machine: Machine) -> None:
        """Invariant 3: who is not quorate runs nothing when its deadline is over."""
        since = machine.powerless_since
        if since is None or machine.stubborn or self.world.now - since < STOPPED_WITHIN_MS:
            return
        if self.world.runs(machine.name):
            self.fail(f"invariant 3: {machine.name} is not quorate and still runs webserv")

    def leave(self, name: str) -> None:
        """Who has left holds nothing."""
        machine = self.world.machines[name]
        if machine.held or machine.leased or self.world.runs(name):
            self.fail(f"{name} has left, but it holds webserv")

    def record(self, name: str, core: Core) -> None:
        """Invariants 4 and 5."""
        term = core.terms.term
        if term is None or core.record is None or term.position == 0:
            return
        self._endanger(core.record)
        if self.judged.get(name, (None, ""))[0] is core.record and self.judged[name][1] == term.nonce:
            return
        self.judged[name] = core.record, term.nonce
        if core.record.nodes[name].left:
            self.unburden(name)
        digest = self.texts.setdefault(name, WholeText()).digest(core.record)
        if self.contents.setdefault((term.nonce, term.position), digest) != digest:
            self.fail(f"invariant 4: two contents at {term.nonce}, position {term.position}")
        lost = self.world.operators.lost(term.number, core.record)
        if lost:
            self.fail(f"invariant 5: the acknowledged {lost} is not in term {term.number}")

    def _endanger(self, record: Record) -> None:
        """Whoever has an order, or holds something, may run webserv from now on, until it is off or has left."""
        group = record.groups["webserv"]
        for name in (*group.holders, *group.open_orders):
            machine = self.world.machines[name]
            if machine.powered and not machine.going and record.nodes[name].incarnation == machine.incarnation:
                machine.dangerous = True

    def unburden(self, name: str) -> None:
        """A node that knows its mark, or whose process is gone with its orders, is no danger if it holds nothing."""
        machine = self.world.machines[name]
        if not machine.held and not self.world.runs(name):
            machine.dangerous = False

    def stop(self, name: str) -> None:
        """Invariant 9: a daemon that has just begun, and was not told that it is not quorate, stops nothing."""
        machine = self.world.machines[name]
        young = self.world.now - machine.begun_at < YOUNG_MS and self.words.get(name, (None, True))[1]
        core = machine.core
        whole = machine.held and machine.leased and set(machine.active.values()) == {"active"}
        if whole and young and core is not None and core.terms.term is None and not core.leaving:
            self.fail(f"invariant 9: resourced on {name} began anew and stops webserv")

    def served(self) -> None:
        """Invariant 8: the faults stopped long ago."""
        serving = self.world.serving()
        if len(serving) != 1:
            self.fail(f"invariant 8: after the calm webserv is served by {serving or 'nobody'}")
