"""Waiting until a node is in the cluster, or out of it, as resourced on this node says."""

from standfast.bus import Bus
from standfast.ctl.cluster import GROUPS, ROOT
from standfast.ctl.wishes import find_resourced, wait

MEMBER: str = "org.standfast.Member1"


async def wait_until_member(name: str, timeout_s: float) -> None:
    """The node is online. Raises BusError, and CommandError after `timeout_s`."""
    await wait_until(name, ("online",), timeout_s)


async def wait_until(name: str, states: tuple[str, ...], timeout_s: float) -> None:
    """The node is in one of these states. Raises BusError, and CommandError after `timeout_s`."""
    async with await Bus.connect() as bus:
        await find_resourced(bus, starts=True)

        async def look() -> str:
            found = await state_of(bus, name)
            return "" if found in states else f"{name} is {found}" if found else f"{name} is not known here yet"

        await wait(bus, look, timeout_s)


async def state_of(bus: Bus, name: str) -> str:
    """online, joining, unresponsive, lost, fencing, fenced or left; "" for a node that is not known here."""
    objects = await bus.managed_objects(GROUPS, ROOT)
    members = [found[MEMBER] for found in objects.values() if MEMBER in found]
    return next((str(member["State"]) for member in members if member["Name"] == name), "")
