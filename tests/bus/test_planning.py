"""What a version would do: resourced's own answer on a private bus, and the table that people read."""

import asyncio
import io
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

import pytest

from bus.private import PrivateBus, as_nobody
from fakes.resourced import with_resourced
from sim.machine import configuration
from standfast.bus import Bus, BusError, ErrorName, Server, interface_file
from standfast.configuration.model import Configuration, Resource
from standfast.ctl.config_plan import print_plan
from standfast.ctl.config_plan_table import show
from standfast.operations.planning import document, planned
from standfast.resourced import durations_file
from standfast.resourced.durations import UNMEASURED, Durations, Kind, Sample
from standfast.resourced.events import ConfigurationRead, Observed
from standfast.resourced.planning import Planning
from standfast.status_report import Report
from unit.cluster import GROUP
from unit.test_core import UP, Alone

KNOWN = configuration(["n1"])
WEB = KNOWN.groups[0].resources[1].unit
GROUPS, ROOT = "org.standfast.Groups", "/org/standfast"


def asked(digest: str) -> Callable[[], Coroutine[Any, Any, list[Report]]]:
    async def ask() -> list[Report]:
        async with await Bus.connect() as bus:
            return await planned(bus, digest)

    return ask


def offering(new: Configuration) -> Alone:
    """A node on which the group runs, with another version prepared."""
    alone = Alone().serve()
    prepare(alone, new)
    return alone


def prepare(alone: Alone, new: Configuration) -> None:
    alone.give(ConfigurationRead(configuration=KNOWN, installed="d1", offered=new))


def changed(**values: Any) -> Configuration:
    return replace(KNOWN, digest="d2", **values)


def test_a_changed_resource_is_told_with_what_stands_on_it(private_bus: PrivateBus) -> None:
    resources = (KNOWN.groups[0].resources[0], Resource(unit=WEB, definition="x"))
    alone = offering(changed(groups=(replace(KNOWN.groups[0], resources=resources),)))
    before = alone.record
    (row,) = with_resourced(alone, asked("d2"))
    assert row == {
        "about": "group",
        "subject": GROUP,
        "kind": "restart-part",
        "source": "n1",
        "target": "n1",
        "reason": f"{WEB} is new, gone or defined otherwise: from there up everything is started anew",
        "setting": "",
        "resources": [WEB],
        "interruption_ms": None,
        "measured": "not measured yet: at most 30 s to stop (StopTimeout=) and 90 s to start (StartTimeout=)",
    }
    assert alone.record is before


def test_what_the_daemon_saw_is_what_it_tells(private_bus: PrivateBus) -> None:
    alone = Alone().serve()

    async def stop_start_and_plan() -> list[Report]:
        async with await Bus.connect() as bus:

            async def wish(name: str, *arguments: Any) -> None:
                path = f"{ROOT}/group/{GROUP}"
                await bus.call(GROUPS, path, "org.standfast.Group1", name, "s" * len(arguments), *arguments)

            async def look() -> None:
                await bus.call(GROUPS, ROOT, "org.standfast.Groups1", "SetStandby", "sb", "n1", False)

            await wish("Stop")
            alone.now += 70
            alone.stop_ends()
            await look()
            await wish("Start", "")
            alone.now += 230
            alone.give(Observed(group=GROUP, states=UP))
            await look()
            prepare(alone, changed(groups=(replace(KNOWN.groups[0], resources=(Resource(unit=WEB),)),)))
            return await planned(bus, "d2")

    (row,) = with_resourced(alone, stop_start_and_plan)
    assert (row["kind"], row["resources"], row["interruption_ms"]) == ("restart", [WEB], 300)
    assert row["measured"] == "stopped in 70 ms on n1 (once), started in 230 ms on n1 (once)"


