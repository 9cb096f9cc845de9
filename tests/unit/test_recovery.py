"""What a group's failures mean, and for how long."""

from dataclasses import replace

import pytest

from sim.machine import configuration
from standfast.configuration.model import Configuration, Group, Recovery
from standfast.resourced import recovery
from standfast.resourced.messages import Content, Forgiven, Forgotten, LossDeclared, OrderGiven, Reported
from standfast.resourced.outlook import Outlook
from standfast.resourced.plan import plan
from standfast.resourced.presence import Held
from standfast.resourced.record import Failure, GroupRecord, Record
from standfast.resourced.situation import Waits
from standfast.vocabulary import Holding
from unit.cluster import GROUP, NODES, after, because, fresh, situation, term

KNOWN = configuration(list(NODES))
WEBSERV = KNOWN.groups[0]  # MaxRestarts=2, RestartWindow=FailureExpire=60 s


def failed(record: Record, *nodes: str) -> Record:
    for node in nodes:
        held = Held(holding=Holding.NOTHING, failed="web failed")
        record = after(record, Reported(node=node, group=GROUP, order=1 << 30, busy=False, held=held))
        record = after(
            record, Reported(node=node, group=GROUP, order=1 << 30, busy=False, held=replace(held, failed=""))
        )
    return record


def forgotten(
    record: Record, ages: dict[str, int], group: Group = WEBSERV, known: Configuration = KNOWN
) -> list[Content]:
    """What is forgotten at 1,000 s when each cause is known for so long."""
    now = 1_000_000
    waits = Waits({cause: now - age for cause, age in ages.items()}, now)
    return recovery.forgotten(group, record.groups[GROUP], Outlook(record, known, situation(now=now), waits))


def cause(record: Record, index: int) -> str:
    return f"failure {GROUP} {record.groups[GROUP].failures[index].id}"


def test_a_failure_counts_for_the_restart_window_where_the_node_is_not_avoided() -> None:
    record = failed(term(fresh(), *NODES), "n1", "n1")
    first, second = record.groups[GROUP].failures
    ages = {cause(record, 0): 60_000, cause(record, 1): 59_999}
    assert forgotten(record, ages) == [Forgotten(group=GROUP, node="n1", failures=(first.id,), avoided=False)]
    assert first.id != second.id


@pytest.mark.parametrize(("age", "count"), [(59_999, 0), (60_000, 1)])
def test_a_node_is_avoided_until_the_newest_failure_is_old_enough(age: int, count: int) -> None:
    record = failed(term(fresh(), *NODES), "n1", "n1", "n1")
    ages = {cause(record, 0): 90_000, cause(record, 1): 90_000, cause(record, 2): age}
    assert len(forgotten(record, ages)) == count


def test_each_time_it_was_avoided_doubles_the_time_up_to_a_day() -> None:
    times = [recovery.avoided_ms(WEBSERV, GroupRecord(avoided={"n1": count}), "n1") for count in (0, 1, 2, 11, 1_000)]
    assert times == [60_000, 120_000, 240_000, 86_400_000, 86_400_000]


@pytest.mark.parametrize(("age", "count"), [(119_999, 0), (120_000, 1)])
def test_that_a_node_was_avoided_is_forgotten_after_as_long_as_it_would_be_avoided_now(age: int, count: int) -> None:
    record = failed(term(fresh(), *NODES), "n1", "n1", "n1")
    ids = tuple(failure.id for failure in record.groups[GROUP].failures)
    record = after(record, Forgotten(group=GROUP, node="n1", failures=ids, avoided=True))
    assert record.groups[GROUP].avoided == {"n1": 1}
    given = forgotten(record, {f"sound {GROUP} n1": age})
    assert given == [Forgotten(group=GROUP, node="n1", failures=(), avoided=False)] * count
    if given:
        assert after(record, given[0]).groups[GROUP].avoided == {}


@pytest.mark.parametrize(("age", "count"), [(59_999, 0), (60_000, 1)])
def test_that_a_failed_stop_cost_a_node_is_forgiven(age: int, count: int) -> None:
    record = after(term(fresh(), *NODES), LossDeclared(node="n1", reason=because("stuck"), group=GROUP))
    given = forgotten(record, {f"costly {GROUP}": age})
    assert given == [Forgiven(group=GROUP)] * count
    if given:
        assert not after(record, given[0]).groups[GROUP].costly


def test_a_group_that_is_blocked_is_not_forgiven() -> None:
    record = after(
        term(fresh(), *NODES, held={"n1": Holding.STOP_FAILED}),
        LossDeclared(node="n1", reason=because("stuck"), group=GROUP),
    )
    assert forgotten(record, {f"costly {GROUP}": 60_000}) == []


def test_forgetting_one_failure_does_not_begin_the_count_of_another_anew() -> None:
    record = failed(term(fresh(), *NODES), "n1", "n2")
    waits = {cause(record, 0): 0, cause(record, 1): 1_000}
    planned = plan(record, KNOWN, situation(now=60_000, waits=waits))
    assert [type(content) for content in planned.contents] == [Forgotten]
    assert planned.waits[cause(record, 1)] == 1_000


def test_forgetting_does_not_begin_the_count_of_an_order_anew() -> None:
    record = failed(term(fresh(), *NODES), "n1")
    (order,) = plan(record, KNOWN, situation()).contents
    assert isinstance(order, OrderGiven)
    record = after(record, order)
    unanswered = f"order {GROUP} n1 {record.groups[GROUP].open_orders['n1'].number}"
    planned = plan(record, KNOWN, situation(now=60_000, waits={cause(record, 0): 0, unanswered: 1_000}))
    assert [type(content) for content in planned.contents] == [Forgotten]
    assert planned.waits[unanswered] == 1_000


def test_the_pause_before_another_try_goes_on_in_the_next_term() -> None:
    known = replace(KNOWN, groups=(replace(WEBSERV, max_restarts=0, failure_expire_ms=600_000),))
    record = failed(term(fresh(), *NODES), *NODES)
    first = plan(record, known, situation())
    assert first.contents == ()
    later = plan(term(record, *NODES, number=8), known, situation(now=40_000, waits=first.waits))
    assert [type(content) for content in later.contents] == [OrderGiven]


def test_the_pause_grows_to_five_minutes() -> None:
    failures = [tuple(Failure(id=i, node="n1", cause="") for i in range(count)) for count in (2, 3, 4, 7, 8, 99)]
    pauses = [recovery.pause_ms(WEBSERV, GroupRecord(failures=some)) for some in failures]
    assert pauses == [5_000, 10_000, 20_000, 160_000, 300_000, 300_000]


@pytest.mark.parametrize(
    ("policy", "count"),
    [(Recovery.RESTART, 2), (Recovery.RESTART_DISABLE, 2), (Recovery.RELOCATE, 0), (Recovery.DISABLE, 0)],
)
def test_how_often_it_is_tried_again_where_it_failed(policy: Recovery, count: int) -> None:
    assert recovery.tries(replace(WEBSERV, recovery=policy)) == count
