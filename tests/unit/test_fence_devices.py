"""A plug that says off of a node that is online: who was online for sure, asked before and after."""

import asyncio
from typing import Any, cast

import pytest

from house.source import REPOSITORY
from standfast.agents.running import AgentError, Agents, Result
from standfast.agents.words import Answer
from standfast.bus import Server
from standfast.configuration.model import Cluster, Configuration, FenceDevice, Node, Plug
from standfast.fenced.devices import Devices
from standfast.fenced.metadata import AgentLibrary
from standfast.fenced.ring import Ring


class OffAgents:
    """Every plug says off."""

    async def run(self, *_: Any) -> Result:
        return Result(answer=Answer.IS_OFF, text="Status: OFF", milliseconds=1)

    def stamp(self, _: str) -> tuple[int, ...]:
        return ()

    async def metadata(self, agent: str) -> str:
        raise AgentError(f"{agent} is not installed")


def ring(*members: str) -> Ring:
    return Ring(own="node1", members=frozenset(members), links_up={}, detect_within_s=0.01)


BOTH, ALONE = ring("node1", "node2"), ring("node1")


@pytest.mark.parametrize(
    ("rings", "ok", "asked"),
    [
        ((BOTH, BOTH), False, 2),
        ((BOTH, ALONE), True, 2),  # it was switched off just now and had not left the ring yet
        ((BOTH, None), True, 2),
        ((ALONE, BOTH), True, 1),  # it was off and is back since
        ((None, BOTH), True, 1),
    ],
)
def test_off_is_wrong_only_of_a_node_that_is_in_the_ring_before_and_after(
    rings: tuple[Ring | None, ...], ok: bool, asked: int
) -> None:
    told = list(rings)

    async def tell() -> Ring | None:
        return told.pop(0)

    agents = cast(Agents, OffAgents())
    server = Server(REPOSITORY / "dbus/org.standfast.Fencing.xml")
    node = Node(name="node2", id=2, addresses=("192.0.2.12",), fence=((Plug(device="bmc", plug=None),),))
    device = FenceDevice(name="bmc", agent="fence_x", options={})
    configuration = Configuration(
        cluster=Cluster(name="test"), nodes=(node,), devices=(device,), domains=(), groups=(), digest=""
    )

    async def main() -> list[bool]:
        devices = Devices(server, agents, tell, AgentLibrary(agents), lambda: None)
        devices.configure(configuration)
        return [row.ok for row in await devices.test("node2")]

    assert asyncio.run(main()) == [ok]
    assert len(rings) - len(told) == asked
