"""The core of resourced: events in, actions out; no clock, no disk, no bus, no random of its own.

It joins the parts: `Terms` (who is here, one record), `plan` (what to do, when this node coordinates), `Hand` (what is
done here). The daemon and the simulator run exactly this. Only writing the record is a call instead of an action,
because what follows depends on its success: persist before send (DESIGN section 4, "Durability").
"""

from collections.abc import Callable

from standfast.configuration.copies import groups_on
from standfast.configuration.model import Configuration
from standfast.configuration.quorum import quorum_of
from standfast.resourced import story
from standfast.resourced.alone import Alone
from standfast.resourced.changing import make_hands, make_way, resume
from standfast.resourced.chronicle import Chronicle
from standfast.resourced.codec import SPEAKS, MessageError, decode, encode
from standfast.resourced.complaints import Complaints
from standfast.resourced.coordinator import Coordinator, Knowledge
from standfast.resourced.defence import Defence
from standfast.resourced.departure import Departure
from standfast.resourced.events import (
    Action,
    Adopted,
    AloneAsked,
    ConfigurationRead,
    Event,
    FencingTold,
    GroupChanged,
    HealthTold,
    JobDone,
    LeaveAsked,
    LeaveGroup,
    LinksTold,
    Looked,
    NetworkDown,
    Observed,
    QuorumTold,
    Received,
    RingChanged,
    SendRecord,
    StartRefused,
    TickReceived,
    TimePassed,
    WatchdogTold,
    Wished,
)
from standfast.resourced.fencing import Fencing, heard_limit_ms
from standfast.resourced.fitness import Fitness
from standfast.resourced.hands import Hand
from standfast.resourced.installation import Installation
from standfast.resourced.looks import Looks
from standfast.resourced.messages import Meeting, Message, Refused, Request, Update, WishKind
from standfast.resourced.operators import Operators
from standfast.resourced.pace import Pace, moving
from standfast.resourced.presence import Identity, Member
from standfast.resourced.race import Race
from standfast.resourced.record import Disk, Record
from standfast.resourced.reports import Reports, Self
from standfast.resourced.stages import Gate
from standfast.resourced.term import Word
from standfast.resourced.terms import Terms
from standfast.resourced.ticks import INTERVAL_MS, Tick, Ticks
from standfast.resourced.watching import Watching
from standfast.vocabulary import Holding


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
        self.now, self.at = now, ""
        self.actions: list[Action] = []
        self.ticks = Ticks(self.me)
        self.fitness = Fitness(self.me, self.ticks, self.act)
        self._write, self._fresh = write, fresh
        self.terms = Terms(
            me=self.me,
            rules=quorum_of(configuration),
            outbox=self,
            ticks=self.ticks,
            fresh=fresh,
            present=self._present,
            record=disk.record,
            highest_term=disk.highest_term,
            speaks=speaks,
            now=now,
        )
        self.installation = Installation(configuration, installed, self.terms, self.act, self._ready_to_install)
        self.coordinator = Coordinator(self.me, self.terms, self.send)
        self.operators = Operators(self.terms, self.send, self.act)
        self.fencing, self.alone = Fencing(self.me, self.act), Alone(self.me, self.terms, self.act, fresh)
        self.race, self.watching = Race(self.me), Watching(self.me, self.act)
        self.healthy, self.linked, self.looks = True, frozenset[str](), Looks(self.me, self.act)
        self.reports = Reports(self.me, self.terms, self.send)
        self.hands: dict[str, Hand] = make_hands(groups_on(configuration.groups, self.me), {}, self.act, self._gate)
        self.defence, self.departure = Defence(self.me, self.act), Departure(self.me, self.terms, self.act, now)
        self.tick_at = self._quorate_since = now
        self._last_nonce = ""
        self.complaints, self.chronicle, self.pace = Complaints(self.act), Chronicle(), Pace()

    @property
    def record(self) -> Record | None:
        return self.terms.record

    @property
    def configuration(self) -> Configuration:
        """The one in use here."""
        return self.installation.configuration

    @property
    def offered(self) -> Configuration | None:
        """The version that was prepared here last."""
        return self.installation.offered

    @property
    def rests(self) -> bool:
        """The others go on as if this node held nothing; until it is named in a later term it begins nothing."""
        return self.terms.term is not None and self.terms.term.number <= self.fitness.rests_up_to

    def step(self, event: Event, now: int, at: str) -> list[Action]:
        """Take one event at `now` (CLOCK_BOOTTIME, ms) and `at` (wall clock); returns what to do, in order."""
        self.now, self.at = now, at
        self.actions.clear()
        quorum = self.quorum()
        if quorum is not Word.YES:
            self._quorate_since = now
        self.watching.forget(self.terms, quorum, self.configuration, now)
        try:
            self._take(event)
        except MessageError as error:
            self._refuse(event, error)
        if not self.pace.leaves(event, self.terms.term, self._told_by_ticks()):
            self.terms.settle()
            self._advance(self.pace.is_calm(event, self.terms.term, self._told_by_ticks()))
        return list(self.actions)

    def _told_by_ticks(self) -> object:
        return self.echoed(), self.ticks.unfit

    def act(self, action: Action) -> None:
        self.actions.append(action)

    def _refuse(self, event: Event, error: MessageError) -> None:
        """What the others applied and this node could not: dropped, and the record is taken anew."""
        self.complaints.message(event.sender if isinstance(event, Received) else self.me, str(error))
        self.terms.join_anew(self.now)

    @property
    def knowledge(self) -> Knowledge:
        known, slowest_ms = self.configuration, self.fencing.slowest_off_ms
        race_ms = self.race.wait_ms(self.record, known, slowest_ms) if self.record is not None else 0
        return Knowledge(
            configuration=known,
            offered=self.offered,
            now=self.now,
            at=self.at,
            quorate_since=self._quorate_since,
            race_ms=race_ms,
            linked=self.linked,
        )

    # Outbox of Terms

    def send(self, message: Message) -> None:
        record = self.record
        version = 1 if record is None or isinstance(message, Meeting) else record.protocol
        self.act(SendRecord(data=encode(message, version)))

    def persist(self, record: Record | None, highest_term: int) -> bool:
        """The record is on disk; on failure this node says in its ticks that it cannot work."""
        good = self._write(self.terms.text.disk(record, highest_term))
        self.fitness.wrote(good)
        return good

    def cannot_speak(self, version: int) -> None:
        self.fitness.cannot_speak(version)

    def leave_group(self) -> None:
        self.act(LeaveGroup())

    # Events

    def _take(self, event: Event) -> None:
        match event:
            case TimePassed():
                self._time_passed()
            case Received() | TickReceived() | RingChanged() | GroupChanged() | QuorumTold() | NetworkDown():
                self._network(event)
            case Adopted() | Observed() | JobDone() | StartRefused() | Looked():
                self._units(event)
            case FencingTold() | WatchdogTold() | HealthTold() | LinksTold():
                self._daemons(event)
            case Wished(wish=wish):
                if wish.kind is not WishKind.CONFIRM or not self.alone.confirms(wish, self.knowledge):
                    self.operators.wished(wish, self.now)
            case AloneAsked():
                self.alone.asked(event, self.knowledge)
            case LeaveAsked(taken_back=taken_back):
                self.departure.ask(taken_back=taken_back)
            case ConfigurationRead():
                self._configuration_read(event)

    def _configuration_read(self, event: ConfigurationRead) -> None:
        self.installation.read(event)
        self.terms.rules = quorum_of(event.configuration)
        self.hands = make_hands(groups_on(event.configuration.groups, self.me), self.hands, self.act, self._gate)
        for hand in self.hands.values():
            if hand.states:  # what was not looked at yet is not judged
                hand.observed(hand.states, self.now)  # what was dispensable may be critical now

    def _ready_to_install(self, new: Configuration) -> bool:
        """Nothing runs here any more that `new`, which is in force, changes: what does is stopped."""
        return make_way(self.hands, new, self.now, able=self._able())

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

    def _daemons(self, event: Event) -> None:
        match event:
            case FencingTold():
                self.fencing.told(event, self.record if self.terms.term else None)
                self.alone.told(event)
            case WatchdogTold():
                self.watching.told(event)
            case HealthTold(healthy=healthy):
                self.healthy = healthy
            case LinksTold(up=up):
                self.linked = up

    def _units(self, event: Event) -> None:
        match event:
            case Adopted(group=name, held=held, leased=leased, states=states) if name in self.hands:
                frozen = self.record is not None and self.record.is_idle(name)
                self.hands[name].adopt(held, leased, states, self.now, frozen=frozen)
            case Observed(group=name, states=states) if name in self.hands:
                self.hands[name].observed(states, self.now)
            case JobDone(group=name, unit=unit, verb=verb, lost=lost) if name in self.hands:
                self.hands[name].job_done(unit, verb, self.now, lost=lost)
            case Looked():
                self.looks.told(event)
            case StartRefused(group=name, unit=unit):
                self.act(story.start_refused(name, unit, self.record, self.me))

    def _time_passed(self) -> None:
        if self.now >= self.tick_at:
            self.tick_at = self.now + INTERVAL_MS
            self.ticks.holds = any(hand.holding is not Holding.NOTHING for hand in self.hands.values())
            self.fitness.tick(self.terms, self._fresh(), self.now)
            self.watching.advance(self.hands.values(), self.terms, self.quorum(), self.configuration, tick=True)
        self.fitness.rejoin(self.terms, self.now)
        self.terms.time_passed(self.now)

    def _tick_received(self, sender: str, data: bytes) -> None:
        """One that cannot be understood is no tick: its sender becomes suspect."""
        try:
            self.ticks.received(sender, decode(Tick, data), self.now)
            self.tick_at = self.ticks.next_at(self.tick_at, sender, self.now)
        except MessageError as error:
            self.complaints.tick(sender, str(error))

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

    def _advance(self, calm: bool) -> None:
        """Bring everything that follows from the new state on its way; `calm`: of no group there is anything new."""
        term, hands = self.terms.term, {} if calm else self.hands
        if (term.nonce if term else "") != self._last_nonce:
            self._last_nonce = term.nonce if term else ""
            self._term_changed()
        self.defence.guard(self.hands.values(), self.quorum(), self.now)
        for hand in moving(hands.values()):
            hand.time_passed(self.now)
        in_place = self.record is not None and self.record.configuration == self.installation.installed
        resume(moving(hands.values()), self.now, in_place=in_place)
        self.looks.advance(self.record, self.configuration, self.hands)
        if term is not None and self.record is not None and term.position > 0:
            self.race.look(term, self.record)
            heard = self.linked | set(self.terms.ring_nodes)
            results = self.fencing.results(self.record, heard, heard_limit_ms(self.configuration), self.now)
            self.reports.tell(self.record, hands, results, self._self())
        self.coordinator.run(self.knowledge)
        self.installation.advance(self.coordinator.wanted, self.now)
        self.watching.advance(self.hands.values(), self.terms, self.quorum(), self.configuration)
        self.alone.advance(self.knowledge)
        self.operators.advance(self.now)
        self.departure.advance(self.hands.values(), self.configuration, self.now)
        rests = not moving(self.hands.values()) and not self.coordinator.waits
        self.pace.advanced(self.terms.term, self._told_by_ticks(), rests=rests)

    def _term_changed(self) -> None:
        self.reports.term_changed()
        self.departure.term_changed(self.now)
        for hand in self.hands.values():
            hand.term_ended()
        self.operators.term_changed()
        term = self.terms.term
        first = self.alone.opened(term, self.now) if term is not None else ()
        self.coordinator.term_changed(self.at, first)
        if term is not None:
            self.act(story.term_opened(term, self.terms.ring))

    def _self(self) -> Self:
        return Self(
            leaving=self.departure.asked,
            has=self.installation.told(self.me),
            healthy=self.healthy,
            views=self.looks.views,
            watchdog_ms=self.watching.wanted_ms(self.configuration),
        )

    def _present(self, nonce: str) -> Member:
        for hand in self.hands.values():
            hand.term_ended()
        held = {name: hand.held() for name, hand in self.hands.items() if hand.holding is not Holding.NOTHING}
        return Member(
            node=self.me,
            incarnation=self.identity.incarnation,
            machine=self.identity.machine,
            product=self.identity.product,
            installed=self.installation.installed,
            available=self.installation.available,
            objections=self.installation.objections,
            drifted=self.installation.drifted,
            leaving=self.departure.asked,
            met=tuple(sorted(self.terms.met)),
            held=held,
            attempts=self.fencing.running,
            speaks=self.terms.speaks,
            healthy=self.healthy,
            views=dict(self.looks.views),
        )

    def quorum(self) -> Word:
        return self.terms.quorum(self.now, self.configuration.cluster.quorum_wait_ms)

    def echoed(self) -> bool:
        names = self.ticks.echoers(self.now, self.configuration.cluster.tick_max_ms)
        return self.me in names and self.terms.may_hold(names)

    def _gate(self, name: str) -> Gate:
        if self.quorum() is Word.NO or self.terms.term is None or self.rests or self.departure.done:
            return Gate.SHUT
        if self.record is None or self.installation.installed != self.record.configuration:
            return Gate.WAIT
        return Gate.OPEN if self._able() else Gate.WAIT

    def _able(self) -> bool:
        """It could start a group, if it has the version in force."""
        ready = not self.rests and self.quorum() is Word.YES and self.echoed() and self.fencing.unfenced
        return ready and self.watching.stored(self.terms, self.configuration)

    def _updated(self, before: Record, update: Update) -> None:
        term, record = self.terms.term, self.record
        assert term is not None
        assert record is not None
        self.coordinator.delivered()
        self.actions.extend(self.chronicle.told(before, record, self.terms, update, self.now))
        self.operators.delivered(update)
        self.installation.delivered(update)
        for name, hand in self.hands.items():
            order = record.groups[name].open_orders.get(self.me) if name in record.groups else None
            if order is not None and order.number > hand.last_order:
                hand.ordered(order.kind, order.number, self.now)
        self.fencing.begin(record)
        self.defence.condemned(record, self.hands.values(), self.now)
