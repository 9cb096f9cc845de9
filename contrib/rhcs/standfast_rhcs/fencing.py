"""Having a node fenced, and an operator's word that one is off."""

from collections.abc import Sequence
from typing import Final

from standfast.bus import Bus
from standfast.operations.rights import call_with_rights
from standfast.published import GROUPS, ROOT
from standfast_rhcs.cluster import Cluster, EndedError, look
from standfast_rhcs.waiting import until

INTERFACE: Final = "org.standfast.Groups1"
ANSWER_S: Final = 60.0
PROVEN_S: Final = 300.0


async def fence(name: str) -> None:
    """The node is proven off. Raises EndedError or BusError where it is not."""
    async with await Bus.connect() as bus:
        check(await look(bus), name)
        await _call(bus, "FenceNow", "s", name)

        async def proven() -> bool | None:
            waiting = [node for _, node in (await look(bus)).losses]
            return None if name in waiting else True

        if not await until(bus, proven, PROVEN_S):
            raise EndedError(1, f"{name} is not proven off after {PROVEN_S:.0f} s; it goes on: standfast status")


async def confirm(name: str) -> None:
    """An operator's word proves the loss of the node. Raises EndedError or BusError where that is not taken."""
    async with await Bus.connect() as bus:
        cluster = await look(bus)
        check(cluster, name)
        loss = next((loss for loss, node in cluster.losses if node == name), "")
        if not loss:
            raise EndedError(1, f"{name} does not wait to be fenced: standfast status")
        await _call(bus, "Confirm", "ssas", name, loss, [])


def check(cluster: Cluster, name: str) -> None:
    """There is a node of that name. Raises EndedError."""
    if cluster.services is None:
        raise EndedError(1, "standfast-resourced does not run here: systemctl status standfast-resourced.service")
    if cluster.member(name) is None:
        names: Sequence[str] = [member.name for member in cluster.members]
        raise EndedError(1, f"there is no node {name!r}: the nodes are {', '.join(names)}")


async def _call(bus: Bus, method: str, signature: str, *arguments: object) -> None:
    await call_with_rights(bus, GROUPS, ROOT, INTERFACE, method, signature, *arguments, timeout_s=ANSWER_S)
