"""What waits for one alert: bounded, the oldest goes first: pure."""

from collections import deque
from dataclasses import dataclass
from typing import Final

from standfast.alerts.told import Told

MOST: Final = 32  # events that wait for one alert


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """One event for one alert."""

    told: Told
    before: str  # the cursor of the entry before it: from there on nothing is certain to be sent


class Outbox:
    """One alert's."""

    def __init__(self) -> None:
        self._waiting: deque[Waiting] = deque()
        self._current: Waiting | None = None
        self._told = 0  # of `not_sent`, with the current one
        self.not_sent = 0  # since the alert last succeeded

    def put(self, waiting: Waiting) -> bool:
        """It waits; False: it does instead of the oldest one, which is counted and not sent."""
        self._waiting.append(waiting)
        if len(self._waiting) <= MOST:
            return True
        self._waiting.popleft()
        self.not_sent += 1
        return False

    def take(self) -> Waiting | None:
        """The next one; None: there is none. It is out until `ended`."""
        self._current = self._waiting.popleft() if self._waiting else None
        self._told = self.not_sent
        return self._current

    def ended(self, *, sent: bool) -> None:
        """What was taken was sent, or is counted."""
        self._current = None
        self.not_sent += -self._told if sent else 1

    @property
    def oldest(self) -> Waiting | None:
        """The oldest that was not sent yet."""
        return self._current or (self._waiting[0] if self._waiting else None)
