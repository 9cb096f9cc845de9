"""What would happen if a node died now: the plan's own forecast, as `standfast simulate node-dies` has it."""

from collections.abc import Iterator, Sequence

from standfast.configuration.model import Group
from standfast.resourced.explain.facts import Death, Fact, Part, Said, Stated, duration, listed, stated, words
from standfast.resourced.explain.look import Look
from standfast.resourced.foreseen import Foreseen, Outcome, StepKind
from standfast.resourced.reasons import Rule, reason
from standfast.vocabulary import Phase

MOST_NODES = 3  # that say why they could not run a group


def for_group(group: Group, look: Look) -> tuple[Death, ...]:
    """What would become of the group, or of the other copies; empty while it runs nowhere."""
    copies = look.together.sets[group.base] if group.node else (group,)
    return tuple(_death(node, look, copies) for node in look.places(group.name)[:1])


def for_copies(copies: tuple[Group, ...], look: Look) -> tuple[Death, ...]:
    """What would become of the copies if any of the nodes died that run one."""
    nodes = sorted({node for copy in copies for node in look.places(copy.name)})
    return tuple(_death(node, look, copies) for node in nodes)


def for_node(node: str, look: Look) -> tuple[Death, ...]:
    """What would become of all groups that would not stay as they are; empty where the node is not here."""
    return (_death(node, look),) if node in look.record.members else ()


def _death(dead: str, look: Look, groups: Sequence[Group] = ()) -> Death:
    """What would become of these groups (none named: of all that would not stay as they are)."""
    found = look.dies(dead)
    if isinstance(found, str):
        return Death(node=dead, outcomes=(Part(name="", said=(stated(Fact.UNFORESEEN, why=found),)),))
    names = {group.name for group in groups}
    told = [one for one in found.groups if (one.group in names if groups else _is_touched(one, dead, look))]
    told = [one for one in told if look.together.groups[one.group].node != dead] or told  # its copy dies with it
    if len(told) > 1 and any(step.kind is StepKind.QUORUM_LOST for step in found.steps):
        return Death(node=dead, outcomes=(_part((), (stated(Fact.NONE_WOULD_RUN), reason(Rule.QUORUM_LEAVES))),))
    return Death(node=dead, outcomes=tuple(_together(told, dead, found, look)) or (_part((), _nothing()),))


def _nothing() -> tuple[Said, ...]:
    return (stated(Fact.NOTHING_WOULD),)


def _is_touched(outcome: Outcome, dead: str, look: Look) -> bool:
    return outcome.touched or outcome.before != outcome.after or dead in look.places(outcome.group)


def _together(told: Sequence[Outcome], dead: str, found: Foreseen, look: Look) -> Iterator[Part]:
    """Groups of which the same is to be said are told together."""
    alike: dict[tuple[str, ...], tuple[list[str], tuple[Said, ...]]] = {}
    for outcome in told:
        said = tuple(_outcome(outcome, dead, found, look))
        key = tuple(words(one) for one in (_about(said[0], ""), *said[1:]))
        alike.setdefault(key, ([], said))[0].append(outcome.group)
    for names, said in alike.values():
        yield _part(tuple(names), (_about(said[0], listed(names)), *said[1:]))


def _part(names: Sequence[str], said: tuple[Said, ...]) -> Part:
    return Part(name=listed(names), said=said)


def _about(said: Said, groups: str) -> Stated:
    assert isinstance(said, Stated)
    return stated(said.fact, **{**said.facts, "group": groups})


def _outcome(outcome: Outcome, dead: str, found: Foreseen, look: Look) -> Iterator[Said]:
    name, after = outcome.group, outcome.after
    if after is None:
        yield stated(Fact.WOULD_END, group=name)
        return
    if after.phase is not Phase.STARTED:
        yield stated(Fact.WOULD_NOT_RUN, group=name)
        nodes = outcome.waits_for and outcome.waits_for[0].rule is Rule.NO_NODE
        yield from outcome.waits_for[: 1 + MOST_NODES if nodes else 1]
        if any(why.rule is Rule.AWAITS_PROOF and why.facts["node"] == dead for why in outcome.waits_for):
            yield from _unproven(dead, look)
        return
    starts = [one for one in found.steps if one.kind is StepKind.START and one.subject == name]
    if not starts:
        yield stated(Fact.WOULD_GO_ON, group=name, node=after.owner)
        return
    yield stated(Fact.WOULD_START, group=name, node=after.owner, time=duration(starts[-1].at_ms), dead=dead)


def _unproven(dead: str, look: Look) -> Iterator[Said]:
    if not look.configuration.node(dead).fence:
        yield stated(Fact.NO_DEVICE, node=dead)
