"""Fire drills in the record: one under way at a time, and how the last one of each group went (pure, total).

A drill injects a fault and nothing else: no rule of safety reads anything of this.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from standfast.resourced.situation import Waits
from standfast.vocabulary import DrillKind

if TYPE_CHECKING:
    from standfast.resourced.record import Record

REST_MS: Final = 120_000  # after a drill, before the next one


@dataclass(frozen=True, slots=True, kw_only=True)
class Drill:
    """A fault that is injected on purpose, and what is to recover from it."""

    id: str
    kind: DrillKind
    node: str  # where the fault is injected
    groups: tuple[str, ...]  # that ran there, and are to run again
    unit: str  # whose process it is, "" = the whole node's
    leader: str  # the node that conducts it; if that dies, the drill ends after `limit_ms`
    by: str  # who asked for it
    at: str  # RFC 3339 UTC: for people
    limit_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Drilled:
    """How the last drill of a group went."""

    kind: DrillKind
    at: str  # when it ended, RFC 3339 UTC: for people
    ms: int  # until it ran again, 0 = it did not in time
    node: str  # where the fault was

    @property
    def passed(self) -> bool:
        return self.ms > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillBegun:
    """On the wish with this id."""

    drill: Drill
    wish: str = ""
    again: bool = False  # the pause after the last one does not count


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillEnded:
    id: str
    recovered: Mapping[str, int] = field(default_factory=dict)  # by group: ms until it ran again
    failed: str = ""  # why, as people read it; "" = everything recovered
    struck: bool = True  # False: no fault was injected, so nothing is known of the groups
    wish: str = ""


def begun(record: "Record", content: DrillBegun) -> "Record":
    """Only one at a time."""
    return record if record.drill is not None else replace(record, drill=content.drill)


def ended(record: "Record", content: DrillEnded) -> "Record":
    """Each of its groups knows how it went; one that is not configured any more is forgotten."""
    drill = record.drill
    if drill is None or drill.id != content.id:
        return record
    groups = dict(record.groups)
    for name in drill.groups if content.struck else ():
        if name in groups:
            ms = max(0, content.recovered.get(name, 0))
            groups[name] = replace(groups[name], drilled=Drilled(kind=drill.kind, at="", ms=ms, node=drill.node))
    return replace(record, drill=None, last_drill=drill.id, groups=groups)


def dated(before: "Record", after: "Record", at: str) -> "Record":
    """What a drill's end has just said of groups has its time."""
    groups = {
        name: replace(group, drilled=replace(group.drilled, at=at))
        for name, group in after.groups.items()
        if group.drilled is not None and group.drilled is not before.groups[name].drilled
    }
    return replace(after, groups={**after.groups, **groups})


def overdue(record: "Record", waits: Waits) -> list[DrillEnded]:
    """The end of a drill that nobody ended: who conducts it is gone."""
    rest_left_ms(record, waits)  # counted from the first planning after the drill
    drill = record.drill
    if drill is None or waits.age(f"drill {drill.id}") < drill.limit_ms:
        return []
    text = f"{drill.leader} did not say within {drill.limit_ms // 1000} s how it went"
    return [DrillEnded(id=drill.id, failed=text)]


def rest_left_ms(record: "Record", waits: Waits) -> int:
    """How long the next drill waits after the last one."""
    return max(0, REST_MS - waits.age(f"drilled {record.last_drill}")) if record.last_drill else 0
