"""Rings and links of one life of Corosync, as withdrawal.step wants them, and what the journal says of them."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from standfast import journal
from standfast.journal import Event, Level
from standfast.membershipd.settings import Settings
from standfast.membershipd.withdrawal import (
    Decision,
    LinksRead,
    RingFormed,
    TermOpened,
    Wait,
    Watch,
    Withdraw,
    churns,
    step,
)

LOOK_S: Final = 0.25  # while rings churn


class Churn:
    """`members` gives the names in the last open term; None: there was none, all that are configured count."""

    def __init__(
        self, settings: Callable[[], Settings], members: Callable[[], frozenset[str] | None], now_s: Callable[[], float]
    ) -> None:
        self._settings = settings
        self._members = members
        self._now_s = now_s
        self._watch = Watch(me=0, detect_within_ms=0, members=frozenset())
        self._sequence: int | None = None  # of the ring that Corosync began to form last, at the last look
        self._until_ms: int | None = None
        self._told = False

    def looked(self, sequence: int | None, heard: frozenset[int] | None) -> Withdraw | None:
        """What follows from a look: which ring Corosync began to form last (None: not known), and who is heard.

        `heard` None: Corosync does not answer. While rings churn it seldom can; the links are taken to be as before.
        """
        now_ms = self._now_ms()
        self._update(now_ms)
        if sequence is not None:
            if self._sequence is not None and sequence > self._sequence:
                self._step(RingFormed(at_ms=now_ms, sequence=sequence))
            self._sequence = sequence
        if heard is None:
            heard = self._watch.members - self._watch.missed.keys() - {self._watch.me}
        decision = self._step(LinksRead(at_ms=now_ms, heard=heard))
        self._until_ms = decision.until_ms if isinstance(decision, Wait) else None
        self._tell(decision, now_ms)
        return decision if isinstance(decision, Withdraw) else None

    @property
    def rests(self) -> bool:
        """Rings do not churn, and everybody was heard at the last look."""
        return not self._watch.missed and not churns(self._watch, self._now_ms())

    def next_look_s(self, at_rest_s: float) -> float:
        """The links are to be read again after so long."""
        now_ms = self._now_ms()
        if not churns(self._watch, now_ms):
            return at_rest_s
        wait_s = LOOK_S if self._until_ms is None else max(self._until_ms - now_ms, 10) / 1000
        return min(LOOK_S, wait_s, at_rest_s)

    def reason(self, decision: Withdraw) -> str:
        """Why this node withdraws, a sentence without its full stop."""
        settings = self._settings()
        seconds = (self._now_ms() - decision.began_ms) / 1000
        me = settings.node.name if settings.node else "this node"
        return (
            f"{me} has withdrawn from the cluster: it does not hear {self.names(decision)}, and so no ring lasts "
            f"({len(decision.rings)} new ones in {seconds:.1f} s, the last one has the number {decision.rings[-1]})"
        )

    def names(self, decision: Withdraw) -> str:
        """Whom it does not hear."""
        return ", ".join(self._settings().name_of(node) for node in decision.missed)

    def _update(self, now_ms: int) -> None:
        """The watch knows the configuration and the last open term as they are now."""
        settings = self._settings()
        configured = {node.name: node.id for node in settings.configuration.nodes} if settings.configuration else {}
        within_ms = settings.configuration.cluster.detect_within_ms if settings.configuration else 0
        names = self._members()
        members = frozenset(node for name, node in configured.items() if names is None or name in names)
        me = settings.node.id if settings.node else 0
        self._watch = replace(self._watch, me=me, detect_within_ms=within_ms)
        if members != self._watch.members:
            self._step(TermOpened(at_ms=now_ms, members=members))

    def _step(self, event: RingFormed | LinksRead | TermOpened) -> Decision:
        self._watch, decision = step(self._watch, event)
        return decision

    def _tell(self, decision: Decision, now_ms: int) -> None:
        """Once for each churn that is this node's."""
        if isinstance(decision, Wait) and not self._told:
            self._told = True
            missed = ", ".join(self._settings().name_of(node) for node in sorted(self._watch.missed))
            text = (
                f"Rings churn and this node does not hear {missed}: it withdraws in "
                f"{max(decision.until_ms - now_ms, 0) / 1000:.1f} s unless that ends; look at the links between them"
            )
            journal.write(Event.RINGS_CHURN, Level.WARNING, text, peer=missed)
        elif self._told and not churns(self._watch, now_ms):
            self._told = False
            journal.write(Event.RINGS_STEADY, Level.NOTICE, "Rings do not churn any more: this node stays")

    def _now_ms(self) -> int:
        return int(self._now_s() * 1000)
