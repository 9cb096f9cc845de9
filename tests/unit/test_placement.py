"""Where one group runs, and why: a record goes in, the next step comes out."""

from dataclasses import replace
from typing import Any

import pytest

from sim.machine import configuration
from standfast.configuration.model import Configuration, Domain, Group, Recovery, StopFailure
from standfast.configuration.quorum import quorum_of
from standfast.resourced.absence import closing
from standfast.resourced.messages import (
    AttemptBegun,
    ConfigurationInForce,
    Content,
    Forgotten,
    Installed,
    Leaving,
    LossDeclared,
    OrderGiven,
    Placed,
    Proven,
    Reported,
    Wish,
    WishKind,
)
from standfast.resourced.outlook import Outlook, blocker
from standfast.resourced.placement import Decided, place
from standfast.resourced.presence import Held
from standfast.resourced.reasons import Reason, Rule, reason, sentence
from standfast.resourced.record import Record
from standfast.resourced.situation import Situation, Waits
from standfast.resourced.together import Together
from standfast.vocabulary import Holding
from unit.cluster import GROUP, NODES, after, because, fresh, situation, term


def configured(*, failback: bool = False, restricted: bool = False, **settings: Any) -> Configuration:
    known = configuration(list(NODES))
    domain = Domain(
        name="web", nodes=NODES[:2] if restricted else NODES, ordered=True, failback=failback, restricted=restricted
    )
    return replace(known, groups=(replace(known.groups[0], **settings),), domains=(domain,))


PLAIN = configured()


def group_of(known: Configuration) -> Group:
    return known.groups[0]


def steps(record: Record, known: Configuration = PLAIN, at: Situation | None = None) -> tuple[Content, ...]:
    return decided(record, known, at).contents


def outlook(record: Record, known: Configuration = PLAIN, at: Situation | None = None) -> Outlook:
    at = at or situation()
    return Outlook(record, known, at, Waits(at.waits, at.now))


def decided(record: Record, known: Configuration = PLAIN, at: Situation | None = None) -> Decided:
    return place(group_of(known), Together(known), outlook(record, known, at))


def text(why: Reason | None) -> str:
    return sentence(why) if why else ""


def order(record: Record, known: Configuration = PLAIN, at: Situation | None = None) -> tuple[str, str, str]:
    """The one order that is planned: what, where, why."""
    (content,) = steps(record, known, at)
    assert isinstance(content, OrderGiven)
    assert content.number == record.groups[GROUP].number
    return content.kind.value, content.node, sentence(content.reasons[0])


def reported(record: Record, node: str, holding: Holding, failed: str = "", order: int = 1 << 30) -> Record:
    return after(
        record, Reported(node=node, group=GROUP, order=order, busy=False, held=Held(holding=holding, failed=failed))
    )


def wished(record: Record, kind: WishKind, subject: str = GROUP, node: str = "") -> Record:
    return after(record, Wish(id="w", kind=kind, subject=subject, node=node))


def running(on: str = "n1") -> Record:
    return reported(term(fresh(), *NODES), on, Holding.RUNNING)


def lost(record: Record, node: str, *, proven: bool = False) -> Record:
    record = after(record, LossDeclared(node=node, reason=because("it left the ring")))
    number = record.losses[node].number
    return after(record, Proven(loss=number, how="agent", text="off", switch_on=True)) if proven else record


# Nobody holds it


def test_it_starts_on_the_first_node_of_its_domain() -> None:
    assert order(term(fresh(), *NODES)) == ("start", "n1", "started on n1, number 1 of its domain")


def test_nothing_is_ordered_before_all_have_stored_the_first_update() -> None:
    assert steps(term(fresh(), *NODES), at=situation(orders_allowed=False)) == ()


def test_while_an_order_is_open_no_other_is_given() -> None:
    record = term(fresh(), *NODES)
    (content,) = steps(record)
    assert steps(after(record, content)) == ()


def test_an_order_that_is_not_answered_in_time_makes_its_node_overdue() -> None:
    record = term(fresh(), *NODES)
    (content,) = steps(record)
    record = after(record, content)
    number = record.groups[GROUP].open_orders["n1"].number
    for now, overdue in ((134_999, frozenset[str]()), (135_000, frozenset({"n1"}))):
        at = situation(now=now, waits={f"order {GROUP} n1 {number}": 0})
        assert decided(record, at=at).overdue == overdue


