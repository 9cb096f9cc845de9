"""The simulator's systemd: starts and stops take a while, fail, hang, and are refused without a lease."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.machine import UNITS
from standfast.resourced.events import JobDone, Observed
from standfast.resourced.hands import Act, Verb
from standfast.vocabulary import Cause, UnitState

if TYPE_CHECKING:
    from sim.world import World


class Units:
    def __init__(self, world: World) -> None:
        self.world = world

    def states(self, name: str) -> tuple[UnitState, ...]:
        machine = self.world.machines[name]
        return tuple(
            UnitState(
                unit=unit,
                load="loaded",
                active=machine.active[unit],
                job=machine.jobs.get(unit, ""),
                processes=machine.active[unit] in ("active", "deactivating"),
                cause=Cause(kind="signal", text=f"{unit} was killed") if machine.active[unit] == "failed" else None,
            )
            for unit in UNITS
        )

    def observe(self, name: str) -> None:
        self.world.give(name, Observed(group="webserv", states=self.states(name)))

    def act(self, name: str, act: Act) -> None:
        machine = self.world.machines[name]
        match act.verb:
            case Verb.HOLD:
                machine.held = True
            case Verb.RELEASE:
                machine.held = False
                self.world.audit.safety()
            case Verb.GRANT:
                machine.leased = True
                self.world.audit.start(name)
            case Verb.REVOKE:
                self.world.audit.stop(name)
                machine.leased = False
            case Verb.START | Verb.RESTART:
                self._start(name, act)
            case Verb.STOP | Verb.KILL:
                self._stop(name, act)

    def _start(self, name: str, act: Act) -> None:
        world, machine = self.world, self.world.machines[name]
        boot = machine.boot
        units = UNITS if act.verb is Verb.START else UNITS[UNITS.index(act.unit) :]
        slow = not world.calm and world.random.random() < 0.05
        due = 0
        for unit in units:
            machine.jobs[unit] = "start"
            due += world.random.randint(3_000, 20_000) if slow else world.random.randint(5, 300)
            world.after(due, lambda unit=unit: self._started(name, boot, unit))  # type: ignore[misc]
        world.after(due + 1, lambda: self._job_over(name, boot, act))
        world.after(0, lambda: self.observe(name))

    def _started(self, name: str, boot: int, unit: str) -> None:
        machine = self.world.machines[name]
        if not machine.powered or machine.boot != boot or machine.jobs.get(unit) != "start":
            return
        del machine.jobs[unit]
        if machine.leased:  # else the guard refuses it
            machine.active[unit] = "failed" if self.world.random.random() < self.world.fails else "active"
        self.world.audit.safety()
        self.observe(name)

    def _job_over(self, name: str, boot: int, act: Act) -> None:
        machine = self.world.machines[name]
        if machine.powered and machine.boot == boot:
            self.world.give(name, JobDone(group="webserv", unit=act.unit, verb=act.verb))
            self.observe(name)

    def _stop(self, name: str, act: Act) -> None:
        machine, boot = self.world.machines[name], self.world.machines[name].boot
        machine.jobs.pop(act.unit, None)
        if act.unit in UNITS and machine.active[act.unit] == "active":
            machine.active[act.unit] = "deactivating"
        self.world.after(self.world.random.randint(2, 200), lambda: self._stopped(name, boot, act))

    def _stopped(self, name: str, boot: int, act: Act) -> None:
        machine = self.world.machines[name]
        if not machine.powered or machine.boot != boot:
            return
        stays = machine.stubborn == "wedged" or (machine.stubborn == "hangs" and act.verb is Verb.STOP)
        if act.unit in UNITS and machine.active[act.unit] == "deactivating":
            if stays:
                return
            machine.active[act.unit] = "inactive"
        self._job_over(name, boot, act)

    def fail(self, name: str) -> None:
        machine = self.world.machines[name]
        if machine.powered and machine.active["web.service"] == "active":
            self.world.note(f"web.service on {name} fails")
            machine.active["web.service"] = "failed"
            self.observe(name)

    def harden(self, name: str, how: str) -> None:
        """From now on the units of `name` do not stop as they should."""
        self.world.note(f"units on {name} will not stop: {how}")
        self.world.machines[name].stubborn = how

    def soften(self, name: str) -> None:
        """What would not stop ends now."""
        machine = self.world.machines[name]
        machine.stubborn = ""
        for unit in UNITS:
            if machine.active[unit] == "deactivating":
                machine.active[unit] = "inactive"
        self.observe(name)
