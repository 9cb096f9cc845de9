"""What groups mean to each other: when one starts, stops and waits because of another."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from sim.machine import configuration
from standfast.configuration.model import Configuration
from standfast.resourced.messages import (
    Content,
    LossDeclared,
    OrderGiven,
    OrderKind,
    Reported,
    Wish,
    WishKind,
)
from standfast.resourced.outlook import Outlook
from standfast.resourced.plan import plan
from standfast.resourced.presence import Held
from standfast.resourced.reasons import Rule, sentence
from standfast.resourced.record import Record, initial
from standfast.resourced.situation import Situation, Waits
from standfast.resourced.together import Together, comes_up, crowded, must_stop, must_wait, stops_first, unfit
from standfast.vocabulary import Holding
from unit.cluster import NODES, after, because, situation, term

DATABASE, WEBSERV, ARCHIVE = "database", "webserv", "archive"
GROUPS = (ARCHIVE, DATABASE, WEBSERV)


def configured(**settings: Mapping[str, Any]) -> Configuration:
    """Three groups on any node, each with the settings given under its name."""
    known = configuration(list(NODES))
    plain = replace(known.groups[0], domain=None)
    groups = tuple(replace(plain, name=name, **settings.get(name, {})) for name in GROUPS)
    return replace(known, groups=groups)


NEEDS = configured(webserv={"needs": (DATABASE,)})


def running(*places: tuple[str, str]) -> Record:
    """A term of all nodes in which these groups run there."""
    record = term(initial("d1", dict.fromkeys(NODES, 1), GROUPS), *NODES)
    for group, node in places:
        record = told(record, group, node)
    return record


def told(record: Record, group: str, node: str, holding: Holding = Holding.RUNNING, failed: str = "") -> Record:
    held = Held(holding=holding, failed=failed)
    return after(record, Reported(node=node, group=group, order=1 << 30, busy=False, held=held))


def wished(record: Record, kind: WishKind, subject: str, node: str = "") -> Record:
    return after(record, Wish(id="w", kind=kind, subject=subject, node=node))


def outlook(record: Record, known: Configuration = NEEDS, at: Situation | None = None) -> Outlook:
    at = at or situation()
    return Outlook(record, known, at, Waits(at.waits, at.now))


def orders(record: Record, known: Configuration = NEEDS, at: Situation | None = None) -> list[tuple[str, str, str]]:
    contents = plan(record, known, at or situation()).contents
    return [(c.kind.value, c.group, c.node) for c in contents if isinstance(c, OrderGiven)]


BOTH = running((DATABASE, "n1"), (WEBSERV, "n2"), (ARCHIVE, "n3"))


def test_groups_are_planned_by_priority_and_behind_what_they_need_or_start_after() -> None:
    known = configured(
        webserv={"needs": (DATABASE,), "priority": 9}, database={"after": (ARCHIVE,)}, archive={"priority": -1}
    )
    assert [group.name for group in Together(known).order] == [ARCHIVE, DATABASE, WEBSERV]
    ranked = configured(webserv={"priority": 9}, database={"priority": 5})
    assert [group.name for group in Together(ranked).order] == [WEBSERV, DATABASE, ARCHIVE]


def test_a_circle_or_a_name_that_is_not_configured_ends_no_planning() -> None:
    known = configured(webserv={"needs": (DATABASE, "ghost")}, database={"needs": (WEBSERV,), "apart": ("ghost",)})
    assert {group.name for group in Together(known).order} == set(GROUPS)
    why = must_wait(known.groups[2], outlook(BOTH, known))
    assert why is not None
    assert sentence(why) == "needs ghost, which is not configured"
    stop = must_stop(known.groups[2], outlook(BOTH, known))
    assert stop is not None
    assert stop.facts["group"] == "ghost"


@pytest.mark.parametrize(
    ("record", "phase"),
    [
        (running(), "stopped"),
        (running((DATABASE, "n1"), (DATABASE, "n2")), ""),
        (told(running(), DATABASE, "n1", Holding.QUEUED), "starting"),
        (told(running(), DATABASE, "n1", Holding.STOPPING), "stopping"),
        (told(running(), DATABASE, "n1", Holding.STOP_FAILED), "blocked"),
        (told(running(), DATABASE, "n1", Holding.RUNNING, "broken"), "failing"),
        (wished(BOTH, WishKind.STOP, DATABASE), "about to stop"),
        (BOTH, ""),
    ],
    ids=["stopped", "twice", "starting", "stopping", "blocked", "failed", "unwanted", "runs"],
)
def test_it_starts_only_while_what_it_needs_runs_well(record: Record, phase: str) -> None:
    why = must_wait(NEEDS.groups[2], outlook(record))
    assert (sentence(why) if why else "") == (f"needs database, which is {phase}" if phase else "")


def test_it_starts_although_what_it_needs_had_failed_on_a_node_that_it_left() -> None:
    record = told(running((DATABASE, "n2"), (ARCHIVE, "n3")), DATABASE, "n1", Holding.NOTHING, "broken")
    assert orders(record) == [("start", WEBSERV, "n1")]


def test_it_stops_before_what_it_needs() -> None:
    record = wished(BOTH, WishKind.STOP, DATABASE)
    assert orders(record) == [("stop", WEBSERV, "n2")]
    assert orders(told(record, WEBSERV, "n2", Holding.NOTHING)) == [("stop", DATABASE, "n1")]


def test_what_is_needed_and_fails_stops_at_once_and_what_needs_it_too() -> None:
    known = configured(webserv={"needs": (DATABASE,)}, database={"max_restarts": 0})
    record = told(BOTH, DATABASE, "n1", Holding.RUNNING, "broken")
    assert orders(record, known) == [("stop", DATABASE, "n1"), ("stop", WEBSERV, "n2")]


def test_it_keeps_running_while_what_it_needs_is_restarted() -> None:
    record = told(BOTH, DATABASE, "n1", Holding.RUNNING, "broken")
    assert orders(record) == [("restart", DATABASE, "n1")]
    restarting = after(record, plan(record, NEEDS, situation()).contents[0])
    assert orders(restarting) == []


def test_it_keeps_running_while_only_the_resourced_of_what_it_needs_is_away() -> None:
    record = term(BOTH, "n2", "n3", number=8)
    record = told(told(record, WEBSERV, "n2"), ARCHIVE, "n3")
    assert orders(record) == []
    gone = situation(ring=frozenset({"n2", "n3"}))
    assert orders(record, at=gone) == [("stop", WEBSERV, "n2")]
    assert orders(wished(record, WishKind.STOP, DATABASE)) == [("stop", WEBSERV, "n2")]


@pytest.mark.parametrize(
    "content",
    [
        Wish(id="w", kind=WishKind.FREEZE, subject=WEBSERV),
        Reported(node="n2", group=WEBSERV, order=0, busy=False, held=Held(holding=Holding.STOP_FAILED, failed="stuck")),
        Reported(node="n2", group=WEBSERV, order=0, busy=False, held=Held(holding=Holding.NOTHING)),
        LossDeclared(node="n2", reason=because("stuck")),
    ],
    ids=["frozen", "blocked", "gone", "its node is being fenced"],
)
def test_nothing_waits_for_a_group_that_cannot_be_stopped(content: Content) -> None:
    assert stops_first(DATABASE, Together(NEEDS), outlook(BOTH)) == WEBSERV
    assert stops_first(DATABASE, Together(NEEDS), outlook(after(BOTH, content))) == ""


@pytest.mark.parametrize(
    ("kind", "needs", "found"),
    [
        (OrderKind.START, {WEBSERV: {"needs": (DATABASE,)}}, WEBSERV),
        (OrderKind.RESTART, {WEBSERV: {"needs": (DATABASE,)}}, WEBSERV),
        (OrderKind.STOP, {WEBSERV: {"needs": (DATABASE,)}}, ""),
        (OrderKind.START, {WEBSERV: {"needs": (ARCHIVE,)}}, ""),
        (OrderKind.START, {WEBSERV: {"needs": (ARCHIVE,)}, ARCHIVE: {"needs": (DATABASE,)}}, WEBSERV),
        (OrderKind.STOP, {WEBSERV: {"needs": (DATABASE,)}, DATABASE: {"needs": (WEBSERV,)}}, ""),
    ],
    ids=["starts", "restarts", "stops", "needs another", "by another", "a circle"],
)
def test_what_needs_a_group_is_being_started(kind: OrderKind, needs: Mapping[str, Any], found: str) -> None:
    known = configured(**needs)
    number = BOTH.groups[WEBSERV].number
    order = OrderGiven(group=WEBSERV, number=number, kind=kind, node="n2", reasons=(because("why"),))
    assert comes_up(DATABASE, Together(known), outlook(after(BOTH, order), known)) == found


def test_it_starts_after_another_only_while_that_is_on_its_way() -> None:
    known = configured(webserv={"after": (DATABASE, "ghost")})
    webserv = known.groups[2]
    assert must_wait(webserv, outlook(running(), known)) is None
    begun = outlook(running(), known)
    begun.plan_start(DATABASE, "n1")
    why = must_wait(webserv, begun)
    assert why is not None
    assert (why.rule, sentence(why)) == (Rule.AFTER, "starts after database, which is about to start")
    assert must_wait(webserv, outlook(told(running(), DATABASE, "n1", Holding.QUEUED), known)) is not None
    assert must_wait(webserv, outlook(told(running(), DATABASE, "n1", Holding.NOTHING, "broken"), known)) is None


@pytest.mark.parametrize(
    ("settings", "node", "text"),
    [
        ({WEBSERV: {"apart": (DATABASE,)}}, "n1", "n1 has database, and the two are kept apart"),
        ({DATABASE: {"apart": (WEBSERV,)}}, "n1", "n1 has database, and the two are kept apart"),
        ({DATABASE: {"exclusive": True}}, "n1", "n1 has database, which wants its node for itself"),
        ({WEBSERV: {"exclusive": True}}, "n1", "n1 has database, and it wants its node for itself"),
        ({WEBSERV: {"exclusive": True}}, "n2", ""),
        ({WEBSERV: {"apart": (ARCHIVE,)}}, "n1", ""),
    ],
    ids=["apart", "apart the other way", "taken", "not empty", "its own node", "apart from another"],
)
def test_a_node_does_not_take_every_group(settings: Mapping[str, Any], node: str, text: str) -> None:
    known = configured(**settings)
    why = unfit(known.groups[2], node, Together(known), outlook(BOTH, known))
    assert (sentence(why) if why else "") == text


@pytest.mark.parametrize(
    ("most", "text"), [(None, ""), (2, ""), (1, "n1 is starting as many groups as it may at once (1)")]
)
def test_a_node_starts_so_many_groups_at_once(most: int | None, text: str) -> None:
    known = replace(NEEDS, cluster=replace(NEEDS.cluster, max_starts=most))
    record = running()
    start = OrderGiven(
        group=ARCHIVE, number=record.groups[ARCHIVE].number, kind=OrderKind.START, node="n1", reasons=(because("why"),)
    )
    why = crowded("n1", outlook(after(record, start), known))
    assert (sentence(why) if why else "") == text


def test_of_two_nodes_that_cannot_stop_a_group_one_is_fenced_and_what_it_may_run_waits() -> None:
    """Of three nodes the second one would cost the quorum, though both are still here when it is planned."""
    record = told(running(), DATABASE, "n2", Holding.STOP_FAILED, "stuck")
    record = told(record, WEBSERV, "n3", Holding.STOP_FAILED, "stuck")
    known = configured(archive={"priority": -1})
    (loss,) = plan(record, known, situation()).contents
    assert isinstance(loss, LossDeclared)
    assert loss.node == "n2"
    later = plan(after(record, loss), known, situation()).contents
    assert not any(isinstance(content, LossDeclared) for content in later)
