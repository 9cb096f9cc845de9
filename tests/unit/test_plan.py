"""The whole plan: at most one order for a group, and a configuration that comes into force when all have it."""

from dataclasses import replace

import pytest

from sim.machine import configuration
from standfast.configuration.model import Configuration
from standfast.resourced.messages import (
    ConfigurationInForce,
    Content,
    Held,
    Installed,
    Leaving,
    LossDeclared,
    Marked,
    OrderGiven,
    OrderKind,
    Reported,
)
from standfast.resourced.plan import plan
from standfast.resourced.reasons import sentence
from standfast.resourced.record import Record
from standfast.vocabulary import Holding
from unit.cluster import GROUP, NODES, after, because, fresh, situation, term

KNOWN = configuration(list(NODES))
NEW = replace(KNOWN, digest="d2")
RUNNING = Held(holding=Holding.RUNNING)


def planned(record: Record, known: Configuration = KNOWN, offered: Configuration | None = None) -> tuple[Content, ...]:
    return plan(record, known, replace(situation(), offered=offered)).contents


def offered_everywhere(record: Record, *but: str) -> Record:
    for name in NODES:
        if name not in but:
            record = after(record, Installed(node=name, installed="d1", available="d2"))
    return record


def test_a_cluster_that_is_as_it_should_be_plans_nothing() -> None:
    assert planned(term(fresh(), *NODES, held={"n1": Holding.RUNNING})) == ()


def test_what_is_waited_for_is_counted_from_the_first_time_it_was_seen() -> None:
    record = term(term(fresh(), *NODES), "n1", "n2")
    first = plan(record, KNOWN, situation(now=1_000))
    assert first.waits["away n3"] == 1_000
    later = plan(record, KNOWN, situation(now=9_000, waits=first.waits))
    assert later.waits["away n3"] == 1_000
    back = plan(term(record, *NODES), KNOWN, situation(now=9_500, waits=later.waits))
    assert "away n3" not in back.waits


def test_a_configuration_comes_into_force_when_every_node_has_it() -> None:
    everywhere = offered_everywhere(term(fresh(), *NODES, held={"n1": Holding.RUNNING}))
    expected = ConfigurationInForce(digest="d2", votes=dict.fromkeys(NODES, 1), groups=(GROUP,))
    assert planned(everywhere, offered=NEW)[0] == expected
    assert planned(everywhere, offered=KNOWN) == ()
    assert planned(everywhere, offered=None) == ()


@pytest.mark.parametrize(
    "record",
    [
        offered_everywhere(term(fresh(), *NODES, held={"n1": Holding.RUNNING}), "n3"),
        offered_everywhere(term(fresh(), "n1", "n2", held={"n1": Holding.RUNNING})),
        after(offered_everywhere(term(fresh(), *NODES)), LossDeclared(node="n3", reason=because("gone"))),
    ],
    ids=["one has it not", "one is not here", "a loss is unproven"],
)
def test_a_configuration_does_not_come_into_force(record: Record) -> None:
    assert not any(isinstance(content, ConfigurationInForce) for content in planned(record, offered=NEW))


def test_a_group_is_not_taken_out_of_force_while_it_is_held() -> None:
    without = replace(NEW, groups=())
    held = offered_everywhere(term(fresh(), *NODES, held={"n1": Holding.RUNNING}))
    assert planned(held, offered=without) == ()
    free = offered_everywhere(term(fresh(), *NODES))
    assert ConfigurationInForce(digest="d2", votes=dict.fromkeys(NODES, 1), groups=()) in planned(free, offered=without)


def restricted(*names: str) -> Configuration:
    """The new configuration, in which only these nodes may run the group."""
    return replace(NEW, domains=(replace(NEW.domains[0], nodes=names, restricted=True),))


def test_what_runs_where_it_may_not_any_more_waits_for_the_proof_of_that_node() -> None:
    known = restricted("n1", "n2")
    record = after(term(fresh(), *NODES), Reported(node="n3", group=GROUP, order=0, busy=False, held=RUNNING))
    (content,) = planned(offered_everywhere(record), offered=known)
    record = after(record, content)
    for name in NODES:
        record = after(record, Installed(node=name, installed="d2", available="d2"))
    assert planned(record, known) == ()
    alone = term(record, "n1", "n2", number=8)
    at = situation(ring=frozenset({"n1", "n2"}))
    lost = after(alone, LossDeclared(node="n3", reason=because("gone")))
    assert not [content for content in plan(lost, known, at).contents if isinstance(content, OrderGiven)]
    (why,) = plan(lost, known, at).waits_for[GROUP]
    assert sentence(why) == "waits for the proof that n3 is off (loss 7.1)"


@pytest.mark.parametrize(("node", "waits"), [("n1", False), ("n3", True)])
def test_a_configuration_waits_for_what_is_under_way_where_it_will_not_be_allowed(node: str, waits: bool) -> None:
    record = offered_everywhere(term(fresh(), *NODES))
    number = record.groups[GROUP].number
    start = OrderGiven(group=GROUP, number=number, kind=OrderKind.START, node=node, reasons=(because("why"),))
    queued = Reported(node=node, group=GROUP, order=0, busy=False, held=replace(RUNNING, holding=Holding.QUEUED))
    for under_way in (after(record, start), after(record, queued)):
        contents = planned(under_way, offered=restricted("n1", "n2"))
        assert any(isinstance(content, ConfigurationInForce) for content in contents) is not waits


def test_a_configuration_may_bring_groups_that_are_new() -> None:
    other = replace(NEW, groups=(*NEW.groups, replace(NEW.groups[0], name="other")))
    contents = planned(offered_everywhere(term(fresh(), *NODES)), offered=other)
    assert ConfigurationInForce(digest="d2", votes=dict.fromkeys(NODES, 1), groups=(GROUP, "other")) in contents


def test_nodes_are_not_exchanged_by_a_configuration() -> None:
    other = replace(NEW, nodes=NEW.nodes[:2])
    assert planned(offered_everywhere(term(fresh(), *NODES, held={"n1": Holding.RUNNING})), offered=other) == ()


def test_who_leaves_is_not_marked_before_its_group_has_found_another_node() -> None:
    record = after(term(fresh(), *NODES, held={"n1": Holding.RUNNING}), Leaving(node="n1"))
    (stop,) = planned(record)
    assert isinstance(stop, OrderGiven)
    assert stop.kind.value == "stop"
    idle = after(term(fresh(), *NODES), Leaving(node="n1"))
    kinds = [type(content) for content in planned(idle)]
    assert kinds == [OrderGiven, Marked]
