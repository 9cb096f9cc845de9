"""quorumd: the bus and the journal tell whether this node's view may act, and by which votes.

What people and other daemons see. resourced reads votequorum itself: no term depends on the bus.
"""

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from standfast import journal
from standfast.bus import Bus, Server, Signal, interface_file, serve_forever
from standfast.configuration.model import Configuration
from standfast.corosync.common import CorosyncError
from standfast.corosync.network import Network, VoteHandle
from standfast.corosync.requests import Requests
from standfast.corosync.votequorum import VoteInformation
from standfast.journal import Event, Level
from standfast.quorumd.arbiter import LOOK_S, NO_ARBITER, Arbiter
from standfast.quorumd.looking import NO_HEURISTICS
from standfast.quorumd.watch import NO_WATCHDOG
from standfast.vocabulary import Ring

NAME: Final = "org.standfast.Quorum"
ROOT: Final = "/org/standfast"
INTERFACE: Final = "org.standfast.Quorum1"
MEMBERSHIP: Final = "org.standfast.Membership"
_TRY_AGAIN_S: Final = 0.25
_NOTHING: Final[dict[str, Any]] = {
    "Quorate": False,
    "View": "",
    "Votes": 0,
    "ExpectedVotes": 0,
    "QuorumVotes": 0,
    "Flags": [],
}


class Quorum:
    """The daemon. `run` ends only by cancellation; `on_configuration` is called when membershipd has another one."""

    def __init__(self, network: Network, on_served: Callable[[], None]) -> None:
        self._network = network
        self._on_served = on_served
        self.on_configuration: Callable[[], None] = lambda: None
        self._server = Server(interface_file(NAME))
        self._server.publish(ROOT, INTERFACE, _NOTHING | NO_HEURISTICS | NO_ARBITER | NO_WATCHDOG)
        self._arbiter = Arbiter(asyncio.get_running_loop().time)
        self._flags: frozenset[str] = frozenset()
        self._look = asyncio.Event()  # votequorum has something to say, or is to be asked
        self._requests = Requests("votequorum")
        self._quorate = False

    def show(self, values: Mapping[str, Any]) -> None:
        """These properties are published too: those of health and of the watchdog."""
        self._server.publish(ROOT, INTERFACE, values)

    def configure(self, configuration: Configuration | None) -> None:
        """The arbiter is the one that is configured now."""
        self._arbiter.configure(configuration.cluster.arbiter if configuration else "")
        self.show(self._arbiter.properties(self._flags))
        self._look.set()

    async def run(self) -> None:
        """Serves the bus and follows votequorum, whatever comes and goes."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(serve_forever(self._server, NAME, self._on_bus))
            tasks.create_task(self._keep_following())

    async def _on_bus(self, bus: Bus) -> None:
        self._on_served()
        await bus.subscribe(MEMBERSHIP, self._on_membership, path=ROOT, member="PropertiesChanged")

    def _on_membership(self, signal: Signal) -> None:
        if "Configuration" in signal.arguments[1]:
            self.on_configuration()

    async def _keep_following(self) -> None:
        while True:
            with contextlib.suppress(CorosyncError, TimeoutError):  # then the bus shows no view
                await self._follow_once()
            await asyncio.sleep(_TRY_AGAIN_S)

    async def _follow_once(self) -> None:
        """Follows one life of Corosync to its end. Raises CorosyncError or TimeoutError when it cannot be opened."""
        loop, dead = asyncio.get_running_loop(), asyncio.Event()
        look = self._look = asyncio.Event()

        def on_quorum(ring: Ring, quorate: bool, nodes: tuple[int, ...]) -> None:
            if not dead.is_set():
                self._told(ring, quorate, nodes)
                look.set()

        def on_dead() -> None:
            dead.set()
            look.set()

        votes = await self._requests.ask(
            lambda: self._network.votes(loop, on_quorum, on_dead, look.set), abandoned=lambda late: late.close()
        )
        try:
            while not dead.is_set():
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(look.wait(), LOOK_S if self._arbiter.host else None)
                look.clear()
                await self._read_votes(votes, look)
        finally:
            dead.set()
            votes.close()
        self._lost()

    async def _read_votes(self, votes: VoteHandle, look: asyncio.Event) -> None:
        try:
            information = await self._requests.ask(votes.information)
        except TimeoutError:
            look.set()  # Corosync hangs: ask again
        except CorosyncError:
            return  # it is gone, and says so in a moment
        else:
            self._flags = information.flags
            self.show(_votes(information) | self._arbiter.properties(self._flags))

    def _told(self, ring: Ring, quorate: bool, nodes: Iterable[int]) -> None:
        self.show({"Quorate": quorate, "View": str(ring)})
        if quorate == self._quorate:
            return
        self._quorate = quorate
        present = f"view {ring} of the nodes with the ids {', '.join(map(str, sorted(nodes)))}"
        if quorate:
            journal.write(Event.QUORUM_GAINED, Level.NOTICE, f"Quorum gained: {present} may act", view=str(ring))
        else:
            journal.write(Event.QUORUM_LOST, Level.ERROR, f"Quorum lost: {present} may not act", view=str(ring))

    def _lost(self) -> None:
        """Corosync is gone, and the quorum with it."""
        self._flags = frozenset()
        self.show(_NOTHING | self._arbiter.properties(self._flags))
        if self._quorate:
            self._quorate = False
            journal.write(Event.QUORUM_LOST, Level.ERROR, "Quorum lost: Corosync is gone")


def _votes(information: VoteInformation) -> dict[str, Any]:
    return {
        "Votes": information.total,
        "ExpectedVotes": information.expected,
        "QuorumVotes": information.quorum,
        "Flags": sorted(information.flags - {"quorate"}),
    }
