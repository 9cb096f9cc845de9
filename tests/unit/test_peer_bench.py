"""The bench beside Pacemaker: its rounds in turn, its tables, and that an interrupted run goes on."""

import json
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from standfast_lab.lab import Lab
from standfast_lab.place import LabError

from house.source import REPOSITORY

sys.path.append(str(REPOSITORY / "contrib/bench"))

from standfast_bench import cases, catalogue, keepalived, outages, pacemaker, program, publishing, rounds, sides, table
from standfast_bench.cases import Case, Row
from standfast_bench.rounds import Round, Run, Sample


class Told:
    """What was done by the fake sides, in order; the next round fails where `fails` says so."""

    def __init__(self) -> None:
        self.measured: list[tuple[str, str]] = []
        self.down: list[str] = []
        self.fails: list[BaseException] = []


class FakeSide:
    def __init__(self, lab: Lab) -> None:
        self.lab = lab

    def up(self) -> None:
        """It is."""

    def about(self) -> str:
        return "version 1"


class Other(FakeSide):
    pass


class Third(FakeSide):
    pass


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Told:
    told = Told()

    def made(name: str, peer: type[FakeSide]) -> Case[FakeSide]:
        def measure(side: FakeSide) -> Sequence[Sample]:
            if told.fails:
                raise told.fails.pop(0)
            kind = "standfast" if type(side) is FakeSide else "pacemaker"
            told.measured.append((name, kind))
            return (Sample(what=name, value=1.0 if kind == "standfast" else 4.0),)

        row = Row(what=name, title=f"the {name}", budgets={"standfast": 2.0})
        return Case(name=name, rows=(row,), sides={"standfast": FakeSide, "pacemaker": peer}, measure=measure)

    these = {"kill": made("kill", Other), "power": made("power", Third)}
    for module in ("catalogue", "program", "running", "table"):
        monkeypatch.setattr(f"standfast_bench.{module}.CASES", these)
    monkeypatch.setattr(Lab, "down", lambda lab: told.down.append(lab.place.name))
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr(rounds, "commit", lambda: "c0ffee")
    monkeypatch.setenv("STANDFAST_LAB_NAME", "t")
    return told


def run(into: Path, *words: str) -> int:
    return program.main(["--rounds", "2", "--into", str(into), *words])


TURNS = [("kill", "standfast"), ("kill", "pacemaker")] * 2 + [("power", "standfast"), ("power", "pacemaker")] * 2


def test_the_sides_take_turns_and_each_round_is_noted(
    told: Told, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path / "run.json") == 0
    assert told.measured == TURNS
    noted = rounds.load(tmp_path / "run.json")
    assert [(one.case, one.side) for one in noted.rounds] == TURNS
    printed = capsys.readouterr().out
    assert "| the kill | 1.00 / 1.00 / 1.00 (2) | 2 | yes | 4.00 / 4.00 / 4.00 (2) | 0.25 |" in printed
    assert program.main(["--table", str(tmp_path / "run.json")]) == 0
    assert capsys.readouterr().out == printed


def test_what_no_later_case_needs_is_taken_down_before_it_and_everything_at_the_end(told: Told, tmp_path: Path) -> None:
    run(tmp_path / "run.json")
    begin = ["t-fakeside", "t-other", "t-third"]
    assert told.down == [*begin, "t-other", "t-fakeside", "t-third"]


@pytest.mark.parametrize("kept", range(len(TURNS)))
def test_an_interrupted_run_goes_on_where_it_was(told: Told, tmp_path: Path, kept: int) -> None:
    file = tmp_path / "run.json"
    run(file)
    whole = rounds.load(file)
    rounds.save(replace(whole, rounds=whole.rounds[:kept]), file)
    told.measured.clear()
    run(file)
    assert told.measured == TURNS[kept:]


