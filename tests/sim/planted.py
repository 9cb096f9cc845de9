"""Planted bugs: each takes one rule out of the core, and the simulator must notice (DESIGN section 16).

The letters are the counterexamples of the protocol's model; a rule without a letter comes from the design's review.
"""

from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import replace
from typing import Any
from unittest.mock import patch

from standfast.configuration.model import Configuration, Group
from standfast.configuration.quorum import Rules
from standfast.resourced import absence, apply, placement
from standfast.resourced.apply import CHANGES
from standfast.resourced.coordinator import Coordinator, Knowledge
from standfast.resourced.core import Core
from standfast.resourced.defence import Defence
from standfast.resourced.departure import Departure
from standfast.resourced.events import Verb
from standfast.resourced.fencing import Fencing
from standfast.resourced.fitness import Fitness
from standfast.resourced.hands import Hand
from standfast.resourced.messages import (
    Content,
    Lineage,
    Marked,
    Members,
    OrderGiven,
    Proven,
    Update,
)
from standfast.resourced.operators import Operators
from standfast.resourced.outlook import Outlook, blocker
from standfast.resourced.presence import Member
from standfast.resourced.reasons import Reason, Rule
from standfast.resourced.record import Record
from standfast.resourced.situation import Situation
from standfast.resourced.stages import Gate, Stage
from standfast.resourced.term import Calling, Term
from standfast.resourced.terms import Terms
from standfast.resourced.ticks import INTERVAL_MS, Ticks
from standfast.vocabulary import Ring, UnitState

Bug = Callable[[], AbstractContextManager[None]]


@contextmanager
def _changed(kind: type[Any], change: Callable[[Record, Any], Record]) -> Iterator[None]:
    """`apply` takes one kind of content in another way."""
    with patch.dict(CHANGES, {kind: change}):
        yield


@contextmanager
def _replaced(owner: object, name: str, rule: object) -> Iterator[None]:
    with patch.object(owner, name, rule):
        yield


# Terms: who is here, and which record is theirs


def disks_without_a_majority() -> AbstractContextManager[None]:
    """K: a term is opened from the disks of less than half of the votes."""

    def rule(_: Terms, calling: Calling) -> tuple[Lineage, bool] | None:
        known = [state for state in calling.states.values() if state.lineage is not None]
        if not known:
            return None
        highest = max(state.lineage for state in known if state.lineage)
        return highest, not any(state.in_memory and state.lineage == highest for state in known)

    return _replaced(Terms, "best", rule)


def record_of_the_lowest_node() -> AbstractContextManager[None]:
    """B: not the highest lineage counts, but that of the lowest node."""

    def rule(_: Terms, calling: Calling) -> tuple[Lineage, bool] | None:
        states = [calling.states[name] for name in calling.call.named]
        return next(((state.lineage, not state.in_memory) for state in states if state.lineage), None)

    return _replaced(Terms, "best", rule)


def mended_disk_changes_nothing() -> AbstractContextManager[None]:
    """Who can write again goes on in the term that waits for it, or that counts on it to begin nothing."""
    mend = Fitness.mend

    def rule(fitness: Fitness, terms: Terms, now: int) -> None:
        fitness._unwell = False
        mend(fitness, terms, now)

    return _replaced(Fitness, "mend", rule)


def acknowledged_in_the_old_lineage() -> AbstractContextManager[None]:
    """D: what members stored before the record was settled counts as stored after it, though its proof is not."""
    durable_at = Terms.durable_at

    def rule(terms: Terms, position: int) -> bool:
        if terms.term is not None:
            terms.term.settled_at = 0
        return durable_at(terms, position)

    return _replaced(Terms, "durable_at", rule)


def quorum_of_another_ring() -> AbstractContextManager[None]:
    """votequorum's word for the last ring is taken for the present one."""
    ring_changed = Terms.ring_changed

    def rule(terms: Terms, ring: Ring, nodes: tuple[str, ...], now: int) -> None:
        if terms.word is not None:
            terms.word = (ring, terms.word[1])
        ring_changed(terms, ring, nodes, now)

    return _replaced(Terms, "ring_changed", rule)


def who_was_met_is_forgotten() -> AbstractContextManager[None]:
    """M: a state does not say whom its node has met in a term whose first update it never read."""
    present = Core._present

    def rule(core: Core, nonce: str) -> Member:
        return replace(present(core, nonce), met=())

    return _replaced(Core, "_present", rule)


