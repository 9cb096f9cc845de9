"""The fault of a fire drill on its node: only for the drill in the record, once, and never without its end."""

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from standfast.bus import BusError, ErrorName
from standfast.jobs import JobResult
from standfast.resourced import faults
from standfast.resourced.core import Core
from standfast.resourced.drills import Drill
from standfast.resourced.expected import noticed_ms
from standfast.resourced.faults import CUT_UNIT, Faults, hang_unit, rules_of
from standfast.resourced.questions import FaultAct, FaultAsked
from standfast.vocabulary import DrillKind
from unit.probing import in_loop, probe
from unit.test_drills import drill, known, whole

UNIT = drill().unit


class Here:
    """n1, whose record has a drill; what systemd was asked, in its order."""

    def __init__(self, under_way: Drill | None, folder: Path, *, job: JobResult = JobResult.DONE) -> None:
        self.done: list[tuple[Any, ...]] = []
        self.job = job
        self.active = "active"
        self.processes = [("/system.slice/apache2.service", 269, "apache2")]
        core = SimpleNamespace(me="n1", record=replace(whole(), drill=under_way), configuration=known())
        nft = folder / "nft"
        nft.touch()
        self.rules = folder / "drill.nft"
        self.faults = Faults(cast("Core", core), self, rules=self.rules, nft=nft)
        self.nft = nft
        self.core = core

    async def start(self, unit: str) -> JobResult:
        self.done.append(("start", unit))
        return self.job

    async def stop(self, unit: str) -> JobResult:
        self.done.append(("stop", unit))
        return JobResult.DONE

    async def ask(self, method: str, signature: str = "", *arguments: Any) -> tuple[Any, ...]:
        if method == "ListUnitsByNames":
            return ([(UNIT, "", "loaded", self.active, "running", "", "", 0, "", "")],)
        if method == "GetUnitProcesses":
            return (self.processes,)
        self.done.append((method, *arguments))
        return ()

    async def carry_out(self, kind: DrillKind, act: FaultAct = FaultAct.INJECT, identity: str = "one") -> str:
        unit = drill(kind).unit
        return await self.faults.carry_out(FaultAsked(id="q", node="n1", act=act, kind=kind, unit=unit, drill=identity))


@in_loop
async def test_a_kill_is_for_the_main_process(tmp_path: Path) -> None:
    here = Here(drill(), tmp_path)
    assert await here.carry_out(DrillKind.KILL) == ""
    assert here.done == [("KillUnit", UNIT, "main", 9)]


@in_loop
async def test_what_ends_a_hang_is_there_before_it_begins(tmp_path: Path) -> None:
    here = Here(drill(DrillKind.HANG), tmp_path)
    assert await here.carry_out(DrillKind.HANG) == ""
    assert here.done == [("start", hang_unit(UNIT)), ("KillUnit", UNIT, "all", 19)]
    assert await here.carry_out(DrillKind.HANG, FaultAct.UNDO) == ""
    assert here.done[-1] == ("stop", hang_unit(UNIT))


@in_loop
async def test_nothing_hangs_and_nothing_is_cut_where_its_end_does_not_start(tmp_path: Path) -> None:
    for kind in (DrillKind.HANG, DrillKind.CUT):
        here = Here(drill(kind), tmp_path, job=JobResult.FAILED)
        assert "does not start" in await here.carry_out(kind)
        assert [what for what, *_ in here.done] == ["start"]


@in_loop
async def test_a_cut_is_rules_that_a_unit_reads_and_takes_back(tmp_path: Path) -> None:
    here = Here(drill(DrillKind.CUT), tmp_path)
    assert await here.carry_out(DrillKind.CUT) == ""
    assert here.done == [("start", CUT_UNIT)]
    assert here.rules.read_text() == rules_of(known(), "n1")
    assert await here.carry_out(DrillKind.CUT, FaultAct.UNDO) == ""
    assert here.done[-1] == ("stop", CUT_UNIT)


