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
from standfast.resourced.codec import SPEAKS, MessageError, decode, encode
from standfast.resourced.coordinator import Coordinator, Knowledge
from standfast.resourced.events import (
    Action,
    Adopted,
    ConfigurationRead,
    Event,
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
from standfast.resourced.fencing import Fencing
from standfast.resourced.hands import Gate, Hand, Stage, make_hands
from standfast.resourced.messages import (
    Meeting,
    Member,
    Message,
    Refused,
    Request,
    Tick,
    Update,
)
from standfast.resourced.operators import Operators
from standfast.resourced.record import Disk, Record
from standfast.resourced.reports import Reports, Self
from standfast.resourced.terms import Terms, Word
from standfast.resourced.ticks import INTERVAL_MS, Ticks
from standfast.vocabulary import Holding

KEEP_TICKS_MS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    node: str
    incarnation: str
    machine: str
    product: str


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
        speaks: int = SPEAKS,
    ) -> None:
        """`write(data)` puts the record on disk, whole, before it returns; False: it could not."""
        self.me = identity.node
        self.identity = identity
        self.configuration = configuration
        self.installed = installed
        self.offered: Configuration | None = configuration
        self.now, self.at = now, ""
        self.actions: list[Action] = []
        self.ticks = Ticks(self.me)
        self._write, self._fresh = write, fresh
        self.terms = Terms(
            me=self.me,
            votes={node.name: node.votes for node in configuration.nodes},
            outbox=self,
            ticks=self.ticks,
            fresh=fresh,
            present=self._present,
            record=disk.record,
            highest_term=disk.highest_term,
            speaks=speaks,
            now=now,
        )
        self.coordinator = Coordinator(self.me, self.terms, self.send)
        self.operators = Operators(self.terms, self.send, self.act)
        self.fencing = Fencing(self.me, self.act)
        self.reports = Reports(self.me, self.terms, self.send)
        self.hands: dict[str, Hand] = make_hands(configuration.groups, {}, self.act, self._gate)
        self.leaving = self.left = False
        self._alone_since = now  # since when no term is open
        self._tick_at = now
        self._install_asked = ""
        self._told_quorum_lost = self._told_to_reboot = False
        self._last_nonce = ""
        self._bad_ticks: set[str] = set()
        self._bad_messages: dict[str, int] = {}  # by sender: how many could not be understood
        self._disk_good, self._unwell = True, False  # unwell: since it took part last it could not work
        self._too_old = False  # the others speak a version that this release does not know
        self.rests_up_to = 0  # said in a tick: unfit and holding nothing, this node begins nothing in any such term

    @property
    def record(self) -> Record | None:
        return self.terms.record

    @property
    def rests(self) -> bool:
        """The others go on as if this node held nothing; until it is named in a later term it begins nothing."""
        return self.terms.term is not None and self.terms.term.number <= self.rests_up_to

    def step(self, event: Event, now: int, at: str) -> list[Action]:
        """Take one event at `now` (CLOCK_BOOTTIME, ms) and `at` (wall clock); returns what to do, in order."""
        self.now, self.at = now, at
        self.actions.clear()
        try:
            self._take(event)
        except MessageError as error:
            self._refuse(event, error)
        self._advance()
        return list(self.actions)

    def act(self, action: Action) -> None:
        self.actions.append(action)

    def _refuse(self, event: Event, error: MessageError) -> None:
        """What the others applied and this node could not: dropped, and the record is taken anew. It is told at the
        first, the tenth, the hundredth of a sender."""
        sender = event.sender if isinstance(event, Received) else self.me
        count = self._bad_messages[sender] = self._bad_messages.get(sender, 0) + 1
        if str(count).strip("0") == "1":
            self.act(story.bad_message(sender, str(error), count))
        self.terms.join_anew(self.now)

    @property
    def knowledge(self) -> Knowledge:
        return Knowledge(configuration=self.configuration, offered=self.offered, now=self.now, at=self.at)

    # Outbox of Terms

    def send(self, message: Message) -> None:
        record = self.record
        version = 1 if record is None or isinstance(message, Meeting) else record.protocol
        self.act(SendRecord(data=encode(message, version)))

    def persist(self, record: Record | None, highest_term: int) -> bool:
        """The record is on disk; on failure this node says in its ticks that it cannot work."""
        good = self._write(self.terms.text.disk(record, highest_term))
        if good != self._disk_good:
            self._disk_good = good
            self.act(story.disk(good))
        self.ticks.fit = good and not self._too_old
        self._unwell |= not good
        return good

    def cannot_speak(self, version: int) -> None:
        """This release is too old for the cluster: it says in its ticks that it cannot work, and stays away."""
        self._too_old, self.ticks.fit = True, False
        self.act(story.too_old(version))

    def leave_group(self) -> None:
        self.act(LeaveGroup())

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
                self.fencing.told(event, self.record if self.terms.term else None)
            case Wished(wish=wish):
                self.operators.wished(wish, self.now)
            case LeaveAsked():
                self.leaving = True
            case ConfigurationRead():
                self.configuration, self.installed, self.offered = event.configuration, event.installed, event.offered
                self.terms.votes = {node.name: node.votes for node in event.configuration.nodes}
                self.hands = make_hands(event.configuration.groups, self.hands, self.act, self._gate)
                for hand in self.hands.values():
                    if hand.states:  # what was not looked at yet is not judged
                        hand.observed(hand.states, self.now)  # what was dispensable may be critical now

    def _network(self, event: Event) -> None:
        match event:
            case Received(sender=sender, data=data):
                self._received(sender, decode(Message, data))
            case TickReceived(sender=sender, data=data):
                self._tick_received(sender, data)
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
            case JobDone(group=name, unit=unit, verb=verb, lost=lost) if name in self.hands:
                self.hands[name].job_done(unit, verb, self.now, lost=lost)
            case StartRefused(group=name, unit=unit):
                self.act(story.start_refused(name, unit, self.record, self.me))

    def _time_passed(self) -> None:
        if self.now >= self._tick_at:
            self._tick_at = self.now + INTERVAL_MS
            self.ticks.holds = any(hand.holding is not Holding.NOTHING for hand in self.hands.values())
            self._mend()
            tick = self.ticks.tick(self._fresh(), self.terms.highest_term, self.now, KEEP_TICKS_MS)
            self.act(SendTick(data=encode(tick)))
            if not tick.fit and not tick.holds:
                self.rests_up_to = tick.term
        rejoin = self.terms.rejoin_at
        if rejoin is not None and self.now >= rejoin and self.ticks.fit:
            self.terms.rejoin_at = None
            self.act(JoinGroup())
        self.terms.time_passed(self.now)

    def _mend(self) -> None:
        """Who could not work takes part again by a new term: this one waits for what it did not store, or counts on
        it to begin nothing."""
        if not self._disk_good:
            self.terms.save()
        if self._unwell and self.ticks.fit:
            self._unwell = False
            if self.me in self.terms.members:
                self.terms.join_anew(self.now)

    def _tick_received(self, sender: str, data: bytes) -> None:
        """One that cannot be understood is no tick: its sender becomes suspect. It is told once for each sender."""
        try:
            self.ticks.received(sender, decode(Tick, data), self.now)
        except MessageError as error:
            if sender not in self._bad_ticks:
                self._bad_ticks.add(sender)
                self.act(story.bad_tick(sender, str(error)))

    def _received(self, sender: str, message: Message) -> None:
        before = self.record
        update = self.terms.received(sender, message, self.now)
        if update is not None:
            assert before is not None
            self._updated(before, update)
        elif isinstance(message, Request):
            self.coordinator.requested(sender, message, self.knowledge)
        elif isinstance(message, Refused):
            self.operators.refused(message.wish, message.text)

    # A term's life

    def _advance(self) -> None:
        """Bring everything that follows from the new state on its way."""
        term = self.terms.term
        if (term.nonce if term else "") != self._last_nonce:
            self._last_nonce = term.nonce if term else ""
            self._term_changed()
        self._guard_quorum()
        for hand in self.hands.values():
            hand.time_passed(self.now)
        if term is not None and self.record is not None and term.position > 0:
            self.reports.tell(self.record, self.hands, self.fencing, self._self())
        self.coordinator.run(self.knowledge)
        self.operators.advance(self.now)
        self._leave()

    def _term_changed(self) -> None:
        self.reports.term_changed()
        self._alone_since = self.now
        for hand in self.hands.values():
            hand.term_ended()
        self.operators.term_changed()
        self.coordinator.term_changed(self.at)
        if self.terms.term is not None:
            self.act(story.term_opened(self.terms.term))

    def _self(self) -> Self:
        available = self.offered.digest if self.offered else ""
        return Self(leaving=self.leaving, installed=self.installed, available=available)

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
            met=tuple(sorted(self.terms.met)),
            held=held,
            attempts=self.fencing.running,
            speaks=self.terms.speaks,
        )

    def quorum(self) -> Word:
        return self.terms.quorum(self.now, self.configuration.cluster.quorum_wait_ms)

    def echoed(self) -> bool:
        names = self.ticks.echoers(self.now, self.configuration.cluster.tick_max_ms)
        return self.me in names and self.terms.holds_quorum(names)

    def _gate(self, name: str) -> Gate:
        if self.quorum() is Word.NO or self.terms.term is None or self.rests:
            return Gate.SHUT
        return Gate.OPEN if self.quorum() is Word.YES and self.echoed() else Gate.WAIT

    def _guard_quorum(self) -> None:
        """Not quorate: everything here is stopped at once."""
        if self.quorum() is not Word.NO:
            self._told_quorum_lost = False
            return
        running = [hand for hand in self.hands.values() if hand.stage in (Stage.STARTING, Stage.RUNNING, Stage.KILLING)]
        for hand in running:
            hand.stop(self.now)
        if running and not self._told_quorum_lost:
            self._told_quorum_lost = True
            self.act(story.quorum_lost([hand.group.name for hand in running]))

    def _updated(self, before: Record, update: Update) -> None:
        term, record = self.terms.term, self.record
        assert term is not None
        assert record is not None
        self.coordinator.delivered()
        self.actions.extend(story.entries(before, record, term.number, update))
        self.operators.delivered(update)
        for name, hand in self.hands.items():
            order = record.groups[name].open_orders.get(self.me) if name in record.groups else None
            if order is not None and order.number > hand.last_order:
                hand.ordered(order.kind, order.number, self.now)
        self.fencing.begin(record)
        self._condemned(record)
        digest = record.configuration
        if digest not in (self.installed, self._install_asked) and self.offered and self.offered.digest == digest:
            self._install_asked = digest
            self.act(InstallConfiguration(digest=digest))

    def _condemned(self, record: Record) -> None:
        """This node's loss was proven and yet it lives: it stops everything and reboots."""
        if not record.nodes[self.me].condemned or self._told_to_reboot:
            return
        self._told_to_reboot = True
        for hand in self.hands.values():
            if hand.stage not in (Stage.IDLE, Stage.STOPPING):
                hand.stop(self.now)
        self.act(Reboot(reason="this node's loss was proven, but it was never off: others may run its groups"))

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
                self.act(Left(clean=True))
        elif self.now - self._alone_since >= self.configuration.cluster.quorum_wait_ms:
            for hand in self.hands.values():
                if hand.stage in (Stage.STARTING, Stage.RUNNING, Stage.KILLING):
                    hand.stop(self.now)
            if empty:
                self.left = True
                self.act(Left(clean=False))
