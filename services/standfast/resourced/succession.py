"""How a version of the configuration takes the place of another one in the record; pure, and total as `apply` is."""

from collections.abc import Mapping
from dataclasses import replace

from standfast.resourced.messages import ConfigurationInForce
from standfast.resourced.record import GroupRecord, NodeRecord, Record, VersionInForce

MOST_VERSIONS = 20  # that are remembered


def come_into_force(record: Record, content: ConfigurationInForce) -> Record:
    """A version takes the place of the one that it was made of; a node that is not configured any more leaves nothing
    behind. What is not confirmed goes back to the last one that nobody has to confirm."""
    if content.base != record.configuration:
        return record
    nodes = {name: record.nodes.get(name, NodeRecord(votes=votes)) for name, votes in content.votes.items()}
    nodes = {name: replace(node, votes=content.votes[name]) for name, node in nodes.items()}
    groups = {name: record.groups.get(name, GroupRecord()) for name in content.groups}
    back = record.unconfirmed or record.configuration
    unconfirmed = content.confirm_ms > 0 and back != content.digest
    return replace(
        record,
        configuration=content.digest,
        version=record.version + 1,
        unconfirmed=back if unconfirmed else "",
        confirm_ms=content.confirm_ms if unconfirmed else 0,
        nodes=nodes,
        groups={name: _group_of_nodes(group, nodes) for name, group in groups.items()},
        losses={name: loss for name, loss in record.losses.items() if name in nodes},
        owed={name: loss for name, loss in record.owed.items() if name in nodes},
        attempts=tuple(attempt for attempt in record.attempts if attempt.node in nodes),
    )


def remembered(record: Record, content: ConfigurationInForce, at: str) -> Record:
    newest = VersionInForce(
        version=record.version, digest=content.digest, base=content.base, at=at, by=content.by, why=content.why
    )
    return replace(record, history=(newest, *record.history[: MOST_VERSIONS - 1]))


def _group_of_nodes(group: GroupRecord, nodes: Mapping[str, NodeRecord]) -> GroupRecord:
    held = {name: held for name, held in group.held.items() if name in nodes}
    orders = {name: order for name, order in group.open_orders.items() if name in nodes}
    return replace(group, number=group.number + 1, held=held, open_orders=orders)
