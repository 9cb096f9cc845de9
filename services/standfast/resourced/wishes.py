"""What an operator may ask for, and why not (DESIGN sections 7 and 12)."""

from dataclasses import replace

from standfast.configuration.model import Configuration, Group
from standfast.configuration.quorum import quorum_of
from standfast.resourced.absence import enough
from standfast.resourced.configuring import refuse_keep, refuse_version
from standfast.resourced.drill_checks import refuse_drill
from standfast.resourced.messages import Wish, WishKind
from standfast.resourced.outlook import Outlook, blocker
from standfast.resourced.placement import home, refusals
from standfast.resourced.reasons import sentence
from standfast.resourced.record import GroupRecord, Record
from standfast.resourced.recovery import failures
from standfast.resourced.situation import Situation, Waits
from standfast.resourced.together import Together
from standfast.vocabulary import copies_of

MOVES = (WishKind.START, WishKind.RELOCATE, WishKind.RESTART)


def refuse_wish(wish: Wish, record: Record, configuration: Configuration, situation: Situation) -> str:
    """One sentence why the wish cannot be, "" = it can."""
    if wish.kind in (WishKind.MAINTENANCE, WishKind.NORMAL):
        return ""
    if wish.kind is WishKind.CONFIGURE:
        return refuse_version(wish, record, configuration, situation.offered, situation)
    if wish.kind is WishKind.DRILL:
        return refuse_drill(wish.drill, record, configuration, situation)
    if wish.kind in (WishKind.KEEP, WishKind.TAKE_BACK):
        return refuse_keep(wish, record)
    if wish.kind in (WishKind.STANDBY, WishKind.RESUME):
        known = ", ".join(record.nodes)
        return "" if wish.subject in record.nodes else f"there is no node {wish.subject}; there are: {known}"
    if wish.kind in (WishKind.FENCE, WishKind.CONFIRM):
        return _refuse_for_node(wish, record, configuration, situation)
    groups = tuple(filter(None, map(configuration.group, copies_of(wish.subject, record.groups))))
    if not groups:
        names = ", ".join(record.groups) or "none"
        return f"there is no group {wish.subject}; there are: {names}"
    if groups[0].node:
        flags = (_refuse_by_flags(replace(wish, subject=copy.name), record) for copy in groups)
        return _refuse_for_copies(wish, groups) or next(filter(None, flags), "")
    return _refuse_by_flags(wish, record) or _refuse_by_place(wish, groups[0], record, configuration, situation)


def _refuse_for_node(wish: Wish, record: Record, configuration: Configuration, situation: Situation) -> str:
    name = wish.subject
    if name not in record.nodes:
        return f"there is no node {name}; there are: {', '.join(record.nodes)}"
    if wish.kind is WishKind.CONFIRM:
        return _refuse_confirmation(wish, record, configuration, situation)
    loss, fence = record.losses.get(name), configuration.node(name).fence
    if record.maintenance:
        return "the cluster is in maintenance, where nobody is fenced; end it first: standfast maintenance off"
    if loss is not None and loss.proof and not record.nodes[name].condemned:
        return f"{name} is proven off already (loss {loss.number}, {loss.proof})"
    if not fence:
        return f"{name} has no fence device: switch it off yourself, then: standfast fence confirm {name} LOSS"
    if not enough(quorum_of(configuration), record.members - {name}):
        return f"without {name} the others would not be quorate"
    return ""


def _refuse_confirmation(wish: Wish, record: Record, configuration: Configuration, situation: Situation) -> str:
    """Only a loss that waits for its proof, that no device could prove, of a node that is not heard."""
    name, loss = wish.subject, record.losses.get(wish.subject)
    if loss is None or loss.proof:
        return f"no loss of {name} waits for a proof: see `standfast status`"
    if loss.number != wish.loss:
        return f"loss {wish.loss} of {name} is not the one that waits for its proof; that is {loss.number}"
    if name in situation.ring_nodes or record.nodes[name].present:
        return f"{name} is heard: it is not off"
    if configuration.node(name).fence and not record.failed_attempts.get(loss.number, 0):
        return f"no attempt to fence {name} has failed yet (loss {loss.number}): wait for its end"
    return ""


