"""The one brain of a term: turns requests and plans into updates (DESIGN section 4, step 4)."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from standfast.configuration.model import Configuration
from standfast.resourced import absence, configuring, drills
from standfast.resourced.codec import MessageError
from standfast.resourced.messages import (
    ConfigurationInForce,
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
    WishKind,
)
from standfast.resourced.plan import Planned, plan
from standfast.resourced.record import Record
from standfast.resourced.situation import Situation, Waits
from standfast.resourced.term import Term
from standfast.resourced.terms import Terms
from standfast.resourced.wishes import refuse_wish, resolve_wish

PLAN_AGAIN_MS = 200  # while nothing but the time has changed
HAND_OVER_MS = 10_000  # who cannot install what is in force for so long lets another one coordinate
JUDGED_AT_REST = (WishKind.CONFIGURE, WishKind.KEEP, WishKind.TAKE_BACK, WishKind.DRILL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Knowledge:
    """What a step brings: the configuration in use here, the version prepared last, and the time."""

    configuration: Configuration
    offered: Configuration | None
    now: int
    at: str
    quorate_since: int  # as a Situation has it
    race_ms: int = 0  # how long this node waits before it shoots the other one of two
    linked: frozenset[str] = frozenset()  # nodes to which a Corosync link is up


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A plan, with all that it was made of beside the record."""

    configuration: Configuration
    situation: Situation
    planned: Planned


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
        self._wishes: list[Wish] = []  # that wait to be judged
        self._version_at = 0  # position of the last version that this term puts in force
        self._behind_since: int | None = None  # since when this node has not the configuration that it would plan with
        self.wanted = ""  # digest of a version that this node must read to go back to it
        self.made: Made | None = None  # the last plan, for who records it

    @property
    def waits(self) -> bool:
        """What is planned, here or by who coordinates, changes with the time alone, or with what comes back."""
        return bool(self._waits or self._counted or self._in_flight or self._wishes)

    @property
    def term(self) -> Term | None:
        """The open term, if this node coordinates it."""
        term = self.terms.term
        return term if term is not None and term.coordinator == self.me else None

    def term_changed(self, at: str, first: tuple[Content, ...] = ()) -> None:
        """A term was opened, or ended: the first update names its members, `first` comes next. Waits go on in
        consecutive terms."""
        self._in_flight, self._next_position, self._planned = 0, 1, ()
        self._wishes, self._version_at, self._behind_since, self.wanted = [], 0, None, ""
        term = self.term
        if term is not None:
            self._update(Members(members=tuple(term.states[name].member for name in term.members)), at)
            for content in first:
                self._update(content, at)
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
        term, content = self.term, request.content
        if term is None or request.nonce != term.nonce:
            return
        if isinstance(content, Reported | Leaving | Installed | Watched | Health) and content.node != sender:
            raise MessageError(f"{sender} speaks for {content.node}")
        if isinstance(content, Wish):
            self._wishes.append(content)
        else:
            self._update(content, known.at)

    def run(self, known: Knowledge) -> None:
        """Judge what operators wish, and plan if all updates came back; if this node coordinates and has the
        configuration in force."""
        term, record = self.term, self.terms.record
        if term is None:
            self._count_along(known)
        if term is None or record is None or term.position == 0:
            return
        if known.configuration.digest != record.configuration:
            self._hand_over(record, known.now)
            return
        self._behind_since = None
        situation = self._situation(term, known)
        self._judge(term, record, situation, known)
        if not self._in_flight:
            self._plan(record, situation, known)

    def _judge(self, term: Term, record: Record, situation: Situation, known: Knowledge) -> None:
        """A version is judged when nothing is under way: then it is put in force of the very record that it was judged
        on. While one is under way nothing is judged: it may not have what a wish is about. So are drills: of two at
        once only the first one begins."""
        wishes, self._wishes = self._wishes, []
        for wish in wishes:
            if term.position < self._version_at or (wish.kind in JUDGED_AT_REST and self._in_flight):
                self._wishes.append(wish)
            elif text := refuse_wish(wish, record, known.configuration, situation):
                self._send(Refused(nonce=term.nonce, wish=wish.id, text=text))
            elif wish.kind is WishKind.CONFIGURE and known.offered is not None:
                self._update(configuring.into_force(known.offered, wish), known.at)
            elif wish.drill is not None:
                self._update(replace(wish.drill, wish=wish.id), known.at)
            else:
                self._update(resolve_wish(wish, record, known.configuration, situation), known.at)

    def _hand_over(self, record: Record, now: int) -> None:
        """Another member has what this one cannot install: it coordinates the term that a leave and a return make."""
        since = self._behind_since = now if self._behind_since is None else self._behind_since
        others = [node for node in record.nodes.values() if node.present and node.installed == record.configuration]
        if now - since >= HAND_OVER_MS and others:
            self.terms.join_anew(now)

    def _plan(self, record: Record, situation: Situation, known: Knowledge) -> None:
        heard = (situation.ring_nodes, situation.resting, known.linked)
        made_of = (record, *heard, situation.orders_allowed, known.race_ms, known.offered, known.configuration)
        same = all(a is b or (i and a == b) for i, (a, b) in enumerate(zip(made_of, self._planned, strict=False)))
        if self._planned and same and (not self._waits or known.now - self._planned_at < PLAN_AGAIN_MS):
            return  # a plan knows the time by its waits alone
        self._planned, self._planned_at = made_of, known.now
        planned = plan(record, known.configuration, situation)
        self.made = Made(configuration=known.configuration, situation=situation, planned=planned)
        self._waits, self.wanted = dict(planned.waits), planned.wanted
        for content in planned.contents:
            self._update(content, known.at)
        self.terms.leave_out(planned.overdue)

    def _count_along(self, known: Knowledge) -> None:
        """Each member shows how long it is until the next attempt or drill, or until the cluster goes back to another
        version; who coordinates next counts anew all the same."""
        term, record = self.terms.term, self.terms.record
        if term is None or record is None:
            return
        waits = Waits(self._counted, known.now)
        for loss in record.losses.values():
            if not loss.proof:
                absence.next_attempt_ms(loss, record, known.configuration, self._situation(term, known), waits)
        if record.unconfirmed:
            configuring.confirm_left_ms(record, waits)
        drills.rest_left_ms(record, waits)
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
            quorate_since=known.quorate_since,
            race_ms=known.race_ms,
            offered=known.offered,
        )

    def _named_in(self) -> dict[str, int]:
        record = self.terms.record
        return {name: node.named_in for name, node in record.nodes.items()} if record is not None else {}

    def _update(self, content: Content, at: str) -> None:
        assert self.term is not None
        update = Update(nonce=self.term.nonce, position=self._next_position, at=at, content=content)
        if isinstance(content, ConfigurationInForce):
            self._version_at = update.position
        self._next_position += 1
        self._in_flight += 1
        self._send(update)
