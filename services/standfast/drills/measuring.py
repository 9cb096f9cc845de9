"""What a fire drill measured, from this node's journal: the steps of each group, against those expected (pure)."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from standfast.incidents import Entry, Incident, steps


def step_rows(entries: Iterable[Entry], group: str, injected: datetime) -> list[dict[str, Any]]:
    """Each step that `group` went through since the fault, with ms since the fault and since the step before."""
    told = [entry for entry in entries if entry.at >= injected and not entry.event.startswith("drill-")]
    rows: list[dict[str, Any]] = []
    before = 0
    for step in steps(Incident(told), group) if told else ():
        since = max(before, _ms(step.at - injected))  # what was last good was so before the fault
        row = {"step": step.name.value, "at": step.at.isoformat(timespec="milliseconds").replace("+00:00", "Z")}
        rows.append(
            row | {"since_fault_ms": since, "ms": since - before, "node": step.node or None, "text": step.entry.text}
        )
        before = since
    return rows


def _ms(time: timedelta) -> int:
    return round(time / timedelta(milliseconds=1))


def result_rows(
    groups: Iterable[str],
    recovered: Mapping[str, int],
    owners: Mapping[str, str],
    expected: Iterable[Mapping[str, Any]],
    rows: Mapping[str, list[dict[str, Any]]],
) -> list[dict[str, Any]]:
    """What the report says of each group."""
    foreseen = {one["group"]: one for one in expected}
    return [
        {
            "group": group,
            "recovered_ms": recovered.get(group),
            "owner": owners.get(group) or None,
            "expected": foreseen.get(group, {}).get("steps", {}),
            "expected_ms": foreseen.get(group, {}).get("total_ms"),
            "steps": rows.get(group, []),
        }
        for group in groups
    ]
