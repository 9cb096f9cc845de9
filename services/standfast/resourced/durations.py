"""How long each group takes to start, stop and restart, as every node measures it from the record.

For `config plan`: what it costs to move a group is what moving it cost lately. Nothing is decided by it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

from standfast.resourced.presence import Held
from standfast.resourced.record import GroupRecord, Record
from standfast.vocabulary import Holding

KEPT = 5  # the last ones of each kind on each node
VERSION = ""  # stands where a group's name does: what is measured there is about the whole configuration


class Kind(StrEnum):
    """What was measured: an order, by its kind, or how a version was put in place."""

    START = "start"
    STOP = "stop"
    RESTART = "restart"
    INSTALL = "install"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Something that was done without anything going wrong."""

    kind: Kind
    node: str
    ms: int  # from the order, or from when the version came into force, to the report that it is done
    units: Mapping[str, int] = field(default_factory=dict)  # ms from the order until each was active, or was not


@dataclass(frozen=True, slots=True, kw_only=True)
class Durations:
    groups: Mapping[str, tuple[Sample, ...]] = field(default_factory=dict)  # by group or VERSION, the oldest first

    def having(self, group: str, sample: Sample) -> "Durations":
        """With one more sample; the oldest of its kind on that node goes when there are too many."""
        samples = (*self.groups.get(group, ()), sample)
        alike = [one for one in samples if (one.kind, one.node) == (sample.kind, sample.node)]
        kept = tuple(one for one in samples if len(alike) <= KEPT or one is not alike[0])
        return replace(self, groups={**self.groups, group: kept})

    def only(self, groups: Iterable[str], nodes: Iterable[str]) -> "Durations":
        """Of these groups and nodes."""
        names = set(nodes)
        kept = {
            group: tuple(one for one in self.groups.get(group, ()) if one.node in names) for group in (*groups, VERSION)
        }
        return replace(self, groups={group: samples for group, samples in kept.items() if samples})

    def of(self, group: str, kind: Kind, node: str) -> tuple[Sample, ...]:
        """Those on `node`; where there is none, those on the other nodes."""
        alike = tuple(one for one in self.groups.get(group, ()) if one.kind is kind)
        return tuple(one for one in alike if one.node == node) or alike


UNMEASURED: Final = Durations()


def middle(values: Iterable[int]) -> int | None:
    """Their median; None: there are none."""
    found = sorted(values)
    return (found[(len(found) - 1) // 2] + found[len(found) // 2]) // 2 if found else None


@dataclass(slots=True, kw_only=True)
class _Begun:
    number: int
    kind: Kind
    at: int
    units: dict[str, int] = field(default_factory=dict)


class Measuring:
    """Is shown each record as it follows from one update; `durations` is what was measured so far.

    What a change of term interrupts is not measured: nobody knows then when it ended.
    """

    def __init__(self, durations: Durations) -> None:
        self.durations = durations
        self._record: Record | None = None
        self._term = ""
        self._begun: dict[tuple[str, str], _Begun] = {}  # by group and node
        self._in_force_at: int | None = None  # when the version came into force, as far as this was seen

    def look(self, record: Record | None, term: str, now: int) -> None:
        """The record as it is at `now` (monotonic, ms) in the open term with the nonce `term` ("" = none is open)."""
        before, self._record = self._record, record
        if term != self._term:
            self._term = term
            self._begun.clear()
            self._in_force_at = None
        if record is before or record is None or before is None:
            return
        for name, group in record.groups.items():
            known = before.groups.get(name)
            if known is not None and known is not group:
                self._follow(name, known, group, now)
        if record.configuration != before.configuration:
            self.durations = self.durations.only(record.groups, record.nodes)
            self._in_force_at = now
        for name, node in record.nodes.items():
            if node is not before.nodes.get(name) and node.installed == record.configuration:
                self._installed(name, before, record, now)

    def _installed(self, name: str, before: Record, record: Record, now: int) -> None:
        """A node that stopped something for the version was slower by that, so it is not measured."""
        known, since = before.nodes.get(name), self._in_force_at
        if known is None or known.installed == record.configuration or since is None:
            return
        there = [group.held[name] for group in record.groups.values() if name in group.held]
        if all(_serves_whole(held) for held in there):
            self.durations = self.durations.having(VERSION, Sample(kind=Kind.INSTALL, node=name, ms=now - since))

    def _follow(self, name: str, before: GroupRecord, group: GroupRecord, now: int) -> None:
        for node in sorted({*before.open_orders, *group.open_orders}):
            order, begun = group.open_orders.get(node), self._begun.get((name, node))
            if begun is not None:
                _note_units(begun, group.held.get(node), now)
            if begun is not None and order is None and _done(begun.kind, group.held.get(node)):
                sample = Sample(kind=begun.kind, node=node, ms=now - begun.at, units=begun.units)
                self.durations = self.durations.having(name, sample)
            if begun is not None and (order is None or order.number != begun.number):
                del self._begun[name, node]
            if order is not None and order != before.open_orders.get(node) and _clean(Kind(order.kind), before, node):
                self._begun[name, node] = _Begun(number=order.number, kind=Kind(order.kind), at=now)


def _clean(kind: Kind, group: GroupRecord, node: str) -> bool:
    """It begins from nothing at all, or from a group that serves: what hangs, or is half done, takes another time."""
    return not group.holders if kind is Kind.START else _serves_whole(group.held.get(node))


def _done(kind: Kind, held: Held | None) -> bool:
    return held is None if kind is Kind.STOP else _serves(held)


def _serves_whole(held: Held | None) -> bool:
    """Also nothing of it is stopped for a version."""
    return held is not None and _serves(held) and not held.partial


def _serves(held: Held | None) -> bool:
    return held is not None and held.holding is Holding.RUNNING and not held.failed


def _note_units(begun: _Begun, held: Held | None, now: int) -> None:
    """When each unit was first seen as it is to be; a restart is measured as a whole only."""
    wanted = {Kind.START: ("active",), Kind.STOP: ("inactive", "failed")}.get(begun.kind, ())
    for one in held.resources if held is not None else ():
        if one.active in wanted:
            begun.units.setdefault(one.unit, now - begun.at)
