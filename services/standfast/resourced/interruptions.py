"""For how long a group will not be served, as far as its starts and stops were measured; else what its timeouts say."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from standfast.configuration.model import Group
from standfast.resourced.durations import VERSION, Durations, Kind, middle


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    ms: int | None  # None: unknown
    measured: str  # how that is known, or what is the most that it can be; for people


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """One part of an interruption as it was measured."""

    ms: int
    told: str


_NOTHING: Final = _Part(ms=0, told="")
_UNKNOWN: Final = "not measured yet: at most "


def of_start(durations: Durations, group: Group, node: str) -> Expected:
    """It is not served now, so nothing is interrupted."""
    start = _start(durations, group, group, node, 0)
    return Expected(ms=0, measured=start.told if start else f"{_UNKNOWN}{_start_limit(group)}")


def of_move(durations: Durations, old: Group, new: Group, source: str, target: str) -> Expected:
    """Stopped as `old` on `source`, then started as `new` on `target`; where that was never measured, a restart is
    nearly the same."""
    stop, start = _stop(durations, old, source, 0), _start(durations, old, new, target, 0)
    if stop is None or start is None:
        return _whole(durations, old, new, target) or _most(old, new, stop, start)
    return _sum(stop, start)


def of_change(durations: Durations, old: Group, new: Group, node: str, first: int) -> Expected:
    """Where it runs: stopped from the end down to the resource `first`, the new version put in place, started again."""
    stop, start = _stop(durations, old, node, first), _start(durations, old, new, node, first)
    if stop is None or start is None:
        return _most(old, new, stop, start)
    installed = _part(durations, VERSION, Kind.INSTALL, node, "the version put in place")
    return _sum(stop, installed, start) if installed is not None else _sum(stop, start)


def of_restart(durations: Durations, old: Group, new: Group, node: str) -> Expected:
    """As a whole, where it runs, because it was ordered."""
    return _whole(durations, old, new, node) or of_move(durations, old, new, node, node)


def after_fencing(durations: Durations, group: Group, target: str, offs_ms: Sequence[int]) -> Expected:
    """Its node's power is cut, then it is started on `target`. `offs_ms`: how long that took before it was proven."""
    off, start = middle(offs_ms), _start(durations, group, group, target, 0)
    known = [] if off is None else [f"off in {seconds(off)} ({_count(offs_ms)})"]
    known += [] if start is None else [start.told]
    if off is not None and start is not None:
        return Expected(ms=off + start.ms, measured=", ".join(known))
    known += [] if off is not None else ["how long its fence devices take is not known"]
    known += [] if start is not None else [f"{_UNKNOWN}{_start_limit(group)}"]
    return Expected(ms=None, measured=", ".join(known))


def _sum(*parts: _Part) -> Expected:
    return Expected(ms=sum(part.ms for part in parts), measured=", ".join(part.told for part in parts if part.told))


def _whole(durations: Durations, old: Group, new: Group, node: str) -> Expected | None:
    restart = _part(durations, old.name, Kind.RESTART, node, "restarted")
    return _sum(restart) if restart is not None and not _fresh(old, new, 0) else None


def _stop(durations: Durations, group: Group, node: str, first: int) -> _Part | None:
    """Until the resource `first`, which is the last one to stop, is gone."""
    if first >= len(group.resources):
        return _NOTHING
    unit = group.resources[first].unit if first else ""
    return _part(durations, group.name, Kind.STOP, node, "stopped", unit)


def _start(durations: Durations, old: Group, new: Group, node: str, first: int) -> _Part | None:
    """After the last resource that keeps running was there."""
    if first >= len(new.resources):
        return _NOTHING
    unit = new.resources[first - 1].unit if first else ""
    return None if _fresh(old, new, first) else _part(durations, new.name, Kind.START, node, "started", unit)


def _fresh(old: Group, new: Group, first: int) -> bool:
    """A resource is to be started that never was."""
    started = {resource.unit for resource in old.resources}
    return any(resource.unit not in started for resource in new.resources[first:])


def _part(durations: Durations, group: str, kind: Kind, node: str, done: str, unit: str = "") -> _Part | None:
    """The median; with a `unit` until that one is gone, or after it was there. None: it was never measured."""
    samples = durations.of(group, kind, node)
    if kind is Kind.START:
        ms = middle(one.ms - one.units.get(unit, 0) for one in samples)
    else:
        ms = middle(one.units.get(unit, one.ms) for one in samples)
    if ms is None:
        return None
    where = f"on {node}" if samples[0].node == node else "on other nodes"
    return _Part(ms=ms, told=f"{done} in {seconds(ms)} {where} ({_count(samples)})")


def _count(samples: Sequence[object]) -> str:
    return f"the median of {len(samples)}" if len(samples) > 1 else "once"


def _most(old: Group, new: Group, stop: _Part | None, start: _Part | None) -> Expected:
    """What is not known has its limit."""
    limits = [] if stop is not None else [f"{seconds(old.stop_timeout_ms)} to stop (StopTimeout=)"]
    limits += [] if start is not None else [_start_limit(new)]
    known = [part.told for part in (stop, start) if part is not None and part.told]
    return Expected(ms=None, measured=", ".join([*known, _UNKNOWN + " and ".join(limits)]))


def _start_limit(group: Group) -> str:
    return f"{seconds(group.start_timeout_ms)} to start (StartTimeout=)"


def seconds(ms: int) -> str:
    """For people: 240 ms, 1.5 s, 90 s."""
    return f"{ms} ms" if ms < 1000 else f"{round(ms / 1000, 1):g} s"
