"""Which nodes together may act, by the votes of the configuration (votequorum(5), corosync-qdevice(8)). Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from standfast.configuration.model import Cluster, Configuration, Node, Problem, Source

_ARBITER_TIMEOUT_MS = (2_500, 150_000)  # qnetd accepts heartbeats of 1 s to 2 min, and one is 0.8 of the timeout


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What makes nodes quorate. votequorum has the last word for a ring; this is the same sum, for any set of nodes."""

    votes_of: Mapping[str, int] = field(default_factory=dict)  # every configured node, by id
    two_node: bool = False  # one of the two nodes is enough: fencing decides who goes on
    auto_tie_breaker: bool = False  # exactly half is enough where the lowest node is
    last_man_standing: bool = False  # votequorum expects fewer votes after each loss that left a majority
    arbiter_votes: int = 0  # 0: there is none

    @property
    def expected(self) -> int:
        """All votes there are, the arbiter's with them."""
        return sum(self.votes_of.values()) + self.arbiter_votes

    @property
    def needed(self) -> int:
        """The votes that make a view quorate (a tie breaker may be content with one less)."""
        return 1 if self.two_node else self.expected // 2 + 1

    @property
    def wait_for_all(self) -> bool:
        """After a cold start nobody is quorate before all nodes were seen together once."""
        return self.two_node or self.auto_tie_breaker or self.last_man_standing

    def votes(self, names: Iterable[str], *, arbiter: bool = False) -> int:
        """The votes of these nodes; a node that is not configured has none."""
        return sum(self.votes_of.get(name, 0) for name in set(names)) + (self.arbiter_votes if arbiter else 0)

    def majority(self, names: frozenset[str]) -> bool:
        """They have more than half of all nodes' votes: no other nodes can say that of themselves."""
        return 2 * self.votes(names) > sum(self.votes_of.values())

    def holds(
        self,
        names: frozenset[str],
        arbiter: bool = False,
        *,
        expected: int | None = None,
        before: frozenset[str] | None = None,
    ) -> bool:
        """These nodes are quorate; `arbiter`: it gives its vote to them.

        `expected`: the votes that votequorum expects now, where LastManStanding has lowered them. `before`: who was
        together when there last was a majority; the lowest of them breaks a tie, as votequorum has it (None: all
        configured nodes). Without these two no two sets without a common node both hold the quorum, but with
        two_node.
        """
        votes = self.votes(names, arbiter=arbiter)
        if votes == 0:
            return False
        if self.two_node:
            return True
        all_votes = self.expected if expected is None else expected
        if 2 * votes > all_votes:
            return True
        return self.auto_tie_breaker and 2 * votes == all_votes and self._lowest(before) in names

    def may_hold(self, names: frozenset[str], without: frozenset[str] = frozenset()) -> bool:
        """votequorum could call these nodes quorate: the arbiter may vote for them, or votes may have been lowered.
        `without`: the nodes that an operator's word stands for; with these nodes they must be all there are."""
        if without and names | without >= set(self.votes_of):
            return self.votes(names) > 0
        if self.last_man_standing and self.votes(names) > 0 and (len(names) > 1 or self.auto_tie_breaker):
            return True
        if self.auto_tie_breaker and 2 * self.votes(names) == self.expected:
            return True
        return self.holds(names, arbiter=True)

    def _lowest(self, before: frozenset[str] | None) -> str | None:
        return next((name for name in self.votes_of if before is None or name in before), None)


def quorum_of(configuration: Configuration) -> Rules:
    """The rules of a checked configuration."""
    return rules(configuration.cluster, configuration.nodes)


def rules(cluster: Cluster, nodes: Sequence[Node]) -> Rules:
    """The rules of a cluster of these nodes. Without TwoNode= two nodes of one vote each are a two_node cluster."""
    two = cluster.two_node
    if two is None:
        plain = not cluster.arbiter and not cluster.auto_tie_breaker
        two = plain and [node.votes for node in nodes] == [1, 1]
    return Rules(
        votes_of={node.name: node.votes for node in sorted(nodes, key=lambda node: node.id)},
        two_node=two,
        auto_tie_breaker=cluster.auto_tie_breaker,
        last_man_standing=cluster.last_man_standing,
        arbiter_votes=1 if cluster.arbiter else 0,
    )


def read_at_start(cluster: Cluster) -> dict[str, str | bool]:
    """By key: the settings that a running Corosync does not take from a changed file (votequorum(5), VARIOUS NOTES;
    totem.cluster_name)."""
    return {
        "Name": cluster.name,
        "AutoTieBreaker": cluster.auto_tie_breaker,
        "LastManStanding": cluster.last_man_standing,
    }


