"""The watchdog as the rest of quorumd sees it: what is wanted of it, what it does, and who is told."""

import asyncio
import contextlib
import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from standfast import journal
from standfast.bus import Bus, BusError, Signal
from standfast.configuration.model import Cluster, Configuration, Node
from standfast.quorumd.feeder import Feeder, Shown, Surroundings
from standfast.quorumd.wakefulness import Wakefulness
from standfast.watchdog.times import Row, explain, wanted, wanted_ms

NO_WATCHDOG: Final[dict[str, Any]] = {
    "Watchdog": "",
    "WatchdogTimeout": 0,
    "WatchdogArmed": False,
    "WatchdogFed": False,
    "WatchdogArithmetic": [],
}
MEMBERSHIP: Final = ("org.standfast.Membership", "/org/standfast", "org.standfast.Membership1")
SYSTEMD: Final = ("org.freedesktop.systemd1", "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager")
_TRY_AGAIN_S: Final = 2.0

Load = Callable[[], Configuration | None]


class Watch:
    """`run` ends only by cancellation, or with the exception that ended the feeding thread: then quorumd must end too.

    `load` blocks; it is called in a thread. `publish` gets properties of org.standfast.Quorum1.
    """

    def __init__(
        self,
        publish: Callable[[Mapping[str, Any]], None],
        load: Load,
        *,
        arbiter_ms: Callable[[Cluster], int | None] = lambda _: None,
        surroundings: Surroundings | None = None,
        host: str | None = None,
    ) -> None:
        self._publish = publish
        self._load = load
        self._arbiter_ms = arbiter_ms
        self._host = os.uname().nodename if host is None else host
        self._loop = asyncio.get_running_loop()
        self._ended: asyncio.Future[None] = self._loop.create_future()
        self._read_due = asyncio.Event()
        self._virtual: str | None = None  # what systemd calls this kind of virtual machine; None: not known yet
        self._configuration: Configuration | None = None
        self._shown = Shown()
        self._wakefulness = Wakefulness()
        self._feeder = Feeder(
            surroundings or Surroundings(),
            on_shown=lambda shown: self._later(self._on_shown, shown),
            on_entry=lambda event, level, text: self._later(journal.write, event, level, text),
            on_end=lambda error: self._later(self._on_end, error),
        )

    def reload(self) -> None:
        """The configuration is read anew soon."""
        self._read_due.set()

    async def run(self) -> None:
        self._feeder.start()
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._keep_reading())
                tasks.create_task(self._keep_asking())
                tasks.create_task(self._wakefulness.run())
                await asyncio.shield(self._ended)
        finally:
            self._feeder.stop()

    # What is wanted

    async def _keep_reading(self) -> None:
        while True:
            self._read_due.clear()
            configuration = await asyncio.to_thread(self._load)
            if configuration is not None:  # else what was wanted stays
                self._configuration = configuration
                node = find_node(configuration.nodes, self._host)
                self._feeder.configure(wanted(configuration.cluster, node) if node else None, self._virtual)
                self._show()
            await self._read_due.wait()

    async def _keep_asking(self) -> None:
        """Learns from systemd what this machine is, and from membershipd when there are other files."""
        while True:
            with contextlib.suppress(BusError):
                async with await Bus.connect() as bus:
                    await bus.subscribe(MEMBERSHIP[0], self._on_membership, path=MEMBERSHIP[1])
                    self._virtual = await bus.get(*SYSTEMD, "Virtualization")
                    self.reload()
                    await bus.wait_closed()
            await asyncio.sleep(_TRY_AGAIN_S)

    def _on_membership(self, signal: Signal) -> None:
        if signal.member == "PropertiesChanged" and "Configuration" in signal.arguments[1]:
            self.reload()

    # What is told

    def _later(self, call: Callable[..., None], *arguments: Any) -> None:
        """For the thread: the call is made in the loop, unless that is closed."""
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(call, *arguments)

    def _on_shown(self, shown: Shown) -> None:
        self._shown = shown
        self._wakefulness.want(shown.holding)
        self._show()

    def _on_end(self, error: BaseException | None) -> None:
        if error is not None and not self._ended.done():
            self._ended.set_exception(error)

    def _show(self) -> None:
        shown = self._shown
        self._publish(
            {
                "Watchdog": shown.device,
                "WatchdogTimeout": shown.timeout_ms,
                "WatchdogArmed": bool(shown.device),
                "WatchdogFed": shown.fed,
                "WatchdogArithmetic": [(row.name, row.ms, row.why) for row in self._rows()],
            }
        )

    def _rows(self) -> tuple[Row, ...]:
        """The arithmetic with the timeout that counts: the device's, or else the one that it is to have."""
        node = find_node(self._configuration.nodes, self._host) if self._configuration else None
        if self._configuration is None or node is None or node.watchdog is None:
            return ()
        cluster = self._configuration.cluster
        timeout_ms = self._shown.timeout_ms or wanted_ms(cluster, node)
        rows = explain(cluster, timeout_ms, arbiter_ms=self._arbiter_ms(cluster))
        refused = Row(name="not armed", ms=0, why=self._shown.refusal)
        return (*rows, refused) if self._shown.refusal else rows


def find_node(nodes: Iterable[Node], host: str) -> Node | None:
    """The configured node that this machine is: by its host name, or its short form."""
    by_name = {node.name: node for node in nodes}
    return by_name.get(host) or by_name.get(host.partition(".")[0])
