"""May group G start on node N? A second, deliberately dumb answer, written from DESIGN sections 6 and 7 alone.

It reads the record, the configuration and what the simulator alone knows: what really runs where, and who was really
switched off. It calls nothing of `placement` or `absence`, so that both must be wrong in the same way to agree wrongly.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto

from standfast.configuration.model import Configuration, Group
from standfast.resourced.messages import OrderKind
from standfast.resourced.record import GroupRecord, Record
from standfast.vocabulary import Holding


class Why(Enum):
    """The rule by which it may not."""

    UNWANTED = auto()  # stopped, disabled, frozen, maintenance
    BLOCKED = auto()
    HELD = auto()  # somebody else here holds it
    REALLY_HELD = auto()  # somebody holds it, whatever the record says
    NOT_SETTLED = auto()  # half of the votes, and an absent node neither left nor is proven off
    LOST = auto()  # an unproven loss could hold it
    AWAY = auto()  # a node whose resourced is away could hold it
    BACK = auto()  # a node that was proven off is in the ring again, and not yet heard
    DOMAIN = auto()
    ABSENT = auto()
    STANDBY = auto()
    LEAVING = auto()
    OUT = auto()  # being fenced, condemned, or marked as left
    BEHIND = auto()  # it has not installed the version in force
    NEEDS = auto()
    APART = auto()
    EXCLUSIVE = auto()
    ENOUGH = auto()  # so many other copies serve


# These may come between the plan and the delivery of its order: an operator's word, a node's own news.
LATE = frozenset(
    {Why.BACK, Why.STANDBY, Why.LEAVING, Why.BEHIND, Why.NEEDS, Why.UNWANTED, Why.APART, Why.EXCLUSIVE, Why.ENOUGH}
)
# These are how the operator wants it: nothing is wrong when the group runs nowhere because of them.
ASKED_FOR = frozenset({Why.DOMAIN, Why.NEEDS, Why.APART, Why.EXCLUSIVE})


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What there is to know."""

    record: Record
    configuration: Configuration
    ring: frozenset[str]
    resting: frozenset[str]  # who says that it cannot work and holds nothing
    really_held: Mapping[str, frozenset[str]]  # by group: nodes with its held file, but for those falsely proven off


def may_start(group: Group, node: str, view: View) -> Why | None:
    """The rule that forbids to start `group` on `node`, None = it may. What is held there may go on there."""
    mine = view.record.groups[group.name].held.get(node)
    if mine is not None and mine.holding is not Holding.NOTHING:
        return _group_may(group, node, view)
    return _group_may(group, node, view) or _others_may_not_hold(group, view) or _node_may(group, node, view)


def _group_may(group: Group, node: str, view: View) -> Why | None:
    record = view.record
    known = record.groups[group.name]
    if known.stopped or known.disabled or known.frozen or record.maintenance:
        return Why.UNWANTED
    for holder, held in known.held.items():
        if held.holding is Holding.STOP_FAILED:
            return Why.BLOCKED
        if holder != node and held.holding is not Holding.NOTHING:
            return Why.HELD
    if view.really_held[group.name] - {node}:
        return Why.REALLY_HELD
    return None


def _others_may_not_hold(group: Group, view: View) -> Why | None:
    record = view.record
    present = sum(node.votes for node in record.nodes.values() if node.present)
    half = 2 * present <= sum(node.votes for node in record.nodes.values())
    for name, node in record.nodes.items():
        loss = record.losses.get(name)
        proven = loss is not None and loss.proof != ""
        if half and not node.present and not node.left and not proven:
            return Why.NOT_SETTLED
        may = name in _domain(group, view.configuration) or name == record.groups[group.name].last_owner
        if not may:
            continue
        if loss is not None and not proven:
            return Why.LOST
        if node.present or node.left or (name in view.resting and name in view.ring):
            continue
        if name in view.ring and proven:
            return Why.BACK
        if name in view.ring or not proven:
            return Why.AWAY
    return None


def _node_may(group: Group, name: str, view: View) -> Why | None:
    record, node = view.record, view.record.nodes[name]
    if name not in _domain(group, view.configuration):
        return Why.DOMAIN
    if not node.present:
        return Why.ABSENT
    if node.standby:
        return Why.STANDBY
    if name in _leaving(record, view.configuration):
        return Why.LEAVING
    if node.condemned or node.left or name in record.losses or _shot_at(record, name):
        return Why.OUT
    if node.installed != record.configuration:
        return Why.BEHIND
    if group.node and len(_instead(group, view)) >= group.copies:
        return Why.ENOUGH
    return _company(group, name, view)


def meant(name: str, view: View) -> list[str]:
    """A group of that name, or all its copies."""
    return [one.name for one in view.configuration.groups if name in (one.name, one.base)]


def _instead(group: Group, view: View) -> list[str]:
    """The nodes of the copies that do away with this one; where it may go home only those on better nodes."""
    serving = _serving_copies(group, view)
    domain = next((one for one in view.configuration.domains if one.name == group.domain), None)
    if domain is None or not domain.failback or not domain.ordered:
        return serving
    order = [*domain.nodes, *(node.name for node in view.configuration.nodes if node.name not in domain.nodes)]
    return [name for name in serving if order.index(name) < order.index(group.node)]


