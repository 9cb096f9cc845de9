"""What a cluster in a lab says of itself: on the bus of each node, by `standfast status`, and in the journals."""

import json
import subprocess
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

from .lab import Lab, monotonic_of
from .place import LabError

GROUPS = "org.standfast.Groups"
ROOT = "/org/standfast"

Value = TypeVar("Value")


# The journal


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One entry that a daemon of Standfast wrote into a node's journal."""

    at: float  # CLOCK_MONOTONIC seconds at which journald took it, comparable across nodes
    node: str  # whose journal it is in
    daemon: str
    event: str
    text: str
    fields: Mapping[str, str]  # what begins with STANDFAST_, without that


def told(lab: Lab, node: str, *events: str, since: float | None = None) -> list[Told]:
    """The entries of our daemons in the node's journal, oldest first; `since` is CLOCK_REALTIME seconds.

    `events`: only these. What another program wrote in our name is left out: journald itself says who wrote.
    """
    matches = [f"STANDFAST_EVENT={event}" for event in events]
    entries = lab.journal(node, "_UID=0", *matches, since=since)
    return [_told(node, entry) for entry in entries if _is_ours(entry)]


def _is_ours(entry: Mapping[str, Any]) -> bool:
    unit = str(entry.get("_SYSTEMD_UNIT", ""))
    return unit.startswith("standfast-") and unit.endswith(".service") and "STANDFAST_EVENT" in entry


def _told(node: str, entry: Mapping[str, Any]) -> Told:
    prefix = "STANDFAST_"
    return Told(
        at=monotonic_of(entry),
        node=node,
        daemon=str(entry.get("SYSLOG_IDENTIFIER", "")).removeprefix("standfast-"),
        event=str(entry["STANDFAST_EVENT"]),
        text=str(entry.get("MESSAGE", "")),
        fields={name.removeprefix(prefix): str(value) for name, value in entry.items() if name.startswith(prefix)},
    )


# The bus


def properties(lab: Lab, node: str, interface: str, *names: str, path: str = ROOT, service: str = GROUPS) -> list[Any]:
    """Values of properties on the node's bus; LabError when the daemon is not there."""
    answer = lab.sh(node, "busctl", "--json=short", "get-property", service, path, interface, *names, timeout_s=10)
    return [_plain(json.loads(line)) for line in answer.stdout.splitlines()]


def objects(lab: Lab, node: str, service: str = GROUPS) -> dict[str, dict[str, dict[str, Any]]]:
    """Everything that a daemon publishes on the node's bus: path, interface, property; LabError when it is away."""
    call = ("call", service, ROOT, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects")
    answer = lab.sh(node, "busctl", "--json=short", "--timeout=5", *call, timeout_s=10)
    found: dict[str, Any] = json.loads(answer.stdout)["data"][0]
    return {
        path: {name: {key: _plain(value) for key, value in values.items()} for name, values in interfaces.items()}
        for path, interfaces in found.items()
    }


def _plain(variant: Mapping[str, Any]) -> Any:
    return variant["data"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A group as one node has it."""

    phase: str
    owner: str
    flags: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """The cluster as one node's resourced has it. Equal on all members when they agree."""

    nodes: Mapping[str, str]  # name: state
    standby: frozenset[str]
    drifted: frozenset[str]
    edited: frozenset[str]  # their /etc/standfast differs from the version in force
    unhealthy: frozenset[str]
    groups: Mapping[str, Group]


def seen(lab: Lab, node: str) -> Seen | None:
    """What the node has; None while its resourced does not answer or the node is off."""
    try:
        published = objects(lab, node)
    except (LabError, subprocess.TimeoutExpired):
        return None
    members = [values["org.standfast.Member1"] for values in published.values() if "org.standfast.Member1" in values]
    groups = [values["org.standfast.Group1"] for values in published.values() if "org.standfast.Group1" in values]
    return Seen(
        nodes={one["Name"]: one["State"] for one in members},
        standby=frozenset(one["Name"] for one in members if one["Standby"]),
        drifted=frozenset(one["Name"] for one in members if one["Drifted"]),
        edited=frozenset(one["Name"] for one in members if one["Edited"]),
        unhealthy=frozenset(one["Name"] for one in members if not one["Healthy"]),
        groups={
            one["Name"]: Group(phase=one["Phase"], owner=one["Owner"], flags=tuple(one["Flags"]), reason=one["Reason"])
            for one in groups
        },
    )


def agreed(lab: Lab, nodes: Iterable[str] | None = None) -> Seen | None:
    """What all these nodes (None: all of the lab) have alike; None while they differ or one does not answer."""
    names = tuple(nodes if nodes is not None else lab.nodes())
    found = each(names, lambda node: seen(lab, node))
    first = found[names[0]]
    return first if all(one == first for one in found.values()) else None


def records(lab: Lab, nodes: Iterable[str]) -> dict[str, tuple[str, str]]:
    """For each node the position and the digest of its record."""

    def ask(node: str) -> tuple[str, str]:
        position, digest = properties(lab, node, "org.standfast.Groups1", "Position", "RecordDigest")
        return position, digest

    return each(tuple(nodes), ask)


def each(names: tuple[str, ...], function: Callable[[str], Value]) -> dict[str, Value]:
    """The function's value for each name, asked at once."""
    with ThreadPoolExecutor(len(names)) as pool:
        return dict(zip(names, pool.map(function, names), strict=True))


# The command line


def status(lab: Lab, node: str) -> dict[str, Any] | None:
    """`standfast status --json` on the node; None when it failed or the node is off."""
    try:
        result = lab.sh(node, "standfast", "status", "--json", check=False, timeout_s=20)
    except (LabError, subprocess.TimeoutExpired):
        return None
    if result.returncode != 0:
        return None
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def shared_part(of: Mapping[str, Any]) -> dict[str, Any]:
    """Of a status: what every member says alike. Links and the devices' tests and single probes are each node's own."""
    shared = {key: value for key, value in of.items() if key not in ("node", "fencing", "nodes", "groups")}
    shared["groups"] = [group | {"resources": [*map(_without_probes, group["resources"])]} for group in of["groups"]]
    shared["nodes"] = [{key: value for key, value in node.items() if key != "links"} for node in of["nodes"]]
    shared["pending"] = of["fencing"]["pending"]
    return shared


def _without_probes(resource: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in resource.items() if key != "probes"}


# The group's processes


def unit_property(lab: Lab, node: str, unit: str, name: str) -> str:
    """One of the unit's properties as systemd in the node has it."""
    return lab.sh(node, "systemctl", "show", "--value", f"--property={name}", unit, timeout_s=20).stdout.strip()


def processes(lab: Lab, node: str, unit: str) -> tuple[int, ...]:
    """The processes of a unit, as numbered in the node."""
    group = unit_property(lab, node, unit, "ControlGroup")
    if not group:
        return ()
    listing = lab.sh(node, "cat", f"/sys/fs/cgroup{group}/cgroup.procs", check=False)
    return tuple(int(line) for line in listing.stdout.split())


def signal_all(lab: Lab, node: str, unit: str, name: str) -> tuple[int, ...]:
    """Every process of the unit was sent the signal (KILL, STOP …) in one blow, as `kill` in the node does it."""
    pids = processes(lab, node, unit)
    sent = lab.sh(node, "kill", "-s", name, *map(str, pids), check=False) if pids else None
    # systemd may have ended the others already when the first one was killed
    if sent is None or sent.stderr.count("No such process") == len(pids):
        raise LabError(f"{node}: {unit} has no process")
    return pids
