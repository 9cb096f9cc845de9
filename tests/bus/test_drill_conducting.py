"""A fire drill from its fault to its report, and the command that waits for it: with a resourced that plays along."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from bus.private import PrivateBus
from fakes.values import NO_RECORD
from standfast.bus import Bus, BusError, Call, ErrorName, Server, interface_file
from standfast.ctl.__main__ import main
from standfast.drills import conducting, reports
from standfast.drills.conducting import Conductor, NoDrillError
from standfast.drills.measuring import step_rows
from standfast.incidents import Entry, reading
from standfast.resourced.showing import NO_DRILL

NAME, ROOT, INTERFACE = "org.standfast.Groups", "/org/standfast", "org.standfast.Groups1"
GROUP, UNIT, BEFORE, LATER = "webserv", "apache2.service", "2026-01-01T00:00:00Z", "2026-01-01T00:01:00Z"
LOAD = reports.load
EXPECTED = [{"group": GROUP, "target": "n1", "steps": {"detected": 0, "started": 300}, "total_ms": 300}]
FORESEEN = {
    "kind": "kill",
    "at_node": "n1",
    "struck": [GROUP],
    "unit": UNIT,
    "fault": f"the main process of {UNIT} is killed on n1",
    "refused": "",
    "limit_ms": 60_000,
    "expected": EXPECTED,
    "steps": [],
    "groups": [],
}
Happens = Callable[["Resourced"], None]


class Resourced:
    """On n2, where one drill is under way: what its fault leads to is the test's to say."""

    def __init__(self, happens: Happens, *, kind: str = "kill", limit_ms: int = 60_000, leader: str = "n2") -> None:
        self.happens = happens
        self.refusal = ""
        self.ended: list[tuple[Any, ...]] = []
        self.drill = ("one", kind, "n1", [GROUP], UNIT, leader, "uid 0 on n2", BEFORE, limit_ms)
        self.server = Server(interface_file(NAME))
        self.publish("", INTERFACE, **{**NO_RECORD, "Node": "n2", "Drill": self.drill})
        group = {"Name": GROUP, "Phase": "started", "Flags": [], "Owner": "n1", "LastOwner": "", "Since": BEFORE}
        self.publish("/group/webserv", "org.standfast.Group1", **group, Reason="", WantedOn="", Drilled=("", "", 0))
        resource = {"Unit": UNIT, "Place": 1, "State": "active", "Probe": "good", "Cause": ""}
        self.publish("/group/webserv/resource/apache2_2eservice", "org.standfast.Resource1", **resource)
        member = {"Name": "n1", "State": "online", "Standby": False, "Healthy": True, "Drifted": False, "Edited": []}
        self.publish("/node/n1", "org.standfast.Member1", **member, Incarnation="boot1/1")
        for method, handler in (
            ("InjectFault", self._inject),
            ("EndDrill", self._end),
            ("ForeseeDrill", self._foresee),
            ("Drill", self._begin),
        ):
            self.server.handle(INTERFACE, method, handler)

    def publish(self, below: str, interface: str, **values: Any) -> None:
        self.server.publish(f"{ROOT}{below}", interface, values)

    def group(self, **values: Any) -> None:
        self.publish("/group/webserv", "org.standfast.Group1", **values)

    def node(self, **values: Any) -> None:
        self.publish("/node/n1", "org.standfast.Member1", **values)

    def runs_again(self) -> None:
        self.group(Phase="started", Since=LATER, Owner="n1", Reason="restarted here")

    async def _inject(self, _: Call) -> tuple[Any, ...]:
        if self.refusal:
            raise BusError(ErrorName.REFUSED, self.refusal)
        asyncio.get_running_loop().call_later(0.05, self.happens, self)
        return ()

    async def _end(self, call: Call) -> tuple[Any, ...]:
        self.ended.append(call.arguments)
        self.publish("", INTERFACE, Drill=NO_DRILL)
        return ()

    async def _foresee(self, _: Call) -> tuple[Any, ...]:
        return (json.dumps(FORESEEN),)

    async def _begin(self, _: Call) -> tuple[Any, ...]:
        self.publish("", INTERFACE, Drill=self.drill)
        asyncio.get_running_loop().call_later(0.1, self.happens, self)
        return ("one",)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["Resourced"]:
        async with await Bus.connect() as bus:
            await self.server.attach(bus, NAME)
            yield self


@pytest.fixture(autouse=True)
def journal(monkeypatch: pytest.MonkeyPatch) -> list[Entry]:
    """What this node's journal has: the group ran again."""
    started = Entry(at=datetime.now(UTC) + timedelta(seconds=9), event="group-started", node="n1", text="", group=GROUP)
    entries = [started]
    monkeypatch.setattr(reading, "read", lambda **_: entries)
    return entries


