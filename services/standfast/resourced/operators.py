"""The wishes of the operators on this node, from asked to answered (DESIGN section 4, "Durability")."""

from collections.abc import Callable
from dataclasses import dataclass

from standfast.resourced.drills import DrillBegun, DrillEnded
from standfast.resourced.events import Answer
from standfast.resourced.messages import ConfigurationInForce, Message, Request, Update, Wish
from standfast.resourced.terms import Terms

WAIT_MS = 15_000
UNKNOWN = "it may or may not come true: look at `standfast status` and ask again"


@dataclass(slots=True, kw_only=True)
class Pending:
    wish: Wish
    since: int
    nonce: str = ""  # of the term that it was sent in
    position: int = 0  # of its update, once that was delivered


class Operators:
    """A wish is sent once, in one term; it is done when enough members stored it, and unknown when the term ended."""

    def __init__(self, terms: Terms, send: Callable[[Message], None], answer: Callable[[Answer], None]) -> None:
        self._terms = terms
        self._send = send
        self._answer = answer
        self._pending: list[Pending] = []

    def wished(self, wish: Wish, now: int) -> None:
        self._pending.append(Pending(wish=wish, since=now))

    def delivered(self, update: Update) -> None:
        match update.content:
            case Wish(id=wish) | ConfigurationInForce(wish=wish) | DrillBegun(wish=wish) | DrillEnded(wish=wish):
                for pending in self._pending:
                    if pending.wish.id == wish:
                        pending.position = update.position

    def refused(self, wish: str, text: str) -> None:
        for pending in [pending for pending in self._pending if pending.wish.id == wish]:
            self._end(pending, "refused", text)

    def term_changed(self) -> None:
        for pending in [pending for pending in self._pending if pending.nonce]:
            self._end(pending, "unknown", f"the term ended meanwhile: {UNKNOWN}")

    def advance(self, now: int) -> None:
        term = self._terms.term
        for pending in list(self._pending):
            if term is not None and not pending.nonce and term.position > 0:
                pending.nonce = term.nonce
                self._send(Request(nonce=term.nonce, content=pending.wish))
            elif pending.position and self._terms.durable_at(pending.position):
                self._end(pending, "done", "")
            elif now - pending.since >= WAIT_MS:
                outcome = "unknown" if pending.nonce else "not-quorate"
                self._end(pending, outcome, UNKNOWN if pending.nonce else "no term is open: nothing was changed")

    def _end(self, pending: Pending, outcome: str, text: str) -> None:
        self._pending.remove(pending)
        self._answer(Answer(wish=pending.wish.id, outcome=outcome, text=text))
