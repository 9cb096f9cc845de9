"""Waiting until a node is in the cluster, or out of it, as resourced on this node says."""

from typing import Final

from standfast.bus import Bus
from standfast.operations.wishes import find_resourced, wait
from standfast.published import GROUPS, ROOT

MEMBER: Final = "org.standfast.Member1"


async def wait_until_member(name: str, timeout_s: float) -> None:
    """The node is online. Raises BusError, and CommandError after `timeout_s`."""
    await wait_until(name, ("online",), timeout_s)


async def wait_until(name: str, states: tuple[str, ...], timeout_s: float) -> None:
    """The node is in one of these states. Raises BusError, and CommandError after `timeout_s`."""
    async with await Bus.connect() as bus:
        await find_resourced(bus, starts=True)

        async def look() -> str:
            found = (await states_of(bus)).get(name)
            return "" if found in states else f"{name} is {found}" if found else f"{name} is not known here yet"

        await wait(bus, look, timeout_s)


async def states_of(bus: Bus) -> dict[str, str]:
    """By node: online, joining, unresponsive, lost, fencing, fenced or left."""
    objects = await bus.managed_objects(GROUPS, ROOT)
    members = [found[MEMBER] for found in objects.values() if MEMBER in found]
    return {str(member["Name"]): str(member["State"]) for member in members}
