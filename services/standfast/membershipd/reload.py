"""The running Corosync takes a changed file when every member of the group has written the same.

A reload makes every Corosync of the ring read its own file in that moment (corosync-cfgtool(8), -R). A new key is
taken without a ring change then, if all files have it; a node that has another one than the rest is not heard any
more, and is lost. So with a new key nothing is reloaded before all have written it, however long that takes.
A link's addresses cannot be changed, but a link can be dropped and made anew while another one goes on: two files.
"""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from standfast import journal
from standfast.configuration.links import compare_links
from standfast.configuration.model import Configuration
from standfast.corosync.network import Network
from standfast.corosync.requests import Requests
from standfast.journal import Event, Level
from standfast.membershipd.corosync_conf import DIGEST_KEY, KEY_KEY, digest_of, key_of, render
from standfast.membershipd.engine import Engine
from standfast.membershipd.ring import Follower

ALL_WROTE_S: Final = 10.0  # what is not about the key waits no longer for a member that does not write
LOWEST_S: Final = 3.0  # the lowest member reloads for all; if it does not, everybody does
_LOOK_S: Final = 0.1
_MOST_LINKS: Final = 8


class Reload:
    """`waits()`: another file is to be taken, so that this one is of no interest any more."""

    def __init__(
        self,
        network: Network,
        requests: Requests,
        engine: Engine,
        name_of: Callable[[int], str],
        waits: Callable[[], bool],
    ) -> None:
        self._network = network
        self._requests = requests
        self._engine = engine
        self._name_of = name_of
        self._waits = waits
        self._told = ""

    async def running_digest(self) -> str | None:
        """Of the file that the running Corosync read; None: of none of ours. Raises CorosyncError, TimeoutError."""
        return await self._read(DIGEST_KEY)

    async def bring_up_to_date(self, follower: Follower, configuration: Configuration, key: bytes) -> bool:
        """Corosync works with the file of this configuration and key. False: not, or something else is due.

        Raises CorosyncError, TimeoutError: Corosync is gone or hangs, its next life reads the file.
        """
        whole = render(configuration, self._engine.key_file, key)
        self._write(whole, key)  # what an interrupted call before this one left may be there
        if await self.running_digest() == digest_of(whole):
            follower.wrote(digest_of(whole))
            return True
        between = await self._without_moved_links(configuration)
        steps = [whole] if between is None else [render(between, self._engine.key_file, key), whole]
        for text in steps:
            if self._waits():
                return False
            self._write(text, key)
            if not await self._take(follower, text, frozenset(map(digest_of, (text, whole)))):
                return False
        journal.write(Event.COROSYNC_RELOADED, Level.NOTICE, "Corosync works with the changed configuration")
        return True

    def _write(self, text: str, key: bytes) -> None:
        with contextlib.suppress(OSError):  # a full /run was told already
            self._engine.write(text, key)

    async def _take(self, follower: Follower, text: str, as_good: frozenset[str]) -> bool:
        """Corosync has read the file, when all members have written one that is as good."""
        wanted = digest_of(text)
        follower.wrote(wanted)
        new_key = key_of(text) != await self._read(KEY_KEY)
        if not await self._all_wrote(follower, as_good, new_key=new_key):
            return False
        if not follower.is_lowest and await self._reloaded_by_the_lowest(wanted):
            return True
        await follower.reload()
        if await self.running_digest() == wanted:
            return True
        refused = "Corosync refuses the changed configuration and keeps the old one: journalctl -b -u corosync.service"
        journal.write(Event.COROSYNC_REFUSED, Level.ERROR, refused)
        return False

    async def _without_moved_links(self, configuration: Configuration) -> Configuration | None:
        """The configuration without the links whose addresses change; None: none does, or none would be left."""
        running: dict[str, list[str]] = {}
        while (name := await self._read(f"nodelist.node.{len(running)}.name")) is not None:
            prefix = f"nodelist.node.{len(running)}"
            running[name] = [await self._read(f"{prefix}.ring{link}_addr") or "" for link in range(_MOST_LINKS)]
        links = compare_links(running, {node.name: node.addresses for node in configuration.nodes})
        if not links.moved or not links.live:
            return None
        nodes = (
            replace(node, addresses=tuple("" if n in links.moved else one for n, one in enumerate(node.addresses)))
            for node in configuration.nodes
        )
        return replace(configuration, nodes=tuple(nodes))

    async def _all_wrote(self, follower: Follower, as_good: frozenset[str], *, new_key: bool) -> bool:
        """It may be reloaded now. False: it is not due any more."""
        while lacking := follower.lacking(as_good):
            if self._waits() or follower.dead.is_set():
                return False
            try:
                async with asyncio.timeout(ALL_WROTE_S):
                    await follower.told_about_files()
            except TimeoutError:
                if not new_key:
                    return True
                self._tell(lacking)
        return True

    async def _reloaded_by_the_lowest(self, wanted: str) -> bool:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LOWEST_S):
                while await self.running_digest() != wanted:  # noqa: ASYNC110 - no event tells it
                    await asyncio.sleep(_LOOK_S)
                return True
        return False

    def _tell(self, lacking: tuple[int, ...]) -> None:
        names = ", ".join(map(self._name_of, lacking))
        text = f"The new key waits for {names}: until it is written there too, Corosync goes on with the old one"
        if text != self._told:
            self._told = text
            journal.write(Event.COROSYNC_WAITS, Level.WARNING, text)

    async def _read(self, key: str) -> str | None:
        return await self._requests.ask(lambda: self._network.read_string(key))
