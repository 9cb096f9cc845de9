"""How the record changes when nodes are lost, fenced, proven off and switched on again (DESIGN section 6); pure."""

from dataclasses import replace

from standfast.resourced.messages import AttemptBegun, AttemptEnded, LossDeclared, Members, Proven, SwitchedOn, Wish
from standfast.resourced.reasons import Rule, reason
from standfast.resourced.record import Attempt, GroupRecord, Loss, Record, with_group, with_node


def declare_loss(record: Record, term: int, content: LossDeclared) -> Record:
    """A new loss; of a node that has an unproven one already it changes nothing."""
    node = record.nodes.get(content.node)
    known = record.losses.get(content.node)
    if node is None or (known is not None and not known.proof):
        return record
    counts = [int(loss.number.split(".")[1]) for loss in record.losses.values() if loss.number.startswith(f"{term}.")]
    loss = Loss(
        number=f"{term}.{1 + max(counts, default=0)}",
        node=content.node,
        incarnation=node.incarnation,
        machine=node.machine,
        product=node.product,
        reason=content.reason,
        cold=content.cold,
    )
    owed = {name: number for name, number in record.owed.items() if name != content.node}
    left = with_node(record, content.node, left=False)
    if content.group:
        left = with_group(left, content.group, costly=True)
    return replace(left, losses={**record.losses, content.node: loss}, owed=owed)


def fence_now(record: Record, term: int, wish: Wish) -> Record:
    """What waits for its first attempt waits no longer; a node that is not lost is lost now, but for who is off."""
    known, node = record.losses.get(wish.subject), record.nodes.get(wish.subject)
    if node is None or (known is not None and known.proof and not node.condemned):
        return record
    why = reason(Rule.FENCED_BY_OPERATOR, by=wish.by)
    lost = declare_loss(record, term, LossDeclared(node=wish.subject, reason=why))
    loss = lost.losses[wish.subject]
    return replace(lost, losses={**lost.losses, loss.node: replace(loss, hurried=True)})


def attempt_begun(record: Record, content: AttemptBegun) -> Record:
    if content.node not in record.nodes:
        return record
    attempt = Attempt(loss=content.loss, node=content.node, fencer=content.fencer, action=content.action)
    others = tuple(known for known in record.attempts if known != attempt)
    return replace(record, attempts=(*others, attempt))


def attempt_ended(record: Record, content: AttemptEnded) -> Record:
    ended = _without_attempt(record, content.loss, content.action, content.fencer)
    counts = {loss.number: 0 for loss in record.losses.values()} | dict(record.failed_attempts)
    if content.loss not in counts:
        return ended
    counts[content.loss] += 1
    known = {loss.number for loss in record.losses.values()}
    return replace(ended, failed_attempts={loss: count for loss, count in counts.items() if loss in known})


def _without_attempt(record: Record, loss: str, action: str, fencer: str = "") -> Record:
    left = tuple(
        attempt
        for attempt in record.attempts
        if not (attempt.loss == loss and attempt.action == action and fencer in ("", attempt.fencer))
    )
    return replace(record, attempts=left)


def proven(record: Record, content: Proven) -> Record:
    """The attempt ended; the loss is proven if it did not end meanwhile (its node was named in a term). What failed
    before it does not count for the `on` that is owed."""
    ended = _without_attempt(record, content.loss, "off")
    found = record.by_number(content.loss)
    if found is None or (record.nodes[found.node].condemned and found.proof):
        return ended
    losses = {**record.losses, found.node: replace(found, proof=content.how)}
    owed = {**record.owed, found.node: found.number} if content.switch_on else record.owed
    groups = {name: _without_node(group, found.node) for name, group in record.groups.items()}
    failed = {loss: count for loss, count in record.failed_attempts.items() if loss != content.loss}
    return replace(ended, losses=losses, owed=owed, groups=groups, failed_attempts=failed)


def _without_node(group: GroupRecord, node: str) -> GroupRecord:
    """A proven node holds nothing; the number of what it held moves, so what was planned before is void."""
    if node not in group.held and node not in group.open_orders:
        return group
    held = {name: held for name, held in group.held.items() if name != node}
    orders = {name: order for name, order in group.open_orders.items() if name != node}
    return replace(group, number=group.number + 1, held=held, open_orders=orders)


def switched_on(record: Record, content: SwitchedOn) -> Record:
    owed = {node: loss for node, loss in record.owed.items() if loss != content.loss}
    return replace(_without_attempt(record, content.loss, "on"), owed=owed)


def attempts_of_term(record: Record, content: Members) -> tuple[Attempt, ...]:
    """A fencer that is here says itself what is under way; of the others the record's word stands."""
    named = {member.node for member in content.members}
    running = {
        (attempt.loss, attempt.node, member.node, attempt.action)
        for member in content.members
        for attempt in member.attempts
        if attempt.node in record.nodes
    }
    running |= {
        (attempt.loss, attempt.node, attempt.fencer, attempt.action)
        for attempt in record.attempts
        if attempt.fencer not in named
    }
    return tuple(
        Attempt(loss=loss, node=node, fencer=fencer, action=action) for loss, node, fencer, action in sorted(running)
    )
