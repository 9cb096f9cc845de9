"""What the coordinator does next: a pure function of the record, the configuration and the time (DESIGN sections 4-7).

`plan` only proposes contents of updates; each is judged again by `apply` where it is delivered. It is called when
nothing of the coordinator's own is under way. Durations are counted from when this coordinator first saw their cause:
`Waits` hands the counts from one call to the next, so a new coordinator starts them anew, never shorter.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from standfast.configuration.model import Configuration, Group
from standfast.resourced import absence, placement, race
from standfast.resourced.messages import ConfigurationInForce, Content, OrderGiven, ProtocolRaised
from standfast.resourced.outlook import Outlook
from standfast.resourced.reasons import Reason, Rule
from standfast.resourced.record import GroupRecord, Record
from standfast.resourced.situation import Situation, Waits
from standfast.resourced.together import Together

SOON = (Rule.MAX_STARTS, Rule.AFTER)  # a group that waits for this starts when another start has ended


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    contents: tuple[Content, ...]
    waits: Mapping[str, int]
    overdue: frozenset[str] = field(default_factory=frozenset)  # nodes that left an order unanswered
    waits_for: Mapping[str, tuple[Reason, ...]] = field(default_factory=dict)  # by group: why nothing is done with it


def plan(record: Record, configuration: Configuration, situation: Situation) -> Planned:
    """The next updates, at most one order for each group; empty when the cluster is as it should be."""
    waits = Waits(situation.waits, situation.now)
    contents: list[Content] = [
        *_protocol(record),
        *next_configuration(record, situation),
        *race.decisions(record, configuration),
    ]
    contents += absence.losses(record, configuration, situation, waits)
    contents += absence.watchdog_proofs(record, configuration, situation, waits)
    contents += absence.attempts(record, configuration, situation, waits)
    overdue: set[str] = set()
    waits_for = {}
    moving = {name for name, group in record.groups.items() if group.open_orders}
    together = Together(configuration)
    outlook = Outlook(record, configuration, situation, waits)
    for group in together.order:
        decided = placement.place(group, together, outlook)
        contents += decided.contents
        overdue |= decided.overdue
        if decided.waits_for:
            waits_for[group.name] = decided.waits_for
        soon = bool(decided.waits_for) and decided.waits_for[0].rule in SOON
        if soon or any(isinstance(content, OrderGiven) for content in decided.contents):
            moving.add(group.name)
    contents += absence.marks(record, outlook.rules, moving)
    return Planned(contents=tuple(contents), waits=waits.seen, overdue=frozenset(overdue), waits_for=waits_for)


def _protocol(record: Record) -> list[Content]:
    """The version goes up when all configured nodes are here and speak a later one."""
    lowest = min(node.speaks for node in record.nodes.values())
    return [ProtocolRaised(version=lowest)] if lowest > record.protocol else []


def next_configuration(record: Record, situation: Situation) -> list[Content]:
    """A new configuration comes into force when every node has it, is here, and no loss is unproven; and when nothing
    of a group is under way where it will not be allowed any more.

    The one in force is not asked: no node may have it any more, where all lost their power with the next one in place
    and the record of that not yet on a disk.
    """
    offered = situation.offered
    if offered is None or offered.digest == record.configuration:
        return []
    same = all(node.present and node.available == offered.digest for node in record.nodes.values())
    if not same or set(record.nodes) != {node.name for node in offered.nodes} or record.losses:
        return []
    votes = {node.name: node.votes for node in offered.nodes}
    groups = tuple(group.name for group in offered.groups)
    if any(group.holders for name, group in record.groups.items() if name not in groups):
        return []
    if any(
        _strays(record.groups[group.name], group, offered) for group in offered.groups if group.name in record.groups
    ):
        return []
    return [ConfigurationInForce(digest=offered.digest, votes=votes, groups=groups)]


def _strays(known: GroupRecord, group: Group, offered: Configuration) -> bool:
    """It would be held or ordered where `offered` does not allow it and where nobody would look for it: only its last
    owner counts beside the nodes that it is allowed to run on."""
    allowed = offered.allowed(group)
    return any(node not in (*allowed, known.last_owner) for node in known.holders) or any(
        node not in allowed for node in known.open_orders
    )
