"""Where one group runs, and why (DESIGN section 7): at most one order for each node of a group at a time."""

from dataclasses import dataclass, field

from standfast.configuration.model import Configuration, Group
from standfast.resourced.absence import closing, out
from standfast.resourced.messages import Content, Forgotten, Held, LossDeclared, OrderGiven, OrderKind, Placed
from standfast.resourced.record import GroupRecord, NodeRecord, Record
from standfast.resourced.situation import Situation, Waits
from standfast.vocabulary import Holding

ORDER_MARGIN_MS = 15_000
FIRST_RETRY_MS = 5_000
LONGEST_RETRY_MS = 300_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    contents: tuple[Content, ...] = ()
    overdue: frozenset[str] = field(default_factory=frozenset)


def place(group: Group, record: Record, configuration: Configuration, situation: Situation, waits: Waits) -> Decided:
    """The next step of one group."""
    known = record.groups.get(group.name)
    if known is None:
        return Decided()
    forgotten = _forgotten(group, known, waits)
    if forgotten:
        return Decided(contents=tuple(forgotten))
    if known.open_orders:
        return Decided(overdue=_overdue(group, known, waits))
    if not situation.orders_allowed:
        return Decided()
    step = _Step(group, known, record, configuration, situation, waits)
    return Decided(contents=tuple(step.held() if known.holders else step.unheld()))


def _forgotten(group: Group, known: GroupRecord, waits: Waits) -> list[Content]:
    contents: list[Content] = []
    for failure in known.failures:
        avoided = failures(known, failure.node) > group.max_restarts
        lasts = group.failure_expire_ms if avoided else group.restart_window_ms
        if waits.age(f"failure {group.name} {failure.id}") >= lasts:
            contents.append(Forgotten(group=group.name, failure=failure.id))
    return contents[:1]


def failures(known: GroupRecord, node: str) -> int:
    return sum(failure.node == node for failure in known.failures)


def _overdue(group: Group, known: GroupRecord, waits: Waits) -> frozenset[str]:
    longest = group.start_timeout_ms + group.stop_timeout_ms + ORDER_MARGIN_MS
    return frozenset(
        node
        for node, order in known.open_orders.items()
        if waits.age(f"order {group.name} {node} {order.number}") >= longest
    )


def drifted(node: NodeRecord, record: Record) -> bool:
    """What is installed there, or stands in its /etc/standfast, is not the configuration in force."""
    return {node.installed, node.available} != {record.configuration}


def refusal(name: str, record: Record, situation: Situation) -> str:
    """Why `name` cannot be given a group now, "" = it can."""
    node = record.nodes.get(name)
    reasons = (
        (node is None, "is not a configured node"),
        (node is not None and not node.present, "is not here"),
        (node is not None and node.standby, "is in standby"),
        (name in closing(record), "is leaving"),
        (node is not None and node.condemned, "speaks although it was proven off"),
        (name in record.losses or out(record, name), "is being fenced"),
        (node is not None and drifted(node, record), "has not the configuration in force"),
        (node is not None and node.left, "is marked as left"),
    )
    return next((text for applies, text in reasons if applies), "")


def blocker(group: Group, record: Record, configuration: Configuration, situation: Situation) -> str:
    """Why the group cannot start anywhere although nobody here holds it, "" = it can: some node that it is allowed
    to run on may hold it (DESIGN section 6)."""
    if not record.settled:
        return "waits for the proof that the absent nodes are off: this view holds no more than half of all votes"
    for name in configuration.allowed(group):
        node, loss = record.nodes.get(name), record.losses.get(name)
        if loss is not None and not loss.proof:
            return f"waits for the proof that {name} is off (loss {loss.number})"
        if node is None or node.present or node.left or (name in situation.resting and name in situation.ring_nodes):
            continue
        if name in situation.ring_nodes:
            return f"waits for {name}: it is in the ring, but its resourced is away"
        if loss is None:
            return f"waits for the proof that {name} is off"
    return ""


