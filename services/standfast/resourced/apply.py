"""How an update changes the record.

`apply` is pure and never raises: an update that does not fit any more (an order planned on an older number, a report
older than an open order, a proof of a loss that ended) changes nothing, on all members alike (DESIGN sections 4, 6, 7).
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from standfast.resourced import drills
from standfast.resourced.drills import DrillBegun, DrillEnded
from standfast.resourced.losses import (
    attempt_begun,
    attempt_ended,
    attempts_of_term,
    declare_loss,
    fence_now,
    proven,
    switched_on,
)
from standfast.resourced.messages import (
    AttemptBegun,
    AttemptEnded,
    ConfigurationInForce,
    Content,
    Disabled,
    Forgiven,
    Forgotten,
    Health,
    Installed,
    Kept,
    Leaving,
    LossDeclared,
    Marked,
    Members,
    OrderGiven,
    OrderKind,
    Placed,
    ProtocolRaised,
    Proven,
    RaceDecided,
    Reported,
    StartedAlone,
    SwitchedOn,
    Update,
    Viewed,
    Watched,
    Wish,
    WishKind,
)
from standfast.resourced.presence import Held, Member, View
from standfast.resourced.reasons import Rule, reason
from standfast.resourced.record import (
    GroupRecord,
    NodeRecord,
    Order,
    Record,
    durable_node,
    with_group,
    with_node,
)
from standfast.resourced.reported import owned_by, reported
from standfast.resourced.succession import come_into_force, remembered
from standfast.vocabulary import Holding, Phase, copies_of


def apply(record: Record, term: int, update: Update) -> Record:
    """The record after `update`, the same on every member; an update that does not fit changes only the position."""
    changed = _content(record, term, update.content)
    if changed.settled:
        changed = replace(changed, term=term, position=update.position)
    return _phases(_marks(record, changed, update), update)


def _marks(before: Record, after: Record, update: Update) -> Record:
    match update.content:
        case Marked(node=name) if name in after.nodes and before.nodes[name].left != after.nodes[name].left:
            return with_node(after, name, marked_at=update.position)
        case Watched(node=name) if name in after.nodes and before.nodes[name] != after.nodes[name]:
            return with_node(after, name, watched_at=update.position)
        case ConfigurationInForce() if after.version != before.version:
            return remembered(after, update.content, update.at)
        case DrillEnded() if after is not before:
            return drills.dated(before, after, update.at)
    return after


def _content(record: Record, term: int, content: Content) -> Record:
    match content:
        case LossDeclared():
            return declare_loss(record, term, content)
        case Members():
            return _members(record, term, content)
        case Wish(kind=WishKind.FENCE):
            return fence_now(record, term, content)
    change: Callable[[Record, Any], Record] = CHANGES[type(content)]
    return change(record, content)


def _leaving(record: Record, content: Leaving) -> Record:
    return with_node(record, content.node, leaving=True) if content.node in record.nodes else record


def _marked(record: Record, content: Marked) -> Record:
    return with_node(record, content.node, left=True) if content.node in record.nodes else record


def _installed(record: Record, content: Installed) -> Record:
    if content.node not in record.nodes:
        return record
    return with_node(
        record,
        content.node,
        installed=content.installed,
        available=content.available,
        objections=content.objections,
        drifted=content.drifted,
    )


def _watched(record: Record, content: Watched) -> Record:
    known = record.nodes.get(content.node)
    if known is None or known.watchdog_ms == content.timeout_ms:
        return record
    return with_node(record, content.node, watchdog_ms=content.timeout_ms)


def _health(record: Record, content: Health) -> Record:
    return with_node(record, content.node, healthy=content.healthy) if content.node in record.nodes else record


def _viewed(record: Record, content: Viewed) -> Record:
    """What a node that is lost saw went with its term."""
    if content.node not in record.members:
        return record
    views = {name: view for name, view in record.nodes[content.node].views.items() if name != content.group}
    seen = {content.group: content.view} if content.view != View() and content.group in record.groups else {}
    return with_node(record, content.node, views=views | seen)


def _placed(record: Record, content: Placed) -> Record:
    return with_group(record, content.group, wanted="", reasons=(content.reason,))


def _kept(record: Record, content: Kept) -> Record:
    return with_group(record, content.group, reasons=(content.reason,))


def _race_decided(record: Record, content: RaceDecided) -> Record:
    return replace(record, winner=content.winner) if content.winner in record.nodes else record


def _started_alone(record: Record, content: StartedAlone) -> Record:
    return replace(record, without=content.without) if record.could_go_on(content.without) else record


def _protocol_raised(record: Record, content: ProtocolRaised) -> Record:
    return replace(record, protocol=max(record.protocol, content.version))


def _members(record: Record, term: int, content: Members) -> Record:
    """Who is here is not lost and, unless it is leaving, not left. Of who was met in a term since this record was
    written, neither its mark nor its proof is believed: it may have gone on without us."""
    content = Members(members=tuple(member for member in content.members if member.node in record.nodes))
    named = {member.node: member for member in content.members}
    met = {name for member in content.members for name in member.met} - set(named)
    condemned = {name for name, member in named.items() if _spoke_after_proof(record, member)}
    nodes = _nodes_of_term(record, term, named, met, condemned)
    losses = {
        name: loss
        for name, loss in record.losses.items()
        if name in condemned or not (name in named or (name in met and loss.proof))
    }
    owed = {name: loss for name, loss in record.owed.items() if name not in named}
    held: dict[str, dict[str, Held]] = {}
    for member in content.members:
        for group, what in member.held.items():
            held.setdefault(group, {})[member.node] = what
    groups = {name: _group_of_term(group, held.get(name, {})) for name, group in record.groups.items()}
    attempts = attempts_of_term(record, content)
    without = () if 2 * record.votes(set(named)) > record.all_votes else record.without
    return replace(record, nodes=nodes, losses=losses, owed=owed, groups=groups, attempts=attempts, without=without)


def _group_of_term(group: GroupRecord, held: Mapping[str, Held]) -> GroupRecord:
    """Where it runs by what the members say, it ran last: the report of that may never have been read."""
    runs = [node for node, what in held.items() if what.holding is Holding.RUNNING]
    group = owned_by(group, runs[0]) if len(runs) == 1 else group
    return replace(group, number=group.number + 1, held=held, open_orders={})


def _nodes_of_term(
    record: Record, term: int, named: Mapping[str, Member], met: set[str], condemned: set[str]
) -> dict[str, NodeRecord]:
    nodes = {}
    for name, node in record.nodes.items():
        fresh = durable_node(node)
        member = named.get(name)
        if member is not None:
            fresh = replace(
                fresh,
                present=True,
                named_in=term,
                left=node.left and member.leaving,
                incarnation=member.incarnation,
                machine=member.machine,
                product=member.product,
                leaving=member.leaving,
                installed=member.installed,
                available=member.available,
                objections=member.objections,
                drifted=member.drifted,
                speaks=member.speaks,
                healthy=member.healthy,
                views=member.views,
                condemned=name in condemned,
            )
        elif name in met:
            fresh = replace(fresh, left=False)
        nodes[name] = fresh
    return nodes


def _spoke_after_proof(record: Record, member: Member) -> bool:
    """What its watchdog proved of a node that holds nothing is no lie: then it is always fed."""
    loss = record.losses.get(member.node)
    if loss is None or not loss.proof or loss.incarnation != member.incarnation:
        return False
    return loss.proof != "watchdog" or bool(member.held)


def _order(record: Record, content: OrderGiven) -> Record:
    group = record.groups.get(content.group)
    if group is None or group.number != content.number or content.node not in record.members:
        return record
    order = Order(number=group.number + 1, kind=content.kind)
    run = group.run if content.kind is OrderKind.STOP else order.number
    return with_group(
        record,
        content.group,
        open_orders={**group.open_orders, content.node: order},
        reasons=content.reasons,
        run=run,
        restart=False,
    )


def _wish(record: Record, wish: Wish) -> Record:
    match wish.kind:
        case WishKind.STANDBY | WishKind.RESUME if wish.subject in record.nodes:
            return with_node(record, wish.subject, standby=wish.kind is WishKind.STANDBY)
        case WishKind.CONFIRM:
            return proven(record, Proven(loss=wish.loss, how="operator", text=wish.by, switch_on=False))
        case WishKind.MAINTENANCE | WishKind.NORMAL:
            return replace(record, maintenance=wish.kind is WishKind.MAINTENANCE)
        case WishKind.KEEP if wish.subject in ("", record.configuration):
            return replace(record, unconfirmed="", confirm_ms=0)
        case WishKind.TAKE_BACK if wish.subject in ("", record.configuration):
            return replace(record, confirm_ms=0)
        case _ if wish.kind in GROUP_WISHES:
            for name in copies_of(wish.subject, record.groups):
                record = _wish_for_group(record, name, wish)
    return record


def _wish_for_group(record: Record, name: str, wish: Wish) -> Record:
    why, flags = GROUP_WISHES[wish.kind]
    changes, group = dict(flags), record.groups[name]
    if wish.kind in (WishKind.START, WishKind.RELOCATE):
        changes["wanted"] = wish.node
    if wish.kind is WishKind.START and any(held.by_hand for held in group.held.values()):
        changes["restart"] = True  # what an administrator stopped is handed back
    if wish.kind is WishKind.RELOCATE:
        # who wants it there knows what it failed of: it has all its tries again
        changes["failures"] = tuple(one for one in group.failures if one.node != wish.node)
        changes["avoided"] = {node: count for node, count in group.avoided.items() if node != wish.node}
    return with_group(record, name, reasons=(reason(why, node=wish.node),), **changes)


GROUP_WISHES: Mapping[WishKind, tuple[Rule, Mapping[str, object]]] = {
    WishKind.START: (Rule.STARTED_BY_OPERATOR, {"stopped": False, "failures": (), "avoided": {}}),
    WishKind.STOP: (Rule.STOPPED_BY_OPERATOR, {"stopped": True, "wanted": "", "restart": False}),
    WishKind.RELOCATE: (Rule.RELOCATED, {"stopped": False}),
    WishKind.RESTART: (Rule.RESTARTED_BY_OPERATOR, {"restart": True}),
    WishKind.ENABLE: (Rule.ENABLED_BY_OPERATOR, {"disabled": False, "failures": (), "avoided": {}}),
    WishKind.DISABLE: (Rule.DISABLED_BY_OPERATOR, {"disabled": True, "wanted": "", "restart": False}),
    WishKind.FREEZE: (Rule.FROZEN, {"frozen": True}),
    WishKind.THAW: (Rule.THAWED, {"frozen": False}),
}


def _forgotten(record: Record, content: Forgotten) -> Record:
    """The failures that are named; without any, that the node was avoided."""
    group = record.groups.get(content.group)
    if group is None:
        return record
    left = tuple(one for one in group.failures if one.node != content.node or one.id not in content.failures)
    avoided = dict(group.avoided)
    if content.avoided:
        avoided[content.node] = avoided.get(content.node, 0) + 1
    elif not content.failures:
        avoided.pop(content.node, None)
    return with_group(record, content.group, failures=left, avoided=avoided)


def _forgiven(record: Record, content: Forgiven) -> Record:
    return with_group(record, content.group, costly=False)


def _disabled(record: Record, content: Disabled) -> Record:
    return with_group(record, content.group, disabled=True, wanted="", reasons=(content.reason,))


def _phases(record: Record, update: Update) -> Record:
    """Only a group that the update touches can be in another phase."""
    moved = {}
    for name in _touched(record, update.content):
        group = record.groups.get(name)
        if group is not None and (phase := _phase(group)) is not group.phase:
            moved[name] = replace(group, phase=phase, since=update.at)
    return replace(record, groups={**record.groups, **moved}) if moved else record


def _touched(record: Record, content: Content) -> Iterable[str]:
    match content:
        case Members() | Proven() | ConfigurationInForce() | Wish(kind=WishKind.CONFIRM):
            return record.groups
        case OrderGiven(group=name) | Reported(group=name):
            return (name,)
        case Wish(subject=name):
            return copies_of(name, record.groups)
    return ()


def _phase(group: GroupRecord) -> Phase:
    kinds = {order.kind for order in group.open_orders.values()}
    holdings = {held.holding for held in group.held.values()} - {Holding.NOTHING}
    if Holding.STOP_FAILED in holdings:
        return Phase.BLOCKED
    if OrderKind.STOP in kinds or Holding.STOPPING in holdings:
        return Phase.STOPPING
    if kinds or Holding.QUEUED in holdings:
        return Phase.STARTING
    return Phase.STARTED if Holding.RUNNING in holdings else Phase.STOPPED


CHANGES: Mapping[type, Callable[[Record, Any], Record]] = {
    AttemptBegun: attempt_begun,
    AttemptEnded: attempt_ended,
    Proven: proven,
    SwitchedOn: switched_on,
    OrderGiven: _order,
    Reported: reported,
    Wish: _wish,
    Leaving: _leaving,
    Marked: _marked,
    Installed: _installed,
    Watched: _watched,
    Health: _health,
    Viewed: _viewed,
    Forgotten: _forgotten,
    Forgiven: _forgiven,
    Disabled: _disabled,
    Placed: _placed,
    Kept: _kept,
    RaceDecided: _race_decided,
    StartedAlone: _started_alone,
    ConfigurationInForce: come_into_force,
    ProtocolRaised: _protocol_raised,
    DrillBegun: drills.begun,
    DrillEnded: drills.ended,
}
