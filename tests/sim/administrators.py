"""Administrators of the simulator: their own systemctl on a node, and what must not be done while they hold a group."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from standfast.resourced.events import Act, Verb
from standfast.resourced.reasons import Rule
from standfast.resourced.record import GroupRecord, Record

if TYPE_CHECKING:
    from sim.machine import Machine, Place
    from sim.world import World

# What takes a group from where an administrator holds it: people's wishes, what it needs, and the end of its node
MAY = {
    Rule.STANDBY,
    Rule.RELOCATED,
    Rule.LEAVING,
    Rule.QUORUM_LEAVES,
    Rule.STOPPED_BY_OPERATOR,
    Rule.DISABLED_BY_OPERATOR,
    Rule.DISABLED_BY_POLICY,
    Rule.HELD_TWICE,
    Rule.GOES_BACK,
    Rule.NEEDS,
}


class Administrators:
    def __init__(self, world: World) -> None:
        self.world = world
        self.stops = 0
        self.checks = 0

    def stop(self, name: str, group: str, random: Random) -> None:
        """`systemctl stop` of one of its units, which takes those that require it along, or of its target."""
        machine = self.world.machines[name]
        place = machine.places.get(group)
        if place is None or not machine.powered or not place.leased or place.starting or place.stubborn:
            return
        first = random.randrange(len(place.units))
        units = [unit for unit in place.units[first:] if place.active[unit] == "active"]
        if not units or place.bad:
            return
        self.stops += 1
        self.world.note(f"an administrator stops {' '.join(units)} on {name}")
        place.active |= dict.fromkeys(units, "inactive")
        place.by_hand |= set(units)
        self.world.units.observe(name, group)

    def start(self, name: str, group: str) -> None:
        """`systemctl start` of what was stopped by hand there; without the lease systemd refuses it."""
        machine = self.world.machines[name]
        place = machine.places.get(group)
        if place is None or not machine.powered or not place.leased or not place.by_hand:
            return
        self.world.note(f"an administrator starts {' '.join(sorted(place.by_hand))} on {name}")
        place.active |= dict.fromkeys(place.by_hand, "active")
        place.runs_as |= {unit: place.definitions[unit] for unit in place.by_hand}
        place.by_hand.clear()
        self.world.units.observe(name, group)

    def hand_back(self, random: Random) -> None:
        """Some of what is held by hand is started where it is; of the rest an operator will."""
        for name, machine in self.world.machines.items():
            for group in sorted(machine.places):
                if random.random() < 0.5:
                    self.start(name, group)

    # What must not be done

    def acts(self, machine: Machine, place: Place, act: Act) -> None:
        """Nothing is started over what is held by hand; a version that changes the group may."""
        if act.verb in (Verb.START, Verb.RESTART) and place.by_hand and len(self.world.files.versions) == 1:
            self.world.audit.fail("by hand", f"{machine.name} starts {act.group} over what an administrator stopped")

    def applied(self, before: Record, record: Record) -> None:
        for name, known in record.groups.items():
            had = before.groups.get(name)
            if had is not None and had.number != known.number:
                self._judge(name, had, known)

    def _judge(self, name: str, had: GroupRecord, known: GroupRecord) -> None:
        for node, held in had.held.items():
            order = known.open_orders.get(node)
            if not held.by_hand or order is None or order == had.open_orders.get(node):
                continue
            self.checks += 1
            if not had.restart and known.reasons[0].rule not in MAY:
                text = f"{name} is held by hand on {node}, and is ordered to {order.kind.value}: {known.reasons}"
                self.world.audit.fail("by hand", text)
