"""What the coordinator knows beside the record when it plans."""

from collections.abc import Mapping
from dataclasses import dataclass

from standfast.configuration.model import Configuration


class Waits:
    """How long each cause is known; what is not asked for in one planning is forgotten."""

    def __init__(self, known: Mapping[str, int], now: int) -> None:
        self._known = known
        self._now = now
        self.seen: dict[str, int] = {}

    def age(self, cause: str) -> int:
        """Milliseconds since `cause` was first asked for without a pause."""
        first = self._known.get(cause, self._now)
        self.seen[cause] = first
        return self._now - first


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What the coordinator knows beside the record."""

    me: str
    now: int
    ring_nodes: frozenset[str]
    cold: bool  # the term's record came from disks only
    orders_allowed: bool  # every member stored the first update of the term
    resting: frozenset[str]  # who says in its ticks that it cannot work, and that it holds nothing
    waits: Mapping[str, int]
    quorate_since: int  # without a pause; now, where this view is not quorate
    linked: frozenset[str] = frozenset()  # nodes to which a Corosync link is up
    race_ms: int = 0  # how long the first shot at the other one of two nodes waits
    offered: Configuration | None = None  # the version that this node has prepared last
