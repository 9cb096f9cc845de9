"""This node's watchdog: the record names its timeout before anything is held here (DESIGN section 5, "The watchdog").

quorumd arms and feeds it; what that depends on is told with each tick. Who counts on it to prove a loss counts with the
timeout in the record.
"""

from collections.abc import Callable, Collection

from standfast.configuration.model import Configuration
from standfast.resourced.events import Action, ArmWatchdog, TellWatchdog, WatchdogTold
from standfast.resourced.hands import Hand
from standfast.resourced.stages import Stage
from standfast.resourced.term import Word
from standfast.resourced.terms import Terms
from standfast.watchdog.times import echoed_until_ms


class Watching:
    def __init__(self, me: str, act: Callable[[Action], None]) -> None:
        self._me = me
        self._act = act
        self._told: WatchdogTold | None = None  # None: quorumd did not say yet whether it is armed
        self._holds = False  # something is held here, or about to be
        self._asked = self._sure = False  # since then quorumd was asked, and answered
        self._fed_until = 0  # the latest instant up to which this node was ever fed while it held something

    def told(self, event: WatchdogTold) -> None:
        self._told = event
        self._sure |= self._asked and event.answers

    def forget(self, terms: Terms, quorum: Word, configuration: Configuration, now: int) -> None:
        """Where the watchdog would have reset this node by now, had it held anything, its record is no longer one that
        it follows: it is taken for off, so another half of the nodes may acknowledge what it does not know, and the
        arbiter's vote may then come here. Two majorities have a common node, two halves have none."""
        record = terms.record
        if not terms.in_memory or not terms.rules.arbiter_votes or record is None or self._me not in record.nodes:
            return
        until = _fed_until(self._me, terms, quorum, configuration.cluster.tick_max_ms)
        self._fed_until = max(self._fed_until, until or 0)
        if not self._fed_until:
            return  # it has just opened the first term of its life
        watchdog_ms = record.nodes[self._me].watchdog_ms
        if not watchdog_ms or now < self._fed_until + watchdog_ms:
            return
        proven = {name for name, loss in record.losses.items() if loss.proof}
        if any(not node.left for name, node in record.nodes.items() if name not in proven | {self._me}):
            terms.in_memory = False
            terms.join_anew(now)  # what it said of its record is void

    def advance(
        self, hands: Collection[Hand], terms: Terms, quorum: Word, configuration: Configuration, *, tick: bool = False
    ) -> None:
        """quorumd knows what feeding depends on, with each tick and when it changes. What it said while nothing was
        held says nothing: it may have ended and disarmed since, so it is asked each time before something is."""
        holds = any(hand.stage is not Stage.IDLE for hand in hands)
        if holds == self._holds and not tick:
            return
        self._holds = holds
        if not holds:
            self._asked = self._sure = False
        elif not self._asked and _configured(configuration, self._me):
            self._asked = True
            self._act(ArmWatchdog())
        self._act(self._tell(terms, quorum, configuration.cluster.tick_max_ms))

    def wanted_ms(self, configuration: Configuration) -> int | None:
        """What the record is to name, 0 = no watchdog; None: not known yet. A longer timeout is stored before it is
        set, a shorter one after."""
        if not _configured(configuration, self._me):
            return 0
        told = self._told
        if told is None or not (told.timeout_ms or told.refusal):
            return None
        return max(told.timeout_ms, told.wanted_ms) if told.timeout_ms else 0

    def stored(self, terms: Terms, configuration: Configuration) -> bool:
        """Nobody will take this node for off before its watchdog has reset it, nor wait for one that it has not."""
        record = terms.record
        unsure = _configured(configuration, self._me) and not self._sure
        if record is None or self._me not in record.nodes or unsure:
            return False
        known = record.nodes[self._me]
        if known.watchdog_ms != self.wanted_ms(configuration):
            return False
        return known.watched_at == 0 or terms.durable_at(known.watched_at)

    def _tell(self, terms: Terms, quorum: Word, tick_max_ms: int) -> TellWatchdog:
        until = _fed_until(self._me, terms, quorum, tick_max_ms)
        known = terms.record.nodes.get(self._me) if terms.record is not None else None
        return TellWatchdog(holding=self._holds, echoed_until_ms=until, stored_ms=known.watchdog_ms if known else 0)


def _fed_until(me: str, terms: Terms, quorum: Word, tick_max_ms: int) -> int | None:
    """An arbiter's vote, or one that others lost, counts only while votequorum says yes for this ring."""

    def makes_quorum(names: frozenset[str]) -> bool:
        return terms.rules.holds(names) or (quorum is Word.YES and terms.may_hold(names))

    return echoed_until_ms(terms.ticks.echoed, me, makes_quorum, tick_max_ms)


def _configured(configuration: Configuration, name: str) -> bool:
    return any(node.name == name and node.watchdog is not None for node in configuration.nodes)