class _Step:
    def __init__(
        self,
        group: Group,
        known: GroupRecord,
        record: Record,
        configuration: Configuration,
        situation: Situation,
        waits: Waits,
    ) -> None:
        self.group = group
        self.known = known
        self.record = record
        self.configuration = configuration
        self.situation = situation
        self.waits = waits

    def _order(self, kind: OrderKind, node: str, reason: str) -> Content:
        return OrderGiven(group=self.group.name, number=self.known.number, kind=kind, node=node, reason=reason)

    def _refusal(self, name: str) -> str:
        return refusal(name, self.record, self.situation)

    def _avoided(self, name: str) -> bool:
        limit = self.group.max_restarts if self.group.recovery == "restart" else 0
        return failures(self.known, name) > limit

    def held(self) -> list[Content]:
        """Somebody here holds it."""
        if len(self.known.holders) > 1:
            reason = "more than one node holds it: stopped everywhere"
            return [self._order(OrderKind.STOP, name, reason) for name in self.known.holders][:1]
        (name,) = self.known.holders
        held = self.known.held[name]
        if name in self.record.losses or out(self.record, name) or self.record.nodes[name].condemned:
            return []
        if held.holding is Holding.STOP_FAILED:
            return self._stop_failed(name, held)
        why = self._must_leave(name)
        if why:
            return [self._order(OrderKind.STOP, name, why)]
        match held.holding:
            case Holding.STOPPING:
                return [self._order(OrderKind.STOP, name, "a stop that had begun goes on")]
            case Holding.QUEUED:
                reason = self.known.reason or "a start that had begun goes on"
                return [self._order(OrderKind.START, name, reason)]
        return self._recover(name, held) if held.failed else self._settle(name)

    def _must_leave(self, name: str) -> str:
        node = self.record.nodes[name]
        if self.known.stopped:
            return "stopped by an operator"
        if name in closing(self.record):
            return f"{name} is leaving" if node.leaving else "the nodes that stay would not be quorate"
        if node.standby:
            return f"{name} is in standby"
        wanted = self.known.wanted
        if wanted and wanted != name and not self._refusal(wanted):
            return f"relocated to {wanted} by an operator"
        return ""

    def _stop_failed(self, name: str, held: Held) -> list[Content]:
        """A group may cost one node only, and never the quorum."""
        rest = self.record.members - {name}
        quorate = 2 * self.record.votes(rest) > self.record.all_votes
        fenceable = bool(self.configuration.node(name).fence)
        if self.group.stop_failure != "fence" or self.known.costly or not quorate or not fenceable:
            return []
        return [
            LossDeclared(
                node=name, reason=f"{self.group.name} could not be stopped: {held.failed}", group=self.group.name
            )
        ]

    def _recover(self, name: str, held: Held) -> list[Content]:
        count = failures(self.known, name)
        if not self._avoided(name):
            reason = f"{held.failed}: restarted here ({max(count, 1)} of {self.group.max_restarts})"
            return [self._order(OrderKind.RESTART, name, reason)]
        return [self._order(OrderKind.STOP, name, f"{held.failed}: {name} has had its restarts, moved away")]

    def _settle(self, name: str) -> list[Content]:
        """It runs well: the operator's wish is fulfilled, or cannot be; failback where the domain asks for it."""
        if self.known.wanted:
            other = self.known.wanted
            why = self.known.reason if other == name else f"stays on {name}: {other} {self._refusal(other)}"
            return [Placed(group=self.group.name, reason=why)]
        domain = next((d for d in self.configuration.domains if d.name == self.group.domain), None)
        if domain is None or not domain.failback or not domain.ordered:
            return []
        for better in self.configuration.allowed(self.group):
            if better == name:
                break
            if not self._refusal(better) and not failures(self.known, better):
                return [self._order(OrderKind.STOP, name, f"goes home to {better}")]
        return []

    def unheld(self) -> list[Content]:
        """Nobody here holds it: start it where it may run, once nobody else can hold it."""
        if self.known.stopped or blocker(self.group, self.record, self.configuration, self.situation):
            return []
        able = [name for name in self.configuration.allowed(self.group) if not self._refusal(name)]
        wanted = self.known.wanted
        if wanted and wanted not in able:
            return [Placed(group=self.group.name, reason=f"{wanted} {self._refusal(wanted) or 'may not run it'}")]
        good = [name for name in able if not self._avoided(name)]
        choice = wanted or (good[0] if good else self._least_bad(able))
        if not choice:
            return []
        return [self._order(OrderKind.START, choice, self._why(choice))]

    def _least_bad(self, able: list[str]) -> str:
        """Every node that could run it has failed: tried again with a growing pause."""
        over = max(len(self.known.failures) - self.group.max_restarts, 0)
        pause = min(FIRST_RETRY_MS << min(over, 6), LONGEST_RETRY_MS)
        if not able or self.waits.age(f"retry {self.group.name} {self.known.number}") < pause:
            return ""
        return min(able, key=lambda name: failures(self.known, name))

    def _why(self, choice: str) -> str:
        last = self.known.last_owner
        loss = self.record.losses.get(last)
        if loss is not None and loss.proof:
            return f"{last} is proven off (loss {loss.number}, {loss.proof}): started on {choice}"
        if self.known.wanted == choice:
            return f"relocated to {choice} by an operator"
        place = self.configuration.allowed(self.group).index(choice) + 1
        return f"started on {choice}, number {place} of its domain" if self.group.domain else f"started on {choice}"
