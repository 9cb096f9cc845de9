"""What --full keeps between its runs, and its table."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lab.ledger import REPOSITORY, Row, Run, case_of, digest, read, rows, table

STRUCK = "tests/lab/test_a.py::test_struck"
CONFTEST = """
from pathlib import Path
from lab import ledger

def pytest_configure(config):
    config.pluginmanager.register(ledger.Ledger(Path(__file__).with_name("runs.jsonl")))
"""
TESTS = """
from pathlib import Path
import pytest

HERE = Path(__file__).parent

def test_passes(request):
    request.node.user_properties.append(("outage_s", 2.5))

@pytest.fixture
def bad_end():
    yield
    assert (HERE / "mended").exists()

def test_is_ended_badly(bad_end):
    pass

def test_is_interrupted():
    if not (HERE / "mended").exists():
        raise KeyboardInterrupt
"""


@pytest.mark.parametrize(
    ("test", "case"),
    [
        (f"{STRUCK}[round12-stop-power]", "test_a.py::test_struck[stop-power]"),
        (f"{STRUCK}[stop-round1]", "test_a.py::test_struck[stop]"),
        (f"{STRUCK}[round1]", "test_a.py::test_struck"),
        (STRUCK, "test_a.py::test_struck"),
        ("tests/unit/test_b.py::test_c[1]", "tests/unit"),
    ],
)
def test_a_case_is_a_test_without_its_round(test: str, case: str) -> None:
    assert case_of(test) == case


def test_a_round_counts_once_and_a_failure_that_passed_later_still_counts() -> None:
    wanted = [f"{STRUCK}[round{number}]" for number in (1, 2, 3)]
    runs = [
        Run(test=wanted[0], passed=True, outages_s=(3.0,)),
        Run(test=wanted[0], passed=True, outages_s=(1.0,)),
        Run(test=wanted[1], passed=False, outages_s=(99.0,)),
        Run(test=wanted[1], passed=True, outages_s=(2.0,)),
    ]
    (row,) = rows(wanted, runs)
    assert row == Row(case="test_a.py::test_struck", wanted=3, passed=2, failed=1, outages_s=(3.0, 1.0, 2.0))
    assert table([row])[1].split()[-1] == "test_a.py::test_struck"
    assert "1.00 / 2.00 / 3.00 s" in table([row])[1]


def test_any_change_of_the_tree_but_of_its_pages_changes_the_digest(tmp_path: Path) -> None:
    (tmp_path / "services").mkdir()
    (tmp_path / "pyproject.toml").write_text("a")
    first = digest(tmp_path)
    (tmp_path / "services" / "README.md").write_text("a")
    assert digest(tmp_path) == first
    (tmp_path / "services" / "plan.py").write_text("a")
    second = digest(tmp_path)
    (tmp_path / "services" / "plan.py").write_text("b")
    assert len({first, second, digest(tmp_path)}) == 3


def run_pytest(folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("STANDFAST_")}
    environment["PYTHONPATH"] = str(REPOSITORY / "tests")
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--rootdir", str(folder), str(folder)]
    return subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, timeout=120)


def test_what_passed_is_left_out_of_the_next_run_and_an_interrupted_run_has_its_table(tmp_path: Path) -> None:
    folder = tmp_path / "tests" / "lab"
    folder.mkdir(parents=True)
    (folder / "conftest.py").write_text(CONFTEST)
    (folder / "test_a.py").write_text(TESTS)
    (tmp_path / "pytest.ini").touch()

    first = run_pytest(tmp_path)
    assert first.returncode == pytest.ExitCode.INTERRUPTED, first.stdout
    assert "2.50 / 2.50 / 2.50 s" in first.stdout
    assert [(run.test.rpartition(":")[2], run.passed) for run in read(folder / "runs.jsonl")] == [
        ("test_passes", True),
        ("test_is_ended_badly", False),
    ]

    (folder / "mended").touch()
    second = run_pytest(tmp_path)
    assert second.returncode == pytest.ExitCode.OK, second.stdout
    assert "2 passed, 1 deselected" in second.stdout
    assert "     1      1      1 " in second.stdout, "it failed once and passed once"

    third = run_pytest(tmp_path)
    assert third.returncode == pytest.ExitCode.OK, third.stdout
    assert "3 deselected" in third.stdout
