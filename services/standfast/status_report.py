"""From what the daemons publish to `status --json` (DESIGN section 12): pure. What is not known is None."""

from collections.abc import Mapping
from typing import Any, Final

from standfast.published import DAEMONS, FENCING, GROUPS, MEMBERSHIP, QUORUM, Properties, Snapshot

_PROBE: Final = ("name", "type", "level", "state", "seen", "latency_ms", "since")
Report = dict[str, Any]


def make(snapshot: Snapshot) -> Report:
    """The whole report; "away" names the daemons that did not answer and why."""
    membership, groups = snapshot[MEMBERSHIP].root, snapshot[GROUPS].root
    return {
        "cluster": groups.get("Cluster") or membership.get("Cluster") or None,
        "node": groups.get("Node") or membership.get("Node") or None,
        "quorate": _quorate(groups, snapshot[QUORUM].root),
        "arbiter": arbiter(snapshot[QUORUM].root),
        "view": membership.get("View") or None,
        "term": groups.get("Term") or None,
        "no_term": groups.get("NoTerm") or None,
        "coordinator": groups.get("Coordinator") or None,
        "config_version": groups.get("ConfigurationVersion") or None,
        "detect_within_ms": membership.get("DetectWithinMilliseconds") or None,
        "safe": groups.get("Safe"),
        "maintenance": groups.get("Maintenance"),
        "drill": _drill(groups),
        "unconfirmed": _unconfirmed(groups),
        "without": list(groups["Without"]) if "Without" in groups else None,
        "nodes": _nodes(snapshot),
        "groups": _groups(snapshot),
        "copies": _copies(snapshot),
        "fencing": {
            "pending": _pending(groups),
            "devices": _devices(snapshot),
            "unsafe": list(snapshot[FENCING].root.get("Unsafe", ())),
            "problems": list(snapshot[FENCING].root.get("Problems", ())),
            "unfenced": snapshot[FENCING].root.get("Unfenced"),
        },
        "problems": list(membership.get("Problems", ())),
        "withdrawn": membership.get("Withdrawn") or None,
        "away": {DAEMONS[name]: daemon.why_away for name, daemon in snapshot.items() if daemon.why_away},
    }


def _quorate(groups: Properties, quorum: Properties) -> bool | None:
    """resourced reads votequorum itself, for the ring that it acts in; quorumd where that has no word."""
    word = groups.get("Quorate")
    if word in ("yes", "no"):
        return bool(word == "yes")
    return quorum.get("Quorate")


def _drill(groups: Properties) -> Report | None:
    """The fire drill that is under way."""
    identity, kind, node, struck, unit, leader, by, at, limit_ms = groups.get("Drill") or ("",) * 9
    if not identity:
        return None
    return {
        "id": identity,
        "kind": kind,
        "node": node,
        "groups": list(struck),
        "unit": unit or None,
        "conducted_from": leader,
        "by": by,
        "since": at,
        "limit_ms": limit_ms,
    }


def _drilled(values: Properties) -> Report | None:
    """How the last fire drill of a group went."""
    kind, at, ms = values["Drilled"]
    return {"kind": kind, "at": at, "passed": ms > 0, "recovered_ms": ms or None} if kind else None


def arbiter(quorum: Properties) -> Report | None:
    """Its host and whether it votes for this view; None: there is none, or quorumd does not say."""
    return {"host": quorum["Arbiter"], "state": quorum["ArbiterState"]} if quorum.get("Arbiter") else None


def _unconfirmed(groups: Properties) -> Report | None:
    """Which version comes back unless somebody confirms the one in force, and when."""
    back, left_ms = groups.get("Unconfirmed") or ("", 0)
    return {"back_to": back, "left_ms": left_ms} if back else None


def _nodes(snapshot: Snapshot) -> list[Report]:
    members = {values["Name"]: values for _, values in snapshot[GROUPS].having("org.standfast.Member1")}
    links = {values["Name"]: values for _, values in snapshot[MEMBERSHIP].having("org.standfast.Node1")}
    nodes = [_node(name, members.get(name, {}), links.get(name, {})) for name in members.keys() | links.keys()]
    return sorted(nodes, key=lambda node: (node["id"] is None, node["id"] or 0, node["name"]))


def _node(name: str, member: Properties, node: Properties) -> Report:
    return {
        "name": name,
        "id": node.get("Id"),
        "state": member.get("State"),
        "standby": member.get("Standby"),
        "healthy": member.get("Healthy"),
        "drifted": member.get("Drifted"),
        "edited": list(member.get("Edited", [])),
        "incarnation": member.get("Incarnation") or node.get("Incarnation") or None,
        "links": [{"link": number, "up": up, "since": since} for number, up, since in node["Links"]] if node else None,
    }


def _groups(snapshot: Snapshot) -> list[Report] | None:
    daemon = snapshot[GROUPS]
    if daemon.why_away:
        return None
    resources = daemon.having("org.standfast.Resource1")
    groups = [
        _group(values, [shown for below, shown in resources if below.startswith(f"{path}/resource/")])
        for path, values in daemon.having("org.standfast.Group1")
    ]
    return sorted(groups, key=lambda group: str(group["name"]))


def _copies(snapshot: Snapshot) -> list[Report] | None:
    """Groups with Copies=, each with the names of its groups and how many of them are to run now."""
    daemon = snapshot[GROUPS]
    if daemon.why_away:
        return None
    found = [values for _, values in daemon.having("org.standfast.Copies1")]
    return [
        {"name": values["Name"], "wanted": values["Wanted"], "groups": list(values["Copies"])}
        for values in sorted(found, key=lambda values: str(values["Name"]))
    ]


def _group(values: Properties, resources: list[Properties]) -> Report:
    return {
        "name": values["Name"],
        "phase": values["Phase"],
        "flags": list(values["Flags"]),
        "owner": values["Owner"] or None,
        "last_owner": values["LastOwner"] or None,
        "since": values["Since"] or None,
        "reason": values["Reason"],
        "drilled": _drilled(values),
        "resources": [
            {
                "unit": one["Unit"],
                "state": one["State"],
                "probe": one["Probe"],
                "cause": one["Cause"] or None,
                "probes": [dict(zip(_PROBE, probe, strict=True)) for probe in one.get("Probes", ())],
            }
            for one in sorted(resources, key=lambda one: int(one["Place"]))
        ],
    }


def _pending(groups: Properties) -> list[Report] | None:
    if not groups:
        return None
    return [
        {"node": node, "loss": loss, "attempt": attempt, "next_attempt_in_s": wait, "reason": reason}
        for loss, node, attempt, wait, reason in groups["Losses"]
    ]


def _devices(snapshot: Snapshot) -> list[Report] | None:
    daemon = snapshot[FENCING]
    if daemon.why_away:
        return None
    devices = [_device(values) for _, values in daemon.having("org.standfast.FenceDevice1")]
    return sorted(devices, key=lambda device: str(device["name"]))


def _device(values: Mapping[str, Any]) -> Report:
    tested = values["LastTest"] or None
    return {
        "name": values["Name"],
        "agent": values["Agent"],
        "last_test": tested,
        "last_answer": values["LastAnswer"] or None,
        "ok": values["Ok"] if tested else None,
        "answer": values["Answer"] or None,
        "verified": values["Verified"],
    }
