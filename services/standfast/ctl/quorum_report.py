"""From what the daemons publish to `quorum --json`: pure. What is not known is None."""

from standfast.published import GROUPS, MEMBERSHIP, QUORUM, Properties, Snapshot
from standfast.status_report import Report, arbiter


def make(snapshot: Snapshot) -> Report:
    """The whole report, as this node has it; times are in milliseconds."""
    membership, groups, quorum = snapshot[MEMBERSHIP].root, snapshot[GROUPS].root, snapshot[QUORUM].root
    known = bool(quorum.get("View"))
    return {
        "cluster": groups.get("Cluster") or membership.get("Cluster") or None,
        "node": groups.get("Node") or membership.get("Node") or None,
        "quorate": quorum.get("Quorate"),
        "view": quorum.get("View") or None,
        "votes": quorum["Votes"] if known else None,
        "expected_votes": quorum["ExpectedVotes"] if known else None,
        "needed_votes": quorum["QuorumVotes"] if known else None,
        "flags": list(quorum["Flags"]) if known else None,
        "term": groups.get("Term") or None,
        "without": list(groups["Without"]) if "Without" in groups else None,
        "nodes": _nodes(snapshot),
        "arbiter": arbiter(quorum),
        "health": _health(quorum),
        "watchdog": _watchdog(quorum),
    }


def _nodes(snapshot: Snapshot) -> list[Report]:
    """By id; `present`: it is in the ring of this node, so its votes count here."""
    members = {values["Name"]: values for _, values in snapshot[GROUPS].having("org.standfast.Member1")}
    nodes = sorted((values for _, values in snapshot[MEMBERSHIP].having("org.standfast.Node1")), key=_by_id)
    return [
        {
            "name": node["Name"],
            "votes": node["Votes"],
            "present": node["InRing"],
            "state": members.get(node["Name"], {}).get("State"),
        }
        for node in nodes
    ]


def _by_id(node: Properties) -> int:
    return int(node["Id"])


def _health(quorum: Properties) -> Report | None:
    """Of this node; None also where no heuristic is configured."""
    if not quorum.get("Health"):
        return None
    heuristics = [{"name": name, "score": score, "seen": seen} for name, score, seen in quorum["Health"]]
    return {
        "healthy": quorum["Healthy"],
        "score": sum(score for _, score, _ in quorum["Health"]),
        "minimum": quorum["HealthMinimum"],
        "heuristics": heuristics,
    }


def _watchdog(quorum: Properties) -> list[Report] | None:
    """The sum after which a watchdog proves that a lost node is off; None where it is not told."""
    if "WatchdogArithmetic" not in quorum:
        return None
    return [{"name": name, "ms": ms, "why": why} for name, ms, why in quorum["WatchdogArithmetic"]]
