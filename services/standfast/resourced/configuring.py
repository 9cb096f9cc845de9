"""Which version of the configuration may come into force, and when the cluster goes back by itself.

A version is judged when nothing of the coordinator's own is under way, so it is applied to the very record that it was
judged on. What follows here holds for a push; what is safe (`refuse_change`) holds for a roll-back, too.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from standfast.configuration.definitions import first_changed
from standfast.configuration.model import Configuration, Group
from standfast.configuration.quorum import quorum_of
from standfast.resourced.messages import ConfigurationInForce, Content, Wish, WishKind
from standfast.resourced.record import GroupRecord, Record
from standfast.resourced.situation import Situation, Waits
from standfast.vocabulary import copies_of

NOBODY = "nobody confirmed"  # who goes back
OPERATOR = "an operator"
SHOWN = 12  # digits of a digest that people see


@dataclass(frozen=True, slots=True, kw_only=True)
class GoingBack:
    """What a plan makes of a version that is to be confirmed."""

    contents: tuple[Content, ...] = ()
    wanted: str = ""  # digest of the version that the coordinator must read first, "" = none
    ends: frozenset[str] = frozenset()  # groups that it does not have, or takes a unit from: they stop first


def into_force(offered: Configuration, wish: Wish) -> ConfigurationInForce:
    """The update that puts `offered` in the place of the version `wish.base`; where that is not in force any more it
    changes nothing."""
    return ConfigurationInForce(
        digest=offered.digest,
        votes={node.name: node.votes for node in offered.nodes},
        groups=tuple(group.name for group in offered.groups),
        base=wish.base,
        wish=wish.id,
        by=wish.by,
        why=wish.why,
        confirm_ms=wish.confirm_ms,
    )


def go_back(record: Record, in_force: Configuration, situation: Situation, waits: Waits) -> GoingBack:
    """Nobody has confirmed the version in force in time, or it was taken back: the last one that nobody had to confirm
    comes back, as soon as that is safe."""
    back = record.unconfirmed
    if not back or waits.age(_waited(record)) < record.confirm_ms:
        return GoingBack()
    offered = situation.offered
    if offered is None or offered.digest != back:
        return GoingBack(wanted=back)
    rules = (
        _refuse_by_view(record),
        _refuse_by_flags(record, in_force, offered),
        _refuse_by_nodes(record, in_force, offered),
    )
    if any(rules):
        return GoingBack()
    if refuse_change(record, in_force, offered):
        return GoingBack(ends=_in_the_way(record, in_force, offered))
    late = f"version {record.version} was not confirmed within {record.confirm_ms // 1000} s"
    by, why = (NOBODY, late) if record.confirm_ms else (OPERATOR, f"version {record.version} was taken back")
    undo = Wish(id="", kind=WishKind.CONFIGURE, subject=back, base=record.configuration, by=by, why=why)
    return GoingBack(contents=(into_force(offered, undo),))


def _in_the_way(record: Record, in_force: Configuration, offered: Configuration) -> frozenset[str]:
    """Groups that `offered` does not have, or that have a unit now that it gives to another one."""
    gone = {name for name in record.groups if offered.group(name) is None}
    return frozenset(gone | {old for _, old, new in _arrivals(in_force, offered) if old not in ("", new)})


def confirm_left_ms(record: Record, waits: Waits) -> int:
    """Milliseconds until the cluster goes back by itself; only while `record.unconfirmed`."""
    return max(record.confirm_ms - waits.age(_waited(record)), 0)


def _waited(record: Record) -> str:
    return f"unconfirmed {record.version}"


def refuse_keep(wish: Wish, record: Record) -> str:
    """One sentence why nothing can be confirmed, "" = it can."""
    if not record.unconfirmed:
        return "nothing waits to be confirmed: standfast config history"
    if wish.subject not in ("", record.configuration):
        return f"{_short(wish.subject)} is not in force any more, but {_short(record.configuration)}"
    return ""


def refuse_version(
    wish: Wish, record: Record, in_force: Configuration, offered: Configuration | None, situation: Situation
) -> str:
    """One sentence why the version `wish.subject` cannot come into force now, "" = it can.

    `in_force`: of the record's digest. `offered`: what this node, the coordinator, has prepared last.
    """
    why = _refuse_by_base(wish, record) or _refuse_by_view(record) or _refuse_by_preparation(wish, record)
    if why:
        return why
    if offered is None or offered.digest != wish.subject:
        return f"{situation.me}, which coordinates, has another version prepared by now: push again"
    return _refuse_by_absence(wish, record, in_force, offered) or refuse_change(record, in_force, offered)


def _short(digest: str) -> str:
    return digest[:SHOWN] or "nothing"


def _refuse_by_base(wish: Wish, record: Record) -> str:
    if wish.base != record.configuration:
        newest = next(iter(record.history), None)
        since = f" since {newest.at}, pushed by {newest.by or 'nobody'}" if newest is not None and newest.at else ""
        return (
            f"the version that is pushed is based on {_short(wish.base)}, but {_short(record.configuration)} is in "
            f"force{since}: standfast config diff"
        )
    if wish.subject == record.configuration:
        return f"{_short(wish.subject)} is in force already: nothing was changed"
    return ""


def _refuse_by_view(record: Record) -> str:
    """Everybody who may hold something has said what, or holds nothing for certain."""
    if record.without:
        names = ", ".join(record.without)
        return f"this cluster goes on without {names}: wait until more than half of all votes are here"
    for name, node in record.nodes.items():
        loss = record.losses.get(name)
        if loss is not None and not loss.proof:
            return f"{name} is lost and not proven off yet (loss {loss.number}): see `standfast status`"
        if node.condemned:
            return f"{name} speaks although it was proven off: wait until it has rebooted"
        if not node.present and not record.proven_or_left(name):
            return f"{name} is not here, and neither left nor is proven off: wait, or: standfast fence now {name}"
    return ""


def _refuse_by_preparation(wish: Wish, record: Record) -> str:
    for name in sorted(record.members):
        node = record.nodes[name]
        if node.available == wish.subject:
            continue
        if not node.objections:
            return f"{name} has not prepared {_short(wish.subject)} yet: push again in a moment"
        more = len(node.objections) - 1
        return f"{name} does not prepare it: {node.objections[0]}" + (f" (and {more} more)" if more else "")
    return ""


def _refuse_by_absence(wish: Wish, record: Record, in_force: Configuration, offered: Configuration) -> str:
    """What could run beside its group on a node that nobody can ask, and who will not come back by itself."""
    unknown = next((name for name in wish.without if name not in record.nodes), "")
    if unknown:
        return f"there is no node {unknown}; there are: {', '.join(record.nodes)}"
    staying = {node.name for node in offered.nodes}
    absent = [name for name in record.nodes if name in staying - record.members - set(wish.without)]
    known = set(_units(in_force))
    new = next((unit for unit in _units(offered) if unit not in known), "")
    if absent and new:
        return (
            f"{absent[0]} is not here to say that {new} is neither enabled nor running there: boot it, or push with "
            f"--without {absent[0]}"
        )
    if absent and in_force.key != offered.key:
        return f"{absent[0]} is not here to get the new corosync.key: boot it, or push with --without {absent[0]}"
    return ""


def _units(configuration: Configuration) -> Iterable[str]:
    return (resource.unit for group in configuration.groups for resource in group.resources)


def refuse_change(record: Record, in_force: Configuration, offered: Configuration) -> str:
    """One sentence why it is not safe that `offered` takes the place of `in_force` now, whoever wants it; "" = it is.
    Nobody is lost without a proof."""
    return (
        _refuse_by_view(record)
        or _refuse_by_groups(record, offered)
        or _refuse_by_units(record, in_force, offered)
        or _refuse_by_flags(record, in_force, offered)
        or _refuse_by_nodes(record, in_force, offered)
    )


# Groups


def _refuse_by_groups(record: Record, offered: Configuration) -> str:
    for name, known in record.groups.items():
        group = offered.group(name)
        busy = sorted({*known.holders, *known.open_orders})
        if group is None and busy:
            copies = copies_of(name.partition("@")[0], record.groups)
            all_of_it = name if any(map(offered.group, copies)) else name.partition("@")[0]
            return f"{name} is not in this version and not stopped on {busy[0]}: standfast group stop {all_of_it}"
        if group is not None and (stray := _strays(known, group, offered)):
            return f"{name} is on {stray}, where this version does not allow it: standfast group relocate {name}"
    return ""


def _strays(known: GroupRecord, group: Group, offered: Configuration) -> str:
    """Where it is held or ordered though `offered` does not allow it, and nobody would look for it: only its last owner
    counts beside the nodes that it is allowed to run on."""
    allowed = offered.allowed(group)
    held = (node for node in known.holders if node not in (*allowed, known.last_owner))
    ordered = (node for node in sorted(known.open_orders) if node not in allowed)
    return next(held, "") or next(ordered, "")


def _refuse_by_units(record: Record, in_force: Configuration, offered: Configuration) -> str:
    """A unit comes to a group only when it cannot run for another one any more, on a node that has yet to stop it."""
    good = (record.configuration, offered.digest)
    behind = next((name for name in sorted(record.members) if record.nodes[name].installed not in good), "")
    for unit, old, new in _arrivals(in_force, offered):
        if behind:
            return f"{unit} comes to {new}, and {behind} has not put in place what is in force yet: push again later"
        known = record.groups.get(old)
        busy = sorted({*known.holders, *known.open_orders}) if known is not None else []
        if busy:
            return f"{unit} goes from {old} to {new}, and {old} is not stopped on {busy[0]}: standfast group stop {old}"
    return ""


def _arrivals(in_force: Configuration, offered: Configuration) -> Iterator[tuple[str, str, str]]:
    """Units that come to a group, on one node at least: unit, the group that has it there, "" = none, and the other."""
    before: dict[str, list[Group]] = {}
    for group in in_force.groups:
        for resource in group.resources:
            before.setdefault(resource.unit, []).append(group)
    for group in offered.groups:
        for resource in group.resources:
            had = [old.name for old in before.get(resource.unit, ()) if _meet(old, group)]
            yield from ((resource.unit, old, group.name) for old in had or [""] if old != group.name)


def _meet(one: Group, other: Group) -> bool:
    """Both have to do with the same node: they are not copies of two."""
    return not one.node or not other.node or one.node == other.node


def _refuse_by_flags(record: Record, in_force: Configuration, offered: Configuration) -> str:
    """What is frozen is neither stopped nor started, so its units stay what they are where it runs."""
    for group in in_force.groups:
        new, known = offered.group(group.name), record.groups.get(group.name)
        if new is None or known is None or not known.holders or first_changed(group, new) is None:
            continue
        runs = f"this version changes {group.name}, which runs on {known.holders[0]}"
        if record.maintenance:
            return f"{runs}, and there is maintenance: standfast maintenance off"
        if known.frozen:
            return f"{runs} and is frozen: standfast group thaw {group.name}"
    return ""


# Nodes, votes and quorum options


def _refuse_by_nodes(record: Record, in_force: Configuration, offered: Configuration) -> str:
    """One node comes, goes, or has one vote more or less: then any majority before it has a node in common with any
    majority after it, whoever of them has which version installed."""
    old = {node.name: (node.id, node.votes) for node in in_force.nodes}
    new = {node.name: (node.id, node.votes) for node in offered.nodes}
    moved = [name for name in {**old, **new} if old.get(name) != new.get(name)]
    if not moved and _options(in_force) == _options(offered):
        return ""
    if len(moved) > 1:
        return f"{' and '.join(moved[:2])} change at once: one node at a time comes, goes or gets other votes"
    return (
        next((_refuse_by_node(name, old.get(name), new.get(name)) for name in moved), "")
        or next((_refuse_by_halves(name, in_force) for name in moved if name in old and name in new), "")
        or _refuse_by_leaving(record, in_force, offered)
        or _refuse_by_staying(record, in_force, offered)
        or _refuse_by_votes(record.members, offered)
    )


def _options(configuration: Configuration) -> tuple[object, ...]:
    rules = quorum_of(configuration)
    return rules.two_node, rules.auto_tie_breaker, rules.last_man_standing, configuration.cluster.arbiter


def _refuse_by_node(name: str, old: tuple[int, int] | None, new: tuple[int, int] | None) -> str:
    if new is None:
        return ""
    if old is not None and old[0] != new[0]:
        return f"the Id= of {name} cannot change: remove the node, then add it again"
    before = old[1] if old is not None else 0
    if abs(new[1] - before) > 1:
        step = before + (1 if new[1] > before else -1)
        return f"{name} has {before} votes and would have {new[1]}: one vote at a time, so first Votes={step}"
    return ""


def _refuse_by_halves(name: str, in_force: Configuration) -> str:
    """A half that is quorate has no node in common with the other half, which one vote more makes the majority."""
    rules = quorum_of(in_force)
    content = {
        "TwoNode=no": rules.two_node,
        "AutoTieBreaker=no": rules.auto_tie_breaker,
        "LastManStanding=no": rules.last_man_standing,
        "no Arbiter=": bool(rules.arbiter_votes),
    }
    first = [written for written, is_set in content.items() if is_set]
    if not first:
        return ""
    return (
        f"{name} would get other votes while half of all is quorate: first push {' and '.join(first)}, then the votes"
    )


def _refuse_by_leaving(record: Record, in_force: Configuration, offered: Configuration) -> str:
    """Who is removed runs nothing, and does not come back with what it knows."""
    names = {node.name for node in offered.nodes}
    for name in (name for name in record.nodes if name not in names):
        if name in record.members:
            return f"{name} is here and would be removed: it leaves first, by systemctl stop standfast.target on {name}"
        if record.nodes[name].named_in and in_force.key == offered.key:
            return f"{name} would be removed and knows corosync.key: corosync-keygen -l -k /etc/standfast/corosync.key"
    return ""


def _refuse_by_staying(record: Record, in_force: Configuration, offered: Configuration) -> str:
    """Who is absent and stays would come back with its old votes, unless it needs the new key to come back."""
    if in_force.key != offered.key:
        return ""
    names = {node.name for node in offered.nodes}
    absent = next((name for name in record.nodes if name in names - record.members), "")
    return f"{absent} is not here and would come back with its old votes: boot it, or remove it first" if absent else ""


def _refuse_by_votes(members: Collection[str], offered: Configuration) -> str:
    rules = quorum_of(offered)
    if rules.holds(frozenset(members)):
        return ""
    here = rules.votes(members)
    return f"the nodes that are here would not be quorate: they would have {here} of {rules.expected} votes"
