"""The simulator's versions of the configuration: shared, prepared or objected to, put in force, fetched, installed."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from standfast.configuration.model import Configuration, Group
from standfast.resourced.events import ConfigurationRead
from standfast.resourced.record import Record

if TYPE_CHECKING:
    from sim.machine import Machine
    from sim.world import World

LOOK_MS = 300  # how often who pushes looks whether every node has prepared the version
PATIENCE_MS = 9_000  # after which it pushes all the same


class Files:
    def __init__(self, world: World) -> None:
        self.world = world
        self.versions = {world.configuration.digest: world.configuration}
        self.fails = 0.0  # how often putting one in place fails at first
        self.lost = 0.0  # how often one that is shared does not come to a node
        self.objects = 0.0  # how often a node objects to one

    def begin(self, machine: Machine, record: Record | None) -> None:
        """A daemon begins: what its record says is in force is put in place, if it is stored and nothing held here."""
        machine.prepared, machine.objections = None, ()
        in_force = record.configuration if record else ""
        if in_force in machine.stored and not any(place.held for place in machine.places.values()):
            machine.used, machine.installed = self.versions[in_force], in_force

    def settings(self, group: str) -> Group | None:
        """As the newest version that knows the group has it."""
        found = (version.group(group) for version in reversed(self.versions.values()))
        return next((one for one in found if one is not None), None)

    # A push

    def push(
        self,
        name: str,
        configuration: Configuration,
        base: str,
        *,
        confirm_ms: int = 0,
        without: tuple[str, ...] = (),
        random: Random | None = None,
    ) -> None:
        """An operator on `name` shares the version with all, and pushes it once every member has prepared it."""
        groups = [group.name for group in configuration.groups]
        self.world.note(f"operator on {name}: configuration {configuration.digest}, based on {base}: {groups}")
        self.versions[configuration.digest] = configuration
        for machine in self.world.machines.values():
            if machine.core is not None and self._hears(name, machine.name):
                delay = random.randint(0, 4_000) if random is not None else 10
                if random is None or random.random() >= self.lost:
                    self.world.after(delay, self._comes, machine, machine.life, configuration.digest)
        wish = (name, configuration.digest, base, without, confirm_ms)
        self.world.after(LOOK_MS, self._ask_when_prepared, wish, self.world.now + PATIENCE_MS)

    def _hears(self, name: str, other: str) -> bool:
        stations = self.world.network.stations
        return other in stations[name].ring_nodes

    def _comes(self, machine: Machine, life: int, digest: str) -> None:
        """It is stored, and this node finds out whether it could install it."""
        if machine.core is None or machine.life != life:
            return
        machine.stored.add(digest)
        objects = self.world.random.random() < self.objects and not self.world.calm
        machine.prepared = None if objects else self.versions[digest]
        machine.objections = ("cluster.conf:1: it does not like it",) if objects else ()
        self._tell(machine)

    def _ask_when_prepared(self, wish: tuple[str, str, str, tuple[str, ...], int], until: int) -> None:
        name, digest, base, without, confirm_ms = wish
        core, record = (machine := self.world.machines[name]).core, None
        if core is not None and core.terms.term is not None and not machine.hung:
            record = core.record
        here = [node for node in record.nodes.values() if node.present] if record is not None else []
        if (here and all(node.available == digest for node in here)) or self.world.now >= until:
            self.world.operators.configure(name, digest, base, without=without, confirm_ms=confirm_ms)
        else:
            self.world.after(LOOK_MS, self._ask_when_prepared, wish, until)

    # What the core asks for

    def _tell(self, machine: Machine) -> None:
        self.world.give(
            machine.name,
            ConfigurationRead(
                configuration=machine.used,
                installed=machine.installed,
                offered=machine.prepared,
                objections=machine.objections,
            ),
        )

    def fetch(self, name: str, digest: str) -> None:
        machine = self.world.machines[name]
        self.world.after(self.world.random.randint(5, 500), self._fetch, machine, machine.life, digest)

    def _fetch(self, machine: Machine, life: int, digest: str) -> None:
        """From its disk, or from the disk of a node that it hears; without either it is wanted again and again."""
        if machine.core is None or machine.life != life:
            return
        others = (other for other in self.world.machines.values() if self._hears(machine.name, other.name))
        if machine.hung or not any(digest in other.stored for other in (machine, *others)):
            self.world.after(1_000, self._fetch, machine, life, digest)
            return
        machine.stored.add(digest)
        machine.prepared, machine.objections = self.versions[digest], ()
        self._tell(machine)

    def install(self, name: str, digest: str) -> None:
        machine = self.world.machines[name]
        self.world.after(self.world.random.randint(20, 1_500), self._install, machine, machine.life, digest)

    def _install(self, machine: Machine, life: int, digest: str) -> None:
        world = self.world
        core = machine.core
        if core is None or machine.life != life or machine.installed == digest:
            return
        if core.record is None or core.record.configuration != digest:
            return  # another one is in force meanwhile
        if machine.hung:
            world.after(1_000, self._install, machine, life, digest)
        elif digest not in machine.stored or (world.random.random() < self.fails and not world.calm):
            world.note(f"{machine.name} cannot put {digest} in place")
        else:
            machine.used, machine.installed = self.versions[digest], digest
            world.note(f"{machine.name} has installed {digest}")
            world.audit.versions.installed(machine)
            world.changes.installs(machine)
            self._tell(machine)
            machine.told &= {group.name for group in machine.used.groups}
            world.units.adopt(machine.name)
            world.units.observe_all(machine.name)
            for other in world.network.stations[machine.name].ring_nodes:
                world.after(world.random.randint(1, 60), world.tell_quorum, other)
