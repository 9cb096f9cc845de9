"""Which events this node sends: pure.

What one node tells, it sends. What every member tells alike (the entries of the record's updates, which have a
position) the coordinator of the term sends. When it is gone, its successor sends once more what it may not have sent:
better twice than never.
"""

from collections import deque
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from standfast.alerts.told import Told
from standfast.configuration.alerts import Alert
from standfast.journal import Level

AGAIN: Final = timedelta(seconds=60)  # a coordinator that is gone may not have sent what is younger
_KEPT: Final = 64
_TROUBLE: Final = {"node-lost", "group-failed", "group-blocked", "group-disabled", "group-kept"}
_WELL: Final = "group-started"


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """An event that this node sends."""

    told: Told
    recovers: bool = False  # a group runs again after an event that people were told of

    def is_for(self, alert: Alert) -> bool:
        """Who is told of a failure is told of its end, whatever level that has."""
        level = min(self.told.level, int(Level.WARNING)) if self.recovers else self.told.level
        return alert.is_for(self.told.event, level)


class Choosing:
    """Hears every entry of this node's journal, in its order."""

    def __init__(self) -> None:
        self._me = self._coordinator = ""  # "": not known, so whatever is told is sent
        self._others: deque[tuple[str, Chosen]] = deque(maxlen=_KEPT)  # who was to send it, and what
        self._troubled: set[str] = set()  # groups

    def hear(self, told: Told) -> tuple[Chosen, ...]:
        """What this node sends now that this was told."""
        if told.event == "term-opened":
            return (*self._succeed(told), Chosen(told=told))
        chosen = self._judge(told)
        if told.one("POSITION") and self._coordinator != self._me:
            self._others.append((self._coordinator, chosen))
            return ()
        return (chosen,)

    def _judge(self, told: Told) -> Chosen:
        if told.event in _TROUBLE:
            self._troubled.update(told.groups)
        if told.event == _WELL and self._troubled & set(told.groups):
            self._troubled.difference_update(told.groups)
            return Chosen(told=told, recovers=True)
        return Chosen(told=told)

    def _succeed(self, told: Told) -> list[Chosen]:
        """The term has another coordinator, maybe this node; the one before may be gone."""
        self._me, self._coordinator = told.one("NODE"), told.one("COORDINATOR")
        if self._coordinator != self._me:
            return []
        members = told.one("MEMBERS").split()
        left = [one for who, one in self._others if who not in members and told.at - one.told.at <= AGAIN]
        self._others.clear()
        return left
