"""What one planning knows: which node can be given a group, what may hold one unseen, and what it has decided so far.

Made once for each planning, so that the cost of a group does not grow with the cluster (DESIGN sections 6 and 7).
"""

from collections.abc import Callable
from typing import TypeVar

from standfast.configuration.model import Configuration, Group
from standfast.configuration.quorum import quorum_of
from standfast.resourced.absence import closing, out
from standfast.resourced.reasons import Reason, Rule, reason
from standfast.resourced.record import GroupRecord, NodeRecord, Record
from standfast.resourced.situation import Situation, Waits

INSTALLED_WITHIN_MS = 10_000  # a place is kept so long for a better node that has yet to install the version in force

Found = TypeVar("Found")


class Outlook:
    """The record, the configuration and the situation as one planning sees them, and what it has decided so far:
    `plan_start` and `plan_loss` note it."""

    def __init__(self, record: Record, configuration: Configuration, situation: Situation, waits: Waits) -> None:
        self.record = record
        self.configuration = configuration
        self.situation = situation
        self.waits = waits
        self.settled = record.settled
        self.rules = quorum_of(configuration)
        self.closing = closing(record, self.rules)
        self.refusals = {name: _refusal(name, self) for name in record.nodes}
        self.blocks = {name: _block(name, self) for name in record.nodes}
        self.on_node: dict[str, set[str]] = {name: set() for name in record.nodes}  # groups that hold or are ordered
        self.starting = dict.fromkeys(record.nodes, 0)
        self.lost = set(record.losses)  # nodes that are fenced, or will be by what this planning decides
        self.begun: set[str] = set()  # groups whose start this planning decided
        self.ending: frozenset[str] = frozenset()  # groups that the version does not have that is to come back
        self.leaving: set[str] = set()  # groups that this planning stops, or will once those that need them are stopped
        self._allowed: dict[str | None, tuple[str, ...]] = {}
        self._remembered: dict[object, object] = {}
        for name, group in record.groups.items():
            for node in {*group.holders, *group.open_orders}:
                self.on_node.setdefault(node, set()).add(name)
            for node in group.open_orders:
                self.starting[node] = self.starting.get(node, 0) + 1

    def allowed(self, group: Group) -> tuple[str, ...]:
        """The nodes that may run it, best first."""
        if group.node:
            return (group.node,)
        if group.domain not in self._allowed:
            self._allowed[group.domain] = self.configuration.allowed(group)
        return self._allowed[group.domain]

    def remembered(self, find: "Callable[[Outlook], Found]") -> Found:
        """What `find` makes of the record, made once."""
        if find not in self._remembered:
            self._remembered[find] = find(self)
        return self._remembered[find]  # type: ignore[return-value]

    def refusal(self, name: str) -> Reason | None:
        """Why no group at all can be given to `name` now."""
        return self.refusals[name] if name in self.refusals else reason(Rule.UNKNOWN_NODE, node=name)

    def installs(self, name: str) -> bool:
        """Nothing is against it but that it puts the version in force in place just now: who is first with that is
        chance, and decides nothing."""
        refusal = self.refusal(name)
        behind_only = refusal is not None and refusal.rule is Rule.BEHIND
        return behind_only and self.waits.age(f"behind {name}") < INSTALLED_WITHIN_MS

    def plan_start(self, group: str, node: str) -> None:
        self.on_node[node].add(group)
        self.starting[node] += 1
        self.begun.add(group)

    def plan_loss(self, node: str) -> None:
        """It will be fenced: it gets nothing more, and what it may run waits for its proof."""
        self.lost.add(node)
        self.blocks[node] = reason(Rule.AWAITS_LOSS, node=node)
        self.refusals[node] = reason(Rule.BEING_FENCED, node=node)


def behind(node: NodeRecord, record: Record) -> bool:
    """What is installed there is not the configuration in force."""
    return node.installed != record.configuration


def _refusal(name: str, known: Outlook) -> Reason | None:
    record, node = known.record, known.record.nodes[name]
    rules = (
        (not node.present, Rule.NOT_HERE),
        (node.standby, Rule.STANDBY),
        (not node.healthy, Rule.UNHEALTHY),
        (name in known.closing, Rule.LEAVING),
        (node.condemned, Rule.CONDEMNED),
        (name in record.losses or out(record, name), Rule.BEING_FENCED),
        (behind(node, record), Rule.BEHIND),
        (node.left, Rule.MARKED_LEFT),
    )
    rule = next((rule for applies, rule in rules if applies), None)
    return reason(rule, node=name) if rule else None


def _block(name: str, known: Outlook) -> Reason | None:
    """Why `name` may hold a group although nobody here says so (DESIGN section 6)."""
    node, loss, situation = known.record.nodes[name], known.record.losses.get(name), known.situation
    if loss is not None and not loss.proof:
        return reason(Rule.AWAITS_PROOF, node=name, loss=loss.number)
    if node.present or node.left or (name in situation.resting and name in situation.ring_nodes):
        return None
    if name in situation.ring_nodes:
        return reason(Rule.AWAITS_DAEMON, node=name)
    return reason(Rule.AWAITS_LOSS, node=name) if loss is None else None


def blocker(group: Group, known: Outlook) -> Reason | None:
    """Why the group cannot start anywhere although nobody here holds it: some node that it is allowed to run on may
    hold it, or where it ran under an older configuration; the survivors may not know that node's last order."""
    if not known.settled:
        return reason(Rule.UNSETTLED)
    there = known.record.groups.get(group.name)
    names = known.allowed(group) if there is None else (*known.allowed(group), there.last_owner)
    return next((why for name in names if (why := known.blocks.get(name))), None)


def idle(group: GroupRecord, known: Outlook) -> Reason | None:
    """Why nothing is done with the group, whatever happens to it."""
    if known.record.maintenance:
        return reason(Rule.MAINTENANCE)
    return reason(Rule.FROZEN) if group.frozen else None


def unwanted(group: GroupRecord) -> Reason | None:
    """Why the group is not to run."""
    if group.disabled:
        policy = [why for why in group.reasons if why.rule is Rule.DISABLED_BY_POLICY]
        return policy[0] if policy else reason(Rule.DISABLED_BY_OPERATOR)
    return reason(Rule.STOPPED_BY_OPERATOR) if group.stopped else None
