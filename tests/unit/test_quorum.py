"""Which nodes may act together, and the sentence for each set of options that cannot work."""

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from standfast.configuration.model import Cluster, Configuration, Node, Source
from standfast.configuration.quorum import (
    Rules,
    arbiter_lingers_ms,
    arbiter_sync_timeout_ms,
    arbiter_timeout_ms,
    quorum_of,
    quorum_problems,
)


def nodes(*votes: int) -> tuple[Node, ...]:
    return tuple(
        Node(name=f"n{number}", id=number, addresses=(f"192.0.2.{10 + number}",), votes=count)
        for number, count in enumerate(votes, 1)
    )


def made(*votes: int, **options: object) -> Rules:
    cluster = Cluster(name="webha", **options)  # type: ignore[arg-type]
    configuration = Configuration(cluster=cluster, nodes=nodes(*votes), devices=(), domains=(), groups=(), digest="d1")
    return quorum_of(configuration)


def holding(rules: Rules, arbiter: bool = False) -> set[str]:
    """Every set of nodes that holds the quorum, as "n1 n2"."""
    names = tuple(rules.votes_of)
    sets = (some for size in range(len(names) + 1) for some in combinations(names, size))
    return {" ".join(some) for some in sets if rules.holds(frozenset(some), arbiter)}


def test_more_than_half_of_the_votes_is_the_rule() -> None:
    rules = made(1, 1, 1)
    assert (rules.expected, rules.needed, rules.wait_for_all) == (3, 2, False)
    assert holding(rules) == {"n1 n2", "n1 n3", "n2 n3", "n1 n2 n3"}
    assert holding(made(1, 1, 1, 1)) == {"n1 n2 n3", "n1 n2 n4", "n1 n3 n4", "n2 n3 n4", "n1 n2 n3 n4"}
    assert rules.votes(["n1", "n1", "stranger"]) == 1


def test_votes_weigh() -> None:
    rules = made(3, 1, 1)
    assert (rules.expected, rules.needed) == (5, 3)
    assert holding(rules) == {"n1", "n1 n2", "n1 n3", "n1 n2 n3"}
    assert holding(made(1, 1, 0)) == {"n1 n2", "n1 n2 n3"}


def test_two_nodes_of_one_vote_each_are_a_two_node_cluster_unless_told_otherwise() -> None:
    rules = made(1, 1)
    assert (rules.two_node, rules.needed, rules.wait_for_all) == (True, 1, True)
    assert holding(rules) == {"n1", "n2", "n1 n2"}
    assert holding(made(1, 1, two_node=False)) == {"n1 n2"}
    assert holding(made(2, 1)) == {"n1", "n1 n2"}
    assert holding(made(1, 0)) == {"n1", "n1 n2"}
    assert not made(1, 1).majority(frozenset({"n1"}))


def test_the_tie_breaker_is_content_with_exactly_half_where_the_lowest_node_is() -> None:
    rules = made(1, 1, auto_tie_breaker=True)
    assert (rules.two_node, rules.needed, rules.wait_for_all) == (False, 2, True)
    assert holding(rules) == {"n1", "n1 n2"}
    four = made(1, 1, 1, 1, auto_tie_breaker=True)
    halves = {"n1 n2", "n1 n3", "n1 n4"}
    assert holding(four) == halves | {"n1 n2 n3", "n1 n2 n4", "n1 n3 n4", "n2 n3 n4", "n1 n2 n3 n4"}


def test_the_tie_breaker_is_the_lowest_of_those_who_were_together_before() -> None:
    four = made(1, 1, 1, 1, auto_tie_breaker=True)
    assert four.holds(frozenset({"n2", "n3"}), before=frozenset({"n2", "n3", "n4"}))
    assert not four.holds(frozenset({"n3", "n4"}), before=frozenset({"n2", "n3", "n4"}))


