"""Our entries in this node's journal. Anyone may write an entry with our fields: who wrote it journald itself says."""

import contextlib
import json
import os
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from standfast.incidents.entry import Entry, entry_of

_PROGRAMS: Final = ("membershipd", "quorumd", "fenced", "resourced", "drain", "addresses")
UNITS: Final = tuple(f"standfast-{name}.service" for name in _PROGRAMS)
LIMIT: Final = 5000  # entries that are read
MOST: Final = 50_000  # when a time says how far back
_MATCHES: Final = (*(f"_SYSTEMD_UNIT={unit}" for unit in UNITS), "_UID=0")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NO_TIME: Final = datetime.max.replace(tzinfo=UTC)  # what no clock of a computer says


def read(limit: int | None = None, since: datetime | None = None) -> list[Entry]:
    """The last `limit` entries that are ours, the oldest first, none before `since` (with a time zone).

    Without a limit there are at most LIMIT, with `since` MOST.

    Raises PermissionError where this user may not read the journal, OSError where it cannot be read.
    """
    found: list[Entry] = []
    limit = _most(limit, since)
    with reader() as ours:
        ours.seek_tail()
        while len(found) < limit and (fields := ours.get_previous()):
            if since is not None and fields["__REALTIME_TIMESTAMP"] < since:
                break
            if "STANDFAST_EVENT" in fields:
                found.append(entry_of(fields))
    if not found and os.geteuid() != 0:
        raise PermissionError(
            "You may not read the journal: try again as root or as a member of the group systemd-journal."
        )
    return found[::-1]


def _most(limit: int | None, since: datetime | None) -> int:
    return limit if limit is not None else LIMIT if since is None else MOST


def reader() -> Any:
    """A systemd.journal.Reader that sees only what our daemons wrote; its times are UTC."""
    from systemd import journal  # of the four daemons none needs libsystemd's reader

    ours = journal.Reader(converters={"__REALTIME_TIMESTAMP": _time, "_SOURCE_REALTIME_TIMESTAMP": _time})
    ours.add_match(*_MATCHES)
    return ours


def arguments(limit: int | None = None, since: datetime | None = None) -> list[str]:
    """What journalctl on another node is to be called with, so that `parse` reads from it what `read` would there."""
    options = ["--no-pager", "--quiet", "--output=json", "--all", f"--lines={_most(limit, since)}"]
    if since is not None:
        options.append(f"--since=@{int(since.timestamp())}")
    return [*options, *_MATCHES]


def parse(output: bytes) -> list[Entry]:
    """The entries that journalctl wrote; lines that are none are left out."""
    return [entry for line in output.splitlines() for entry in _parsed(line)]


def _parsed(line: bytes) -> Iterable[Entry]:
    with contextlib.suppress(ValueError, RecursionError):
        fields = json.loads(line)
        if isinstance(fields, dict) and "STANDFAST_EVENT" in fields:
            yield entry_of(fields)


def _time(microseconds: int | str | bytes) -> datetime:
    try:
        return _EPOCH + timedelta(microseconds=int(microseconds))
    except (ValueError, OverflowError):
        return _NO_TIME
