"""Incidents as the journals of nodes have them, for tests: each entry with the links that its writer gives it."""

from datetime import UTC, datetime, timedelta
from typing import Any

from standfast.incidents import Entry

START = datetime(2026, 1, 1, 12, tzinfo=UTC)


def entry(seconds: float, event: str, group: str = "", incident: str = "", node: str = "node2", **more: Any) -> Entry:
    at = START + timedelta(seconds=seconds)
    text = more.pop("text", f"{event}!")
    return Entry(at=at, event=event, node=node, text=text, group=group, incident=incident, **more)


def power_cut(
    at: float = 0.0, *groups: str, lost: str = "node1", loss: str = "8.1", proven: float = 0.7
) -> list[Entry]:
    """`lost`, which had the groups, was heard 2.2 s before `at`, and is missed then."""
    term = loss.partition(".")[0]
    here = at + proven
    told = [
        entry(at, "view-changed", lost=lost, silent_ms=2200),
        entry(at + 0.01, "term-opened"),
        *(entry(at + 0.015, "group-stopped", name, lost=lost, position=f"{term}.1") for name in groups),
        entry(at + 0.02, "node-lost", incident=loss, node=lost, position=f"{term}.2", silent_ms=2900),
        entry(at + 0.03, "attempt", incident=loss, node=lost, position=f"{term}.3", parent=f"{term}.2"),
        entry(at + 0.04, "fence-begun", incident=loss, node=lost),
        entry(here, "node-proven", incident=loss, node=lost, position=f"{term}.4", parent=f"{term}.3"),
    ]
    for index, name in enumerate(groups):
        order, up, good = (f"{term}.{10 * (index + 1) + step}" for step in range(3))
        linked = {"incident": loss, "decision": "start"}
        told += [
            entry(here + 0.01 + index / 100, "order", name, position=order, parent=f"{term}.4", **linked),
            entry(here + 0.01 + index / 100, "group-starting", name, position=order, parent=f"{term}.4", **linked),
            entry(here + 0.21 + index / 100, "group-active", name, position=up, parent=order),
            entry(here + 0.26 + index / 100, "group-started", name, position=good, parent=up, probe="good", **linked),
        ]
    return sorted(told, key=lambda one: one.at)


def failure(at: float, group: str, term: str = "9", node: str = "node3") -> list[Entry]:
    """A unit of the group was killed and is restarted in place."""
    return [
        entry(at, "group-failed", group, node=node, position=f"{term}.5", resource="web.service"),
        entry(at + 0.01, "order", group, node=node, position=f"{term}.6", parent=f"{term}.5", decision="restart"),
        entry(at + 0.01, "group-starting", group, node=node, position=f"{term}.6", parent=f"{term}.5"),
        entry(at + 0.2, "group-started", group, node=node, position=f"{term}.7", parent=f"{term}.6", probe="good"),
    ]
