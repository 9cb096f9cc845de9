"""Calls, states, openings: how a view becomes a term, and how its record moves (DESIGN section 4).

Sans-I/O and deterministic: what Corosync delivers goes in, in its order; messages and writes come out through `outbox`.
A term ends at each change of the CPG group and at each valid call. Its steps: `call` by the lowest member, `state`
from all that it names, `open` when votequorum says yes for exactly this ring, the record to those that need it,
`stored` from all: only then may anything be written or ordered.
"""

from collections.abc import Callable, Mapping

from standfast.configuration.quorum import Rules
from standfast.resourced.apply import apply
from standfast.resourced.codec import MessageError
from standfast.resourced.messages import (
    Call,
    Hello,
    Lineage,
    Message,
    Open,
    RecordChunk,
    State,
    Stored,
    Update,
)
from standfast.resourced.presence import Member
from standfast.resourced.record import Record
from standfast.resourced.record_text import RecordText
from standfast.resourced.term import Calling, Outbox, Term, Word
from standfast.resourced.ticks import SUSPECT_AFTER_MS, Ticks
from standfast.resourced.transfer import in_pieces
from standfast.vocabulary import Ring

FIRST_PAUSE_MS = 1_000
ALONE_TERMS = 1_000  # a term on an operator's word is above whatever the absent nodes may have opened


