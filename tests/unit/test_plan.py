"""The whole plan: at most one order for a group, and a configuration that comes into force while groups run."""

from dataclasses import replace

from sim.machine import configuration
from standfast.configuration.model import Configuration
from standfast.resourced.configuring import into_force
from standfast.resourced.messages import (
    Content,
    Installed,
    Leaving,
    LossDeclared,
    Marked,
    OrderGiven,
    Reported,
    Wish,
    WishKind,
)
from standfast.resourced.plan import plan
from standfast.resourced.presence import Held
from standfast.resourced.reasons import sentence
from standfast.resourced.record import Record
from standfast.vocabulary import Holding
from unit.cluster import GROUP, NODES, after, because, fresh, situation, term

KNOWN = configuration(list(NODES))
RUNNING = Held(holding=Holding.RUNNING)


def planned(record: Record, known: Configuration = KNOWN) -> tuple[Content, ...]:
    return plan(record, known, situation()).contents


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


def test_what_runs_where_it_may_not_any_more_waits_for_the_proof_of_that_node() -> None:
    domain = replace(KNOWN.domains[0], nodes=("n1", "n2"), restricted=True)
    known = replace(KNOWN, digest="d2", domains=(domain,))
    record = after(term(fresh(), *NODES), Reported(node="n3", group=GROUP, order=0, busy=False, held=RUNNING))
    pushed = Wish(id="w", kind=WishKind.CONFIGURE, subject="d2", base="d1")
    record = after(record, into_force(known, pushed))
    for name in NODES:
        record = after(record, Installed(node=name, installed="d2", available="d2"))
    (stop,) = planned(record, known)
    assert isinstance(stop, OrderGiven)
    assert (stop.kind.value, stop.node) == ("stop", "n3")
    alone = term(record, "n1", "n2", number=8)
    at = situation(ring=frozenset({"n1", "n2"}))
    lost = after(alone, LossDeclared(node="n3", reason=because("gone")))
    assert not [content for content in plan(lost, known, at).contents if isinstance(content, OrderGiven)]
    (why,) = plan(lost, known, at).waits_for[GROUP]
    assert sentence(why) == "waits for the proof that n3 is off (loss 7.1)"


def test_who_leaves_is_not_marked_before_its_group_has_found_another_node() -> None:
    record = after(term(fresh(), *NODES, held={"n1": Holding.RUNNING}), Leaving(node="n1"))
    (stop,) = planned(record)
    assert isinstance(stop, OrderGiven)
    assert stop.kind.value == "stop"
    idle = after(term(fresh(), *NODES), Leaving(node="n1"))
    kinds = [type(content) for content in planned(idle)]
    assert kinds == [OrderGiven, Marked]
