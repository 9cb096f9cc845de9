"""Which steps bring on their way what follows from them, and which leave it to a later one.

Of hundreds of updates that come at once the last one does it for all; a tick that tells nothing new does not where
everything rests; where time alone has passed no group is looked at. With hundreds of groups looking at each is long.
"""

from collections.abc import Collection

from standfast.resourced.events import Event, Received, TickReceived, TimePassed
from standfast.resourced.hands import Hand
from standfast.resourced.stages import Stage
from standfast.resourced.term import Term

_IDLE, _RUNNING = Stage.IDLE, Stage.RUNNING  # an enumeration's attribute is slow to read, and there may be hundreds


def moving(hands: Collection[Hand]) -> list[Hand]:
    """Those that time alone can bring on."""
    return [hand for hand in hands if (stage := hand.stage) is not _IDLE and stage is not _RUNNING]


class Pace:
    def __init__(self) -> None:
        self._told: object = None  # by the ticks
        self.rests = False  # nothing on this node waits for time to pass, but for its next tick
        self.left = False  # by the last step
        self._owes = False  # an update is among what was left
        self._nonce = ""

    def leaves(self, event: Event, term: Term | None, told: object) -> bool:
        """This step leaves what follows to a later one; `told`: what the ticks tell now."""
        if term is None or term.nonce != self._nonce:
            self.left = False
        elif isinstance(event, TickReceived):
            self.left = self.rests and told == self._told
        else:
            self.left = isinstance(event, Received) and event.more
            self._owes |= self.left
        return self.left

    def is_calm(self, event: Event, term: Term | None, told: object) -> bool:
        """Time alone has passed since what follows was brought on its way, and no group waits for that: of none there
        is anything new to say."""
        same = told == self._told and term is not None and term.nonce == self._nonce
        return isinstance(event, TimePassed) and self.rests and same and not self._owes

    def advanced(self, term: Term | None, told: object, *, rests: bool) -> None:
        """What follows is on its way; `rests`: nothing here waits for time to pass."""
        self._nonce, self._told = term.nonce if term is not None else "", told
        self.rests, self._owes = rests and term is not None, False
