"""quorumd: quorum, votes, health and the watchdog as people and other daemons see them. Wiring only."""

import asyncio
import signal
import sys

from standfast.configuration.load import load_good
from standfast.configuration.model import Configuration
from standfast.configuration.quorum import arbiter_lingers_ms
from standfast.corosync.network import Corosync
from standfast.daemon import Daemon, run
from standfast.quorumd.command import Commands, own_cgroup
from standfast.quorumd.looking import Looking
from standfast.quorumd.service import Quorum
from standfast.quorumd.watch import Watch


async def main(daemon: Daemon) -> None:
    quorum = Quorum(Corosync(), daemon.ready)
    looking = Looking(Commands(own_cgroup()).look, quorum.show)
    watch = Watch(quorum.show, _read, arbiter_ms=arbiter_lingers_ms)

    def reread() -> None:
        configuration = _read()
        quorum.configure(configuration)
        looking.configure(configuration)
        watch.reload()

    reread()
    quorum.on_configuration = reread
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, reread)
    await daemon.until_stopped(_run(quorum, looking, watch))


async def _run(quorum: Quorum, looking: Looking, watch: Watch) -> None:
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(watch.run())
        tasks.create_task(looking.run())
        tasks.create_task(quorum.run())


def _read() -> Configuration | None:
    """The good files, or else the last good copy; what is wrong with them is told by membershipd."""
    configuration, _ = load_good()
    return configuration


if __name__ == "__main__":
    sys.exit(run("quorumd", main))
