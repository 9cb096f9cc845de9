"""quorumd: quorum, votes, health and the watchdog as people and other daemons see them. Wiring only."""

import asyncio
import signal
import sys

from standfast.configuration.quorum import arbiter_lingers_ms
from standfast.configuration.reader import Reader
from standfast.corosync.network import Corosync
from standfast.daemon import Daemon, run
from standfast.quorumd.command import Commands, own_cgroup
from standfast.quorumd.looking import Looking
from standfast.quorumd.service import Quorum
from standfast.quorumd.watch import Watch


async def main(daemon: Daemon) -> None:
    quorum = Quorum(Corosync(), daemon.ready)
    looking = Looking(Commands(own_cgroup()).look, quorum.show)
    read = Reader()
    watch = Watch(quorum.show, read, arbiter_ms=arbiter_lingers_ms)

    def reread() -> None:
        configuration = read()
        if configuration is not None:  # else what was read before is used
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


if __name__ == "__main__":
    sys.exit(run("quorumd", main))
