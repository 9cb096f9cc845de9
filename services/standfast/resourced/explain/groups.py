"""Why a group is where it is, or nowhere."""

from collections.abc import Iterator

from standfast.configuration.model import Group
from standfast.resourced.explain.changes import by_itself
from standfast.resourced.explain.facts import Explanation, Fact, Part, Said, Stated, stated, words
from standfast.resourced.explain.forecast import for_group
from standfast.resourced.explain.look import Look
from standfast.resourced.explain.lost import losses
from standfast.resourced.explain.ways import for_group as ways_for_group
from standfast.resourced.reasons import Reason, Rule
from standfast.resourced.record import GroupRecord
from standfast.vocabulary import Holding, Phase

# What was last done with a group that does not run says why it does not, unless it was a start.
ENDED_BY = (
    Rule.FAILED,
    Rule.NOT_THERE,
    Rule.MOVED_AWAY,
    Rule.LEFT_AT_ONCE,
    Rule.DISABLED_BY_POLICY,
    Rule.STANDBY,
    Rule.LEAVING,
    Rule.RESTRICTED,
)
DOWN = (Phase.STOPPED, Phase.BLOCKED)


def explain_group(group: Group, look: Look) -> Explanation:
    """The whole explanation of one group, which may be a copy."""
    known = look.record.groups[group.name]
    said = reasons(group, look)
    others = () if group.node else tuple(_others(group, look))
    passed = tuple(_passed(group, said, others, look))
    why = tuple(one for one in said if one not in known.reasons[1:])
    return Explanation(
        kind="group",
        name=group.name,
        state=state(group, known, look),
        why=why,
        passed=passed,
        more=losses(look, _lost(why, known)),
        since=known.since,
        others=others,
        ways=ways_for_group(group, why, others, look),
        by_itself=tuple(by_itself(group, look)),
        deaths=for_group(group, look),
    )


def state(group: Group, known: GroupRecord, look: Look) -> Stated:
    """How the group is, in a few words."""
    name, where = group.name, ", ".join(look.places(group.name))
    failed = any(known.held[node].failed for node in known.holders)
    partial = [unit for node in known.holders for unit in known.held[node].partial]
    if known.phase is Phase.BLOCKED:
        return stated(Fact.CANNOT_STOP, group=name, node=where)
    if known.phase is Phase.STOPPED:
        return stated(Fact.RUNS_NOT, group=name)
    if known.phase is not Phase.STARTED:
        return stated(Fact.STARTING if known.phase is Phase.STARTING else Fact.STOPPING, group=name, node=where)
    if failed:
        return stated(Fact.SERVES_NOT, group=name, node=where)
    if partial:
        return stated(Fact.RUNS_WITHOUT, group=name, node=where, units=", ".join(partial))
    return stated(Fact.RUNS, group=name, node=where)


def reasons(group: Group, look: Look) -> tuple[Said, ...]:
    """Why it is so, the main reason first: what the plan says now, then what was last done with it."""
    known, order = look.record.groups[group.name], look.order(group.name)
    said: list[Said] = list(look.waits_for(group.name))
    if said and isinstance(said[0], Reason) and said[0].rule in (Rule.NO_NODE, Rule.BACKING_OFF):
        said = said[:1]  # each node says the rest for itself
    if order is not None:
        said += [*order.reasons[:1], stated(Fact.NOT_DONE, verb=order.kind.value, node=order.node)]
    elif not said or known.phase not in DOWN or any(why.rule in ENDED_BY for why in known.reasons[:1]):
        said += [why for why in known.reasons[: 1 if said else None] if why not in said]
    said = [one for one in said if not _is_told_of_nodes(one, known)]
    said += [stated(Fact.UNIT_CAUSE, cause=cause) for cause in _causes(known)]
    if known.phase in DOWN and known.last_owner and not known.holders:
        said.append(stated(Fact.LAST_OWNER, node=known.last_owner))
    if group.node:
        said.append(stated(Fact.OTHER_COPIES, group=group.base))
    return tuple(_distinct(said))


def _is_told_of_nodes(said: Said, known: GroupRecord) -> bool:
    """Each node where it failed says so, with the cause."""
    failed = isinstance(said, Reason) and said.rule is Rule.FAILED and known.phase is Phase.STOPPED
    return failed and any(one.cause == said.facts.get("cause") for one in known.failures)


def _causes(known: GroupRecord) -> list[str]:
    """Why it goes on without some of its units."""
    held = [known.held[node] for node in known.holders]
    return [one.cause for what in held for one in what.resources if one.unit in what.partial and one.cause]


def _passed(group: Group, said: tuple[Said, ...], others: tuple[Part, ...], look: Look) -> Iterator[Said]:
    """Of the reasons for which better nodes were passed over those that others do not say of now."""
    known = look.record.groups[group.name]
    now = {words(one) for part in others for one in part.said}
    yield from (one for one in known.reasons[1:] if one in said and words(one) not in now)


def _lost(why: tuple[Said, ...], known: GroupRecord) -> list[str]:
    """The nodes whose loss is the cause, or was."""
    facts = {one.facts.get("owner") or one.facts.get("node", "") for one in why if one.facts.get("loss")}
    ran = {known.last_owner} if known.phase is Phase.STOPPED else set()
    return sorted((facts | ran) - {""})


def _distinct(said: list[Said]) -> list[Said]:
    """What reads the same is said once."""
    return list({words(one): one for one in reversed(said)}.values())[::-1]


def _others(group: Group, look: Look) -> Iterator[Part]:
    """Every node where it is not."""
    here = look.places(group.name)
    known = look.record.groups[group.name]
    here = here if known.phase is not Phase.STOPPED else ()
    for node in look.configuration.nodes:
        if node.name not in here and node.name in look.record.nodes:
            yield Part(name=node.name, said=look.against(group, node.name))


def held(look: Look, node: str) -> tuple[str, ...]:
    """The groups that the node has something of."""
    return tuple(
        name
        for name, known in look.record.groups.items()
        if node in known.open_orders or (node in known.held and known.held[node].holding is not Holding.NOTHING)
    )
