"""One journal entry of ours, as its fields say it: pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

_LONGEST_MS: Final = 24 * 60 * 60 * 1000  # nothing of ours was silent for longer before it was missed
_LATEST_US: Final = 253_370_764_800_000_000  # the year 9999: what comes after it is no time
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
# about a node: their STANDFAST_GROUP are the groups that it had, however many, so that each one's story has them
_OF_NODES: Final = {"node-lost", "node-proven", "attempt", "attempt-failed", "switched-on", "drain-begun"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry of ours, as its fields say it."""

    at: datetime  # UTC, by the clock of the node that wrote it
    event: str
    node: str  # that it is about
    text: str
    group: str = ""
    incident: str = ""  # a loss's number
    decision: str = ""  # what was ordered: start, stop, restart
    resource: str = ""  # a unit
    cause: str = ""
    position: str = ""  # of the update of the record that it tells of, the same in every member's journal
    parent: str = ""  # position of the update that it follows from
    view: str = ""
    lost: str = ""  # nodes that are missed, with spaces between them
    members: str = ""  # nodes of a view
    probe: str = ""  # what probes say: good, bad
    silent_ms: int | None = None  # for so long nothing good had been heard when it was written
    host: str = ""  # whose journal it is in
    boot: str = ""  # of that host
    uptime_us: int | None = None  # monotonic, since that boot


def entry_of(fields: Mapping[str, Any]) -> Entry:
    """The entry of a journal record, as systemd.journal.Reader or `journalctl --output=json` gives it.

    Raises ValueError where it has no time. Other values may be anything: they are text, or missing.
    """

    def text(name: str) -> str:
        return _text(fields.get(name))

    received_us = _microseconds(fields.get("__REALTIME_TIMESTAMP"))
    sent_us = _microseconds(fields.get("_SOURCE_REALTIME_TIMESTAMP"))
    if received_us is None and sent_us is None:
        raise ValueError("a journal entry without a time")
    at_us = sent_us if sent_us is not None else received_us
    event = text("STANDFAST_EVENT")
    return Entry(
        at=_EPOCH + timedelta(microseconds=at_us or 0),
        event=event,
        node=text("STANDFAST_SUBJECT") or text("STANDFAST_NODE") or text("_HOSTNAME"),
        text=text("MESSAGE"),
        group="" if event in _OF_NODES else text("STANDFAST_GROUP"),
        incident=text("STANDFAST_INCIDENT"),
        decision=text("STANDFAST_DECISION"),
        resource=text("STANDFAST_RESOURCE"),
        cause=text("STANDFAST_CAUSE"),
        position=text("STANDFAST_POSITION"),
        parent=text("STANDFAST_PARENT"),
        view=text("STANDFAST_VIEW"),
        lost=text("STANDFAST_PEER") if event == "link-down" else text("STANDFAST_LOST"),
        members=text("STANDFAST_MEMBERS"),
        probe=text("STANDFAST_PROBE"),
        silent_ms=_milliseconds(text("STANDFAST_SILENT_MS") or text("STANDFAST_DETECT_MS")),
        host=text("_HOSTNAME"),
        boot=text("_BOOT_ID"),
        uptime_us=_uptime_us(fields.get("__MONOTONIC_TIMESTAMP"), received_us, sent_us),
    )


def _text(value: Any) -> str:
    """Of a field that is there more than once the last one; what is no text as well as it can be shown."""
    match value:
        case None:
            return ""
        case bytes():
            return value.decode(errors="replace")
        case list() | tuple() if value and all(isinstance(one, int) and 0 <= one <= 255 for one in value):
            return bytes(value).decode(errors="replace")  # journalctl's way to write what is no UTF-8
        case list() | tuple():
            return _text(value[-1]) if value and not isinstance(value[-1], list | tuple) else ""
    return str(value)


def _microseconds(value: Any) -> int | None:
    """Since 1970."""
    if isinstance(value, datetime):
        return (value.astimezone(UTC) - _EPOCH) // timedelta(microseconds=1)
    number = _number(value)
    return number if number is not None and number <= _LATEST_US else None


def _uptime_us(value: Any, received_us: int | None, sent_us: int | None) -> int | None:
    """When it was sent; journald notes only when it received it."""
    value = getattr(value, "timestamp", value)  # systemd.journal.Monotonic
    uptime = value // timedelta(microseconds=1) if isinstance(value, timedelta) else _number(value)
    if uptime is None or received_us is None or sent_us is None:
        return uptime
    late_us = received_us - sent_us
    return uptime - late_us if 0 <= late_us <= min(uptime, 10_000_000) else uptime


def _milliseconds(text: str) -> int | None:
    number = _number(text)
    return number if number is not None and number <= _LONGEST_MS else None


def _number(value: Any) -> int | None:
    text = _text(value)
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else None
