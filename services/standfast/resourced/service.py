"""The daemon around the core: every event goes through one queue, every action is done in its order."""

import asyncio
import secrets
from collections import deque
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from standfast import files, journal
from standfast.bus import Bus, BusError, ErrorName
from standfast.configuration.model import ConfigurationError
from standfast.corosync.common import CorosyncError
from standfast.corosync.network import Network
from standfast.resourced import disk, later, store
from standfast.resourced.acts import Acts
from standfast.resourced.core import Core, Identity
from standfast.resourced.events import (
    Action,
    Answer,
    ArmWatchdog,
    ConfigurationRead,
    Entry,
    Event,
    Fence,
    InstallConfiguration,
    JoinGroup,
    LeaveGroup,
    Left,
    LoosenQuorum,
    Reboot,
    SendRecord,
    SendTick,
    TellWatchdog,
    TimePassed,
    WatchdogTold,
)
from standfast.resourced.feeder import Feeder, NotArmed
from standfast.resourced.fencer import Fencer
from standfast.resourced.hands import Act
from standfast.resourced.neighbours import Neighbours
from standfast.resourced.offering import Offering
from standfast.resourced.publication import Publication
from standfast.resourced.restarts import Restarts
from standfast.resourced.stream import Stream
from standfast.watchdog.messages import Armed

TIME_S: Final = 0.5  # how often the core is told the time
SETTLED_MS: Final = 10_000  # in an open term: crashes before it are forgotten
LOOK_S: Final = 5.0  # how often /etc/standfast is looked at


