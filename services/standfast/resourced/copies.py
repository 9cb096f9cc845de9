"""Copies=: of the copies of one group as many run as it says, those on its best nodes first.

Copies are a wish for capacity. That each runs once follows from its being a group that one node only may run; nothing
here keeps it from that. Where a copy does not count (its node is lost, or it fails there too often) the next one starts
at once, and when it comes back there is one more for a while: that of the worst node is stopped when enough others
serve.
"""

from standfast.configuration.model import Group
from standfast.resourced.blame import outside, sees_good
from standfast.resourced.messages import OrderKind
from standfast.resourced.outlook import Outlook, blocker, idle, unwanted
from standfast.resourced.presence import Held
from standfast.resourced.reasons import Reason, Rule, reason
from standfast.resourced.recovery import avoided, failures
from standfast.resourced.together import Together, unfit
from standfast.vocabulary import Holding, Phase


def enough(group: Group, together: Together, outlook: Outlook) -> Reason | None:
    """Why a copy that nobody holds does not start: so many others run, may run, or are to start before it."""
    if not group.node:
        return None
    copies = together.sets[group.base]
    others = [copy for copy in copies if copy.name != group.name]
    counted = [copy for copy in others if _counts(copy, group, outlook)]
    if goes_home(group, outlook):
        counted = [copy for copy in counted if copies.index(copy) < copies.index(group)]
    first = [copy for copy in others if copy not in counted and _comes_first(copy, group, together, outlook)]
    if len(counted) + len(first) < group.copies:
        return None
    return _because(Rule.ENOUGH_COPIES, group, [*counted, *first])


def too_many(group: Group, together: Together, outlook: Outlook) -> Reason | None:
    """Why a copy that is held stops: so many others serve, all on better nodes, or while it fails itself."""
    if not group.node:
        return None
    copies = together.sets[group.base]
    others = [copy for copy in copies if copy.name != group.name and _serves(copy, outlook)]
    known = outlook.record.groups[group.name]
    fails = not _counts(group, None, outlook) or any(known.held[node].failed for node in known.holders)
    better = others if fails else [copy for copy in others if copies.index(copy) < copies.index(group)]
    if len(better) < group.copies:
        return None
    return _because(Rule.TOO_MANY_COPIES, group, better)


def _because(rule: Rule, group: Group, others: list[Group]) -> Reason:
    nodes = ", ".join(copy.node for copy in others[: group.copies])
    return reason(rule, group.setting("Copies"), count=group.copies, nodes=nodes)


def goes_home(group: Group, outlook: Outlook) -> bool:
    """It takes the place of a copy on a worse node: it starts, then that one is stopped."""
    domain = next((one for one in outlook.configuration.domains if one.name == group.domain), None)
    if domain is None or not domain.failback or not domain.ordered:
        return False
    known = outlook.record.groups[group.name]
    sound = not failures(known, group.node) and group.node not in known.avoided
    return sound and sees_good(group, group.node, outlook.record)


def _counts(copy: Group, instead: Group | None, outlook: Outlook) -> bool:
    """It runs or starts, or may run where only resourced is away. `instead`: the copy that could start in its place."""
    known = outlook.record.groups.get(copy.name)
    if known is None or copy.name in outlook.leaving or copy.name in outlook.ending or unwanted(known) is not None:
        return False
    if copy.name in outlook.begun:
        return True
    refusal = outlook.refusal(copy.node)
    if refusal is not None and refusal.rule is not Rule.BEHIND:
        block = outlook.blocks[copy.node]
        return block is not None and block.rule is Rule.AWAITS_DAEMON and known.last_owner == copy.node
    if known.open_orders:
        return any(order.kind is not OrderKind.STOP for order in known.open_orders.values())
    return any(_goes_on(copy, known.held[node], instead, outlook) for node in known.holders)


def _goes_on(copy: Group, held: Held, instead: Group | None, outlook: Outlook) -> bool:
    """What holds it is to run there, though it may be restarted now; not what an administrator stopped by hand."""
    if held.holding not in (Holding.QUEUED, Holding.RUNNING) or held.by_hand:
        return False
    if asked := outside(copy, held):  # no restart mends it; `instead` is better off only where all of that is good
        return instead is not None and not sees_good(instead, instead.node, outlook.record, asked)
    return not held.failed or not avoided(copy, outlook.record.groups[copy.name], copy.node)


def _serves(copy: Group, outlook: Outlook) -> bool:
    known = outlook.record.groups.get(copy.name)
    if known is None or known.phase is not Phase.STARTED or not _counts(copy, None, outlook):
        return False
    return not any(known.held[node].failed for node in known.holders)


def _comes_first(copy: Group, group: Group, together: Together, outlook: Outlook) -> bool:
    """It could start, and is to be tried before `group`: who failed lately comes last, then who sees nothing good."""
    known = outlook.record.groups.get(copy.name)
    if known is None or known.holders or known.open_orders or avoided(copy, known, copy.node):
        return False
    refusal = None if outlook.installs(copy.node) else outlook.refusal(copy.node)
    if any((unwanted(known), idle(known, outlook), refusal, blocker(copy, outlook))):
        return False
    if unfit(copy, copy.node, together, outlook) is not None:
        return False
    mine, copies = outlook.record.groups[group.name], together.sets[group.base]
    ranks = [(not sees_good(one, one.node, outlook.record), copies.index(one)) for one in (copy, group)]
    return avoided(group, mine, group.node) or ranks[0] < ranks[1]
