"""membershipd: this node's Corosync runs with the configuration that is in force here, and the bus tells the view."""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from standfast import journal
from standfast.bus import Bus, BusError, Call, ErrorName, Server, interface_file, serve_forever
from standfast.configuration.quorum import read_at_start
from standfast.configuration.versions import FOLDER
from standfast.corosync.common import CorosyncError
from standfast.corosync.network import Network
from standfast.corosync.requests import Requests
from standfast.journal import Event, Level
from standfast.membershipd.away import Away, Place
from standfast.membershipd.churn import Churn
from standfast.membershipd.corosync_conf import device_of, render
from standfast.membershipd.device import Device
from standfast.membershipd.engine import Engine
from standfast.membershipd.members import Members
from standfast.membershipd.pause import FORGOTTEN_AFTER_MS
from standfast.membershipd.publication import NAME, publish
from standfast.membershipd.reload import Reload
from standfast.membershipd.ring import Follower, View
from standfast.membershipd.settings import Settings, read_settings, tell_changes
from standfast.membershipd.sharing import Sharing
from standfast.membershipd.withdrawal import Withdraw

_TRY_AGAIN_S: Final = 0.25
_FOREIGN_AGAIN_S: Final = 2.0
_DIES_WITHIN_S: Final = 3.0  # else it is killed as one that runs although this node has withdrawn
_STAY_LOOK_S: Final = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What this machine is and where its files are."""

    hostname: str
    incarnation: str
    folder: Path = FOLDER  # of the versions, and of the link to the one in force
    corosync_conf: Path = Path("/run/standfast/corosync.conf")
    withdrawn: Path = Path("/var/lib/standfast/withdrawn")


class Membership:
    """The daemon. `run` ends only by cancellation; `reread` may be called at any time."""

    def __init__(
        self, machine: Machine, network: Network, on_served: Callable[[], None], on_look: Callable[[], None]
    ) -> None:
        self._machine = machine
        self._network = network
        self._on_served = on_served
        self._on_look = on_look  # about once a second, where nothing else happens
        self._server = Server(interface_file(NAME))
        self._loop = asyncio.get_running_loop()
        self._requests = Requests("corosync")
        self._engine = Engine(machine.corosync_conf, self._loop.time)
        self._device = Device(self._device_wanted, self._loop.time)
        self._due = asyncio.Event()  # Corosync may work with another file than the one that is written
        self._reload = Reload(
            network, self._requests, self._engine, lambda node: self._settings.name_of(node), self._due.is_set
        )
        self._up_to_date = False  # the running Corosync took the file as it is now
        self._bus: Bus | None = None
        self._follower: Follower | None = None
        self._foreign = False
        self._reread = asyncio.Event()
        self._forgetting: asyncio.TimerHandle | None = None
        self._members = Members(self._term_opened)
        self._away = Away(Place(file=machine.withdrawn, incarnation=machine.incarnation), self._away_changed)
        self._sharing = Sharing(self._server, machine.folder, lambda node: self._settings.name_of(node))
        self._server.handle("org.standfast.Membership1", "Rejoin", self._rejoin)
        self._settings = read_settings(machine.hostname, machine.folder)
        self._text, self._key = "", b""  # of corosync.conf and the key beside it, "" = none yet
        self._take(None, self._settings)

    async def run(self) -> None:
        """Serves the bus and follows Corosync, whatever comes and goes."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(serve_forever(self._server, NAME, self._on_bus))
            tasks.create_task(self._keep_following())
            tasks.create_task(self._keep_rereading())
            tasks.create_task(self._keep_up_to_date())
            tasks.create_task(self._members.follow())
            tasks.create_task(self._device.keep(lambda: self._bus))
            tasks.create_task(self._sharing.carrier.keep())

    def reread(self) -> None:
        """Another version may be in force here (SIGHUP)."""
        self._reread.set()

    async def _on_bus(self, bus: Bus) -> None:
        self._bus = bus
        self._sharing.on_bus(bus)
        self._device.look_now()
        self._on_served()
        await self._members.on_bus(bus)

    # the configuration

    async def _keep_rereading(self) -> None:
        while True:
            await self._reread.wait()
            self._reread.clear()
            old, new = self._settings, read_settings(self._machine.hostname, self._machine.folder)
            if new.configuration is None:
                new = replace(old, problems=new.problems)  # what was read before is used
            self._settings = new
            changed = self._take(old, new)
            if self._follower is not None:
                self._follower.look_now()
                if changed:
                    _tell_what_waits(old, new)
                    self._due.set()

    def _take(self, old: Settings | None, new: Settings) -> bool:
        """The journal, corosync.conf and the bus agree with the settings; True: Corosync has a file to read."""
        journal.identify("membershipd", new.node.name if new.node else "")
        tell_changes(old, new)
        changed = False
        if new.configuration is not None and new.node is not None:
            self._key = new.key
            self._text = render(new.configuration, self._engine.key_file, self._key)
            changed = self._write()
        self._show()
        return changed

    def _write(self) -> bool:
        """corosync.conf is right, or, while this node is away, not there. True: Corosync has a file to read."""
        if self._away.here:
            try:
                return bool(self._text) and self._engine.write(self._text, self._key)
            except OSError as error:
                file = self._machine.corosync_conf
                text = f"{file} cannot be written ({error.strerror}), Corosync works with what it has: free /run"
                journal.write(Event.CONFIGURATION_PROBLEM, Level.ERROR, text, file=str(file))
                return False
        self._engine.remove()
        return False

    def _show(self) -> None:
        view = self._follower.view if self._follower is not None else View()
        publish(self._server, self._settings, view, self._machine.hostname, self._away.text)

    # Corosync

    async def _keep_following(self) -> None:
        while True:
            pause_s = _TRY_AGAIN_S
            if not self._away.here:
                await self._stay_away()
            elif self._text:
                try:
                    if await self._is_ours():
                        await self._follow_once()
                    else:
                        pause_s = _FOREIGN_AGAIN_S
                except (CorosyncError, TimeoutError):
                    self._show()
                    await self._engine.start_if_due(self._bus)
            await asyncio.sleep(pause_s)

    async def _is_ours(self) -> bool:
        """The running Corosync works with a file of ours. Raises CorosyncError, TimeoutError."""
        ours = await self._reload.running_digest() is not None
        if not ours and not self._foreign:
            text = (
                "Corosync runs with a configuration that is not Standfast's, so this node does not join: "
                "systemctl restart corosync.service"
            )
            journal.write(Event.COROSYNC_FOREIGN, Level.ERROR, text)
        self._foreign = not ours
        return ours

    async def _follow_once(self) -> None:
        """Follows one life of Corosync to its end. Raises CorosyncError or TimeoutError when it cannot be opened."""
        churn = Churn(lambda: self._settings, lambda: self._members.names, self._loop.time)
        follower = Follower(
            self._network,
            self._requests,
            lambda: self._settings,
            self._machine.incarnation,
            churn,
            self._sharing.carrier,
            self._show,
            self._on_look,
        )
        self._follower = follower
        began_s = self._loop.time()
        try:
            await follower.open()
            self._engine.answers()
            self._due.set()
            decision = await _until_dead(follower)
            if decision is not None:
                await self._withdraw(churn, decision, follower)
        finally:
            self._follower = None
            self._up_to_date = False
            follower.close()
        self._show()
        self._engine.died(self._loop.time() - began_s)
        text = f"Corosync is gone; the last view was {follower.view.ring}"
        journal.write(Event.COROSYNC_LOST, Level.WARNING, text, view=str(follower.view.ring or ""))

    async def _keep_up_to_date(self) -> None:
        """Corosync works with the file as it is now; when it is gone or hangs, its next life does."""
        while True:
            await self._due.wait()
            self._due.clear()
            follower = self._follower
            with contextlib.suppress(CorosyncError, TimeoutError):
                configuration = self._settings.configuration
                if follower is None or configuration is None:
                    continue
                if await self._reload.bring_up_to_date(follower, configuration, self._key):
                    self._took_file()

    # the withdrawal

    def _away_changed(self) -> None:
        self._write()
        self._show()

    async def _withdraw(self, churn: Churn, decision: Withdraw, follower: Follower) -> None:
        """Corosync is killed at once; that it is, and why, is told and kept after that was asked for."""
        killed = asyncio.ensure_future(self._kill(follower))
        reason = churn.reason(decision)
        then = self._away.withdraw(reason)
        fields = {"peer": churn.names(decision), "cause": "faulty links", "ring_count": str(len(decision.rings))}
        fields["rings"] = " ".join(map(str, decision.rings))
        journal.write(Event.WITHDRAWN, Level.ERROR, f"{reason}; its groups are stopped here, and {then}", **fields)
        await killed

    async def _kill(self, follower: Follower) -> None:
        """Corosync is gone, or was at least told to go in every way there is."""
        if not await self._engine.kill(self._bus):
            await follower.shut_down()  # without systemd and the bus
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_DIES_WITHIN_S):
                await follower.dead.wait()

    async def _stay_away(self) -> None:
        """Corosync does not run, whoever starts it, until the pause is over or an operator ended it."""
        runs = True
        try:
            await self._reload.running_digest()
        except CorosyncError:
            runs = False
        except TimeoutError:
            pass  # it is there, and hangs
        if runs and not self._away.here:
            text = "Corosync runs although this node has withdrawn: it is killed; to end that: standfast node rejoin"
            journal.write(Event.COROSYNC_STAYS, Level.WARNING, text)
            await self._engine.kill(self._bus)
        await self._away.wait(_STAY_LOOK_S)

    async def _rejoin(self, _: Call) -> tuple[Any, ...]:
        if self._away.here:
            raise BusError(ErrorName.REFUSED, "This node has not withdrawn: it takes part, or tries to.")
        self._away.end("An operator ended this node's withdrawal: its Corosync is started again")
        return ()

    def _term_opened(self, is_open: bool) -> None:
        """After some time in one open term an earlier withdrawal makes the next one no longer."""
        if self._forgetting is not None:
            self._forgetting.cancel()
        self._forgetting = self._loop.call_later(FORGOTTEN_AFTER_MS / 1000, self._away.forget) if is_open else None

    def _took_file(self) -> None:
        self._up_to_date = True
        self._device.look_now()

    def _device_wanted(self) -> str | None:
        """None while Corosync does not run, or works with another file."""
        configuration = self._settings.configuration
        return device_of(configuration) if self._up_to_date and configuration is not None else None


async def _until_dead(follower: Follower) -> Withdraw | None:
    """None: Corosync is gone; its links were followed until then. Else this node must withdraw because of them."""
    links = asyncio.ensure_future(follower.follow_links())
    dead = asyncio.ensure_future(follower.dead.wait())
    try:
        done, _ = await asyncio.wait((links, dead), return_when=asyncio.FIRST_COMPLETED)
        return links.result() if links in done and not dead.done() else None
    finally:
        for task in (links, dead):
            task.cancel()
        await asyncio.gather(links, dead, return_exceptions=True)


def _tell_what_waits(old: Settings, new: Settings) -> None:
    """The journal has that a changed option is not in force before Corosync was started anew."""
    if not old.configuration or not new.configuration:
        return
    if read_at_start(old.configuration.cluster) != read_at_start(new.configuration.cluster):
        text = (
            "Name=, AutoTieBreaker= and LastManStanding= are read when Corosync starts, so the change waits for that: "
            "systemctl restart standfast.target on every node, one after the other"
        )
        journal.write(Event.COROSYNC_RESTART_DUE, Level.WARNING, text)
