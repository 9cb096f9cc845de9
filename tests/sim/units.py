"""The simulator's systemd: starts and stops take a while, fail, hang, and are refused without a lease."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.machine import Machine, Place
from sim.outside import FIRST_ANSWER_MS
from standfast.configuration.copies import groups_on
from standfast.resourced.events import Act, Adopted, JobDone, Observed, Verb
from standfast.vocabulary import Cause, UnitState

if TYPE_CHECKING:
    from sim.world import World


class Units:
    def __init__(self, world: World) -> None:
        self.world = world

    def states(self, name: str, group: str) -> tuple[UnitState, ...]:
        place = self.world.machines[name].places[group]
        states = (
            UnitState(
                unit=unit,
                load="loaded",
                active=active,
                job=place.jobs.get(unit, ""),
                processes=active in ("active", "deactivating"),
                cause=Cause(kind="signal", text=f"{unit} was killed") if active == "failed" else None,
                by_hand=unit in place.by_hand,
            )
            for unit, active in place.active.items()
        )
        return tuple(self.world.outside.probed(name, group, place, state) for state in states)

    def adopt(self, name: str) -> None:
        """The daemon is told once of each of its groups, as it is found."""
        machine = self.world.machines[name]
        for group in groups_on(machine.core.configuration.groups, name) if machine.core is not None else ():
            if group.name not in machine.told:
                machine.told.add(group.name)
                place = machine.place(group)
                self.world.give(
                    name,
                    Adopted(
                        group=group.name, held=place.held, leased=place.leased, states=self.states(name, group.name)
                    ),
                )

    def observe(self, name: str, group: str) -> None:
        machine = self.world.machines[name]
        if machine.core is not None and group in machine.told and group in machine.places:
            self.world.give(name, Observed(group=group, states=self.states(name, group)))

    def observe_all(self, name: str) -> None:
        for group in tuple(self.world.machines[name].places):
            self.observe(name, group)

    def act(self, name: str, act: Act) -> None:
        machine, audit = self.world.machines[name], self.world.audit
        place = machine.places[act.group]
        self.world.changes.stops(machine, place, act)
        self.world.administrators.acts(machine, place, act)
        match act.verb:
            case Verb.HOLD:
                place.held = True
            case Verb.RELEASE:
                place.held = place.dangerous = False
                audit.safety(act.group)
            case Verb.GRANT:
                place.leased = True
                audit.start(name, act.group)
            case Verb.REVOKE:
                audit.stop(name, act.group)
                place.leased = False
            case Verb.START | Verb.RESTART:
                self._start(machine, place, act)
            case Verb.STOP | Verb.KILL:
                self._stop(machine, place, act)

    # Starts

    def _start(self, machine: Machine, place: Place, act: Act) -> None:
        """A start of the target, that is of what is not up, or a restart of one unit and those that follow it."""
        world, random = self.world, self.world.random
        units = [unit for unit in place.units if place.active[unit] != "active"]
        if act.verb is Verb.RESTART:
            units = list(place.units[place.units.index(act.unit) :])
        slow = world.now < machine.slow_until or (not world.calm and random.random() < world.mishaps)
        place.job += 1
        place.starting = act.unit
        due = 0
        place.by_hand.clear()
        for unit in units:
            place.jobs[unit] = "start"
            place.bad.discard(unit)
            due += random.randint(3_000, 20_000) if slow else random.randint(5, 300)
            world.after(due, self._due, machine, place, place.job, act.group, unit)
        world.after(due + 1, self._start_over, machine, place, place.job, act)
        world.after(0, self.observe, machine.name, act.group)

    def _due(self, machine: Machine, place: Place, job: int, group: str, unit: str) -> None:
        if place.job == job and unit in place.jobs:
            self._started(machine.name, group, unit)

    def _started(self, name: str, group: str, unit: str) -> None:
        """The unit is active, or it failed, and what requires it is not started."""
        world, machine = self.world, self.world.machines[name]
        place = machine.places[group]
        del place.jobs[unit]
        if place.leased:  # else the guard refuses it
            fails = world.now < machine.failing_until or world.random.random() < world.fails
            place.active[unit] = "failed" if fails and not world.calm else "active"
        if place.active[unit] != "active":
            for later in place.units[place.units.index(unit) + 1 :]:
                place.jobs.pop(later, None)
        else:
            place.runs_as[unit] = place.definitions[unit]
            place.started_at = world.now
            if (name, group) in world.outside.said:
                world.after(FIRST_ANSWER_MS, self.observe, name, group)
            world.changes.started(machine, group, unit)
        world.audit.safety(group)
        self.observe(name, group)

    def _start_over(self, machine: Machine, place: Place, job: int, act: Act) -> None:
        if place.job == job and place.starting:
            place.starting = ""
            self._tell_done(machine.name, act.group, act.unit, act.verb)

    def _tell_done(self, name: str, group: str, unit: str, verb: Verb) -> None:
        self.world.give(name, JobDone(group=group, unit=unit, verb=verb))
        self.observe(name, group)

    # Stops

    def _stop(self, machine: Machine, place: Place, act: Act) -> None:
        """A stop takes a start's job away; a unit that hangs goes only when it is killed."""
        world = self.world
        place.by_hand.clear()
        if place.starting:
            started, place.starting = place.starting, ""
            world.after(0, self._tell_done, machine.name, act.group, started, Verb.START)
            place.job += 1
            place.jobs.clear()
        if place.active.get(act.unit) == "active":
            place.active[act.unit] = "deactivating"
        slow = act.verb is Verb.STOP and (world.now < machine.slow_until and not world.calm)
        takes = world.random.randint(2_000, 15_000) if slow else world.random.randint(2, 200)
        world.after(takes, self._stopped, machine, place, machine.boot, act)

    def _stopped(self, machine: Machine, place: Place, boot: int, act: Act) -> None:
        if not machine.powered or machine.boot != boot:
            return
        hangs = place.stubborn == "hangs" or act.unit in place.bad
        if place.active.get(act.unit) == "deactivating":
            if place.stubborn == "wedged" or (hangs and act.verb is Verb.STOP):
                return
            place.active[act.unit] = "inactive"
            place.bad.discard(act.unit)
        self._tell_done(machine.name, act.group, act.unit, act.verb)

    # Faults

    def fail(self, name: str, group: str = "webserv") -> None:
        """The last unit of the group dies."""
        machine = self.world.machines[name]
        place = machine.places.get(group)
        if machine.powered and place is not None and place.active[place.units[-1]] == "active":
            self.world.note(f"{place.units[-1]} on {name} fails")
            place.active[place.units[-1]] = "failed"
            self.observe(name, group)

    def hang(self, name: str, group: str) -> None:
        """The first unit of the group hangs: its probe says so, and it goes only when it is killed."""
        place = self.world.machines[name].places.get(group)
        if place is not None and place.active[place.units[0]] == "active":
            self.world.note(f"{place.units[0]} on {name} hangs")
            place.bad.add(place.units[0])
            self.observe(name, group)

    def harden(self, name: str, how: str, group: str = "webserv") -> None:
        """From now on the units of the group do not stop on `name` as they should."""
        self.world.note(f"units of {group} on {name} will not stop: {how}")
        place = self.world.machines[name].places.get(group)
        if place is not None:
            place.stubborn = how

    def soften(self, name: str) -> None:
        """What would not stop ends now."""
        for group, place in self.world.machines[name].places.items():
            place.stubborn = ""
            for unit, active in place.active.items():
                if active == "deactivating":
                    place.active[unit] = "inactive"
                    place.bad.discard(unit)
            self.observe(name, group)
