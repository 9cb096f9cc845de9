"""The core of resourced: events in, actions out; no clock, no disk, no bus, no random of its own.

It joins the parts: `Terms` (who is here, one record), `plan` (what to do, when this node coordinates), `Hand` (what is
done here). The daemon and the simulator run exactly this. Only writing the record is a call instead of an action,
because what follows depends on its success: persist before send (DESIGN section 4, "Durability").
"""

from collections.abc import Callable
from dataclasses import dataclass

from standfast.configuration.model import Configuration
from standfast.resourced import story
from standfast.resourced.absence import closing
from standfast.resourced.codec import MessageError, decode, encode
from standfast.resourced.events import (
    Action,
    Adopted,
    Answer,
    ConfigurationRead,
    Event,
    Fence,
    FencingTold,
    GroupChanged,
    InstallConfiguration,
    JobDone,
    JoinGroup,
    LeaveAsked,
    LeaveGroup,
    Left,
    NetworkDown,
    Observed,
    QuorumTold,
    Reboot,
    Received,
    RingChanged,
    SendRecord,
    SendTick,
    StartRefused,
    TickReceived,
    TimePassed,
    Wished,
)
from standfast.resourced.hands import Gate, Hand, Stage, make_hands
from standfast.resourced.messages import (
    AttemptEnded,
    Installed,
    Leaving,
    Member,
    Members,
    Message,
    Proven,
    Refused,
    Reported,
    Request,
    RunningAttempt,
    SwitchedOn,
    Tick,
    Update,
    Wish,
)
from standfast.resourced.plan import plan
from standfast.resourced.record import Record
from standfast.resourced.situation import Situation
from standfast.resourced.terms import Terms, Word
from standfast.resourced.ticks import INTERVAL_MS, Ticks
from standfast.resourced.wishes import refuse_wish, resolve_wish
from standfast.vocabulary import Holding

WISH_WAIT_MS = 15_000
KEEP_TICKS_MS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    node: str
    incarnation: str
    machine: str
    product: str


@dataclass(slots=True, kw_only=True)
class _Pending:
    """A wish of this node's operator."""

    wish: Wish
    since: int
    nonce: str = ""  # of the term that it was sent in
    position: int = 0  # of its update, once that was delivered


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """What is on disk: the record, and the highest term that this node knows."""

    highest_term: int
    record: Record | None


