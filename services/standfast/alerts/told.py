"""One journal entry as an alert is told of it: pure."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from standfast.journal import Level

_PREFIX: Final = "STANDFAST_"
_INFO: Final = int(Level.INFO)
_LEVELS: Final = {int(level): level.name.lower() for level in Level}


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One entry of ours."""

    cursor: str
    at: datetime  # UTC
    event: str
    level: int
    text: str
    fields: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # by name: EVENT, GROUP, CAUSE …

    def one(self, name: str) -> str:
        """A field's value, "" where there is none."""
        return next(iter(self.fields.get(name, ())), "")

    @property
    def node(self) -> str:
        """That it is about."""
        return self.one("SUBJECT") or self.one("NODE")

    @property
    def groups(self) -> tuple[str, ...]:
        return self.fields.get("GROUP", ())


def told_of(fields: Mapping[str, Any]) -> Told:
    """What a journal record says, as systemd.journal.Reader gives it (times as datetime)."""
    at: datetime = fields.get("_SOURCE_REALTIME_TIMESTAMP") or fields["__REALTIME_TIMESTAMP"]
    values = {
        name.removeprefix(_PREFIX): tuple(map(str, value if isinstance(value, list) else [value]))
        for name, value in fields.items()
        if name.startswith(_PREFIX)
    }
    return Told(
        cursor=str(fields["__CURSOR"]),
        at=at.astimezone(UTC),
        event=values["EVENT"][0],
        level=int(fields.get("PRIORITY", _INFO)),
        text=str(fields.get("MESSAGE", "")),
        fields=values,
    )


def environment(told: Told, not_sent: int) -> dict[str, str]:
    """What an alert has in its environment. `not_sent`: so many events before this one it was not run for."""
    more = f" ({not_sent} more events were not sent)" if not_sent else ""
    return {
        "STANDFAST_EVENT": told.event,
        "STANDFAST_LEVEL": _LEVELS.get(told.level, str(told.level)),
        "STANDFAST_TIME": _time(told),
        "STANDFAST_TEXT": told.text + more,
        "STANDFAST_NODE": told.node,
        "STANDFAST_GROUP": " ".join(told.groups),
        "STANDFAST_RESOURCE": told.one("RESOURCE"),
        "STANDFAST_INCIDENT": told.one("INCIDENT"),
        "STANDFAST_CAUSE": told.one("CAUSE"),
        "STANDFAST_NOT_SENT": str(not_sent),
    }


def as_json(told: Told, not_sent: int = 0) -> str:
    """The same for programs, with every field; one line."""
    known = environment(told, not_sent)
    report: dict[str, Any] = {name.removeprefix(_PREFIX).lower(): value for name, value in known.items()}
    fields = {name: " ".join(values) for name, values in sorted(told.fields.items())}
    return json.dumps(report | {"group": list(told.groups), "not_sent": not_sent, "fields": fields}, ensure_ascii=False)


def _time(told: Told) -> str:
    return told.at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
