"""What a version of the configuration would do, before it is in force: to each group, to nodes, votes and Corosync.

For the groups `plan` itself is asked, on a record in which the version is in force, and what would happen without it
is taken off. So what is told is what the coordinator would order then.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from standfast.configuration.definitions import first_changed
from standfast.configuration.links import compare_links
from standfast.configuration.model import Configuration, Group, Node
from standfast.configuration.quorum import quorum_of, read_at_start
from standfast.resourced.configuring import refuse_version
from standfast.resourced.durations import Durations
from standfast.resourced.foreseen import Foreseen, Outcome, Place, Step, StepKind
from standfast.resourced.interruptions import Expected, of_change, of_move, of_restart, of_start
from standfast.resourced.messages import Wish, WishKind
from standfast.resourced.reasons import Reason, Rule, reason, sentence
from standfast.resourced.record import Record
from standfast.resourced.situation import Situation
from standfast.resourced.whatif import InForce, NothingElse, foresee
from standfast.vocabulary import Phase

SERVED = (Phase.STARTED, Phase.STARTING)
UNINTERRUPTED = Expected(ms=0, measured="")
NOT_SERVED = Expected(ms=None, measured="it is not served any more")
STRAYS = (Rule.RESTRICTED, Rule.OUTSIDE)
DONE = (StepKind.START, StepKind.STOP, StepKind.RESTART, StepKind.DISABLED)


class EffectKind(StrEnum):
    START = "start"
    STOP = "stop"
    MOVE = "move"
    RESTART = "restart"
    RESTART_PART = "restart-part"  # from a resource that changed up to the last one
    UNTOUCHED = "untouched"


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What would become of one group. `interruption_ms`: for how long it is not served; None: that is not known, or
    it is not served any more."""

    group: str
    kind: EffectKind
    source: str = ""  # the node where it is now, "" = nowhere
    target: str = ""  # the node where it would be
    reason: str = ""
    setting: str = ""  # FILE:LINE of the setting that the reason follows, "" = none
    resources: tuple[str, ...] = ()  # units that would be started anew where they are
    interruption_ms: int | None = 0
    measured: str = ""  # how the interruption is known


class ChangeKind(StrEnum):
    REFUSED = "refused"  # as things are, the version would not come into force
    NODE_COMES = "node-comes"
    NODE_GOES = "node-goes"
    NODE = "node"
    QUORUM = "quorum"
    COROSYNC = "corosync"  # each node's Corosync has to be started anew


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What is not about a group."""

    kind: ChangeKind
    subject: str  # the node, "" = the cluster
    text: str
    setting: str = ""


def effects(
    record: Record, in_force: Configuration, new: Configuration, situation: Situation, durations: Durations
) -> tuple[Effect, ...]:
    """One for each group that there is or would be, by name."""
    usual = foresee(record, in_force, situation, NothingElse())
    then = foresee(record, in_force, situation, InForce(configuration=new))
    return effects_of(record, in_force, new, durations, usual, then)


def effects_of(
    record: Record, in_force: Configuration, new: Configuration, durations: Durations, usual: Foreseen, then: Foreseen
) -> tuple[Effect, ...]:
    """What makes `then` of what would happen anyway, `usual`; by the groups' names."""
    found = [
        _Effects(one, _steps(then, one.group), in_force, new, durations, _idle(record, one.group)).effect(
            usual=_done(_steps(usual, one.group)) == _done(_steps(then, one.group))
        )
        for one in then.groups
    ]
    return tuple(sorted(found, key=lambda effect: effect.group))


def _steps(foreseen: Foreseen, group: str) -> list[Step]:
    return [step for step in foreseen.steps if step.subject == group and step.kind in DONE]


def _done(steps: Sequence[Step]) -> list[tuple[int, StepKind, str]]:
    return [(step.at_ms, step.kind, step.node) for step in steps]


class _Effects:
    """One group, as it is and as it would be."""

    def __init__(
        self,
        outcome: Outcome,
        steps: list[Step],
        in_force: Configuration,
        new: Configuration,
        durations: Durations,
        idle: Reason | None,
    ) -> None:
        self.name = outcome.group
        self.waits_for = outcome.waits_for
        self.steps = steps
        self.source, self.target = _node(outcome.before), _node(outcome.after)
        self.old, self.new = in_force.group(outcome.group), new.group(outcome.group)
        self.durations = durations
        self.idle = idle  # why nothing at all is done with it

    def effect(self, *, usual: bool) -> Effect:
        """`usual`: the same would be done with it without the version."""
        if self.new is None:
            return self._removed()
        stays = self.source == self.target
        if self.old is not None and self.source and stays and (usual or not self.steps):
            return self._redefined(self.old, self.new, self.source)
        if usual or (stays and not self.source):
            return self._made(EffectKind.UNTOUCHED, self.waits_for[:1])
        return self._done(self.new)

    def _removed(self) -> Effect:
        why = reason(Rule.REMOVED)
        if not self.source:
            return self._made(EffectKind.UNTOUCHED, (why,))
        return self._made(EffectKind.STOP, (why,), NOT_SERVED)

    def _redefined(self, old: Group, new: Group, node: str) -> Effect:
        """Nothing is ordered: what systemd would see changed is started anew where it runs."""
        first = first_changed(old, new)
        strays = self.waits_for if any(why.rule in STRAYS for why in self.waits_for) else ()
        if first is None:
            return self._made(EffectKind.UNTOUCHED, strays)
        unit = (*new.resources[first:], *old.resources[first:])[0].unit
        if self.idle is not None:
            return self._made(EffectKind.UNTOUCHED, (self.idle, reason(Rule.HOLDS_BACK, unit=unit, node=node)))
        why = (reason(Rule.CHANGED, unit=unit), *strays)
        resources = tuple(resource.unit for resource in new.resources[first:])
        expected = of_change(self.durations, old, new, node, first)
        return self._made(EffectKind.RESTART_PART if first else EffectKind.RESTART, why, expected, resources)

    def _done(self, new: Group) -> Effect:
        """The coordinator would order something."""
        why = tuple(why for step in self._last_round() for why in step.reasons[:1])
        old = self.old or new
        if not self.source:
            return self._made(EffectKind.START, why, of_start(self.durations, new, self.target))
        if not self.target:
            return self._made(EffectKind.STOP, (*why, *self.waits_for[:1]), NOT_SERVED)
        if self.source != self.target:
            return self._made(EffectKind.MOVE, why, of_move(self.durations, old, new, self.source, self.target))
        expected = of_restart(self.durations, old, new, self.source)
        return self._made(EffectKind.RESTART, why, expected, tuple(resource.unit for resource in new.resources))

    def _last_round(self) -> list[Step]:
        """The stop and the start that lead to where it ends."""
        return self.steps[-2:] if self.source else self.steps[-1:]

    def _made(
        self,
        kind: EffectKind,
        why: tuple[Reason, ...] = (),
        expected: Expected = UNINTERRUPTED,
        resources: tuple[str, ...] = (),
    ) -> Effect:
        return Effect(
            group=self.name,
            kind=kind,
            source=self.source,
            target=self.source if kind is EffectKind.UNTOUCHED else self.target,
            reason="; ".join(dict.fromkeys(sentence(one) for one in why)),
            setting=next((one.setting for one in why if one.setting), ""),
            resources=resources,
            interruption_ms=expected.ms,
            measured=expected.measured,
        )


