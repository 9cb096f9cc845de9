"""The watchdog over the lives of quorumd: a whole process, a real device, and systemd's store played by the test."""

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path

from bus.private import REPOSITORY, PrivateBus, until
from fakes.watchdog import WITHIN_S, Systemd, fusedog, needs_fuse
from standfast.watchdog.messages import Arm, Armed, Message, Tell, decode, encode

PROGRAM = """
import functools, os, sys
from pathlib import Path
from fakes.network import FakeNetwork
from standfast.configuration.model import Cluster, Configuration, Node
from standfast.daemon import run
from standfast.quorumd import __main__ as program
from standfast.quorumd.feeder import Surroundings

folder, device = Path(sys.argv[1]), sys.argv[2]
settings = {"watchdog": device, "watchdog_trust": True, "watchdog_timeout_ms": 20_000}
node = Node(name="node1", id=1, addresses=("192.0.2.11",), **settings)
found = Configuration(cluster=Cluster(name="c"), nodes=(node,), devices=(), domains=(), groups=(), digest="d")
around = Surroundings(socket=folder / "socket", held=folder / "held", owner=os.getuid())
program.Watch = functools.partial(program.Watch, surroundings=around, host="node1")
program.Corosync = lambda: FakeNetwork({1: 1}).nodes[1]
program.Reader = lambda: lambda: found
sys.exit(run("quorumd", program.main))
"""
# What systemd does with a stored descriptor: it is number 3 of the next process.
INHERIT = 'exec 3>&"$0" {old}>&-; LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=watchdog exec "$@"'


class Life:
    """One process of quorumd, and the resourced that the test plays."""

    def __init__(self, process: asyncio.subprocess.Process, path: Path) -> None:
        self.process = process
        self.client = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.client.settimeout(WITHIN_S)
        self._path = path

    async def connect(self) -> None:
        """quorumd listens, and hears the test."""
        await until(lambda: self.client.connect_ex(str(self._path)) == 0, WITHIN_S)

    def say(self, *messages: Message) -> None:
        for message in messages:
            self.client.send(encode(message))

    async def armed(self, number: int) -> Armed:
        while True:
            message = decode(await asyncio.to_thread(self.client.recv, 4096))
            assert isinstance(message, Armed)
            if message.timeout_ms and message.number == number:
                return message

    async def end(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        code = await self.process.wait()
        self.client.close()
        return code


@contextlib.asynccontextmanager
async def quorumd(folder: Path, device: str, systemd: Systemd) -> AsyncIterator[Life]:
    """The next process of quorumd, with what systemd has stored; killed at the end if it still runs."""
    (folder / "socket").unlink(missing_ok=True)
    command = [sys.executable, "-c", PROGRAM, str(folder), device]
    if systemd.kept:
        old = systemd.kept[0]
        command = ["bash", "-c", INHERIT.replace("{old}", str(old)), str(old), *command]
    environment = os.environ | {
        "PYTHONPATH": f"{REPOSITORY}/services:{REPOSITORY}/tests:{REPOSITORY}/contrib/lab",
        "NOTIFY_SOCKET": str(folder / "notify"),
    }
    process = await asyncio.create_subprocess_exec(*command, env=environment, pass_fds=systemd.kept)
    try:
        life = Life(process, folder / "socket")
        await life.connect()
        yield life
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@needs_fuse
def test_neither_a_crash_nor_a_restart_disarms_it_while_something_is_held_and_a_stop_with_nothing_held_does(
    private_bus: PrivateBus, tmp_path: Path
) -> None:
    async def main() -> None:
        systemd = Systemd(tmp_path / "notify")
        held = tmp_path / "held/webserv"
        held.parent.mkdir()
        async with fusedog(tmp_path) as dog:
            async with quorumd(tmp_path, dog.path, systemd) as life:
                life.say(Arm(number=1))
                assert (await life.armed(1)).timeout_ms == 20_000
                held.touch()
                await life.end(signal.SIGKILL)
            assert len(systemd.kept) == 1
            async with quorumd(tmp_path, dog.path, systemd) as life:
                life.say(Tell(holding=True, echoed_until_ms=2**52, stored_ms=20_000))
                assert (await life.armed(0)).timeout_ms == 20_000
                assert await life.end(signal.SIGTERM) == 0
            held.unlink()
            async with quorumd(tmp_path, dog.path, systemd) as life:
                assert (await life.armed(0)).timeout_ms == 20_000
                assert await life.end(signal.SIGTERM) == 0
            # Opened, given its timeout, and nothing else (neither closed nor opened again) until the end.
            assert await dog.says("disarmed") == ["armed 60", "armed 20"]
            assert not systemd.kept
        systemd.socket.close()

    asyncio.run(main())
