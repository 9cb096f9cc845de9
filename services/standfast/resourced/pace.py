"""Which steps bring on their way what follows from them, and which leave it to a later one.

Of hundreds of updates that come at once the last one does it for all; a tick that tells nothing new does not where
everything rests. With hundreds of groups looking at each of them is long.
"""

from collections.abc import Collection

from standfast.resourced.events import Event, Received, TickReceived
from standfast.resourced.hands import Hand
from standfast.resourced.stages import Stage
from standfast.resourced.term import Term

AT_REST = (Stage.IDLE, Stage.RUNNING)


def moving(hands: Collection[Hand]) -> list[Hand]:
    """Those that time alone can bring on."""
    return [hand for hand in hands if hand.stage not in AT_REST]


class Pace:
    def __init__(self) -> None:
        self._told: object = None  # by the ticks
        self.rests = False  # nothing on this node waits for time to pass, but for its next tick
        self.left = False  # by the last step
        self._nonce = ""

    def leaves(self, event: Event, term: Term | None, told: object) -> bool:
        """This step leaves what follows to a later one; `told`: what the ticks tell now."""
        if term is None or term.nonce != self._nonce:
            self.left = False
        elif isinstance(event, TickReceived):
            self.left = self.rests and told == self._told
        else:
            self.left = isinstance(event, Received) and event.more
        return self.left

    def advanced(self, term: Term | None, told: object, *, rests: bool) -> None:
        """What follows is on its way; `rests`: nothing here waits for time to pass."""
        self._nonce, self._told = term.nonce if term is not None else "", told
        self.rests = rests and term is not None