# The record: how updates change it


def losses_that_do_not_end() -> AbstractContextManager[None]:
    """M: the first update of a term leaves the proofs of its members as they are."""
    members = apply._members

    def rule(record: Record, term: int, content: Members) -> Record:
        proven = {name: loss for name, loss in record.losses.items() if loss.proof}
        after = members(record, term, content)
        return replace(after, losses={**proven, **after.losses})

    return _replaced(apply, "_members", rule)


def proof_for_a_later_loss() -> AbstractContextManager[None]:
    """M: the proof of a loss that has ended serves the next loss of that node."""
    proven = CHANGES[Proven]

    def rule(record: Record, content: Proven) -> Record:
        node = next((attempt.node for attempt in record.attempts if attempt.loss == content.loss), "")
        loss = record.losses.get(node)
        return proven(record, replace(content, loss=loss.number) if loss else content)

    return _changed(Proven, rule)


def marked_while_it_holds() -> AbstractContextManager[None]:
    """E: whoever wants to leave is marked at once."""

    def rule(record: Record, rules: Rules, _: set[str]) -> list[Content]:
        return [Marked(node=name) for name in sorted(absence.closing(record, rules)) if not record.nodes[name].left]

    return _replaced(absence, "marks", rule)


# The plan


@contextmanager
def planned_twice() -> Iterator[None]:
    """C: planned while orders are under way, and taken although the group's number has moved."""
    order, run = CHANGES[OrderGiven], Coordinator.run

    def taken(record: Record, content: OrderGiven) -> Record:
        group = record.groups.get(content.group)
        return order(record, replace(content, number=group.number) if group else content)

    def always(coordinator: Coordinator, known: Knowledge) -> None:
        waiting, coordinator._in_flight = coordinator._in_flight, 0
        run(coordinator, known)
        coordinator._in_flight += waiting

    with ExitStack() as stack:
        stack.enter_context(_changed(OrderGiven, taken))
        stack.enter_context(_replaced(Coordinator, "run", always))
        yield


def orders_before_all_have_stored() -> AbstractContextManager[None]:
    """M: orders go out before every member has stored the first update."""
    situation = Coordinator._situation

    def rule(coordinator: Coordinator, term: Term, known: Knowledge) -> Situation:
        return replace(situation(coordinator, term, known), orders_allowed=True)

    return _replaced(Coordinator, "_situation", rule)


def _blocker(change: Callable[[Reason | None, Group, Outlook], Reason | None]) -> AbstractContextManager[None]:
    """`change` is given what the rule itself says."""
    return _replaced(placement, "blocker", lambda group, known: change(blocker(group, known), group, known))


def only_the_last_owner_blocks() -> AbstractContextManager[None]:
    """A: a group waits for the proof of its last owner only."""

    def rule(why: Reason | None, group: Group, known: Outlook) -> Reason | None:
        last = known.record.groups[group.name].last_owner
        awaited = why is not None and why.rule in (Rule.AWAITS_PROOF, Rule.AWAITS_LOSS) and why.facts["node"] == last
        return why if awaited else None

    return _blocker(rule)


def away_blocks_nothing() -> AbstractContextManager[None]:
    """A node whose resourced is away is taken for one that holds nothing."""

    def rule(why: Reason | None, _: Group, __: Outlook) -> Reason | None:
        return None if why is not None and why.rule is Rule.AWAITS_DAEMON else why

    return _blocker(rule)


def minority_is_settled() -> AbstractContextManager[None]:
    """H1, J: a view of half of the votes writes and starts before the other node is proven off."""
    return _replaced(Record, "settled", property(lambda record: True))


# A node's own part


def acknowledged_at_delivery() -> AbstractContextManager[None]:
    """J: a wish is done when it comes back, not when enough members have stored it."""
    delivered = Operators.delivered

    def rule(operators: Operators, update: Update) -> None:
        delivered(operators, update)
        for pending in [pending for pending in operators._pending if pending.position]:
            operators._end(pending, "done", "")

    return _replaced(Operators, "delivered", rule)


