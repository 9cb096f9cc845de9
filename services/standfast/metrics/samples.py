"""From what the daemons publish to samples: pure. What nobody knows has no sample, for 0 would be a claim."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from standfast.metrics.families import ARBITER_STATES, FLAGS, TRY_STATES, UNIT_STATES
from standfast.published import DAEMONS, FENCING, GROUPS, MEMBERSHIP, QUORUM, Daemon, Properties, Snapshot
from standfast.vocabulary import NodeState, Phase, ProbeState

MOST_SERIES: Final = 1000  # of nodes, groups, devices each; and the probes of one resource


@dataclass(frozen=True, slots=True)
class Sample:
    """One series' value; `labels` are in the order of its family."""

    family: str  # without standfast_
    labels: tuple[str, ...]
    value: float


def make(snapshot: Snapshot) -> list[Sample]:
    """Everything that the four daemons say; of one that is away, or speaks as another release does, only that."""
    found: list[Sample] = []
    for name, part in _PARTS.items():
        up = not snapshot[name].why_away
        try:
            found += part(snapshot)
        except (KeyError, TypeError, ValueError):  # in the middle of an upgrade
            up = False
        found.append(Sample("up", (DAEMONS[name],), up))
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What there is in the cluster, as an open term has it."""

    nodes: frozenset[str]
    groups: Mapping[str, bool]  # by name: it is started


def known_of(snapshot: Snapshot) -> Known | None:
    """Its nodes and groups; None while no term is open here."""
    daemon = snapshot[GROUPS]
    if not daemon.root.get("Term"):
        return None
    return Known(
        nodes=frozenset(str(values["Name"]) for values in _all(daemon, "Member1")),
        groups={str(values["Name"]): values["Phase"] == Phase.STARTED for values in _all(daemon, "Group1")},
    )


def _all(daemon: Daemon, interface: str) -> Iterator[Properties]:
    return (values for _, values in daemon.having(f"org.standfast.{interface}")[:MOST_SERIES])


def _plain(properties: Properties, **names: str) -> Iterator[Sample]:
    """A sample without labels for each of these properties that is there: family="Property"."""
    return (Sample(family, (), float(properties[name])) for family, name in names.items() if name in properties)


def _one_of(family: str, labels: Iterable[str], states: Iterable[str], state: str) -> Iterator[Sample]:
    return (Sample(family, (*labels, one), one == state) for one in states)


def _membership(daemon: Daemon) -> Iterator[Sample]:
    root = daemon.root
    if not root:
        return
    sequence = str(root["View"]).rpartition(".")[2]
    yield Sample("view_sequence", (), float(sequence) if sequence.isdecimal() else 0)
    yield Sample("view_nodes", (), len(root["Members"]))
    yield Sample("detect_within_seconds", (), root["DetectWithinMilliseconds"] / 1000)
    yield Sample("withdrawn", (), bool(root["Withdrawn"]))
    yield Sample("configuration_problems", (), len(root["Problems"]))
    for node in _all(daemon, "Node1"):
        name = str(node["Name"])
        yield Sample("node_in_view", (name,), node["InRing"])
        yield Sample("node_votes", (name,), node["Votes"])
        yield from (Sample("link_up", (name, str(number)), up) for number, up, _ in node["Links"])


def _quorum(root: Properties, groups: Properties) -> Iterator[Sample]:
    word = groups.get("Quorate")  # resourced reads votequorum itself, for the ring that it acts in
    if word in ("yes", "no"):
        yield Sample("quorate", (), word == "yes")
    else:
        yield from _plain(root, quorate="Quorate")
    yield from _plain(root, votes="Votes", expected_votes="ExpectedVotes", quorum_votes="QuorumVotes")
    yield from _plain(root, watchdog_armed="WatchdogArmed", watchdog_fed="WatchdogFed")
    if not root:
        return
    yield Sample("watchdog_timeout_seconds", (), root["WatchdogTimeout"] / 1000)
    yield Sample("health_minimum_score", (), root["HealthMinimum"])
    yield from (Sample("health_score", (str(name),), score) for name, score, _ in root["Health"][:MOST_SERIES])
    if root["Arbiter"]:
        yield from _one_of("arbiter_state", (), ARBITER_STATES, root["ArbiterState"])


def _record(root: Properties) -> Iterator[Sample]:
    yield from _plain(root, term="Term", safe="Safe", maintenance="Maintenance")
    if not root:
        return
    yield Sample("term_members", (), len(root["Members"]))
    if root["Coordinator"]:
        yield Sample("coordinator_info", (str(root["Coordinator"]),), 1)
    yield Sample("drill_running", (), bool(root["Drill"][0]))
    yield Sample("without_nodes", (), len(root["Without"]))
    yield Sample("configuration_version", (), root["ConfigurationVersion"])
    yield Sample("configuration_unconfirmed", (), bool(root["Unconfirmed"][0]))


def _members(daemon: Daemon) -> Iterator[Sample]:
    for member in _all(daemon, "Member1"):
        name = str(member["Name"])
        yield from _one_of("node_state", (name,), NodeState, member["State"])
        yield Sample("node_standby", (name,), member["Standby"])
        yield Sample("node_healthy", (name,), member["Healthy"])
        yield Sample("node_drifted", (name,), member["Drifted"])
        yield Sample("node_edited_files", (name,), len(member["Edited"]))


def _groups(daemon: Daemon) -> Iterator[Sample]:
    names: dict[str, str] = {}  # by path
    for path, group in daemon.having("org.standfast.Group1")[:MOST_SERIES]:
        name = names[path] = str(group["Name"])
        yield from _one_of("group_phase", (name,), Phase, group["Phase"])
        yield from (Sample("group_flag", (name, flag), flag in group["Flags"]) for flag in FLAGS)
        if group["Owner"]:
            yield Sample("group_owner_info", (name, str(group["Owner"])), 1)
        yield from _time("group_phase_start_timestamp_seconds", name, group["Since"])
        yield from _drilled(name, *group["Drilled"])
    for copies in _all(daemon, "Copies1"):
        yield Sample("copies_wanted", (str(copies["Name"]),), copies["Wanted"])
    for path, resource in daemon.having("org.standfast.Resource1"):
        above = path.partition("/resource/")[0]
        if above in names:
            yield from _resource(names[above], resource)


def _drilled(group: str, kind: str, at: str, ms: int) -> Iterator[Sample]:
    if not kind:
        return
    yield from _time("group_last_drill_timestamp_seconds", group, at)
    yield Sample("group_last_drill_ok", (group,), ms > 0)
    if ms > 0:
        yield Sample("group_last_drill_recovery_seconds", (group,), ms / 1000)


def _resource(group: str, resource: Properties) -> Iterator[Sample]:
    unit = str(resource["Unit"])
    yield from _one_of("resource_state", (group, unit), UNIT_STATES, resource["State"])
    yield from _one_of("resource_probe", (group, unit), ProbeState, resource["Probe"])
    for name, kind, level, state, _, latency_ms, _ in resource.get("Probes", ())[:MOST_SERIES]:
        labels = (group, unit, str(name))
        yield from _one_of("probe_state", labels, TRY_STATES, state)
        yield Sample("probe_info", (*labels, str(kind), str(level)), 1)
        yield Sample("probe_latency_seconds", labels, latency_ms / 1000)


def _losses(root: Properties) -> Iterator[Sample]:
    if not root:
        return
    yield Sample("losses_pending", (), len(root["Losses"]))
    newest = {str(node): (attempts, wait_s) for _, node, attempts, wait_s, _ in root["Losses"]}
    for node, (attempts, wait_s) in sorted(newest.items())[:MOST_SERIES]:
        yield Sample("loss_attempts", (node,), attempts)
        yield Sample("loss_next_attempt_seconds", (node,), wait_s)


def _fencing(daemon: Daemon) -> Iterator[Sample]:
    root = daemon.root
    if not root:
        return
    yield Sample("fence_attempts_running", (), sum(attempt[4] == "running" for attempt in root["Attempts"]))
    yield Sample("fence_slowest_off_seconds", (), root["SlowestOff"] / 1000)
    yield Sample("fence_problems", (), len(root["Problems"]))
    yield Sample("fence_unsafe_nodes", (), len(root["Unsafe"]))
    yield Sample("unfenced", (), root["Unfenced"])
    for device in _all(daemon, "FenceDevice1"):
        name = str(device["Name"])
        yield Sample("fence_device_info", (name, str(device["Agent"])), 1)
        yield Sample("fence_device_verified", (name,), device["Verified"])
        if device["LastTest"]:
            yield Sample("fence_device_ok", (name,), device["Ok"])
        yield from _time("fence_device_last_test_timestamp_seconds", name, device["LastTest"])
        yield from _time("fence_device_last_answer_timestamp_seconds", name, device["LastAnswer"])


def _time(family: str, label: str, text: Any) -> Iterator[Sample]:
    """RFC 3339 in seconds since 1970; nothing of "" and of what is no time."""
    try:
        yield Sample(family, (label,), datetime.fromisoformat(text).timestamp())
    except ValueError:
        return


_PARTS: Final[dict[str, Callable[[Snapshot], list[Sample]]]] = {
    MEMBERSHIP: lambda snapshot: [*_membership(snapshot[MEMBERSHIP])],
    QUORUM: lambda snapshot: [*_quorum(snapshot[QUORUM].root, snapshot[GROUPS].root)],
    FENCING: lambda snapshot: [*_fencing(snapshot[FENCING])],
    GROUPS: lambda snapshot: [
        *_record(snapshot[GROUPS].root),
        *_losses(snapshot[GROUPS].root),
        *_members(snapshot[GROUPS]),
        *_groups(snapshot[GROUPS]),
    ],
}
