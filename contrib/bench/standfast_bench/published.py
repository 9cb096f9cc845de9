"""Made-up daemons that publish many groups, and signals that say when they were sent."""

import asyncio
import time
from collections.abc import Sequence
from typing import Final

from fakes.daemons import ALL, ROOT, SINCE, Cluster
from standfast.bus import Call, escape

EVERY_S: Final = 0.4  # a change, and in between the way back
PROBES: Final = (("", "http", "live", "good", "GET http://127.0.0.1/healthz: status 200", 12, SINCE),)


def publish_groups(cluster: Cluster, groups: int, units: int) -> Sequence[str]:
    """The cluster has so many more groups on all of its nodes, each unit with a probe; the names of the groups."""
    names = [f"group{number:03}" for number in range(groups)]
    for number, name in enumerate(names):
        owner = cluster.nodes[number % len(cluster.nodes)]
        values = {"Phase": "started", "Flags": [], "Owner": owner, "LastOwner": "", "Since": SINCE}
        reason = f"started on {owner}, number 1 of its domain"
        drilled = ("", "", 0)
        cluster.publish(
            f"{ROOT}/group/{name}", "Group1", Name=name, Reason=reason, WantedOn="", Drilled=drilled, **values
        )
        for place in range(1, units + 1):
            unit = f"service-{number:03}-{place}.service"
            path = f"{ROOT}/group/{name}/resource/{escape(unit)}"
            cluster.publish(path, "Resource1", Unit=unit, Place=place, State="active", Probe="good", Cause="")
    cluster.servers[ALL[3]].live("org.standfast.Resource1", "Probes", lambda _: list(PROBES))
    return names


async def tell_forever(nodes: int, groups: int) -> None:
    """A cluster of so many nodes and groups is on the system bus; one group after the other changes and changes back.

    Why it is as it is then is when that was published: `published at`, milliseconds of CLOCK_REALTIME.
    """
    cluster = Cluster(tuple(f"node{number}" for number in range(1, nodes + 1)))
    cluster.servers[ALL[3]].handle("org.standfast.Groups1", "Attention", _nothing)
    names = publish_groups(cluster, groups - 1, 1)  # and its own
    async with cluster.running():
        while True:
            for name in names:
                path = f"{ROOT}/group/{name}"
                cluster.publish(path, "Group1", Phase="starting", Reason=f"published at {time.time_ns() // 1_000_000}")
                await asyncio.sleep(EVERY_S)
                cluster.publish(path, "Group1", Phase="started", Reason="number 1 of its domain")
                await asyncio.sleep(EVERY_S)


async def _nothing(_: Call) -> tuple[list[tuple[bool, str]]]:
    return ([],)  # needs a person
