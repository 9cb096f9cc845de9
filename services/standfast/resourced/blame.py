"""Whether a node is to blame for what a group's probes say (DESIGN section 8).

A group leaves a node because it would do better on another one. It does not where its probes ask something that has
failed for everybody, nor where they already said the same on the node that it came from.
"""

from dataclasses import dataclass

from standfast.configuration.model import Group, Level
from standfast.resourced.outlook import Outlook
from standfast.resourced.presence import Held
from standfast.resourced.reasons import Reason, Rule, reason
from standfast.resourced.record import GroupRecord, Record
from standfast.vocabulary import Holding


@dataclass(frozen=True, slots=True, kw_only=True)
class Witness:
    """A group that runs and is probed all the time."""

    group: str
    node: str
    bad: bool  # or in doubt


def outside(group: Group, held: Held) -> frozenset[str]:
    """The bad probes that ask what is not the group's: a restart mends none of them."""
    return frozenset(probe.full_name for probe in group.probes_called(held.probes) if probe.is_outside)


def sees_good(group: Group, node: str, record: Record, wanted: frozenset[str] | None = None) -> bool:
    """That node sees all of these good (None: all that the group's probes ask outside)."""
    if wanted is None:
        wanted = frozenset(one.full_name for resource in group.resources for one in resource.probes if one.is_outside)
    view = record.nodes[node].views.get(group.name) if node in record.members else None
    return not wanted or (view is not None and wanted <= set(view.good))


def witnesses(outlook: Outlook) -> tuple[Witness, ...]:
    """All of them. Who starts, or failed of more than its probes, says nothing."""
    found = []
    for group in outlook.configuration.groups:
        known = outlook.record.groups.get(group.name)
        if known is None or not is_probed(group):
            continue
        for node in known.holders:
            held = known.held[node]
            bad = bool(held.probes) or held.doubt
            if bad or (held.holding is Holding.RUNNING and not held.failed):
                found.append(Witness(group=group.name, node=node, bad=bad))
    return tuple(found)


def is_probed(group: Group) -> bool:
    return any(probe.level is Level.LIVE and probe.decides for one in group.resources for probe in one.probes)


def not_to_blame(group: Group, known: GroupRecord, name: str, held: Held, outlook: Outlook) -> Reason | None:
    """Why the failing group stays on this node; None: the node may be to blame."""
    if not held.probes:
        return None
    others = [one for one in outlook.remembered(witnesses) if one.group != group.name]
    if _fails_everywhere(name, others):
        count = sum(one.bad for one in others)
        return reason(Rule.FAILS_EVERYWHERE, cause=held.failed, node=name, count=count, all=len(others))
    kept = next((why for why in known.reasons if why.rule is Rule.FAILS_EVERYWHERE), None)
    if kept is not None and outlook.waits.age(f"alone {group.name}") < longest_look_ms(group):
        return kept  # what all ask is good again for others: this one is about to see it, too
    if other := _failed_before(known, name):
        return reason(Rule.FAILED_THERE_TOO, cause=held.failed, node=name, other=other)
    return None


def longest_look_ms(group: Group) -> int:
    """So long after what they ask is good again, its probes have said so."""
    probes = (probe for resource in group.resources for probe in resource.probes if probe.level is Level.LIVE)
    return max((probe.pass_after * (probe.interval_ms + probe.timeout_ms) for probe in probes), default=0)


def _fails_everywhere(name: str, others: list[Witness]) -> bool:
    """Half of all others, and of those on other nodes, are bad. Those on this node alone would blame the node."""
    elsewhere = [one for one in others if one.node != name]
    if not any(one.bad for one in elsewhere):
        return False
    return all(2 * sum(one.bad for one in some) >= len(some) for some in (others, elsewhere))


def _failed_before(known: GroupRecord, name: str) -> str:
    """The node that it left because of its probes, while they were never good on this one since; "" = none."""
    for failure in reversed(known.failures):
        if not failure.probed:
            break
        if failure.node != name:
            return failure.node
        if failure.served:
            break
    return ""
