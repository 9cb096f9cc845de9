"""Time between entries, whatever clocks say, and the journals of several nodes as one: pure.

A journal's order counts, and within one boot the time that does not jump. Two nodes have entries in common, of the
updates of the record, which both read within milliseconds: they say how far apart the nodes' clocks are.
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from statistics import median
from typing import Final

from standfast.incidents.entry import Entry

_NEAR: Final = 5  # shared entries on each side that say how far apart the clocks are at a moment
_LATELY: Final = 50  # shared entries, the last ones, that say how far apart they are now
_ONE: Final = "several nodes"  # the boot of entries that are on one axis of time already
_US: Final = timedelta(microseconds=1)


def elapsed_us(earlier: Entry, later: Entry) -> int:
    """From one entry to another that follows it in the same journal, never negative."""
    if earlier.boot == later.boot and earlier.uptime_us is not None and later.uptime_us is not None:
        return max(0, later.uptime_us - earlier.uptime_us)
    return max(0, (later.at - earlier.at) // _US)


def axis_us(entries: Sequence[Entry]) -> list[int]:
    """When each entry of one journal was written, counted from the first one; it never goes back."""
    at_us: list[int] = []
    first = 0  # entry of this boot
    for index, entry in enumerate(entries):
        if index and (entry.boot != entries[first].boot or entry.uptime_us is None):
            at_us.append(at_us[-1] + elapsed_us(entries[index - 1], entry))
            first = index
        else:
            us = at_us[first] + elapsed_us(entries[first], entry) if index else 0
            at_us.append(max(us, at_us[-1]) if index else us)
    return at_us


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """Several journals as one."""

    entries: tuple[Entry, ...]  # in order, each event that several nodes read once, times by the first node's clock
    ahead: Mapping[str, timedelta | None]  # by node: how far its clock is ahead; None: they share no entry


def merge(own: Sequence[Entry], others: Mapping[str, Sequence[Entry]]) -> Merged:
    """`own` with what the journals of other nodes have beside it."""
    known = _on_axis(own, axis_us(own))
    ahead: dict[str, timedelta | None] = {}
    for name, told in others.items():
        told = [replace(entry, host=name) for entry in told]
        if not known:
            known = _on_axis(told, axis_us(told))
            continue
        known, ahead[name] = _merge_one(known, told)
    return Merged(entries=tuple(known), ahead=ahead)


def _on_axis(entries: Sequence[Entry], at_us: Iterable[int]) -> list[Entry]:
    return [replace(entry, boot=_ONE, uptime_us=us) for entry, us in zip(entries, at_us, strict=True)]


@dataclass(frozen=True, slots=True)
class _Shared:
    """An event that both journals have."""

    theirs_us: int  # on the axis of their journal
    ours_us: int
    ahead: timedelta


def _merge_one(known: list[Entry], told: list[Entry]) -> tuple[list[Entry], timedelta | None]:
    ours = {key: entry for entry in known if (key := _key(entry)) is not None}
    theirs_us = axis_us(told)
    shared: dict[str, list[_Shared]] = {}  # by their boot: from one to the next the axis is a guess
    for entry, us in zip(told, theirs_us, strict=True):
        same = ours.get(key) if (key := _key(entry)) is not None else None
        if same is not None:
            shared.setdefault(entry.boot, []).append(_Shared(us, same.uptime_us or 0, entry.at - same.at))
    ahead = _ahead([one for many in shared.values() for one in many])
    by_clock = sorted(known, key=lambda one: one.at)
    placed: list[Entry] = []
    for entry, us in zip(told, theirs_us, strict=True):
        if _key(entry) in ours:
            continue
        at_us = us + _shift_us(shared[entry.boot], us) if entry.boot in shared else _by_clock_us(by_clock, entry, ahead)
        last_us = placed[-1].uptime_us if placed else None
        at_us = at_us if last_us is None else max(at_us, last_us)
        placed.append(replace(entry, at=_clock(known, at_us), boot=_ONE, uptime_us=at_us))
    return sorted([*known, *placed], key=lambda entry: entry.uptime_us or 0), ahead


def _key(entry: Entry) -> tuple[str, ...] | None:
    """What an event that every member reads is known by."""
    return (entry.position, entry.event, entry.text) if entry.position else None


def _ahead(shared: Sequence[_Shared]) -> timedelta | None:
    """The median, as a node may have read an update late."""
    return timedelta(microseconds=median(one.ahead // _US for one in shared[-_LATELY:])) if shared else None


def _shift_us(shared: Sequence[_Shared], us: int) -> int:
    """From their axis to ours at that moment of theirs."""
    place = bisect_left(shared, us, key=lambda one: one.theirs_us)
    near = shared[max(0, place - _NEAR) : place + _NEAR]
    return round(median(one.ours_us - one.theirs_us for one in near))


def _by_clock_us(known: Sequence[Entry], entry: Entry, ahead: timedelta | None) -> int:
    """On our axis by nothing but the clocks; `known` is sorted by ours."""
    at = _minus(entry.at, ahead or timedelta(0))
    place = bisect_left(known, at, key=lambda one: one.at)
    nearest = min(known[max(0, place - 1) : place + 1], key=lambda one: abs(one.at - at))
    return (nearest.uptime_us or 0) + (at - nearest.at) // _US


def _clock(known: Sequence[Entry], at_us: int) -> datetime:
    """What our clock said then."""
    place = bisect_left(known, at_us, key=lambda one: one.uptime_us or 0)
    nearest = min(known[max(0, place - 1) : place + 1], key=lambda one: abs((one.uptime_us or 0) - at_us))
    return _minus(nearest.at, ((nearest.uptime_us or 0) - at_us) * _US)


def _minus(at: datetime, time: timedelta) -> datetime:
    try:
        return at - time
    except OverflowError:
        return at
