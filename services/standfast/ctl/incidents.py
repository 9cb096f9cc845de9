"""Journal entries put together to incidents: pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

PAUSE: Final = timedelta(seconds=10)  # quiet for longer: the next entry begins another incident
_SETTLED: Final = {"group-started", "group-stopped", "group-blocked"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry of ours, as its fields say it."""

    at: datetime  # UTC
    event: str
    node: str  # that it is about
    text: str
    group: str = ""
    incident: str = ""  # a loss's number


@dataclass(slots=True)
class Incident:
    """Entries that belong together, the oldest first, never empty."""

    entries: list[Entry]
    losses: set[str] = field(default_factory=set)
    unsettled: set[str] = field(default_factory=set)  # groups on their way

    def continues(self, entry: Entry) -> bool:
        """The entry is part of this: soon after it, about the same loss, or about a group still on its way."""
        soon = entry.at - self.entries[-1].at <= PAUSE
        return soon or entry.incident in self.losses or entry.group in self.unsettled

    def add(self, entry: Entry) -> None:
        self.entries.append(entry)
        self.learn(entry)

    def learn(self, entry: Entry) -> None:
        if entry.incident:
            self.losses.add(entry.incident)
        if entry.event in _SETTLED:
            self.unsettled.discard(entry.group)
        elif entry.group and entry.event.startswith("group-"):
            self.unsettled.add(entry.group)

    def since_start_ms(self, entry: Entry) -> int:
        return round((entry.at - self.entries[0].at) / timedelta(milliseconds=1))

    @property
    def slowest(self) -> tuple[int, Entry] | None:
        """The longest wait between two entries in milliseconds, and the entry that ended it; None for one entry."""
        steps = [
            (round((later.at - earlier.at) / timedelta(milliseconds=1)), later)
            for earlier, later in zip(self.entries, self.entries[1:], strict=False)
        ]
        return max(steps, key=lambda step: step[0], default=None)


def entry_of(fields: Mapping[str, Any]) -> Entry:
    """The entry of a journal record as systemd.journal.Reader gives it (times as datetime)."""
    at: datetime = fields.get("_SOURCE_REALTIME_TIMESTAMP") or fields["__REALTIME_TIMESTAMP"]

    def text(name: str) -> str:
        value = fields.get(name, "")
        return str(value[-1] if isinstance(value, list) else value)

    return Entry(
        at=at.astimezone(UTC),
        event=text("STANDFAST_EVENT"),
        node=text("STANDFAST_SUBJECT") or text("STANDFAST_NODE") or text("_HOSTNAME"),
        text=text("MESSAGE"),
        group=text("STANDFAST_GROUP"),
        incident=text("STANDFAST_INCIDENT"),
    )


def gather(entries: Iterable[Entry]) -> list[Incident]:
    """The incidents that the entries, the oldest first, tell of."""
    found: list[Incident] = []
    for entry in entries:
        if found and found[-1].continues(entry):
            found[-1].add(entry)
        else:
            found.append(Incident([entry]))
            found[-1].learn(entry)
    return found


def about(group: str, incidents: Iterable[Incident]) -> list[Incident]:
    """The incidents in which the group had a part, without the entries of other groups."""
    return [
        Incident([entry for entry in incident.entries if entry.group in ("", group)])
        for incident in incidents
        if any(entry.group == group for entry in incident.entries)
    ]