def _serving_copies(group: Group, view: View) -> list[str]:
    """Nodes where another copy of the group runs well and is to stay, as far as the record says."""
    found = []
    for other in view.configuration.groups:
        known, node = view.record.groups.get(other.name), view.record.nodes.get(other.node)
        if other.base != group.base or other.name == group.name or known is None or node is None:
            continue
        well = node.present and node.healthy and not node.standby and not node.leaving and not node.condemned
        lost = other.node in view.record.losses or _shot_at(view.record, other.node)
        asked = known.stopped or known.disabled or known.open_orders
        by_hand = any(held.by_hand for held in known.held.values())
        if well and not lost and not asked and not by_hand and started(view.record, other.name):
            found.append(other.node)
    return found


def _company(group: Group, name: str, view: View) -> Why | None:
    """Who must be started, and who must not be here."""
    record, groups = view.record, {one.name: one for one in view.configuration.groups}
    for needed in group.needs:
        names = [one for one in meant(needed, view) if one in record.groups]
        if names and not any(started(record, one) for one in names):
            return Why.NEEDS
    for other in groups.values():
        known = record.groups.get(other.name)
        if other.name == group.name or known is None or not _here(name, known):
            continue
        if other.base in group.apart or group.base in other.apart:
            return Why.APART
        if group.exclusive or other.exclusive:
            return Why.EXCLUSIVE
    return None


def _here(name: str, known: GroupRecord) -> bool:
    held = known.held.get(name)
    return name in known.open_orders or (held is not None and held.holding is not Holding.NOTHING)


def started(record: Record, group: str) -> bool:
    known = record.groups[group]
    return any(held.holding is Holding.RUNNING and not held.failed for held in known.held.values())


def stays(group: Group, view: View) -> bool:
    """It is started, and nothing sends it elsewhere: who needs it may start."""
    known = view.record.groups[group.name]
    asked = known.stopped or known.disabled or known.restart or known.wanted != ""
    if asked or known.open_orders or not started(view.record, group.name):
        return False
    if _goes_home(group, view) and not _comes_up_above(group, view):
        return False
    for node, held in known.held.items():
        away = view.record.nodes[node].standby or node in _leaving(view.record, view.configuration)
        if held.holding is Holding.RUNNING and (away or node not in _domain(group, view.configuration)):
            return False
    groups = {one.name: one for one in view.configuration.groups}
    return all(any(stays(groups[one], view) for one in meant(other, view)) for other in group.needs)


def _goes_home(group: Group, view: View) -> bool:
    """It is not on the first node of a domain that may ask it back."""
    homes = [one for one in view.configuration.domains if one.name == group.domain and one.failback and one.ordered]
    here = [name for name, held in view.record.groups[group.name].held.items() if held.holding is Holding.RUNNING]
    return bool(homes) and not group.node and here != [homes[0].nodes[0]]


def _comes_up_above(group: Group, view: View) -> bool:
    """What needs it, itself or by others, is being started: before that ends it does not go home."""
    above = [one for one in view.configuration.groups if {group.name, group.base} & set(one.needs)]
    known = [view.record.groups[one.name] for one in above if one.name in view.record.groups]
    orders = [order for one in known for order in one.open_orders.values()]
    return any(order.kind is not OrderKind.STOP for order in orders) or any(_comes_up_above(one, view) for one in above)


def strays(group: Group, view: View) -> bool:
    """It is where its domain forbids it, though another node may have it and it has failed nowhere lately."""
    known = view.record.groups[group.name]
    outside = any(_here(node, known) for node in view.record.nodes if node not in _domain(group, view.configuration))
    idle = known.frozen or view.record.maintenance or known.failures or known.avoided
    if not outside or idle or _others_may_not_hold(group, view) is not None:
        return False
    return any(_node_may(group, node, view) is None for node in view.record.nodes)


def _domain(group: Group, configuration: Configuration) -> list[str]:
    """The nodes that may run it."""
    if group.node:
        return [group.node]
    names = [node.name for node in configuration.nodes]
    for domain in configuration.domains:
        if domain.name == group.domain and domain.restricted:
            return list(domain.nodes)
    return names


def _leaving(record: Record, configuration: Configuration) -> set[str]:
    """Who is to hold nothing; when those who stay would not be quorate, that is everybody here. An arbiter votes for
    those who stay."""
    here = {name for name, node in record.nodes.items() if node.present}
    leaving = {name for name in here if record.nodes[name].leaving}
    votes = sum(record.nodes[name].votes for name in here - leaving)
    arbiter = 1 if configuration.cluster.arbiter and here - leaving else 0
    enough = 2 * (votes + arbiter) > sum(node.votes for node in record.nodes.values()) + arbiter
    two = [node.votes for node in record.nodes.values()] == [1, 1] and len(here - leaving) == 1
    return here if leaving and not enough and not two else leaving


def _shot_at(record: Record, name: str) -> bool:
    """An attempt is under way; one whose fencer is proven off died with it."""
    for attempt in record.attempts:
        loss = record.losses.get(attempt.fencer)
        fencer_off = loss is not None and loss.proof != "" and not record.nodes[attempt.fencer].present
        if attempt.node == name and attempt.action == "off" and not fencer_off:
            return True
    return False