def arbiter_timeout_ms(detect_within_ms: int) -> int:
    """qdevice's timeout; a heartbeat is 0.8 of it, and the arbiter misses a dead node after 1.2 of it at the latest."""
    shortest, longest = _ARBITER_TIMEOUT_MS
    return min(max(2 * detect_within_ms, shortest), longest)


def arbiter_sync_timeout_ms(detect_within_ms: int) -> int:
    """How long a new ring waits for the arbiter's vote before it goes on without: longer than that takes."""
    return 2 * arbiter_timeout_ms(detect_within_ms)


def arbiter_lingers_ms(cluster: Cluster) -> int | None:
    """After DetectWithin, how long a node that is cut off from its peers and the arbiter may still count its vote.

    It may miss a heartbeat after 1.6 of the timeout only, and its new ring waits for the vote in that time. None:
    there is no arbiter.
    """
    return arbiter_sync_timeout_ms(cluster.detect_within_ms) if cluster.arbiter else None


def quorum_problems(cluster: Cluster, nodes: Sequence[Node]) -> list[Problem]:
    """What is wrong with the quorum options of this cluster, each with the line to change."""
    problems: list[Problem] = []
    if cluster.two_node:
        problems += _told(cluster, "TwoNode", _two_node(cluster, nodes))
    if cluster.auto_tie_breaker:
        problems += _told(cluster, "AutoTieBreaker", _tie_breaker(cluster, nodes))
    if cluster.last_man_standing:
        problems += _told(cluster, "LastManStanding", _last_man(nodes))
    if cluster.arbiter:
        problems += _told(cluster, "Arbiter", _arbiter(cluster, nodes))
        problems += _waits(cluster)
    return problems


def _two_node(cluster: Cluster, nodes: Sequence[Node]) -> Iterable[str]:
    if len(nodes) != 2:
        yield f"TwoNode=yes is for exactly two nodes, and there are {len(nodes)}; remove it"
    elif uneven := _uneven(nodes):
        yield f"TwoNode=yes needs one vote for each node; {uneven}"
    if cluster.arbiter:
        yield "TwoNode=yes and Arbiter= exclude each other; remove TwoNode=, the arbiter is the better tie breaker"
    elif cluster.auto_tie_breaker:
        yield "TwoNode=yes and AutoTieBreaker=yes exclude each other; remove one of them"


def _tie_breaker(cluster: Cluster, nodes: Sequence[Node]) -> Iterable[str]:
    votes = sum(node.votes for node in nodes)
    if votes % 2 and not cluster.last_man_standing:
        yield f"AutoTieBreaker=yes has nothing to decide: {votes} votes never split into halves; remove it"
    if cluster.arbiter:
        yield "AutoTieBreaker=yes and Arbiter= exclude each other; remove one of them"


def _last_man(nodes: Sequence[Node]) -> Iterable[str]:
    if len(nodes) < 3:
        yield f"LastManStanding=yes needs three nodes or more, and there are {len(nodes)}; remove it"
    elif uneven := _uneven(nodes):
        yield f"LastManStanding=yes needs one vote for each node; {uneven}"


def _arbiter(cluster: Cluster, nodes: Sequence[Node]) -> Iterable[str]:
    if len(nodes) % 2:
        yield f"an arbiter is for an even number of nodes, and there are {len(nodes)}; remove Arbiter="
    elif uneven := _uneven(nodes):
        yield f"an arbiter needs one vote for each node; {uneven}"
    if cluster.last_man_standing:
        yield "Arbiter= and LastManStanding=yes exclude each other; remove one of them"
    for node in nodes:
        if cluster.arbiter == node.name or cluster.arbiter in node.addresses:
            yield f"{cluster.arbiter} is {node.name} itself; the arbiter must be a machine outside of the cluster"


def _waits(cluster: Cluster) -> Iterable[Problem]:
    """A ring that still waits for the arbiter's word must not be taken for one that lost the quorum."""
    needed_ms = arbiter_timeout_ms(cluster.detect_within_ms) * 12 // 10 - cluster.detect_within_ms
    if cluster.quorum_wait_ms < needed_ms:
        text = f"QuorumWait= must be {needed_ms} ms or more: so long the arbiter may need to miss a lost node"
        source = cluster.sources.get("QuorumWait") or cluster.sources.get("DetectWithin") or _source(cluster, "Arbiter")
        yield Problem(source=source, text=text)


def _uneven(nodes: Sequence[Node]) -> str:
    """ "" when every node has one vote."""
    node = next((node for node in nodes if node.votes != 1), None)
    return "" if node is None else f"{node.name} has Votes={node.votes}, remove that"


def _told(cluster: Cluster, key: str, texts: Iterable[str]) -> list[Problem]:
    return [Problem(source=_source(cluster, key), text=text) for text in texts]


def _source(cluster: Cluster, key: str) -> Source:
    return cluster.sources.get(key, Source(path="cluster.conf", line=0))
