"""Why a resource is down that a job of somebody else's stopped: an administrator's wish, or a failure of what it needs.

In the unit itself `systemctl stop` looks like a stop that systemd makes because another unit stopped (BindsTo= …) or
started (Conflicts=): what could have stopped it tells them apart, by what happened to that in the same second.

In doubt it is a failure. A group that is held wrongly is down until a person looks, which is what this cluster is there
to prevent; one that is recovered wrongly is up again at once, before the eyes of the administrator who has just typed
the stop, and `standfast group stop` is certain.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from standfast.vocabulary import Cause

SECOND_US: Final = 1_000_000
JOB_LINGERS_US: Final = 10 * SECOND_US  # what waits in the same transaction still has its job then
BY_HAND: Final = "by-hand"
STOPS: Final = {
    "BindsTo": "is bound to",
    "Requires": "requires",
    "Requisite": "requires",
    "PartOf": "is part of",
    "StopPropagatedFrom": "is stopped with",
}
STARTS: Final = ("Conflicts", "ConflictedBy")
ENDS_ALL: Final = ("shutdown.target", "rescue.target", "emergency.target")  # whoever starts one ends everything else
_BY_ITSELF: Final = ("watchdog", "oom-kill", "core-dump", "start-limit-hit", "protocol", "resources")


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """The last run of a unit as systemd keeps it; µs of CLOCK_MONOTONIC, 0 = not in this boot, or forgotten: systemd
    unloads what is down and that nothing refers to."""

    unit: str
    active: str
    load: str = "loaded"
    up_at: int = 0
    left_at: int = 0  # it was active no more
    down_at: int = 0
    main_ended_at: int = 0  # its main process, of this run or an earlier one
    result: str = "success"
    remains: bool = False  # it is active without a process
    unneeded: bool = False  # systemd stops it when nothing needs it
    relations: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # by property: the other units


@dataclass(frozen=True, slots=True, kw_only=True)
class Other:
    """A unit that can have stopped another one."""

    unit: str
    relation: str  # the property by which it can
    of: str  # the unit that has this relation
    active: str
    job: str
    moved_at: int  # when it was active no more, or, where its start stops others, when it began to start

    @property
    def starts(self) -> bool:
        return self.relation not in STOPS

    def moved(self, run: Run, now: int) -> bool:
        """It did, or is about to do, what stops others, in the second in which `run` ended."""
        ended = (run.left_at, run.down_at) if run.left_at else (now, now)
        if ended[0] - SECOND_US <= self.moved_at <= ended[1] + SECOND_US:
            return True
        jobs = ("start", "restart") if self.starts else ("stop", "restart")
        return self.job in jobs and now <= ended[1] + JOB_LINGERS_US


def by_a_job(run: Run, heard_at: int, listening_since: int) -> bool:
    """A job stopped it, it did not end by itself.

    `heard_at`: when systemd said that a job of the unit, not ours, was done, 0 = never since it was last active. Before
    `listening_since` nobody here heard what systemd said: then only what leaves no doubt counts.
    """
    ours = run.main_ended_at >= run.up_at  # that process was of this run
    if run.result in _BY_ITSELF or (ours and run.main_ended_at < run.left_at):
        return False
    if not run.down_at or run.down_at >= listening_since:
        return heard_at > 0 and heard_at >= run.down_at
    alone = run.unit.endswith(".service") and not run.remains and not ours
    return run.active == "inactive" and run.left_at < run.down_at and not alone


def others_of(run: Run) -> dict[str, str]:
    """Each unit whose stop or start can stop this one, with the property that says so; "" = it ends everything."""
    found = dict.fromkeys(ENDS_ALL, "")
    for relation in reversed((*STOPS, *STARTS)):
        found |= dict.fromkeys(run.relations.get(relation, ()), relation)
    return found


def culprit(run: Run, moved: Iterable[Other], failed: Iterable[Run], now: int) -> Cause | None:
    """What made systemd stop it; None: nothing did, so an administrator.

    `moved`: what of outside the group did what stops it, or what it was stopped with. `failed`: resources of its group
    that are down by themselves.
    """
    for other in moved:
        return Cause(kind="dependency", text=_dependency(run.unit, other))
    for one in failed:
        ended = Other(unit=one.unit, relation="Requires", of=run.unit, active=one.active, job="", moved_at=one.left_at)
        if ended.moved(run, now):
            return Cause(kind="dependency", text=f"{run.unit} was stopped in the second in which {one.unit} failed")
    if run.unneeded:
        text = f"{run.unit} was stopped by systemd because nothing needed it (StopWhenUnneeded=)"
        return Cause(kind="dependency", text=text)
    return None


def _dependency(unit: str, other: Other) -> str:
    if other.starts:
        why = ", which conflicts with it" if other.relation and other.of == unit else ""
        return f"{unit} was stopped because {other.unit} was started{why}"
    who = "it" if other.of == unit else other.of
    return f"{unit} was stopped with {other.unit}, which {who} {STOPS[other.relation]}"


def by_hand(run: Run) -> Cause:
    """What is shown of a resource that an administrator stopped."""
    if run.load == "masked":
        text = f"was stopped and masked by an administrator: systemctl unmask {run.unit}, then start it"
    else:
        text = "was stopped by an administrator"
    return Cause(kind=BY_HAND, text=f"{run.unit} {text}")


def read_run(unit: str, general: Mapping[str, object], special: Mapping[str, object]) -> Run:
    """From the properties of org.freedesktop.systemd1.Unit and those of its type."""

    def number(values: Mapping[str, object], name: str) -> int:
        value = values.get(name, 0)
        return value if isinstance(value, int) else 0

    def names(name: str) -> tuple[str, ...]:
        value = general.get(name, ())
        return tuple(map(str, value)) if isinstance(value, list | tuple) else ()

    return Run(
        unit=unit,
        active=str(general.get("ActiveState", "")),
        load=str(general.get("LoadState", "")),
        up_at=number(general, "ActiveEnterTimestampMonotonic"),
        left_at=number(general, "ActiveExitTimestampMonotonic"),
        down_at=number(general, "InactiveEnterTimestampMonotonic"),
        main_ended_at=number(special, "ExecMainExitTimestampMonotonic"),
        result=str(special.get("Result", "success")),
        remains=bool(special.get("RemainAfterExit", False)),
        unneeded=bool(general.get("StopWhenUnneeded", False)),
        relations={relation: names(relation) for relation in (*STOPS, *STARTS)},
    )
