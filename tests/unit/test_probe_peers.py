"""A probe with From=peers is made by the other nodes; who runs the group takes what they see."""

import asyncio

import pytest

from sim.machine import configuration
from standfast.configuration.model import Level, Probe
from standfast.probes.verdict import Outcome, Try
from standfast.resourced import probes
from standfast.resourced.events import Look, Looked
from standfast.resourced.looking import Looking
from standfast.resourced.looks import peer_views
from standfast.resourced.presence import View
from standfast.resourced.probe_judge import seen_by_peers
from standfast.resourced.probes import Probes
from standfast.resourced.record import GroupRecord, NodeRecord, Record
from standfast.vocabulary import ProbeState
from unit.probing import UNIT, in_loop, probe
from unit.test_probes import Told, group

PAGE = probe(name="page", peers=True, interval_ms=3_600_000)
GOOD, BAD, NOTHING = View(run=7, good=(f"{UNIT}/page",)), View(run=7, bad=(f"{UNIT}/page",)), View(run=7)


@pytest.mark.parametrize(
    ("views", "outcome", "text"),
    [
        ({"n2": GOOD, "n3": NOTHING}, Outcome.GOOD, "good from n2"),
        ({"n2": GOOD, "n3": BAD, "n4": BAD}, Outcome.GOOD, "good from n2 and bad from n3, n4"),
        ({"n2": NOTHING, "n3": BAD}, Outcome.BAD, "bad from n3"),
        ({"n2": NOTHING, "n3": View()}, Outcome.UNKNOWN, "no other node has seen it yet"),
        ({}, Outcome.UNKNOWN, "no other node has seen it yet"),
    ],
)
def test_it_is_good_if_anybody_sees_it_good_and_bad_if_all_who_saw_it_say_so(
    views: dict[str, View], outcome: Outcome, text: str
) -> None:
    one = seen_by_peers(PAGE, views)
    assert (one.outcome, one.text) == (outcome, text)


def test_only_what_members_see_of_this_run_counts() -> None:
    known = configuration(["n1", "n2", "n3", "n4"])
    (webserv,) = known.groups
    unit = webserv.resources[0].unit
    old = View(run=6, bad=("x",))
    views = {"n1": {webserv.name: GOOD}, "n2": {webserv.name: old}, "n3": {}, "n4": {webserv.name: GOOD}}
    nodes = {name: NodeRecord(votes=1, present=name != "n4", views=seen) for name, seen in views.items()}
    record = Record(nodes=nodes, groups={webserv.name: GroupRecord(run=7)}, losses={}, owed={})
    assert peer_views("n1", record, known, unit) == {"n2": View(), "n3": View()}
    assert peer_views("n2", record, known, unit) == {"n1": GOOD, "n3": View()}
    assert peer_views("n1", None, known, unit) == peer_views("n1", record, known, "other.service") == {}


@in_loop
async def test_who_runs_the_group_takes_what_the_others_see_and_asks_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    async def check(_: Probe) -> Try:
        raise AssertionError("it is the others' to look")

    monkeypatch.setattr(probes, "check", check)
    views: dict[str, View] = {}
    told = Told()
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        several = Probes(tasks, told, peers=lambda unit: views if unit == UNIT else {})
        several.watch(group(PAGE))
        several.start("webserv")
        for count, (node, view) in enumerate((("n2", NOTHING), ("n2", GOOD), ("n3", BAD), ("n2", BAD)), 1):
            await told.until(min(count, 3))
            views[node] = view
            several.turn()
        await told.until(4)
        views.clear()
        several.turn()
        await told.until(5)
        several.stop("webserv")
    assert [result[2:] for result in told.results] == [
        (ProbeState.DEGRADED, "probe page is not looked at while no other node is here"),
        (ProbeState.UNKNOWN, "no other node has seen it yet"),
        (ProbeState.GOOD, "good from n2"),
        (ProbeState.BAD, "bad from n2, n3"),
        (ProbeState.DEGRADED, "probe page is not looked at while no other node is here"),
    ]


@in_loop
async def test_a_peer_makes_it_and_one_lost_try_is_no_doubt_of_its_owner(monkeypatch: pytest.MonkeyPatch) -> None:
    letters = iter("gbgbbb")
    seen: list[View] = []
    done = asyncio.Event()

    async def check(_: Probe) -> Try:
        letter = next(letters, "")
        if not letter:
            done.set()
            await asyncio.Event().wait()
        return Try(outcome=Outcome.GOOD if letter == "g" else Outcome.BAD, text=letter)

    def push(event: Looked) -> None:
        seen.append(event.view)

    monkeypatch.setattr(probes, "check", check)
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        looking = Looking(push, tasks)
        page = probe(name="page", peers=True, interval_ms=1, fail_after=3, level=Level.DEGRADED)
        looking.look_on((Look(group="webserv", run=7, probes=(page,)),))
        await done.wait()
        looking.look_on(())
    assert seen == [GOOD, BAD]