class Service:
    """One node's resourced."""

    def __init__(self, *, node: str, found: store.Found, network: Network, tasks: asyncio.TaskGroup) -> None:
        assert found.used is not None
        self._loop = asyncio.get_running_loop()
        self._tasks = tasks
        self._events: deque[Event] = deque()
        self._running = False
        self._found = found
        self._stamp = store.stamp()
        self._restarts = Restarts()
        self._unguarded: tuple[tuple[str, str], ...] = ()
        self._unread = False  # units were put in place that systemd did not read
        identity = Identity(
            node=node,
            incarnation=files.incarnation(),
            machine=files.machine_id(),
            product=files.product_uuid(),
        )
        self.core = Core(
            identity=identity,
            configuration=found.used,
            installed=store.installed(),
            disk=disk.read(),
            write=disk.write,
            fresh=lambda: secrets.randbits(52),
            now=files.boottime_ms(),
        )
        self.stream = Stream(self._loop, network, self._names, self.push)
        self.acts = Acts(self.push, self._guards, tasks)
        self.fencer = Fencer(self.push, tasks)
        self._offering = Offering(self.fencer.check, _tell_problem)
        self.core.offered = self._offering.offered(found.offered, self._in_force)
        self.neighbours = Neighbours(self.push, tasks)
        self.feeder = Feeder(self._armed)
        self._dog: Armed | None = None
        self.publication = Publication(self.core, self.push, self.fencer.objections)

    def _armed(self, armed: Armed) -> None:
        self._dog = armed
        self.push(WatchdogTold(timeout_ms=armed.timeout_ms, wanted_ms=armed.wanted_ms, refusal=armed.refusal))

    async def _arm(self) -> None:
        """Nothing is held here before quorumd has answered."""
        refusal = ""
        try:
            await self.feeder.arm()
        except NotArmed as error:
            refusal = str(error)
            journal.write(journal.Event.WATCHDOG_REFUSED, journal.Level.ERROR, refusal)
        dog = self._dog
        timeout_ms, wanted_ms = (dog.timeout_ms, dog.wanted_ms) if dog is not None and not refusal else (0, 0)
        self.push(WatchdogTold(timeout_ms=timeout_ms, wanted_ms=wanted_ms, refusal=refusal, answers=True))

    def _names(self) -> Mapping[int, str]:
        return {node.id: node.name for node in self.core.configuration.nodes}

    @property
    def _in_force(self) -> str:
        """The digest of the configuration in force, "" = unknown."""
        record = self.core.record
        return record.configuration if record is not None else ""

    # Events and actions

    def push(self, event: Event) -> None:
        """Take one event; what it leads to is done before this returns, unless a step is under way already."""
        self._events.append(event)
        if self._running:
            return
        self._running = True
        try:
            while self._events:
                at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
                for action in self.core.step(self._events.popleft(), files.boottime_ms(), at):
                    self._perform(action)
        finally:
            self._running = False
        self.publication.update()

    def _perform(self, action: Action) -> None:
        match action:
            case SendRecord(data=data):
                self.stream.send_record(data)
            case SendTick(data=data):
                self.stream.send_tick(data)
            case Act():
                self.acts.do(action)
            case Entry():
                _write(action)
            case JoinGroup():
                self.stream.join()
            case LeaveGroup():
                self.stream.leave()
            case Fence() | LoosenQuorum() | ArmWatchdog() | TellWatchdog():
                self._tell_daemon(action)
            case Answer():
                self.publication.answered(action)
            case Left():
                self.publication.left(action)
            case InstallConfiguration():
                later.begin(self._tasks, self._install())
            case Reboot(reason=reason):
                later.begin(self._tasks, self.acts.reboot(reason))

    def _tell_daemon(self, action: Fence | LoosenQuorum | ArmWatchdog | TellWatchdog) -> None:
        match action:
            case LoosenQuorum():
                self._tasks.create_task(self._loosen(action))
            case Fence():
                self.fencer.begin(action)
            case ArmWatchdog():
                later.begin(self._tasks, self._arm())
            case TellWatchdog(holding=holding, echoed_until_ms=until, stored_ms=stored):
                self.feeder.tell(holding=holding, echoed_until_ms=until, stored_ms=stored)

    async def _loosen(self, action: LoosenQuorum) -> None:
        try:
            await self.stream.loosen(action)
        except (CorosyncError, TimeoutError) as error:
            text = f"votequorum does not call this node quorate on an operator's word: {str(error) or 'no answer'}"
            journal.write(journal.Event.QUORUM_NOT_LOOSENED, journal.Level.ERROR, text)
            return
        text = "votequorum was told to do without the absent nodes: each of them is proven off"
        journal.write(journal.Event.QUORUM_LOOSENED, journal.Level.WARNING, text)

    # Life

    def close(self) -> None:
        """Out of all groups; this end was no crash."""
        self._restarts.settled()
        self.stream.close()

    async def run(self) -> None:
        """Until it is cancelled: on the bus, in the groups once everything here is known."""
        self._tasks.create_task(self.publication.serve(self._on_bus))
        self._tasks.create_task(self._look())
        self._tasks.create_task(self.feeder.run())
        self._tasks.create_task(self.stream.follow())
        self._tell_time()

    async def _on_bus(self, bus: Bus) -> None:
        await self.acts.attach(bus)
        await self.fencer.attach(bus)
        await self.neighbours.attach(bus)
        if not self.acts.adopted:
            if self._offering.waits:
                await self.reload()
            await self._settle_configuration()
            await self.acts.adopt(self.core.configuration.groups)
            await asyncio.sleep(self._restarts.pause_s)
            self.stream.join()

    async def _settle_configuration(self) -> None:
        """The units of the configuration in force are in place before this node takes part."""
        record = self.core.record
        if record is not None and record.configuration == self.core.configuration.digest:
            await self._install(from_files=self._found.offered is self._found.used)

    def _tell_time(self) -> None:
        term = self.core.terms.term
        if term is not None and files.boottime_ms() - term.opened_at >= SETTLED_MS:
            self._restarts.settled()
        self.push(TimePassed())
        self._loop.call_later(TIME_S, self._tell_time)

    async def _look(self) -> None:
        """Notice files in /etc/standfast that changed."""
        while True:
            await asyncio.sleep(LOOK_S)
            stamp = await asyncio.to_thread(store.stamp)
            if stamp != self._stamp or self._offering.waits:
                self._stamp = stamp
                await self.reload()

    async def reload(self) -> None:
        """Read the files anew; what is in use goes on until another configuration is in force."""
        found = await asyncio.to_thread(store.find, self._in_force)
        self._found = found
        for problem in found.problems:
            _tell_problem(str(problem))
        await self._offering.judge(found.offered, self._in_force)
        if found is not self._found:
            return  # they were read again meanwhile
        offered = self._offering.offered(found.offered, self._in_force)
        used, record = found.used or self.core.configuration, self.core.record
        if record is not None and used.digest != record.configuration:
            used = self.core.configuration
        self.push(ConfigurationRead(configuration=used, installed=self._installed, offered=offered))
        if self._installed != used.digest:
            await self._install(from_files=found.offered is found.used)

    async def _install(self, *, from_files: bool = True) -> None:
        """The offered configuration came into force, or is in force at the start: put it in place and use it."""
        record = self.core.record
        used = self._found.offered if from_files else self._found.used
        if record is None or used is None or used.digest != record.configuration:
            return
        loose = await self.acts.enabled_or_running(store.unguarded(used))
        if loose:
            text = (
                f"This node gets nothing to run, for what belongs to a group must not start by itself: "
                f"{'; '.join(loose.values())}; then systemctl reload standfast-resourced"
            )
            journal.write(journal.Event.CONFIGURATION_PROBLEM, journal.Level.ERROR, text)
            return
        try:
            self._unread |= await asyncio.to_thread(store.put_in_place, used, from_files=from_files)
        except (ConfigurationError, OSError) as error:
            text = f"The configuration in force cannot be put in place, this node gets nothing to run: {error}"
            journal.write(journal.Event.CONFIGURATION_PROBLEM, journal.Level.ERROR, text)
            return
        await self._reload_systemd()
        offered = self._offering.offered(self._found.offered, self._in_force)
        self.push(ConfigurationRead(configuration=used, installed=self._installed, offered=offered))
        if self.acts.adopted:
            await self.acts.adopt(used.groups)

    async def _reload_systemd(self) -> None:
        """systemd has read all units, also those of an installation that died before it could ask for that.

        With less than 16 MiB in /run it refuses; then what is in place since an earlier time is as good as before.
        """
        try:
            await self.acts.reload()
            self._unread = False
        except BusError as error:
            if error.name == ErrorName.BUS_LOST:
                raise
            text = f"systemd does not read its units anew: {error.text} Free /run"
            if self._unread:
                text += "; this node gets nothing to run until systemctl reload standfast-resourced"
            journal.write(journal.Event.CONFIGURATION_PROBLEM, journal.Level.ERROR, text)

    @property
    def _installed(self) -> str:
        """Digest of the configuration whose units are in place, guarded and read by systemd; "" = none."""
        return "" if self._unguarded or self._unread else store.installed()

    def _guards(self, missing: tuple[tuple[str, str], ...]) -> None:
        """Without its guard a unit could start beside its group: this node gets nothing until it is back."""
        if missing == self._unguarded:
            return
        self._unguarded = missing
        configuration, offered = self.core.configuration, self._offering.offered(self._found.offered, self._in_force)
        self.push(ConfigurationRead(configuration=configuration, installed=self._installed, offered=offered))
        for group, unit in missing:
            text = f"{unit} has lost its guard and could start beside group {group}; it is written again"
            journal.write(journal.Event.GUARD_MISSING, journal.Level.ERROR, text, group=group, resource=unit)
        if missing:
            later.begin(self._tasks, self._install(from_files=self._found.offered is self._found.used))


def _tell_problem(problem: str) -> None:
    text = f"{problem}; what is in force is used until then"
    journal.write(journal.Event.CONFIGURATION_PROBLEM, journal.Level.ERROR, text)


def _write(entry: Entry) -> None:
    fields = {name.lower(): value for name, value in entry.fields.items()}
    journal.write(journal.Event(entry.event), journal.Level(entry.level), entry.text, **fields)


def node_name(names: tuple[str, ...], host: str) -> str | None:
    """The configured node that this machine is: by its host name, or its short form."""
    return next((name for name in names if name in (host, host.partition(".")[0])), None)
