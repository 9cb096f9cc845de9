"""How a report changes the record; pure, and total as `apply` is."""

from dataclasses import replace

from standfast.resourced.messages import Reported
from standfast.resourced.reasons import Reason, Rule, reason
from standfast.resourced.record import Failure, GroupRecord, Record, with_group
from standfast.vocabulary import Holding

KEPT = (Rule.FAILS_EVERYWHERE, Rule.FAILED_THERE_TOO, Rule.SEEN_NOWHERE)  # why a group stays that does not serve
LONGEST_MEMORY = 1_000  # failures of a group that are remembered, beside the newest: MaxRestarts= goes up to it


def reported(record: Record, content: Reported) -> Record:
    """Judged where it is delivered: while a later order for that node is open it changes nothing."""
    group = record.groups.get(content.group)
    if group is None or content.node not in record.members:
        return record
    order = group.open_orders.get(content.node)
    if order is not None and order.number > content.order:
        return record
    orders = dict(group.open_orders)
    if not content.busy:
        orders.pop(content.node, None)
    held = {**group.held, content.node: content.held}
    if content.held.holding is Holding.NOTHING and not content.held.failed:
        del held[content.node]
    runs = content.held.holding is Holding.RUNNING
    owned = owned_by(group, content.node) if runs else group
    return with_group(
        record,
        content.group,
        held=held,
        open_orders=orders,
        failures=_failures(group, content),
        reasons=_reasons(group, content),
        last_owner=owned.last_owner,
        owner_before=owned.owner_before,
        costly=group.costly and not (runs and not content.held.failed),
    )


def _failures(group: GroupRecord, content: Reported) -> tuple[Failure, ...]:
    """What was said of a failure already is no other one."""
    held, before = content.held, group.held.get(content.node)
    known = before is not None and (before.failed == held.failed or _still_bad(group, content))
    if held.holding is Holding.RUNNING and not held.failed and not content.busy:
        return _forgiven(group, content.node)
    if not held.failed or content.busy or (known and content.node not in group.open_orders):
        return group.failures
    served = before is not None and before.holding is Holding.RUNNING and not before.failed
    failure = Failure(
        id=group.number,
        node=content.node,
        cause=held.failed,
        probed=bool(held.probes),
        leaves=held.leaves,
        served=served,
    )
    return (*group.failures[-LONGEST_MEMORY:], failure)


def _forgiven(group: GroupRecord, node: str) -> tuple[Failure, ...]:
    """It was kept there, and serves: the node was not to blame for what its probes said."""
    if not any(why.rule in KEPT for why in group.reasons):
        return group.failures
    return tuple(failure for failure in group.failures if failure.node != node or not failure.probed)


def _reasons(group: GroupRecord, content: Reported) -> tuple[Reason, ...]:
    cause = content.held.failed or content.refused
    if content.busy and not content.refused:
        return group.reasons  # of the order that is being carried out, perhaps because of this very failure
    if cause:
        return group.reasons if _still_bad(group, content) else (reason(Rule.FAILED, cause=cause),)
    before = group.held.get(content.node)
    mended = before is not None and before.probes and content.node not in group.open_orders
    return (reason(Rule.SERVES_AGAIN),) if mended else group.reasons


def _still_bad(group: GroupRecord, content: Reported) -> bool:
    """Its probes were bad before, and nothing was done since."""
    before = group.held.get(content.node)
    return bool(before and before.probes and content.held.probes) and content.node not in group.open_orders


def owned_by(group: GroupRecord, node: str) -> GroupRecord:
    before = group.last_owner if node != group.last_owner else group.owner_before
    return replace(group, last_owner=node, owner_before=before)
