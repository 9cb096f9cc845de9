"""What this node says to the coordinator: reports of its groups, results of fencing, leaving, what is installed.

Each is said once in a term, as long as the record does not say it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from standfast.resourced.fencing import Result
from standfast.resourced.hands import Hand
from standfast.resourced.messages import Asked, Health, Installed, Leaving, Message, Reported, Request, Viewed, Watched
from standfast.resourced.presence import View
from standfast.resourced.record import GroupRecord, Record
from standfast.resourced.stages import Stage
from standfast.resourced.terms import Terms
from standfast.vocabulary import Holding


@dataclass(frozen=True, slots=True, kw_only=True)
class Self:
    """What this node wants and has, beside its groups."""

    leaving: bool
    has: Installed  # of the configuration
    healthy: bool
    views: Mapping[str, View]  # of groups that it does not hold
    watchdog_ms: int | None  # what the record is to name; None: it is not known yet


class Reports:
    def __init__(self, me: str, terms: Terms, send: Callable[[Message], None]) -> None:
        self._me = me
        self._terms = terms
        self._send = send
        self._sent: dict[str, tuple[str, Asked]] = {}
        self._fenced: frozenset[str] = frozenset()  # what was told of fencing the last time

    def term_changed(self) -> None:
        """What was said in another term is said again."""
        self._sent.clear()

    def tell(self, record: Record, hands: Mapping[str, Hand], fenced: Sequence[Result], me: Self) -> None:
        """A term is open: what the record does not say yet is said."""
        groups, node_name = record.groups, self._me
        for name, hand in hands.items():
            known = groups.get(name)
            if known is None:
                continue
            idle = hand.stage is Stage.IDLE and not hand.fault.text
            if idle and node_name not in known.held and node_name not in known.open_orders:
                continue  # as most are, where there are hundreds: at each step
            self._tell_group(name, hand, known)
        results = {f"fencing {loss} {action}": result for (loss, action), result in fenced}
        for about in self._fenced - results.keys():
            self._sent.pop(about, None)  # the record has it: the next attempt may end in the same words
        self._fenced = frozenset(results)
        for about, result in results.items():
            self._say(about, result)
        node = record.nodes[self._me]
        if me.leaving and not node.leaving:
            self._say("leaving", Leaving(node=self._me))
        has = (me.has.installed, me.has.available, me.has.objections, me.has.drifted)
        if has != (node.installed, node.available, node.objections, node.drifted):
            self._say("installed", me.has)
        if me.healthy != node.healthy:
            self._say("health", Health(node=self._me, healthy=me.healthy))
        for group in sorted({*me.views, *node.views}):
            view = me.views.get(group, View())
            if view != node.views.get(group, View()):
                self._say(f"view {group}", Viewed(node=self._me, group=group, view=view))
        if me.watchdog_ms not in (None, node.watchdog_ms):
            self._say("watchdog", Watched(node=self._me, timeout_ms=me.watchdog_ms))

    def _tell_group(self, name: str, hand: Hand, known: GroupRecord) -> None:
        order = known.open_orders.get(self._me)
        held = hand.held()
        recorded = known.held.get(self._me)
        empty = held.holding is Holding.NOTHING and not held.failed
        same = recorded == held or (recorded is None and empty)
        finished = order is not None and order.number == hand.last_order and not hand.busy
        if not same or finished:
            report = Reported(
                node=self._me, group=name, order=hand.last_order, busy=hand.busy, held=held, refused=hand.refused
            )
            self._say(f"group {name}", report)

    def _say(self, about: str, content: Asked) -> None:
        """Ask the coordinator for an update; the same thing only once in a term."""
        term = self._terms.term
        assert term is not None
        if self._sent.get(about) == (term.nonce, content):
            return
        self._sent[about] = (term.nonce, content)
        self._send(Request(nonce=term.nonce, content=content))
