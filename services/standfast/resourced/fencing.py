"""Between the record and this node's fenced: what is to be begun, and what came of it (DESIGN section 6)."""

from collections.abc import Callable

from standfast.configuration.model import Configuration
from standfast.resourced.events import Fence, FencingTold
from standfast.resourced.messages import AttemptEnded, Proven, SwitchedOn
from standfast.resourced.presence import RunningAttempt
from standfast.resourced.record import Attempt, Record

HEARD_MARGIN_MS = 3_000
Key = tuple[str, str]  # loss, action
Result = tuple[Key, AttemptEnded | Proven | SwitchedOn]


def heard_limit_ms(configuration: Configuration) -> int:
    """Who was switched off is heard no more by then."""
    return 2 * configuration.cluster.detect_within_ms + HEARD_MARGIN_MS


class Fencing:
    """Every attempt that the record gives to this node is begun once; its result is told until the record has it."""

    def __init__(self, me: str, begin: Callable[[Fence], None]) -> None:
        self.me = me
        self._begin = begin
        self.running: tuple[RunningAttempt, ...] = ()
        self.slowest_off_ms = 0  # of those that fenced here has measured, 0 = none
        self.unfenced = True  # False: storage does not let this node in yet
        self._asked: set[Key] = set()
        self._ended: dict[Key, tuple[bool, str]] = {}
        self._heard_since: dict[Key, int] = {}  # since when who is said to be off is heard nevertheless

    def begin(self, record: Record) -> None:
        """Ask fenced for what is new in the record."""
        mine = self._mine(record)
        self._asked &= set(mine)
        self._ended = {key: ended for key, ended in self._ended.items() if key in mine}
        self._heard_since = {key: since for key, since in self._heard_since.items() if key in self._ended}
        for key in sorted(set(mine) - self._asked):
            loss = record.by_number(key[0])
            self._asked.add(key)
            incarnation = loss.incarnation if loss else ""
            self._begin(Fence(loss=key[0], node=mine[key].node, incarnation=incarnation, action=key[1]))

    def told(self, event: FencingTold, record: Record | None) -> None:
        """What fenced says now; one that was restarted is asked anew."""
        self.running = event.running
        self.slowest_off_ms, self.unfenced = event.slowest_off_ms, event.unfenced
        if event.restarted:
            self._asked.clear()
            if record is not None:
                self.begin(record)
        self._ended.update({key: ended for key, ended in event.ended.items() if key in self._asked})

    def results(self, record: Record, heard: frozenset[str], limit_ms: int, now: int) -> list[Result]:
        """What ended and the record still shows as under way. Whoever is `heard` is not off, whatever its device says:
        that is no proof until it is heard no more, and a failed attempt when it is still heard after `limit_ms`."""
        mine = self._mine(record)
        told = []
        for key in sorted(mine.keys() & self._ended.keys()):
            good, text = self._ended[key]
            if good and key[1] == "off" and mine[key].node in heard:
                if now - self._heard_since.setdefault(key, now) < limit_ms:
                    continue
                good, text = False, f"its device says that {mine[key].node} is off, but it is heard: test the device"
            told.append((key, self._result(key, good, text)))
        return told

    def _mine(self, record: Record) -> dict[Key, Attempt]:
        return {(attempt.loss, attempt.action): attempt for attempt in record.attempts if attempt.fencer == self.me}

    def _result(self, key: Key, good: bool, text: str) -> AttemptEnded | Proven | SwitchedOn:
        loss, action = key
        if not good:
            return AttemptEnded(loss=loss, fencer=self.me, action=action, text=text)
        if action == "off":
            return Proven(loss=loss, how="agent", text=text, switch_on=True)
        return SwitchedOn(loss=loss, text=text)
