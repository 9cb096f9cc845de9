"""Only what changed moves: where a unit is stopped for a version, where one is installed, and where a unit starts."""

from __future__ import annotations

from itertools import takewhile
from typing import TYPE_CHECKING

from sim.machine import ALIVE, Machine, Place
from standfast.resourced.events import Act, Verb
from standfast.resourced.reasons import Rule

if TYPE_CHECKING:
    from sim.world import World

RESTARTED = (Rule.RESTARTED_HERE, Rule.RESTARTED_BY_OPERATOR)


def _base(group: str) -> str:
    return group.partition("@")[0]


class Changes:
    def __init__(self, world: World) -> None:
        self.world = world
        self.stopped = 0  # units, for a new version

    def stops(self, machine: Machine, place: Place, act: Act) -> None:
        """Under its lease a unit is stopped for the version in force only: then that changes it, or one before it."""
        if act.verb is not Verb.STOP or not place.leased or place.active.get(act.unit) != "active":
            return
        self.stopped += 1
        record = machine.core.record if machine.core is not None else None
        known = record.groups.get(act.group) if record is not None else None
        restarted = known is not None and any(reason.rule in RESTARTED for reason in known.reasons)
        new = self.world.files.versions[record.configuration].group(act.group) if record is not None else None
        if new is None or restarted:
            return
        defined = tuple((one.unit, one.definition) for one in new.resources)
        pairs = zip(place.definitions.items(), defined, strict=False)
        same = [before[0] for before, after in takewhile(lambda pair: pair[0] == pair[1], pairs)]
        if act.unit in same:
            text = f"{machine.name} stops {act.unit} of {act.group}, and {new and record and record.configuration}"
            self.world.audit.fail("only what changed moves", f"{text} changes neither it nor what is before it")

    def installs(self, machine: Machine) -> None:
        """What runs under a version that was just put in place is as this one says, or was started so."""
        groups = {group.name: group for group in machine.used.groups}
        for name, place in machine.places.items():
            group = groups.get(name)
            defined = {one.unit: one.definition for one in group.resources} if group is not None else {}
            for unit, active in place.active.items():
                if active in ALIVE and machine.powered and defined.get(unit) != place.runs_as.get(unit):
                    text = f"{unit} of {name} runs on {machine.name} although {machine.installed} changes it"
                    self.world.audit.fail("only what changed moves", text)
            if group is not None:
                place.define(group)

    def started(self, machine: Machine, group: str, unit: str) -> None:
        """A unit that went from one group to another runs once, too; but for one of whom an agent lied."""
        if machine.believed_off:
            return
        for other in self.world.machines.values():
            for name, place in other.places.items():
                alive = place.active.get(unit) in ALIVE and other.powered and not other.believed_off
                copies = other is not machine and name != group and _base(name) == _base(group)
                if alive and not copies and (other.name, name) != (machine.name, group):
                    text = f"{unit} runs on {machine.name} for {group} and on {other.name} for {name}"
                    self.world.audit.fail("only what changed moves", text)