def _idle(record: Record, group: str) -> Reason | None:
    if record.maintenance:
        return reason(Rule.MAINTENANCE)
    known = record.groups.get(group)
    return reason(Rule.FROZEN) if known is not None and known.frozen else None


def _node(place: Place | None) -> str:
    return place.owner if place is not None and place.phase in SERVED else ""


def refused(record: Record, in_force: Configuration, new: Configuration, situation: Situation) -> tuple[Change, ...]:
    """Why the version could not come into force now; (): it could. A group that goes away is no reason: a push stops it
    before."""
    if new.digest == record.configuration:
        return ()
    stay = replace(record, groups={name: group for name, group in record.groups.items() if new.group(name)})
    wish = Wish(id="", kind=WishKind.CONFIGURE, subject=new.digest, base=record.configuration)
    why = refuse_version(wish, stay, in_force, new, situation)
    return (Change(kind=ChangeKind.REFUSED, subject="", text=f"it would not come into force: {why}"),) if why else ()


def changes(in_force: Configuration, new: Configuration) -> tuple[Change, ...]:
    """What happens beside the groups, nodes first."""
    before, after = ({node.name: node for node in one.nodes} for one in (in_force, new))
    found = [_node_goes(node) for name, node in before.items() if name not in after]
    found += [_node_comes(node) for name, node in after.items() if name not in before]
    for name, node in after.items():
        found += _node_changes(before.get(name, node), node)
    return (*found, *_quorum(in_force, new), *_corosync(in_force, new))


def _node_goes(node: Node) -> Change:
    text = f"{node.name} is no node of the cluster any more"
    return Change(kind=ChangeKind.NODE_GOES, subject=node.name, text=text)


def _node_comes(node: Node) -> Change:
    text = f"{node.name} is a node of the cluster, with {_votes(node.votes)}; it begins as marked left"
    return Change(kind=ChangeKind.NODE_COMES, subject=node.name, text=text, setting=node.setting("Name"))


def _node_changes(old: Node, new: Node) -> list[Change]:
    found = []
    if old.votes != new.votes:
        found.append((f"{new.name} has {_votes(new.votes)} instead of {old.votes}", "Votes"))
    if old.addresses != new.addresses:
        links = f"{', '.join(new.addresses)} instead of {', '.join(old.addresses)}"
        found.append((f"Corosync reaches {new.name} at {links}", "Address"))
    return [Change(kind=ChangeKind.NODE, subject=new.name, text=text, setting=new.setting(key)) for text, key in found]


def _quorum(in_force: Configuration, new: Configuration) -> list[Change]:
    before, after = quorum_of(in_force), quorum_of(new)
    if (before.needed, before.expected) == (after.needed, after.expected):
        return []
    text = f"the quorum is {after.needed} of {_votes(after.expected)} instead of {before.needed} of {before.expected}"
    return [Change(kind=ChangeKind.QUORUM, subject="", text=text)]


def _corosync(in_force: Configuration, new: Configuration) -> list[Change]:
    """What a running Corosync does not take."""
    found = []
    before, after = read_at_start(in_force.cluster), read_at_start(new.cluster)
    keys = [key for key in after if before[key] != after[key]]
    if keys:
        text = (
            f"{', '.join(f'{key}=' for key in keys)}: in use when Corosync was started anew, by "
            "systemctl restart standfast.target on every node, one after the other"
        )
        found.append(Change(kind=ChangeKind.COROSYNC, subject="", text=text, setting=new.cluster.setting(keys[0])))
    if not compare_links(_addresses(in_force), _addresses(new)).live:
        text = (
            "no link keeps its addresses, so they are in use when standfast.target was stopped on every node, and then "
            "started; with a second link that keeps its own, nothing need be stopped"
        )
        found.append(Change(kind=ChangeKind.COROSYNC, subject="", text=text))
    return found


def _addresses(configuration: Configuration) -> dict[str, tuple[str, ...]]:
    return {node.name: node.addresses for node in configuration.nodes}


def _votes(count: int) -> str:
    return f"{count} vote" if count == 1 else f"{count} votes"