@contextmanager
def leaves_without_its_mark() -> Iterator[None]:
    """E: a node that holds nothing goes as soon as it is asked, marked or not, and starts what it is still ordered."""

    def rule(departure: Departure, hands: Collection[Hand], _: Configuration, __: int) -> None:
        if departure.asked and not departure.done and all(hand.stage is Stage.IDLE for hand in hands):
            departure._go(clean=True)

    with who_has_left_may_start(), _replaced(Departure, "advance", rule):
        yield


def gate_without_quorum() -> AbstractContextManager[None]:
    """A start waits neither for votequorum's word nor for the echo of a tick."""
    return _replaced(Core, "_gate", lambda *_: Gate.OPEN)


def who_has_left_may_start() -> AbstractContextManager[None]:
    """A node that goes without a mark starts what it is ordered while it is still there."""
    gate = Core._gate

    def rule(core: Core, name: str) -> Gate:
        done, core.departure.done = core.departure.done, False
        try:
            return gate(core, name)
        finally:
            core.departure.done = done

    return _replaced(Core, "_gate", rule)


def end_of_a_stop_is_believed() -> AbstractContextManager[None]:
    """The job that stops the target is over, so nothing of the group runs any more: nobody looks."""
    job_done = Hand.job_done

    def rule(hand: Hand, unit: str, verb: Verb, now: int, *, lost: bool = False) -> None:
        if verb is Verb.STOP and unit == hand.group.target and hand.stage is Stage.STOPPING and not lost:
            hand._stopped(now)
        else:
            job_done(hand, unit, verb, now, lost=lost)

    return _replaced(Hand, "job_done", rule)


def rest_outlives_the_next_term() -> AbstractContextManager[None]:
    """Who said that it rests is believed also after a later term that it was a member of."""
    resting = Ticks.resting
    return _replaced(Ticks, "resting", lambda ticks, _, now: resting(ticks, {}, now))


def released_before_it_stopped() -> AbstractContextManager[None]:
    """`held` goes with the lease, before the units are seen to be gone."""
    stop = Hand.stop

    def rule(hand: Hand, now: int) -> None:
        stop(hand, now)
        hand._do(Verb.RELEASE)

    return _replaced(Hand, "stop", rule)


def stopped_by_a_restart_of_the_daemon() -> AbstractContextManager[None]:
    """A daemon that begins stops what it finds."""
    adopt = Hand.adopt

    def rule(hand: Hand, held: bool, leased: bool, states: tuple[UnitState, ...], now: int, **how: bool) -> None:
        adopt(hand, held, leased, states, now, **how)
        if hand.stage is Stage.RUNNING:
            hand.stop(now)

    return _replaced(Hand, "adopt", rule)


def runs_on_without_quorum() -> AbstractContextManager[None]:
    """A node that is not quorate goes on with what it runs."""
    return _replaced(Defence, "guard", lambda *_: None)


def failed_attempt_is_a_proof() -> AbstractContextManager[None]:
    """An agent that ended is believed, whatever the status says."""
    result = Fencing._result

    def rule(fencing: Fencing, key: tuple[str, str], _: bool, text: str) -> Any:
        return result(fencing, key, True, text)

    return _replaced(Fencing, "_result", rule)


def another_tick_puts_ours_off() -> AbstractContextManager[None]:
    """A node that reads another one's tick begins its own second anew: later, not sooner."""
    return _replaced(Ticks, "next_at", lambda self, due, sender, now: due if sender == self.me else now + INTERVAL_MS)


BUGS: tuple[Bug, ...] = (
    another_tick_puts_ours_off,
    disks_without_a_majority,
    record_of_the_lowest_node,
    quorum_of_another_ring,
    rest_outlives_the_next_term,
    end_of_a_stop_is_believed,
    mended_disk_changes_nothing,
    acknowledged_in_the_old_lineage,
    who_was_met_is_forgotten,
    losses_that_do_not_end,
    proof_for_a_later_loss,
    marked_while_it_holds,
    planned_twice,
    orders_before_all_have_stored,
    only_the_last_owner_blocks,
    away_blocks_nothing,
    minority_is_settled,
    acknowledged_at_delivery,
    leaves_without_its_mark,
    who_has_left_may_start,
    gate_without_quorum,
    released_before_it_stopped,
    stopped_by_a_restart_of_the_daemon,
    runs_on_without_quorum,
    failed_attempt_is_a_proof,
)
