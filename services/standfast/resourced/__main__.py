"""`python3 -m standfast.resourced`: the wiring."""

import asyncio
import os
import signal
import sys

from standfast import journal
from standfast.configuration.load import load_in_force
from standfast.configuration.model import Configuration, Problem
from standfast.corosync.network import Corosync
from standfast.daemon import Daemon, run
from standfast.resourced.service import Service, node_name

AGAIN_S = 2.0


async def main(daemon: Daemon) -> None:
    daemon.ready()
    configuration = await _configuration(daemon)
    if configuration is None:
        return
    name = node_name(tuple(node.name for node in configuration.nodes), os.uname().nodename)
    assert name is not None
    journal.identify("resourced", name)
    async with asyncio.TaskGroup() as tasks:
        service = Service(node=name, configuration=configuration, network=Corosync(), tasks=tasks, alive=daemon.alive)
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGHUP, lambda: tasks.create_task(service.reload()))
        await service.run()
        await daemon.stopping.wait()
        service.close()
        raise asyncio.CancelledError


async def _configuration(daemon: Daemon) -> Configuration | None:
    """A usable configuration that names this machine, waited for as long as it takes; None: asked to stop.

    `systemctl status` says what is wrong with it; the journal has that from membershipd.
    """
    while not daemon.stopping.is_set():
        configuration, problems = await asyncio.to_thread(load_in_force, system=None)
        text = _complaint(configuration, problems)
        if not text:
            return configuration
        daemon.status(text)
        await asyncio.sleep(AGAIN_S)
    return None


def _complaint(configuration: Configuration | None, problems: tuple[Problem, ...]) -> str:
    if configuration is None:
        return f"This node runs nothing: {'; '.join(map(str, problems))}"
    names = tuple(node.name for node in configuration.nodes)
    host = os.uname().nodename
    if node_name(names, host) is None:
        return f"cluster.conf has no [Node] with Name={host}: it names {', '.join(names)}; this node runs nothing"
    return ""


if __name__ == "__main__":
    sys.exit(run("resourced", main))