def test_ctrl_c_takes_the_labs_down_and_says_how_to_go_on(
    told: Told, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told.fails = [KeyboardInterrupt()]
    assert run(tmp_path / "run.json") == 130
    assert told.down[3:] == ["t-fakeside"]
    assert "the same command goes on from there" in capsys.readouterr().err


def test_a_round_that_failed_is_tried_once_more_in_a_new_lab(told: Told, tmp_path: Path) -> None:
    told.fails = [LabError("no")]
    assert run(tmp_path / "run.json") == 0
    assert told.measured == TURNS
    assert told.down[3] == "t-fakeside"
    told.fails = [LabError("no"), LabError("no")]
    assert run(tmp_path / "another.json") == 1
    assert not (tmp_path / "another.json").exists()


def test_rounds_of_another_tree_are_not_mixed_in(
    told: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run(tmp_path / "run.json")
    monkeypatch.setattr(rounds, "commit", lambda: "another")
    assert run(tmp_path / "run.json") == 1
    assert "is of c0ffee" in capsys.readouterr().err
    (tmp_path / "run.json").write_text("[]")
    assert run(tmp_path / "run.json") == 1
    assert "holds no run of the bench" in capsys.readouterr().err


def test_one_case_runs_alone(told: Told, tmp_path: Path) -> None:
    assert run(tmp_path / "run.json", "--case", "power", "--side", "pacemaker") == 0
    assert told.measured == [("power", "pacemaker")] * 2


# The real cases


def samples(case: str, side: str, *values: float | None, **more: object) -> list[Round]:
    made = [Sample(what=case, value=value, **more) for value in values]  # type: ignore[arg-type]
    return [Round(case=case, side=side, at="2026-01-31", load=1.0, about="1", samples=(one,)) for one in made]


def rows_of(*found: list[Round]) -> list[str]:
    run = Run(commit="c0ffee", machine="m", rounds=tuple(one for each in found for one in each))
    return table.figures(run)[2:]


def test_an_outage_that_nobody_noticed_is_said_and_no_ratio_is_made_of_it() -> None:
    assert rows_of(
        samples("hang", "standfast", 2.0),
        samples("hang", "pacemaker", None),
        samples("hang", "tuned", 16.0, note="node2 was fenced"),
    ) == [
        "| Apache hung (SIGSTOP), page every 1 s | 2.00 / 2.00 / 2.00 (1) | 3.5 | yes | not over in time (1) "
        "| 16.00 / 16.00 / 16.00 (1); a node was fenced (1) | 0.12 |"
    ]


@pytest.mark.parametrize(
    ("mine", "theirs", "met"),
    [
        ((2.0, 2.0, 3.6), (5.2, 5.2, 5.2), "yes"),
        ((2.0, 2.0, 3.7), (5.2, 5.2, 5.2), "median"),
        ((3.7, 3.7, 3.7), (9.0, 9.0, 9.0), "no"),
        ((3.0, 3.0, 3.0), (4.2, 4.2, 4.2), "no"),  # more than 0.7 of theirs
        ((2.0, None, None), (5.2, 5.2, 5.2), "no"),
    ],
)
def test_a_budget_is_met_by_every_round_or_by_the_median_only(
    mine: tuple[float | None, ...], theirs: tuple[float, ...], met: str
) -> None:
    (row,) = rows_of(samples("power", "standfast", *mine), samples("power", "pacemaker", *theirs))
    assert row.split("|")[4].strip() == met


def test_where_the_time_went_is_the_median_of_each_step() -> None:
    steps = [{"detected": 2000.0, "fenced": 700.0}, {"detected": 2200.0, "fenced": 900.0, "good": 10.0}]
    found = [one for it in steps for one in samples("power", "standfast", 3.0, steps=it)]
    lines = table.times(Run(commit="c", machine="m", rounds=tuple(found)))
    assert lines[2:] == ["| power | detected 2100, fenced 800, good 10 | detected |"]


def test_the_steps_are_those_of_the_timeline() -> None:
    steps = [{"step": "cause", "ms": 0}, {"step": "detected", "ms": 12}, {"step": "good", "ms": 30}]
    assert sides.served([{"steps": []}, {"steps": steps}]) == {"detected": 12.0, "good": 30.0}
    entries = [
        {"event": "group-active", "time": "1970-01-01T00:00:05.000Z"},  # before: it was stopped for the measurement
        {"event": "view-changed", "time": "1970-01-01T00:00:12.000Z"},
        {"event": "term-opened", "time": "1970-01-01T00:00:12.500Z"},
        {"event": "group-active", "time": "1970-01-01T00:00:13.000Z"},
    ]
    assert sides.started([{"entries": entries}], 10.0) == {"ring": 2000.0, "term": 500.0, "started": 500.0}


def test_every_row_of_every_case_is_of_one_case_and_has_our_side() -> None:
    rows = [row.what for case in catalogue.CASES.values() for row in case.rows]
    assert len(set(rows)) == len(rows)
    for case in catalogue.CASES.values():
        assert next(iter(case.sides)) == cases.OURS
        assert all(set(row.budgets) <= set(case.sides) for row in case.rows)


def test_a_published_run_stands_in_both_pages_and_is_replaced_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("standfast_bench.plots.draw", lambda run, folder: [folder / "performance-outages.svg"])
    (tmp_path / "contrib/docs").mkdir(parents=True)
    pages = (tmp_path / "README.md", tmp_path / "contrib/docs/performance.md")
    for page in pages:
        page.write_text(f"before\n{publishing.BEGIN}\n{publishing.END}\nafter\n")
    for outage in (0.25, 0.35):
        run = Run(commit="c", machine="m", rounds=tuple(samples("kill", "standfast", outage)))
        publishing.publish(run, tmp_path)
    for page in pages:
        assert page.read_text().startswith("before\n")
        assert page.read_text().endswith("\nafter\n")
        assert "0.35 / 0.35" in page.read_text()
        assert "0.25" not in page.read_text()
    assert rounds.load(tmp_path / "contrib/docs/performance-bench.json") == run
    assert "](performance-outages.svg)" in pages[1].read_text()
    pages[0].write_text("no marks\n")
    with pytest.raises(LabError, match=r"README\.md needs one line"):
        publishing.publish(run, tmp_path)


@pytest.mark.parametrize("page", ["README.md", "contrib/docs/performance.md"])
def test_the_pages_have_the_marks(page: str) -> None:
    publishing.between((REPOSITORY / page).read_text(), "", Path(page))


def test_the_plots_show_outages_and_curves(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="only the bench needs it: contrib/install-packages bench")
    from standfast_bench import plots

    found = samples("kill", "standfast", 0.3, 0.4) + samples("kill", "pacemaker", None, 3.0)
    curve = samples("start", "standfast", 4.0, curve=((0.0, 0.0), (2.0, 250.0), (4.0, 500.0)))
    files = plots.draw(Run(commit="c", machine="m", rounds=tuple(found + curve)), tmp_path)
    assert [file.name for file in files] == ["performance-outages.svg", "performance-scale.svg"]
    for file in files:
        assert ElementTree.parse(file).getroot().tag.endswith("svg")
        assert file.stat().st_size < 100_000
    assert plots.draw(Run(commit="c", machine="m"), tmp_path) == []


# The peers


@pytest.mark.parametrize("side", [pacemaker.Pacemaker, pacemaker.Tuned])
def test_the_peers_configuration_is_xml_with_an_operation_for_each_primitive(side: type[pacemaker.Pacemaker]) -> None:
    group = ElementTree.fromstring(side(Lab("t")).group())
    assert [one.get("id") for one in group] == ["vip", "web"]
    assert all({op.get("name") for op in one.iter("op")} == {"monitor", "start", "stop"} for one in group)
    fence = ElementTree.fromstring(pacemaker.fence_device("node1", 1, "192.0.2.201", 'a"b'))
    assert {pair.get("name"): pair.get("value") for pair in fence.iter("nvpair")}["password"] == 'a"b'


def test_where_an_address_is_alone_nobody_starts_apache() -> None:
    group = ElementTree.fromstring(pacemaker.PeerAddress(Lab("t")).group())
    assert [one.get("id") for one in group] == ["vip"]
    assert keepalived.configuration(99).count("{") == keepalived.configuration(99).count("}") == 2


def test_a_stored_run_is_one_json_document(tmp_path: Path) -> None:
    run = Run(commit="c", machine="m", rounds=tuple(samples("kill", "standfast", None, steps={"good": 1.0}, note="n")))
    rounds.save(run, tmp_path / "run.json")
    assert json.loads((tmp_path / "run.json").read_text())["rounds"][0]["samples"][0]["note"] == "n"
    assert rounds.load(tmp_path / "run.json") == run
    assert {one.what for case in outages.CASES for one in case.rows} >= {"kill", "hang", "power", "relocate", "start"}
