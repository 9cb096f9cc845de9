"""The daemon around the core: every event goes through one queue, every action is done in its order."""

import asyncio
import secrets
from collections import deque
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final

from standfast import files, journal
from standfast.bus import Bus, BusError, ErrorName
from standfast.configuration.copies import groups_on
from standfast.configuration.model import Configuration
from standfast.configuration.tree import Tree
from standfast.corosync.common import CorosyncError
from standfast.corosync.network import Network
from standfast.resourced import disk, durations_file, later, store
from standfast.resourced.acts import Acts
from standfast.resourced.core import Core
from standfast.resourced.events import (
    Act,
    Action,
    Answer,
    ArmWatchdog,
    Entry,
    Event,
    Fence,
    FetchConfiguration,
    InstallConfiguration,
    JoinGroup,
    LeaveGroup,
    Left,
    LookOn,
    LoosenQuorum,
    Reboot,
    SendRecord,
    SendTick,
    TellWatchdog,
    TickReceived,
    TimePassed,
    WatchdogTold,
)
from standfast.resourced.feeder import Feeder, NotArmed
from standfast.resourced.fencer import Fencer
from standfast.resourced.installer import Installer
from standfast.resourced.looking import Looking
from standfast.resourced.looks import peer_views
from standfast.resourced.neighbours import Neighbours
from standfast.resourced.presence import Identity, View
from standfast.resourced.publication import Publication
from standfast.resourced.recorder import Recorder
from standfast.resourced.restarts import Restarts
from standfast.resourced.stream import Stream
from standfast.watchdog.messages import Armed

TIME_S: Final = 0.5  # how often the core is told the time; where everything rests, when its tick is due
SHOW_RATIO: Final = 9
SETTLED_MS: Final = 10_000  # in an open term: crashes before it are forgotten
Alive = Callable[[], None]


