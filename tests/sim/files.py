"""The simulator's /etc/standfast: new versions reach the nodes one after the other, and are put in place, or not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from standfast.configuration.model import Configuration, Group
from standfast.resourced.events import ConfigurationRead
from standfast.resourced.record import Record

if TYPE_CHECKING:
    from sim.machine import Machine
    from sim.world import World


class Files:
    def __init__(self, world: World) -> None:
        self.world = world
        self.latest = world.configuration
        self.versions = {self.latest.digest: self.latest}
        self.fails = 0.0  # how often putting it in place fails at first

    def found(self, machine: Machine, record: Record | None) -> None:
        """A daemon begins: it uses the files if they are in force, else the last good ones; those it puts in place."""
        machine.files = self.latest
        in_force = record.configuration if record else ""
        if in_force == machine.files.digest:
            machine.used = machine.files
        if in_force == machine.used.digest:
            machine.installed = machine.used.digest

    def settings(self, group: str) -> Group | None:
        """As the newest version that knows the group has it."""
        found = (version.group(group) for version in reversed(self.versions.values()))
        return next((one for one in found if one is not None), None)

    def settled(self) -> bool:
        """Every node has put the latest version in place."""
        return all(machine.installed == self.latest.digest for machine in self.world.machines.values())

    def push(self, configuration: Configuration, delays: dict[str, int]) -> None:
        self.world.note(f"configuration {configuration.digest} is pushed: {[g.name for g in configuration.groups]}")
        self.latest = configuration
        self.versions[configuration.digest] = configuration
        for name, delay in delays.items():
            self.world.after(delay, self._arrives, self.world.machines[name], configuration)

    def _arrives(self, machine: Machine, configuration: Configuration) -> None:
        if machine.core is not None and machine.files is not configuration:
            machine.files = configuration
            self._tell(machine)

    def _tell(self, machine: Machine) -> None:
        self.world.give(
            machine.name,
            ConfigurationRead(configuration=machine.used, installed=machine.installed, offered=machine.files),
        )

    def install(self, name: str, digest: str) -> None:
        machine = self.world.machines[name]
        self.world.after(self.world.random.randint(20, 1_500), self._install, machine, machine.life, digest)

    def _install(self, machine: Machine, life: int, digest: str) -> None:
        world = self.world
        if machine.core is None or machine.life != life:
            return
        if machine.hung:
            world.after(1_000, self._install, machine, life, digest)
            return
        if world.random.random() < self.fails and not world.calm:
            world.note(f"{machine.name} cannot put {digest} in place")
            world.after(world.random.randint(3_000, 15_000), self._install, machine, life, digest)
            return
        if machine.files.digest != digest:
            return
        machine.used, machine.installed = machine.files, digest
        self._tell(machine)
        machine.told &= {group.name for group in machine.used.groups}
        world.units.adopt(machine.name)
