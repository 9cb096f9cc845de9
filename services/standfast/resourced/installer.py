"""The versions of the configuration on this node: one that is stored here is prepared, one in force is installed.

Prepared means that nothing here speaks against it: this machine's loader, the fence agents, units that start or run
without the cluster. A push waits for that on every node; what is in force is installed unasked.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Final

from standfast import journal
from standfast.bus import BusError
from standfast.configuration.copies import groups_on
from standfast.configuration.model import Configuration, ConfigurationError
from standfast.configuration.tree import Tree
from standfast.resourced import store
from standfast.resourced.acts import Acts
from standfast.resourced.events import ConfigurationRead
from standfast.resourced.record import Record

AGAIN = "it is tried again every few seconds, and by systemctl reload standfast-resourced"
LOOK_S: Final = 5.0  # how often what could not be installed is tried again, and /etc/standfast is looked at
LONGEST_LOOK_S: Final = 30.0  # with hundreds of files
LOOKS: Final = 10_000  # of these a look takes one part of a processor's time at most
Judge = Callable[[Configuration, Tree], Awaitable[tuple[str, ...]]]
Want = Callable[[str], Awaitable[None]]


class Installer:
    """`push` gets the new state after each step; `judge` says what on this machine speaks against a version, `want`
    asks the other nodes for one that is not stored here (both may raise BusError), `record` is what counts here, None
    while this node has none."""

    def __init__(
        self,
        *,
        node: str,
        configuration: Configuration,
        acts: Acts,
        push: Callable[[ConfigurationRead], None],
        judge: Judge,
        want: Want,
        record: Callable[[], Record | None],
    ) -> None:
        self.configuration = configuration  # in use
        self._node = node
        self._acts, self._push, self._judge_by, self._want = acts, push, judge, want
        self._record = record
        self._offered: Configuration | None = None
        self._objections: tuple[str, ...] = ()
        self._drift = store.Drift()
        self._drifted: tuple[str, ...] = ()
        self._unguarded: tuple[tuple[str, str], ...] = ()
        self._unread = False  # units were put in place that systemd did not read
        self._wanted = ""  # in force, not stored here
        self._due = ""  # in force, to be installed
        self._told = ""  # why it was not
        self._one_step = asyncio.Lock()

    @property
    def installed(self) -> str:
        """Digest of the version whose units are in place, guarded and read by systemd; "" = none."""
        return "" if self._unguarded or self._unread else store.installed()

    @property
    def _in_force(self) -> str:
        """The record's digest, "" without a record."""
        record = self._record()
        return record.configuration if record is not None else ""

    def state(self) -> ConfigurationRead:
        return ConfigurationRead(
            configuration=self.configuration,
            installed=self.installed,
            offered=self._offered,
            objections=self._objections,
            drifted=self._drifted,
        )

    @property
    def next_look_s(self) -> float:
        """Until the next `look`."""
        rest_s = 0.0 if self._due else LOOKS * self._drift.took_s
        return min(max(LOOK_S, rest_s), LONGEST_LOOK_S)

    # From stored to prepared

    async def stored(self, digest: str) -> None:
        """membershipd has stored a version: it is what a push offers, or the one that this node lacked."""
        async with self._one_step:
            if digest == self._wanted:
                await self._fetch(digest)
                return
            if self._objections:
                self._objections = ()  # were of the one before: who waits for this one must not take them for its
                self._push(self.state())
            self._offered, self._objections = await self._judge(digest)
            for objection in self._objections:
                text = f"The configuration {digest[:12]} cannot come into force: {objection}"
                journal.write(journal.Event.CONFIGURATION_PROBLEM, journal.Level.ERROR, text)
            self._push(self.state())

    async def _judge(self, digest: str) -> tuple[Configuration | None, tuple[str, ...]]:
        if digest == self.configuration.digest:
            return self.configuration, ()
        try:
            found = await asyncio.to_thread(store.load_version, digest)
            if found is None:
                return None, ("it is not whole on this node's disk: push it again",)
            configuration, tree = found
            objections = await self._judge_by(configuration, tree)
        except ConfigurationError as error:
            return None, tuple(map(str, error.problems))
        except BusError as error:
            return None, (f"it cannot be checked now: {error.text}",)
        except OSError as error:
            return None, (f"it cannot be checked now: {error}",)
        return (None, objections) if objections else (configuration, ())

    # From in force to installed

    async def fetch(self, digest: str) -> None:
        """The version in force is read here, from this node's disk or, as soon as it has come, another's."""
        async with self._one_step:
            await self._fetch(digest)

    async def _fetch(self, digest: str) -> None:
        """It is in force: only what was decided, whether it is whole, is asked."""
        try:
            found = await asyncio.to_thread(store.load_decided, digest)
        except ConfigurationError as error:
            self._tell(f"This release does not understand the configuration in force, update it on this node: {error}")
            return
        if found is not None:
            self._wanted, self._offered, self._objections = "", found, ()
            self._push(self.state())
            return
        self._wanted = digest
        try:
            await self._want(digest)
        except BusError as error:
            self._tell(f"The configuration in force ({digest[:12]}) is not here and cannot be asked for: {error.text}")

    async def install(self, digest: str) -> None:
        """The version in force, read before, is in place and in use."""
        async with self._one_step:
            if digest == self.configuration.digest == self.installed:
                self._push(self.state())  # it was asked for twice
                return
            self._due = digest
            await self._install()

    async def _install(self) -> None:
        """What does not succeed is due until it does, or until another version is in force, which is asked for."""
        new = self._offered if self._offered and self._offered.digest == self._due else self.configuration
        try:
            loose = await self._acts.enabled_or_running(store.unguarded(new))
            if new.digest != self._due or self._due != self._in_force:
                self._due = ""
                return
            if loose:
                why = f"what belongs to a group must not start by itself: {'; '.join(loose.values())}"
            else:
                why = await self._put_in_place(new)
        except (ConfigurationError, OSError) as error:
            why = str(error)
        except BusError as error:
            why = error.text
        if why:
            self._tell(f"The version in force is not in place, this node gets nothing to run: {why}; {AGAIN}")

    async def _put_in_place(self, new: Configuration) -> str:
        """Why systemd does not know the units, "" = it does. Raises ConfigurationError, OSError, BusError."""
        read, record = store.take_read(), self._record()
        past = [one.digest for one in record.history] if record is not None else []
        self._unread |= await asyncio.to_thread(store.put_in_place, new, past)
        known = read == new.digest and not self._unread and not self._unguarded
        why = "" if known else await self._reload_systemd(new)
        if why and self._unread:
            return why
        if not why:
            store.note_read(new.digest)
        self._due = self._told = ""
        self.configuration = new
        if known:  # by the daemon before this one; the others have it since then, or since their own start
            self._acts.look_at_guards(new.groups)
        else:
            await self._reload_daemons()
        self._drifted = await self._names_of_drift()
        with contextlib.suppress(OSError):  # what is old goes the next time
            kept = record.versions if record is not None else set()
            await asyncio.to_thread(store.prune, {*kept, new.digest})
        self._push(self.state())
        if self._acts.adopted:
            await self._acts.adopt(groups_on(new.groups, self._node))
        return ""

    async def _reload_daemons(self) -> None:
        for daemon in ("membershipd", "quorumd", "fenced"):
            await self._acts.reload_daemon(daemon)

    async def _reload_systemd(self, new: Configuration) -> str:
        """systemd has read all units, also those of an installation that died before it could ask for that; else why
        not: with less than 16 MiB in /run it refuses, and what is in place since earlier is as good as before."""
        try:
            await self._acts.reload(new.groups)
        except BusError as error:
            return f"systemd does not read its units anew: {error.text} Free /run"
        self._unread = False
        return ""

    async def settle(self) -> None:
        """Before this node takes part, what its record says is in force is in place, as far as it is stored here: with
        an older one it might have another key than the others. What is held here keeps what it was started by."""
        async with self._one_step:
            self._due = self._in_force
            if self._due != self.configuration.digest and not self._acts.holds:
                with contextlib.suppress(ConfigurationError):
                    self._offered = await asyncio.to_thread(store.load_decided, self._due)
            await self._install()

    # What others do to it

    async def look(self) -> None:
        """What is due is tried again, and files in /etc/standfast that somebody changed are known."""
        async with self._one_step:
            if self._due:
                await self._install()
            drifted = await self._names_of_drift()
            if drifted != self._drifted:
                _tell_edited(drifted)
                self._drifted = drifted
                self._push(self.state())

    async def _names_of_drift(self) -> tuple[str, ...]:
        """As known before while they cannot be read: folders go while they are looked at."""
        with contextlib.suppress(OSError):
            return await asyncio.to_thread(self._drift.names)
        return self._drifted

    async def guards(self, missing: tuple[tuple[str, str], ...]) -> None:
        """Without its guard a unit could start beside its group: this node gets nothing until it is back."""
        if missing == self._unguarded:
            return
        self._unguarded = missing
        self._push(self.state())
        for group, unit in missing:
            text = f"{unit} has lost its guard and could start beside group {group}; it is written again"
            journal.write(journal.Event.GUARD_MISSING, journal.Level.ERROR, text, group=group, resource=unit)
        if missing:
            async with self._one_step:
                self._due = self.configuration.digest
                await self._install()

    def _tell(self, text: str) -> None:
        if text != self._told:
            self._told = text
            journal.write(journal.Event.CONFIGURATION_PROBLEM, journal.Level.ERROR, text)


def _tell_edited(files: tuple[str, ...]) -> None:
    if files:
        names = ", ".join(files)
        text = f"Edited in /etc/standfast: {names}. Nothing comes of it until it is pushed: standfast config diff"
    else:
        text = "The files in /etc/standfast are those in force again"
    journal.write(journal.Event.CONFIGURATION_EDITED, journal.Level.NOTICE, text)
