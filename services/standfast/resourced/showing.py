"""What people see of the record: states of nodes, groups and losses as values for the bus (pure)."""

from collections.abc import Mapping
from typing import Any

from standfast.configuration.model import Configuration
from standfast.resourced import absence, placement
from standfast.resourced.record import GroupRecord, Record
from standfast.resourced.situation import Situation, Waits
from standfast.vocabulary import NodeState, Phase


def node_state(name: str, record: Record, ring_nodes: frozenset[str]) -> NodeState:
    """The strongest that applies: fencing, fenced, lost, unresponsive, joining, left, online."""
    node, loss = record.nodes[name], record.losses.get(name)
    if absence.out(record, name):
        return NodeState.FENCING
    if loss is not None:
        return NodeState.FENCED if loss.proof else NodeState.LOST
    if node.present:
        return NodeState.ONLINE
    if node.left:
        return NodeState.JOINING if name in ring_nodes and not node.incarnation else NodeState.LEFT
    return NodeState.UNRESPONSIVE if name in ring_nodes else NodeState.LOST


def node_values(name: str, record: Record, ring_nodes: frozenset[str]) -> Mapping[str, Any]:
    """Properties of Member1."""
    node = record.nodes[name]
    return {
        "Name": name,
        "State": node_state(name, record, ring_nodes).value,
        "Standby": node.standby,
        "Healthy": not node.condemned,
        "Drifted": node.present and placement.drifted(node, record),
        "Incarnation": node.incarnation,
    }


def group_values(
    name: str, record: Record, configuration: Configuration, situation: Situation | None
) -> Mapping[str, Any]:
    """Properties of Group1; a group that waits says for what."""
    known = record.groups[name]
    owner = known.holders[0] if known.holders else next(iter(sorted(known.open_orders)), "")
    return {
        "Name": name,
        "Phase": known.phase.value,
        "Flags": ["stopped"] if known.stopped else [],
        "Owner": owner,
        "LastOwner": known.owner_before if known.last_owner == owner else known.last_owner,
        "Since": known.since,
        "Reason": _reason(name, known, record, configuration, situation),
    }


def _reason(
    name: str, known: GroupRecord, record: Record, configuration: Configuration, situation: Situation | None
) -> str:
    group = configuration.group(name)
    if known.phase is not Phase.STOPPED or known.stopped or group is None or situation is None:
        return known.reason
    waiting = placement.blocker(group, record, configuration, situation)
    return waiting or known.reason


def resource_values(name: str, record: Record, configuration: Configuration) -> dict[str, Mapping[str, Any]]:
    """Properties of Resource1 by unit, as the owner last reported them."""
    group, known = configuration.group(name), record.groups[name]
    if group is None:
        return {}
    held = next((known.held[node] for node in known.holders), None)
    reports = {report.unit: report for report in (held.resources if held else ())}
    shown: dict[str, Mapping[str, Any]] = {}
    for resource in group.resources:
        report = reports.get(resource.unit)
        shown[resource.unit] = {
            "Unit": resource.unit,
            "State": report.active if report else "inactive",
            "Probe": report.probe if report else ("unknown" if resource.probes else "none"),
            "Cause": report.cause if report else "",
        }
    return shown


def losses(record: Record, configuration: Configuration, situation: Situation | None) -> list[tuple[Any, ...]]:
    """Losses that wait for their proof: loss, node, attempts failed, seconds to the next, a sentence."""
    shown = []
    for loss in sorted(record.losses.values(), key=lambda loss: loss.number):
        if loss.proof:
            continue
        failed = record.failed_attempts.get(loss.number, 0)
        waits = Waits(situation.waits, situation.now) if situation else None
        wait = absence.wait_ms(loss, record, configuration, situation, waits) if situation and waits else 0
        seconds = 0 if absence.out(record, loss.node) else max(wait, 0) // 1000
        shown.append((loss.number, loss.node, failed, seconds, loss.reason))
    return shown
