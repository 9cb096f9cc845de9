"""The units of all groups over systemd's D-Bus interface (org.freedesktop.systemd1(5)).

Signals only wake: anyone on the bus can forge one, and one that was missed must not matter. What is told was read by
calls, for all units of a group at the same moment. While systemd or the bus is away nothing is told: that is unknown,
not failed; when it is back everything is read anew.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from standfast import journal, manager
from standfast.bus import Bus, BusError, ErrorName, Signal, escape
from standfast.configuration.model import Group
from standfast.jobs import JobResult, Jobs
from standfast.manager import CALL_TIMEOUT_S, DOWN, MANAGER, MANAGER_PATH, SYSTEMD, UNIT, UNIT_PATHS
from standfast.resourced.leases import RUN
from standfast.resourced.stops import Stops
from standfast.resourced.unit_reader import Known, Reader
from standfast.vocabulary import UnitState

BATCH: Final = 32  # groups read at one go: the first ones need not wait for the last
RELOAD_TIMEOUT_S: Final = 90.0
LINGER_FIRST_S: Final = 0.05  # what an inactive unit left behind goes without a signal: look again, doubling
LINGER_LAST_S: Final = 2.0
_RETRY_S: Final = 0.5
_READS: Final = 5
_SUBSCRIBED: Final = "org.freedesktop.systemd1.AlreadySubscribed"
_GONE_ALREADY: Final = ("org.freedesktop.systemd1.NoSuchUnit", "org.freedesktop.systemd1.NoSuchProcess")

OnStates = Callable[[str, tuple[UnitState, ...]], None]  # group, its units in start order
OnRefused = Callable[[str, str], None]  # group, unit


@dataclass(slots=True)
class _Watched:
    """One group; `epoch` moves with each job of it, so that a read from before a job's end is not told after it."""

    group: Group
    units: dict[str, Known]
    told: tuple[UnitState, ...] | None = None
    epoch: int = 0
    starting: int = 0  # jobs of ours that start something of it
    refused: str = ""  # the unit whose start by somebody else failed for the guard