def _refuse_for_copies(wish: Wish, copies: tuple[Group, ...]) -> str:
    """The wish is for one of these copies of a group, or for all of them."""
    name, copy = wish.subject, copies[0]
    if wish.kind is WishKind.RELOCATE:
        return f"a copy stays on its node; to have another one run instead of it: standfast group stop {copy.name}"
    if wish.node:
        return f"each copy has its own node; to start the one of {wish.node}: standfast group start {copy.base}@NODE"
    if wish.kind is WishKind.RESTART and name == copy.base:
        return (
            f"the copies of {name} would all be away at once; one after the other: standfast group restart {copy.name}"
        )
    return ""


def _refuse_by_flags(wish: Wish, record: Record) -> str:
    name, known = wish.subject, record.groups[wish.subject]
    if wish.kind not in (*MOVES, WishKind.STOP):
        return ""
    if record.maintenance:
        return "the cluster is in maintenance; end it first: standfast maintenance off"
    if known.frozen:
        return f"{name} is frozen; thaw it first: standfast group thaw {name}"
    if known.disabled and wish.kind in MOVES:
        return f"{name} is disabled; enable it first: standfast group enable {name}"
    if wish.kind is WishKind.RESTART and not known.holders:
        return f"{name} runs nowhere; start it: standfast group start {name}"
    return ""


def _refuse_by_place(
    wish: Wish, group: Group, record: Record, configuration: Configuration, situation: Situation
) -> str:
    if wish.kind not in (WishKind.START, WishKind.RELOCATE):
        return ""
    outlook = Outlook(record, configuration, situation, Waits(situation.waits, situation.now))
    if wish.node:
        allowed = configuration.allowed(group)
        if wish.node not in allowed:
            return f"{wish.node} may not run {group.name}: its domain allows {', '.join(allowed)}"
        why = refusals(group, Together(configuration), outlook).get(wish.node)
        if why:
            return f"{wish.node} cannot run {group.name} now: {sentence(why)}"
    elif wish.kind is WishKind.RELOCATE and not _next_best(group, record, configuration, situation):
        return f"no other node can run {group.name} now; see `standfast status`"
    holders = record.groups[group.name].holders
    moves = holders and wish.node not in holders and (wish.node or wish.kind is WishKind.RELOCATE)
    block = blocker(group, outlook) if moves else None
    if block is not None:
        return f"{group.name} would not start elsewhere now: it {sentence(block)}"
    return _refuse_homesick(wish, group, outlook) if holders and wish.kind is WishKind.RELOCATE else ""


def _refuse_homesick(wish: Wish, group: Group, outlook: Outlook) -> str:
    """Two interruptions for nothing."""
    target = wish.node or _next_best(group, outlook.record, outlook.configuration, outlook.situation)
    better, setting = home(group, target, Together(outlook.configuration), outlook)
    if not better:
        return ""
    text = f"from {target} it would go home to {better} at once, by Failback= ({setting}); to keep it away"
    return f"{text}: standfast node standby {better}"


def resolve_wish(wish: Wish, record: Record, configuration: Configuration, situation: Situation) -> Wish:
    """The wish with the node that the plan would choose."""
    group = configuration.group(wish.subject)
    if wish.kind is WishKind.RELOCATE and not wish.node and group is not None:
        return replace(wish, node=_next_best(group, record, configuration, situation))
    return wish


def _next_best(group: Group, record: Record, configuration: Configuration, situation: Situation) -> str:
    known: GroupRecord = record.groups[group.name]
    outlook = Outlook(record, configuration, situation, Waits(situation.waits, situation.now))
    refused = refusals(group, Together(configuration), outlook)
    able = [name for name, why in refused.items() if why is None and name not in known.holders]
    return min(able, key=lambda name: failures(known, name), default="")