@pytest.mark.parametrize(
    ("record", "why"),
    [
        (lost(term(fresh(), "n2", "n3"), "n1"), "waits for the proof that n1 is off (loss 7.1)"),
        (lost(lost(running(), "n1", proven=True), "n3"), "waits for the proof that n3 is off (loss 7.2)"),
        (
            term(term(fresh(), *NODES), "n2", "n3", number=8),
            "waits for n1: it is in the ring, but its standfast-resourced does not answer",
        ),
        (term(term(fresh(), *NODES), "n1", number=8), "this view holds no more than half of all votes"),
    ],
    ids=["lost", "another lost", "away", "minority"],
)
def test_it_does_not_start_because(record: Record, why: str) -> None:
    assert steps(record) == ()
    assert why in text(blocker(group_of(PLAIN), outlook(record)))
    assert why in text(decided(record).waits_for[0])


def test_a_node_that_left_cleanly_blocks_nothing() -> None:
    record = term(fresh(), "n2", "n3")
    assert order(record, at=situation(ring=frozenset({"n2", "n3"})))[:2] == ("start", "n2")


def test_a_node_that_is_away_but_says_that_it_holds_nothing_blocks_nothing() -> None:
    record = term(term(fresh(), *NODES), "n2", "n3", number=8)
    assert order(record, at=situation(resting=frozenset({"n1"})))[:2] == ("start", "n2")
    assert steps(record, at=situation(resting=frozenset({"n1"}), ring=frozenset({"n2", "n3"}))) == ()


def test_a_lost_node_that_may_not_run_it_blocks_nothing() -> None:
    record = lost(term(fresh(), "n1", "n2"), "n3")
    assert order(record, configured(restricted=True))[:2] == ("start", "n1")


def test_after_the_proof_it_starts_on_the_next_node() -> None:
    record = term(running(), "n2", "n3", number=8)
    record = lost(record, "n1", proven=True)
    gone = situation(ring=frozenset({"n2", "n3"}))
    assert order(record, at=gone) == ("start", "n2", "n1 is proven off (loss 7.1, agent): started on n2")
    assert "is in the ring" in text(blocker(group_of(PLAIN), outlook(record)))


@pytest.mark.parametrize(
    ("record", "why"),
    [
        (wished(term(fresh(), *NODES), WishKind.STANDBY, "n1"), "is in standby"),
        (after(term(fresh(), *NODES), Leaving(node="n1")), "is leaving"),
        (
            after(term(fresh(), *NODES), Installed(node="n1", installed="d0", available="d1")),
            "has not the configuration in force",
        ),
        (term(fresh(), "n2", "n3"), "is not here"),
        (lost(term(fresh(), *NODES), "n1", proven=True), "is being fenced"),
        (
            after(
                term(fresh(), *NODES), AttemptBegun(loss="6.1", node="n1", incarnation="", fencer="n2", action="off")
            ),
            "is being fenced",
        ),
    ],
    ids=["standby", "leaving", "drifted", "absent", "proven", "under attack"],
)
def test_a_node_gets_nothing_because_it(record: Record, why: str) -> None:
    assert text(outlook(record).refusal("n1")) == f"n1 {why}"
    at = situation(now=60_000, waits={"behind n1": 0})
    assert order(record, at=at)[:2] == ("start", "n2")


def test_who_installs_first_is_chance_and_decides_nothing() -> None:
    record = after(term(fresh(), *NODES), Installed(node="n1", installed="d0", available="d1"))
    first = decided(record)
    assert (first.contents, [sentence(why) for why in first.waits_for]) == (
        (),
        ["n1 has not the configuration in force"],
    )
    waited = replace(situation(now=60_000), waits={"behind n1": 50_000})
    assert order(record, at=waited)[:2] == ("start", "n2"), "it takes too long"
    there = after(record, Installed(node="n1", installed="d1", available="d1"))
    assert order(there)[:2] == ("start", "n1")
    assert order(wished(record, WishKind.RELOCATE, GROUP, "n2"))[:2] == ("start", "n2"), "an operator said where"
    ran = after(reported(running("n3"), "n3", Holding.NOTHING), Installed(node="n1", installed="d0", available="d1"))
    assert order(ran)[:2] == ("start", "n2"), "what ran is not kept waiting"


def test_who_spoke_after_its_proof_gets_nothing() -> None:
    record = term(lost(term(fresh(), *NODES), "n1", proven=True), *NODES, number=8)
    assert text(outlook(record).refusal("n1")) == "n1 speaks although it was proven off"
    assert text(outlook(record).refusal("ghost")) == "ghost is not a configured node"


def test_stopped_by_an_operator_it_stays_stopped() -> None:
    assert steps(wished(term(fresh(), *NODES), WishKind.STOP)) == ()


def test_a_wanted_node_comes_first_and_a_wish_that_cannot_be_ends() -> None:
    record = wished(term(fresh(), *NODES), WishKind.START, node="n3")
    assert order(record) == ("start", "n3", "relocated to n3 by an operator")
    (content,) = steps(wished(record, WishKind.STANDBY, "n3"))
    assert content == Placed(group=GROUP, reason=reason(Rule.NOT_THERE, node="n3", why="n3 is in standby"))