def test_the_arbiters_vote_goes_to_one_side() -> None:
    rules = made(1, 1, arbiter="qnetd.example.com")
    assert (rules.two_node, rules.expected, rules.needed, rules.wait_for_all) == (False, 3, 2, False)
    assert holding(rules) == {"n1 n2"}
    assert holding(rules, arbiter=True) == {"n1", "n2", "n1 n2"}
    assert not rules.holds(frozenset(), arbiter=True)
    assert rules.votes({"n1"}, arbiter=True) == 2
    assert holding(made(1, 1, 1, 1, arbiter="192.0.2.99"), arbiter=True) >= {"n1 n2", "n3 n4"}
    assert not made(1, 1, 1, 1, arbiter="192.0.2.99").holds(frozenset({"n1"}), arbiter=True)


def test_the_last_man_stands_where_votequorum_expects_fewer_votes() -> None:
    rules = made(1, 1, 1, 1, last_man_standing=True)
    pair = frozenset({"n3", "n4"})
    assert rules.wait_for_all
    assert not rules.holds(pair)
    assert rules.holds(pair, expected=3)
    assert rules.may_hold(pair)
    assert not rules.may_hold(frozenset({"n4"}))
    assert made(1, 1, 1, 1, last_man_standing=True, auto_tie_breaker=True).may_hold(frozenset({"n4"}))


RULES = st.builds(
    lambda votes, breaker, arbiter, last: made(
        *votes,
        auto_tie_breaker=breaker and not arbiter,
        arbiter="arbiter" if arbiter else "",
        last_man_standing=last,
    ),
    st.lists(st.integers(0, 3), min_size=1, max_size=6),
    st.booleans(),
    st.booleans(),
    st.booleans(),
)


@settings(deadline=None)  # a loaded machine keeps no time
@given(RULES, st.lists(st.booleans(), min_size=6, max_size=6), st.booleans())
def test_no_two_sides_of_a_cut_hold_the_quorum_and_only_one_has_the_arbiter(
    rules: Rules, sides: list[bool], arbiter: bool
) -> None:
    here = frozenset(name for name, side in zip(rules.votes_of, sides, strict=False) if side)
    there = frozenset(rules.votes_of) - here
    if rules.two_node:
        assert rules.holds(here) or rules.holds(there)
        return
    assert not (rules.holds(here, arbiter) and rules.holds(there, not arbiter))
    assert not (rules.majority(here) and rules.majority(there))


@settings(deadline=None)  # a loaded machine keeps no time
@given(RULES, st.lists(st.booleans(), min_size=6, max_size=6), st.booleans())
def test_whoever_holds_the_quorum_may_hold_it_and_has_the_votes(rules: Rules, sides: list[bool], arbiter: bool) -> None:
    here = frozenset(name for name, side in zip(rules.votes_of, sides, strict=False) if side)
    if rules.holds(here, arbiter):
        assert rules.may_hold(here)
        assert rules.votes(here, arbiter=arbiter) >= rules.needed - rules.auto_tie_breaker


