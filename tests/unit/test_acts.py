"""Groups are adopted before anything is observed of them, also when the bus is lost in the middle."""

import asyncio
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from sim.machine import UNITS, configuration
from standfast.bus import BusError, ErrorName
from standfast.resourced import acts
from standfast.resourced.events import Act, Adopted, Event, Observed, Verb
from standfast.resourced.leases import Leases
from standfast.vocabulary import UnitState

STATES = tuple(
    UnitState(unit=unit, load="loaded", active="active", job="", processes=True, cause=None) for unit in UNITS
)


class FakeUnits:
    """systemd that is away for the first read, and then tells by itself what it has."""

    def __init__(self, *, on_states: Any, **_: Any) -> None:
        self.on_states = on_states
        self.reads = 0

    def watch(self, group: Any) -> None:
        """Nothing changes by being watched."""

    async def read(self, name: str) -> tuple[UnitState, ...]:
        self.reads += 1
        if self.reads == 1:
            raise BusError(ErrorName.BUS_LOST, "The bus is away.")
        return STATES


async def adopt_twice(run: Path) -> list[Event]:
    """The first adoption loses the bus; systemd's news come before the second one."""
    told: list[Event] = []
    groups = configuration(["n1"]).groups
    leases = Leases(run)
    leases.hold(groups[0].name)
    leases.grant(groups[0].name)
    with mock.patch.object(acts, "Units", FakeUnits), mock.patch.object(acts, "Leases", lambda: leases):
        async with asyncio.TaskGroup() as tasks:
            hands = acts.Acts(told.append, lambda _: None, tasks)
            with pytest.raises(BusError):
                await hands.adopt(groups)
            hands._states(groups[0].name, STATES)
            await hands.adopt(groups)
            hands._states(groups[0].name, STATES)
    return told


def test_a_bus_that_is_lost_in_the_middle_of_adopting_hides_nothing_that_runs(tmp_path: Path) -> None:
    first, *rest = asyncio.run(adopt_twice(tmp_path))
    assert isinstance(first, Adopted)
    assert first.held
    assert first.leased
    assert first.states == STATES
    assert rest
    assert all(isinstance(event, Observed) for event in rest)


def test_where_no_file_can_be_made_nothing_is_permitted_and_the_journal_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """systemd then refuses the start by itself: the daemon goes on."""
    group = configuration(["n1"]).groups[0].name
    leases = Leases(tmp_path)
    (tmp_path / "held").rmdir()
    (tmp_path / "held").write_text("a file where the folder should be")

    async def permit() -> None:
        with mock.patch.object(acts, "Units", FakeUnits), mock.patch.object(acts, "Leases", lambda: leases):
            async with asyncio.TaskGroup() as tasks:
                hands = acts.Acts(lambda _: None, lambda _: None, tasks)
                for verb in (Verb.HOLD, Verb.GRANT):
                    hands.do(Act(group=group, unit="", verb=verb))

    asyncio.run(permit())
    assert leases.leased() == ()
    told = capsys.readouterr().err
    assert f"{group} cannot start here: free /run [permit-failed]" in told