def test_what_was_measured_is_written_once(private_bus: PrivateBus, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[Durations] = []
    full = [True, False]

    def write(durations: Durations) -> bool:
        written.append(durations)
        return not full.pop(0) if full else True

    monkeypatch.setattr(durations_file, "write", write)
    planning = Planning(Alone().core, Server(interface_file(GROUPS)), UNMEASURED, asyncio.Lock())

    async def keep_four_times() -> None:
        await planning.keep()
        planning.measuring.durations = UNMEASURED.having(GROUP, Sample(kind=Kind.STOP, node="n1", ms=9))
        for _ in range(3):
            await planning.keep()

    asyncio.run(keep_four_times())
    assert written == [planning.measuring.durations] * 2  # the first time the disk was full


def test_votes_and_corosync_come_after_the_groups(private_bus: PrivateBus) -> None:
    cluster = replace(KNOWN.cluster, name="other")
    new = changed(cluster=cluster, nodes=(replace(KNOWN.nodes[0], votes=2),))
    rows = with_resourced(offering(new), asked("d2"))
    assert [(row["about"], row["kind"]) for row in rows] == [
        ("group", "untouched"),
        ("node", "node"),
        ("cluster", "quorum"),
        ("cluster", "corosync"),
    ]


def test_the_version_in_force_changes_nothing(private_bus: PrivateBus) -> None:
    rows = with_resourced(Alone().serve(), asked("d1"))
    assert [row["kind"] for row in rows] == ["untouched"]


@pytest.mark.parametrize(
    ("alone", "name", "words"),
    [
        (lambda: Alone().serve(), ErrorName.REFUSED, "the version c0ffee is not prepared on n1: standfast config push"),
        (Alone, ErrorName.NOT_QUORATE, "no term is open on n1"),
    ],
)
def test_what_cannot_be_planned_is_refused(
    private_bus: PrivateBus, alone: Callable[[], Alone], name: str, words: str
) -> None:
    with pytest.raises(BusError, match=words) as caught:
        with_resourced(alone(), asked("c0ffee"))
    assert caught.value.name == name


def test_everybody_may_ask(private_bus: PrivateBus) -> None:
    rows = with_resourced(Alone().serve(), lambda: as_nobody(asked("d1")))
    assert [row["subject"] for row in rows] == [GROUP]


# The table


def row(kind: str, source: str, target: str, ms: int | None, **values: Any) -> Report:
    made: Report = {"about": "group", "subject": GROUP, "kind": kind, "source": source, "target": target}
    made |= {"reason": "why it is so", "setting": "", "resources": [], "interruption_ms": ms, "measured": ""}
    return made | values


def shown(*rows: Report) -> str:
    out = io.StringIO()
    show(rows, out, width=80)
    assert max(map(len, out.getvalue().splitlines())) <= 80
    return " ".join(out.getvalue().split())


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (row("move", "node1", "node2", 1_240), "webserv move node1 to node2 1.2 s why it is so"),
        (row("restart", "node1", "node1", 240), "webserv restart node1 240 ms"),
        (row("restart-part", "node1", "node1", None, resources=[WEB]), f"node1 unknown why it is so {WEB}"),
        (row("start", "", "node2", 0, measured="once"), "webserv start node2 why it is so once"),
        (row("stop", "node1", "", None, setting="units/a.target:3"), "from then on why it is so (units/a.target:3)"),
    ],
)
def test_each_group_that_is_touched_has_a_line(made: Report, words: str) -> None:
    assert words in shown(made)


def test_groups_that_are_not_touched_are_named_and_other_changes_come_last() -> None:
    change = {"about": "cluster", "subject": "", "kind": "quorum", "reason": "the quorum is 3 of 4", "setting": ""}
    mail = row("untouched", "node2", "node2", 0, subject="mail", reason="")
    assert shown(row("restart", "node1", "node1", 1), mail, change).endswith("Untouched: mail the quorum is 3 of 4")
    assert shown(mail, change) == "No group is touched. the quorum is 3 of 4"
    assert "Untouched" not in shown(row("restart", "node1", "node1", 1))


def test_a_group_that_is_not_touched_says_why_where_there_is_a_reason() -> None:
    mail = row("untouched", "node2", "node2", 0, subject="mail", setting="cluster.conf:7")
    assert shown(mail) == "No group is touched. mail: why it is so (cluster.conf:7)"


def test_programs_get_groups_and_changes_apart(capsys: pytest.CaptureFixture[str]) -> None:
    change = {"about": "node", "subject": "n4", "kind": "node-comes", "reason": "it comes", "setting": "cluster.conf:9"}
    made = document([row("stop", "node1", "", None), change])
    assert made["groups"][0]["name"] == GROUP
    assert made["groups"][0]["interruption_ms"] is None
    assert made["changes"] == [change]
    print_plan([change], as_json=True)
    assert '"kind": "node-comes"' in capsys.readouterr().out