# Options of a cluster of nodes with these votes, and everything that is told.
WRONG: list[tuple[dict[str, object], tuple[int, ...], list[str]]] = [
    ({}, (1, 1), []),
    ({"two_node": True}, (1, 1), []),
    ({"two_node": False}, (1, 1, 1), []),
    ({"auto_tie_breaker": True}, (1, 1), []),
    ({"auto_tie_breaker": True}, (2, 1, 1), []),
    ({"last_man_standing": True}, (1, 1, 1), []),
    ({"last_man_standing": True, "auto_tie_breaker": True}, (1, 1, 1), []),
    ({"arbiter": "192.0.2.99"}, (1, 1), []),
    ({"arbiter": "192.0.2.99"}, (1, 1, 1, 1), []),
    (
        {"two_node": True},
        (1, 1, 1),
        ["c:TwoNode: TwoNode=yes is for exactly two nodes, and there are 3; remove it"],
    ),
    (
        {"two_node": True},
        (1, 2),
        ["c:TwoNode: TwoNode=yes needs one vote for each node; n2 has Votes=2, remove that"],
    ),
    (
        {"two_node": True, "arbiter": "192.0.2.99"},
        (1, 1),
        [
            "c:TwoNode: TwoNode=yes and Arbiter= exclude each other; "
            "remove TwoNode=, the arbiter is the better tie breaker"
        ],
    ),
    (
        {"two_node": True, "auto_tie_breaker": True},
        (1, 1),
        ["c:TwoNode: TwoNode=yes and AutoTieBreaker=yes exclude each other; remove one of them"],
    ),
    (
        {"auto_tie_breaker": True},
        (1, 1, 1),
        ["c:AutoTieBreaker: AutoTieBreaker=yes has nothing to decide: 3 votes never split into halves; remove it"],
    ),
    (
        {"auto_tie_breaker": True, "arbiter": "192.0.2.99"},
        (1, 1),
        ["c:AutoTieBreaker: AutoTieBreaker=yes and Arbiter= exclude each other; remove one of them"],
    ),
    (
        {"last_man_standing": True},
        (1, 1),
        ["c:LastManStanding: LastManStanding=yes needs three nodes or more, and there are 2; remove it"],
    ),
    (
        {"last_man_standing": True},
        (1, 1, 2),
        ["c:LastManStanding: LastManStanding=yes needs one vote for each node; n3 has Votes=2, remove that"],
    ),
    (
        {"last_man_standing": True, "arbiter": "192.0.2.99"},
        (1, 1, 1, 1),
        ["c:Arbiter: Arbiter= and LastManStanding=yes exclude each other; remove one of them"],
    ),
    (
        {"arbiter": "192.0.2.99"},
        (1, 1, 1),
        ["c:Arbiter: an arbiter is for an even number of nodes, and there are 3; remove Arbiter="],
    ),
    (
        {"arbiter": "192.0.2.99"},
        (1, 0),
        ["c:Arbiter: an arbiter needs one vote for each node; n2 has Votes=0, remove that"],
    ),
    (
        {"arbiter": "192.0.2.12"},
        (1, 1),
        ["c:Arbiter: 192.0.2.12 is n2 itself; the arbiter must be a machine outside of the cluster"],
    ),
    (
        {"arbiter": "n1"},
        (1, 1),
        ["c:Arbiter: n1 is n1 itself; the arbiter must be a machine outside of the cluster"],
    ),
    (
        {"arbiter": "192.0.2.99", "detect_within_ms": 5000},
        (1, 1),
        ["c:Arbiter: QuorumWait= must be 7000 ms or more: so long the arbiter may need to miss a lost node"],
    ),
    ({"arbiter": "192.0.2.99", "detect_within_ms": 5000, "quorum_wait_ms": 7000}, (1, 1), []),
]


@pytest.mark.parametrize(("options", "votes", "told"), WRONG)
def test_options_that_cannot_work_are_told_with_the_line_to_change(
    options: dict[str, object], votes: tuple[int, ...], told: list[str]
) -> None:
    names = ("TwoNode", "AutoTieBreaker", "LastManStanding", "Arbiter")
    sources = {name: Source(path=f"c:{name}", line=0) for name in names}
    cluster = Cluster(name="webha", sources=sources, **options)  # type: ignore[arg-type]
    assert [str(problem) for problem in quorum_problems(cluster, nodes(*votes))] == told


def test_the_arbiters_times_follow_from_the_time_to_notice_a_loss() -> None:
    assert (arbiter_timeout_ms(2200), arbiter_sync_timeout_ms(2200)) == (4400, 8800)
    assert arbiter_lingers_ms(Cluster(name="webha", arbiter="192.0.2.99")) == 8800
    assert arbiter_lingers_ms(Cluster(name="webha")) is None
    assert arbiter_timeout_ms(1100) == 2500  # a heartbeat of less than a second is refused by qnetd
    assert arbiter_timeout_ms(300_000) == 150_000
    for detect_within_ms in (1100, 2200, 60_000, 300_000):
        # a ring must not go on without the vote before the arbiter can have missed the dead node
        assert arbiter_sync_timeout_ms(detect_within_ms) > arbiter_timeout_ms(detect_within_ms) * 1.2
