"""This node's watchdog: the record names its timeout before anything is held here (DESIGN section 5, "The watchdog").

quorumd arms and feeds it; what that depends on is told with each tick. Who counts on it to prove a loss counts with the
timeout in the record.
"""

from standfast.configuration.model import Configuration
from standfast.resourced.events import TellWatchdog, WatchdogTold
from standfast.resourced.terms import Terms, Word
from standfast.watchdog.times import echoed_until_ms


class Watching:
    def __init__(self, me: str) -> None:
        self._me = me
        self._told: WatchdogTold | None = None  # None: quorumd did not say yet whether it is armed

    def told(self, event: WatchdogTold) -> None:
        self._told = event

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
        if record is None or self._me not in record.nodes:
            return False
        known = record.nodes[self._me]
        if known.watchdog_ms != self.wanted_ms(configuration):
            return False
        return known.watched_at == 0 or terms.durable_at(known.watched_at)

    def tell(self, terms: Terms, quorum: Word, tick_max_ms: int, *, holding: bool) -> TellWatchdog:
        """An arbiter's vote, or one that others lost, counts only while votequorum says yes for this ring."""

        def makes_quorum(names: frozenset[str]) -> bool:
            return terms.rules.holds(names) or (quorum is Word.YES and terms.rules.may_hold(names))

        until = echoed_until_ms(terms.ticks.echoed, self._me, makes_quorum, tick_max_ms)
        known = terms.record.nodes.get(self._me) if terms.record is not None else None
        return TellWatchdog(holding=holding, echoed_until_ms=until, stored_ms=known.watchdog_ms if known else 0)


def _configured(configuration: Configuration, name: str) -> bool:
    return any(node.name == name and node.watchdog is not None for node in configuration.nodes)
