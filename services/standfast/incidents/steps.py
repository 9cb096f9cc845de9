"""The steps that an incident went through, and how long each took: pure."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from standfast.incidents.entry import Entry
from standfast.incidents.gathering import Incident
from standfast.vocabulary import copies_of

_MS = timedelta(milliseconds=1)


class StepName(StrEnum):
    """The steps in their order; an incident need not have all of them."""

    CAUSE = "cause"  # the last sign that all was well, or what an operator wanted
    DETECTED = "detected"  # a view without the node, the failure of a group
    DECIDED = "decided"  # a node is lost, or the first order
    FENCED = "fenced"  # the last proof
    STOPPED = "stopped"
    STARTED = "started"  # all units are active
    GOOD = "good"  # the probes say that it serves


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One of them, as the entry that ended it tells."""

    name: StepName
    at: datetime
    ms: int  # since the step before it, never negative; 0 for the first one
    entry: Entry
    node: str


def steps(incident: Incident, group: str = "") -> tuple[Step, ...]:
    """What the incident went through until `group` (or its copies; "" = all groups in it) ran again, in order.

    The cause is before its entry: a node is missed some time after it was heard for the last time, and a probe is bad
    after it was good. `Step.at` is that time, as far as the one who missed it knows.
    """
    told = [entry for entry in incident.entries if not (group and entry.group) or copies_of(group, (entry.group,))]
    losses = _losses(told) if group else incident.losses
    begun = _lost(told, losses) if losses else _failed(told)
    made: list[Step] = []
    for name, at, entry in (*begun, *_served(told, begun)):
        at = max(at, made[-1].at) if made else at
        ms = round((at - made[0].at) / _MS) - sum(step.ms for step in made) if made else 0  # they add up to the whole
        made.append(Step(name=name, at=at, ms=ms, entry=entry, node=entry.node))
    return tuple(made)


def slowest(made: Sequence[Step]) -> Step | None:
    """The step that took longest; None where there are not two."""
    return max(made[1:], key=lambda step: step.ms, default=None)


_Found = tuple[StepName, datetime, Entry]


def _losses(told: Iterable[Entry]) -> set[str]:
    """The losses that the group's own entries name; all, where it is on its way for no other reason."""
    own = [entry for entry in told if entry.group]
    named = {entry.incident for entry in own if entry.incident}
    if named or any(entry.event in ("group-failed", "wish", "drill-begun") for entry in own):
        return named
    return {entry.incident for entry in told if entry.event == "node-lost"}


def _lost(told: Sequence[Entry], losses: set[str]) -> list[_Found]:
    lost = next((entry for entry in told if entry.event == "node-lost" and entry.incident in losses), None)
    nodes = {entry.node for entry in told if entry.event == "node-lost" and entry.incident in losses}
    seen = _view_without(told, nodes, lost)
    found: list[_Found] = []
    if (cause := _last_heard(told, seen, lost)) is not None:
        found.append((StepName.CAUSE, *cause))
    if seen is not None:
        found.append((StepName.DETECTED, seen.at, seen))
    if lost is not None:
        found.append((StepName.DECIDED, lost.at, lost))
    proofs = [entry for entry in told if entry.event == "node-proven" and entry.incident in losses]
    if proofs:
        found.append((StepName.FENCED, proofs[-1].at, proofs[-1]))
    return found


def _view_without(told: Sequence[Entry], nodes: set[str], lost: Entry | None) -> Entry | None:
    """The first view without one of them; in a journal of an older release the last one before the loss."""
    before = told[: told.index(lost)] if lost is not None else told
    views = [entry for entry in before if entry.event == "view-changed"]
    named = [entry for entry in views if nodes & set(entry.lost.split())]
    unnamed = [entry for entry in views[-1:] if not entry.lost]
    return next(iter([*named, *unnamed]), None)


def _last_heard(told: Sequence[Entry], seen: Entry | None, lost: Entry | None) -> tuple[datetime, Entry] | None:
    """When the node was heard last: by Corosync, which misses it so long after that, or by its last tick if that is
    later; before the moment when all links to it were known to be down."""
    wished = next((entry for entry in told if lost is not None and entry.position == lost.position != ""), None)
    if wished is not None and wished.event == "wish":
        return wished.at, wished
    signs = [
        (entry.at - entry.silent_ms * _MS, entry)
        for entry in (seen, lost)
        if entry is not None and entry.silent_ms is not None
    ]
    if not signs:
        return None
    at, entry = max(signs, key=lambda sign: sign[0])
    links = [one.at for one in told if one.event == "link-down" and seen is not None and one.at <= seen.at]
    return min([at, *links[:1], *([seen.at] if seen is not None else [])]), entry


def _failed(told: Sequence[Entry]) -> list[_Found]:
    failed = next((entry for entry in told if entry.event == "group-failed"), None)
    order = next((entry for entry in told if entry.event == "order"), None)
    first = failed or order
    before = told[: told.index(first)] if first is not None else told
    found: list[_Found] = []
    if (cause := _cause(before)) is not None:
        found.append((StepName.CAUSE, *cause))
    if failed is not None:
        found.append((StepName.DETECTED, failed.at, failed))
    if order is not None:
        found.append((StepName.DECIDED, order.at, order))
    return found


def _cause(before: Sequence[Entry]) -> tuple[datetime, Entry] | None:
    bad = next((entry for entry in before if entry.event == "probe-changed" and entry.probe == "bad"), None)
    if bad is not None:
        return bad.at - (bad.silent_ms or 0) * _MS, bad
    wished = next((entry for entry in before if entry.event in ("wish", "drill-begun", "quorum-lost")), None)
    return (wished.at, wished) if wished is not None else None


def _served(told: Sequence[Entry], begun: Sequence[_Found]) -> Iterator[_Found]:
    """From the last step of what made it necessary on: stopped, all units active, and what the probes say; of many
    groups the last one. What fails again after it has served is another outage."""
    after = told[told.index(begun[-1][2]) + 1 :] if begun else told
    ends = [_end(entry for entry in after if entry.group == group) for group in _groups(after)]
    started = max((up for up, _ in ends if up is not None), key=_at, default=None)
    good = max((served for _, served in ends if served is not None), key=_at, default=None)
    stops = [entry for entry in after if entry.event == "group-stopped" and not entry.lost]
    if (last := started or good) is not None:
        stops = [entry for entry in stops if entry.at <= last.at]
    if stops:
        yield StepName.STOPPED, stops[-1].at, stops[-1]
    if started is not None:
        yield StepName.STARTED, started.at, started
    if good is not None:
        yield StepName.GOOD, good.at, good


def _groups(entries: Iterable[Entry]) -> list[str]:
    return sorted({entry.group for entry in entries if entry.group})


def _at(entry: Entry) -> datetime:
    return entry.at


def _end(own: Iterable[Entry]) -> tuple[Entry | None, Entry | None]:
    """Which entry says that the units of one group are active, and which one that its probes are good."""
    active: Entry | None = None
    for entry in own:
        match entry.event:
            case "group-active":
                active = entry
            case "group-started":
                probed = entry.probe == "good" or active is not None
                return active or entry, entry if probed and entry.probe != "bad" else None
            case "group-serves":
                return active, entry
    return active, None
