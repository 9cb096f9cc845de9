"""What an explanation consists of: the plan's reasons as they are, and facts beside them that no decision is made of.

A decision is worded by `reasons.sentence` alone; the words of the facts are here.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from standfast.resourced.reasons import Reason, sentence

MOST_NAMES = 10  # in one sentence


class Fact(StrEnum):
    """What is told beside the plan's reasons."""

    # how a group is
    RUNS = "runs"
    RUNS_WITHOUT = "runs-without"
    SERVES_NOT = "serves-not"
    STARTING = "starting"
    STOPPING = "stopping"
    CANNOT_STOP = "cannot-stop"
    RUNS_NOT = "runs-not"
    COPIES_RUN = "copies-run"
    NO_COPY_RUNS = "no-copy-runs"
    NOT_DONE = "not-done"  # the plan has decided it, and its order was not given yet
    LAST_OWNER = "last-owner"
    LAST_CAUSE = "last-cause"
    UNIT_CAUSE = "unit-cause"
    IS_LOST = "is-lost"
    IS_OFF = "is-off"
    HAS_LEFT = "has-left"
    # what changes it by itself
    UNTIL_PROOF = "until-proof"
    UNTIL_SETTLED = "until-settled"
    UNTIL_TRY = "until-try"
    UNTIL_NODE = "until-node"
    UNTIL_GROUP = "until-group"
    UNTIL_STARTED = "until-started"
    UNTIL_GONE = "until-gone"
    UNTIL_ROOM = "until-room"
    UNTIL_GOOD = "until-good"
    FAILURES_MOVE = "failures-move"
    FAILURES_DISABLE = "failures-disable"
    FAILURE_MOVES = "failure-moves"
    FAILURE_DISABLES = "failure-disables"
    WOULD_GO_HOME = "would-go-home"
    THEN_RUNS = "then-runs"
    # why a node that could run it does not
    COULD_RUN = "could-run"
    COMES_AFTER = "comes-after"
    NO_FAILBACK = "no-failback"
    AVOIDED_FOR = "avoided-for"
    OTHER_COPIES = "other-copies"
    # how a node is
    ONLINE = "online"
    GETS_NOTHING = "gets-nothing"
    KEPT_OUT = "kept-out"
    RESTS = "rests"
    LOST_AFTER = "lost-after"
    JOINING = "joining"
    UNRESPONSIVE = "unresponsive"
    LOST = "lost"
    GONE = "gone"
    BEING_FENCED = "is-being-fenced"
    STILL_OUT = "still-out"
    PROVEN_OFF = "proven-off"
    LEFT = "left"
    TAKES_GROUPS = "takes-groups"
    HOLDS = "holds"
    HOLDS_NOTHING = "holds-nothing"
    COULD_TAKE = "could-take"
    FILES_DIFFER = "files-differ"
    OBJECTS = "objects"
    # how a loss is proven
    FENCED_BY = "fenced-by"
    NEXT_ATTEMPT = "next-attempt"
    FAILED_ATTEMPTS = "failed-attempts"
    NO_DEVICE = "no-device"
    WATCHDOG = "watchdog"
    NOBODY_FENCED = "nobody-fenced"
    # what would happen
    WOULD_START = "would-start"
    WOULD_GO_ON = "would-go-on"
    WOULD_NOT_RUN = "would-not-run"
    WOULD_END = "would-end"
    NONE_WOULD_RUN = "none-would-run"
    NOTHING_WOULD = "nothing-would"
    UNFORESEEN = "unforeseen"
    # without an open term
    NOTHING_DONE = "nothing-done"
    NO_TERM = "no-term"
    OTHER_VERSION = "other-version"
    HELD_HERE = "held-here"
    NOT_HELD_HERE = "not-held-here"
    STOPS_HERE = "stops-here"
    GOES_ON_HERE = "goes-on-here"
    KNOWN_LAST = "known-last"
    HEARD = "heard"
    NOT_HEARD = "not-heard"
    GOES_WITHOUT = "goes-without"
    KEEP_OFF = "keep-off"