@in_loop
async def test_only_the_drill_in_the_record_has_a_fault_and_only_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(faults, "RECORD_S", 0.05)
    for under_way in (None, drill(id="two"), drill(node="n2"), drill(unit="other.service"), drill(DrillKind.HANG)):
        here = Here(under_way, tmp_path)
        assert "knows nothing of this drill" in await here.carry_out(DrillKind.KILL)
        assert here.done == []
    here = Here(drill(), tmp_path)
    assert await here.carry_out(DrillKind.KILL) == ""
    assert await here.carry_out(DrillKind.KILL) == "the fault of this drill was injected before"
    assert len(here.done) == 1
    assert "cannot cut its own power" in await Here(drill(DrillKind.POWER), tmp_path).carry_out(DrillKind.POWER)


@in_loop
async def test_what_stands_in_the_way_is_told_before_it_begins(tmp_path: Path) -> None:
    here = Here(None, tmp_path)
    for kind in DrillKind:
        assert await here.carry_out(kind, FaultAct.CHECK) == ""
    here.active = "failed"
    assert await here.carry_out(DrillKind.KILL, FaultAct.CHECK) == f"{UNIT} is failed: nothing of it can be hit"
    here.active, here.processes = "active", []
    assert "has no process" in await here.carry_out(DrillKind.HANG, FaultAct.CHECK)
    here.nft.unlink()
    missing = "nft is not there, which cuts the network: apt install nftables"
    assert await here.carry_out(DrillKind.CUT, FaultAct.CHECK) == missing
    here.nft.touch()
    slow = replace(known().cluster, detect_within_ms=11_000)
    here.core.configuration = replace(known(), cluster=slow)
    assert "proves nothing" in await here.carry_out(DrillKind.CUT, FaultAct.CHECK)
    assert here.done == []


@in_loop
async def test_a_systemd_that_refuses_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = Here(drill(), tmp_path)

    async def refuse(*_: Any) -> tuple[Any, ...]:
        raise BusError(ErrorName.FAILED, "No main process to kill.")

    monkeypatch.setattr(here, "ask", refuse)
    assert await here.carry_out(DrillKind.KILL) == "the fault could not be injected: No main process to kill."


def test_the_instance_is_the_unit_as_systemd_escapes_it() -> None:
    for unit in ("apache2.service", "standfast-ip@192.0.2.100.service", "a\\x2db@c:d_e.service"):
        escaped = subprocess.run(["systemd-escape", unit], capture_output=True, text=True, check=True).stdout.strip()
        assert hang_unit(unit) == f"standfast-drill-hang@{escaped}.service"


def test_the_rules_name_every_other_node_and_forget_them_by_themselves() -> None:
    nodes = tuple(replace(node, addresses=(*node.addresses, f"fd00::{node.id}")) for node in known().nodes)
    text = rules_of(replace(known(), nodes=nodes), "n1")
    for node in nodes:
        for address in node.addresses:
            assert (f"{address} timeout 30s" in text) == (node.name != "n1")
    nft = shutil.which("nft", path="/usr/sbin:/usr/bin")
    if nft is not None:
        checked = subprocess.run(["unshare", "-n", nft, "-c", "-f", "-"], input=text, capture_output=True, text=True)
        assert checked.returncode == 0, checked.stderr


def test_the_most_that_the_quickest_probe_of_a_hung_unit_needs() -> None:
    (group,) = known().groups
    other, *_ = group.resources
    slow = probe(name="slow", interval_ms=10_000, timeout_ms=1_000, fail_after=3)
    quick = probe(name="quick", interval_ms=1_000, fast_interval_ms=200, timeout_ms=800, fail_after=2)
    hung = replace(other, unit=UNIT, probes=(slow, quick))
    assert noticed_ms(replace(group, resources=(hung,)), UNIT) == 1_000 + 800 + 800
    assert noticed_ms(replace(group, resources=(replace(hung, probes=(slow,)),)), UNIT) == 10_000 + 20_000 + 1_000
    assert noticed_ms(replace(group, resources=(replace(hung, probes=()),)), UNIT) is None


@in_loop
async def test_a_drill_is_abandoned_while_its_conductor_neither_runs_nor_is_about_to(tmp_path: Path) -> None:
    here = Here(drill(), tmp_path)
    assert "is at work" in await here.carry_out(DrillKind.KILL, FaultAct.ABANDONED)
    here.active = "inactive"
    assert await here.carry_out(DrillKind.KILL, FaultAct.ABANDONED) == ""
    here.faults.beginning = 1
    assert "is at work" in await here.carry_out(DrillKind.KILL, FaultAct.ABANDONED)
