"""For how long a group will not be served, as far as its starts and stops were measured; else what its timeouts say."""

from collections.abc import Iterable
from dataclasses import dataclass

from standfast.configuration.model import Group
from standfast.resourced.durations import Durations, Sample, middle
from standfast.resourced.messages import OrderKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    ms: int | None  # None: unknown
    measured: str  # how that is known, or what is the most that it can be; for people


def of_start(durations: Durations, group: Group, node: str) -> Expected:
    """It is not served now, so nothing is interrupted."""
    start = _starts(durations, group, node, 0)
    return Expected(ms=0, measured=_told(start, "started", node) if start else _most(f"{_start_limit(group)} to start"))


def of_move(durations: Durations, old: Group, new: Group, source: str, target: str, first: int = 0) -> Expected:
    """Stopped as `old` on `source` and started as `new` on `target`, from the resource with the index `first` up."""
    stop, start = _stops(durations, old, source, first), _starts(durations, new, target, first)
    if stop and start:
        total = _middle(stop) + _middle(start)
        return Expected(ms=total, measured=f"{_told(stop, 'stopped', source)}, {_told(start, 'started', target)}")
    whole = durations.of(old.name, OrderKind.RESTART, target)
    if whole and not first:
        samples = [(one, one.ms) for one in whole]
        return Expected(ms=_middle(samples), measured=_told(samples, "restarted", target))
    limits = f"{_stop_limit(old)} to stop and {_start_limit(new)} to start"
    return Expected(ms=None, measured=_most(limits))


def of_restart(durations: Durations, old: Group, new: Group, node: str) -> Expected:
    """As a whole, where it runs."""
    whole = [(one, one.ms) for one in durations.of(old.name, OrderKind.RESTART, node) if one.node == node]
    if whole:
        return Expected(ms=_middle(whole), measured=_told(whole, "restarted", node))
    return of_move(durations, old, new, node, node)


_Timed = list[tuple[Sample, int]]


def _stops(durations: Durations, group: Group, node: str, first: int) -> _Timed:
    """How long it took until the last of these resources, which is the first in start order, was gone."""
    unit = group.resources[first].unit if 0 < first < len(group.resources) else ""
    samples = durations.of(group.name, OrderKind.STOP, node)
    return [(one, one.units.get(unit, one.ms) if first < len(group.resources) else 0) for one in samples]


def _starts(durations: Durations, group: Group, node: str, first: int) -> _Timed:
    """How long it took after the last one that keeps running was there."""
    unit = group.resources[first - 1].unit if first else ""
    samples = durations.of(group.name, OrderKind.START, node)
    return [(one, one.ms - one.units.get(unit, 0) if first < len(group.resources) else 0) for one in samples]


def _middle(samples: Iterable[tuple[Sample, int]]) -> int:
    found = middle(ms for _, ms in samples)
    assert found is not None
    return found


def _told(samples: _Timed, done: str, node: str) -> str:
    where = f"on {node}" if samples[0][0].node == node else "on other nodes"
    count = f"the median of {len(samples)}" if len(samples) > 1 else "once"
    return f"{done} in {seconds(_middle(samples))} {where} ({count})"


def _most(limits: str) -> str:
    return f"not measured yet: at most {limits}"


def _stop_limit(group: Group) -> str:
    return f"{seconds(group.stop_timeout_ms)} (StopTimeout=)"


def _start_limit(group: Group) -> str:
    return f"{seconds(group.start_timeout_ms)} (StartTimeout=)"


def seconds(ms: int) -> str:
    """For people: 240 ms, 1.5 s, 90 s."""
    return f"{ms} ms" if ms < 1000 else f"{round(ms / 1000, 1):g} s"
