"""membershipd: this node's Corosync, the view, incarnations and links. Wiring only."""

import asyncio
import os
import signal
import sys

from standfast.corosync.network import Corosync
from standfast.daemon import Daemon, run
from standfast.files import incarnation
from standfast.membershipd.service import Machine, Membership


async def main(daemon: Daemon) -> None:
    """SIGTERM stops nothing but this process: Corosync goes with standfast.target."""
    machine = Machine(hostname=os.uname().nodename, incarnation=incarnation())
    service = Membership(machine, Corosync(), daemon.ready, daemon.alive)
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, service.reread)
    await daemon.until_stopped(service.run())


if __name__ == "__main__":
    sys.exit(run("membershipd", main))
