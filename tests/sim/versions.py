"""Invariant 6: where a version comes into force, is installed, and when all is at rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.machine import Machine
from standfast.resourced.core import Core
from standfast.resourced.record import Record

if TYPE_CHECKING:
    from sim.audit import Audit
    from sim.world import World


class Versions:
    def __init__(self, world: World, audit: Audit) -> None:
        self.world = world
        self.audit = audit
        self.counts: dict[int, str] = {}  # by number: the version that was installed, or acknowledged, as in force
        self._acknowledged: dict[int, tuple[int, str]] = {}  # by number: since which term, digest
        self.installations = 0

    def start(self, machine: Machine, core: Core, group: str) -> None:
        """Nothing begins under a version that is not in force in its term's record."""
        in_force = core.record.configuration if core.record is not None else ""
        if {machine.installed, core.configuration.digest} != {in_force}:
            text = f"{machine.name} starts {group} under {machine.installed}, but {in_force} is in force in its term"
            self.audit.fail("invariant 6", text)

    def applied(self, before: Record | None, record: Record) -> None:
        """A version takes the place of the one before it."""
        if len(record.history) > 1 and record.history[0].base != record.history[1].digest:
            newest, last = record.history[:2]
            text = f"{newest.digest} is based on {newest.base}, and takes the place of {last.digest}"
            self.audit.fail("invariant 6", text)
        for group in before.groups if before is not None else ():
            if group not in record.groups:
                self.world.operators.removed(group)

    def installed(self, machine: Machine) -> None:
        """Of one base comes one version, wherever it was acted on; what it takes away is held nowhere."""
        assert machine.core is not None
        record = machine.core.record
        assert record is not None
        self.installations += 1
        if record.configuration != machine.installed:
            self.audit.fail("invariant 6", f"{machine.name} installs {machine.installed} when it is not in force")
        self._count(record.version, record.configuration)
        for other in self.world.machines.values():
            for group, place in other.places.items():
                held = other.powered and not other.believed_off and (place.held or place.runs)
                if group not in record.groups and held:
                    text = f"{other.name} holds {group}, which {machine.installed} does not know"
                    self.audit.fail("invariant 6", text)

    def _count(self, version: int, digest: str) -> None:
        other = self.counts.setdefault(version, digest)
        if other != digest and not self.audit.truth.split:
            self.audit.fail("invariant 6", f"{digest} and {other} are both version {version}")

    def acknowledged(self, digest: str, core: Core) -> None:
        record, term = core.record, core.terms.term
        found = next((one for one in record.history if one.digest == digest), None) if record is not None else None
        if found is None or term is None:
            self.audit.fail("invariant 6", f"{digest} was acknowledged, but it is not in the record")
            return
        self._acknowledged[found.version] = (term.number, digest)
        self._count(found.version, digest)

    def read(self, number: int, record: Record) -> None:
        """What was acknowledged is in the record of every later term."""
        if self.audit.truth.split:
            return
        for version, (term, digest) in self._acknowledged.items():
            known = {one.version: one.digest for one in record.history}
            if number > term and known.get(version, digest if record.version > version else "") != digest:
                self.audit.fail("invariant 6", f"the acknowledged {digest} (version {version}) is not in term {number}")

    def rests(self) -> None:
        """All nodes run one version, and nothing is held that it does not know."""
        for machine in self.world.machines.values():
            core = machine.core
            if core is None or core.record is None:
                continue
            if machine.installed != core.record.configuration or core.configuration.digest != machine.installed:
                text = f"{machine.name} has {machine.installed} installed, and {core.record.configuration} is in force"
                self.audit.fail("invariant 6", f"after the calm {text}")
            held = [group for group, place in machine.places.items() if place.held and group not in core.record.groups]
            if held:
                text = f"after the calm {machine.name} holds {held[0]}, which nobody configured"
                self.audit.fail("invariant 6", text)
