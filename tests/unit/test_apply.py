"""`apply` takes whatever is said, on all members alike (DESIGN section 9, invariant 7); and its rules one by one."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.machine import configuration
from standfast.resourced import showing, story
from standfast.resourced.apply import apply
from standfast.resourced.codec import decode, encode
from standfast.resourced.messages import (
    AttemptBegun,
    AttemptEnded,
    ConfigurationInForce,
    Content,
    Forgotten,
    Leaving,
    LossDeclared,
    Marked,
    Members,
    OrderGiven,
    OrderKind,
    Proven,
    Reported,
    SwitchedOn,
    Update,
    Wish,
    WishKind,
)
from standfast.resourced.plan import plan
from standfast.resourced.presence import Held
from standfast.resourced.reasons import Rule, reason
from standfast.resourced.record import Record, digest, durable, whole_digest
from standfast.vocabulary import Holding, Phase
from unit.arbitrary import arbitrary
from unit.cluster import GROUP, NODES, after, because, fresh, member, situation, term

texts = st.sampled_from((*NODES, GROUP, "ghost", "", "1.1", "1.2", "7.1", "d1", "off", "on", "why"))
contents = st.lists(arbitrary(Content, texts, st.integers(-1, 9)), max_size=12)
members = st.lists(st.sampled_from(NODES), min_size=1, unique=True).map(
    lambda names: Members(members=tuple(map(member, names)))
)
likely = st.lists(members | arbitrary(Content, texts, st.integers(-1, 9)), max_size=25)


def updates(said: list[Content]) -> Iterator[Update]:
    for index, content in enumerate(said):
        yield Update(nonce="n1-1", position=index + 1, at=f"t{index}", content=content)


@given(contents | likely)
def test_apply_and_what_is_told_of_it_never_raise_and_are_the_same_twice(said: list[Content]) -> None:
    record = fresh()
    for update in updates(said):
        once, again = apply(record, 7, update), apply(decode(Record, encode(record)), 7, update)
        assert whole_digest(once) == whole_digest(again)
        assert story.entries(record, once, 7, update) == story.entries(record, again, 7, update)
        record = once


@given(likely, st.sets(st.sampled_from(NODES)), st.booleans(), st.integers(0, 1_000_000))
def test_plan_and_what_is_shown_never_raise(said: list[Content], ring: set[str], cold: bool, now: int) -> None:
    record = fresh()
    known = situation(ring=frozenset(ring), now=now, cold=cold, waits={})
    for update in updates([content for content in said if not isinstance(content, ConfigurationInForce)]):
        record = apply(record, 7, update)
        planned = plan(record, configuration(list(NODES)), known)
        assert planned == plan(record, configuration(list(NODES)), known)
        showing.losses(record, configuration(list(NODES)), known)
        showing.group_values(GROUP, record, showing.Waiting(record, configuration(list(NODES)), known))
        showing.resource_values(GROUP, record, configuration(list(NODES)))
        for name in record.nodes:
            showing.node_values(name, record, frozenset(ring))


def test_an_update_of_a_settled_view_moves_the_lineage() -> None:
    record = term(fresh(), *NODES)
    assert (record.term, record.position) == (7, 1)


def test_a_view_of_half_of_the_votes_keeps_its_lineage_until_the_other_node_is_proven_off() -> None:
    record = fresh("n1", "n2")
    both = term(record, "n1", "n2")
    alone = term(both, "n1", number=8)
    assert (alone.term, alone.position) == (7, 1)
    lost = after(alone, LossDeclared(node="n2", reason=because("it left the ring")), number=8, position=2)
    assert (lost.term, lost.position) == (7, 1)
    proven = after(lost, Proven(loss="8.1", how="agent", text="", switch_on=False), number=8, position=3)
    assert (proven.term, proven.position) == (8, 3)


def test_the_first_update_ends_losses_and_takes_marks_back() -> None:
    record = after(term(fresh(), "n1", "n2"), LossDeclared(node="n3", reason=because("gone")))
    record = after(record, Proven(loss="7.1", how="agent", text="", switch_on=True))
    assert record.owed == {"n3": "7.1"}
    named = term(record, *NODES, number=8, incarnations={"n3": "n3/2"})
    assert named.losses == {}
    assert named.owed == {}
    assert not any(node.left for node in named.nodes.values())


def test_who_speaks_with_the_incarnation_that_was_proven_off_is_condemned() -> None:
    record = after(term(fresh(), *NODES), LossDeclared(node="n3", reason=because("gone")))
    record = after(record, Proven(loss="7.1", how="agent", text="", switch_on=True))
    named = term(record, *NODES, number=8)
    assert named.nodes["n3"].condemned
    assert named.losses["n3"].proof == "agent"


def test_of_who_was_met_meanwhile_neither_mark_nor_proof_is_believed() -> None:
    record = term(fresh(), "n1", "n2")
    assert record.nodes["n3"].left
    met = after(record, Members(members=(member("n1", met=("n3",)), member("n2"))), number=8, position=1)
    assert not met.nodes["n3"].left
    lost = after(met, LossDeclared(node="n3", reason=because("gone")), number=8, position=2)
    proven = after(lost, Proven(loss="8.1", how="agent", text="", switch_on=False), number=8, position=3)
    again = after(proven, Members(members=(member("n1", met=("n3",)), member("n2"))), number=9, position=1)
    assert again.losses == {}


def test_a_proof_names_one_loss() -> None:
    lost = after(term(fresh(), "n1", "n2"), LossDeclared(node="n3", reason=because("gone")))
    assert after(lost, Proven(loss="6.1", how="agent", text="", switch_on=True)).losses == lost.losses


def test_a_second_loss_of_a_node_whose_first_is_unproven_is_none() -> None:
    lost = after(term(fresh(), "n1", "n2"), LossDeclared(node="n3", reason=because("gone")))
    again = after(lost, LossDeclared(node="n3", reason=because("still gone")))
    assert again.losses == lost.losses


def test_what_a_proven_node_held_is_held_by_nobody() -> None:
    record = term(fresh(), *NODES, held={"n1": Holding.RUNNING})
    assert record.groups[GROUP].holders == ("n1",)
    record = after(record, LossDeclared(node="n1", reason=because("gone")))
    record = after(record, Proven(loss="7.1", how="agent", text="", switch_on=True))
    assert record.groups[GROUP].holders == ()


def start(record: Record, node: str, number: int | None = None) -> OrderGiven:
    at = record.groups[GROUP].number if number is None else number
    return OrderGiven(group=GROUP, number=at, kind=OrderKind.START, node=node, reasons=(because("why"),))


def report(node: str, order: int, holding: Holding, *, busy: bool = False, failed: str = "") -> Reported:
    return Reported(node=node, group=GROUP, order=order, busy=busy, held=Held(holding=holding, failed=failed))


def test_an_order_counts_only_for_the_number_that_it_was_planned_on() -> None:
    record = term(fresh(), *NODES)
    one, two = start(record, "n1"), start(record, "n2")
    record = after(after(record, one), two)
    assert list(record.groups[GROUP].open_orders) == ["n1"]


def test_an_order_to_a_node_that_is_not_here_is_none() -> None:
    record = term(fresh(), "n1", "n2")
    assert after(record, start(record, "n3")).groups == record.groups


def test_a_report_older_than_the_open_order_changes_nothing() -> None:
    record = term(fresh(), *NODES)
    record = after(record, start(record, "n1"))
    order = record.groups[GROUP].open_orders["n1"]
    assert after(record, report("n1", order.number - 1, Holding.NOTHING)).groups == record.groups
    done = after(record, report("n1", order.number, Holding.RUNNING))
    assert done.groups[GROUP].open_orders == {}
    assert done.groups[GROUP].phase is Phase.STARTED


def test_a_busy_report_keeps_the_order_open_and_counts_no_failure() -> None:
    record = term(fresh(), *NODES)
    record = after(record, start(record, "n1"))
    order = record.groups[GROUP].open_orders["n1"]
    busy = after(record, report("n1", order.number, Holding.STOPPING, busy=True, failed="web failed"))
    assert busy.groups[GROUP].open_orders == {"n1": order}
    assert busy.groups[GROUP].failures == ()
    done = after(busy, report("n1", order.number, Holding.NOTHING, failed="web failed"))
    assert [failure.node for failure in done.groups[GROUP].failures] == ["n1"]


def test_why_a_group_is_restarted_outlives_the_reports_while_it_is_done() -> None:
    record = after(term(fresh(), *NODES), report("n1", 0, Holding.RUNNING, failed="killed"))
    why = reason(Rule.RESTARTED_HERE, cause="killed", count=1, limit=2)
    number = record.groups[GROUP].number
    record = after(record, OrderGiven(group=GROUP, number=number, kind=OrderKind.RESTART, node="n1", reasons=(why,)))
    order = record.groups[GROUP].open_orders["n1"].number
    record = after(record, report("n1", order, Holding.RUNNING, busy=True, failed="killed"))
    assert record.groups[GROUP].reasons == (why,)
    assert after(record, report("n1", order, Holding.RUNNING)).groups[GROUP].reasons == (why,)
    failed = after(record, report("n1", order, Holding.NOTHING, failed="it did not start")).groups[GROUP]
    assert [one.facts["cause"] for one in failed.reasons] == ["it did not start"]


def test_the_owner_before_is_another_node_than_the_last() -> None:
    record = term(fresh(), *NODES)
    for node in ("n1", "n2", "n2"):
        record = after(record, report(node, 0, Holding.RUNNING))
        record = after(record, report(node, 0, Holding.NOTHING))
    group = record.groups[GROUP]
    assert (group.last_owner, group.owner_before) == ("n2", "n1")


def test_a_group_that_costs_a_node_is_costly_until_it_runs_again() -> None:
    record = term(fresh(), *NODES, held={"n1": Holding.STOP_FAILED})
    assert record.groups[GROUP].phase is Phase.BLOCKED
    record = after(record, LossDeclared(node="n1", reason=because("it could not be stopped"), group=GROUP))
    assert record.groups[GROUP].costly
    assert not after(record, report("n2", 0, Holding.RUNNING)).groups[GROUP].costly


def test_failed_attempts_are_counted_until_the_loss_ends() -> None:
    record = after(term(fresh(), "n1", "n2"), LossDeclared(node="n3", reason=because("gone")))
    record = after(record, AttemptBegun(loss="7.1", node="n3", incarnation="", fencer="n1", action="off"))
    assert len(record.attempts) == 1
    for count in (1, 2):
        record = after(record, AttemptEnded(loss="7.1", fencer="n1", action="off", text="no answer"))
        assert record.failed_attempts == {"7.1": count}
        assert record.attempts == ()


def test_an_attempt_of_an_absent_fencer_outlives_the_term() -> None:
    record = after(term(fresh(), "n1", "n2"), LossDeclared(node="n3", reason=because("gone")))
    record = after(record, AttemptBegun(loss="7.1", node="n3", incarnation="", fencer="n2", action="off"))
    assert len(term(record, "n1", "n3", number=8).attempts) == 1
    assert term(record, "n1", "n2", number=8).attempts == ()


def test_what_was_owed_is_paid_when_it_is_on() -> None:
    record = after(term(fresh(), "n1", "n2"), LossDeclared(node="n3", reason=because("gone")))
    record = after(record, Proven(loss="7.1", how="agent", text="", switch_on=True))
    assert after(record, SwitchedOn(loss="7.1", text="")).owed == {}


@pytest.mark.parametrize(
    ("kind", "stopped", "wanted", "failures"),
    [(WishKind.STOP, True, "", 1), (WishKind.START, False, "", 0), (WishKind.RELOCATE, False, "n2", 1)],
)
def test_what_an_operator_wishes_of_a_group(kind: WishKind, stopped: bool, wanted: str, failures: int) -> None:
    record = after(term(fresh(), *NODES), report("n1", 0, Holding.NOTHING, failed="web failed"))
    wish = Wish(id="w", kind=kind, subject=GROUP, node="n2" if kind is WishKind.RELOCATE else "")
    group = after(record, wish).groups[GROUP]
    assert (group.stopped, group.wanted, len(group.failures)) == (stopped, wanted, failures)


def test_a_group_that_is_relocated_has_all_its_tries_there() -> None:
    record = after(term(fresh(), *NODES), report("n1", 0, Holding.NOTHING, failed="web failed"))
    record = after(record, report("n2", 0, Holding.NOTHING, failed="web failed"))
    record = after(record, Wish(id="w", kind=WishKind.RELOCATE, subject=GROUP, node="n2"))
    assert [failure.node for failure in record.groups[GROUP].failures] == ["n1"]


def test_standby_is_taken_back_by_resume() -> None:
    record = after(term(fresh(), *NODES), Wish(id="w", kind=WishKind.STANDBY, subject="n2"))
    assert record.nodes["n2"].standby
    assert not after(record, Wish(id="v", kind=WishKind.RESUME, subject="n2")).nodes["n2"].standby


def test_a_mark_knows_its_position_and_a_term_takes_it_back_unless_the_node_is_leaving() -> None:
    record = after(term(fresh(), *NODES), Leaving(node="n3"))
    record = after(record, Marked(node="n3"))
    assert record.nodes["n3"].left
    assert record.nodes["n3"].marked_at == record.position
    assert not term(record, *NODES, number=8).nodes["n3"].left


def test_a_failure_that_is_too_old_is_forgotten_alone() -> None:
    record = after(term(fresh(), *NODES), report("n1", 0, Holding.NOTHING, failed="one"))
    record = after(record, report("n2", 0, Holding.NOTHING, failed="two"))
    first, second = record.groups[GROUP].failures
    assert after(record, Forgotten(group=GROUP, node="n1", failures=(first.id,), avoided=False)).groups[
        GROUP
    ].failures == (second,)


def test_a_new_configuration_adds_nodes_as_left_and_keeps_what_was_known() -> None:
    record = after(term(fresh(), *NODES), Wish(id="w", kind=WishKind.STANDBY, subject="n2"))
    votes = {"n1": 1, "n2": 2, "n4": 1}
    changed = after(record, ConfigurationInForce(digest="d2", base="d1", votes=votes, groups=("other",)))
    assert (changed.configuration, changed.version) == ("d2", 2)
    assert changed.nodes["n4"].left
    assert changed.nodes["n2"].standby
    assert changed.nodes["n2"].votes == 2
    assert list(changed.groups) == ["other"]


def test_a_version_comes_into_force_only_in_the_place_of_its_base_and_the_newest_are_remembered() -> None:
    record = term(fresh(), *NODES)
    first = ConfigurationInForce(digest="d2", base="d1", votes=dict.fromkeys(NODES, 1), groups=(GROUP,))
    second = replace(first, digest="d3")
    record = after(after(record, first), second)
    assert (record.configuration, record.version) == ("d2", 2)
    for number in range(30):
        record = after(record, replace(first, digest=f"e{number}", base=record.configuration))
    assert [entry.version for entry in record.history] == list(range(32, 12, -1))
    assert durable(record).history == record.history


def test_a_removed_node_leaves_nothing_behind() -> None:
    record = term(fresh(), "n1", "n2", held={"n2": Holding.RUNNING})
    record = after(record, LossDeclared(node="n3", reason=because("gone")))
    record = after(record, AttemptBegun(loss="7.1", node="n3", incarnation="", fencer="n1", action="off"))
    record = after(record, ConfigurationInForce(digest="d2", base="d1", votes={"n1": 1}, groups=(GROUP,)))
    assert (record.losses, record.attempts, record.groups[GROUP].holders) == ({}, (), ())
    assert after(record, Proven(loss="7.1", how="agent", text="", switch_on=True)).owed == {}


def test_the_digest_covers_what_outlives_a_term_and_nothing_else() -> None:
    record = term(fresh(), *NODES)
    ordered = after(record, start(record, "n1"))
    assert durable(ordered).groups[GROUP].open_orders == {}
    assert digest(record) == digest(durable(record))
    assert whole_digest(record) != whole_digest(ordered)