class Service:
    """One node's resourced."""

    def __init__(
        self, *, node: str, configuration: Configuration, network: Network, tasks: asyncio.TaskGroup, alive: Alive
    ) -> None:
        self._alive = alive  # to be called now and then
        self._time: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()
        self._tasks = tasks
        self._events: deque[Event] = deque()
        self._running = False
        self._bus: Bus | None = None
        self._restarts = Restarts()
        identity = _identity(node)
        self.core = Core(
            identity=identity,
            configuration=configuration,
            installed=store.installed(),
            disk=disk.read(),
            write=disk.write,
            fresh=lambda: secrets.randbits(52),
            now=files.boottime_ms(),
        )
        self.recorder = Recorder(node, identity.incarnation)
        self.stream = Stream(self._loop, network, self._names, self.push, lambda *heard: self.asking.heard(*heard))
        self.acts = Acts(self.push, self._guards, tasks, self._probes_changed, self._peers)
        self._show_at = 0.0  # not before; seconds of the loop's clock
        self._shows: asyncio.TimerHandle | None = None
        self._viewed: object = None  # the nodes of the record as the probes know them
        self.looking = Looking(self.push, tasks)
        self.fencer = Fencer(self.push, tasks)
        self.neighbours = Neighbours(self.push, self._stored, tasks)
        self.installer = Installer(
            node=self.core.me,
            configuration=configuration,
            acts=self.acts,
            push=self.push,
            judge=self._judge,
            want=self.neighbours.want,
            record=lambda: self.core.record,
        )
        self.feeder = Feeder(self._armed)
        self._dog: Armed | None = None
        self.publication = Publication(self.core, self.push, self.fencer.objections, durations_file.read())
        self.asking = self.publication.asking(self.stream.send_question, tasks)
        self.drilling = self.publication.drilling(self.asking, self.fencer, self.acts.systemd)
        self.publication.show_probes(self.acts.probes.rows)

    def _probes_changed(self, group: str, unit: str) -> None:
        self.publication.probes_changed(group, unit)

    def _peers(self, unit: str) -> Mapping[str, View]:
        return peer_views(self.core.me, self.core.record, self.core.configuration, unit)

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
            if not error.told:
                journal.write(journal.Event.WATCHDOG_REFUSED, journal.Level.ERROR, refusal)
        dog = self._dog
        timeout_ms, wanted_ms = (dog.timeout_ms, dog.wanted_ms) if dog is not None and not refusal else (0, 0)
        self.push(WatchdogTold(timeout_ms=timeout_ms, wanted_ms=wanted_ms, refusal=refusal, answers=True))

    def _names(self) -> Mapping[int, str]:
        return {node.id: node.name for node in self.core.configuration.nodes}

    async def _judge(self, configuration: Configuration, tree: Tree) -> tuple[str, ...]:
        """What this machine and its fence agents have against a version. Raises BusError, OSError."""
        if self._bus is None:
            raise BusError(ErrorName.BUS_LOST, "The system bus is away: try again.")
        from standfast.configuration.machine_checks import objections  # a push is rare, memory is short

        machine = await objections(configuration, tree, self._bus)
        return (*machine, *await self.fencer.check(configuration.digest))

    # Events and actions

    def push(self, event: Event) -> None:
        """Take one event; what it leads to is done before this returns, unless a step is under way already."""
        self._events.append(event)
        if self._running:
            return
        self._running = True
        try:
            while self._events:
                event = self._events.popleft()
                for action in self._step(event):
                    self._perform(action)
                if isinstance(event, TickReceived) and self.core.pace.left:
                    continue  # nothing that anybody could see is different
                self.recorder.look(self.core, event)
                self.publication.planning.look()
        finally:
            self._running = False
        self._wake_in_time()
        if self.core.pace.left:
            return  # what is shown follows with what is left to a later step
        nodes = self.core.record.nodes if self.core.record is not None else None
        if nodes is not self._viewed:
            self._viewed = nodes
            self.acts.probes.turn()
        self._show()

    def _show(self) -> None:
        """What is shown follows at once, but takes a tenth of the time at most: with hundreds of groups it is long."""
        now = self._loop.time()
        if now >= self._show_at:
            self.publication.update()
            self._show_at = now + SHOW_RATIO * (self._loop.time() - now)
        elif self._shows is None or self._shows.cancelled() or self._shows.when() <= now:
            self._shows = self._loop.call_at(self._show_at, self._show)

    def _step(self, event: Event) -> list[Action]:
        try:
            return self.core.step(event, files.boottime_ms(), files.now_text())
        except Exception as error:  # this process ends over it: what it was is worth knowing
            self.recorder.failed(self.core, event, error)
            raise

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
            case LookOn(looks=looks):
                self.looking.look_on(looks)
            case JoinGroup():
                self.stream.join()
            case LeaveGroup():
                self.stream.leave()
            case Fence() | LoosenQuorum() | ArmWatchdog() | TellWatchdog():
                self._tell_daemon(action)
            case Answer():
                self._show_at = 0.0  # who gets the answer may look at once
                self.publication.answered(action)
            case Left():
                self.publication.left(action)
            case FetchConfiguration() | InstallConfiguration() | Reboot():
                later.begin(self._tasks, self._work(action))

    def _work(self, action: FetchConfiguration | InstallConfiguration | Reboot) -> Coroutine[Any, Any, None]:
        """What takes a while."""
        match action:
            case FetchConfiguration(digest=digest):
                return self.installer.fetch(digest)
            case InstallConfiguration(digest=digest):
                return self.installer.install(digest)
            case Reboot(reason=reason):
                return self.acts.reboot(reason)

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
        self.push(TimePassed())

    async def _on_bus(self, bus: Bus) -> None:
        self._bus = bus
        await self.acts.attach(bus)
        await self.fencer.attach(bus)
        await self.neighbours.attach(bus)
        if not self.acts.adopted:
            await self.installer.settle()
            await self.acts.adopt(groups_on(self.core.configuration.groups, self.core.me))
            await asyncio.sleep(self._restarts.pause_s)
            self.stream.join()

    def _tell_time(self) -> None:
        term = self.core.terms.term
        if term is not None and files.boottime_ms() - term.opened_at >= SETTLED_MS:
            self._restarts.settled()
        self._alive()
        self._time = None
        self.push(TimePassed())  # the next time is not later than this node's next tick

    def _wake_in_time(self) -> None:
        """The core is told the time when something there may wait for it."""
        wait_s = max((self.core.tick_at - files.boottime_ms()) / 1000, 0.0)
        due = self._loop.time() + (wait_s if self.core.pace.rests else min(wait_s, TIME_S))
        if self._time is not None and self._time.when() > due:
            self._time.cancel()
            self._time = None
        if self._time is None:
            self._time = self._loop.call_at(due, self._tell_time)

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(self.installer.next_look_s)
            await self.publication.planning.keep()
            await self.reload()

    async def reload(self) -> None:
        """What could not be installed is tried again, and the files in /etc/standfast are looked at."""
        await self.installer.look()

    def _stored(self, digest: str) -> None:
        later.begin(self._tasks, self.installer.stored(digest))

    def _guards(self, missing: tuple[tuple[str, str], ...]) -> None:
        later.begin(self._tasks, self.installer.guards(missing))


def _identity(node: str) -> Identity:
    return Identity(
        node=node, incarnation=files.incarnation(), machine=files.machine_id(), product=files.product_uuid()
    )


def _write(entry: Entry) -> None:
    fields: dict[str, str | tuple[str, ...]] = {name.lower(): value for name, value in entry.fields.items()}
    if entry.groups:
        fields["group"] = entry.groups
    journal.write(journal.Event(entry.event), journal.Level(entry.level), entry.text, **fields)


def node_name(names: tuple[str, ...], host: str) -> str | None:
    """The configured node that this machine is: by its host name, or its short form."""
    return next((name for name in names if name in (host, host.partition(".")[0])), None)
