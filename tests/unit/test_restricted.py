"""A group on a node that its restricted domain does not allow any more: it leaves, unless it would start nowhere."""

from dataclasses import replace

import pytest

from standfast.configuration.model import Domain, Source
from standfast.resourced.messages import Installed, OrderGiven, WishKind
from standfast.resourced.placement import Decided
from standfast.resourced.record import Record
from standfast.vocabulary import Holding
from unit.cluster import GROUP, NODES, after, fresh, situation, term
from unit.test_placement import PLAIN, configured, decided, lost, order, reported, running, steps, text, wished

LEAVES = ("stop", "n3", "its restricted domain does not allow n3")


@pytest.mark.parametrize("failback", [False, True])
@pytest.mark.parametrize("holding", [Holding.RUNNING, Holding.QUEUED, Holding.STOPPING])
def test_where_its_restricted_domain_does_not_allow_it_any_more_it_leaves(holding: Holding, failback: bool) -> None:
    known = configured(failback=failback, restricted=True)
    record = reported(term(fresh(), *NODES), "n3", holding)
    assert order(record, known) == LEAVES
    assert order(reported(record, "n3", Holding.NOTHING), known)[:2] == ("start", "n1")


def test_what_has_left_its_node_is_looked_for_there_until_it_runs_elsewhere() -> None:
    known = configured(restricted=True)
    record = reported(running("n3"), "n3", Holding.NOTHING)
    record = term(record, "n1", "n2", number=8)
    assert text(decided(lost(record, "n3"), known).waits_for[0]) == "waits for the proof that n3 is off (loss 7.1)"
    gone = situation(ring=frozenset({"n1", "n2"}))
    assert order(lost(record, "n3", proven=True), known, gone)[:2] == ("start", "n1")


def test_the_reason_to_leave_names_the_line_of_the_domains_nodes() -> None:
    known = configured(restricted=True)
    domain = replace(known.domains[0], sources={"Nodes": Source(path="cluster.conf", line=7)})
    (leaves,) = steps(running("n3"), replace(known, domains=(domain,)))
    assert isinstance(leaves, OrderGiven)
    assert [why.setting for why in leaves.reasons] == ["cluster.conf:7"]


def test_outside_of_a_domain_that_is_not_restricted_it_stays() -> None:
    domain = Domain(name="web", nodes=("n1", "n2"), ordered=True)
    assert decided(running("n3"), replace(PLAIN, domains=(domain,))) == Decided()


def avoided(record: Record, *names: str) -> Record:
    """With MaxRestarts=0."""
    for name in names:
        record = reported(record, name, Holding.NOTHING, "broken")
    return record


@pytest.mark.parametrize(
    ("record", "nodes", "why"),
    [
        (
            wished(wished(running("n3"), WishKind.STANDBY, "n1"), WishKind.STANDBY, "n2"),
            ("n1", "n2"),
            "n1 is in standby; n2 is in standby",
        ),
        (lost(running("n3"), "n2"), ("n1", "n2"), "waits for the proof that n2 is off (loss 7.1)"),
        (avoided(running("n3"), "n1", "n2"), ("n1", "n2"), "it failed on n1 lately (1); it failed on n2 lately (1)"),
        (
            after(running("n3"), Installed(node="n1", installed="d0", available="d1")),
            ("n1",),
            "n1 has not the configuration in force",
        ),
        (running("n3"), (), "no node can run it now"),
    ],
    ids=["standby", "lost", "avoided", "behind", "nobody"],
)
def test_it_is_not_stopped_though_its_restricted_domain_forbids_it_while_nobody_else_would_start_it(
    record: Record, nodes: tuple[str, ...], why: str
) -> None:
    domain = Domain(name="web", nodes=nodes, ordered=True, restricted=True)
    known = replace(configured(max_restarts=0), domains=(domain,))
    (outside,) = decided(record, known).waits_for
    assert text(outside) == f"stays on n3, which its restricted domain does not allow: {why}"
    assert steps(record, known) == ()


def test_it_leaves_as_soon_as_one_node_of_its_restricted_domain_would_start_it() -> None:
    known = configured(restricted=True, max_restarts=0)
    record = wished(wished(running("n3"), WishKind.STANDBY, "n1"), WishKind.STANDBY, "n2")
    assert order(wished(record, WishKind.RESUME, "n2"), known) == LEAVES
    assert order(avoided(running("n3"), "n1"), known) == LEAVES
    assert order(lost(running("n3"), "n2", proven=True), known) == LEAVES


@pytest.mark.parametrize(
    ("kind", "subject", "why"),
    [
        (WishKind.FREEZE, GROUP, "frozen by an operator: nothing is done with it"),
        (WishKind.MAINTENANCE, "", "the cluster is in maintenance: nothing is done with its groups"),
    ],
)
def test_what_nothing_is_done_with_stays_outside_of_its_restricted_domain(
    kind: WishKind, subject: str, why: str
) -> None:
    at_rest = decided(wished(running("n3"), kind, subject), configured(restricted=True))
    assert at_rest.contents == ()
    assert [text(one) for one in at_rest.waits_for] == [why, "its restricted domain does not allow n3"]


def test_an_operators_wish_comes_before_the_restricted_domain() -> None:
    known = configured(restricted=True)
    relocated = wished(running("n3"), WishKind.RELOCATE, node="n2")
    assert order(relocated, known) == ("stop", "n3", "relocated to n2 by an operator")
    assert order(wished(running("n3"), WishKind.STOP), known) == ("stop", "n3", "stopped by an operator")
    kept = wished(wished(running("n3"), WishKind.STANDBY, "n1"), WishKind.STANDBY, "n2")
    assert order(wished(kept, WishKind.RESTART), known)[0] == "restart"
