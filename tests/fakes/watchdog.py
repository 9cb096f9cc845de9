"""A watchdog device for tests (a FUSE file that takes the kernel's ioctls), and systemd's store of descriptors."""

import asyncio
import contextlib
import os
import socket
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from standfast_lab import fuse
from standfast_lab import watchdog as lab

WITHIN_S = 30.0

_CAP_SYS_ADMIN = 21


def _obstacle() -> str:
    """Why no watchdog can be played here; "": nothing is in the way."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("CapEff:"))
    may_mount = int(line.split()[1], 16) >> _CAP_SYS_ADMIN & 1
    return fuse.missing() or ("" if may_mount else "this process may not mount anything")


needs_fuse = pytest.mark.skipif(bool(_obstacle()), reason=f"no watchdog can be played here: {_obstacle()}")


class Systemd:
    """systemd's end of NOTIFY_SOCKET: keeps what it is given, and answers a barrier by closing its pipe."""

    def __init__(self, path: Path, *, closes: bool = True) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(path))
        self.kept: list[int] = []
        self.heard: list[str] = []
        self.read = threading.Event()
        self._closes = closes
        threading.Thread(target=self._work, daemon=True).start()

    def _work(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                data, descriptors, _, _ = socket.recv_fds(self.socket, 4096, 4)
                self.heard.append(data.decode())
                if data == b"BARRIER=1" and self._closes:
                    os.close(descriptors[0])
                elif data.startswith(b"FDSTOREREMOVE=1"):
                    self.close_kept()
                else:
                    self.kept += descriptors
                self.read.set()

    def close_kept(self) -> None:
        """What is stored is closed, as when the service is stopped for good."""
        while self.kept:
            os.close(self.kept.pop())


class Dog:
    """A watchdog that runs in `folder`, and what it said."""

    def __init__(self, folder: Path) -> None:
        self.path = str(folder / "watchdog")
        self.lines: asyncio.Queue[str] = asyncio.Queue()
        self.over = asyncio.Event()
        program = lab.ensure(folder.parent / "program")
        self.life = lab.Watchdog(folder, self.lines.put_nowait, self.over.set, program=program)

    async def says(self, line: str) -> list[str]:
        """It has said this; what it said before."""
        before = []
        async with asyncio.timeout(WITHIN_S):
            while (said := (await self.lines.get()).removeprefix("watchdog: ")) != line:
                before.append(said)
        return before


@contextlib.asynccontextmanager
async def fusedog(folder: Path) -> AsyncIterator[Dog]:
    """A device below `folder`, not armed; gone at the end."""
    dog = Dog(folder / "dog")
    await dog.life.start()
    try:
        yield dog
    finally:
        await dog.life.stop()
