"""Faulty links: who withdraws, and that nobody else does; nodes that each see a churning ring a little later."""

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

import pytest

from standfast.membershipd import withdrawal
from standfast.membershipd.withdrawal import LinksRead, Nothing, RingFormed, TermOpened, Wait, Watch, Withdraw, step

D = 2200  # DetectWithin
LOOK = 250  # between two looks at the links
SEEDS = range(16)
Pair = frozenset[int]


def pairs(*written: str) -> frozenset[Pair]:
    """pairs("1-2", "3-4"): these do not hear each other."""
    return frozenset(frozenset(map(int, one.split("-"))) for one in written)


@dataclass
class Node:
    watch: Watch
    next_look: int
    next_ring: int | None = None
    wants_look: int | None = None  # a ring came, or a wait is over
    silent: dict[int, int] = field(default_factory=dict)  # peer: since when its links are down, as knet tells
    gone_at: int | None = None
    withdrew: Withdraw | None = None

    @property
    def there(self) -> bool:
        return self.gone_at is None


class Cluster:
    """N nodes whose links fail in pairs. Where not all hear each other rings churn; where they do, a term opens."""

    def __init__(self, count: int, seed: int) -> None:
        self.dice = random.Random(seed)
        self.now = 0
        members = frozenset(range(1, count + 1))
        self.count = count
        self.bad: frozenset[Pair] = frozenset()
        self.other_churn = False  # tokens are lost although every link is up
        self.term_due: dict[int, int] = {}
        self.nodes = {
            me: Node(Watch(me=me, detect_within_ms=D, members=members), next_look=self.dice.randrange(LOOK))
            for me in members
        }

    # What the test does

    def fail(self, bad: frozenset[Pair]) -> None:
        """From now on exactly these pairs do not hear each other."""
        self.bad = bad
        self._links_changed()
        self._rings_change(D // 2, D * 8 // 5)

    def lose(self, node: int) -> None:
        """The node's power is cut."""
        self.nodes[node].gone_at = self.now
        self._links_changed()
        self._rings_change(D // 2, D)

    def run(self, until: int) -> None:
        while self.now < until:
            self.now += 25
            for me in sorted(self.nodes):
                if self.nodes[me].there:
                    self._turn(me)

    # What it looks at

    @property
    def withdrawn(self) -> set[int]:
        return {me for me, node in self.nodes.items() if node.withdrew}

    @property
    def rest(self) -> set[int]:
        return {me for me, node in self.nodes.items() if node.there}

    def calm(self) -> bool:
        """Every part of the cluster that is connected at all hears itself whole."""
        return all(self._whole(self._part(me)) for me in self.rest)

    # What the network and Corosync do

    def _hears(self, one: int, other: int) -> bool:
        return self.nodes[one].there and self.nodes[other].there and frozenset((one, other)) not in self.bad

    def _part(self, me: int) -> frozenset[int]:
        found, new = {me}, {me}
        while new:
            new = {other for other in self.nodes for one in new if self._hears(one, other)} - found
            found |= new
        return frozenset(found)

    def _whole(self, part: Iterable[int]) -> bool:
        return all(self._hears(one, other) for one in part for other in part if one != other)

    def _links_changed(self) -> None:
        """knet notices within half of DetectWithin, at both ends; that a link is up again likewise."""
        for me, node in self.nodes.items():
            for peer in self.nodes:
                if self._hears(me, peer):
                    node.silent.pop(peer, None)
                elif peer != me:
                    node.silent.setdefault(peer, self.now + self.dice.randrange(D // 2))

    def _rings_change(self, least: int, most: int) -> None:
        """All get a new ring, at about the same time."""
        at = self.now + self.dice.randrange(least, most)
        for node in self.nodes.values():
            ring_at = at + self.dice.randrange(D // 5)
            node.next_ring = min(ring_at, node.next_ring or ring_at)
        self.term_due.clear()

    def _turn(self, me: int) -> None:
        node = self.nodes[me]
        if node.next_ring is not None and self.now >= node.next_ring:
            self._tell(me, RingFormed(at_ms=self.now, sequence=self.now))
            self._after_ring(me)
        if self.term_due.get(me, self.now + 1) <= self.now:
            del self.term_due[me]
            self._tell(me, TermOpened(at_ms=self.now, members=self._part(me)))
        if self.now >= min(node.next_look, node.wants_look or node.next_look):
            node.next_look, node.wants_look = self.now + LOOK, None
            heard = frozenset(peer for peer in self.nodes if node.silent.get(peer, self.now + 1) > self.now)
            self._tell(me, LinksRead(at_ms=self.now, heard=heard))

    def _after_ring(self, me: int) -> None:
        node, part = self.nodes[me], self._part(me)
        node.wants_look = self.now + self.dice.randrange(50)
        if self.other_churn or not self._whole(part):
            # consensus, or token and consensus, and the machine's own hurry
            node.next_ring = self.now + self.dice.randrange(D // 2, D)
            return
        node.next_ring = None
        if 2 * len(part) > self.count:
            self.term_due[me] = self.now + 100

    def _tell(self, me: int, event: withdrawal.Event) -> None:
        node = self.nodes[me]
        node.watch, decision = step(node.watch, event)
        match decision:
            case Wait(until_ms=until) if until > self.now:
                node.next_look = min(node.next_look, until)
            case Withdraw():
                node.withdrew, node.gone_at = decision, self.now
                self._links_changed()
                self._rings_change(50, 200)


def after(count: int, bad: frozenset[Pair], seed: int, until: int = 20 * D) -> Cluster:
    cluster = Cluster(count, seed)
    cluster.run(4 * D)
    cluster.fail(bad)
    cluster.run(4 * D + until)
    return cluster


# Who goes


@pytest.mark.parametrize("seed", SEEDS)
def test_of_one_bad_pair_the_higher_id_goes_alone_and_the_churn_ends(seed: int) -> None:
    for count in (3, 4, 5, 9):
        one, other = sorted(random.Random(seed).sample(range(1, count + 1), 2))
        cluster = after(count, pairs(f"{one}-{other}"), seed)
        assert cluster.withdrawn == {other}, count
        assert cluster.calm()
        assert cluster.nodes[other].withdrew.missed == (one,)  # type: ignore[union-attr] # withdrawn, as said above


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    ("count", "bad", "within"), [(3, "1-2", 2 + 1), (5, "1-2", 6 + 1), (5, "4-2 4-3", 2 + 1), (5, "2-4 2-5", 4 + 1)]
)
def test_the_first_to_go_does_so_within_a_watchdogs_time_of_the_first_ring(
    count: int, bad: str, within: int, seed: int
) -> None:
    cluster = after(count, pairs(*bad.split()), seed)
    (went,) = (node for node in cluster.nodes.values() if node.withdrew is not None)
    assert went.withdrew is not None and went.gone_at is not None
    assert went.gone_at - went.withdrew.began_ms <= within * D


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("middle", [1, 3, 5])
def test_of_two_bad_pairs_with_one_node_in_common_that_one_goes(middle: int, seed: int) -> None:
    others = random.Random(seed).sample([node for node in range(1, 6) if node != middle], 2)
    cluster = after(5, pairs(*(f"{middle}-{other}" for other in others)), seed)
    assert cluster.withdrawn == {middle}
    assert cluster.calm()


@pytest.mark.parametrize("seed", SEEDS)
def test_the_middle_of_a_star_goes_although_its_id_is_the_lowest(seed: int) -> None:
    assert after(6, pairs("1-3", "1-4", "1-6"), seed).withdrawn == {1}


@pytest.mark.parametrize("seed", SEEDS)
def test_two_bad_pairs_apart_leave_a_majority_that_works(seed: int) -> None:
    cluster = after(5, pairs("1-2", "3-5"), seed)
    assert cluster.withdrawn == {2, 5}
    assert cluster.calm()
    assert {node.watch.members for me, node in cluster.nodes.items() if me in cluster.rest} == {frozenset({1, 3, 4})}


@pytest.mark.parametrize("seed", SEEDS)
def test_a_second_pair_that_fails_in_the_middle_of_the_first_ones_wait_is_dealt_with_too(seed: int) -> None:
    cluster = Cluster(7, seed)
    cluster.fail(pairs("1-2"))
    cluster.run(5 * D)
    cluster.fail(pairs("1-2", "3-4"))
    cluster.run(40 * D)
    assert cluster.withdrawn >= {2, 4}  # 1 cannot know that it is not in the way any more
    assert len(cluster.rest) >= 4
    assert cluster.calm()


@pytest.mark.parametrize("seed", SEEDS)
def test_a_node_lost_during_the_churn_costs_nobody_else(seed: int) -> None:
    cluster = Cluster(5, seed)
    cluster.fail(pairs("3-4"))
    cluster.run(4 * D)
    cluster.lose(1)
    cluster.run(40 * D)
    assert cluster.withdrawn == {4}
    assert cluster.calm()


@pytest.mark.parametrize("seed", SEEDS)
def test_when_the_first_does_not_go_the_second_does(seed: int) -> None:
    cluster = Cluster(3, seed)
    cluster.nodes[2].watch = replace(cluster.nodes[2].watch, members=frozenset({2}))  # it never finds anybody missing
    cluster.fail(pairs("1-2"))
    cluster.run(20 * D)
    assert cluster.withdrawn == {1}
    assert cluster.calm()


@pytest.mark.parametrize("seed", SEEDS)
def test_a_newcomer_with_a_bad_link_goes_and_no_member_does(seed: int) -> None:
    cluster = Cluster(4, seed)
    for me in (2, 3, 4):
        cluster.nodes[me].watch = replace(cluster.nodes[me].watch, members=frozenset({2, 3, 4}))
    cluster.fail(pairs("1-3"))
    cluster.run(20 * D)
    assert cluster.withdrawn == {1}


# Nobody goes


NOBODY: dict[str, Callable[[Cluster], None]] = {
    "a plain partition": lambda cluster: cluster.fail(pairs(*(f"{a}-{b}" for a in (1, 2) for b in (3, 4, 5)))),
    "one node cut off": lambda cluster: cluster.fail(pairs("1-2", "1-3", "1-4", "1-5")),
    "one node lost": lambda cluster: cluster.lose(3),
    "one of two links down": lambda cluster: None,  # the peer is heard over the other one
}


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", NOBODY)
def test_nobody_goes_for(name: str, seed: int) -> None:
    cluster = Cluster(5, seed)
    cluster.run(4 * D)
    NOBODY[name](cluster)
    cluster.run(40 * D)
    assert cluster.withdrawn == set()
    assert cluster.calm()


@pytest.mark.parametrize("seed", SEEDS)
def test_nobody_goes_for_churn_of_nodes_that_all_hear_each_other(seed: int) -> None:
    cluster = Cluster(3, seed)
    cluster.other_churn = True
    cluster.fail(frozenset())
    cluster.run(40 * D)
    assert cluster.withdrawn == set()
    assert len(cluster.nodes[1].watch.rings) > withdrawal.RINGS, "there was churn"


@pytest.mark.parametrize("seed", SEEDS)
def test_nobody_goes_for_churn_that_ends_early(seed: int) -> None:
    cluster = Cluster(3, seed)
    cluster.fail(pairs("1-2"))
    cluster.run(2 * D)
    cluster.fail(frozenset())
    cluster.run(40 * D)
    assert cluster.withdrawn == set()


@pytest.mark.parametrize("seed", SEEDS)
def test_nobody_goes_for_a_lost_node_while_the_others_lose_a_few_tokens_before_they_open_a_term(seed: int) -> None:
    """All of them miss it; for longer than this it could not be told from a faulty link."""
    cluster = Cluster(3, seed)
    cluster.lose(3)
    cluster.other_churn = True
    cluster.run(2 * D)
    cluster.other_churn = False
    cluster.run(40 * D)
    assert cluster.withdrawn == set()


@pytest.mark.parametrize("seed", SEEDS)
def test_nobody_goes_for_a_node_that_comes_and_goes_while_another_one_is_off(seed: int) -> None:
    """Without a quorum no term names who is here; each coming and going begins the wait anew."""
    cluster = Cluster(4, seed)
    cluster.lose(4)
    cluster.run(D)
    for _ in range(8):
        cluster.fail(pairs("1-3", "2-3", "3-4"))
        cluster.run(cluster.now + D)
        cluster.fail(frozenset())
        cluster.run(cluster.now + D)
    assert cluster.withdrawn == set()


# The turns


def test_without_turns_both_ends_of_a_bad_pair_would_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """That the turns, and not the drive above, keep the others."""
    monkeypatch.setattr(withdrawal, "_turn", lambda me, missed, peers: 0)
    assert {frozenset(after(3, pairs("1-2"), seed).withdrawn) for seed in SEEDS} >= {frozenset({1, 2})}


def test_without_the_members_missed_in_a_star_its_ends_would_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(withdrawal, "_turn", lambda me, missed, peers: 0 if me > max(missed) else 1)
    assert after(5, pairs("1-2", "1-3"), 1).withdrawn != {1}


def test_who_misses_more_is_never_later_and_of_equals_the_higher_id_is_earlier() -> None:
    turn = withdrawal._turn
    for peers in range(2, 16):
        for missed in range(1, peers):
            high, low = turn(99, frozenset(range(missed)), peers), turn(0, frozenset(range(1, missed + 1)), peers)
            assert high <= low < 4
            if missed < 3:
                assert high < low
            if missed > 1:
                assert low <= turn(99, frozenset(range(missed - 1)), peers)
    assert turn(0, frozenset({1}), 2) == 1, "of three nodes the second turn is the last"


# Single steps


def watching(missed: set[int], *, members: int = 3, me: int = 2) -> Watch:
    watch = Watch(me=me, detect_within_ms=D, members=frozenset(range(1, members + 1)))
    return step(watch, LinksRead(at_ms=0, heard=watch.members - missed - {me}))[0]


def told(watch: Watch, *events: withdrawal.Event) -> tuple[Watch, withdrawal.Decision]:
    decision: withdrawal.Decision = Nothing()
    for event in events:
        watch, decision = step(watch, event)
    return watch, decision


def rings(*times: int) -> list[RingFormed]:
    return [RingFormed(at_ms=at, sequence=at) for at in times]


def test_two_rings_are_no_churn_and_the_third_begins_the_wait() -> None:
    watch, decision = told(watching({1}), *rings(1000, 2000))
    assert decision == Nothing()
    watch, decision = told(watch, *rings(3000))
    assert decision == Wait(until_ms=1000 + 2 * D)


def test_a_ring_never_withdraws_by_itself_only_the_links_read_after_it_do() -> None:
    watch, decision = told(watching({1}), *rings(1000, 2000, 3000, 4000, 5000, 6000))
    assert decision == Wait(until_ms=6000)
    assert step(watch, LinksRead(at_ms=6001, heard=frozenset({1, 3})))[1] == Nothing()
    assert step(watch, LinksRead(at_ms=6001, heard=frozenset({3})))[1] == Withdraw(
        missed=(1,), rings=(1000, 2000, 3000, 4000, 5000, 6000), began_ms=1000
    )


def test_a_wait_that_is_over_waits_for_one_more_ring_or_the_end_of_the_churn() -> None:
    watch, _ = told(watching({1}), *rings(1000, 2000, 3000))
    watch, decision = told(watch, LinksRead(at_ms=1000 + 2 * D, heard=frozenset({3})))
    assert decision == Wait(until_ms=3000 + 2 * D)
    assert step(watch, LinksRead(at_ms=3000 + 2 * D, heard=frozenset({3})))[1] == Nothing()


def test_three_rings_that_come_slowly_are_no_churn() -> None:
    watch = watching({1})
    for at in range(0, 40 * D, 3 * D):
        watch, decision = told(watch, *rings(at), LinksRead(at_ms=at, heard=frozenset({3})))
        assert decision == Nothing()


def test_a_member_counts_from_when_it_is_missed() -> None:
    watch, decision = told(watching({1}, members=5), *rings(1000, 2000, 3000))
    assert decision == Wait(until_ms=1000 + 3 * 2 * D)
    watch, decision = told(watch, LinksRead(at_ms=4000, heard=frozenset({4, 5})))
    assert decision == Wait(until_ms=4000 + 2 * 2 * D), "with 3 it misses two, and 3 has the higher id"
    watch, _ = told(watch, LinksRead(at_ms=5000, heard=frozenset({3, 4, 5})))
    _, decision = told(watch, LinksRead(at_ms=6000, heard=frozenset({4, 5})))
    assert decision == Wait(until_ms=6000 + 2 * 2 * D), "3 came back in between: all began anew"


def test_an_opened_term_takes_who_is_not_in_it_off_the_missed_ones() -> None:
    watch, decision = told(watching({1}), *rings(1000, 2000, 3000))
    assert isinstance(decision, Wait)
    watch, decision = told(watch, TermOpened(at_ms=3100, members=frozenset({2, 3})))
    assert decision == Nothing()
    assert told(watch, *rings(4000, 5000, 6000), LinksRead(at_ms=9000, heard=frozenset({3})))[1] == Nothing()


def test_a_node_that_hears_everybody_never_withdraws() -> None:
    watch = watching(set())
    for at in range(1000, 100_000, 500):
        watch, decision = told(watch, *rings(at), LinksRead(at_ms=at + 1, heard=frozenset({1, 3})))
        assert decision == Nothing()
    assert len(watch.rings) <= 32
