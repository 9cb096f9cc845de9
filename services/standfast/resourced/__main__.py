"""`python3 -m standfast.resourced`: the wiring."""

import asyncio
import os
import signal
import sys

from standfast import journal
from standfast.configuration.load import load_in_force
from standfast.corosync.network import Corosync
from standfast.daemon import Daemon, run
from standfast.resourced import disk, store
from standfast.resourced.service import Service, node_name

AGAIN_S = 2.0


async def main(daemon: Daemon) -> None:
    daemon.ready()
    found = await _configuration(daemon)
    if found is None:
        return
    assert found.used is not None
    name = node_name(tuple(node.name for node in found.used.nodes), os.uname().nodename)
    assert name is not None
    journal.identify("resourced", name)
    async with asyncio.TaskGroup() as tasks:
        service = Service(node=name, found=found, network=Corosync(), tasks=tasks)
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGHUP, lambda: tasks.create_task(service.reload()))
        await service.run()
        await daemon.stopping.wait()
        service.close()
        raise asyncio.CancelledError


async def _configuration(daemon: Daemon) -> store.Found | None:
    """A usable configuration that names this machine, waited for as long as it takes; None: asked to stop."""
    told = ""
    while not daemon.stopping.is_set():
        record = disk.read().record
        found = await asyncio.to_thread(store.find, record.configuration if record else "")
        text = _complaint(found)
        if not text:
            return found
        if text != told:
            told = text
            daemon.status(text)
            journal.write(journal.Event.CONFIGURATION_MISSING, journal.Level.ERROR, text)
        await asyncio.sleep(AGAIN_S)
    return None


def _complaint(found: store.Found) -> str:
    if found.used is None:
        _, problems = load_in_force(system=None)
        return f"This node runs nothing: {'; '.join(map(str, problems))}"
    names = tuple(node.name for node in found.used.nodes)
    host = os.uname().nodename
    if node_name(names, host) is None:
        return f"cluster.conf has no [Node] with Name={host}: it names {', '.join(names)}; this node runs nothing"
    return ""


if __name__ == "__main__":
    sys.exit(run("resourced", main))
