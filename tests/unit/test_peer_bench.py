"""The bench beside Pacemaker: its rounds in turn, its table, and that an interrupted run goes on."""

import json
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from house.source import REPOSITORY

sys.path.append(str(REPOSITORY / "contrib/bench"))

from standfast_bench import outages, pacemaker
from standfast_bench.outages import Round


class FakeLab:
    def down(self) -> None:
        """Nothing was up."""


class FakeSide:
    def __init__(self, name: str) -> None:
        self.name, self.lab = name, FakeLab()

    def up(self) -> None:
        """It is."""


def round_of(case: str, side: str, outage_s: float | None) -> Round:
    return Round(case=case, side=side, outage_s=outage_s, load=1.0, about=f"{side} 1")


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """What was measured, in its order."""
    order: list[tuple[str, str]] = []

    def measure(case: str, side: FakeSide) -> Round:
        order.append((case, side.name))
        return round_of(case, side.name, 1.0 if side.name == "standfast" else 4.0)

    monkeypatch.setattr(outages, "SIDES", {name: lambda name=name: FakeSide(name) for name in outages.SIDES})
    monkeypatch.setattr(outages, "measure", measure)
    return order


WORDS = ["--rounds", "2", "--case", "kill", "--case", "power", "--side", "standfast", "--side", "pacemaker", "--into"]


def test_the_sides_take_turns_and_each_round_is_noted(
    played: list[tuple[str, str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "rounds"
    assert outages.main([*WORDS, str(file)]) == 0
    turns = [(case, side) for case in ("kill", "power") for side in ("standfast", "pacemaker")]
    assert played == turns * 2
    assert [(one["case"], one["side"]) for one in map(json.loads, file.read_text().splitlines())] == played
    assert "| kill | 1.00 / 1.00 / 1.00 (2) | 4.00 / 4.00 / 4.00 (2) | 0.25 of pacemaker |" in capsys.readouterr().out


def test_an_interrupted_run_goes_on_where_it_was(played: list[tuple[str, str]], tmp_path: Path) -> None:
    file = tmp_path / "rounds"
    outages.main([*WORDS, str(file)])
    kept = file.read_text().splitlines(keepends=True)[:3]
    file.write_text("".join(kept))
    played.clear()
    outages.main([*WORDS, str(file)])
    assert played == [("power", "pacemaker"), *[(c, s) for c in ("kill", "power") for s in ("standfast", "pacemaker")]]


def test_an_outage_that_nobody_noticed_is_said_and_no_ratio_is_made_of_it() -> None:
    rounds = [round_of("hang", "standfast", 2.0), round_of("hang", "pacemaker", None), round_of("hang", "tuned", 16.0)]
    row = next(line for line in outages.table(rounds) if line.startswith("| hang"))
    assert row == (
        "| hang | 2.00 / 2.00 / 2.00 (1) | not over in 90 s (1) | 16.00 / 16.00 / 16.00 (1) | 0.12 of tuned |"
    )


@pytest.mark.parametrize("side", [pacemaker.Pacemaker, pacemaker.Tuned])
def test_the_peers_configuration_is_xml_with_an_operation_for_each_primitive(side: type[pacemaker.Pacemaker]) -> None:
    group = ElementTree.fromstring(side().group())
    assert [one.get("id") for one in group] == ["vip", "web"]
    assert all({op.get("name") for op in one.iter("op")} == {"monitor", "start", "stop"} for one in group)
    fence = ElementTree.fromstring(pacemaker.fence_device("node1", 1, "192.0.2.201", 'a"b'))
    assert {pair.get("name"): pair.get("value") for pair in fence.iter("nvpair")}["password"] == 'a"b'
