"""What membershipd says of the nodes, for comparing what fence devices say with it."""

from dataclasses import dataclass
from typing import Final

from standfast.bus import Bus, BusError

NAME: Final = "org.standfast.Membership"
ROOT: Final = "/org/standfast"
INTERFACE: Final = "org.standfast.Membership1"
_NODE: Final = "org.standfast.Node1"
_TIMEOUT_S: Final = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Ring:
    """One reading of it."""

    own: str  # the name of this node, "" = not known
    members: frozenset[str]  # nodes that are in the ring
    links_up: dict[str, tuple[int, ...]]  # by node: the links to it that are up, as this node sees them
    detect_within_s: float  # a node that lost its power is in the ring no longer than this


async def read_ring(bus: Bus | None) -> Ring | None:
    """What membershipd says now; None when it does not answer."""
    if bus is None:
        return None
    try:
        root = await bus.get_all(NAME, ROOT, INTERFACE, timeout_s=_TIMEOUT_S)
        objects = await bus.managed_objects(NAME, ROOT, timeout_s=_TIMEOUT_S)
    except BusError:
        return None
    nodes = [found[_NODE] for found in objects.values() if _NODE in found]
    return Ring(
        own=str(root["Node"]),
        members=frozenset(str(node["Name"]) for node in nodes if node["InRing"]),
        links_up={str(node["Name"]): tuple(link for link, up, _ in node["Links"] if up) for node in nodes},
        detect_within_s=root["DetectWithinMilliseconds"] / 1000,
    )
