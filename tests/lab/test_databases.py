"""MariaDB on a shared directory and PostgreSQL on a shared disk, while clients write (issue 7, line 1)."""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from statistics import median

import pytest
from standfast_lab import disks, normal, observe

from lab import lives
from lab.databases import MARIADB, POSTGRESQL, Database
from lab.examples import example
from lab.lives import Life, Line, Mark
from lab.row_writer import Row, faults
from lab.trial import Stage, Trial

LEFT_BY_POSTGRESQL = ("/srv/pgsql", "/etc/postgresql/15/main/conf.d/standfast.conf")
PAUSES_S: dict[str, list[float]] = defaultdict(list)


@pytest.fixture(scope="module")
def databases(stage: Stage) -> Iterator[tuple[Database, ...]]:
    """Both are in force, and written to; at the end the pauses are printed."""
    normal.make(stage.lab)
    disks.add(stage.lab.place)
    trial = Trial(stage.lab)
    one, other = trial.others(trial.owner())
    with ExitStack() as stack:
        mariadb_steps = stack.enter_context(example(trial, "mariadb", one, "/srv/shared/mysql", "/srv/mysql"))
        postgresql_steps = stack.enter_context(example(trial, "postgresql", other, *LEFT_BY_POSTGRESQL))
        found = []
        for kind, steps in ((MARIADB, mariadb_steps), (POSTGRESQL, postgresql_steps)):
            found.append(Database(kind, trial, steps))
            stack.callback(found[-1].end)
        yield tuple(found)
    for fault, seconds in PAUSES_S.items():
        least, middle, most = min(seconds), median(seconds), max(seconds)
        print(f"\n{fault:30} {len(seconds):2} times: pause {least:5.2f} / {middle:5.2f} / {most:5.2f} s", end="")


def check(trial: Trial, databases: Iterable[Database], fault: str, at: float, *, recovered: bool | None) -> None:
    """See Database.check; the pauses are noted."""
    for database in databases:
        pause_s = database.check(trial, at, recovered=recovered)
        print(f"{database.kind.group}, {fault}: pause {pause_s:.2f} s")
        PAUSES_S[f"{database.kind.group}, {fault}"].append(pause_s)
        trial.outages_s.append(pause_s)


def gather_on(trial: Trial, databases: tuple[Database, ...], place: str) -> float:
    """All of them are there; when the first one was asked to go there."""
    at = trial.fault(f"relocation to {place}")

    def relocate(group: str) -> None:
        trial.lab.sh(place, "standfast", "group", "relocate", group, place, timeout_s=120)

    elsewhere = tuple(one.kind.group for one in databases if one.owner(trial) != place)
    if elsewhere:
        observe.each(elsewhere, relocate)
    for database in databases:
        database.wait_until_on(trial, place)
    return at


def owner_of_all(trial: Trial, databases: tuple[Database, ...]) -> str:
    """The node that has them all, now at the latest."""
    owner = databases[0].owner(trial)
    assert owner is not None
    gather_on(trial, databases, owner)
    return owner


@pytest.mark.rounds(10)
def test_a_relocation_loses_no_row_and_leaves_nothing_to_recover(
    trial: Trial, databases: tuple[Database, ...], round_number: int
) -> None:
    place = trial.others(owner_of_all(trial, databases))[round_number % 2]
    at = gather_on(trial, databases, place)
    check(trial, databases, "relocated", at, recovered=False)


@pytest.mark.rounds(10)
def test_a_killed_server_loses_no_row(trial: Trial, databases: tuple[Database, ...], round_number: int) -> None:
    owner = owner_of_all(trial, databases)
    for database in databases:  # earlier kills are forgotten
        trial.lab.sh(owner, "standfast", "group", "enable", database.kind.group)
    units = [database.kind.unit for database in databases]
    at = trial.fault(f"kill -9 of {' and '.join(units)} on {owner}")
    trial.lab.sh(owner, "systemctl", "kill", "--kill-whom=main", "--signal=KILL", *units)
    check(trial, databases, "killed", at, recovered=True)
    for database in databases:
        database.wait_until_on(trial, *trial.lab.nodes())


@pytest.mark.rounds(10)
def test_a_power_cut_of_the_owner_loses_no_row(
    trial: Trial, databases: tuple[Database, ...], round_number: int
) -> None:
    victim = owner_of_all(trial, databases)
    trial.to_be_fenced.add(victim)
    at = trial.cut_power(victim)
    check(trial, databases, "power cut", at, recovered=True)


@pytest.mark.rounds(5)
def test_an_owner_that_is_cut_off_loses_no_row_and_never_shares_the_data(
    trial: Trial, databases: tuple[Database, ...], round_number: int
) -> None:
    victim = owner_of_all(trial, databases)
    trial.to_be_fenced.add(victim)
    at = trial.fault(f"{victim} cut off")
    trial.lab.cut(victim)
    for database in databases:
        database.wait_until_on(trial, *trial.others(victim))
    check(trial, databases, "partition", at, recovered=None)
    trial.wait(lambda: trial.lab.is_on(victim) and trial.lab.is_booted(victim), 60, f"{victim} to boot, still cut off")
    trial.lab.heal()
    trial.wait_until_normal()
    for database in databases:
        assert database.wrong() == []


def told(node: str, *marks: tuple[float, Mark]) -> dict[str, list[Line]]:
    return {node: [Line(at=at, mark=mark, text="somebody has it") for at, mark in marks]}


def test_two_instances_at_once_are_found() -> None:
    first = told("node1", (1.0, Mark.BEGINS), (5.0, Mark.ENDS))
    assert lives.wrong(first | told("node2", (5.1, Mark.BEGINS))) == []
    (said,) = lives.wrong(first | told("node2", (4.5, Mark.BEGINS)))
    assert said == "one began on node2 0.500 s before it ended on node1"
    (said,) = lives.wrong(first | told("node2", (4.0, Mark.IN_USE)))
    assert said == "node2: somebody has it"


def test_a_row_that_was_acknowledged_and_is_lost_is_found() -> None:
    rows = [Row(number=number, sent=1.0, acknowledged=None if number == 2 else 1.1) for number in (1, 2, 3)]
    assert faults(rows, {1, 3}, 4) == []
    assert faults(rows, {1, 2, 3, 4}, 4) == []
    assert faults(rows, {1, 2, 5}, 4) == ["row 3 was acknowledged, and is lost", "row 5 is there, and was never sent"]


def test_an_instance_that_recovers_is_told_from_one_that_does_not() -> None:
    lines = told("node1", (1.0, Mark.BEGINS), (2.0, Mark.ENDS), (3.0, Mark.BEGINS), (3.5, Mark.RECOVERS))["node1"]
    assert lives.lives("node1", lines) == [
        Life(node="node1", begun=1.0, ended=2.0, recovered=False),
        Life(node="node1", begun=3.0, ended=math.inf, recovered=True),
    ]