def conduct(resourced: Resourced, folder: Path) -> reports.Report:
    async def play() -> reports.Report:
        async with resourced.running(), await Bus.connect() as bus:
            return await Conductor(bus, folder).conduct()

    return asyncio.run(play())


def test_a_group_that_ran_again_has_its_time_in_the_record_and_a_report(
    private_bus: PrivateBus, tmp_path: Path
) -> None:
    def happens(resourced: Resourced) -> None:
        resourced.group(Phase="starting", Since="x")
        asyncio.get_running_loop().call_later(0.1, resourced.runs_again)

    resourced = Resourced(happens)
    report = conduct(resourced, tmp_path)
    ((identity, recovered, failed, struck),) = resourced.ended
    assert (identity, list(recovered), failed, struck) == ("one", [GROUP], "", True)
    assert recovered[GROUP] >= 150
    (group,) = report["groups"]
    assert (report["passed"], group["recovered_ms"], group["owner"]) == (True, recovered[GROUP], "n1")
    assert (group["expected"], group["expected_ms"]) == ({"detected": 0, "started": 300}, 300)
    assert [step["step"] for step in group["steps"]] == ["started"]
    assert reports.load(tmp_path) == [report]


def test_a_probe_that_is_not_good_yet_is_waited_for(private_bus: PrivateBus, tmp_path: Path) -> None:
    def happens(resourced: Resourced) -> None:
        path = "/group/webserv/resource/apache2_2eservice"
        resourced.publish(path, "org.standfast.Resource1", Probe="unknown")
        resourced.runs_again()
        later = {"interface": "org.standfast.Resource1", "Probe": "good"}
        asyncio.get_running_loop().call_later(0.3, lambda: resourced.publish(path, **later))

    resourced = Resourced(happens)
    conduct(resourced, tmp_path)
    assert resourced.ended[0][1][GROUP] >= 300


def test_a_fault_that_was_not_injected_says_nothing_of_the_group(private_bus: PrivateBus, tmp_path: Path) -> None:
    resourced = Resourced(lambda _: None)
    resourced.refusal = "n1 says: nft is not there"
    report = conduct(resourced, tmp_path)
    assert resourced.ended == [("one", {}, "the fault was not injected: n1 says: nft is not there", False)]
    assert not report["passed"]


def test_a_group_that_is_blocked_is_waited_for_no_longer(private_bus: PrivateBus, tmp_path: Path) -> None:
    resourced = Resourced(lambda it: it.group(Phase="blocked", Since=LATER, Reason="its stop failed"))
    conduct(resourced, tmp_path)
    assert resourced.ended == [("one", {}, f"{GROUP} is blocked: its stop failed", True)]


def test_what_nothing_notices_fails_before_the_record_ends_it(
    private_bus: PrivateBus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conducting, "MARGIN_S", 0.1)
    resourced = Resourced(lambda _: None, kind="hang", limit_ms=600)
    conduct(resourced, tmp_path)
    text = f"nothing noticed the fault: {GROUP} still counts as started; give {UNIT} a probe"
    assert resourced.ended == [("one", {}, text, True)]


def test_a_power_cut_is_over_when_the_node_is_back(private_bus: PrivateBus, tmp_path: Path) -> None:
    def happens(resourced: Resourced) -> None:
        resourced.group(Phase="started", Since=LATER, Owner="n2")
        resourced.node(State="lost")
        later = {"State": "online", "Incarnation": "boot2/1"}
        asyncio.get_running_loop().call_later(0.3, lambda: resourced.node(**later))

    resourced = Resourced(happens, kind="power")
    report = conduct(resourced, tmp_path)
    assert report["groups"][0]["recovered_ms"] < report["node_back_ms"]
    assert (report["groups"][0]["owner"], resourced.ended[0][2:]) == ("n2", ("", True))


def test_a_drill_of_another_node_is_not_conducted_here(private_bus: PrivateBus, tmp_path: Path) -> None:
    with pytest.raises(NoDrillError):
        conduct(Resourced(lambda _: None, leader="n3"), tmp_path)


def test_each_step_counts_from_the_fault_and_from_the_step_before() -> None:
    fault = datetime(2026, 1, 1, tzinfo=UTC)

    def entry(ms: int, event: str, **more: Any) -> Entry:
        return Entry(at=fault + timedelta(milliseconds=ms), event=event, node="n1", text=event, **more)

    entries = [
        entry(-500, "group-failed", group=GROUP),  # before it
        entry(0, "drill-fault", group=GROUP),
        entry(80, "group-failed", group=GROUP),
        entry(120, "order", group=GROUP, decision="restart"),
        entry(430, "group-started", group=GROUP),
        entry(431, "drill-ended", group=GROUP),
    ]
    rows = step_rows(entries, GROUP, fault)
    assert [(row["step"], row["since_fault_ms"], row["ms"]) for row in rows] == [
        ("detected", 80, 80),
        ("decided", 120, 40),
        ("started", 430, 310),
    ]