class Core:
    def __init__(
        self,
        *,
        identity: Identity,
        configuration: Configuration,
        installed: str,
        disk: Disk,
        write: Callable[[bytes], bool],
        fresh: Callable[[], int],
        now: int,
    ) -> None:
        """`write(data)` puts the record on disk, whole, before it returns; False: it could not."""
        self.me = identity.node
        self.identity = identity
        self.configuration = configuration
        self.installed = installed
        self.offered: Configuration | None = configuration
        self.now = now
        self.at = ""
        self.actions: list[Action] = []
        self.ticks = Ticks(self.me)
        self._write = write
        self._fresh = fresh
        votes = {node.name: node.votes for node in configuration.nodes}
        self.terms = Terms(
            me=self.me,
            votes=votes,
            outbox=self,
            ticks=self.ticks,
            fresh=fresh,
            present=self._present,
            record=disk.record,
            highest_term=disk.highest_term,
        )
        self.hands: dict[str, Hand] = make_hands(configuration.groups, {}, self.actions_append, self._gate)
        self.leaving = False
        self.left = False
        self._leave_since = 0
        self._attempts: tuple[RunningAttempt, ...] = ()
        self._asked_fenced: set[tuple[str, str]] = set()
        self._ended: dict[tuple[str, str], tuple[bool, str]] = {}
        self._in_flight = 0
        self._next_position = 1
        self._waits: dict[str, int] = {}
        self._sent: dict[str, tuple[str, object]] = {}
        self._pending: list[_Pending] = []
        self._tick_at = now
        self._install_asked = ""
        self._lost_quorum = False
        self._refused_to_run = False
        self._last_term = ""

    @property
    def record(self) -> Record | None:
        return self.terms.record

    def step(self, event: Event, now: int, at: str) -> list[Action]:
        """Take one event at `now` (CLOCK_BOOTTIME, ms) and `at` (wall clock); returns what to do, in order."""
        self.now, self.at = now, at
        self.actions.clear()
        try:
            self._take(event)
        except MessageError as error:
            self.actions.append(story.bad_message(str(error)))
            self._join_anew()
        self._advance()
        return list(self.actions)

    def actions_append(self, action: Action) -> None:
        self.actions.append(action)

    # Outbox of Terms

    def send(self, message: Message) -> None:
        self.actions.append(SendRecord(data=encode(message)))

    def persist(self, record: Record | None, highest_term: int) -> bool:
        """The record is on disk; on failure this node says in its ticks that it cannot work."""
        good = self._write(encode(Disk(highest_term=highest_term, record=record)))
        if good != self.ticks.fit:
            self.ticks.fit = good
            self.actions.append(story.disk(good))
        return good

    def leave_group(self) -> None:
        self.actions.append(LeaveGroup())

    # Events

    def _take(self, event: Event) -> None:
        match event:
            case TimePassed():
                self._time_passed()
            case Received() | TickReceived() | RingChanged() | GroupChanged() | QuorumTold() | NetworkDown():
                self._network(event)
            case Adopted() | Observed() | JobDone() | StartRefused():
                self._units(event)
            case FencingTold():
                self._fencing(event)
            case Wished(wish=wish):
                self._pending.append(_Pending(wish=wish, since=self.now))
            case LeaveAsked():
                if not self.leaving:
                    self.leaving, self._leave_since = True, self.now
            case ConfigurationRead():
                self.configuration, self.installed, self.offered = event.configuration, event.installed, event.offered
                self.terms.votes = {node.name: node.votes for node in event.configuration.nodes}
                self.hands = make_hands(event.configuration.groups, self.hands, self.actions_append, self._gate)

    def _network(self, event: Event) -> None:
        match event:
            case Received(sender=sender, data=data):
                self._received(sender, decode(Message, data))
            case TickReceived(sender=sender, data=data):
                self.ticks.received(sender, decode(Tick, data), self.now)
            case RingChanged(ring=ring, nodes=nodes):
                self.terms.ring_changed(ring, nodes, self.now)
            case GroupChanged(members=members, joined=joined):
                self.terms.group_changed(members, joined, self.now)
            case QuorumTold(ring=ring, quorate=quorate):
                self.terms.quorum_told(ring, quorate, self.now)
            case NetworkDown():
                self.terms.network_down(self.now)

    def _units(self, event: Event) -> None:
        match event:
            case Adopted(group=name, held=held, leased=leased, states=states) if name in self.hands:
                self.hands[name].adopt(held, leased, states, self.now)
            case Observed(group=name, states=states) if name in self.hands:
                self.hands[name].observed(states, self.now)
            case JobDone(group=name, unit=unit, verb=verb) if name in self.hands:
                self.hands[name].job_done(unit, verb, self.now)
            case StartRefused(group=name, unit=unit):
                self.actions.append(story.start_refused(name, unit, self.record, self.me))

    def _time_passed(self) -> None:
        if self.now >= self._tick_at:
            self._tick_at = self.now + INTERVAL_MS
            tick = self.ticks.tick(self._fresh(), self.now, KEEP_TICKS_MS)
            self.actions.append(SendTick(data=encode(tick)))
        rejoin = self.terms.rejoin_at
        if rejoin is not None and self.now >= rejoin and self.ticks.fit:
            self.terms.rejoin_at = None
            self.actions.append(JoinGroup())
        self.terms.time_passed(self.now)

    def _join_anew(self) -> None:
        """What was said cannot be understood: take the record anew, by leaving and joining the group."""
        self.terms.end_term()
        self.terms.members = ()
        self.terms.rejoin_at = self.now + 1_000
        self.actions.append(LeaveGroup())

    def _received(self, sender: str, message: Message) -> None:
        term = self.terms.term
        before = self.terms.record
        update = self.terms.received(sender, message, self.now)
        if update is not None:
            assert before is not None
            self._updated(before, update)
        elif isinstance(message, Request) and term and message.nonce == term.nonce and term.coordinator == self.me:
            self._requested(sender, message)
        elif isinstance(message, Refused) and term and message.nonce == term.nonce:
            self._answer(message.wish, "refused", message.text)

    # A term's life

    def _advance(self) -> None:
        """Bring everything that follows from the new state on its way."""
        term = self.terms.term
        nonce = term.nonce if term else ""
        if nonce != self._last_term:
            self._last_term = nonce
            self._in_flight, self._next_position, self._sent = 0, 1, {}
            if term is not None and term.coordinator != self.me:
                self._waits = {}
            self._term_changed()
        self._guard_quorum()
        for hand in self.hands.values():
            hand.time_passed(self.now)
        if term is not None:
            self._tell()
            if term.coordinator == self.me:
                self._coordinate()
        self._wishes()
        self._leave()

    def _term_changed(self) -> None:
        for hand in self.hands.values():
            hand.term_ended()
        for pending in [pending for pending in self._pending if pending.nonce]:
            self._answer(
                pending.wish.id,
                "unknown",
                "the term ended meanwhile: it may or may not come true; look at `standfast status`",
            )
        term = self.terms.term
        if term is not None:
            self.actions.append(story.term_opened(term))
            if term.coordinator == self.me:
                members = tuple(term.states[name].member for name in term.members)
                self._update(Members(members=members))

    def _present(self, nonce: str) -> Member:
        for hand in self.hands.values():
            hand.term_ended()
        held = {name: hand.held() for name, hand in self.hands.items() if hand.holding is not Holding.NOTHING}
        return Member(
            node=self.me,
            incarnation=self.identity.incarnation,
            machine=self.identity.machine,
            product=self.identity.product,
            installed=self.installed,
            available=self.offered.digest if self.offered else "",
            leaving=self.leaving,
            held=held,
            attempts=self._attempts,
        )

    def quorum(self) -> Word:
        return self.terms.quorum(self.now, self.configuration.cluster.quorum_wait_ms)

    def echoed(self) -> bool:
        names = self.ticks.echoers(self.now, self.configuration.cluster.tick_max_ms)
        return self.me in names and self.terms._holds_quorum(names)

    def _gate(self, name: str) -> Gate:
        if self.quorum() is Word.NO or self.terms.term is None:
            return Gate.SHUT
        return Gate.OPEN if self.quorum() is Word.YES and self.echoed() else Gate.WAIT

    def _guard_quorum(self) -> None:
        """Not quorate: everything here is stopped at once."""
        if self.quorum() is not Word.NO:
            self._lost_quorum = False
            return
        running = [hand for hand in self.hands.values() if hand.stage in (Stage.STARTING, Stage.RUNNING, Stage.KILLING)]
        for hand in running:
            hand.stop(self.now)
        if running and not self._lost_quorum:
            self._lost_quorum = True
            self.actions.append(story.quorum_lost([hand.group.name for hand in running]))

    def _updated(self, before: Record, update: Update) -> None:
        term, record = self.terms.term, self.terms.record
        assert term is not None
        assert record is not None
        if term.coordinator == self.me:
            self._in_flight -= 1
        self.actions.extend(story.entries(before, record, term.number, update))
        for pending in self._pending:
            if isinstance(update.content, Wish) and pending.wish.id == update.content.id:
                pending.position = update.position
        for name, hand in self.hands.items():
            order = record.groups[name].open_orders.get(self.me) if name in record.groups else None
            if order is not None and order.number > hand.last_order:
                hand.ordered(order.kind, order.number, self.now)
        self._fence()
        self._condemned()
        digest = record.configuration
        if digest not in (self.installed, self._install_asked) and self.offered and self.offered.digest == digest:
            self._install_asked = digest
            self.actions.append(InstallConfiguration(digest=digest))

    def _condemned(self) -> None:
        """This node's loss was proven and yet it lives: it stops everything and reboots."""
        record = self.record
        assert record is not None
        if not record.nodes[self.me].condemned or self._refused_to_run:
            return
        self._refused_to_run = True
        for hand in self.hands.values():
            if hand.stage not in (Stage.IDLE, Stage.STOPPING):
                hand.stop(self.now)
        self.actions.append(
            Reboot(reason="this node's loss was proven, but it was never off: others may run its groups")
        )

    # Fencing

    def _fence(self) -> None:
        """Begin what the record gives to this node's fenced."""
        record = self.record
        assert record is not None
        mine = {(a.loss, a.action): a for a in record.attempts if a.fencer == self.me}
        self._asked_fenced &= set(mine)
        for key in sorted(set(mine) - self._asked_fenced):
            loss = record.by_number(key[0])
            self._ended.pop(key, None)
            self._asked_fenced.add(key)
            incarnation = loss.incarnation if loss else ""
            self.actions.append(Fence(loss=key[0], node=mine[key].node, incarnation=incarnation, action=key[1]))

    def _fencing(self, event: FencingTold) -> None:
        self._attempts = event.running
        if event.restarted and self.record is not None and self.terms.term is not None:
            self._asked_fenced.clear()
            self._fence()
        self._ended.update({key: value for key, value in event.ended.items() if key in self._asked_fenced})

    # What this node says to the coordinator

    def _tell(self) -> None:
        """Reports, results of fencing, leaving: each once in a term, as long as the record does not say it."""
        term, record = self.terms.term, self.record
        assert term is not None
        assert record is not None
        if term.position == 0:
            return
        for name, hand in self.hands.items():
            self._tell_group(name, hand, record)
        for (loss, action), (good, text) in self._ended.items():
            if any(a.loss == loss and a.action == action and a.fencer == self.me for a in record.attempts):
                self._say(f"fencing {loss} {action}", self._fencing_result(loss, action, good, text))
        if self.leaving and not record.nodes[self.me].leaving:
            self._say("leaving", Leaving(node=self.me))
        if self.installed != record.nodes[self.me].installed:
            self._say("installed", Installed(node=self.me, digest=self.installed))

    def _tell_group(self, name: str, hand: Hand, record: Record) -> None:
        known = record.groups.get(name)
        if known is None:
            return
        order = known.open_orders.get(self.me)
        held = hand.held()
        recorded = known.held.get(self.me)
        empty = held.holding is Holding.NOTHING and not held.failed
        same = recorded == held or (recorded is None and empty)
        finished = order is not None and order.number == hand.last_order and not hand.busy
        if not same or finished:
            report = Reported(
                node=self.me, group=name, order=hand.last_order, busy=hand.busy, held=held, refused=hand.refused
            )
            self._say(f"group {name}", report)

    def _fencing_result(self, loss: str, action: str, good: bool, text: str) -> Proven | SwitchedOn | AttemptEnded:
        if not good:
            return AttemptEnded(loss=loss, fencer=self.me, action=action, text=text)
        if action == "off":
            return Proven(loss=loss, how="agent", text=text, switch_on=True)
        return SwitchedOn(loss=loss, text=text)

    def _say(
        self, about: str, content: Reported | Wish | Leaving | Installed | AttemptEnded | Proven | SwitchedOn
    ) -> None:
        """Ask the coordinator for an update; the same thing only once in a term."""
        term = self.terms.term
        assert term is not None
        if self._sent.get(about) == (term.nonce, content):
            return
        self._sent[about] = (term.nonce, content)
        self.send(Request(nonce=term.nonce, content=content))

    # Coordinating

    def _update(self, content: object) -> None:
        term = self.terms.term
        assert term is not None
        update = Update(nonce=term.nonce, position=self._next_position, at=self.at, content=content)  # type: ignore[arg-type]
        self._next_position += 1
        self._in_flight += 1
        self.send(update)

    def _requested(self, sender: str, request: Request) -> None:
        content = request.content
        if isinstance(content, Reported | Leaving | Installed) and content.node != sender:
            raise MessageError(f"{sender} speaks for {content.node}")
        if isinstance(content, Wish):
            assert self.record is not None
            situation = self._situation(self.record)
            text = refuse_wish(content, self.record, self.configuration, situation)
            if text:
                self.send(Refused(nonce=request.nonce, wish=content.id, text=text))
                return
            content = resolve_wish(content, self.record, self.configuration, situation)
        self._update(content)

    def _situation(self, record: Record) -> Situation:
        term = self.terms.term
        assert term is not None
        durable = max((p for p in set(term.stored.values()) if self.terms.durable_at(p)), default=0)
        return Situation(
            me=self.me,
            now=self.now,
            ring_nodes=frozenset(self.terms.ring_nodes),
            cold=term.cold,
            orders_allowed=all(position >= 1 for position in term.stored.values()),
            durable_position=durable,
            waits=self._waits,
            offered=self.offered,
        )

    def _coordinate(self) -> None:
        term, record = self.terms.term, self.record
        assert term is not None
        assert record is not None
        if self._in_flight or term.position == 0 or self.configuration.digest != record.configuration:
            return
        planned = plan(record, self.configuration, self._situation(record))
        self._waits = dict(planned.waits)
        for content in planned.contents:
            self._update(content)
        if planned.overdue - {self.me}:
            self.terms.silent |= planned.overdue - {self.me}
            self.terms.call_due = True

    # The operator

    def _wishes(self) -> None:
        term = self.terms.term
        for pending in list(self._pending):
            if term is not None and not pending.nonce and term.position > 0:
                pending.nonce = term.nonce
                self.send(Request(nonce=term.nonce, content=pending.wish))
            elif pending.position and self.terms.durable_at(pending.position):
                self._answer(pending.wish.id, "done", "")
            elif self.now - pending.since >= WISH_WAIT_MS:
                text = "it may or may not come true; look at `standfast status`" if pending.nonce else "no term is open"
                self._answer(pending.wish.id, "unknown" if pending.nonce else "not-quorate", text)

    def _answer(self, wish: str, outcome: str, text: str) -> None:
        mine = [pending for pending in self._pending if pending.wish.id == wish]
        if mine:
            self._pending = [pending for pending in self._pending if pending.wish.id != wish]
            self.actions.append(Answer(wish=wish, outcome=outcome, text=text))

    def _leave(self) -> None:
        """Gone is who is marked, durably, and holds nothing; without an open term, who stopped everything here."""
        if not self.leaving or self.left:
            return
        term, record = self.terms.term, self.record
        empty = all(hand.stage in (Stage.IDLE, Stage.WAITING) for hand in self.hands.values())
        if term is not None and record is not None:
            node = record.nodes[self.me]
            position = node.marked_at or 1
            if node.left and empty and self.me in closing(record) and self.terms.durable_at(position):
                self.left = True
                self.actions.append(Left(clean=True))
        elif self.now - self._leave_since >= self.configuration.cluster.quorum_wait_ms:
            for hand in self.hands.values():
                if hand.stage in (Stage.STARTING, Stage.RUNNING, Stage.KILLING):
                    hand.stop(self.now)
            if empty:
                self.left = True
                self.actions.append(Left(clean=False))
