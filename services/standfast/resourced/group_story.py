"""What the journal tells of groups: their failures, who holds them, and each change of their phase."""

from collections.abc import Iterable, Mapping

from standfast.resourced.events import Entry
from standfast.resourced.messages import Reported
from standfast.resourced.presence import Held
from standfast.resourced.reasons import Reason, Rule, sentence
from standfast.resourced.record import GroupRecord, Record
from standfast.resourced.telling import ERROR, INFO, NOTICE, WARNING, tell
from standfast.vocabulary import Holding, Phase, ProbeState


def failed(before: Record, content: Reported, fields: Mapping[str, str]) -> list[Entry]:
    group, node, why = content.group, content.node, content.held.failed
    known = before.groups[group].held.get(node) if group in before.groups else None
    if not why or (known is not None and known.failed == why):
        return []
    text = f"{group} failed on {node}: {why}"
    units = " ".join(content.held.units)
    return [tell("group-failed", WARNING, text, fields, GROUP=group, SUBJECT=node, CAUSE=why, RESOURCE=units)]


def served(before: Record, after: Record, content: Reported, fields: Mapping[str, str]) -> list[Entry]:
    """All units of a start are active, and its probes are waited for; or what failed where it is kept serves again."""
    group, node = content.group, content.node
    if group not in before.groups:
        return []
    old, new = before.groups[group].held.get(node), after.groups[group].held.get(node)
    if new is None or new == old or new.failed:
        return []
    starting = new.holding is Holding.QUEUED and after.groups[group].phase is Phase.STARTING
    if starting and _all_active(new) and not (old is not None and _all_active(old)):
        text = f"All units of {group} are active on {node}; what their probes say is waited for"
        return [tell("group-active", INFO, text, fields, GROUP=group, SUBJECT=node, DECISION=_decision(group, before))]
    untouched = {before.groups[group].phase, after.groups[group].phase} == {Phase.STARTED}
    if untouched and old is not None and old.failed:
        text = f"{group} serves again on {node}, nothing was done: {old.failed} is over"
        return [tell("group-serves", NOTICE, text, fields, GROUP=group, SUBJECT=node)]
    return []


def _all_active(held: Held) -> bool:
    return bool(held.resources) and all(resource.active == "active" for resource in held.resources)


def _decision(group: str, record: Record) -> str:
    """What was ordered for the group and is being done."""
    return " ".join(sorted({order.kind.value for order in record.groups[group].open_orders.values()}))


def loss_of(reasons: Iterable[Reason]) -> str:
    """The loss that a decision follows from."""
    return next((why.facts.get("loss", "") for why in reasons if why.rule is Rule.OWNER_PROVEN_OFF), "")


def by_hand(before: Record, after: Record, content: Reported, fields: Mapping[str, str]) -> list[Entry]:
    """An administrator stopped something, more of it, or handed it back."""
    group, node, units = content.group, content.node, " ".join(content.held.by_hand)
    if group not in before.groups or before.groups[group].number == after.groups[group].number:
        return []
    known = before.groups[group].held.get(node)
    if content.held.by_hand == (known.by_hand if known is not None else ()):
        return []
    if not units:
        serves = content.held.holding is Holding.RUNNING
        text = f"{group} is no more held by an administrator on {node}" + (": all of it is up again" if serves else "")
        return [tell("group-handed-back", NOTICE, text, fields, GROUP=group, SUBJECT=node)]
    text = (
        f"{group} is held by an administrator: {units} was stopped by hand on {node}, and nothing is done with the "
        f"group until it is started there (systemctl start {units}), or: standfast group start {group}"
    )
    return [tell("group-by-hand", WARNING, text, fields, GROUP=group, SUBJECT=node, RESOURCE=units)]


def phase(name: str, before: Record, after: Record, fields: Mapping[str, str]) -> list[Entry]:
    old, new = before.groups.get(name), after.groups[name]
    if old is None or old.phase is new.phase:
        return []
    where = ", ".join(new.holders) or ", ".join(sorted(new.open_orders))
    text = f"{name} is {new.phase.value}" + (f" on {where}" if where else "")
    had = old.holders or ((old.last_owner,) if old.last_owner else ())  # a record from a disk knows no holders
    gone = [holder for holder in had if holder not in after.members]
    if new.phase is Phase.STOPPED and gone:  # what was last done with it is no reason for that
        text = f"{name} is held by nobody here: {', '.join(gone)} had it, and is gone"
        return [tell("group-stopped", NOTICE, text, fields, GROUP=name, LOST=" ".join(gone))]
    level = ERROR if new.phase is Phase.BLOCKED else NOTICE if new.phase in (Phase.STARTED, Phase.STOPPED) else INFO
    own = {"GROUP": name, "DECISION": _decision(name, before) or _decision(name, after), "PROBE": _probe(new)}
    own |= {"INCIDENT": loss_of(new.reasons), "SUBJECT": where, "CAUSE": _cause(new)}
    return [tell(f"group-{new.phase.value}", level, text, fields, **own)]


def _cause(group: GroupRecord) -> str:
    failed = [held.failed for held in group.held.values() if held.failed and held.holding is not Holding.RUNNING]
    return "; ".join(failed) or "; ".join(map(sentence, group.reasons[:1]))


def _probe(group: GroupRecord) -> str:
    """What the probes of a group that was started say together: good or bad; "" while it is not, or without probes."""
    said = {resource.probe for held in group.held.values() for resource in held.resources}
    if group.phase is not Phase.STARTED or not said & {ProbeState.GOOD, ProbeState.BAD}:
        return ""
    return ProbeState.BAD.value if ProbeState.BAD in said else ProbeState.GOOD.value
