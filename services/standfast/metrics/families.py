"""What is measured: every metric's name, kind, labels and meaning. Pages and tests are held against this table."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from standfast.incidents.steps import StepName
from standfast.vocabulary import BY_HAND, NodeState, Phase, ProbeState

FLAGS: Final = (BY_HAND, "disabled", "stopped", "frozen", "partial")  # of a group
UNIT_STATES: Final = ("active", "inactive", "failed", "activating", "deactivating", "reloading")  # systemd's
TRY_STATES: Final = ("good", "bad", "unknown")  # of one probe
ARBITER_STATES: Final = ("votes", "silent", "away")
STEPS: Final = tuple(step.value for step in StepName if step is not StepName.CAUSE)
# From a restart of a small daemon to an evening of fencing by hand.
BUCKETS_S: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0)


class Kind(StrEnum):
    """What a metric is to Prometheus."""

    GAUGE = "gauge"
    COUNTER = "counter"  # its name ends in _total
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """One metric; all its series have the same labels."""

    name: str
    kind: Kind = Kind.GAUGE
    labels: tuple[str, ...] = ()
    help: str


def _gauge(name: str, help_: str, *labels: str) -> Family:
    return Family(name=f"standfast_{name}", labels=labels, help=help_)


def _counter(name: str, help_: str, *labels: str) -> Family:
    return Family(name=f"standfast_{name}_total", kind=Kind.COUNTER, labels=labels, help=help_)


def _histogram(name: str, help_: str, *labels: str) -> Family:
    return Family(name=f"standfast_{name}_seconds", kind=Kind.HISTOGRAM, labels=labels, help=help_)


def _words(words: tuple[str, ...]) -> str:
    return ", ".join(words)


ENDPOINT: Final = (
    _gauge("up", "1 = this node's daemon answers on the bus.", "daemon"),
    _gauge("read_duration_seconds", "How long reading the four daemons took for this answer."),
    _gauge("journal_read", "1 = this node's journal was read to its end: without that what is counted is missing."),
)
CLUSTER: Final = (
    _gauge(
        "info",
        "1; the labels name the cluster, this node, and the release that runs here.",
        "cluster_name",
        "node",
        "version",
    ),
    _gauge("quorate", "1 = this node's view holds enough votes to act."),
    _gauge("votes", "Votes that are present in this node's view."),
    _gauge("expected_votes", "Votes of all configured nodes."),
    _gauge("quorum_votes", "Votes that a view needs to be quorate."),
    _gauge(
        "arbiter_state",
        f"1 for the arbiter's state ({_words(ARBITER_STATES)}), else 0; nothing without an arbiter.",
        "state",
    ),
    _gauge(
        "view_sequence", "The number of this node's view, which goes up with each change of it; 0 without Corosync."
    ),
    _gauge("view_nodes", "Nodes in this node's view."),
    _gauge("term", "The number of the open term; 0 while none is open on this node, and nothing new begins."),
    _gauge("term_members", "Members of the open term."),
    _gauge("coordinator_info", "1; the label names the member that plans.", "node"),
    _gauge("detect_within_seconds", "Within this time the loss of a node is noticed."),
    _gauge("safe", "1 = every node that is lost could be proven off."),
    _gauge("maintenance", "1 = the cluster is in maintenance: nothing is done with any group, and nobody is fenced."),
    _gauge("drill_running", "1 = a fire drill is under way."),
    _gauge("without_nodes", "Nodes that this cluster goes on without on an operator's word (start-alone)."),
    _gauge("withdrawn", "1 = this node has taken itself out because of its own links."),
    _gauge("configuration_version", "How many versions of the configuration were in force, this one included."),
    _gauge("configuration_unconfirmed", "1 = the version before comes back unless somebody confirms the one in force."),
    _gauge("configuration_problems", "What is wrong on this node with the configuration in force."),
    _gauge("watchdog_armed", "1 = this node is reset when its watchdog is not fed in time."),
    _gauge("watchdog_fed", "1 = the watchdog is fed."),
    _gauge("watchdog_timeout_seconds", "The watchdog's timeout; 0 = none is armed."),
    _gauge("health_score", "What this node's heuristic counts with now, 0 while it is bad.", "heuristic"),
    _gauge("health_minimum_score", "The score that this node needs to be healthy; 0 without heuristics."),
)
NODES: Final = (
    _gauge("node_state", f"1 for the node's state ({_words(tuple(NodeState))}), else 0.", "node", "state"),
    _gauge("node_in_view", "1 = the node is in this node's view.", "node"),
    _gauge("node_votes", "The node's votes in cluster.conf.", "node"),
    _gauge("node_standby", "1 = the node is given nothing to run until `standfast node resume`.", "node"),
    _gauge("node_healthy", "1 = the node may be given groups as far as its health goes.", "node"),
    _gauge("node_drifted", "1 = the node has not the configuration in force: it is given nothing to run.", "node"),
    _gauge("node_edited_files", "Files in the node's /etc/standfast that differ from the version in force.", "node"),
    _gauge("link_up", "1 = the link from here to the node is up.", "node", "link"),
)
GROUPS: Final = (
    _gauge("group_phase", f"1 for the group's phase ({_words(tuple(Phase))}), else 0.", "group", "phase"),
    _gauge("group_flag", f"1 = the group has the flag ({_words(FLAGS)}), else 0.", "group", "flag"),
    _gauge(
        "group_owner_info",
        "1; the label names the node that holds the group. Nothing while nobody does.",
        "group",
        "node",
    ),
    _gauge("group_phase_start_timestamp_seconds", "Since when the group is in its phase.", "group"),
    _gauge(
        "group_last_drill_timestamp_seconds",
        "When the group's last fire drill ended; nothing before its first one.",
        "group",
    ),
    _gauge("group_last_drill_ok", "1 = the group recovered in time in its last fire drill.", "group"),
    _gauge("group_last_drill_recovery_seconds", "After how long the group ran again in its last fire drill.", "group"),
    _gauge("copies_wanted", "How many copies of the group are to run now.", "group"),
    _gauge(
        "resource_state",
        f"1 for the unit's state on its owner ({_words(UNIT_STATES)}), else 0.",
        "group",
        "resource",
        "state",
    ),
    _gauge(
        "resource_probe",
        f"1 for what the unit's probes say together ({_words(tuple(ProbeState))}), else 0.",
        "group",
        "resource",
        "state",
    ),
    _gauge(
        "probe_state",
        f"1 for the probe's state ({_words(TRY_STATES)}), else 0; only where the group runs.",
        "group",
        "resource",
        "probe",
        "state",
    ),
    _gauge(
        "probe_info", "1; the labels say the probe's Type= and Level=.", "group", "resource", "probe", "type", "level"
    ),
    _gauge("probe_latency_seconds", "How long the probe's last try took.", "group", "resource", "probe"),
)
FENCING: Final = (
    _gauge("losses_pending", "Losses of nodes that wait for their proof."),
    _gauge("loss_attempts", "Attempts that were made to fence the lost node.", "node"),
    _gauge("loss_next_attempt_seconds", "Seconds until the next attempt to fence the lost node begins.", "node"),
    _gauge("fence_attempts_running", "Attempts to fence that this node's fenced has under way."),
    _gauge("fence_slowest_off_seconds", "The longest `off` that proved something since fenced began; 0 = none did."),
    _gauge("fence_problems", "What is wrong with the fence devices by what their agents say."),
    _gauge("fence_unsafe_nodes", "Nodes whose loss could not be proven as things are."),
    _gauge("unfenced", "1 = this node was let in at every device that asks for that; 0: nothing is started here."),
    _gauge("fence_device_info", "1; the label names the fence device's agent.", "device", "agent"),
    _gauge("fence_device_ok", "1 = the device's last answer can be right; nothing until it was first asked.", "device"),
    _gauge("fence_device_verified", "1 = no option switches the device's verification off.", "device"),
    _gauge("fence_device_last_test_timestamp_seconds", "When the device was last asked; nothing until then.", "device"),
    _gauge(
        "fence_device_last_answer_timestamp_seconds",
        "When all plugs of the device last answered; nothing until then.",
        "device",
    ),
)
COUNTED: Final = (
    _histogram(
        "incident_step",
        "How long the steps of incidents took, each since the one before it, by this node's journal: "
        f"{_words(STEPS)}. Every member's journal tells all of them.",
        "step",
    ),
    _histogram("incident_outage", "For how long groups that served did not, one value for each incident and group."),
    _counter("incidents", "Incidents that came to their end."),
    _counter("terms_opened", "Terms that were opened with this node."),
    _counter("node_losses", "How often the node was lost.", "node"),
    _counter("fence_attempts_failed", "Attempts to fence a node that proved nothing."),
    _counter("group_failures", "How often the group failed where it ran.", "group"),
    _counter("group_restarts", "How often a restart of the group was ordered.", "group"),
    _counter("group_starts", "How often the group came to be started.", "group"),
    _counter("group_outages", "Outages of the group that are over.", "group"),
    _counter("group_outage_seconds", "For how long the group was not served in all outages that are over.", "group"),
    _gauge("group_last_outage_seconds", "How long the group's last outage was.", "group"),
    _gauge("group_last_outage_timestamp_seconds", "When the group's last outage ended.", "group"),
)  # fmt: skip
PARTS: Final = {
    "This endpoint": ENDPOINT,
    "The cluster as this node sees it": CLUSTER,
    "Nodes": NODES,
    "Groups": GROUPS,
    "Fencing": FENCING,
    "Counted from this node's journal": COUNTED,
}
FAMILIES: Final = {family.name: family for part in PARTS.values() for family in part}
