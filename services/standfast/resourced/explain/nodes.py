"""How a node is, what it has, and why it can or cannot be given groups."""

from collections.abc import Iterable, Iterator

from standfast.configuration.model import Group
from standfast.resourced.absence import out
from standfast.resourced.explain.facts import Explanation, Fact, Part, Said, Stated, duration, listed, stated, words
from standfast.resourced.explain.forecast import for_node
from standfast.resourced.explain.groups import held, reasons
from standfast.resourced.explain.look import Look, proof
from standfast.resourced.explain.lost import attempt, loss
from standfast.resourced.explain.ways import for_node as ways_for_node
from standfast.resourced.reasons import Reason, Rule
from standfast.resourced.showing import node_state
from standfast.vocabulary import NodeState

STATES = {
    NodeState.ONLINE: Fact.ONLINE,
    NodeState.JOINING: Fact.JOINING,
    NodeState.UNRESPONSIVE: Fact.UNRESPONSIVE,
    NodeState.LOST: Fact.LOST,
    NodeState.FENCING: Fact.BEING_FENCED,
    NodeState.FENCED: Fact.PROVEN_OFF,
    NodeState.LEFT: Fact.LEFT,
}
AWAITS = (Rule.AWAITS_PROOF, Rule.AWAITS_LOSS, Rule.AWAITS_DAEMON, Rule.UNSETTLED)


def explain_node(name: str, look: Look) -> Explanation:
    """The whole explanation of one node."""
    return Explanation(
        kind="node",
        name=name,
        state=_state(name, look),
        why=tuple(_why(name, look)),
        others=tuple(_alike([*_has(name, look), *_has_not(name, look), *_waits(name, look)])),
        ways=ways_for_node(name, look),
        by_itself=tuple(_by_itself(name, look)),
        deaths=for_node(name, look),
    )


def _state(name: str, look: Look) -> Stated:
    node, known = look.record.nodes[name], look.record.losses.get(name)
    fact = STATES[node_state(name, look.record, look.situation.ring_nodes)]
    if node.condemned:
        return stated(Fact.KEPT_OUT, node=name)
    if known is None:
        fact = {Fact.LOST: Fact.GONE, Fact.BEING_FENCED: Fact.STILL_OUT}.get(fact, fact)
        refused = fact is Fact.ONLINE and look.outlook.refusal(name) is not None
        return stated(Fact.GETS_NOTHING if refused else fact, node=name)
    return stated(fact, node=name, loss=known.number, how=proof(known.proof))


def _why(name: str, look: Look) -> Iterator[Said]:
    """What keeps it from work first, then what it has."""
    node, refusal, groups = look.record.nodes[name], look.outlook.refusal(name), held(look, name)
    lost = name in look.record.losses
    if not lost and out(look.record, name):
        yield from (attempt(one) for one in look.record.attempts if one.node == name and one.action == "off")
    elif refusal is not None and node.present and (node.condemned or not lost):
        yield refusal
    if lost:
        yield from loss(look, name)
    if name in look.situation.resting:
        yield stated(Fact.RESTS)
    if node.present:
        yield stated(Fact.HOLDS, groups=listed(groups)) if groups else stated(Fact.HOLDS_NOTHING)
        if refusal is None:
            yield stated(Fact.TAKES_GROUPS)
    if name in look.record.without:
        yield stated(Fact.KEEP_OFF)
    if node.present and node.drifted:
        yield stated(Fact.FILES_DIFFER, names=listed(node.drifted))
    for why in node.objections:
        yield stated(Fact.OBJECTS, why=why)


def _by_itself(name: str, look: Look) -> Iterator[Said]:
    block, cluster = look.outlook.blocks[name], look.configuration.cluster
    if block is not None and block.rule is Rule.AWAITS_DAEMON:
        yield stated(Fact.LOST_AFTER, cluster.setting("DaemonGrace"), time=duration(cluster.daemon_grace_ms))


def _has(name: str, look: Look) -> Iterator[Part]:
    """Each group that it has, and why there."""
    for group in filter(None, map(look.configuration.group, held(look, name))):
        yield Part(name=group.name, said=reasons(group, look)[:1])


def _has_not(name: str, look: Look) -> Iterator[Part]:
    """The groups that it has not, unless nothing at all can be given to it."""
    if look.outlook.refusal(name) is not None:
        return
    here = held(look, name)
    for group in look.together.order:
        if group.name not in here and group.node in ("", name) and group.name in look.record.groups:
            yield Part(name=group.name, said=_against(group, name, look))


def _against(group: Group, name: str, look: Look) -> tuple[Said, ...]:
    """Where nothing speaks against the node, why it is not started at all."""
    said = look.against(group, name)
    could = not isinstance(said[0], Reason) and said[0].fact is Fact.COULD_RUN
    return (*said, *look.waits_for(group.name)[:1]) if could else said


def _waits(name: str, look: Look) -> Iterator[Part]:
    """The groups that wait for a proof that this node is off."""
    if look.record.nodes[name].present or look.record.proven_or_left(name):
        return
    for group, waits_for in look.planned.waits_for.items():
        if waits_for[0].rule in AWAITS and waits_for[0].facts.get("node", name) == name:
            yield Part(name=group, said=waits_for[:1])


def _alike(parts: Iterable[Part]) -> Iterator[Part]:
    """Those of which the same is to be said are told together."""
    found: dict[tuple[str, ...], list[Part]] = {}
    for part in parts:
        found.setdefault(tuple(map(words, part.said)), []).append(part)
    for some in found.values():
        yield Part(name=listed([part.name for part in some]), said=some[0].said)
