"""More planted bugs: rules that a script attacks on purpose, where random histories seldom or never do."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace

from sim.planted import Bug, _blocker, _changed, _replaced, disks_without_a_majority
from standfast.configuration.model import Configuration, Group
from standfast.configuration.quorum import Rules
from standfast.resourced import absence, apply, outlook
from standfast.resourced.core import Core
from standfast.resourced.departure import Departure
from standfast.resourced.hands import Hand
from standfast.resourced.messages import Call, Members, Reported
from standfast.resourced.outlook import Outlook
from standfast.resourced.pace import Pace
from standfast.resourced.presence import Held
from standfast.resourced.reasons import Reason, Rule
from standfast.resourced.record import GroupRecord, Record
from standfast.resourced.reports import Reports
from standfast.resourced.stages import Gate, Stage
from standfast.resourced.term import Term, Word
from standfast.resourced.terms import Terms
from standfast.resourced.ticks import Ticks
from standfast.vocabulary import Holding

# Terms and the record


def calls_name_no_membership() -> AbstractContextManager[None]:
    """C: a call counts in whatever membership it is read."""
    called = Terms._called

    def rule(terms: Terms, sender: str, call: Call, now: int) -> None:
        group = {name: terms.joins.get(name, 0) for name in terms.members}
        called(terms, sender, replace(call, group=group), now)

    return _replaced(Terms, "_called", rule)


@contextmanager
def return_is_a_proof() -> Iterator[None]:
    """F: whoever is here again is taken for one that runs nothing, until it was ordered to."""
    members, tell = apply._members, Reports._tell_group

    def rule(record: Record, term: int, content: Members) -> Record:
        return members(record, term, Members(members=tuple(replace(member, held={}) for member in content.members)))

    def ordered(reports: Reports, name: str, hand: Hand, known: GroupRecord) -> None:
        if hand.last_order:
            tell(reports, name, hand, known)

    with _replaced(apply, "_members", rule), _replaced(Reports, "_tell_group", ordered):
        yield


@contextmanager
def opened_from_any_disk() -> Iterator[None]:
    """K: whoever sees a quorate ring opens, alone in its group and with what is on its disk."""
    with disks_without_a_majority(), _replaced(Rules, "may_hold", lambda *_: True):
        yield


def report_of_an_older_order_counts() -> AbstractContextManager[None]:
    """P: a report ends the open order whatever its node had read."""
    reported = apply.CHANGES[Reported]

    def rule(record: Record, content: Reported) -> Record:
        order = record.groups[content.group].open_orders.get(content.node)
        return reported(record, replace(content, order=order.number) if order else content)

    return _changed(Reported, rule)


def condemned_are_let_in() -> AbstractContextManager[None]:
    """H14: who speaks although it was proven off is taken for one that came back."""
    return _replaced(apply, "_spoke_after_proof", lambda *_: False)


def only_the_leaving_are_marked() -> AbstractContextManager[None]:
    """H11: those who stay without a quorum go on, and get no mark of their own."""

    def rule(record: Record, _: Rules) -> frozenset[str]:
        return frozenset(name for name in record.members if record.nodes[name].leaving)

    return _replaced(absence, "closing", rule)


def no_delay_at_a_cold_start() -> AbstractContextManager[None]:
    """H11: who is not there yet after a cold start is shot at once."""
    wait_ms = absence.wait_ms
    return _replaced(absence, "wait_ms", lambda loss, *rest: wait_ms(replace(loss, cold=False), *rest))


def first_of_the_domain_blocks_nothing() -> AbstractContextManager[None]:
    """A: a group waits for the proof of every absent node but the one that comes first."""

    def rule(why: Reason | None, group: Group, known: Outlook) -> Reason | None:
        first = known.allowed(group)[0]
        of_first = why is not None and why.rule in (Rule.AWAITS_PROOF, Rule.AWAITS_LOSS) and why.facts["node"] == first
        return None if of_first else why

    return _blocker(rule)


def victims_get_orders() -> AbstractContextManager[None]:
    """H10: who is back gets orders although an agent may still switch it off."""
    return _replaced(outlook, "out", lambda *_: False)


# A node's own part


def nobody_is_suspect() -> AbstractContextManager[None]:
    """H8: silence makes no member suspect."""
    return _replaced(Ticks, "suspects", lambda *_: frozenset())


def unknown_is_no() -> AbstractContextManager[None]:
    """C4: no word of votequorum yet counts as a no."""
    quorum = Terms.quorum

    def rule(terms: Terms, now: int, wait_ms: int) -> Word:
        return Word.YES if quorum(terms, now, wait_ms) is Word.YES else Word.NO

    return _replaced(Terms, "quorum", rule)


def gate_without_echo() -> AbstractContextManager[None]:
    """C7: a start waits for votequorum's word, which a hung Corosync goes on giving, and for no echo."""
    return _replaced(Core, "echoed", lambda _: True)


@contextmanager
def orders_outlive_their_term() -> Iterator[None]:
    """C12: what was ordered in a term and not begun waits for the next one and is begun there."""
    gate = Core._gate

    def rule(core: Core, name: str) -> Gate:
        return Gate.WAIT if core.terms.term is None else gate(core, name)

    with _replaced(Hand, "term_ended", lambda _: None), _replaced(Core, "_gate", rule):
        yield


def failed_stop_is_not_told() -> AbstractContextManager[None]:
    """I: a state says "stopping" of what could not be stopped."""
    told = Hand.holding.fget  # type: ignore[attr-defined]

    def rule(hand: Hand) -> Holding:
        return Holding.STOPPING if hand.stage is Stage.STOP_FAILED else told(hand)

    return _replaced(Hand, "holding", property(rule))


def goes_with_what_it_holds() -> AbstractContextManager[None]:
    """D3: without an open term a node that is asked to leave goes at once."""
    advance = Departure.advance

    def rule(departure: Departure, hands: Collection[Hand], known: Configuration, now: int) -> None:
        if departure.asked and not departure.done and departure._terms.term is None:
            departure._go(clean=False)
        advance(departure, hands, known, now)

    return _replaced(Departure, "advance", rule)


def running_in_a_state_is_no_owner() -> AbstractContextManager[None]:
    """Only a report says where a group ran last, not the state of who runs it."""
    of_term = apply._group_of_term

    def rule(group: GroupRecord, held: Mapping[str, Held]) -> GroupRecord:
        return replace(of_term(group, held), last_owner=group.last_owner, owner_before=group.owner_before)

    return _replaced(apply, "_group_of_term", rule)


def nothing_waits_for_time() -> AbstractContextManager[None]:
    """A node says that it rests while a group of its waits: time that passes brings nothing on its way."""
    advanced = Pace.advanced

    def rule(pace: Pace, term: Term | None, told: object, *, rests: bool) -> None:
        advanced(pace, term, told, rests=rests or term is not None)

    return _replaced(Pace, "advanced", rule)


BUGS: tuple[Bug, ...] = (
    nothing_waits_for_time,
    calls_name_no_membership,
    return_is_a_proof,
    opened_from_any_disk,
    report_of_an_older_order_counts,
    condemned_are_let_in,
    only_the_leaving_are_marked,
    no_delay_at_a_cold_start,
    first_of_the_domain_blocks_nothing,
    victims_get_orders,
    nobody_is_suspect,
    unknown_is_no,
    gate_without_echo,
    orders_outlive_their_term,
    failed_stop_is_not_told,
    goes_with_what_it_holds,
    running_in_a_state_is_no_owner,
)