# It failed


def test_it_is_restarted_where_it_runs_and_moved_after_its_restarts() -> None:
    record = running()
    for count in (1, 2):
        record = reported(record, "n1", Holding.RUNNING, "web.service was killed")
        assert order(record) == ("restart", "n1", f"web.service was killed: restarted here ({count} of 2)")
        record = after(record, steps(record)[0])
        record = reported(record, "n1", Holding.RUNNING)
    record = reported(record, "n1", Holding.RUNNING, "web.service was killed")
    assert order(record) == ("stop", "n1", "web.service was killed: n1 has had its restarts, moved away")
    record = reported(record, "n1", Holding.NOTHING)
    assert order(record)[:2] == ("start", "n2")


def test_a_group_that_relocates_is_not_restarted_where_it_failed() -> None:
    known = configured(recovery=Recovery.RELOCATE)
    record = reported(running(), "n1", Holding.RUNNING, "broken")
    assert order(record, known)[:2] == ("stop", "n1")
    assert order(reported(record, "n1", Holding.NOTHING), known)[:2] == ("start", "n2")


def test_when_every_node_has_failed_it_is_tried_again_with_a_growing_pause() -> None:
    known = configured(max_restarts=0)
    record = term(fresh(), *NODES)
    for node in NODES:
        record = reported(record, node, Holding.NOTHING, f"failed on {node}")
    cause = f"retry {GROUP} {record.groups[GROUP].failures[-1].id}"
    for now, given in ((39_999, 0), (40_000, 1)):
        assert len(steps(record, known, situation(now=now, waits={cause: 0}))) == given


def test_a_failure_is_forgotten_when_it_is_old() -> None:
    record = reported(term(fresh(), *NODES), "n1", Holding.NOTHING, "broken")
    failure = record.groups[GROUP].failures[0].id
    at = situation(now=60_000, waits={f"failure {GROUP} {failure}": 0})
    assert steps(record, at=at) == (Forgotten(group=GROUP, node="n1", failures=(failure,), avoided=False),)


def test_a_wish_for_a_node_ends_when_it_has_failed_there_as_often_as_it_may() -> None:
    known = configured(max_restarts=1)
    record = wished(term(fresh(), *NODES), WishKind.START, node="n3")
    record = reported(record, "n3", Holding.NOTHING, "broken")
    assert order(record, known) == ("start", "n3", "relocated to n3 by an operator")
    record = reported(after(record, steps(record, known)[0]), "n3", Holding.NOTHING, "broken")
    (placed,) = steps(record, known)
    assert isinstance(placed, Placed)
    assert placed.reason.rule is Rule.NOT_THERE
    assert order(after(record, placed), known)[:2] == ("start", "n1")


# It runs


def test_it_stays_where_it_runs() -> None:
    assert steps(running("n2")) == ()


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (Wish(id="w", kind=WishKind.STOP, subject=GROUP), "stopped by an operator"),
        (Wish(id="w", kind=WishKind.STANDBY, subject="n1"), "n1 is in standby"),
        (Wish(id="w", kind=WishKind.RELOCATE, subject=GROUP, node="n2"), "relocated to n2 by an operator"),
        (Leaving(node="n1"), "n1 is leaving"),
    ],
    ids=["stop", "standby", "relocate", "leaving"],
)
def test_it_is_stopped_where_it_runs_because(change: Content, why: str) -> None:
    assert order(after(running(), change)) == ("stop", "n1", why)


def test_all_stop_when_those_who_stay_would_not_be_quorate() -> None:
    record = after(after(running(), Leaving(node="n2")), Leaving(node="n3"))
    assert closing(record, quorum_of(configuration(list(NODES)))) == frozenset(NODES)
    assert order(record) == ("stop", "n1", "the nodes that stay would not be quorate")


def test_a_wish_for_a_node_that_cannot_have_it_ends_where_it_runs() -> None:
    record = wished(wished(running(), WishKind.STANDBY, "n2"), WishKind.RELOCATE, node="n2")
    assert steps(record) == (Placed(group=GROUP, reason=reason(Rule.STAYS, node="n1", why="n2 is in standby")),)


def test_it_goes_home_only_where_its_domain_says_so_and_home_did_not_fail() -> None:
    assert steps(running("n2"), configured(failback=False)) == ()
    assert order(running("n2"), configured(failback=True)) == ("stop", "n2", "goes home to n1")
    failed = reported(running("n2"), "n1", Holding.NOTHING, "it failed there")
    assert steps(failed, configured(failback=True)) == ()


