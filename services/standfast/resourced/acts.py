"""The core's acts done for real: files at once, systemd's jobs and probes as tasks; what is read goes back to it."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from standfast import journal
from standfast.bus import Bus, BusError, ErrorName
from standfast.configuration.model import Group
from standfast.jobs import JobResult
from standfast.resourced import later
from standfast.resourced.devices import Devices
from standfast.resourced.events import Act, Adopted, Event, JobDone, Observed, StartRefused, Verb
from standfast.resourced.leases import Leases
from standfast.resourced.probes import Peers, Probes
from standfast.resourced.units import BATCH, Units
from standfast.resourced.unmounting import Unmounting
from standfast.vocabulary import Cause, ProbeState, UnitState

JOBS: Final = (Verb.START, Verb.STOP, Verb.RESTART, Verb.KILL)


class Acts:
    def __init__(
        self,
        push: Callable[[Event], None],
        guards: Callable[[tuple[tuple[str, str], ...]], None],
        tasks: asyncio.TaskGroup,
        turned: Callable[[str, str], None] = lambda *_: None,
        peers: Peers = lambda _: {},
    ) -> None:
        """`guards` hears after each reload which (group, unit) have no guard in effect; `turned` of each (group, unit)
        one of whose probes changed its state; `peers` is for Probes."""
        self._push = push
        self._guards = guards
        self._tasks = tasks
        self._leases = Leases()
        self._units = Units(on_states=self._states, on_refused=self._refused, on_reloaded=self._reloaded, tasks=tasks)
        self._devices = Devices(self._device_lost)
        self._unmounting = Unmounting(self._units, self._resources)
        self.probes = Probes(tasks, self._probed, turned, peers)
        self._groups: dict[str, Group] = {}
        self._guarded: frozenset[tuple[str, str]] = frozenset()  # (group, unit) as systemd has read them last
        self._told: set[str] = set()  # groups that were adopted: nothing is observed of others
        self._last: dict[str, tuple[UnitState, ...]] = {}
        self._texts: dict[tuple[str, str], str] = {}  # what the probes of a unit saw
        self.adopted = False

    async def attach(self, bus: Bus) -> None:
        """Follow systemd on this connection."""
        await self._units.attach(bus)

    async def adopt(self, groups: tuple[Group, ...]) -> None:
        """Watch these groups; each is told once as it was found, then at every change, also of its resources."""
        self._guard(groups)
        names = {group.name for group in groups}
        for name in set(self._groups) - names:
            del self._groups[name]
            self._told.discard(name)
            self._units.forget(name)
            self.probes.forget(name)
        for group in groups:
            self._groups[group.name] = group
            self.probes.watch(group)
            self._units.watch(group)
        try:
            for first in range(0, len(groups), BATCH):
                await self._adopt(groups[first : first + BATCH])
        except BusError:
            for group in groups:
                self._units.look(group.name)
            raise
        if not self.adopted:
            self.adopted = True
            self._reloaded()

    async def _adopt(self, groups: tuple[Group, ...]) -> None:
        found = await self._units.read([group.name for group in groups])
        all_held, all_leased = self._leases.held(), self._leases.leased()
        for group in groups:
            states = self._merge(group.name, found.get(group.name, ()))
            if group.name in self._told:
                self._push(Observed(group=group.name, states=states))
            else:
                self._told.add(group.name)
                held, leased = group.name in all_held, group.base in all_leased
                self._push(Adopted(group=group.name, held=held, leased=leased, states=states))

    def do(self, act: Act) -> None:
        match act.verb:
            case Verb.HOLD | Verb.GRANT:
                self._permit(act)
            case Verb.REVOKE:
                self._leases.revoke(act.group)
            case Verb.RELEASE:
                self._leases.release(act.group)
            case Verb.PROBE:
                self.probes.start(act.group)
                self._tell(act.group)
            case Verb.REST:
                self.probes.stop(act.group)
            case _:
                later.begin(self._tasks, self._job(act))

    def _permit(self, act: Act) -> None:
        """A file that cannot be made permits nothing: systemd refuses the start, and that is what is reported."""
        try:
            if act.verb is Verb.HOLD:
                self._leases.hold(act.group)
            elif act.group in self._leases.held():
                self._leases.grant(act.group)
        except OSError as error:
            text = f"{error.filename} cannot be made ({error.strerror}), so {act.group} cannot start here: free /run"
            journal.write(journal.Event.PERMIT_FAILED, journal.Level.ERROR, text, group=act.group)

    async def reload(self, groups: tuple[Group, ...]) -> None:
        """systemd has read all unit files anew, which now guard these groups."""
        self._guard(groups)
        await self._units.reload()

    def look_at_guards(self, groups: tuple[Group, ...]) -> None:
        """systemd has read the units of these groups before: `guards` hears whether it still guards them."""
        self._guard(groups)
        self._reloaded()

    def _guard(self, groups: tuple[Group, ...]) -> None:
        self._guarded = frozenset((group.base, resource.unit) for group in groups for resource in group.resources)

    @property
    def systemd(self) -> Units:
        """For what the core does not decide."""
        return self._units

    def _resources(self) -> list[str]:
        return [resource.unit for group in self._groups.values() for resource in group.resources]

    @property
    def holds(self) -> bool:
        """Something is held here, as the files in /run say."""
        return bool(self._leases.held())

    async def reload_daemon(self, name: str) -> None:
        """A daemon of this node reads the version in force; one that is away reads it when it starts."""
        unit = f"standfast-{name}.service"
        try:
            await self._units.ask("ReloadUnit", "ss", unit, "fail")
        except BusError as error:
            text = f"{unit} may not know the version in force: {error.text} systemctl reload {unit}"
            journal.write(journal.Event.CONFIGURATION_PROBLEM, journal.Level.WARNING, text)

    async def enabled_or_running(self, units: tuple[str, ...]) -> dict[str, str]:
        """Those that start or run without the cluster: a sentence each that says what to type."""
        return await self._units.enabled_or_running(units)

    async def reboot(self, reason: str) -> None:
        """This machine goes down at once: processes are ended and file systems unmounted, no unit is stopped."""
        await self._units.ask("Reboot")

    async def _job(self, act: Act) -> None:
        """One job of systemd; then the states as they are after it are read. A lost bus is no failure."""
        lost = False
        try:
            lost = await self._run(act) is JobResult.UNKNOWN
        except BusError as error:
            lost = error.name in (ErrorName.BUS_LOST, ErrorName.TIMED_OUT)
            text = f"systemd did not take {act.verb.value} {act.unit}: {error.text}"
            journal.write(
                journal.Event.UNIT_JOB_FAILED, journal.Level.WARNING, text, group=act.group, resource=act.unit
            )
        self._push(JobDone(group=act.group, unit=act.unit, verb=act.verb, lost=lost))
        self._units.look(act.group)

    async def _run(self, act: Act) -> JobResult | None:
        match act.verb:
            case Verb.START:
                return await self._units.start(act.unit)
            case Verb.RESTART:
                await self._units.reset_failed(act.unit)
                return await self._units.restart(act.unit)
            case Verb.STOP if act.unit.endswith(".mount"):
                return await self._unmounting.stop(act.group, act.unit)
            case Verb.STOP:
                return await self._units.stop(act.unit)
            case Verb.KILL if act.unit.endswith(".mount"):
                await self._unmounting.kill(act.group, act.unit)
            case _:
                await self._units.kill(act.unit)
        return None

    def _states(self, group: str, states: tuple[UnitState, ...]) -> None:
        self._last[group] = states
        self._tell(group)

    def _tell(self, group: str) -> None:
        if group in self._last and group in self._told:
            self._push(Observed(group=group, states=self._merge(group, self._last[group])))

    def _merge(self, group: str, states: tuple[UnitState, ...]) -> tuple[UnitState, ...]:
        self._last[group] = states
        return tuple(self._with_probe(group, state) for state in states)

    def _with_probe(self, group: str, state: UnitState) -> UnitState:
        probe = self.probes.state_of(group, state.unit)
        if gone := self._devices.cause(state):
            return replace(state, cause=gone, probe=ProbeState.BAD)
        cause = state.cause
        shown = probe in (ProbeState.NOT_READY, ProbeState.DEGRADED) and state.active == "active" and not state.job
        if cause is None and (probe is ProbeState.BAD or shown):
            cause = Cause(
                kind="probe", text=f"{state.unit}: {self._texts.get((group, state.unit), 'its probe is bad')}"
            )
        bad, doubt = self.probes.against(group, state.unit)
        return replace(state, cause=cause, probe=probe, bad_probes=bad, doubt=doubt)

    def _probed(self, group: str, unit: str, state: ProbeState, text: str) -> None:
        self._texts[group, unit] = text
        self._tell(group)

    def _device_lost(self, unit: str) -> None:
        for name, group in self._groups.items():
            if any(resource.unit == unit for resource in group.resources):
                self._tell(name)

    def _refused(self, group: str, unit: str) -> None:
        self._push(StartRefused(group=group, unit=unit))

    def _reloaded(self) -> None:
        """After each daemon-reload, whoever made it, the guards that are in effect are read; what runs here comes
        first, for this node takes part only when that is known."""
        if self.adopted:
            later.begin(self._tasks, self._check_guards())

    async def _check_guards(self) -> None:
        missing = []
        guarded = sorted(self._guarded)
        for first in range(0, len(guarded), BATCH):
            asked = guarded[first : first + BATCH]
            try:
                good = await asyncio.gather(*(self._units.effective_guard(unit, group) for group, unit in asked))
            except BusError:
                return  # read again when the bus is back
            missing += [one for one, is_good in zip(asked, good, strict=True) if not is_good]
        self._guards(tuple(one for one in missing if one in self._guarded))  # a version may have come meanwhile
