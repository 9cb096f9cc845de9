"""An interface of this machine has its carrier."""

from standfast.addresses.netlink import IFF_UP, Netlink
from standfast.configuration.model import Probe
from standfast.probes.verdict import BadAnswerError


def subject(probe: Probe) -> str:
    """The interface."""
    return f"interface {probe.interface}"


async def look(probe: Probe, seen: bytearray) -> str:
    """It is up and has its carrier; the kernel answers at once. Raises as any checker does."""
    netlink = Netlink()
    try:
        link = next((one for one in netlink.links() if one.name == probe.interface), None)
    finally:
        netlink.close()
    if link is None:
        raise BadAnswerError("there is none of that name")
    if not link.carries:
        raise BadAnswerError("it has no carrier" if link.flags & IFF_UP else "it is down")
    return "it is up and has its carrier"
