"""What the coordinator does next: a pure function of the record, the configuration and the time (DESIGN sections 4-7).

`plan` only proposes contents of updates; each is judged again by `apply` where it is delivered. It is called when
nothing of the coordinator's own is under way. Durations are counted from when this coordinator first saw their cause:
`Waits` hands the counts from one call to the next, so a new coordinator starts them anew, never shorter.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from standfast.configuration.model import Configuration
from standfast.resourced import absence, configuring, drills, placement, race
from standfast.resourced.messages import Content, OrderGiven, ProtocolRaised
from standfast.resourced.outlook import Outlook
from standfast.resourced.reasons import Reason, Rule
from standfast.resourced.record import Record
from standfast.resourced.situation import Situation, Waits
from standfast.resourced.together import Together

SOON = (Rule.MAX_STARTS, Rule.AFTER)  # a group that waits for this starts when another start has ended


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    contents: tuple[Content, ...]
    waits: Mapping[str, int]
    overdue: frozenset[str] = field(default_factory=frozenset)  # nodes that left an order unanswered
    waits_for: Mapping[str, tuple[Reason, ...]] = field(default_factory=dict)  # by group: why nothing is done with it
    wanted: str = ""  # digest of a version that the coordinator must read to go back to it


def plan(record: Record, configuration: Configuration, situation: Situation) -> Planned:
    """The next updates, at most one order for each group; empty when the cluster is as it should be."""
    waits = Waits(situation.waits, situation.now)
    back = configuring.go_back(record, configuration, situation, waits)
    contents: list[Content] = [*back.contents, *_protocol(record), *race.decisions(record, configuration)]
    contents += drills.overdue(record, waits)
    contents += absence.losses(record, configuration, situation, waits)
    contents += absence.watchdog_proofs(record, configuration, situation, waits)
    contents += absence.attempts(record, configuration, situation, waits)
    overdue: set[str] = set()
    waits_for = {}
    moving = {name for name, group in record.groups.items() if group.open_orders}
    together = Together(configuration)
    outlook = Outlook(record, configuration, situation, waits)
    outlook.ending = back.ends
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
    return Planned(
        contents=tuple(contents),
        waits=waits.seen,
        overdue=frozenset(overdue),
        waits_for=waits_for,
        wanted=back.wanted,
    )


def _protocol(record: Record) -> list[Content]:
    """The version goes up when all configured nodes are here and speak a later one."""
    lowest = min(node.speaks for node in record.nodes.values())
    return [ProtocolRaised(version=lowest)] if lowest > record.protocol else []
