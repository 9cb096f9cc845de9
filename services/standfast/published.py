"""What the four daemons of this node publish, read at once; a daemon that is away leaves a gap."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from standfast.bus import GONE, Bus, BusError, ErrorName
from standfast.bus.client import CALL_TIMEOUT_S

ROOT: Final = "/org/standfast"
MEMBERSHIP: Final = "org.standfast.Membership"
QUORUM: Final = "org.standfast.Quorum"
FENCING: Final = "org.standfast.Fencing"
GROUPS: Final = "org.standfast.Groups"
DAEMONS: Final = {MEMBERSHIP: "membershipd", QUORUM: "quorumd", FENCING: "fenced", GROUPS: "resourced"}

Properties = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Daemon:
    """One daemon's whole result; `why_away` is "" while it answers."""

    root: Properties  # of its interface at ROOT
    objects: Mapping[str, Mapping[str, Properties]]  # path: interface: properties
    why_away: str = ""

    def having(self, interface: str) -> list[tuple[str, Properties]]:
        """Path and properties of every object with this interface, in the daemon's order."""
        return [(path, found[interface]) for path, found in self.objects.items() if interface in found]


Snapshot = Mapping[str, Daemon]  # by bus name, all of DAEMONS


async def read(bus: Bus, *, timeout_s: float = CALL_TIMEOUT_S) -> Snapshot:
    """Every daemon's state as it is now; one that takes longer than `timeout_s` is away. Raises BusError for what is
    neither away nor slow (no rights)."""
    daemons = await asyncio.gather(*(read_daemon(bus, name, timeout_s=timeout_s) for name in DAEMONS))
    return dict(zip(DAEMONS, daemons, strict=True))


async def read_daemon(bus: Bus, name: str, *, timeout_s: float = CALL_TIMEOUT_S) -> Daemon:
    """One daemon's state as it is now. Raises BusError as `read` does."""
    try:
        root, objects = await asyncio.gather(
            bus.get_all(name, ROOT, f"{name}1", timeout_s=timeout_s),
            bus.managed_objects(name, ROOT, timeout_s=timeout_s),
        )
    except BusError as error:
        if error.name in GONE:
            return Daemon(root={}, objects={}, why_away="does not run")
        if error.name == ErrorName.TIMED_OUT:
            return Daemon(root={}, objects={}, why_away="does not answer")
        raise
    return Daemon(root=root, objects=objects)
