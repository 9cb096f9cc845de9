"""Why a fire drill is not made now: a fault is injected only where the cluster is whole and can afford it (pure).

The coordinator judges a drill by the very record that its beginning is the next update of. What this node alone can
know (its fence devices, what the plan foresees) is asked before: `drilling`.
"""

from collections.abc import Iterator

from standfast.configuration.model import Configuration, Group
from standfast.configuration.quorum import quorum_of
from standfast.resourced.absence import enough
from standfast.resourced.drills import Drill, DrillBegun, DrillEnded, rest_left_ms
from standfast.resourced.outlook import Outlook
from standfast.resourced.reasons import sentence
from standfast.resourced.record import GroupRecord, Record
from standfast.resourced.situation import Situation, Waits
from standfast.vocabulary import DrillKind, Phase

OF_NODES = (DrillKind.POWER, DrillKind.CUT)
OURS = ("standfast-ip@", "standfast-ocf@")  # services whose process is not what an administrator means
CALM = (Phase.STARTED, Phase.STOPPED)


def refuse_drill(
    wanted: DrillBegun | DrillEnded | None, record: Record, configuration: Configuration, situation: Situation
) -> str:
    """One sentence why the drill cannot begin, or end; "" = it can."""
    match wanted:
        case DrillBegun(drill=drill, again=again):
            return next(filter(None, _objections(drill, again, record, configuration, situation)), "")
        case DrillEnded(id=identity) if record.drill is not None and record.drill.id == identity:
            return ""
    return "that fire drill is not under way any more: standfast drill history"


def _objections(
    drill: Drill, again: bool, record: Record, configuration: Configuration, situation: Situation
) -> Iterator[str]:
    """The first one counts."""
    waits = Waits(situation.waits, situation.now)
    if (other := record.drill) is not None:
        yield f"a fire drill is under way ({other.kind.value} on {other.node}): wait for its end"
    if record.maintenance:
        yield "the cluster is in maintenance; end it first: standfast maintenance off"
    yield from _not_whole(record, configuration, situation, waits)
    if not all(node.fence or node.watchdog for node in configuration.nodes) and len(configuration.nodes) > 1:
        yield "the cluster is not safe: not every node has a fence device or a watchdog (cluster.conf, Fence=)"
    if drill.kind in OF_NODES:
        yield from _node_objections(drill, record, configuration)
    for name in drill.groups:
        yield from _group_objections(name, drill.node, record)
    here = tuple(name for name, group in record.groups.items() if drill.node in group.holders)
    if drill.kind in OF_NODES and set(here) != set(drill.groups):
        yield f"other groups run on {drill.node} than a moment ago: try again"
    left_ms = rest_left_ms(record, waits)
    if left_ms and not again:
        yield f"the last fire drill has just ended: wait {-(-left_ms // 1000)} s, or insist with --again"


def _not_whole(record: Record, configuration: Configuration, situation: Situation, waits: Waits) -> Iterator[str]:
    for loss in record.losses.values():
        if not loss.proof:
            yield f"{loss.node} waits for proof that it is off (loss {loss.number}): the cluster is not whole"
    for why in Outlook(record, configuration, situation, waits).refusals.values():
        if why is not None:
            yield f"the cluster is not whole: {sentence(why)}"
    if record.owed or record.attempts:
        yield "a node is being switched off or on: the cluster is not whole"
    if record.unconfirmed:
        yield "the version in force waits to be confirmed; do that first: standfast config confirm"
    if not situation.orders_allowed:
        yield "the term has just begun: try again"
    for name, group in record.groups.items():
        if group.open_orders or group.phase not in CALM:
            yield f"group {name} is {group.phase.value}: wait until every group is at rest"


def _node_objections(drill: Drill, record: Record, configuration: Configuration) -> Iterator[str]:
    if drill.node == drill.leader:
        yield f"{drill.node} is the node that would be cut off, and could tell nobody: type it on another node"
    if not enough(quorum_of(configuration), record.members - {drill.node}):
        yield f"without {drill.node} the others would not be quorate"
    if drill.node in record.nodes and not configuration.node(drill.node).fence:
        yield f"{drill.node} has no fence device, so it would not come back by itself (cluster.conf, Fence=)"


def _group_objections(name: str, node: str, record: Record) -> Iterator[str]:
    group = record.groups.get(name)
    if group is None or group.holders != (node,):
        yield f"group {name} does not run on {node} any more: try again"
    elif flag := _flag(group):
        yield f"group {name} is {flag}: standfast status"
    elif node not in group.held or group.held[node].failed or group.held[node].doubt:
        yield f"group {name} does not serve well now: standfast status"


def _flag(group: GroupRecord) -> str:
    marks = {
        "frozen": group.frozen,
        "disabled": group.disabled,
        "stopped by an operator": group.stopped,
        "held by an administrator": any(held.by_hand for held in group.held.values()),
        "partial: it runs without some of its resources": any(held.partial for held in group.held.values()),
    }
    return next((flag for flag, is_set in marks.items() if is_set), "")


def subject_of(
    kind: DrillKind, subject: str, record: Record, configuration: Configuration
) -> tuple[str, tuple[str, ...], str]:
    """The node where that fault is injected, the groups that it strikes, and the unit. Raises LookupError: a sentence
    why there is none."""
    if kind in OF_NODES and subject in record.nodes:
        return subject, _groups_on(subject, record), ""
    group, known = configuration.group(subject), record.groups.get(subject)
    if group is None or known is None:
        raise LookupError(_unknown(kind, subject, record))
    if len(known.holders) != 1:
        raise LookupError(f"group {subject} is {known.phase.value}, so there is nothing to drill: standfast status")
    (node,) = known.holders
    if kind in OF_NODES:
        return node, _groups_on(node, record), ""
    unit = victim(group)
    if not unit:
        raise LookupError(f"no critical resource of {subject} is a service, so there is no process: try power or cut")
    return node, (subject,), unit


def _groups_on(node: str, record: Record) -> tuple[str, ...]:
    return tuple(name for name, group in record.groups.items() if node in group.holders)


def _unknown(kind: DrillKind, subject: str, record: Record) -> str:
    if kind not in OF_NODES and subject in record.nodes:
        return f"{subject} is a node; {kind.value} is for a group, and power and cut are for a node"
    copies = [name for name in record.groups if name.partition("@")[0] == subject]
    if copies:
        return f"{subject} has copies; name one of them: {', '.join(copies)}"
    there = f"there are: {', '.join([*record.groups, *(record.nodes if kind in OF_NODES else ())])}"
    return f"there is no group {'or node ' if kind in OF_NODES else ''}{subject}; {there}"


def victim(group: Group) -> str:
    """The service whose process a drill strikes: the top one that is critical, one with probes if there is any."""
    services = [one for one in group.resources if one.critical and one.unit.endswith(".service")]
    services = [one for one in services if not one.unit.startswith(OURS)] or services
    probed = [one for one in services if one.probes]
    return (probed or services)[-1].unit if services else ""
