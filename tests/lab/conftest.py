"""The lab of three nodes that all tests share, and the audit that ends each of them."""

import os
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

import pytest
from standfast_lab import cockpit, image, normal
from standfast_lab.client import read
from standfast_lab.lab import Lab
from standfast_lab.place import LabError
from standfast_lab.progress import say

from lab import ledger
from lab.audit import violations
from lab.browser import Browser, browser
from lab.evidence import gather
from lab.trial import Stage, Trial

KEEP = (
    "STANDFAST_LAB_KEEP"  # set: the lab that runs is used as it is, and stays (its package may be older than the tree)
)
FULL = "STANDFAST_FULL"  # set: the counts that the issues ask for
PAUSE_S = 0.5  # of a client that asks every 20 ms: the machine had no time or no disk for it
Value = TypeVar("Value")
FAILED = pytest.StashKey[bool]()
full_only = pytest.mark.skipif(not os.environ.get(FULL), reason=f"it takes long: only with ${FULL}, as --full sets it")


def by_default(values: Iterable[Value], *chosen: Value) -> list[Any]:
    """Of these cases of a test only the chosen ones are run without --full."""
    return [value if value in chosen else pytest.param(value, marks=full_only) for value in values]


def pytest_configure(config: pytest.Config) -> None:
    """In --full what has passed on this tree is not run again."""
    config.addinivalue_line("markers", "rounds(count): in --full the test runs so often, otherwise once")
    config.addinivalue_line("markers", "xdist_group(name): those of one name are not run beside each other")
    if os.environ.get(FULL):
        config.pluginmanager.register(ledger.Ledger(ledger.FOLDER / ledger.digest() / "runs.jsonl"))


@pytest.hookimpl(tryfirst=True)  # type: ignore[untyped-decorator]  # xdist reads the marks in the same hook
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of the nodes that all share are one after the other, and beside them those that have a lab of their own."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            shared = "stage" in getattr(item, "fixturenames", ())
            item.add_marker(pytest.mark.xdist_group("shared-lab" if shared else "own-labs"))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Each round is a test of its own: one that fails hides none of the others."""
    if "round_number" in metafunc.fixturenames:
        (count,) = next(metafunc.definition.iter_markers("rounds")).args
        numbers = range(count if os.environ.get(FULL) else 1)
        metafunc.parametrize("round_number", numbers, ids=[f"round{number + 1}" for number in numbers])


def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> None:
    """A fixture's end can tell whether its test failed; the report itself is made elsewhere."""
    if call.excinfo is not None:
        item.stash[FAILED] = True


@pytest.fixture(scope="session")
def stage() -> Iterator[Stage]:
    """Three nodes with the package of this work tree, the example group, and real servers and Cockpit: none runs."""
    lab = Lab(os.environ.get("STANDFAST_LAB_NAME", "check"))
    keep = bool(os.environ.get(KEEP))
    if not keep:
        lab.down()
    lab.up(3, layer=image.COCKPIT)
    yield Stage(lab)
    if not keep:
        lab.down()


@pytest.fixture
def trial(request: pytest.FixtureRequest, stage: Stage) -> Iterator[Trial]:
    """The cluster in its normal state and a client that asks; at the end, normal again, the audit."""
    node: pytest.Item = request.node
    _make_normal(stage, request)
    stage.lab.client_start()
    trial = Trial(stage.lab)
    trial.first_owner = trial.owner()
    yield trial
    failed = node.stash.get(FAILED, False)
    wrong: list[str] = []
    try:
        if not failed:
            trial.wait_until_normal()
        wrong = violations(trial, settled=not failed)
    except LabError as error:
        wrong = [str(error), *violations(trial, settled=False)]
    finally:
        stage.lab.client_stop()
        node.user_properties += [(ledger.OUTAGE, seconds) for seconds in trial.outages_s]
        stage.spoilt = failed or bool(wrong)
        if stage.spoilt:
            _tell(request, gather(stage.lab, node.name))
    if wrong:
        pytest.fail("the audit found:\n" + "\n".join(f"- {text}" for text in wrong), pytrace=False)


@pytest.fixture
def page(trial: Trial) -> Iterator[Browser]:
    """Every node serves the page in Cockpit, and a browser is there, in which nobody is logged in yet."""
    cockpit.add(trial.lab.place)
    with browser(trial.lab) as one:
        yield one


def _make_normal(stage: Stage, request: pytest.FixtureRequest) -> None:
    try:
        normal.make(stage.lab)
    except LabError:
        if not stage.spoilt:
            _tell(request, gather(stage.lab, f"before-{request.node.name}"))
            raise
        say("the failed test's cluster does not come back to normal: a new one")
        stage.lab.down()
        stage.lab.up(3, layer=image.COCKPIT)
        normal.make(stage.lab)
    stage.spoilt = False


def _tell(request: pytest.FixtureRequest, folder: Path) -> None:
    """The path is on standard error: what a fixture's end prints belongs to no report of the test."""
    begun = [one.t_start for one in read(folder / "client.log")]
    pause_s = max((later - earlier for earlier, later in pairwise(begun)), default=0.0)
    with request.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
        say(f"journals of all nodes, client, witness and BMC: {folder}")
        if pause_s > PAUSE_S:
            say(f"this machine stood still: for {pause_s:.1f} s the client, which runs outside the nodes, did not")
