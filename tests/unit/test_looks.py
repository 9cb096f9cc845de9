"""Which probes a node makes of groups that it does not hold, and how long the record knows what it sees."""

from dataclasses import replace

import pytest

from sim.machine import UNITS, configuration
from standfast.configuration.model import Configuration, Domain, Level, OnFail, Probe
from standfast.resourced.blame import sees_good
from standfast.resourced.changing import make_hands
from standfast.resourced.events import Action, Look, Looked, LookOn
from standfast.resourced.hands import Hand
from standfast.resourced.looks import Looks
from standfast.resourced.messages import Members, OrderGiven, OrderKind, Reported, Viewed
from standfast.resourced.presence import Held, View
from standfast.resourced.record import Record
from standfast.resourced.stages import Gate
from standfast.vocabulary import Holding
from unit.cluster import GROUP, NODES, after, because, fresh, member, term

IP, WEB = UNITS
OUTSIDE = Probe(name="gateway", unit=IP, outside=True)
SEEN = Probe(name="page", unit=WEB, peers=True)
GATEWAY, PAGE = OUTSIDE.full_name, SEEN.full_name


def asking(*probes: Probe) -> Configuration:
    """The example with these probes."""
    known = configuration(list(NODES))
    group = known.groups[0]
    resources = tuple(
        replace(one, probes=tuple(probe for probe in probes if probe.unit == one.unit)) for one in group.resources
    )
    return replace(known, groups=(replace(group, resources=resources),))


def running(node: str = "n1") -> Record:
    """The group was ordered to start there, and did."""
    record = term(fresh(), *NODES)
    number = record.groups[GROUP].number
    start = OrderGiven(group=GROUP, number=number, kind=OrderKind.START, node=node, reasons=(because("x"),))
    record = after(record, start)
    held = Held(holding=Holding.RUNNING)
    return after(record, Reported(node=node, group=GROUP, order=record.groups[GROUP].number, busy=False, held=held))


class Bench:
    def __init__(self, known: Configuration, me: str = "n2") -> None:
        self.known = known
        self.acts: list[Action] = []
        self.looks = Looks(me, self.acts.append)
        self.hands: dict[str, Hand] = make_hands(known.groups, {}, self.acts.append, lambda _: Gate.OPEN)

    def looks_at(self, record: Record | None) -> tuple[Look, ...] | None:
        """None: nothing changes."""
        self.looks.advance(record, self.known, self.hands)
        told = [act.looks for act in self.acts if isinstance(act, LookOn)]
        self.acts.clear()
        return told[0] if told else None


def test_what_is_outside_is_asked_by_everyone_who_may_run_the_group_and_does_not_hold_it() -> None:
    bench = Bench(asking(OUTSIDE))
    (look,) = bench.looks_at(None) or ()
    assert (look.run, [(one.full_name, one.start_timeout_ms) for one in look.probes]) == (0, [(GATEWAY, 0)])
    assert bench.looks_at(running()) is None
    bench.hands[GROUP].ordered(OrderKind.START, 1, 0)
    bench.acts.clear()
    assert bench.looks_at(running()) == ()


@pytest.mark.parametrize(
    "other", [{"outside": False}, {"level": Level.READY}, {"level": Level.STARTUP}, {"on_fail": OnFail.ALERT}]
)
def test_what_decides_nothing_is_not_asked_from_elsewhere(other: dict[str, object]) -> None:
    assert Bench(asking(replace(OUTSIDE, **other))).looks_at(running()) is None  # type: ignore[arg-type]


def test_who_may_not_run_it_does_not_ask_what_is_outside() -> None:
    known = asking(OUTSIDE)
    domain = Domain(name="web", nodes=("n1",), restricted=True)
    assert Bench(replace(known, domains=(domain,))).looks_at(running()) is None


def test_peers_look_at_each_run_anew_while_it_runs_elsewhere() -> None:
    bench, record = Bench(asking(SEEN)), running()
    assert bench.looks_at(term(fresh(), *NODES)) is None
    (look,) = bench.looks_at(record) or ()
    assert (look.run, look.probes) == (record.groups[GROUP].run, (SEEN,))
    assert Bench(asking(SEEN), "n1").looks_at(record) is None
    bench.looks.told(Looked(group=GROUP, view=View(run=look.run, good=(PAGE,))))
    assert bench.looks.views == {GROUP: View(run=look.run, good=(PAGE,))}
    number = record.groups[GROUP].number
    again = OrderGiven(group=GROUP, number=number, kind=OrderKind.RESTART, node="n1", reasons=())
    (next_look,) = bench.looks_at(after(record, again)) or ()
    assert (next_look.run > look.run, bench.looks.views) == (True, {})
    bench.looks.told(Looked(group=GROUP, view=View(run=look.run, bad=(PAGE,))))
    assert bench.looks.views == {}


def seen(record: Record, **views: View) -> Record:
    for node, view in views.items():
        record = after(record, Viewed(node=node, group=GROUP, view=view))
    return record


# In the record


def test_what_a_node_saw_goes_with_its_term() -> None:
    (group,), view = asking(OUTSIDE).groups, View(good=(GATEWAY,))
    record = seen(running(), n2=view)
    assert sees_good(group, "n2", record)
    assert not sees_good(group, "n3", record)
    assert not sees_good(group, "n2", seen(record, n2=View()))
    without = after(record, Members(members=(member("n1"), member("n3"))), number=8, position=1)
    assert (without.nodes["n2"].views, sees_good(group, "n2", seen(without, n2=view))) == ({}, False)
    there = (member("n1"), replace(member("n2"), views={GROUP: view}))
    assert sees_good(group, "n2", after(without, Members(members=there), number=9, position=1))
