"""A systemd.journal.Reader over entries that a test writes."""

import contextlib
import os
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

START = datetime(2026, 1, 1, 12, tzinfo=UTC)


class Journal:
    """Entries with cursors that count up; `vacuum` loses the oldest."""

    def __init__(self) -> None:
        self.entries: list[dict[str, Any]] = []
        self._written = 0
        self.read = ""  # the cursor that was read last
        self.woken = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)

    def write(self, seconds: float, event: str, **fields: str | list[str] | int) -> None:
        """One more entry, `seconds` after START; `fields` are STANDFAST_NAME."""
        self._written += 1
        at = START + timedelta(seconds=seconds)
        named = {f"STANDFAST_{name.upper()}": value for name, value in fields.items() if name != "level"}
        named["PRIORITY"] = fields.get("level", 6)
        cursor = {"__CURSOR": f"c{self._written:06}", "__REALTIME_TIMESTAMP": at}
        self.entries.append({"STANDFAST_EVENT": event, "MESSAGE": f"{event}!", **named, **cursor})
        os.eventfd_write(self.woken, 1)

    def power_cut(self, seconds: float, group: str = "web") -> None:
        """A node is lost, proven off after 0.7 s, and the group runs elsewhere after 0.95 s in all."""
        self.write(seconds, "view-changed")
        self.write(seconds + 0.01, "node-lost", incident="8.1", subject="node3")
        self.write(seconds + 0.7, "node-proven", incident="8.1", subject="node3")
        self.write(seconds + 0.71, "order", group=group, decision="start", subject="node1")
        self.write(seconds + 0.95, "group-started", group=group, subject="node1")

    def is_read(self) -> bool:
        """Some reader has read the last entry."""
        return bool(self.entries) and self.read == self.entries[-1]["__CURSOR"]

    def vacuum(self, keep: int) -> None:
        """Only the newest `keep` entries are left."""
        del self.entries[: len(self.entries) - keep]

    def reader(self) -> "Reader":
        """What `standfast.incidents.reading.reader` returns."""
        return Reader(self)


class Reader:
    """Stands before the first entry until it is told to seek."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._after = ""

    def fileno(self) -> int:
        return self._journal.woken

    def process(self) -> int:
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self._journal.woken)
        return 0

    def seek_head(self) -> None:
        self._after = ""

    def seek_cursor(self, cursor: str) -> None:
        """The next entry is that one, or the first one after it; OSError for what is no cursor."""
        if not cursor.startswith("c"):
            raise OSError(22, "Invalid argument")
        self._after = f"c{int(cursor[1:]) - 1:06}"

    def seek_tail(self) -> None:
        self._after = "d"  # behind every cursor

    def get_previous(self) -> Mapping[str, Any]:
        """The entry before the one where it stands; {} at the beginning."""
        found = [entry for entry in self._journal.entries if entry["__CURSOR"] < self._after]
        self._after = found[-1]["__CURSOR"] if found else ""
        return found[-1] if found else {}

    def get_next(self) -> Mapping[str, Any]:
        """{} at the end."""
        found = next((entry for entry in self._journal.entries if entry["__CURSOR"] > self._after), {})
        self._after = self._journal.read = found.get("__CURSOR", self._after)
        return found
