"""quorumd: quorum, votes and health as people and other daemons see them. Wiring only."""

import asyncio
import signal
import sys

from standfast.configuration.load import load_good
from standfast.configuration.model import Configuration
from standfast.corosync.network import Corosync
from standfast.daemon import Daemon, run
from standfast.quorumd.command import Commands, own_cgroup
from standfast.quorumd.service import Quorum


async def main(daemon: Daemon) -> None:
    service = Quorum(Corosync(), daemon.ready, _read, Commands(own_cgroup()))
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, service.reread)
    await daemon.until_stopped(service.run())


def _read() -> Configuration | None:
    """The good files, or else the last good copy; what is wrong with them is told by membershipd."""
    configuration, _ = load_good()
    return configuration


if __name__ == "__main__":
    sys.exit(run("quorumd", main))
