"""This node's journal from where it was last read: entries of ours, in their order."""

import asyncio
import contextlib
import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from standfast.alerts.told import Told, told_of
from standfast.files import write_atomic
from standfast.incidents.reading import reader

BATCH: Final = 100  # entries that are read at once
OLDEST: Final = timedelta(hours=1)  # what is older when this program starts is nobody's alarm any more
_LOOK_BACK: Final = 2000  # entries in which the last term is looked for


class Following:
    """All methods but `changed` block: the journal may lie on a disk that hangs."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._reader: Any = None
        self._ahead: dict[str, Any] = {}  # was read, and not returned yet
        self._stored = ""
        self.cursor = ""  # of the last entry that was read

    def begin(self, now: datetime) -> Told | None:
        """It stands behind what was read before, or at the end; the last term that was opened before that."""
        self.cursor = self._stored = self._load()
        self._reader = reader()
        self._reader.fileno()  # from now on `process` notices
        if self.cursor:
            with contextlib.suppress(OSError):
                self._reader.seek_cursor(self.cursor)
                return self._place(now)
        self._reader.seek_tail()
        return self._place(now, at_end=True)

    def _place(self, now: datetime, *, at_end: bool = False) -> Told | None:
        """The reader's position is behind the entry of the cursor; what is too old is passed over."""
        last = self._reader.get_previous() if at_end else self._reader.get_next()
        self.cursor = last["__CURSOR"] if at_end and last else self.cursor
        term = self._last_term(last)
        if not self.cursor:
            self._reader.seek_head()
            return term
        self._reader.seek_cursor(self.cursor)
        first = self._reader.get_next()
        while first and (first["__CURSOR"] == self.cursor or first["__REALTIME_TIMESTAMP"] < now - OLDEST):
            self.cursor = first["__CURSOR"]
            first = self._reader.get_next()
        self._ahead = first
        return term

    def _last_term(self, fields: dict[str, Any]) -> Told | None:
        for _ in range(_LOOK_BACK):
            if not fields or fields.get("STANDFAST_EVENT") == "term-opened":
                break
            fields = self._reader.get_previous()
        return told_of(fields) if fields.get("STANDFAST_EVENT") == "term-opened" else None

    def read(self) -> list[Told]:
        """The next ones, [] at the end."""
        self._reader.process()
        found: list[Told] = []
        while len(found) < BATCH and (fields := self._ahead or self._reader.get_next()):
            self._ahead = {}
            self.cursor = fields["__CURSOR"]
            if "STANDFAST_EVENT" in fields:
                found.append(told_of(fields))
        return found

    def store(self, cursor: str) -> None:
        """After a restart what stands behind this cursor is read. On a full disk more of it is read than is new."""
        if cursor and cursor != self._stored:
            with contextlib.suppress(OSError):
                write_atomic(self._file, json.dumps({"cursor": cursor}).encode())
                self._stored = cursor

    def _load(self) -> str:
        try:
            found = json.loads(self._file.read_bytes())
            return str(found["cursor"])
        except (OSError, ValueError, KeyError, TypeError):
            return ""

    def changed(self, woken: asyncio.Event) -> None:
        """The event is set whenever the journal has more."""
        asyncio.get_running_loop().add_reader(self._reader.fileno(), woken.set)
