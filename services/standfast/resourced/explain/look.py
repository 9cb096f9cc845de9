"""What an explanation is made of: one planning of the cluster as it is now, and what the plan has against each node."""

from collections.abc import Iterator
from dataclasses import replace

from standfast.configuration.model import Configuration, Domain, Group
from standfast.resourced.blame import sees_good
from standfast.resourced.explain.facts import Fact, Said, duration, stated
from standfast.resourced.foreseen import Foreseen
from standfast.resourced.messages import OrderGiven
from standfast.resourced.outlook import Outlook, blocker
from standfast.resourced.placement import refusals, shunned
from standfast.resourced.plan import plan
from standfast.resourced.reasons import Reason, Rule, reason
from standfast.resourced.record import GroupRecord, Record
from standfast.resourced.recovery import avoided_ms
from standfast.resourced.situation import Situation, Waits
from standfast.resourced.together import Together
from standfast.resourced.whatif import NodeDies, NothingElse, foresee, refuse


class Look:
    """The cluster in an open term as the coordinator would plan it now; any member may look."""

    def __init__(self, record: Record, configuration: Configuration, situation: Situation) -> None:
        self.record, self.configuration = record, configuration
        self.situation = replace(situation, orders_allowed=True)
        self.planned = plan(record, configuration, self.situation)
        self.together = Together(configuration)
        self.outlook = Outlook(record, configuration, self.situation, Waits(situation.waits, situation.now))
        self._foreseen: dict[str, Foreseen | str] = {}
        self._goes_on: Foreseen | None = None

    def waits_for(self, name: str) -> tuple[Reason, ...]:
        """Why nothing is done with the group; the same order about it for each node is `order`."""
        return self.planned.waits_for.get(name, ())

    def order(self, name: str) -> OrderGiven | None:
        """What is about to be ordered of the group."""
        orders = (one for one in self.planned.contents if isinstance(one, OrderGiven) and one.group == name)
        return next(orders, None)

    def places(self, name: str) -> tuple[str, ...]:
        """Where it is, or is to be: the nodes that hold it or have an order about it."""
        known = self.record.groups[name]
        return tuple(sorted({*known.holders, *known.open_orders}))

    def dies(self, node: str) -> Foreseen | str:
        """What would happen if the node died now, as `standfast simulate node-dies` has it; a sentence why not."""
        if node not in self._foreseen:
            hypothesis = NodeDies(node=node)
            why = refuse(hypothesis, self.record, self.situation)
            found = why or foresee(self.record, self.configuration, self.situation, hypothesis)
            self._foreseen[node] = found
        return self._foreseen[node]

    def goes_on(self) -> Foreseen:
        """What would come of what is under way if all of it succeeded."""
        if self._goes_on is None:
            self._goes_on = foresee(self.record, self.configuration, self.situation, NothingElse())
        return self._goes_on

    def against(self, group: Group, node: str) -> tuple[Said, ...]:
        """Why the group, which is elsewhere or nowhere, is not on this node."""
        known = self.record.groups[group.name]
        if node not in self.outlook.allowed(group):
            domain = self._domain(group)
            setting = domain.setting("Nodes") if domain is not None else ""
            return (reason(Rule.NOT_ALLOWED, setting, node=node),)
        refused = refusals(group, self.together, self.outlook).get(node)
        if refused is not None:
            return (refused, *self._absent(node, refused))
        if (avoided := shunned(group, known, node)) is not None:
            time = duration(avoided_ms(group, known, node))
            cause = next(one.cause for one in reversed(known.failures) if one.node == node)
            last = stated(Fact.LAST_CAUSE, cause=cause)
            return (avoided, last, stated(Fact.AVOIDED_FOR, group.setting("FailureExpire"), time=time))
        if not sees_good(group, node, self.record):
            return (reason(Rule.NOT_SEEN, node=node),)
        return tuple(self._could(group, known, node))

    def _could(self, group: Group, known: GroupRecord, node: str) -> Iterator[Said]:
        """Nothing speaks against the node."""
        places, allowed = self.places(group.name), self.outlook.allowed(group)
        domain = self._domain(group)
        block = blocker(group, self.outlook)
        if not places or places[0] not in allowed:
            yield stated(Fact.COULD_RUN, node=node)
        elif allowed.index(node) > allowed.index(places[0]):
            setting = domain.setting("Nodes") if domain is not None else ""
            yield stated(Fact.COMES_AFTER, setting, node=node, other=places[0])
        elif domain is not None and domain.ordered and not domain.failback:
            setting = domain.setting("Failback") or domain.setting("Nodes")
            yield stated(Fact.NO_FAILBACK, setting, node=node, other=places[0])
        else:
            yield stated(Fact.COULD_RUN, node=node)
        if block is not None and places and not self.waits_for(group.name):
            yield block

    def _domain(self, group: Group) -> Domain | None:
        return next((one for one in self.configuration.domains if one.name == group.domain), None)

    def _absent(self, node: str, refused: Reason) -> Iterator[Said]:
        """What is known of a node that is not here."""
        if refused.rule is not Rule.NOT_HERE:
            return
        loss = self.record.losses.get(node)
        if loss is not None and loss.proof:
            yield stated(Fact.IS_OFF, loss=loss.number, how=proof(loss.proof))
        elif loss is not None:
            yield stated(Fact.IS_LOST, loss=loss.number)
        elif self.record.nodes[node].left:
            yield stated(Fact.HAS_LEFT)


def proof(how: str) -> str:
    """By whom."""
    return {"agent": "its fence device", "watchdog": "its watchdog", "operator": "an operator"}.get(how, how)
