"""Runs histories with planted bugs, and ends a run of the tests with a table of what fell to each."""

import time
from collections.abc import Callable

import pytest
from _pytest.terminal import TerminalReporter

from sim.audit import Violation
from sim.planted import Bug

Fell = tuple[str, str, str, float]  # the bug, the history, the invariant, seconds of one core
Noticed = Callable[[Bug, Callable[[], object], str], None]
ALL: pytest.StashKey[list[Fell]] = pytest.StashKey()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[ALL] = []


@pytest.fixture
def noticed(pytestconfig: pytest.Config) -> Noticed:
    """With the bug, the history must end badly."""

    def run(bug: Bug, history: Callable[[], object], name: str) -> None:
        begun = time.process_time()
        with bug(), pytest.raises(AssertionError) as caught:
            history()
        error = caught.value
        fell = error.invariant if isinstance(error, Violation) else "what the script says"
        pytestconfig.stash[ALL].append((bug.__name__, name, fell, time.process_time() - begun))

    return run


def pytest_terminal_summary(terminalreporter: TerminalReporter, config: pytest.Config) -> None:
    rows = config.stash[ALL]
    if not rows:
        return
    bugs = len({bug for bug, *_ in rows})
    slowest = max(seconds for *_, seconds in rows)
    terminalreporter.section(f"{bugs} planted bugs were noticed; the slowest took {slowest:.1f} s")
    for bug, history, fell, seconds in sorted(rows):
        terminalreporter.write_line(f"{bug:42} {fell:22} {seconds:5.2f} s  {history}")