class Terms:
    """One node's part in calling, opening and following terms."""

    def __init__(
        self,
        *,
        me: str,
        rules: Rules,
        outbox: Outbox,
        ticks: Ticks,
        fresh: Callable[[], int],
        present: Callable[[str], Member],
        record: Record | None,
        highest_term: int,
        speaks: int,
        now: int,
    ) -> None:
        """`rules`: of the configured nodes. `fresh`: a number never given before.
        `present(why)`: voids every order of an older term and says what this node holds now."""
        self.me = me
        self.rules = rules
        self.outbox = outbox
        self.ticks = ticks
        self.fresh = fresh
        self.present = present
        self.record = record
        self.text = RecordText()
        self.in_memory = False
        self.saved = True
        self._unsaid = False  # something was applied, and not said to be stored
        self.met: frozenset[str] = frozenset()  # members of open terms whose first update was not read
        self.proven_off: frozenset[str] = frozenset()  # for a start-alone: an operator's word stands for them
        self.highest_term = highest_term
        self.speaks = speaks
        self.ring: Ring | None = None
        self.ring_nodes: tuple[str, ...] = ()
        self.unknown_at = now
        self.word: tuple[Ring, bool] | None = None
        self.members: tuple[str, ...] = ()
        self.members_at = 0
        self.joins: dict[str, int] = {}
        self.silent: frozenset[str] = frozenset()
        self.call_due = False
        self.calling: Calling | None = None
        self.term: Term | None = None
        self.rejoin_at: int | None = None
        self._tries = 0  # to join again since the last open term

    # What Corosync tells

    def ring_changed(self, ring: Ring, nodes: tuple[str, ...], now: int) -> None:
        if ring != self.ring:
            self.ring, self.ring_nodes, self.unknown_at = ring, nodes, now
            self._open_if_due()

    def network_down(self, now: int) -> None:
        """Corosync is gone."""
        self.end_term()
        self.ring, self.ring_nodes, self.unknown_at, self.word = None, (), now, None
        self.members, self.joins, self.call_due = (), {}, False

    def quorum_told(self, ring: Ring, quorate: bool, now: int) -> None:
        """votequorum's word may come before or after the group's own news of that ring."""
        self.word = (ring, quorate)
        if ring != self.ring:
            self.unknown_at = now
        self._open_if_due()

    def quorum(self, now: int, wait_ms: int) -> Word:
        """Yes or no for exactly this ring; unknown counts as no after `wait_ms`, begun anew with each ring or word.

        While this process is in no group it knows no ring: then a no is a no, and a yes is unknown for as long.
        """
        if self.word is not None and self.ring in (None, self.word[0]):
            if not self.word[1]:
                return Word.NO
            return Word.YES if self.ring is not None else Word.UNKNOWN
        return Word.UNKNOWN if now - self.unknown_at < wait_ms else Word.NO

    def group_changed(self, members: tuple[str, ...], joined: tuple[str, ...], now: int) -> None:
        """The CPG group changed: the term has ended; whoever joined makes every known join number void."""
        self.end_term()
        self.members, self.members_at, self.silent = members, now, frozenset()
        for name in joined:
            self.ticks.joined(name, now)
        if self.me not in members:
            self.joins, self.call_due = {}, False
            return
        self.call_due = True
        if joined:
            self.joins = {}
            self.outbox.send(Hello(join=self.fresh()))
        else:
            self.joins = {name: join for name, join in self.joins.items() if name in members}
        self._call_if_due(now)

    def time_passed(self, now: int) -> None:
        if self.calling is not None and now - self.calling.progress_at >= SUSPECT_AFTER_MS and self.calling.missing:
            self.silent |= self.calling.missing - {self.me}
            self.call_due = True
        named = self.term.members if self.term else self.calling.call.named if self.calling else ()
        if self.ticks.suspects(named, now):
            self.call_due = True
        self._call_if_due(now)

    # Messages

    def received(self, sender: str, message: Message, now: int) -> Update | None:
        """Take one message of the stream; returns an update that was applied just now."""
        match message:
            case Hello():
                if sender in self.members:
                    self.joins[sender] = message.join
                    self._call_if_due(now)
            case Call():
                self._called(sender, message, now)
            case State():
                self._state(sender, message, now)
            case Open():
                self._opened(sender, message, now)
            case RecordChunk():
                self._chunk(sender, message, now)
            case Stored():
                self._stored(sender, message, now)
            case Update():
                return self._updated(sender, message)
        return None

    def end_term(self) -> None:
        self.settle()
        if self.term is not None:
            self.met = self.met | set(self.term.members) if self.term.position == 0 else frozenset()
        self.term = None
        self.calling = None

    def join_anew(self, now: int) -> None:
        """Leave the group and join it again: after 1, 2, 4 … 16 s, so that it does not end every term of the others."""
        self.end_term()
        self.members, self.joins, self.call_due = (), {}, False
        self.ring, self.ring_nodes = None, ()  # what rings come meanwhile is not told to who is in no group
        self.rejoin_at = now + (FIRST_PAUSE_MS << min(self._tries, 4))
        self._tries += 1
        self.outbox.leave_group()

    @property
    def order(self) -> Mapping[str, int]:
        """The configured nodes by id, the lowest first."""
        return {name: index for index, name in enumerate(self.rules.votes_of)}

    def may_hold(self, names: frozenset[str]) -> bool:
        """votequorum could call these nodes quorate, by the rules or on an operator's word (start-alone)."""
        without = self.proven_off.union(self.record.without if self.record else ())
        return self.rules.may_hold(names, without)

    def go_without(self, names: frozenset[str], now: int) -> None:
        """An operator's word stands for these nodes, proven off: all others may open a term. Empty: no more."""
        if names != self.proven_off:
            self.proven_off = names
            self.call_due |= bool(names) and self.calling is None
            self._call_if_due(now)
            self._open_if_due()

    def leave_out(self, names: frozenset[str]) -> None:
        """Call again without these members: they left an order unanswered."""
        if names - {self.me}:
            self.silent |= names - {self.me}
            self.call_due = True

    def _lowest(self, names: frozenset[str]) -> str:
        return min(names, key=lambda name: self.order.get(name, len(self.order)))

    def _call_if_due(self, now: int) -> None:
        if not self.call_due or self.me not in self.members:
            return
        waited = now - self.members_at >= SUSPECT_AFTER_MS
        out = self.ticks.suspects(self.members, now) | self.silent
        if waited:
            out |= {name for name in self.members if name not in self.joins}
        named = frozenset(self.members) & set(self.order) - out
        if self.me not in named or self.me != self._lowest(named) or not self.may_hold(named):
            return
        if not waited and any(name not in self.joins for name in self.members):
            return
        self.call_due = False
        group = {name: self.joins.get(name, 0) for name in self.members}
        ordered = tuple(sorted(named, key=self.order.__getitem__))
        self.outbox.send(Call(nonce=f"{self.me}-{self.fresh():x}", named=ordered, group=group))

    def _called(self, sender: str, call: Call, now: int) -> None:
        """A call in another membership than its sender had read is void for everybody."""
        if call.group != {name: self.joins.get(name, 0) for name in self.members}:
            if sender == self.me:
                self.call_due = True
                self._call_if_due(now)
            return
        self.end_term()
        self.call_due = False
        if self.me not in call.named:
            self.join_anew(now)
            return
        self.calling = Calling(call=call, caller=sender, progress_at=now)
        tick = self.ticks.number(self.fresh(), now, 2 * SUSPECT_AFTER_MS)
        member = self.present(call.nonce)
        lineage = self.text.lineage(self.record) if self.record else None
        self.outbox.send(
            State(
                nonce=call.nonce,
                member=member,
                lineage=lineage,
                in_memory=self.in_memory,
                highest_term=self.highest_term,
                tick=tick,
                protocol=self.record.protocol if self.record else 1,
            )
        )

    def _state(self, sender: str, state: State, now: int) -> None:
        if state.member.node != sender:
            raise MessageError(f"{sender} calls itself {state.member.node}: cluster.conf differs")
        self.ticks.heard(sender, state.tick, now)
        calling = self.calling
        if calling is None or calling.call.nonce != state.nonce or sender not in calling.call.named:
            return
        calling.states[sender] = state
        calling.progress_at = now
        self._open_if_due()

    def _open_if_due(self) -> None:
        calling = self.calling
        if calling is None or calling.open_sent or calling.caller != self.me or calling.missing:
            return
        if self.ring is None or self.word != (self.ring, True):
            return
        best = self.best(calling)
        if best is None:
            return
        lineage, cold = best
        source = next(name for name in calling.call.named if calling.states[name].lineage == lineage)
        calling.alone = self._alone(calling)
        term = (ALONE_TERMS if calling.alone else 1) + max(state.highest_term for state in calling.states.values())
        calling.open_sent = True
        protocol = calling.states[source].protocol
        self.outbox.send(
            Open(nonce=calling.call.nonce, term=term, lineage=lineage, source=source, cold=cold, protocol=protocol)
        )

    def best(self, calling: Calling) -> tuple[Lineage, bool] | None:
        return calling.best(self.rules, self._alone(calling))

    def _alone(self, calling: Calling) -> bool:
        return bool(self.proven_off) and set(self.order).difference(calling.call.named) == self.proven_off

    def _opened(self, sender: str, message: Open, now: int) -> None:
        calling = self.calling
        if calling is None or calling.call.nonce != message.nonce or sender != calling.caller or calling.missing:
            return
        if message.protocol > self.speaks:
            self.outbox.cannot_speak(message.protocol)
            self.join_anew(now)
            return
        calling.open, calling.progress_at = message, now
        self.highest_term = max(self.highest_term, message.term)
        if self.record is not None and self.text.lineage(self.record) == message.lineage:
            if message.source == self.me and any(s.lineage != message.lineage for s in calling.states.values()):
                self._send_record(message.nonce)
            self._have_record(calling)

    def _send_record(self, nonce: str) -> None:
        assert self.record is not None
        for chunk in in_pieces(nonce, self.text.durable(self.record)):
            self.outbox.send(chunk)

    def _chunk(self, sender: str, chunk: RecordChunk, now: int) -> None:
        calling = self.calling
        if calling is None or calling.open is None or calling.call.nonce != chunk.nonce or calling.has_record:
            return
        if sender != calling.open.source:
            return
        calling.progress_at = now
        record = calling.pieces.add(chunk)
        if record is None:
            return
        if self.text.lineage(record) != calling.open.lineage:
            raise MessageError(f"the record from {sender} is not the one that was announced")
        self.record = record
        self._have_record(calling)

    def _have_record(self, calling: Calling) -> None:
        calling.has_record = True
        self.saved = False
        if self.save():
            self.outbox.send(Stored(nonce=calling.call.nonce, position=0))

    def _stored(self, sender: str, stored: Stored, now: int) -> None:
        calling, term = self.calling, self.term
        if term is not None and term.nonce == stored.nonce:
            term.stored[sender] = max(term.stored.get(sender, 0), stored.position)
        if calling is None or calling.open is None or calling.call.nonce != stored.nonce:
            return
        calling.stored.add(sender)
        calling.progress_at = now
        self.ticks.echo(sender, calling.states[self.me].tick)  # it delivered `open`, so it had read our state before
        if not calling.missing:
            self._begin(calling, calling.open, now)

    def _begin(self, calling: Calling, opened: Open, now: int) -> None:
        assert self.record is not None
        assert calling.has_record
        if self.me not in self.record.nodes:
            raise MessageError(f"the record does not know {self.me}: its cluster.conf is not the one in force")
        self.in_memory, self._tries = True, 0
        self.calling = None
        configuration = self.record.configuration
        able = [name for name in calling.call.named if calling.states[name].member.installed == configuration]
        self.term = Term(
            nonce=opened.nonce,
            number=opened.term,
            members=calling.call.named,
            coordinator=(able or list(calling.call.named))[0],
            cold=opened.cold,
            alone=calling.alone,
            states=calling.states,
            stored=dict.fromkeys(calling.call.named, 0),
            opened_at=now,
        )

    def _updated(self, sender: str, update: Update) -> Update | None:
        term = self.term
        if term is None or update.nonce != term.nonce or sender != term.coordinator:
            return None
        if update.position != term.position + 1:
            raise MessageError(f"update {update.position} of term {term.number} came after {term.position}")
        assert self.record is not None
        term.position = update.position
        before, was_settled = self.text.content(self.record), self.record.settled
        self.record = apply(self.record, term.number, update)
        if self.record.settled and not was_settled:
            term.settled_at = update.position
        if self.text.content(self.record) != before:
            self.saved = False
        self._unsaid = True
        return update

    def settle(self) -> None:
        """What was applied is on this node's disk, and said to be: of many updates at once, and in one message."""
        unsaid, self._unsaid = self._unsaid, False
        if unsaid and self.save() and self.term is not None:
            self.outbox.send(Stored(nonce=self.term.nonce, position=self.term.position))

    def save(self) -> bool:
        """What this node knows is on its disk; a write that failed is tried again."""
        self.saved = self.saved or self.outbox.persist(self.record, self.highest_term)
        return self.saved

    def durable_at(self, position: int) -> bool:
        """What the update at `position` of this term said is stored as an acknowledged wish must be."""
        term, record = self.term, self.record
        if term is None or record is None or position == 0:
            return False
        stored = {name for name, reached in term.stored.items() if reached >= position}
        if 2 * record.votes(stored) > record.all_votes:
            return True
        return record.settled and not record.without and min(term.stored.values()) >= max(position, term.settled_at)
