"""Follows the journal, chooses, and has each alert run for what waits for it, one event after the other."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from standfast import journal
from standfast.alerts.choosing import Choosing, Chosen
from standfast.alerts.following import Following
from standfast.alerts.hooks import hooked
from standfast.alerts.outbox import Outbox, Waiting
from standfast.alerts.running import AlertError, Runner
from standfast.alerts.told import Told, as_json
from standfast.configuration.alerts import Alert, read_alerts
from standfast.configuration.tree import Tree
from standfast.configuration.versions import FOLDER, in_force, read_in_force
from standfast.files import write_atomic
from standfast.journal import Event, Level

LOOK_S: Final = 60.0  # that there is nothing to run any more is noticed within
PAUSES_S: Final = (10.0, 60.0)  # before a run that failed is tried again: a mail server that is started anew is back


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where everything is."""

    versions: Path = FOLDER
    systemd: Path = Path("/etc/systemd/system")
    events: Path = Path("/run/standfast-alerts/events")


class Service:
    """`run` ends when there is neither an alert nor a unit to start."""

    def __init__(self, following: Following, runner: Runner, places: Places) -> None:
        self._following, self._runner, self._places = following, runner, places
        self._choosing = Choosing()
        self._outboxes: dict[str, Outbox] = {}
        self._workers: dict[str, asyncio.Task[None]] = {}
        self._failing: set[str] = set()  # alerts whose failure was told
        self._alerts: dict[str, Alert] = {}
        self._tree = Tree(files={}, problems=())
        self._digest = ""
        self._heard = ""  # the cursor of the last entry of which all is in the outboxes
        self._woken = asyncio.Event()
        self._storing = asyncio.Lock()

    async def run(self) -> None:
        """What the journal has is sent, and what comes, as long as somebody wants it."""
        if (term := await asyncio.to_thread(self._following.begin, datetime.now(UTC))) is not None:
            self._choosing.hear(term)
        self._heard = self._following.cursor
        self._following.changed(self._woken)
        async with asyncio.TaskGroup() as tasks:
            while await self._is_wanted():
                self._woken.clear()
                while told := await asyncio.to_thread(self._following.read):
                    await self._send(told, tasks)
                await self._store()
                try:
                    async with asyncio.timeout(LOOK_S):
                        await self._woken.wait()
                except TimeoutError:
                    continue

    async def _is_wanted(self) -> bool:
        """The alerts in force are known; there are some, or a unit waits for an event."""
        if (digest := await asyncio.to_thread(in_force, self._places.versions)) != self._digest:
            self._digest = digest
            tree = await asyncio.to_thread(read_in_force, self._places.versions)
            self._tree = tree if tree is not None else Tree(files={}, problems=())
            self._alerts = {alert.name: alert for alert in read_alerts(self._tree)[0]}
        return bool(self._alerts or self._workers or await asyncio.to_thread(hooked, self._places.systemd))

    async def _send(self, told: Iterable[Told], tasks: asyncio.TaskGroup) -> None:
        """It is in the outbox of every alert that it is for; units that wait for it are started."""
        await self._is_wanted()
        units = await asyncio.to_thread(hooked, self._places.systemd)
        for one in told:
            for chosen in self._choosing.hear(one):
                for alert in self._alerts.values():
                    if chosen.is_for(alert):
                        self._put(alert, Waiting(told=chosen.told, before=self._heard), tasks)
                if chosen.told.event in units:
                    await self._start(chosen)
            self._heard = one.cursor
        self._heard = self._following.cursor

    def _put(self, alert: Alert, waiting: Waiting, tasks: asyncio.TaskGroup) -> None:
        self._outboxes.setdefault(alert.name, Outbox()).put(waiting)
        if alert.name not in self._workers:
            self._workers[alert.name] = tasks.create_task(self._work(alert.name))

    async def _work(self, name: str) -> None:
        """Nothing waits for this alert any more."""
        outbox = self._outboxes[name]
        try:
            while waiting := outbox.take():
                outbox.ended(sent=await self._deliver(name, waiting.told, outbox.not_sent))
                await self._store()
        finally:
            del self._workers[name]

    async def _deliver(self, name: str, told: Told, not_sent: int) -> bool:
        """It was run for this event, as it is in force then; a few times, if it fails. What comes meanwhile waits."""
        for pause_s in (0.0, *PAUSES_S):
            await asyncio.sleep(pause_s)
            alert = self._alerts.get(name)
            if alert is None or await self._run(alert, told, not_sent):
                return True
        return False

    async def _run(self, alert: Alert, told: Told, not_sent: int) -> bool:
        secret = self._tree.files[alert.secret].content if alert.secret in self._tree.files else None
        try:
            await self._runner.run(alert, secret, told, not_sent)
        except AlertError as error:
            if alert.name not in self._failing:
                self._failing.add(alert.name)
                text = f"Alert {alert.name} was not sent for {told.event}: {error}"
                last = error.output.rpartition("\n")[2]
                text += f"; it said: {last}" if last else ""
                journal.write(Event.ALERT_FAILED, Level.WARNING, text, alert=alert.name, output=error.output)
            return False
        if alert.name in self._failing:
            self._failing.remove(alert.name)
            journal.write(Event.ALERT_SENT, Level.NOTICE, f"Alert {alert.name} is sent again", alert=alert.name)
        return True

    async def _start(self, chosen: Chosen) -> None:
        """The event's target was started, so everything that an administrator hooked into it."""
        event, target = chosen.told.event, f"standfast-event@{chosen.told.event}.target"
        try:
            await asyncio.to_thread(self._show, event, as_json(chosen.told))
            await self._runner.start(target)
        except (AlertError, OSError) as error:
            if target not in self._failing:
                self._failing.add(target)
                journal.write(Event.ALERT_FAILED, Level.WARNING, f"{target} was not started: {error}", alert=target)
            return
        self._failing.discard(target)

    def _show(self, event: str, text: str) -> None:
        self._places.events.mkdir(mode=0o755, exist_ok=True)
        write_atomic(self._places.events / f"{event}.json", f"{text}\n".encode(), 0o644)

    async def _store(self) -> None:
        """What is before the oldest event that waits is done with."""
        oldest = [outbox.oldest for outbox in self._outboxes.values()]
        waiting = [one for one in oldest if one is not None]
        first = min(waiting, key=lambda one: one.told.at, default=None)
        async with self._storing:
            await asyncio.to_thread(self._following.store, first.before if first else self._heard)
