"""What has passed on exactly this tree, so that a --full that was interrupted goes on where it was; and its table.

One folder for each content of the tree below FOLDER; a changed tree starts anew.
"""

import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

import pytest
from _pytest.terminal import TerminalReporter

FOLDER = Path("/var/tmp/standfast-full")
REPOSITORY = Path(__file__).parents[2]
TREE = ("services", "units", "dbus", "contrib", "tests", "pyproject.toml")
NOT_TESTED = {".md", ".pyc"}
ROUND = re.compile(r"round\d+-?")
OUTAGE = "outage_s"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of one test, in one round."""

    test: str  # pytest's id
    passed: bool
    outages_s: tuple[float, ...] = ()  # that the client measured


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One case in all its rounds."""

    case: str
    wanted: int
    passed: int  # rounds
    failed: int  # runs, those of a round that passed later as well
    outages_s: tuple[float, ...]


def digest(root: Path = REPOSITORY) -> str:
    """Equal for trees whose tests must have equal results."""
    found = hashlib.sha256()
    for path in sorted(_files(root)):
        content = path.read_bytes()
        found.update(f"{path.relative_to(root)} {path.stat().st_mode} {len(content)}\n".encode() + content)
    return found.hexdigest()[:16]


def _files(root: Path) -> Iterator[Path]:
    for name in TREE:
        paths = [root / name] if (root / name).is_file() else (root / name).rglob("*")
        yield from (path for path in paths if path.is_file() and path.suffix not in NOT_TESTED)


def case_of(test: str) -> str:
    """The test without its round; of what is no lab test only its folder."""
    if not test.startswith("tests/lab/"):
        return test.rpartition("/")[0]
    return ROUND.sub("", test).replace("-]", "]").replace("[]", "").removeprefix("tests/lab/")


def rows(wanted: Iterable[str], runs: Iterable[Run]) -> list[Row]:
    """For each case of the wanted tests, in their order, how far it is."""
    tests: dict[str, set[str]] = defaultdict(set)
    for test in wanted:
        tests[case_of(test)].add(test)
    by_case: dict[str, list[Run]] = defaultdict(list)
    for run in runs:
        by_case[case_of(run.test)].append(run)
    return [
        Row(
            case=case,
            wanted=len(names),
            passed=len({run.test for run in by_case[case] if run.passed} & names),
            failed=sum(not run.passed for run in by_case[case]),
            outages_s=tuple(second for run in by_case[case] if run.passed for second in run.outages_s),
        )
        for case, names in tests.items()
    ]


def table(of: Iterable[Row]) -> list[str]:
    """The rows for people."""
    lines = [f"{'wanted':>6} {'passed':>6} {'failed':>6}  {'outage min/median/max':23}  case"]
    for row in of:
        seconds = row.outages_s
        outage = f"{min(seconds):.2f} / {median(seconds):.2f} / {max(seconds):.2f} s" if seconds else ""
        lines.append(f"{row.wanted:6} {row.passed:6} {row.failed:6}  {outage:23}  {row.case}")
    return lines


class Ledger:
    """A pytest plugin: leaves out what has passed, notes each run as it ends, prints the table at the end."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.runs = read(file)
        self.wanted: list[str] = []
        self.under_way: list[pytest.TestReport] = []

    @pytest.hookimpl(trylast=True)  # type: ignore[untyped-decorator] # pytest 7 gives hookimpl no type
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        self.wanted = [item.nodeid for item in items]
        passed = {run.test for run in self.runs if run.passed}
        config.hook.pytest_deselected(items=[item for item in items if item.nodeid in passed])
        items[:] = [item for item in items if item.nodeid not in passed]

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """That everything had passed before is no failure."""
        if exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED and self.wanted:
            session.exitstatus = pytest.ExitCode.OK

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.under_way.append(report)
        if report.when != "teardown":
            return
        reports, self.under_way = self.under_way, []
        if any(one.skipped for one in reports):
            return
        passed = all(one.passed for one in reports)
        outages_s = tuple(float(str(value)) for name, value in report.user_properties if name == OUTAGE)
        self.note(Run(test=report.nodeid, passed=passed, outages_s=outages_s))

    def note(self, run: Run) -> None:
        self.runs.append(run)
        self.file.parent.mkdir(parents=True, exist_ok=True)
        with self.file.open("a") as lines:
            lines.write(json.dumps(asdict(run)) + "\n")

    def pytest_terminal_summary(self, terminalreporter: TerminalReporter) -> None:
        terminalreporter.section(f"all runs on this tree, noted in {self.file}")
        for line in table(rows(self.wanted, self.runs)):
            terminalreporter.line(line)


def read(file: Path) -> list[Run]:
    """All runs that were noted; a line that was cut short is none."""
    found = []
    for line in file.read_text().splitlines() if file.exists() else ():
        try:
            fields = json.loads(line)
        except ValueError:
            continue
        found.append(Run(test=fields["test"], passed=fields["passed"], outages_s=tuple(fields["outages_s"])))
    return found
