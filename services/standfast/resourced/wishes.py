"""What an operator may ask for, and why not (DESIGN sections 7 and 12)."""

from dataclasses import replace

from standfast.configuration.model import Configuration
from standfast.resourced.messages import Wish, WishKind
from standfast.resourced.placement import failures, refusal
from standfast.resourced.record import Record
from standfast.resourced.situation import Situation


def refuse_wish(wish: Wish, record: Record, configuration: Configuration, situation: Situation) -> str:
    """One sentence why the wish cannot be, "" = it can."""
    if wish.kind in (WishKind.STANDBY, WishKind.RESUME):
        known = ", ".join(record.nodes)
        return "" if wish.subject in record.nodes else f"there is no node {wish.subject}; there are: {known}"
    group = configuration.group(wish.subject)
    if group is None or wish.subject not in record.groups:
        names = ", ".join(record.groups) or "none"
        return f"there is no group {wish.subject}; there are: {names}"
    if wish.node:
        if wish.node not in configuration.allowed(group):
            return f"{wish.node} may not run {group.name}: its domain allows {', '.join(configuration.allowed(group))}"
        why = refusal(wish.node, record, situation)
        return f"{wish.node} cannot run {group.name} now: it {why}" if why else ""
    if wish.kind is WishKind.RELOCATE and not _next_best(wish, record, configuration, situation):
        return f"no other node can run {group.name} now; see `standfast status`"
    return ""


def resolve_wish(wish: Wish, record: Record, configuration: Configuration, situation: Situation) -> Wish:
    """The wish with the node that the plan would choose."""
    if wish.kind is WishKind.RELOCATE and not wish.node:
        return replace(wish, node=_next_best(wish, record, configuration, situation))
    return wish


def _next_best(wish: Wish, record: Record, configuration: Configuration, situation: Situation) -> str:
    group = configuration.group(wish.subject)
    assert group is not None
    known = record.groups[wish.subject]
    able = [
        name
        for name in configuration.allowed(group)
        if name not in known.holders and not refusal(name, record, situation)
    ]
    return min(able, key=lambda name: failures(known, name), default="")