WORDS: Mapping[Fact, str] = {
    Fact.RUNS: "{group} runs on {node}",
    Fact.RUNS_WITHOUT: "{group} runs on {node}, without {units}",
    Fact.SERVES_NOT: "{group} is on {node}, but does not serve",
    Fact.STARTING: "{group} is starting on {node}",
    Fact.STOPPING: "{group} is stopping on {node}",
    Fact.CANNOT_STOP: "{group} could not be stopped on {node}",
    Fact.RUNS_NOT: "{group} does not run",
    Fact.COPIES_RUN: "{count} of {wanted} copies of {group} run, on {nodes}",
    Fact.NO_COPY_RUNS: "no copy of {group} runs",
    Fact.NOT_DONE: "it is about to {verb} on {node}",
    Fact.LAST_OWNER: "it ran on {node} last",
    Fact.LAST_CAUSE: "the last time: {cause}",
    Fact.UNIT_CAUSE: "{cause}",
    Fact.IS_LOST: "it is lost (loss {loss})",
    Fact.IS_OFF: "it is proven off (loss {loss}, by {how})",
    Fact.HAS_LEFT: "it left cleanly",
    Fact.UNTIL_PROOF: "it starts when {node} is proven off, or is back",
    Fact.UNTIL_SETTLED: "it starts when every absent node is back, or proven off",
    Fact.UNTIL_TRY: "the next try is within {time}",
    Fact.UNTIL_NODE: "it starts as soon as a node can run it",
    Fact.UNTIL_GROUP: "it starts when {group} runs",
    Fact.UNTIL_STARTED: "it starts when others have started",
    Fact.UNTIL_GONE: "it is over when nothing of it is left on {node}, or {node} has booted",
    Fact.UNTIL_ROOM: "it starts when one of those copies cannot run",
    Fact.UNTIL_GOOD: "it serves again when its probes are good",
    Fact.FAILURES_MOVE: "more than {count} failures within {time} take it away from {node}",
    Fact.FAILURES_DISABLE: "more than {count} failures within {time} disable it",
    Fact.FAILURE_MOVES: "a failure takes it away from {node}",
    Fact.FAILURE_DISABLES: "a failure disables it",
    Fact.THEN_RUNS: "then it runs on {node}",
    Fact.WOULD_GO_HOME: "it goes home to {node} as soon as that can run it",
    Fact.COULD_RUN: "{node} could run it",
    Fact.COMES_AFTER: "{node} could run it, and comes after {other}",
    Fact.NO_FAILBACK: "{node} could run it and comes before {other}, but only Failback=yes takes it back there",
    Fact.AVOIDED_FOR: "that is forgotten within {time}",
    Fact.OTHER_COPIES: "each copy has a node of its own; see standfast explain {group}",
    Fact.ONLINE: "{node} is online",
    Fact.GETS_NOTHING: "{node} is online, but gets no group",
    Fact.KEPT_OUT: "{node} is kept out of the cluster",
    Fact.RESTS: "it says itself that it cannot work, and that it holds nothing",
    Fact.LOST_AFTER: "it counts as lost when that has lasted for {time}",
    Fact.JOINING: "{node} is on its way into the cluster",
    Fact.UNRESPONSIVE: "{node} does not answer, but its Corosync is there",
    Fact.GONE: "{node} is gone",
    Fact.LOST: "{node} is lost (loss {loss})",
    Fact.BEING_FENCED: "{node} is being fenced (loss {loss})",
    Fact.STILL_OUT: "{node} is back, but an attempt to switch it off is still under way",
    Fact.PROVEN_OFF: "{node} is proven off (loss {loss}, by {how})",
    Fact.LEFT: "{node} left cleanly: nothing waits for it",
    Fact.TAKES_GROUPS: "it can be given groups",
    Fact.HOLDS: "it has {groups}",
    Fact.HOLDS_NOTHING: "it has no group",
    Fact.COULD_TAKE: "it could run {groups}",
    Fact.FILES_DIFFER: "its files in /etc/standfast are not those in force: {names}",
    Fact.OBJECTS: "it does not take the version that was pushed last: {why}",
    Fact.FENCED_BY: "{fencer} is switching {node} off now",
    Fact.NEXT_ATTEMPT: "{node} is fenced in {time}",
    Fact.FAILED_ATTEMPTS: "attempts to switch {node} off that failed: {count}",
    Fact.NOBODY_FENCED: "the cluster is in maintenance: nobody is fenced",
    Fact.NO_DEVICE: "{node} has no fence device: only its return, or an operator's word, proves it off",
    Fact.WATCHDOG: "the watchdog of {node} resets it, which is the proof after a while",
    Fact.WOULD_START: "{group} would start on {node} once {dead} is proven off ({time} and what that takes)",
    Fact.WOULD_GO_ON: "{group} would go on on {node}",
    Fact.WOULD_NOT_RUN: "{group} would not run",
    Fact.WOULD_END: "{group} would be no group any more",
    Fact.NONE_WOULD_RUN: "no group would run",
    Fact.NOTHING_WOULD: "no group would be touched",
    Fact.UNFORESEEN: "that cannot be foreseen: {why}",
    Fact.NOTHING_DONE: "nothing is done with {name} now",
    Fact.NO_TERM: "{node} is in no open term, and decides nothing: {why}",
    Fact.OTHER_VERSION: "{node} has not read the configuration in force; ask again, or ask on another node",
    Fact.HELD_HERE: "{node}, which answers, has it",
    Fact.NOT_HELD_HERE: "{node}, which answers, does not have it",
    Fact.STOPS_HERE: "without quorum {node} stops what it has",
    Fact.GOES_ON_HERE: "without quorum {node} keeps what runs and starts nothing",
    Fact.KNOWN_LAST: "as {node} knew it last, it ran on {owner}",
    Fact.HEARD: "{name} is heard by {node}",
    Fact.NOT_HEARD: "{name} is not heard by {node}",
    Fact.GOES_WITHOUT: "{text}",
    Fact.KEEP_OFF: "it has to stay off until more than half of all votes are here",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """A fact, with what its sentence names."""

    fact: Fact
    facts: Mapping[str, str] = field(default_factory=dict)
    setting: str = ""  # FILE:LINE, as of a reason


Said = Reason | Stated


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """Something that an operator can type, and what comes of it."""

    command: str
    text: str
    on: str = ""  # the node where it is typed, "" = any


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What is said of one node or group beside the one that was asked for."""

    name: str
    said: tuple[Said, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Death:
    """What would become of groups if the node died now."""

    node: str
    outcomes: tuple[Part, ...]  # by group; "" = of none


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """One group, the copies of one, or one node."""

    kind: str  # group, copies, node
    name: str
    state: Stated
    why: tuple[Said, ...] = ()  # the main one first
    passed: tuple[Said, ...] = ()  # why better nodes were passed over when it was started, if that has changed since
    more: tuple[Part, ...] = ()  # why others are as they are, where that is the cause: lost nodes
    since: str = ""  # RFC 3339 UTC, "" = not known
    others: tuple[Part, ...] = ()  # of a group each other node, of copies each copy, of a node its groups
    ways: tuple[Way, ...] = ()
    by_itself: tuple[Said, ...] = ()  # what changes it without anybody
    deaths: tuple[Death, ...] = ()


def stated(fact: Fact, setting: str = "", **facts: object) -> Stated:
    return Stated(fact=fact, facts={name: str(value) for name, value in facts.items()}, setting=setting)


def words(said: Said) -> str:
    """For people: without a capital letter, without a full stop."""
    return sentence(said) if isinstance(said, Reason) else WORDS[said.fact].format_map(said.facts)


def answer(explanation: Explanation) -> str:
    """The first line: how it is, and the main reason."""
    return ": ".join(map(words, (explanation.state, *explanation.why[:1])))


def listed(names: Sequence[str]) -> str:
    """A list that stays readable."""
    more = len(names) - MOST_NAMES
    return ", ".join(names[:MOST_NAMES]) + (f" and {more} more" if more > 0 else "")


def duration(ms: int) -> str:
    """Rounded up: "2.2 s", "42 s", "5 min", "2 h"."""
    if ms < 10_000:
        return f"{-(-ms // 100) / 10:g} s"
    seconds = -(-ms // 1000)
    if seconds < 120:
        return f"{seconds} s"
    minutes = -(-seconds // 60)
    return f"{minutes} min" if minutes < 120 else f"{-(-minutes // 60)} h"


def document(explanation: Explanation) -> dict[str, Any]:
    """As the bus and `--json` have it."""
    return {
        "kind": explanation.kind,
        "name": explanation.name,
        "answer": answer(explanation),
        "state": _said(explanation.state),
        "since": explanation.since or None,
        "why": [_said(one) for one in explanation.why],
        "passed": [_said(one) for one in explanation.passed],
        "more": _parts(explanation.more),
        "others": _parts(explanation.others),
        "ways": [{"command": way.command, "on": way.on or None, "text": way.text} for way in explanation.ways],
        "by_itself": [_said(one) for one in explanation.by_itself],
        "if_node_dies": [{"node": one.node, "outcomes": _parts(one.outcomes)} for one in explanation.deaths],
    }


def _parts(parts: Iterable[Part]) -> list[dict[str, Any]]:
    return [{"name": part.name, "reasons": [_said(one) for one in part.said]} for part in parts]


def _said(said: Said) -> dict[str, Any]:
    rule = said.rule.value if isinstance(said, Reason) else said.fact.value
    return {"rule": rule, "facts": dict(said.facts), "setting": said.setting, "text": words(said)}