def test_it_does_not_leave_where_it_runs_well_while_it_would_start_nowhere() -> None:
    home = configured(failback=True)
    assert steps(lost(running("n2"), "n3"), home) == ()
    assert order(lost(running("n2"), "n3", proven=True), home) == ("stop", "n2", "goes home to n1")
    (content,) = steps(lost(wished(running("n2"), WishKind.RELOCATE, node="n1"), "n3"))
    why = "waits for the proof that n3 is off (loss 7.1)"
    assert content == Placed(group=GROUP, reason=reason(Rule.STAYS, node="n2", why=why))


def test_two_holders_are_stopped_one_after_the_other() -> None:
    record = term(fresh(), *NODES, held={"n1": Holding.RUNNING, "n2": Holding.RUNNING})
    assert order(record) == ("stop", "n1", "more than one node holds it (n1, n2): stopped on all but one")


def test_of_two_holders_the_one_stops_that_stops_already() -> None:
    """As who was started there by hand does: the other one goes on serving."""
    record = term(fresh(), *NODES, held={"n1": Holding.RUNNING, "n2": Holding.STOPPING})
    assert order(record)[:2] == ("stop", "n2")


def test_of_two_holders_the_one_stops_that_spoke_after_its_proof() -> None:
    record = term(lost(term(fresh(), *NODES), "n2", proven=True), *NODES, number=8)
    for name in ("n1", "n2"):
        record = reported(record, name, Holding.RUNNING)
    assert order(record)[:2] == ("stop", "n2")


def test_a_second_holder_that_is_being_fenced_gets_no_order_and_is_waited_for() -> None:
    record = lost(term(fresh(), *NODES, held={"n1": Holding.RUNNING, "n2": Holding.RUNNING}), "n1")
    assert steps(record) == ()
    assert text(decided(record).waits_for[0]) == "n1 is being fenced"
    assert steps(lost(record, "n2")) == ()
    three = reported(record, "n3", Holding.RUNNING)
    assert order(three)[:2] == ("stop", "n2")


@pytest.mark.parametrize(("holding", "kind"), [(Holding.STOPPING, "stop"), (Holding.QUEUED, "start")])
def test_what_had_begun_in_an_older_term_goes_on(holding: Holding, kind: str) -> None:
    assert order(term(fresh(), *NODES, held={"n2": holding}))[:2] == (kind, "n2")


def test_a_holder_that_is_lost_or_under_attack_gets_no_order() -> None:
    assert steps(wished(lost(running(), "n1"), WishKind.STOP)) == ()
    attacked = after(running(), AttemptBegun(loss="6.1", node="n1", incarnation="", fencer="n2", action="off"))
    assert steps(wished(attacked, WishKind.STOP)) == ()


# It did not stop


def stuck(record: Record) -> Record:
    return reported(record, "n1", Holding.STOP_FAILED, "web.service did not stop")


def test_a_failed_stop_costs_its_node_once() -> None:
    record = stuck(running())
    (content,) = steps(record)
    assert isinstance(content, LossDeclared)
    assert (content.node, content.group) == ("n1", GROUP)
    assert sentence(content.reason) == "webserv could not be stopped: web.service did not stop"
    gone = after(lost(after(record, content), "n1"), Proven(loss="7.1", how="agent", text="", switch_on=True))
    assert order(gone)[:2] == ("start", "n2")
    again = reported(gone, "n2", Holding.STOP_FAILED, "web.service did not stop")
    assert steps(again) == ()


@pytest.mark.parametrize("why", ["block", "quorum", "no device"])
def test_a_failed_stop_blocks_where_fencing_would_not_do(why: str) -> None:
    known = configured(stop_failure=StopFailure.BLOCK if why == "block" else StopFailure.FENCE)
    record = stuck(running())
    if why == "quorum":
        record = reported(term(running(), "n1", "n2", number=8), "n1", Holding.STOP_FAILED, "stuck")
    if why == "no device":
        known = replace(known, nodes=tuple(replace(node, fence=()) for node in known.nodes))
    assert steps(record, known) == ()


def test_of_two_nodes_the_one_that_cannot_stop_a_group_is_fenced_by_the_other() -> None:
    known = configuration(["n1", "n2"])
    record = stuck(term(fresh("n1", "n2"), "n1", "n2"))
    (content,) = steps(record, known)
    assert isinstance(content, LossDeclared)
    assert steps(stuck(term(record, "n1", number=8)), known) == ()


def test_a_group_that_is_not_in_force_is_left_alone() -> None:
    record = after(running(), ConfigurationInForce(digest="d2", base="d1", votes=dict.fromkeys(NODES, 1), groups=()))
    assert steps(record) == ()
