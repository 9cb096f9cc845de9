"""What people see of the record: states of nodes, groups and losses as values for the bus (pure)."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from standfast.configuration.copies import sets_of
from standfast.configuration.model import Configuration
from standfast.resourced import absence, placement
from standfast.resourced.configuring import confirm_left_ms
from standfast.resourced.outlook import Outlook, behind, unwanted
from standfast.resourced.reasons import Reason, sentence
from standfast.resourced.record import GroupRecord, Record
from standfast.resourced.situation import Situation, Waits
from standfast.resourced.together import Together
from standfast.vocabulary import BY_HAND, NodeState

NO_DRILL: Final = ("", "", "", (), "", "", "", "", 0)
NO_VERSIONS: Final[Mapping[str, Any]] = {"Versions": {}, "History": [], "Unconfirmed": ("", 0)}


def versions(record: Record | None, situation: Situation | None) -> Mapping[str, Any]:
    """What the nodes have of the configuration, which versions were in force, and what is to be confirmed.

    While no term is open nobody knows but which versions were in force.
    """
    if record is None:
        return NO_VERSIONS
    past = [(one.version, one.digest, one.base, one.at, one.by, one.why) for one in record.history]
    if situation is None:
        return {**NO_VERSIONS, "History": past}
    waits = Waits(situation.waits, situation.now)
    return {
        "Versions": {
            name: (node.installed, node.available, list(node.objections), list(node.drifted))
            for name, node in record.nodes.items()
            if node.present
        },
        "History": past,
        "Unconfirmed": (record.unconfirmed, confirm_left_ms(record, waits) if record.unconfirmed else 0),
    }


def node_state(name: str, record: Record, ring_nodes: frozenset[str], *, in_term: bool = True) -> NodeState:
    """The strongest that applies: fencing, fenced, lost, unresponsive, joining, left, online.

    `in_term` False: none is open, so whom the record still calls present may have gone since.
    """
    node, loss = record.nodes[name], record.losses.get(name)
    if absence.out(record, name):
        return NodeState.FENCING
    if loss is not None:
        return NodeState.FENCED if loss.proof else NodeState.LOST
    if node.present and (in_term or not ring_nodes or name in ring_nodes):
        return NodeState.ONLINE
    if node.left:
        return NodeState.JOINING if name in ring_nodes and not node.incarnation else NodeState.LEFT
    return NodeState.UNRESPONSIVE if name in ring_nodes else NodeState.LOST


def node_values(name: str, record: Record, ring_nodes: frozenset[str], *, in_term: bool = True) -> Mapping[str, Any]:
    """Properties of Member1."""
    node = record.nodes[name]
    return {
        "Name": name,
        "State": node_state(name, record, ring_nodes, in_term=in_term).value,
        "Standby": node.standby,
        "Healthy": node.healthy and not node.condemned,
        "Drifted": node.present and behind(node, record),
        "Edited": list(node.drifted) if node.present else [],
        "Incarnation": node.incarnation,
    }


class Waiting:
    """Why groups that stand still do so, as the coordinator's plan has it, from one look at the record."""

    def __init__(self, record: Record, configuration: Configuration, situation: Situation | None) -> None:
        self._configuration = configuration
        self._together = Together(configuration)
        self._outlook = (
            Outlook(record, configuration, situation, Waits(situation.waits, situation.now)) if situation else None
        )

    def reasons(self, name: str) -> tuple[Reason, ...]:
        """Empty: the group waits for nothing, or no term is open."""
        group = self._together.groups.get(name)
        if group is None or self._outlook is None:
            return ()
        return placement.place(group, self._together, self._outlook).waits_for


def group_values(name: str, record: Record, waiting: Waiting) -> Mapping[str, Any]:
    """Properties of Group1; a group that waits says for what."""
    known = record.groups[name]
    owner = known.holders[0] if known.holders else next(iter(sorted(known.open_orders)), "")
    reasons = waiting.reasons(name) or known.reasons
    return {
        "Name": name,
        "Phase": known.phase.value,
        "Flags": flags(known),
        "Owner": owner,
        "LastOwner": known.owner_before if known.last_owner == owner else known.last_owner,
        "Since": known.since,
        "Reason": sentence(reasons[0]) if reasons else "",
        "WantedOn": known.wanted,
        "Drilled": drilled(known),
    }


def drilled(known: GroupRecord) -> tuple[str, str, int]:
    """How its last fire drill went."""
    last = known.drilled
    return (last.kind.value, last.at, last.ms) if last is not None else ("", "", 0)


def drills(record: Record | None) -> Mapping[str, Any]:
    """The fire drill that is under way, and the one before."""
    now, last = (record.drill, record.last_drill) if record is not None else (None, "")
    if now is None:
        return {"Drill": NO_DRILL, "LastDrill": last}
    groups = list(now.groups)
    told = (now.id, now.kind.value, now.node, groups, now.unit, now.leader, now.by, now.at, now.limit_ms)
    return {"Drill": told, "LastDrill": last}


def copies_values(record: Record, configuration: Configuration) -> Iterator[Mapping[str, Any]]:
    """Properties of Copies1 for each group that has copies in the record."""
    for base, copies in sets_of(configuration).items():
        known = {copy.name: record.groups[copy.name] for copy in copies if copy.name in record.groups}
        able = [copy for copy in copies if copy.name in known and unwanted(known[copy.name]) is None]
        here = [copy for copy in able if record.nodes[copy.node].present and not record.nodes[copy.node].standby]
        if known:
            yield {"Name": base, "Copies": list(known), "Wanted": min(copies[0].copies, len(here))}


def flags(known: GroupRecord) -> list[str]:
    """What an operator must know beside the phase."""
    marks = {
        BY_HAND: any(held.by_hand for held in known.held.values()),
        "disabled": known.disabled,
        "stopped": known.stopped,
        "frozen": known.frozen,
        "partial": any(held.partial for held in known.held.values()),
    }
    return [name for name, is_set in marks.items() if is_set]


def resource_values(name: str, record: Record, configuration: Configuration) -> dict[str, Mapping[str, Any]]:
    """Properties of Resource1 by unit, as the owner last reported them."""
    group, known = configuration.group(name), record.groups[name]
    if group is None:
        return {}
    held = next((known.held[node] for node in known.holders), None)
    reports = {report.unit: report for report in (held.resources if held else ())}
    shown: dict[str, Mapping[str, Any]] = {}
    for place, resource in enumerate(group.resources, 1):
        report = reports.get(resource.unit)
        shown[resource.unit] = {
            "Unit": resource.unit,
            "Place": place,
            "State": report.active if report else "inactive",
            "Probe": report.probe if report else ("unknown" if resource.probes else "none"),
            "Cause": report.cause if report else "",
        }
    return shown


def losses(
    record: Record, configuration: Configuration, situation: Situation | None, others: Iterable[str] = ()
) -> list[tuple[Any, ...]]:
    """Losses that wait for their proof: loss, node, attempts failed, seconds to the next, a sentence. Not those of the
    `others`, of which more is known elsewhere."""
    shown = []
    for loss in sorted(record.losses.values(), key=lambda loss: loss.number):
        if loss.proof or loss.node in others:
            continue
        failed = record.failed_attempts.get(loss.number, 0)
        wait_ms = None
        if situation is not None:
            waits = Waits(situation.waits, situation.now)
            wait_ms = absence.next_attempt_ms(loss, record, configuration, situation, waits)
        seconds = -(-(wait_ms or 0) // 1000)
        shown.append((loss.number, loss.node, failed, seconds, sentence(loss.reason)))
    return shown
