"""What `standfast simulate` found, as data: the steps in their order, and what became of each group."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from standfast.resourced.reasons import Reason, sentence
from standfast.vocabulary import Phase


class StepKind(StrEnum):
    SUPPOSED = "supposed"  # the hypothesis itself
    TERM = "term"
    QUORUM_LOST = "quorum-lost"
    TIME = "time"
    LOST = "lost"
    FENCING = "fencing"
    PROVEN = "proven"
    SWITCHED_ON = "switched-on"
    LEFT = "left"
    START = "start"
    STOP = "stop"
    RESTART = "restart"
    DISABLED = "disabled"
    CONFIGURATION = "configuration"
    NOT_IN_FORCE = "not-in-force"
    WAITS = "waits"
    CUT_OFF = "cut-off"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing that would happen; a time of 0 is now."""

    at_ms: int
    kind: StepKind
    subject: str  # the group or node that it is about, "" = the cluster
    node: str  # where it happens, "" = nowhere in particular
    text: str
    reasons: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    phase: Phase
    owner: str  # "" = nobody


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A group as it is and as it would be; None: it is not configured."""

    group: str
    before: Place | None
    after: Place | None
    touched: bool  # something was done with it
    waits_for: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreseen:
    steps: tuple[Step, ...]
    groups: tuple[Outcome, ...]


def document(foreseen: Foreseen) -> dict[str, Any]:
    """As the bus and `--json` have it: reasons with their sentences, absent places as null."""
    steps = [
        {
            "at_ms": step.at_ms,
            "kind": step.kind.value,
            "subject": step.subject,
            "node": step.node,
            "text": step.text,
            "reasons": [_reason(why) for why in step.reasons],
        }
        for step in foreseen.steps
    ]
    groups = [
        {
            "name": outcome.group,
            "before": _place(outcome.before),
            "after": _place(outcome.after),
            "touched": outcome.touched,
            "waits_for": [_reason(why) for why in outcome.waits_for],
        }
        for outcome in foreseen.groups
    ]
    return {"steps": steps, "groups": groups}


def _reason(why: Reason) -> dict[str, Any]:
    return {"rule": why.rule.value, "facts": dict(why.facts), "setting": why.setting, "text": sentence(why)}


def _place(place: Place | None) -> dict[str, Any] | None:
    return None if place is None else {"phase": place.phase.value, "owner": place.owner}
