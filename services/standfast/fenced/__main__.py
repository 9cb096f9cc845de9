"""fenced: turns a loss into a proof when resourced asks. Wiring only."""

import asyncio
import signal
import sys

from standfast.agents.cgroups import Cgroups, own_cgroup
from standfast.agents.running import Agents
from standfast.configuration import versions
from standfast.configuration.load import check
from standfast.configuration.model import Configuration, ConfigurationError
from standfast.configuration.reader import Reader
from standfast.configuration.versions import IN_FORCE
from standfast.daemon import Daemon, run
from standfast.fenced.service import Service, Settings


async def main(daemon: Daemon) -> None:
    """SIGTERM ends attempts under way too: the record has what is to be begun again."""
    await daemon.until_stopped(_serve(daemon))


async def _serve(daemon: Daemon) -> None:
    agents = Agents(secrets=IN_FORCE, cgroups=Cgroups(own_cgroup()))
    settings = Settings(load=Reader(), version=_version, agents=agents)
    async with asyncio.TaskGroup() as tasks:
        service = Service(settings, tasks)
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, service.reload)
        await service.run(daemon.ready)


def _version(digest: str) -> Configuration | None:
    tree = versions.read(digest)
    try:
        return check(tree, system=None) if tree is not None else None
    except ConfigurationError:
        return None


if __name__ == "__main__":
    sys.exit(run("fenced", main))
