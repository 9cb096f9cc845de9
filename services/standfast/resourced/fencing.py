"""Between the record and this node's fenced: what is to be begun, and what came of it (DESIGN section 6)."""

from collections.abc import Callable

from standfast.resourced.events import Fence, FencingTold
from standfast.resourced.messages import AttemptEnded, Proven, RunningAttempt, SwitchedOn
from standfast.resourced.record import Record

Key = tuple[str, str]  # loss, action


class Fencing:
    """Every attempt that the record gives to this node is begun once; its result is told until the record has it."""

    def __init__(self, me: str, begin: Callable[[Fence], None]) -> None:
        self.me = me
        self._begin = begin
        self.running: tuple[RunningAttempt, ...] = ()
        self._asked: set[Key] = set()
        self._ended: dict[Key, tuple[bool, str]] = {}

    def begin(self, record: Record) -> None:
        """Ask fenced for what is new in the record."""
        mine = {(a.loss, a.action): a for a in record.attempts if a.fencer == self.me}
        self._asked &= set(mine)
        self._ended = {key: ended for key, ended in self._ended.items() if key in mine}
        for key in sorted(set(mine) - self._asked):
            loss = record.by_number(key[0])
            self._asked.add(key)
            incarnation = loss.incarnation if loss else ""
            self._begin(Fence(loss=key[0], node=mine[key].node, incarnation=incarnation, action=key[1]))

    def told(self, event: FencingTold, record: Record | None) -> None:
        """What fenced says now; one that was restarted is asked anew."""
        self.running = event.running
        if event.restarted:
            self._asked.clear()
            if record is not None:
                self.begin(record)
        self._ended.update({key: ended for key, ended in event.ended.items() if key in self._asked})

    def results(self, record: Record) -> list[tuple[Key, AttemptEnded | Proven | SwitchedOn]]:
        """What ended and the record still shows as under way."""
        mine = {(a.loss, a.action) for a in record.attempts if a.fencer == self.me}
        return [(key, self._result(key, *self._ended[key])) for key in sorted(mine & set(self._ended))]

    def _result(self, key: Key, good: bool, text: str) -> AttemptEnded | Proven | SwitchedOn:
        loss, action = key
        if not good:
            return AttemptEnded(loss=loss, fencer=self.me, action=action, text=text)
        if action == "off":
            return Proven(loss=loss, how="agent", text=text, switch_on=True)
        return SwitchedOn(loss=loss, text=text)
