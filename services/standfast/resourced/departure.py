"""A clean leave: first everything goes elsewhere, then the mark, then the node (DESIGN section 4, "Leaving")."""

from collections.abc import Callable, Collection

from standfast.configuration.model import Configuration
from standfast.configuration.quorum import quorum_of
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

    def advance(self, hands: Collection[Hand], configuration: Configuration, now: int) -> None:
        """Gone is who is marked, durably, and holds nothing; after QuorumWait without an open term, who stopped
        everything here."""
        if not self.asked or self.done:
            return
        term, record = self._terms.term, self._terms.record
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
