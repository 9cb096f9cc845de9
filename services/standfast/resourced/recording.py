"""Looks at the core after each of its steps and says what the flight recorder has to write: pure."""

from collections.abc import Mapping
from dataclasses import replace

from standfast.resourced.coordinator import Made
from standfast.resourced.core import Core
from standfast.resourced.events import Event, Received
from standfast.resourced.flight import Begun, Ended, Opened, Planned, Rested, Whole, applied, line
from standfast.resourced.record import Record
from standfast.resourced.term import Term

REST_MS = 500  # so long after the last update the record's digest is written


class Recording:
    """One file of it: whoever reads it from the beginning needs no other one."""

    def __init__(self, begun: Begun, made: Made | None = None) -> None:
        """`made`: the plan that was made last, before anything of this."""
        self._begun: Begun | None = begun
        self._nonce = ""
        self._position = 0
        self._record: Record | None = None  # as a reader knows it
        self._rested = True
        self._changed_at = 0
        self._made = made
        self._shape: Planned | None = None  # what the last plan that was written was made of, beside the time
        self._planned_on: Record | None = None
        self._waits: Mapping[str, int] | None = None  # what it left

    def look(self, core: Core, event: Event) -> list[bytes]:
        """What the step that took `event` changed, as whole lines in their order."""
        term = core.terms.term
        if term is None:
            return self._closed(core)
        lines = self._opened(core, term) if term.nonce != self._nonce else self._updated(core, term, event)
        made = core.coordinator.made
        if made is not None and made is not self._made and self._record is not None:
            lines += self._plan(core.at, made)
        self._made = made
        return lines

    def _closed(self, core: Core) -> list[bytes]:
        if not self._nonce:
            return []
        self._nonce = ""
        return [line(Ended(at=core.at))]

    def _opened(self, core: Core, term: Term) -> list[bytes]:
        record = core.record
        assert record is not None, "a term has one"
        lines = [line(self._begun)] if self._begun is not None else []
        self._begun = None
        if record is not self._record or term.position:
            lines.append(line(Whole(record=record)))
        opened = Opened(
            term=term.number,
            nonce=term.nonce,
            coordinator=term.coordinator,
            members=term.members,
            position=term.position,
            digest=core.terms.text.digest(record),
            at=core.at,
        )
        lines.append(line(opened))
        self._nonce, self._position, self._record, self._rested = term.nonce, term.position, record, True
        return lines

    def _updated(self, core: Core, term: Term, event: Event) -> list[bytes]:
        if term.position != self._position:
            assert isinstance(event, Received), "nothing else brings an update"
            self._position, self._record = term.position, core.record
            self._rested, self._changed_at = False, core.now
            return [applied(core.now, event.data)]
        if self._rested or core.now - self._changed_at < REST_MS or self._record is None:
            return []
        self._rested = True
        return [line(Rested(digest=core.terms.text.digest(self._record)))]

    def _plan(self, at: str, made: Made) -> list[bytes]:
        """One that found nothing to do, as the one before it that was made of the same, is not written."""
        situation, found = made.situation, made.planned
        follows = situation.waits == self._waits
        planned = Planned(
            at=at,
            configuration=made.configuration.digest,
            me=situation.me,
            now=situation.now,
            ring_nodes=tuple(sorted(situation.ring_nodes)),
            cold=situation.cold,
            orders_allowed=situation.orders_allowed,
            resting=tuple(sorted(situation.resting)),
            follows=follows,
            waits={} if follows else situation.waits,
            quorate_since=situation.quorate_since,
            linked=tuple(sorted(situation.linked)),
            race_ms=situation.race_ms,
            offered=situation.offered.digest if situation.offered is not None else "",
            contents=found.contents,
            overdue=tuple(sorted(found.overdue)),
            wanted=found.wanted,
        )
        shape = replace(planned, at="", now=0, follows=True, waits={}, contents=())
        idle = not planned.contents and not planned.overdue and found.waits == situation.waits
        if idle and follows and self._record is self._planned_on and shape == self._shape:
            return []
        self._shape, self._planned_on, self._waits = shape, self._record, found.waits
        return [line(planned)]
