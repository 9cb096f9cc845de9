"""quorumd: quorum, votes and the watchdog as people and other daemons see them. Wiring only."""

import asyncio
import signal
import sys

from standfast.configuration.load import load_good
from standfast.configuration.model import Configuration
from standfast.corosync.network import Corosync
from standfast.daemon import Daemon, run
from standfast.quorumd.service import Quorum
from standfast.quorumd.watch import Watch


async def main(daemon: Daemon) -> None:
    quorum = Quorum(Corosync(), daemon.ready)
    watch = Watch(quorum.show, _read)
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, watch.reload)
    await daemon.until_stopped(_run(quorum, watch))


async def _run(quorum: Quorum, watch: Watch) -> None:
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(watch.run())
        tasks.create_task(quorum.run())


def _read() -> Configuration | None:
    """The good files, or else the last good copy; what is wrong with them is told by membershipd."""
    configuration, _ = load_good()
    return configuration


if __name__ == "__main__":
    sys.exit(run("quorumd", main))
