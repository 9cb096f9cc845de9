"""`standfast status -w`: the status, drawn anew when something changed, and every second for its times."""

import asyncio
import contextlib
import io
import signal
import sys
import time
from datetime import UTC, datetime
from typing import Final

from standfast.bus import Bus, BusError
from standfast.ctl import table
from standfast.ctl.plain import plain_console
from standfast.ctl.screen import Screen, keys
from standfast.ctl.status import of_groups, read_from
from standfast.operations.problems import CommandError
from standfast.published import DAEMONS, ROOT
from standfast.status_report import Report

_CLOCK_S: Final = 1.0
_READ_AGAIN_S: Final = 3.0  # who hangs sends no signal
_AT_MOST_EVERY_S: Final = 0.2  # a change brings several signals
_CONNECT_S: Final = 1.5


async def watch(groups: tuple[str, ...], whole: tuple[str, ...] | None) -> None:
    """Somebody saw the status until he typed q or Ctrl-C, or his terminal went away."""
    with Screen() as screen:
        await _View(screen, groups, whole).run()


class _View:
    """What is on the screen: the last report, and what is wrong with getting a newer one."""

    def __init__(self, screen: Screen, groups: tuple[str, ...], whole: tuple[str, ...] | None) -> None:
        self._screen, self._groups, self._whole = screen, groups, whole
        self._report: Report | None = None
        self._read_at = time.monotonic()
        self._trouble = ""
        self._ended = asyncio.Event()
        self._changed = asyncio.Event()

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        loop.add_reader(sys.stdin.fileno(), keys(self._typed))
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._ended.set)
        loop.add_signal_handler(signal.SIGWINCH, self._draw)
        loop.add_signal_handler(signal.SIGTSTP, self._suspend)
        try:
            async with asyncio.TaskGroup() as tasks:
                begun = [tasks.create_task(self._keep_reading()), tasks.create_task(self._keep_drawing())]
                await self._ended.wait()
                for task in begun:
                    task.cancel()
        finally:
            loop.remove_reader(sys.stdin.fileno())

    def _typed(self, data: bytes) -> None:
        if not data or b"q" in data or b"Q" in data:
            self._ended.set()

    def _suspend(self) -> None:
        self._screen.suspend()
        self._draw()

    async def _keep_reading(self) -> None:
        """Over every connection that there is, one after the other."""
        while True:
            try:
                async with await Bus.connect(timeout_s=_CONNECT_S) as bus:
                    await self._follow(bus)
            except BusError as error:
                self._trouble = f"The message bus does not answer ({error.text.rstrip('.')}): trying again"
                self._draw()
            await asyncio.sleep(_CLOCK_S)

    async def _follow(self, bus: Bus) -> None:
        for name in DAEMONS:
            await bus.subscribe(name, lambda _: self._changed.set(), path_namespace=ROOT)
            await bus.on_owner(name, lambda _: self._changed.set())
        bus.when_closed(self._changed.set)
        while not bus.closed.is_set():
            self._changed.clear()
            try:
                self._report, self._trouble = of_groups(await read_from(bus), self._groups), ""
                self._read_at = time.monotonic()
            except CommandError as error:  # nothing runs here, or the group is gone
                self._trouble = error.message
            self._draw()
            await asyncio.sleep(_AT_MOST_EVERY_S)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), _READ_AGAIN_S)

    async def _keep_drawing(self) -> None:
        while True:
            self._draw()
            await asyncio.sleep(_CLOCK_S)

    def _draw(self) -> None:
        columns, _ = self._screen.size
        file = io.StringIO()
        console = plain_console(file, columns, for_terminal=True)
        if self._trouble:
            old = f" What follows is {time.monotonic() - self._read_at:.0f} s old." if self._report else ""
            console.print(f"{self._trouble}{old}", style="bold red")
            console.print()
        if self._report is not None:
            table.print_to(console, self._report, datetime.now(UTC), whole=self._whole)
        elif not self._trouble:
            console.print("Asking the daemons of this node …")
        try:
            self._screen.draw(file.getvalue().splitlines(), f"{datetime.now().astimezone():%H:%M:%S}  q ends this")
        except OSError:  # nobody looks any more
            self._ended.set()
