"""What groups mean to each other: Needs=, After=, Apart=, Exclusive=, Priority=, MaxStarts= (DESIGN section 7).

Who names a group with Copies= means any one of its copies, in Apart= each of them.

None of these keeps a group from running twice; they decide only when and where it runs once.
"""

from collections.abc import Mapping

from standfast.configuration.copies import sets_of
from standfast.configuration.model import Configuration, Group
from standfast.resourced.absence import out
from standfast.resourced.messages import OrderKind
from standfast.resourced.outlook import Outlook, idle, unwanted
from standfast.resourced.reasons import Reason, Rule, reason
from standfast.resourced.record import GroupRecord
from standfast.vocabulary import Phase

GONE = (Phase.STOPPED, Phase.STOPPING, Phase.BLOCKED)


class Together:
    """The groups of one configuration, with what they say of each other in both directions."""

    def __init__(self, configuration: Configuration) -> None:
        self.groups: Mapping[str, Group] = {group.name: group for group in configuration.groups}
        self.sets = sets_of(configuration)
        self._rank = {copy.name: rank for copies in self.sets.values() for rank, copy in enumerate(copies)}
        self.apart: dict[str, set[str]] = {name: set() for name in self.groups}
        self.needed_by: dict[str, list[str]] = {name: [] for name in self.groups}
        for name, group in self.groups.items():
            for other in self._meant(group.apart):
                self.apart[name].add(other)
                self.apart.setdefault(other, set()).add(name)
            for other in self._meant(group.needs):
                self.needed_by.setdefault(other, []).append(name)
        self.exclusive = frozenset(name for name, group in self.groups.items() if group.exclusive)
        self.order = self._order()

    def _meant(self, names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(copy for name in names for copy in _names(name, self.sets))

    def _order(self) -> tuple[Group, ...]:
        """Higher priority first, of copies the one on the best node, and every group behind those that it needs or
        starts after."""
        found: dict[str, Group] = {}
        entered: set[str] = set()

        def enter(name: str) -> None:
            if name in entered or name not in self.groups:
                return
            entered.add(name)
            for before in self._meant((*self.groups[name].needs, *self.groups[name].after)):
                enter(before)
            found[name] = self.groups[name]

        by_rank = sorted(self.groups.values(), key=lambda one: (-one.priority, one.base, self._rank.get(one.name, 0)))
        for group in by_rank:
            enter(group.name)
        return tuple(found.values())


def must_wait(group: Group, outlook: Outlook) -> Reason | None:
    """Why it does not start yet: a group that it needs does not run, or one that it starts after is on its way."""
    for other in group.needs:
        names = meant(other, outlook)
        if not any(_serves(name, outlook) for name in names):
            return _of(Rule.NEEDS, other, _liveliest(names, outlook), group.setting("Needs"), outlook)
    for other in group.after:
        names = meant(other, outlook)
        coming = [name for name in names if _comes(name, outlook)]
        if coming and not any(_serves(name, outlook) for name in names):
            return _of(Rule.AFTER, other, coming[0], group.setting("After"), outlook)
    return None


def must_stop(group: Group, outlook: Outlook) -> Reason | None:
    """A group that it needs is not there any more; one that is restarted in place, or whose owner is only without its
    resourced, is waited for."""
    for other in group.needs:
        names = meant(other, outlook)
        if all(_is_gone(name, outlook) for name in names):
            return _of(Rule.NEEDS, other, _liveliest(names, outlook), group.setting("Needs"), outlook)
    return None


def meant(name: str, outlook: Outlook) -> tuple[str, ...]:
    """The groups that are meant by the name of one: itself, or its copies."""
    return _names(name, outlook.remembered(_sets))


def _sets(outlook: Outlook) -> Mapping[str, tuple[Group, ...]]:
    return sets_of(outlook.configuration)


def _names(name: str, sets: Mapping[str, tuple[Group, ...]]) -> tuple[str, ...]:
    return tuple(copy.name for copy in sets[name]) if name in sets else (name,)


def _serves(name: str, outlook: Outlook) -> bool:
    known = outlook.record.groups.get(name)
    return known is not None and name not in outlook.leaving and _runs(known)


def _comes(name: str, outlook: Outlook) -> bool:
    known = outlook.record.groups.get(name)
    return known is not None and (name in outlook.begun or known.phase is Phase.STARTING)


def _is_gone(name: str, outlook: Outlook) -> bool:
    known = outlook.record.groups.get(name)
    if known is None or name in outlook.leaving or unwanted(known):
        return True
    return known.phase in GONE and not _unseen(known, outlook)


def _liveliest(names: tuple[str, ...], outlook: Outlook) -> str:
    """Of the copies of one group the one to tell of."""
    known = outlook.record.groups
    return next((name for name in names if name in known and known[name].holders), names[0])


def _unseen(known: GroupRecord, outlook: Outlook) -> bool:
    """It may run where it ran: resourced there is away, which stops no unit."""
    block = outlook.blocks.get(known.last_owner)
    return not known.holders and block is not None and block.rule is Rule.AWAITS_DAEMON


def stops_first(name: str, together: Together, outlook: Outlook) -> str:
    """A group that needs `name`, runs, and can be stopped before it; "" = none, or another copy of `name` serves."""
    group = together.groups.get(name)
    copies = together.sets.get(group.base, ()) if group is not None and group.node else ()
    if any(_serves(copy.name, outlook) for copy in copies if copy.name != name):
        return ""
    for other in together.needed_by[name]:
        known = outlook.record.groups.get(other)
        if known is None or not known.holders or known.phase is Phase.BLOCKED or idle(known, outlook) is not None:
            continue
        if not any(node in outlook.record.losses or out(outlook.record, node) for node in known.holders):
            return other
    return ""


def comes_up(name: str, together: Together, outlook: Outlook) -> str:
    """A group that needs `name`, itself or by others, and is being started; "" = none."""
    todo, seen = [name], {name}
    while todo:
        for other in together.needed_by[todo.pop()]:
            known = outlook.record.groups.get(other)
            orders = known.open_orders.values() if known is not None else ()
            if any(order.kind is not OrderKind.STOP for order in orders):
                return other
            if other not in seen:
                seen.add(other)
                todo.append(other)
    return ""


def unfit(group: Group, node: str, together: Together, outlook: Outlook, *, yields: bool = False) -> Reason | None:
    """Why `node` cannot take this group beside what it has; `yields`: and beside what may be about to start there."""
    there, apart = outlook.on_node[node], together.apart[group.name]
    if yields:
        there = there | _coming(node, together, outlook)
    if apart and (others := there & apart):
        setting = group.setting("Apart") or together.groups[min(others)].setting("Apart")  # either may say it
        return _beside(Rule.APART, min(others), node, setting)
    if together.exclusive and (others := (there & together.exclusive) - {group.name}):
        return _beside(Rule.EXCLUSIVE, min(others), node, together.groups[min(others)].setting("Exclusive"))
    if group.exclusive and (others := there - {group.name}):
        return _beside(Rule.NOT_EXCLUSIVE, min(others), node, group.setting("Exclusive"))
    return None


def _coming(node: str, together: Together, outlook: Outlook) -> set[str]:
    """Groups that run nowhere, or stop, and may be started on `node` next."""
    return {
        name
        for name, known in outlook.record.groups.items()
        if name in together.groups
        and (name in outlook.leaving or known.phase in (Phase.STOPPED, Phase.STOPPING))
        and name not in outlook.begun
        and (unwanted(known) or idle(known, outlook)) is None
        and node in outlook.allowed(together.groups[name])
    }


def _beside(rule: Rule, other: str, node: str, setting: str) -> Reason:
    return reason(rule, setting, node=node, group=other)


def crowded(node: str, outlook: Outlook) -> Reason | None:
    """`node` is starting as many groups as it may at once."""
    cluster, count = outlook.configuration.cluster, outlook.starting[node]
    if cluster.max_starts is None or count < cluster.max_starts:
        return None
    return reason(Rule.MAX_STARTS, cluster.setting("MaxStarts"), node=node, count=count)


def _runs(known: GroupRecord) -> bool:
    return known.phase is Phase.STARTED and not _fails(known) and unwanted(known) is None


def _fails(known: GroupRecord) -> bool:
    """Where it is; a node that it left may still say why it failed there."""
    return any(known.held[name].failed for name in known.holders)


def _of(rule: Rule, other: str, name: str, setting: str, outlook: Outlook) -> Reason:
    """`name` stands for the group `other`: it, or one of its copies."""
    known = outlook.record.groups.get(name)
    if known is None:
        return reason(rule, setting, group=other, phase="not configured")
    if name in outlook.begun:
        phase = "about to start"
    elif known.holders and (name in outlook.leaving or unwanted(known)):
        phase = "about to stop"
    else:
        phase = "failing" if known.phase is Phase.STARTED and _fails(known) else known.phase.value
    return reason(rule, setting, group=other, phase=phase)
