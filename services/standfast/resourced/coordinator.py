"""The one brain of a term: turns requests and plans into updates (DESIGN section 4, step 4)."""

from collections.abc import Callable
from dataclasses import dataclass

from standfast.configuration.model import Configuration
from standfast.resourced import absence
from standfast.resourced.codec import MessageError
from standfast.resourced.messages import (
    Content,
    Health,
    Installed,
    Leaving,
    Members,
    Message,
    Refused,
    Reported,
    Request,
    Update,
    Watched,
    Wish,
)
from standfast.resourced.plan import next_configuration, plan
from standfast.resourced.situation import Situation, Waits
from standfast.resourced.term import Term
from standfast.resourced.terms import Terms
from standfast.resourced.wishes import refuse_wish, resolve_wish

PLAN_AGAIN_MS = 200  # while nothing but the time has changed


@dataclass(frozen=True, slots=True, kw_only=True)
class Knowledge:
    """What a step brings: the configuration in use and offered here, and the time."""

    configuration: Configuration
    offered: Configuration | None
    now: int
    at: str
    race_ms: int = 0  # how long this node waits before it shoots the other one of two
    linked: frozenset[str] = frozenset()  # nodes to which a Corosync link is up


class Coordinator:
    """Acts only while this node coordinates an open term; plans only when nothing of its own is under way."""

    def __init__(self, me: str, terms: Terms, send: Callable[[Message], None]) -> None:
        self.me = me
        self.terms = terms
        self._send = send
        self._in_flight = 0
        self._next_position = 1
        self._waits: dict[str, int] = {}
        self._counted: dict[str, int] = {}  # by a member that does not coordinate, for people only
        self._counted_for = ""  # whose count that is
        self._planned: tuple[object, ...] = ()  # what the last plan was made of
        self._planned_at = 0

    @property
    def term(self) -> Term | None:
        """The open term, if this node coordinates it."""
        term = self.terms.term
        return term if term is not None and term.coordinator == self.me else None

    def term_changed(self, at: str) -> None:
        """A term was opened, or ended: the first update names its members. Waits go on in consecutive terms."""
        self._in_flight, self._next_position, self._planned = 0, 1, ()
        term = self.term
        if term is not None:
            self._update(Members(members=tuple(term.states[name].member for name in term.members)), at)
        elif (other := self.terms.term) is not None:
            self._waits = {}
            if other.coordinator != self._counted_for or not other.states[other.coordinator].in_memory:
                self._counted = {}  # that one has not begun to count before
            self._counted_for = other.coordinator

    def delivered(self) -> None:
        """One of this term's updates came back."""
        if self.term is not None:
            self._in_flight -= 1

    def requested(self, sender: str, request: Request, known: Knowledge) -> None:
        term, record, content = self.term, self.terms.record, request.content
        if term is None or record is None or request.nonce != term.nonce:
            return
        if isinstance(content, Reported | Leaving | Installed | Watched | Health) and content.node != sender:
            raise MessageError(f"{sender} speaks for {content.node}")
        if isinstance(content, Wish):
            situation = self._situation(term, known)
            text = refuse_wish(content, record, known.configuration, situation)
            if text:
                self._send(Refused(nonce=request.nonce, wish=content.id, text=text))
                return
            content = resolve_wish(content, record, known.configuration, situation)
        self._update(content, known.at)

    def run(self, known: Knowledge) -> None:
        """Plan, if this node coordinates and all its updates came back; without the configuration in force only what
        the next one is."""
        term, record = self.term, self.terms.record
        if term is None:
            self._count_along(known)
        if term is None or record is None or self._in_flight or term.position == 0:
            return
        situation = self._situation(term, known)
        if known.configuration.digest != record.configuration:
            for content in next_configuration(record, situation):
                self._update(content, known.at)
            return
        made_of = (record, situation.ring_nodes, situation.orders_allowed, situation.resting, known.configuration)
        same = all(a is b or (i and a == b) for i, (a, b) in enumerate(zip(made_of, self._planned, strict=False)))
        if self._planned and same and known.now - self._planned_at < PLAN_AGAIN_MS:
            return
        self._planned, self._planned_at = made_of, known.now
        planned = plan(record, known.configuration, situation)
        self._waits = dict(planned.waits)
        for content in planned.contents:
            self._update(content, known.at)
        self.terms.leave_out(planned.overdue)

    def _count_along(self, known: Knowledge) -> None:
        """Each member shows how long it is until the next attempt; who coordinates next counts anew all the same."""
        term, record = self.terms.term, self.terms.record
        if term is None or record is None:
            return
        waits = Waits(self._counted, known.now)
        for loss in record.losses.values():
            if not loss.proof:
                absence.next_attempt_ms(loss, record, known.configuration, self._situation(term, known), waits)
        self._counted = waits.seen

    def situation(self, known: Knowledge) -> Situation | None:
        """What planning would know now; None: no open term. Also of members that do not coordinate, for `status`."""
        return self._situation(self.terms.term, known) if self.terms.term is not None else None

    def _situation(self, term: Term, known: Knowledge) -> Situation:
        return Situation(
            me=self.me,
            now=known.now,
            ring_nodes=frozenset(self.terms.ring_nodes),
            linked=known.linked,
            cold=term.cold,
            orders_allowed=all(position >= 1 for position in term.stored.values()),
            resting=self.terms.ticks.resting(self._named_in(), known.now),
            waits=self._waits if term.coordinator == self.me else self._counted,
            race_ms=known.race_ms,
            offered=known.offered,
        )

    def _named_in(self) -> dict[str, int]:
        record = self.terms.record
        return {name: node.named_in for name, node in record.nodes.items()} if record is not None else {}

    def _update(self, content: Content, at: str) -> None:
        assert self.term is not None
        update = Update(nonce=self.term.nonce, position=self._next_position, at=at, content=content)
        self._next_position += 1
        self._in_flight += 1
        self._send(update)
