"""How long a node with a watchdog can still run something after the others lost it (DESIGN section 5); pure.

A watchdog is a timer that resets its machine unless it is fed. While a node holds anything it is fed only while the
node's own ticks are echoed by a quorum; so a node that the others have lost is fed until the last echo is TickMax old,
and is reset its timeout later. All times are milliseconds.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from standfast.configuration.model import Cluster, Node

DEFAULT_TIMEOUT_MS: Final = 30_000  # of a node without WatchdogTimeout=, unless the shortest allowed is longer
CHURN_DETECTIONS: Final = 5  # three new rings within so many times DetectWithin are churn
WITHDRAWAL_STEPS: Final = 2
WITHDRAWAL_DETECTIONS: Final = 2  # each step of withdrawal waits so many times DetectWithin
LATE_MS: Final = 500  # a feed that came later than this after it was allowed is answered by a reset (quorumd)
_LEAST_MARGIN_MS: Final = 2_000
_MARGIN_SHARE: Final = 10  # a tenth of the timeout


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of an explanation for people: what, how long, and why."""

    name: str
    ms: int
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the configuration wants of this node's watchdog."""

    device: str  # a path, or "auto"
    trust: bool
    timeout_ms: int
    shortest_ms: int
    tick_max_ms: int  # the longest that one word of resourced allows to feed


def wanted(cluster: Cluster, node: Node) -> Wanted | None:
    """What `node` wants; None: it has no watchdog."""
    if node.watchdog is None:
        return None
    return Wanted(
        device=node.watchdog,
        trust=node.watchdog_trust,
        timeout_ms=wanted_ms(cluster, node),
        shortest_ms=shortest_ms(cluster),
        tick_max_ms=cluster.tick_max_ms,
    )


def proven_after_ms(cluster: Cluster, timeout_ms: int, *, arbiter_ms: int | None = None) -> int:
    """So long after a loss was delivered the lost node has been reset by its watchdog, whatever it did.

    `timeout_ms` is what WDIOC_GETTIMEOUT gave back there, never what was asked for. `arbiter_ms` is the sum of the
    arbiter's timeouts where its vote counts (a node that is cut off keeps it so long); None: there is no arbiter.
    """
    return _total(_proof_rows(cluster, timeout_ms, arbiter_ms))


def shortest_ms(cluster: Cluster) -> int:
    """The shortest timeout that a node's watchdog may have, in whole seconds as the kernel counts them.

    Faulty links must be found, and one node after the other may have to withdraw, before a watchdog resets those
    that would have gone on.
    """
    detections = CHURN_DETECTIONS + WITHDRAWAL_STEPS * WITHDRAWAL_DETECTIONS
    return _whole_seconds(detections * cluster.detect_within_ms)


def wanted_ms(cluster: Cluster, node: Node) -> int:
    """The timeout that the node's watchdog is to have: WatchdogTimeout=, or what is used without it."""
    if node.watchdog_timeout_ms is not None:
        return node.watchdog_timeout_ms
    return max(DEFAULT_TIMEOUT_MS, shortest_ms(cluster))


def echoed_until_ms(
    echoed: Mapping[str, int], me: str, makes_quorum: Callable[[frozenset[str]], bool], tick_max_ms: int
) -> int | None:
    """Up to when the node `me` may be fed while it holds something; None: not at all.

    `echoed` has for each node when that tick of `me` was sent which it echoed last. What counts is the newest tick
    that `me` itself and, with it, enough nodes for a quorum echoed; it counts for TickMax.
    """
    for sent in sorted(set(echoed.values()), reverse=True):
        names = frozenset(name for name, newest in echoed.items() if newest >= sent)
        if me in names and makes_quorum(names):
            return sent + tick_max_ms
    return None


def explain(cluster: Cluster, timeout_ms: int, *, arbiter_ms: int | None = None) -> tuple[Row, ...]:
    """The arithmetic of both functions above as `standfast quorum` prints it."""
    proof = _proof_rows(cluster, timeout_ms, arbiter_ms)
    churn, step = CHURN_DETECTIONS * cluster.detect_within_ms, WITHDRAWAL_DETECTIONS * cluster.detect_within_ms
    stop = min(cluster.stop_deadline_ms, cluster.tick_max_ms + timeout_ms)
    return (
        *proof,
        Row(name="proven after", ms=_total(proof), why="its loss is proven so long after the others were told of it"),
        Row(name="finding churn", ms=churn, why="three new rings within this time are a faulty link"),
        Row(name="withdrawal", ms=WITHDRAWAL_STEPS * step, why=f"two nodes may have to withdraw, {step} ms each"),
        Row(name="shortest timeout", ms=shortest_ms(cluster), why="a shorter one resets nodes that would have gone on"),
        Row(name="time to stop", ms=stop, why="a node without quorum stops its groups within this time, or is reset"),
    )


def _proof_rows(cluster: Cluster, timeout_ms: int, arbiter_ms: int | None) -> tuple[Row, ...]:
    margin = max(_LEAST_MARGIN_MS, timeout_ms // _MARGIN_SHARE)
    rows = [
        Row(name="TickMax", ms=cluster.tick_max_ms, why="it is fed until the last echo of its ticks is so old"),
        Row(name="watchdog", ms=timeout_ms, why="the device resets the machine so long after it was last fed"),
        Row(name="margin", ms=margin, why="a feed may come late, and the device's clock may be slow"),
    ]
    if arbiter_ms is not None:
        detect = cluster.detect_within_ms
        rows += [
            Row(name="DetectWithin", ms=detect, why="it learns later than the others that they are parted"),
            Row(name="arbiter", ms=arbiter_ms, why="a node that is cut off keeps the arbiter's vote so long"),
        ]
    return tuple(rows)


def _total(rows: Iterable[Row]) -> int:
    return sum(row.ms for row in rows)


def _whole_seconds(ms: int) -> int:
    return -(-ms // 1000) * 1000
