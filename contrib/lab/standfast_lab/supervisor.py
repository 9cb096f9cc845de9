"""A node's mains: runs as long as the lab, boots the node, cuts its power, and boots it again after a reboot only.

One line comes in on the socket (status, on, off), one line of JSON goes out. What the words mean:
off   PID 1 was killed and is gone, its links are down, its addresses flushed: answered after all of that
on    the node's PID 1 runs (it begins once the last one's systemd-nspawn has tidied up)
"""

import asyncio
import contextlib
import json
import os
import signal
import sys
import time

from . import cgroups, disks, machine, network
from .place import LabError, NodePlace, Place
from .watchdog import Watchdog

ON_TIMEOUT_S = 30.0


class Supervisor:
    """The only one that starts and ends a node, so that no two powers argue about it."""

    def __init__(self, node: NodePlace) -> None:
        self._node = node
        self._power = asyncio.Event()  # it is on: whoever has it off, whatever PID 1 does, boots nothing
        self._again = False  # power came back while the last life was still being tidied up
        self._down = asyncio.Event()  # no PID 1, nor one about to be
        self._down.set()
        self._tried = asyncio.Event()  # the last power-on led to a PID 1, or failed to, or was cut off
        self._leader: int | None = None
        self._boots = 0
        self._watchdog = Watchdog(node.watchdog, self._tell, self._starved) if node.watchdog.exists() else None
        self._cutting: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Serves until it is killed."""
        cgroups.clear(self._node)
        self._node.socket.unlink(missing_ok=True)
        server = await asyncio.start_unix_server(self._serve, self._node.socket)
        while server.is_serving():
            await self._power.wait()
            if not self._power.is_set():
                continue  # cut again before this task ran
            self._again = False
            code = await self._live_once()
            self._tell(f"PID 1 has ended, systemd-nspawn exit {code}")
            if not self._again and not (code == machine.REBOOT and self._power.is_set()):
                self._power.clear()
                self._isolate()

    async def _live_once(self) -> int:
        """One life of the node, from power on to the end of systemd-nspawn; returns its exit status."""
        self._down.clear()
        self._boots += 1
        self._tell(f"boot {self._boots}")
        network.connect(self._node)
        if self._watchdog is not None:
            await self._watchdog.start()
        with (self._node.folder / "console.log").open("ab") as console:
            nspawn = await asyncio.create_subprocess_exec(
                *machine.boot_command(self._node),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                env=machine.boot_environment(),
                start_new_session=True,
            )
        ended = asyncio.create_task(nspawn.wait())
        while not ended.done() and self._leader is None:
            await asyncio.wait((ended,), timeout=0.01)
            self._leader = machine.leader(nspawn.pid)
        self._tried.set()
        if self._leader is not None:
            if self._node.shared_disk.exists():
                with contextlib.suppress(LabError):  # it has ended already
                    disks.show(self._node, self._leader)
            if not self._power.is_set():
                self._kill()  # the cut came before there was a PID 1
            await _gone(self._leader)
        self._leader = None
        # At every end of PID 1, before anything else is waited for: the namespace would answer on.
        network.strip(self._node, keep_own=self._power.is_set())
        if self._watchdog is not None:
            await self._watchdog.stop()
        self._down.set()
        return await ended

    async def _cut(self) -> None:
        """The power is off: what the node was doing in this moment it does not finish."""
        self._power.clear()
        self._again = False
        self._tried.set()
        network.unplug(self._node)
        self._kill()
        await self._down.wait()
        self._isolate()

    def _starved(self) -> None:
        """The watchdog was not fed: the same as a power cut, in a task that outlives this life of the watchdog."""
        self._cutting = asyncio.create_task(self._cut())

    async def _restore(self) -> None:
        """The power is on, and there is a PID 1 unless it ends as soon as it begins."""
        if self._leader is not None:
            return
        if self._tried.is_set():
            await self._down.wait()  # the last life is ending: the power that comes now is not its own
        self._again = self._down.is_set()
        self._tried.clear()
        self._power.set()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(ON_TIMEOUT_S):
                await self._tried.wait()

    def _isolate(self) -> None:
        network.unplug(self._node)
        network.strip(self._node, keep_own=False)

    def _kill(self) -> None:
        if self._leader is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._leader, signal.SIGKILL)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        command = (await reader.readline()).decode().strip()
        if command == "off":
            await self._cut()
        elif command == "on":
            await self._restore()
        if command != "status":
            self._tell(f"power {command}: done")
        writer.write(json.dumps(self._status()).encode() + b"\n")
        writer.close()

    def _status(self) -> dict[str, object]:
        return {"on": self._leader is not None, "leader": self._leader, "boots": self._boots}

    def _tell(self, text: str) -> None:
        print(f"{time.monotonic():.3f} {self._node.name}: {text}", flush=True)


async def _gone(pid: int) -> None:
    """The process has ended, and with a PID 1 every process of its namespace."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(descriptor, ended.set)
    await ended.wait()
    loop.remove_reader(descriptor)
    os.close(descriptor)


def main() -> None:
    """supervisor LAB INDEX"""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    node = Place(sys.argv[1]).node(int(sys.argv[2]))
    asyncio.run(Supervisor(node).run())


if __name__ == "__main__":
    main()
