"""Fire drills in the record: one at a time, bounded, and refused unless the cluster is whole."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from sim.machine import UNITS, configuration
from standfast.configuration.model import Configuration, Probe, Resource
from standfast.resourced import story, telling
from standfast.resourced.apply import apply
from standfast.resourced.drill_checks import refuse_drill, subject_of, victim
from standfast.resourced.drills import REST_MS, Drill, DrillBegun, Drilled, DrillEnded
from standfast.resourced.messages import (
    AttemptBegun,
    Health,
    Leaving,
    LossDeclared,
    Members,
    OrderGiven,
    OrderKind,
    Reported,
    Update,
    Wish,
    WishKind,
)
from standfast.resourced.plan import plan
from standfast.resourced.presence import Held
from standfast.resourced.record import Record, with_node
from standfast.resourced.situation import Situation
from standfast.vocabulary import DrillKind, Holding
from unit.cluster import GROUP, NODES, after, because, fresh, member, situation, term

RUNS = {"n1": Holding.RUNNING}


def whole() -> Record:
    return term(fresh(), *NODES, held=RUNS)


def drill(kind: DrillKind = DrillKind.KILL, **changes: Any) -> Drill:
    made = Drill(
        id="one",
        kind=kind,
        node="n1",
        groups=(GROUP,),
        unit=UNITS[-1] if kind in (DrillKind.KILL, DrillKind.HANG) else "",
        leader="n2",
        by="uid 0 on n2",
        at="now",
        limit_ms=60_000,
    )
    return replace(made, **changes)


def known(record: Record | None = None) -> Configuration:
    return replace(configuration(list(NODES)), digest=(record or whole()).configuration)


def refused(record: Record, wanted: Drill, *, again: bool = False, **changes: Any) -> str:
    beside: Situation = replace(situation(), **changes)
    return refuse_drill(DrillBegun(drill=wanted, again=again), record, known(), beside)


# The record


def test_a_drill_that_begins_and_ends_says_of_its_group_how_it_went() -> None:
    record = after(whole(), DrillBegun(drill=drill()))
    assert record.drill == drill()
    record = after(record, DrillEnded(id="one", recovered={GROUP: 2900}))
    assert record.drill is None
    assert record.groups[GROUP].drilled == Drilled(kind=DrillKind.KILL, at="now", ms=2900, node="n1")
    assert record.last_drill == "one"


def test_of_two_drills_the_second_one_changes_nothing() -> None:
    record = after(whole(), DrillBegun(drill=drill()))
    assert after(record, DrillBegun(drill=drill(id="two"))).drill == drill()


def test_the_end_of_another_drill_ends_nothing() -> None:
    record = after(whole(), DrillBegun(drill=drill()))
    ended = after(record, DrillEnded(id="two", recovered={GROUP: 1}))
    assert (ended.drill, ended.groups[GROUP].drilled) == (drill(), None)


def test_a_fault_that_was_not_injected_leaves_what_was_proven_before() -> None:
    proven = after(after(whole(), DrillBegun(drill=drill())), DrillEnded(id="one", recovered={GROUP: 2900}))
    begun = after(proven, DrillBegun(drill=drill(id="two")))
    end = DrillEnded(id="two", failed="no nft", struck=False)
    ended = after(begun, end)
    assert (ended.drill, ended.groups[GROUP].drilled) == (None, proven.groups[GROUP].drilled)
    (entry,) = story.entries(begun, ended, 7, Update(nonce="n1-7", position=9, at="now", content=end))
    assert entry.text == f"{GROUP}: the fire drill has ended: it had no fault; no nft"


def test_a_drill_touches_no_number_so_no_order_is_void_by_it() -> None:
    record = whole()
    ended = after(after(record, DrillBegun(drill=drill())), DrillEnded(id="one"))
    assert ended.groups[GROUP].number == record.groups[GROUP].number


def test_what_is_known_of_drills_outlives_the_term() -> None:
    record = after(whole(), DrillBegun(drill=drill()))
    there = tuple(member(name) for name in NODES[1:])
    assert after(record, Members(members=there), number=8, position=1).drill == drill()


def test_who_conducts_it_is_gone_and_it_ends_by_itself() -> None:
    record = after(whole(), DrillBegun(drill=drill()))
    first = plan(record, known(), situation(now=1000))
    assert not [one for one in first.contents if isinstance(one, DrillEnded)]
    (end,) = (
        one
        for one in plan(record, known(), situation(now=61_000, waits=first.waits)).contents
        if isinstance(one, DrillEnded)
    )
    assert (end.id, end.recovered, end.failed) == ("one", {}, "n2 did not say within 60 s how it went")
    assert after(record, end).groups[GROUP].drilled == Drilled(kind=DrillKind.KILL, at="now", ms=0, node="n1")


def test_every_node_tells_of_it_in_the_journal() -> None:
    record = whole()
    begin = Update(nonce="n1-7", position=2, at="now", content=DrillBegun(drill=drill(DrillKind.POWER)))
    begun = apply(record, 7, begin)
    (entry,) = story.entries(record, begun, 7, begin)
    assert (entry.event, entry.fields["GROUP"], entry.fields["SUBJECT"]) == ("drill-begun", GROUP, "n1")
    assert entry.text == f"{GROUP}: fire drill: the power of n1 is cut (uid 0 on n2)"
    end = replace(begin, position=3, content=DrillEnded(id="one", recovered={GROUP: 2900}))
    (entry,) = story.entries(begun, apply(begun, 7, end), 7, end)
    assert (entry.event, entry.level) == ("drill-ended", telling.NOTICE)
    assert entry.text == f"{GROUP}: the fire drill has ended: it ran again after 2.9 s"
    late = replace(end, content=DrillEnded(id="one", failed="nothing noticed it"))
    (entry,) = story.entries(begun, apply(begun, 7, late), 7, late)
    assert entry.level == telling.WARNING
    assert entry.text.endswith("it did not run again in time; nothing noticed it")


# What is refused


def test_on_a_cluster_that_is_whole_each_kind_may_begin() -> None:
    assert {kind: refused(whole(), drill(kind)) for kind in DrillKind} == dict.fromkeys(DrillKind, "")


def reported(record: Record, **changes: Any) -> Record:
    held = Held(holding=Holding.RUNNING, **changes)
    return after(record, Reported(node="n1", group=GROUP, order=0, busy=False, held=held))


def wished(record: Record, kind: WishKind, subject: str) -> Record:
    return after(record, Wish(id="", kind=kind, subject=subject))


NOT_SAFE: list[tuple[Callable[[Record], Record], DrillKind, str]] = [
    (lambda record: after(record, DrillBegun(drill=drill(id="other"))), DrillKind.KILL, "a fire drill is under way"),
    (lambda record: wished(record, WishKind.MAINTENANCE, ""), DrillKind.KILL, "the cluster is in maintenance"),
    (lambda record: after(record, LossDeclared(node="n3", reason=because("it"))), DrillKind.KILL, "n3 waits for proof"),
    (lambda _: term(fresh(), "n1", "n2", held=RUNS), DrillKind.KILL, "the cluster is not whole: n3 is not here"),
    (lambda record: wished(record, WishKind.STANDBY, "n3"), DrillKind.KILL, "not whole: n3 is in standby"),
    (lambda record: after(record, Health(node="n3", healthy=False)), DrillKind.KILL, "n3 is not healthy"),
    (lambda record: after(record, Leaving(node="n3")), DrillKind.KILL, "n3 is leaving"),
    (lambda record: with_node(record, "n3", installed="d0"), DrillKind.KILL, "n3 has not the configuration in force"),
    (
        lambda record: after(
            replace(record, owed={"n3": "1.1"}),
            AttemptBegun(loss="1.1", node="n3", incarnation="", fencer="n1", action="on"),
        ),
        DrillKind.KILL,
        "a node is being switched off or on",
    ),
    (lambda record: replace(record, unconfirmed="d0", confirm_ms=9), DrillKind.KILL, "waits to be confirmed"),
    (
        lambda record: after(
            record,
            OrderGiven(group=GROUP, number=record.groups[GROUP].number, kind=OrderKind.RESTART, node="n1", reasons=()),
        ),
        DrillKind.KILL,
        f"{GROUP} is starting: wait until every group is at rest",
    ),
    (lambda record: wished(record, WishKind.FREEZE, GROUP), DrillKind.KILL, f"{GROUP} is frozen"),
    (lambda record: wished(record, WishKind.DISABLE, GROUP), DrillKind.KILL, f"{GROUP} is disabled"),
    (lambda record: wished(record, WishKind.STOP, GROUP), DrillKind.KILL, f"{GROUP} is stopped by an operator"),
    (lambda record: reported(record, by_hand=UNITS), DrillKind.KILL, f"{GROUP} is held by an administrator"),
    (lambda record: reported(record, partial=UNITS), DrillKind.KILL, f"{GROUP} is partial"),
    (lambda record: reported(record, failed="it is bad"), DrillKind.KILL, f"{GROUP} does not serve well"),
    (lambda _: term(fresh(), *NODES, held={"n2": Holding.RUNNING}), DrillKind.KILL, "does not run on n1 any more"),
    (lambda _: term(fresh(), *NODES, held={"n1": Holding.STOP_FAILED}), DrillKind.KILL, f"{GROUP} is blocked"),
    (lambda record: replace(record, last_drill="before"), DrillKind.KILL, "the last fire drill has just ended"),
]


@pytest.mark.parametrize(("spoil", "kind", "words"), NOT_SAFE, ids=[words for _, _, words in NOT_SAFE])
def test_what_is_not_whole_has_its_reason(spoil: Callable[[Record], Record], kind: DrillKind, words: str) -> None:
    text = refused(spoil(whole()), drill(kind))
    assert words in text
    assert "\n" not in text


def test_a_node_that_conducts_it_cannot_be_the_one_that_is_cut_off() -> None:
    for kind in (DrillKind.POWER, DrillKind.CUT):
        assert "type it on another node" in refused(whole(), drill(kind, leader="n1"))
    assert refused(whole(), drill(leader="n1")) == ""


def test_the_others_must_stay_quorate() -> None:
    record = replace(whole(), nodes={**whole().nodes, "n1": replace(whole().nodes["n1"], votes=3)})
    nodes = tuple(replace(node, votes=3) if node.name == "n1" else node for node in known().nodes)
    heavy = replace(known(), nodes=nodes)
    text = refuse_drill(DrillBegun(drill=drill(DrillKind.CUT)), record, heavy, situation())
    assert text == "without n1 the others would not be quorate"


def test_without_a_fence_device_nobody_is_cut_off_and_an_unsafe_cluster_has_no_drills() -> None:
    bare = replace(known(), nodes=tuple(replace(node, fence=()) for node in known().nodes))
    text = refuse_drill(DrillBegun(drill=drill()), whole(), bare, situation())
    assert text.startswith("the cluster is not safe")
    watched = replace(bare, nodes=tuple(replace(node, watchdog="/dev/watchdog") for node in bare.nodes))
    assert refuse_drill(DrillBegun(drill=drill()), whole(), watched, situation()) == ""
    text = refuse_drill(DrillBegun(drill=drill(DrillKind.POWER)), whole(), watched, situation())
    assert text.startswith("n1 has no fence device")


def test_a_term_that_has_just_begun_and_groups_that_moved_are_waited_for() -> None:
    assert refused(whole(), drill(), orders_allowed=False) == "the term has just begun: try again"
    text = refused(whole(), drill(DrillKind.POWER, groups=()))
    assert text == "other groups run on n1 than a moment ago: try again"


def test_after_a_drill_there_is_a_pause_unless_somebody_insists() -> None:
    rested = replace(whole(), last_drill="before")
    soon: dict[str, Any] = {"now": REST_MS - 1000, "waits": {"drilled before": 0}}
    assert refused(rested, drill(), **soon) == "the last fire drill has just ended: wait 1 s, or insist with --again"
    assert refused(rested, drill(), again=True, **soon) == ""
    assert refused(rested, drill(), now=REST_MS, waits={"drilled before": 0}) == ""


def test_the_end_of_a_drill_that_has_ended_is_refused() -> None:
    record = after(whole(), DrillBegun(drill=drill()))
    assert refuse_drill(DrillEnded(id="one"), record, known(), situation()) == ""
    for wanted in (DrillEnded(id="two"), None):
        assert "not under way any more" in refuse_drill(wanted, record, known(), situation())


# What is drilled


def test_a_group_means_its_node_and_all_that_runs_there() -> None:
    for kind in (DrillKind.POWER, DrillKind.CUT):
        for subject in (GROUP, "n1"):
            assert subject_of(kind, subject, whole(), known()) == ("n1", (GROUP,), "")
        assert subject_of(kind, "n3", whole(), known()) == ("n3", (), "")
    assert subject_of(DrillKind.KILL, GROUP, whole(), known()) == ("n1", (GROUP,), UNITS[-1])


@pytest.mark.parametrize(
    ("kind", "subject", "words"),
    [
        (DrillKind.KILL, "n1", "n1 is a node; kill is for a group"),
        (DrillKind.KILL, "mail", f"there is no group mail; there are: {GROUP}"),
        (DrillKind.CUT, "n9", f"there is no group or node n9; there are: {GROUP}, n1, n2, n3"),
    ],
)
def test_what_is_neither_is_named_with_what_there_is(kind: DrillKind, subject: str, words: str) -> None:
    with pytest.raises(LookupError, match=words):
        subject_of(kind, subject, whole(), known())


def test_a_group_that_runs_nowhere_has_nothing_to_drill() -> None:
    with pytest.raises(LookupError, match="is stopped, so there is nothing to drill"):
        subject_of(DrillKind.POWER, GROUP, term(fresh(), *NODES), known())


@pytest.mark.parametrize(
    ("resources", "unit"),
    [
        ((Resource(unit="a.service"), Resource(unit="b.service")), "b.service"),
        (
            (Resource(unit="a.service", probes=(Probe(name="", unit="a.service"),)), Resource(unit="b.service")),
            "a.service",
        ),
        ((Resource(unit="a.service"), Resource(unit="b.service", critical=False)), "a.service"),
        ((Resource(unit="a.service"), Resource(unit="standfast-ip@192.0.2.1.service")), "a.service"),
        ((Resource(unit="standfast-ip@192.0.2.1.service"),), "standfast-ip@192.0.2.1.service"),
        ((Resource(unit="srv.mount"),), ""),
    ],
)
def test_the_top_critical_service_is_struck_one_with_a_probe_first(resources: tuple[Resource, ...], unit: str) -> None:
    group = replace(known().groups[0], resources=resources)
    assert victim(group) == unit
