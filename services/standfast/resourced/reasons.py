"""Why something was decided: the rule, its facts, and the setting that it follows; sentences are made when people read.

Every decision carries reasons as data, the main one first; `sentence` prints one. Nothing else words a decision.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Rule(StrEnum):
    """What a decision follows from."""

    # why a group starts, and where
    FIRST_CHOICE = "first-choice"
    ANY_NODE = "any-node"
    ONE_COPY = "one-copy"
    OWNER_PROVEN_OFF = "owner-proven-off"
    RELOCATED = "relocated"
    TRIED_AGAIN = "tried-again"
    START_GOES_ON = "start-goes-on"
    # why it restarts or stops
    RESTARTED_HERE = "restarted-here"
    RESTARTED_BY_OPERATOR = "restarted-by-operator"
    RESTARTED_AGAIN = "restarted-again"
    MOVED_AWAY = "moved-away"
    STOP_GOES_ON = "stop-goes-on"
    HELD_TWICE = "held-twice"
    RESTRICTED = "restricted"
    STOPPED_BY_OPERATOR = "stopped-by-operator"
    STARTED_BY_OPERATOR = "started-by-operator"
    DISABLED_BY_OPERATOR = "disabled-by-operator"
    ENABLED_BY_OPERATOR = "enabled-by-operator"
    DISABLED_BY_POLICY = "disabled-by-policy"
    BY_ADMINISTRATOR = "by-administrator"
    FROZEN = "frozen"
    THAWED = "thawed"
    MAINTENANCE = "maintenance"
    QUORUM_LEAVES = "quorum-leaves"
    LEFT_AT_ONCE = "left-at-once"
    SEEN_THERE = "seen-there"
    GOES_HOME = "goes-home"
    GOES_BACK = "goes-back"
    TOO_MANY_COPIES = "too-many-copies"
    STAYS = "stays"
    OUTSIDE = "outside"
    NOT_THERE = "not-there"
    FAILED = "failed"
    SERVES_AGAIN = "serves-again"
    # why it stays where it does not serve
    FAILS_EVERYWHERE = "fails-everywhere"
    FAILED_THERE_TOO = "failed-there-too"
    SEEN_NOWHERE = "seen-nowhere"
    # why a node cannot be given a group
    UNKNOWN_NODE = "unknown-node"
    NOT_HERE = "not-here"
    STANDBY = "standby"
    UNHEALTHY = "unhealthy"
    LEAVING = "leaving"
    CONDEMNED = "condemned"
    BEING_FENCED = "being-fenced"
    BEHIND = "behind"
    MARKED_LEFT = "marked-left"
    NOT_ALLOWED = "not-allowed"
    AVOIDED = "avoided"
    NOT_SEEN = "not-seen"
    APART = "apart"
    EXCLUSIVE = "exclusive"
    NOT_EXCLUSIVE = "not-exclusive"
    MAX_STARTS = "max-starts"
    # why a group waits
    UNSETTLED = "unsettled"
    AWAITS_PROOF = "awaits-proof"
    AWAITS_LOSS = "awaits-loss"
    AWAITS_DAEMON = "awaits-daemon"
    NEEDS = "needs"
    AFTER = "after"
    NEEDED = "needed"
    NO_NODE = "no-node"
    BACKING_OFF = "backing-off"
    ENOUGH_COPIES = "enough-copies"
    BLOCKED = "blocked"
    # why a node is lost
    LEFT_RING = "left-ring"
    ABSENT_AT_START = "absent-at-start"
    DAEMON_AWAY = "daemon-away"
    NOT_REBOOTED = "not-rebooted"
    STOP_FAILED = "stop-failed"
    FENCED_BY_OPERATOR = "fenced-by-operator"
    STARTED_WITHOUT = "started-without"
    # what a version of the configuration would do without an order
    CHANGED = "changed"
    REMOVED = "removed"
    HOLDS_BACK = "holds-back"


SENTENCES: Mapping[Rule, str] = {
    Rule.FIRST_CHOICE: "started on {node}, number {place} of its domain",
    Rule.ANY_NODE: "started on {node}",
    Rule.ONE_COPY: "started on {node}, as one of {count} copies",
    Rule.OWNER_PROVEN_OFF: "{owner} is proven off (loss {loss}, {how}): started on {node}",
    Rule.RELOCATED: "relocated to {node} by an operator",
    Rule.TRIED_AGAIN: "it failed on every node that may run it: tried again on {node}",
    Rule.START_GOES_ON: "a start that had begun goes on",
    Rule.RESTARTED_HERE: "{cause}: restarted here ({count} of {limit})",
    Rule.RESTARTED_BY_OPERATOR: "restarted by an operator",
    Rule.RESTARTED_AGAIN: "{cause}: restarted here once more",
    Rule.MOVED_AWAY: "{cause}: {node} has had its restarts, moved away",
    Rule.LEFT_AT_ONCE: "{cause}: it leaves {node} at once, as OnFail=relocate says",
    Rule.SEEN_THERE: "{cause}: {node} sees good what its probe asks outside",
    Rule.STOP_GOES_ON: "a stop that had begun goes on",
    Rule.HELD_TWICE: "more than one node holds it ({nodes}): stopped on all but one",
    Rule.RESTRICTED: "its restricted domain does not allow {node}",
    Rule.STOPPED_BY_OPERATOR: "stopped by an operator",
    Rule.STARTED_BY_OPERATOR: "started by an operator",
    Rule.DISABLED_BY_OPERATOR: "disabled by an operator",
    Rule.ENABLED_BY_OPERATOR: "enabled by an operator",
    Rule.DISABLED_BY_POLICY: "{cause}: disabled, as Recovery={recovery} says",
    Rule.BY_ADMINISTRATOR: (
        "an administrator stopped {units}: nothing is done until it is started on {node} (systemctl start {units}), "
        "or standfast group start {group}"
    ),
    Rule.FROZEN: "frozen by an operator: nothing is done with it",
    Rule.THAWED: "thawed by an operator",
    Rule.MAINTENANCE: "the cluster is in maintenance: nothing is done with its groups",
    Rule.QUORUM_LEAVES: "the nodes that stay would not be quorate",
    Rule.GOES_HOME: "goes home to {node}",
    Rule.CHANGED: "{unit} is new, gone or defined otherwise: from there up everything is started anew",
    Rule.HOLDS_BACK: "the version changes {unit}, so {node} installs it only when that is over",
    Rule.REMOVED: "it is no group any more: it is stopped before",
    Rule.GOES_BACK: "nobody confirmed the version in force, and it has to stop before the one before comes back",
    Rule.TOO_MANY_COPIES: "one copy more than Copies={count} says: those on {nodes} serve",
    Rule.STAYS: "stays on {node}: {why}",
    Rule.OUTSIDE: "stays on {node}, which its restricted domain does not allow: {why}",
    Rule.NOT_THERE: "cannot be on {node}: {why}",
    Rule.FAILED: "{cause}",
    Rule.SERVES_AGAIN: "its probes are good again",
    Rule.FAILS_EVERYWHERE: "{cause}: it stays on {node}, as probes fail elsewhere too ({count} of {all} other groups)",
    Rule.FAILED_THERE_TOO: "{cause}: it stays on {node}, as its probes failed on {other} and were not good here since",
    Rule.SEEN_NOWHERE: "{cause}: it stays on {node}, as no node that could have it sees good what its probe asks",
    Rule.UNKNOWN_NODE: "{node} is not a configured node",
    Rule.NOT_HERE: "{node} is not here",
    Rule.STANDBY: "{node} is in standby",
    Rule.UNHEALTHY: "{node} is not healthy: its heuristics do not reach their minimum",
    Rule.LEAVING: "{node} is leaving",
    Rule.CONDEMNED: "{node} speaks although it was proven off",
    Rule.BEING_FENCED: "{node} is being fenced",
    Rule.BEHIND: "{node} has not the configuration in force",
    Rule.MARKED_LEFT: "{node} is marked as left",
    Rule.NOT_ALLOWED: "{node} may not run it",
    Rule.AVOIDED: "it failed on {node} lately ({count})",
    Rule.NOT_SEEN: "{node} does not see good what its probes ask outside",
    Rule.APART: "{node} has {group}, and the two are kept apart",
    Rule.EXCLUSIVE: "{node} has {group}, which wants its node for itself",
    Rule.NOT_EXCLUSIVE: "{node} has {group}, and it wants its node for itself",
    Rule.MAX_STARTS: "{node} is starting as many groups as it may at once ({count})",
    Rule.UNSETTLED: "waits for the proof that the absent nodes are off: this view holds no more than half of all votes",
    Rule.AWAITS_PROOF: "waits for the proof that {node} is off (loss {loss})",
    Rule.AWAITS_LOSS: "waits for the proof that {node} is off",
    Rule.AWAITS_DAEMON: "waits for {node}: it is in the ring, but its standfast-resourced does not answer",
    Rule.NEEDS: "needs {group}, which is {phase}",
    Rule.AFTER: "starts after {group}, which is {phase}",
    Rule.NEEDED: "stops after {group}, which needs it",
    Rule.NO_NODE: "no node can run it now",
    Rule.BACKING_OFF: "it failed on every node that may run it: tried again in a while",
    Rule.ENOUGH_COPIES: "not needed here: Copies={count}, and {nodes} come first",
    Rule.BLOCKED: "{cause}",
    Rule.LEFT_RING: "it left the ring without a clean leave",
    Rule.ABSENT_AT_START: "it is not here after a cold start",
    Rule.DAEMON_AWAY: "its standfast-resourced did not answer for {seconds} s",
    Rule.NOT_REBOOTED: "it did not reboot although its loss was proven",
    Rule.STOP_FAILED: "{group} could not be stopped: {cause}",
    Rule.FENCED_BY_OPERATOR: "an operator ({by}) wants it off",
    Rule.STARTED_WITHOUT: "an operator ({by}) goes on without it",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One rule that a decision follows, with what its sentence names."""

    rule: Rule
    facts: Mapping[str, str] = field(default_factory=dict)
    setting: str = ""  # FILE:LINE of the setting that the rule follows, "" = a default, or none


def reason(rule: Rule, setting: str = "", **facts: object) -> Reason:
    return Reason(rule=rule, facts={name: str(fact) for name, fact in facts.items()}, setting=setting)


def sentence(why: Reason) -> str:
    """For people; a fact that is missing, as in a record of another release, is shown as "?"."""
    return SENTENCES[why.rule].format_map(_Facts(why.facts))


class _Facts(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return "?"
