"""A node's watchdog: a FUSE file that takes the kernel's ioctls (fusedog.c), and what is to happen when it is not fed.

A node has one where the lab was brought up with `--watchdog`; each life of the node has a new one, as a power cut
resets a board's.
"""

import asyncio
import contextlib
import signal
from collections.abc import Callable
from pathlib import Path

from .fuse import compiled
from .place import BASE, LabError
from .processes import environment, run

FOLDER = Path("/srv/watchdog")  # in the node
DEVICE = FOLDER / "watchdog"  # what Watchdog= names
TIMEOUT_S = 60  # unless the node sets another one
READY_S = 10.0


def ensure(folder: Path = BASE / "images") -> Path:
    """The program; see fuse.compiled."""
    return compiled("fusedog", folder)


class Watchdog:
    """One life of a node's watchdog: between `start` and `stop` the device is there."""

    def __init__(
        self,
        folder: Path,
        tell: Callable[[str], None],
        on_timeout: Callable[[], None],
        *,
        program: Path | None = None,  # None: see ensure
    ) -> None:
        self._folder = folder
        self._program = program
        self._tell = tell
        self._on_timeout = on_timeout
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """The device is there, not armed. LabError when it does not come."""
        _unmount(self._folder)
        self._folder.mkdir(exist_ok=True)
        program = self._program or await asyncio.to_thread(ensure)
        # It must not outlive the supervisor, which is killed when the lab is taken down.
        command = ("setpriv", "--pdeathsig", "KILL", str(program), str(self._folder), str(TIMEOUT_S))
        self._process = await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, env=environment()
        )
        try:
            async with asyncio.timeout(READY_S):
                first = await self._next_line()
        except TimeoutError:
            first = "silence"
        if first != "ready":
            await self.stop()
            raise LabError(f"the watchdog at {self._folder} does not start: {first or 'it ended'}")
        self._reader = asyncio.create_task(self._follow())

    async def stop(self) -> None:
        """There is no device any more."""
        if self._reader is not None:
            self._reader.cancel()
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGKILL)
            await self._process.wait()
        self._process = self._reader = None
        _unmount(self._folder)

    async def _follow(self) -> None:
        while line := await self._next_line():
            self._tell(f"watchdog: {line}")
            if line == "timeout":
                self._on_timeout()

    async def _next_line(self) -> str:
        assert self._process is not None and self._process.stdout is not None
        return (await self._process.stdout.readline()).decode().strip()


def _unmount(folder: Path) -> None:
    """Nothing is mounted there, also not what a killed one left."""
    run("umount", "--lazy", str(folder), check=False)
