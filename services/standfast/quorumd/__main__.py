"""quorumd: quorum and votes as people and other daemons see them. Wiring only."""

import signal
import sys

from standfast.corosync.network import Corosync
from standfast.daemon import Daemon, run
from standfast.quorumd.service import Quorum


async def main(daemon: Daemon) -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # `systemctl reload`: it reads no file, so there is nothing to do
    await daemon.until_stopped(Quorum(Corosync(), daemon.ready).run())


if __name__ == "__main__":
    sys.exit(run("quorumd", main))
