"""Follows this node's journal: what was counted goes on from where it was, also after a restart."""

import asyncio
import contextlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from standfast import journal
from standfast.incidents import entry_of
from standfast.incidents.reading import reader
from standfast.metrics import totals_file
from standfast.metrics.samples import Known
from standfast.metrics.totals import Counted, Totals, counted

_WAIT_S: Final = 1.0  # an answer waits so long for the journal, which may lie on a disk that hangs


class Follower:
    """`counted` is what the journal added up to when it was last looked at; None until it was read to its end."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.counted: Counted | None = None
        self._totals = Totals()
        self._reader: Any = None
        self._look: asyncio.Future[Counted] | None = None
        self._stored: tuple[str, frozenset[str]] | None = None  # the cursor in the file, and who serves

    async def catch_up(self, known: Known | None = None) -> None:
        """What the journal had a moment ago is counted, or it does not answer now, and is looked at beside us."""
        look = self._look
        if look is None:
            look = self._look = asyncio.get_running_loop().run_in_executor(None, self._catch_up, known)
        done, _ = await asyncio.wait((look,), timeout=_WAIT_S)
        if not done or self._look is not look:
            return  # somebody else who waited for it has the result
        self._look = None
        try:
            self.counted = look.result()
        except OSError:  # a damaged file of the journal, say: from the last cursor that was stored, the next time
            self.counted, self._reader = None, None

    async def follow(self, every_s: float) -> None:
        """Also what happens while nobody asks is counted, and stored soon after; it never ends."""
        while True:
            await self.catch_up()
            await asyncio.sleep(every_s)

    def _catch_up(self, known: Known | None) -> Counted:
        """In a thread, one at a time."""
        if self._reader is None:
            self._reader = self._begin()
        self._reader.process()  # notices files of the journal that are new, or gone
        while fields := self._reader.get_next():
            self._add(fields)
        self._totals.end(_now())
        if known is not None:
            self._totals.learn(known)
        self._store()
        return counted(self._totals)

    def _add(self, fields: dict[str, Any]) -> None:
        if "STANDFAST_EVENT" in fields:
            self._totals.add(entry_of(fields))
            self._totals.cursor = fields["__CURSOR"]

    def _begin(self) -> Any:
        """A reader of the journal that stands behind the last entry that is counted."""
        found = reader()
        found.fileno()  # from now on `process` notices
        try:
            self._totals = totals_file.load(self.file)
            if self._totals.cursor:
                found.seek_cursor(self._totals.cursor)
        except (ValueError, OSError) as error:
            text = f"What was counted until now cannot be used ({error}): it is counted anew from the whole journal"
            journal.write(journal.Event.METRICS_RECOUNTED, journal.Level.NOTICE, text)
            self._totals = Totals()
            found.seek_head()
        self._stored = _mark(self._totals)
        first = found.get_next() if self._totals.cursor else {}
        if first and first["__CURSOR"] != self._totals.cursor:  # that one was rotated away: this one is a later one
            self._add(first)
        return found

    def _store(self) -> None:
        mark = _mark(self._totals)
        if mark == self._stored:
            return
        with contextlib.suppress(OSError):  # a full disk: after a restart it goes on from what is stored
            totals_file.store(self.file, self._totals)
            self._stored = mark


def _mark(totals: Totals) -> tuple[str, frozenset[str]]:
    """What must be in the file before a restart, lest an outage is missed: who serves is learnt without an entry."""
    return totals.cursor, frozenset(name for name, group in totals.groups.items() if group.serves)


def _now() -> datetime:
    return datetime.now(UTC)
