"""The running Corosync takes a changed file when every member of the group has written the same.

A reload makes every Corosync of the ring read its own file in that moment (corosync-cfgtool(8), -R). A new key is
taken without a ring change then, if all files have it; a node that has another one than the rest is not heard any
more, and is lost. So with a new key nothing is reloaded before all have written it, however long that takes.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from standfast import journal
from standfast.corosync.network import Network
from standfast.corosync.requests import Requests
from standfast.journal import Event, Level
from standfast.membershipd.corosync_conf import DIGEST_KEY, KEY_KEY, digest_of, key_of
from standfast.membershipd.ring import Follower

ALL_WROTE_S: Final = 10.0  # what is not about the key waits no longer for a member that does not write
LOWEST_S: Final = 3.0  # the lowest member reloads for all; if it does not, everybody does
_LOOK_S: Final = 0.1


class Reload:
    """`waits()`: another file is to be taken, so that this one is of no interest any more."""

    def __init__(
        self, network: Network, requests: Requests, name_of: Callable[[int], str], waits: Callable[[], bool]
    ) -> None:
        self._network = network
        self._requests = requests
        self._name_of = name_of
        self._waits = waits
        self._told: tuple[str, tuple[int, ...]] = ("", ())

    async def running_digest(self) -> str | None:
        """Of the file that the running Corosync read; None: of none of ours. Raises CorosyncError, TimeoutError."""
        return await self._requests.ask(lambda: self._network.read_string(DIGEST_KEY))

    async def bring_up_to_date(self, follower: Follower, text: str) -> bool:
        """Corosync works with the file `text`, which this node has written. False: not, or something else is due.

        Raises CorosyncError, TimeoutError: Corosync is gone or hangs, its next life reads the file.
        """
        wanted = digest_of(text)
        follower.wrote(wanted)
        if await self.running_digest() == wanted:
            return True
        new_key = key_of(text) != await self._requests.ask(lambda: self._network.read_string(KEY_KEY))
        if not await self._all_wrote(follower, wanted, new_key=new_key):
            return False
        if not follower.is_lowest and await self._reloaded_by_the_lowest(wanted):
            return True
        await follower.reload()
        if await self.running_digest() == wanted:
            journal.write(Event.COROSYNC_RELOADED, Level.NOTICE, "Corosync works with the changed configuration")
            return True
        text = "Corosync refuses the changed configuration and keeps the old one: journalctl -b -u corosync.service"
        journal.write(Event.COROSYNC_REFUSED, Level.ERROR, text)
        return False

    async def _all_wrote(self, follower: Follower, wanted: str, *, new_key: bool) -> bool:
        """It may be reloaded now. False: it is not due any more."""
        while lacking := follower.lacking(wanted):
            if self._waits() or follower.dead.is_set():
                return False
            try:
                async with asyncio.timeout(ALL_WROTE_S):
                    await follower.told_about_files()
            except TimeoutError:
                if not new_key:
                    return True
                self._tell(wanted, lacking)
        return True

    async def _reloaded_by_the_lowest(self, wanted: str) -> bool:
        try:
            async with asyncio.timeout(LOWEST_S):
                while await self.running_digest() != wanted:  # noqa: ASYNC110 - no event tells it
                    await asyncio.sleep(_LOOK_S)
        except TimeoutError:
            return False
        journal.write(Event.COROSYNC_RELOADED, Level.NOTICE, "Corosync works with the changed configuration")
        return True

    def _tell(self, wanted: str, lacking: tuple[int, ...]) -> None:
        """Once for each file and each set of nodes."""
        if self._told == (wanted, lacking):
            return
        self._told = (wanted, lacking)
        names = ", ".join(map(self._name_of, lacking))
        text = f"The new key waits for {names}: until it is written there too, Corosync goes on with the old one"
        journal.write(Event.COROSYNC_WAITS, Level.WARNING, text)
