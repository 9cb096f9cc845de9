"""What resourced hears of the other daemons of its node, on a private bus."""

import asyncio
from typing import Any

from bus.private import PrivateBus, until
from fakes.daemons import NO_FENCING, Cluster
from standfast.bus import Bus, Call, Server, interface_file
from standfast.resourced.events import Event, Fence, FencingTold, HealthTold, LinksTold
from standfast.resourced.fencer import Fencer
from standfast.resourced.neighbours import Neighbours

ROOT = "/org/standfast"
QUORUM, MEMBERSHIP, FENCING = "org.standfast.Quorum", "org.standfast.Membership", "org.standfast.Fencing"


def test_health_and_links_are_told_as_they_change_and_no_link_is_up_without_membershipd(
    private_bus: PrivateBus,
) -> None:
    async def main() -> None:
        told: list[Event] = []
        stored: list[str] = []
        servers = Cluster().servers
        quorum, membership = await Bus.connect(), await Bus.connect()
        await servers[QUORUM].attach(quorum, QUORUM)
        await servers[MEMBERSHIP].attach(membership, MEMBERSHIP)
        async with asyncio.TaskGroup() as tasks:
            await Neighbours(told.append, stored.append, tasks).attach(await Bus.connect())
            await until(lambda: HealthTold(healthy=True) in told)
            await until(lambda: LinksTold(up=frozenset({"node2", "node3"})) in told)
            servers[QUORUM].publish(ROOT, f"{QUORUM}1", {"Healthy": False})
            await until(lambda: HealthTold(healthy=False) in told)
            down = [(0, False, ""), (1, False, "")]
            servers[MEMBERSHIP].publish(f"{ROOT}/node/node3", "org.standfast.Node1", {"Links": down})
            await until(lambda: told[-1] == LinksTold(up=frozenset({"node2"})))
            await membership.close()
            await until(lambda: told[-1] == LinksTold(up=frozenset()))

    asyncio.run(main())


def test_a_proof_that_fenced_had_already_is_told_when_it_is_asked_for_again(private_bus: PrivateBus) -> None:
    """No signal tells it: nothing has changed there."""

    async def main() -> None:
        told: list[FencingTold] = []
        server = Server(interface_file(FENCING))
        proven = ("8.1", "node1", "i", "off", "proven", "bmc", "it is off")
        server.publish(ROOT, f"{FENCING}1", {**NO_FENCING, "Attempts": [proven]})
        asked: list[tuple[Any, ...]] = []

        async def begin(call: Call) -> tuple[Any, ...]:
            asked.append(call.arguments)
            return ()

        server.handle(f"{FENCING}1", "Begin", begin)
        await server.attach(await Bus.connect(), FENCING)
        async with asyncio.TaskGroup() as tasks:
            fencer = Fencer(told.append, tasks)
            await fencer.attach(await Bus.connect())
            await until(lambda: len(told) == 2)  # at the beginning, and because fenced has an owner
            told.clear()
            fencer.begin(Fence(loss="8.1", node="node1", incarnation="i", action="off"))
            await until(lambda: bool(asked and told))
        assert told[-1].ended == {("8.1", "off"): (True, "it is off")}

    asyncio.run(main())
