"""The parts of a report that are asked for: the daemons, systemd, the journal, Corosync."""

import asyncio
import json
import os
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from standfast import published, status_report
from standfast.bus import Bus
from standfast.corosync import cmap
from standfast.ctl.report_parts import Part, dumped
from standfast.incidents import reading
from standfast.manager import list_units

OURS: Final = ("standfast.target", *reading.UNITS, "standfast-addresses.service", "corosync.service")
MOST_ENTRIES: Final = 20_000  # of each kind: the newest
_SECRET_KEYS: Final = ("totem.key",)
_KEPT: Final = (
    "MESSAGE",
    "MESSAGE_ID",
    "PRIORITY",
    "_PID",
    "_BOOT_ID",
    "_SYSTEMD_UNIT",
    "UNIT",
    "JOB_TYPE",
    "JOB_RESULT",
    "EXIT_CODE",
    "EXIT_STATUS",
    "UNIT_RESULT",
)
Fields = Mapping[str, Any]


def daemons() -> Part:
    """`status --json`, and all that the daemons publish."""
    snapshot = asyncio.run(_snapshot())
    part = Part(files={"status.json": dumped(status_report.make(snapshot))})
    part.files["published.json"] = dumped({name: {"": one.root} | dict(one.objects) for name, one in snapshot.items()})
    part.left_out += [
        f"what {published.DAEMONS[name]} publishes: it {one.why_away}" for name, one in snapshot.items() if one.why_away
    ]
    return part


async def _snapshot() -> published.Snapshot:
    async with await Bus.connect() as bus:
        return await published.read(bus)


def units(names: tuple[str, ...]) -> Part:
    """systemd's word on our units and on those of the groups."""
    rows = asyncio.run(_units((*OURS, *names)))
    return Part(files={"units.json": dumped(rows)})


async def _units(names: tuple[str, ...]) -> dict[str, dict[str, str]]:
    async with await Bus.connect() as bus:
        found = await list_units(bus, names)
    return {one.unit: {"load": one.load, "active": one.active, "sub": one.sub, "job": one.job} for one in found}


def journals(since: datetime, names: tuple[str, ...]) -> Part:
    """Ours, Corosync's, and what systemd says of our units and the groups'; of each the newest entries."""
    kinds = {
        "standfast": (*(f"_SYSTEMD_UNIT={unit}" for unit in reading.UNITS), "_UID=0"),
        "corosync": ("_SYSTEMD_UNIT=corosync.service", "_UID=0"),
        "systemd": ("_PID=1", *(f"UNIT={unit}" for unit in (*OURS, *names))),
    }
    part = Part()
    for kind, matches in kinds.items():
        found = list(read_journal(matches, since))
        part.files[f"journal/{kind}.jsonl"] = b"".join(map(_line, reversed(found)))
        if len(found) >= MOST_ENTRIES:
            part.left_out.append(f"what the journal has of {kind} before its newest {MOST_ENTRIES} entries")
    if not any(part.files.values()) and os.geteuid() != 0:
        raise PermissionError("only root and members of the group systemd-journal may read it")
    return part


def read_journal(matches: tuple[str, ...], since: datetime) -> Iterator[Fields]:
    """The entries with one of the values of each field, which journald itself sets, the newest first."""
    from systemd import journal

    with journal.Reader(converters={"__REALTIME_TIMESTAMP": int}) as entries:
        entries.add_match(*matches)
        entries.seek_tail()
        for _ in range(MOST_ENTRIES):
            fields = entries.get_previous()
            if not fields or fields["__REALTIME_TIMESTAMP"] < since.timestamp() * 1_000_000:
                return
            yield fields


def _line(fields: Fields) -> bytes:
    at = datetime.fromtimestamp(fields["__REALTIME_TIMESTAMP"] / 1_000_000, UTC)
    kept = {name: value for name, value in fields.items() if name in _KEPT or name.startswith("STANDFAST_")}
    made = {"at": at.isoformat(timespec="microseconds"), **dict(sorted(kept.items()))}
    return json.dumps(made, ensure_ascii=False, default=str).encode(errors="replace") + b"\n"


def corosync() -> Part:
    """What the running Corosync works with and has counted."""
    found = {key: value for key, value in cmap.read_all().items() if key not in _SECRET_KEYS}
    return Part(files={"corosync.json": dumped(found)})
