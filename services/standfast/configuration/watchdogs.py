"""What cluster.conf says of watchdogs can come true: a timeout that is long enough, a cluster that may use them."""

from collections.abc import Iterable, Sequence

from standfast.configuration.model import Cluster, Node, Problem, QuorumLoss
from standfast.configuration.values import show_span
from standfast.watchdog.times import shortest_ms

_NEED_A_DEVICE = ("WatchdogTimeout", "WatchdogTrust")


def check_watchdogs(cluster: Cluster, nodes: Sequence[Node], *, arbiter: bool, problems: list[Problem]) -> None:
    """`nodes` are all of the cluster; everything wrong with their watchdogs is appended to `problems`."""
    with_one = [node for node in nodes if node.watchdog is not None]
    _check_settings_without_device(nodes, problems)
    _check_timeouts(cluster, with_one, problems)
    if with_one and len(nodes) == 2 and not arbiter:
        text = (
            "of two nodes without an arbiter neither knows that the other's watchdog is not fed any more; "
            "write Arbiter= in [Cluster], add a third node, or remove Watchdog="
        )
        problems.append(Problem(source=with_one[0].sources["Watchdog"], text=text))
    if with_one and cluster.quorum_loss is QuorumLoss.FREEZE:
        source = cluster.sources.get("QuorumLoss", with_one[0].sources["Watchdog"])
        text = (
            f"the watchdog of {with_one[0].name} would reset it for what QuorumLoss=freeze lets go on; "
            "write QuorumLoss=stop, or remove Watchdog="
        )
        problems.append(Problem(source=source, text=text))


def _check_settings_without_device(nodes: Iterable[Node], problems: list[Problem]) -> None:
    for node in nodes:
        for key in _NEED_A_DEVICE:
            source = node.sources.get(key)
            if node.watchdog is None and source is not None:
                text = f"{key}= of {node.name} means nothing without Watchdog=; write Watchdog=auto or a device too"
                problems.append(Problem(source=source, text=text))


def _check_timeouts(cluster: Cluster, nodes: Iterable[Node], problems: list[Problem]) -> None:
    shortest = shortest_ms(cluster)
    for node in nodes:
        if node.watchdog_timeout_ms is not None and node.watchdog_timeout_ms < shortest:
            text = (
                f"with DetectWithin={show_span(cluster.detect_within_ms)} faulty links can take longer to find; "
                f"WatchdogTimeout={show_span(shortest)} is the shortest allowed"
            )
            problems.append(Problem(source=node.sources["WatchdogTimeout"], text=text))
