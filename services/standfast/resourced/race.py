"""Of two nodes that lose each other only one shoots at once, so that one survives (DESIGN section 6, "Races").

The winner is a field of the record. A node shoots at once only when it is named there *and* knows that the other has
stored it; then the other waits. The times differ in every other case too, for a change of the winner may be cut in two.
"""

from standfast.configuration.model import Configuration
from standfast.configuration.quorum import quorum_of
from standfast.resourced.messages import Content, RaceDecided
from standfast.resourced.record import Record
from standfast.resourced.term import Term

UNMEASURED_OFF_MS = 8_000  # no `off` was ever seen to end here
MARGIN_MS = 2_000


def decisions(record: Record, configuration: Configuration) -> list[Content]:
    """Two nodes, both here: the one with more groups is to win, with as many the lower id."""
    both = len(record.members) == 2 and quorum_of(configuration).two_node
    if not both or any(group.open_orders for group in record.groups.values()):
        return []
    holders = [holder for group in record.groups.values() for holder in group.holders]
    winner = max((node.name for node in configuration.nodes), key=holders.count)  # of equals the first
    return [RaceDecided(winner=winner)] if winner != record.winner else []


class Race:
    """What this node knows of it."""

    def __init__(self, me: str) -> None:
        self._me = me
        self._agreed = ""  # the winner that both were known to have stored

    def look(self, term: Term, record: Record) -> None:
        """The term is open; whatever its members had stored when it ends is what they go by."""
        if len(record.nodes) != 2:
            return
        if record.winner != self._agreed:
            self._agreed = ""  # also when it comes back to the one that was agreed before
        if all(position >= term.position for position in term.stored.values()):
            self._agreed = record.winner

    def wait_ms(self, record: Record, configuration: Configuration, slowest_off_ms: int) -> int:
        """How long this node waits before it shoots the other one of two. `slowest_off_ms`: 0 = never measured."""
        if len(configuration.nodes) != 2 or not quorum_of(configuration).two_node:
            return 0
        delays = [device.delay_ms for device in configuration.devices]
        delays += [node.fence_delay_ms for node in configuration.nodes]
        step = (slowest_off_ms or UNMEASURED_OFF_MS) + max(delays, default=0) + MARGIN_MS
        if record.winner != self._me:
            return step
        if self._agreed == self._me:
            return 0
        return step * (2 + [node.name for node in configuration.nodes].index(self._me))
