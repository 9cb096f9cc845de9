"""How long a fire drill's recovery may take, as far as that was measured before (pure); nothing is decided by it."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from standfast.configuration.model import Configuration, Group, Probe
from standfast.resourced.changes_planned import Effect
from standfast.resourced.drills import Drill
from standfast.resourced.durations import Durations, Kind, middle
from standfast.resourced.foreseen import Foreseen
from standfast.vocabulary import DrillKind

Steps = Mapping[str, int | None]  # ms by step: detected, fenced, started; None = was never measured


def expected(
    drill: Drill, foreseen: Foreseen, configuration: Configuration, durations: Durations, offs_ms: Iterable[int]
) -> list[dict[str, Any]]:
    """A row for each group of the drill; what a probe needs is the most that it can need."""
    after = {outcome.group: outcome.after for outcome in foreseen.groups}
    rows = []
    for name in drill.groups:
        group, place = configuration.group(name), after.get(name)
        if group is None:
            continue
        target = place.owner if place is not None else ""
        steps = _steps(drill, group, target, configuration, durations, offs_ms)
        known = [ms for ms in steps.values() if ms is not None]
        total = sum(known) if len(known) == len(steps) else None
        rows.append({"group": name, "target": target or None, "steps": dict(steps), "total_ms": total})
    return rows


def effects_of_drill(found: Iterable[Effect], rows: Iterable[Mapping[str, Any]]) -> tuple[Effect, ...]:
    """Of its groups the interruption that is `expected`: it begins with the fault, before anything is done."""
    total = {row["group"]: row["total_ms"] for row in rows}
    return tuple(
        replace(one, interruption_ms=total[one.group], measured="") if one.group in total and one.target else one
        for one in found
    )


def _steps(
    drill: Drill,
    group: Group,
    target: str,
    configuration: Configuration,
    durations: Durations,
    offs_ms: Iterable[int],
) -> Steps:
    start = middle(one.ms for one in durations.of(group.name, Kind.START, target))
    if drill.kind in (DrillKind.POWER, DrillKind.CUT):
        return {"detected": configuration.cluster.detect_within_ms, "fenced": middle(offs_ms), "started": start}
    stop = middle(one.ms for one in durations.of(group.name, Kind.STOP, drill.node))
    moved = start + stop if start is not None and stop is not None else None
    restart = middle(one.ms for one in durations.of(group.name, Kind.RESTART, drill.node))
    again = restart if target == drill.node and restart is not None else moved
    return {"detected": 0 if drill.kind is DrillKind.KILL else noticed_ms(group, drill.unit), "started": again}


def noticed_ms(group: Group, unit: str) -> int | None:
    """The most that the quickest probe of a hung unit needs; None: no probe would ever notice."""
    probes = [
        probe
        for one in group.resources
        if one.unit == unit
        for probe in one.probes
        if probe.decides and not probe.is_taken
    ]
    return min(map(_slowest_ms, probes), default=None)


def _slowest_ms(probe: Probe) -> int:
    fast = probe.fast_interval_ms or probe.interval_ms
    later = (probe.fail_after - 1) * max(fast, probe.timeout_ms)
    return probe.interval_ms + later + probe.timeout_ms