class Units:
    """Every method that asks systemd raises BusError when it is away or refuses; only jobs have results of their own.

    `on_states` is called after each change, after `attach`, after a job's end and after every daemon-reload;
    `on_refused` when a start that is not ours was refused by a resource's guard; `on_reloaded` when all units were read
    anew after `attach`, a daemon-reload of whomever, or systemd's return to the bus.
    """

    def __init__(
        self,
        *,
        on_states: OnStates,
        on_refused: OnRefused,
        on_reloaded: Callable[[], None],
        tasks: asyncio.TaskGroup,
        run: Path = RUN,
        control_groups: Path | None = None,
    ) -> None:
        self._on_states, self._on_refused, self._on_reloaded = on_states, on_refused, on_reloaded
        self._tasks = tasks
        self._run = run
        self._reader = Reader(control_groups)
        self._stops = Stops(run)
        self._bus: Bus | None = None
        self._owner = ""
        self._watched: dict[str, _Watched] = {}
        self._groups_of: dict[str, str] = {}  # by unit, targets included
        self._paths: dict[str, str] = {}  # unit by object path
        self._dirty: dict[str, None] = {}  # groups to be read, in order
        self._fresh = self._reloaded = False
        self._trouble = ""  # the error that was told last
        self._wake = asyncio.Event()
        self._linger_s = LINGER_FIRST_S
        self._lingering: dict[str, None] = {}
        self._reading = asyncio.Lock()
        self._jobs = Jobs()
        self._follower: asyncio.Task[None] | None = None

    # What is followed

    async def attach(self, bus: Bus) -> None:
        """systemd is followed on this connection, until it is lost or another one is attached."""
        if self._follower is not None:
            self._follower.cancel()
            self._jobs.lost()
        self._bus, self._owner = bus, ""
        for member in ("JobRemoved", "Reloading"):
            await bus.subscribe(SYSTEMD, self._manager_said, path=MANAGER_PATH, interface=MANAGER, member=member)
        # each change is told twice, also for its type: and hundreds are, of what others wait for, where units are read
        changed = {"interface": "org.freedesktop.DBus.Properties", "member": "PropertiesChanged", "first": UNIT}
        await bus.subscribe(SYSTEMD, self._unit_said, path_namespace=UNIT_PATHS, among=self._paths, **changed)
        await bus.on_owner(SYSTEMD, self._owned)
        self._follower = self._tasks.create_task(self._follow(bus), name="units")

    def watch(self, group: Group) -> None:
        """The group's units are read at each change; what was seen of its units before is kept. `look` or `read` is
        what comes next: systemd loads a unit for each question."""
        before = self._watched[group.name].units if group.name in self._watched else {}
        self.forget(group.name)
        units = {resource.unit: before.get(resource.unit, Known()) for resource in group.resources}
        self._watched[group.name] = _Watched(group=group, units=units)
        for unit in (*units, group.target):
            self._groups_of[unit] = group.name
            self._paths[f"{UNIT_PATHS}/{escape(unit)}"] = unit

    def forget(self, name: str) -> None:
        """Nothing more is told of the group."""
        watched = self._watched.pop(name, None)
        if watched is None:
            return
        for unit in (*watched.units, watched.group.target):
            del self._groups_of[unit], self._paths[f"{UNIT_PATHS}/{escape(unit)}"]
        self._dirty.pop(name, None)
        self._lingering.pop(name, None)

    def look(self, name: str) -> None:
        """The group's units are read and told, with those of others that are to be read."""
        if name in self._watched:
            self._read_again(name, tell=True)

    async def read(self, names: list[str]) -> dict[str, tuple[UnitState, ...]]:
        """By group its units as they are now, in start order; without groups that were forgotten meanwhile."""
        all_states, tries = dict[str, tuple[UnitState, ...]](), _READS
        while names and (tries := tries - 1) >= 0:
            async with self._reading:
                found = await self._read(self._present(), names)
                for name, (states, _) in found.items():
                    all_states[name] = self._watched[name].told = states
            names = [name for name, (_, settled) in found.items() if not settled]
        return all_states

    # What is asked of systemd

    async def start(self, unit: str) -> JobResult:
        """The start job of a unit or of a group's target is over."""
        return await self._start("StartUnit", unit)

    async def restart(self, unit: str) -> JobResult:
        """The restart job is over; it took the unit's successors in its group along."""
        return await self._start("RestartUnit", unit)

    async def stop(self, unit: str) -> JobResult:
        """The stop job is over. It waits for no other job: in a shutdown systemd's own stop jobs wait for the drain."""
        await self._we_end(unit)
        try:
            return await self._jobs.run(self._present(), "StopUnit", unit, "ignore-dependencies")
        finally:
            self._moved(unit)

    async def kill(self, unit: str) -> None:
        """Every process of the unit was sent SIGKILL, also those that an earlier stop left behind."""
        await self._we_end(unit)
        try:
            await self.ask("KillUnit", "ssi", unit, "all", 9)
        except BusError as error:
            if error.name not in _GONE_ALREADY:
                raise
        if known := self._known(unit):
            await self._reader.kill_left_behind(self._present(), unit, known)
        self._moved(unit)

    async def reset_failed(self, unit: str) -> None:
        """The unit's failure is forgotten by systemd, and its count of starts."""
        try:
            await self.ask("ResetFailedUnit", "s", unit)
        except BusError as error:
            if error.name not in _GONE_ALREADY:
                raise
        self._moved(unit)

    async def reload(self) -> None:
        """systemd has read all unit files anew (daemon-reload)."""
        await self._present().call(SYSTEMD, MANAGER_PATH, MANAGER, "Reload", timeout_s=RELOAD_TIMEOUT_S)

    async def effective_guard(self, unit: str, group: str) -> bool:
        """systemd, as it has the unit loaded, refuses to start it without the lease of `group`."""
        return await manager.has_assertion(self._present(), unit, str(self._run / "lease" / group))

    async def enabled_or_running(self, units: tuple[str, ...]) -> dict[str, str]:
        """Those of `units` that start or run without the cluster, each with a sentence that says what to type."""
        return await manager.enabled_or_running(self._present(), units)

    async def ask(self, method: str, signature: str = "", *arguments: Any) -> tuple[Any, ...]:
        """What a method of systemd's manager answers."""
        return await self._present().call(
            SYSTEMD, MANAGER_PATH, MANAGER, method, signature, *arguments, timeout_s=CALL_TIMEOUT_S
        )

    def _present(self) -> Bus:
        if self._bus is None:
            raise BusError(ErrorName.BUS_LOST, "The message bus is not there yet.")
        return self._bus

    async def _start(self, method: str, unit: str) -> JobResult:
        watched = self._watched.get(self._groups_of.get(unit, ""))
        self._take(unit)
        if watched is not None:
            watched.starting += 1
            for known in watched.units.values():
                known.start_anew()
        try:
            return await self._jobs.run(self._present(), method, unit, "replace")
        finally:
            if watched is not None:
                watched.starting -= 1
            self._moved(unit)

    async def _we_end(self, unit: str) -> None:
        """From now on the unit's end is ours, unless it has failed by itself before."""
        self._take(unit)
        known = self._known(unit)
        if known is None or known.past.ended_by_us:
            return
        path = f"{UNIT_PATHS}/{escape(unit)}"
        try:
            active = await self._present().get(SYSTEMD, path, UNIT, "ActiveState", timeout_s=CALL_TIMEOUT_S)
        except BusError:
            return  # the stop itself is tried all the same
        if active not in DOWN:
            known.end_by_us()

    def _known(self, unit: str) -> Known | None:
        watched = self._watched.get(self._groups_of.get(unit, ""))
        return watched.units.get(unit) if watched else None

    def _take(self, unit: str) -> None:
        """We do something with the unit, or with all of a target's: no administrator's wish holds any more."""
        known, name = self._known(unit), self._groups_of.get(unit)
        self._stops.ours({unit: known} if known else self._watched[name].units if name else {})
        self._moved(unit)

    # What systemd says

    def _owned(self, owner: str) -> None:
        self._owner = owner
        self._fresh = bool(owner)
        self._wake.set()

    def _manager_said(self, signal: Signal) -> None:
        match signal.member, signal.arguments:
            case "JobRemoved", (_, path, unit, result):
                self._job_removed(path, unit, result)
            case "Reloading", (False,):
                self._reloaded = True
                self._wake.set()

    def _unit_said(self, signal: Signal) -> None:
        if (unit := self._paths.get(signal.path)) is not None:
            self._read_again(self._groups_of[unit])

    def _job_removed(self, path: str, unit: str, result: str) -> None:
        self._jobs.removed(path, result)
        watched = self._watched.get(self._groups_of.get(unit, ""))
        if watched is None:
            return
        if (known := watched.units.get(unit)) is not None:
            known.job_ended(result, ours=watched.starting > 0)
            if result in (JobResult.ASSERT, JobResult.DEPENDENCY) and self._unleased(watched):
                watched.refused = unit  # those that depend on the refused one follow it: the last is what was asked for
        self._moved(unit)

    def _unleased(self, watched: _Watched) -> bool:
        """A start that fails now fails for the guard, its own or that of a resource before it."""
        return not watched.starting and not (self._run / "lease" / watched.group.base).exists()

    def _moved(self, unit: str) -> None:
        """A job of ours began or any job ended: what was read before is not told any more."""
        if (name := self._groups_of.get(unit)) is not None:
            self._watched[name].epoch += 1
            self._read_again(name, tell=True)

    def _read_again(self, name: str, *, tell: bool = False) -> None:
        if tell:
            self._watched[name].told = None
        self._dirty[name] = None
        self._linger_s = LINGER_FIRST_S
        self._wake.set()

    # Reading

    async def _follow(self, bus: Bus) -> None:
        closed = self._tasks.create_task(self._wait_closed(bus))
        try:
            while not bus.closed.is_set():
                await self._wait_for_news()
                try:
                    await self._catch_up(bus)
                    self._trouble = ""
                except BusError as error:
                    self._tell_trouble(bus, error)
                    await asyncio.sleep(_RETRY_S)  # read again; on a lost bus the loop ends
                    self._wake.set()
        finally:
            closed.cancel()

    def _tell_trouble(self, bus: Bus, error: BusError) -> None:
        """Said once for each error; a bus or a systemd that went away says so itself."""
        if self._owner and not bus.closed.is_set() and error.name != self._trouble:
            self._trouble = error.name
            text = f"systemd does not tell the state of units: {error.text}; it is asked again all the time"
            journal.write(journal.Event.UNITS_UNREADABLE, journal.Level.ERROR, text)

    async def _wait_closed(self, bus: Bus) -> None:
        await bus.wait_closed()
        self._jobs.lost()
        self._wake.set()

    async def _wait_for_news(self) -> None:
        try:
            async with asyncio.timeout(self._linger_s if self._lingering else None):
                await self._wake.wait()
        except TimeoutError:
            self._linger_s = min(self._linger_s * 2, LINGER_LAST_S)
            self._dirty |= self._lingering
        self._wake.clear()

    async def _catch_up(self, bus: Bus) -> None:
        """Everything that may have changed was read and told."""
        if not self._owner or bus.closed.is_set():
            return
        if self._fresh:
            await self._subscribe()
            await self._jobs.check(bus)
            self._fresh, self._reloaded = False, True  # unit files may have been read anew meanwhile
        reloaded, self._reloaded = self._reloaded, False
        if reloaded:
            self._all_again()
        try:
            while self._dirty:
                await self._read_and_tell(bus, list(self._dirty)[:BATCH])
        except BusError:
            self._reloaded = self._reloaded or reloaded
            raise
        if reloaded:
            self._on_reloaded()

    async def _subscribe(self) -> None:
        """systemd sends us its signals; one that executed itself anew remembers that it does."""
        try:
            await self.ask("Subscribe")
        except BusError as error:
            if error.name != _SUBSCRIBED:
                raise
        self._stops.listening()

    def _all_again(self) -> None:
        for name in self._watched:
            self._read_again(name, tell=True)

    async def _read_and_tell(self, bus: Bus, names: list[str]) -> None:
        for name in names:
            del self._dirty[name]
        told = []
        try:
            async with self._reading:
                for name, (states, settled) in (await self._read(bus, names)).items():
                    watched = self._watched[name]
                    if settled:  # a refusal is told also where another read was the first to see the states
                        told.append((name, states if states != watched.told else (), watched.refused))
                        watched.told, watched.refused = states, ""
        except BusError:
            self._dirty |= dict.fromkeys(name for name in names if name in self._watched)
            raise
        for name, states, refused in told:
            if states:
                self._on_states(name, states)
            if refused:
                self._on_refused(name, refused)

    async def _read(self, bus: Bus, names: list[str]) -> dict[str, tuple[tuple[UnitState, ...], bool]]:
        """By group: its units' states, and whether no job of it began or ended meanwhile; without what is forgotten."""
        watched = {name: self._watched[name] for name in names if name in self._watched}
        epochs = {name: one.epoch for name, one in watched.items()}
        known = {unit: memory for one in watched.values() for unit, memory in one.units.items()}
        listed = await self._reader.list_units(bus, [one.units for one in watched.values()])
        machine = await self._reader.machine(bus)
        reads = (self._reader.read(bus, one, known[one.unit], machine) for one in listed)
        states = {state.unit: state for state in await asyncio.gather(*reads)}
        found = {}
        for name, one in watched.items():
            group_states = await self._stops.explain(bus, one.group, [states[unit] for unit in one.units], one.units)
            if self._watched.get(name) is one:
                found[name] = group_states, one.epoch == epochs[name]
                self._mind_lingering(name, group_states)
        return found

    def _mind_lingering(self, name: str, states: tuple[UnitState, ...]) -> None:
        if any(one.active == "activating" or (one.active in DOWN and (one.processes or one.traces)) for one in states):
            self._lingering[name] = None
        else:
            self._lingering.pop(name, None)
