"""A clean leave: first everything goes elsewhere, then the mark, then the node (DESIGN section 4, "Leaving").

One that is taken back is ended by a new term, as a return is: its first update takes the mark back, and every member
has stored that before this node is given anything. A word in the term where it was marked might be read here alone.
"""

from collections.abc import Callable, Collection

from standfast.configuration.model import Configuration
from standfast.configuration.quorum import quorum_of
from standfast.resourced import story
from standfast.resourced.absence import closing
from standfast.resourced.events import Action, Left
from standfast.resourced.hands import Hand
from standfast.resourced.stages import BEGUN, Stage
from standfast.resourced.terms import Terms


class Departure:
    def __init__(self, me: str, terms: Terms, act: Callable[[Action], None], now: int) -> None:
        self._me = me
        self._terms = terms
        self._act = act
        self.asked = self.done = False
        self._alone_since = now  # since when no term is open

    def term_changed(self, now: int) -> None:
        self._alone_since = now

    def ask(self, *, taken_back: bool) -> None:
        """From now on this node leaves, or stays."""
        if taken_back and self.asked:
            self._act(story.stays(self._me))
        self.asked, self.done = not taken_back, self.done and not taken_back

    def advance(self, hands: Collection[Hand], configuration: Configuration, now: int) -> None:
        """Gone is who is marked, durably, and holds nothing; after QuorumWait without an open term, who stopped
        everything here."""
        term, record = self._terms.term, self._terms.record
        if not self.asked:
            if term is not None and record is not None and term.position > 0 and record.nodes[self._me].leaving:
                self._terms.join_anew(now)
            return
        if self.done:
            return
        empty = all(hand.stage in (Stage.IDLE, Stage.WAITING) for hand in hands)
        if term is not None and record is not None:
            node, closes = record.nodes[self._me], self._me in closing(record, quorum_of(configuration))
            stored = self._terms.durable_at(node.marked_at or 1)
            if node.left and closes and (stored or record.without) and empty:
                self._go(clean=stored)  # in a term where nothing is acknowledged, nor is its mark
        elif now - self._alone_since >= configuration.cluster.quorum_wait_ms:
            for hand in hands:
                if hand.stage in BEGUN:
                    hand.stop(now)
            if empty:
                self._go(clean=False)

    def _go(self, *, clean: bool) -> None:
        self.done = True
        self._act(Left(clean=clean))