# The reports


def saved(number: int, **more: Any) -> reports.Report:
    groups = [{"group": GROUP, "recovered_ms": 2900, "owner": "n2", "expected_ms": 2500, "expected": {}, "steps": []}]
    made = {"id": str(number), "kind": "power", "node": "n1", "began": f"2026-01-{number:02}T03:00:00.123Z"}
    return made | {"passed": True, "failed": None, "node_back_ms": 9000, "groups": groups} | more


def test_only_so_many_reports_are_kept_and_what_is_none_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reports, "MOST", 2)
    assert reports.load(tmp_path / "none") == []
    for number in (1, 2, 3):
        path = reports.save(saved(number), tmp_path / "drills")
    assert path.name == "2026-01-03T03-00-00Z-power-n1.json"
    (tmp_path / "drills/2026-01-04.json").write_text("{")
    assert [one["id"] for one in reports.load(tmp_path / "drills")] == ["2", "3"]


# The command


def typed(resourced: Resourced, folder: Path, *words: str, monkeypatch: pytest.MonkeyPatch) -> Result:
    monkeypatch.setattr(reports, "load", lambda: LOAD(folder))

    async def play() -> Result:
        async with resourced.running():
            return await asyncio.to_thread(
                lambda: CliRunner(mix_stderr=False).invoke(main, ["drill", *words], env={"COLUMNS": "80"})
            )

    return asyncio.run(play())


def ends_well(folder: Path) -> Happens:
    """It is under way for a moment, then its report is there."""

    def happens(resourced: Resourced) -> None:
        resourced.group(Phase="starting", Reason="apache2.service was killed")

        def end() -> None:
            reports.save(saved(1, id="one", kind="kill", node_back_ms=None), folder)
            resourced.publish("", INTERFACE, Drill=NO_DRILL)

        asyncio.get_running_loop().call_later(0.3, end)

    return happens


def test_who_typed_it_sees_what_is_waited_for_and_then_the_report(
    private_bus: PrivateBus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = typed(Resourced(ends_well(tmp_path)), tmp_path, "kill", GROUP, "--yes", monkeypatch=monkeypatch)
    assert result.exit_code == 0, result.stderr
    assert f"s  {GROUP} is starting on n1: apache2.service was killed" in result.stderr
    assert f"{GROUP}: served again after about 300 ms: noticed 0.0 s, running 300 ms" in result.stdout
    assert result.stdout.splitlines()[-1] == f"{GROUP} ran again on n2 after 2.9 s (expected: 2.5 s)"
    assert max(map(len, result.stdout.splitlines())) <= 80


def test_json_is_the_report(private_bus: PrivateBus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ("kill", GROUP, "--yes", "--json")
    result = typed(Resourced(ends_well(tmp_path)), tmp_path, *words, monkeypatch=monkeypatch)
    assert json.loads(result.stdout)["groups"][0]["recovered_ms"] == 2900


def test_a_drill_that_failed_has_its_exit_code_and_without_a_report_the_record_tells(
    private_bus: PrivateBus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def happens(resourced: Resourced) -> None:
        resourced.group(Drilled=("kill", LATER, 0))
        resourced.publish("", INTERFACE, Drill=NO_DRILL)

    result = typed(Resourced(happens), tmp_path, "kill", GROUP, "--yes", monkeypatch=monkeypatch)
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1].startswith("standfast: The fire drill failed: webserv did not run again")


def test_the_history_has_a_line_for_each_drill_and_one_alone_has_its_steps(
    private_bus: PrivateBus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    resourced = Resourced(lambda _: None)
    result = typed(resourced, tmp_path, "history", monkeypatch=monkeypatch)
    assert "No fire drill was conducted from this node" in result.stdout
    for number in (1, 2):
        reports.save(saved(number), tmp_path)
    reports.save(saved(3, node="n3", groups=[], passed=False, failed="n3 is not back"), tmp_path)
    lines = typed(resourced, tmp_path, "history", monkeypatch=monkeypatch).stdout.splitlines()
    assert [line.split()[2:] for line in lines[1:]] == [
        ["power", "n1", "passed", "webserv", "2.9", "s"],
        ["power", "n1", "passed", "webserv", "2.9", "s"],
        ["power", "n3", "failed", "n3", "is", "not", "back"],
    ]
    alone = typed(resourced, tmp_path, "history", GROUP, "--last", "1", monkeypatch=monkeypatch).stdout
    assert "n1 was back after 9.0 s" in alone
    told = typed(resourced, tmp_path, "history", "n3", "--json", monkeypatch=monkeypatch).stdout
    assert [one["id"] for one in json.loads(told)] == ["3"]
