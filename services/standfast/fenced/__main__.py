"""fenced: turns a loss into a proof when resourced asks. Wiring only."""

import asyncio
import signal
import sys
from pathlib import Path

from standfast.configuration.load import load_good
from standfast.configuration.model import Configuration
from standfast.daemon import Daemon, run
from standfast.fenced.agents import Agents
from standfast.fenced.cgroups import Cgroups, own_cgroup
from standfast.fenced.service import Service, Settings

CONFIGURED = Path("/etc/standfast")
LAST_GOOD = Path("/var/lib/standfast/config")


async def main(daemon: Daemon) -> None:
    """SIGTERM ends attempts under way too: the record has what is to be begun again."""
    await daemon.until_stopped(_serve(daemon))


async def _serve(daemon: Daemon) -> None:
    agents = Agents(secrets=(CONFIGURED, LAST_GOOD), cgroups=Cgroups(own_cgroup()))
    settings = Settings(load=lambda: load_good(CONFIGURED, LAST_GOOD), used_before=_last_good, agents=agents)
    async with asyncio.TaskGroup() as tasks:
        service = Service(settings, tasks)
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, service.reload)
        await service.run(daemon.ready)


def _last_good() -> Configuration | None:
    return load_good(LAST_GOOD, LAST_GOOD, system=None)[0]


if __name__ == "__main__":
    sys.exit(run("fenced", main))
