"""Groups are adopted before anything is observed of them, also when the bus is lost in the middle."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from sim.machine import UNITS, configuration
from standfast.bus import BusError, ErrorName
from standfast.configuration.model import Group
from standfast.resourced import acts
from standfast.resourced.events import Act, Adopted, Event, Observed, Verb
from standfast.resourced.leases import Leases
from standfast.vocabulary import ProbeState, UnitState

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

    def look(self, name: str) -> None:
        """What was not read is read when the bus is back."""

    async def effective_guard(self, *_: str) -> bool:
        return True

    async def read(self, names: list[str]) -> dict[str, tuple[UnitState, ...]]:
        self.reads += 1
        if self.reads == 1:
            raise BusError(ErrorName.BUS_LOST, "The bus is away.")
        return dict.fromkeys(names, STATES)


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


class CalmUnits:
    """systemd that tells nothing by itself: each state was read before."""

    def __init__(self, *, on_reloaded: Any, **_: Any) -> None:
        self.on_reloaded = on_reloaded
        self.watched: dict[str, Group] = {}

    def watch(self, group: Group) -> None:
        self.watched[group.name] = group

    async def read(self, names: list[str]) -> dict[str, tuple[UnitState, ...]]:
        return {name: STATES[: len(self.watched[name].resources)] for name in names}

    async def reload(self) -> None:
        """systemd says at once that it is done, before anybody looks at what it has read."""
        self.on_reloaded()
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    async def effective_guard(self, unit: str, group: str) -> bool:
        return unit != UNITS[-1]  # the version that is put in place does not have the last one


def test_a_version_with_other_resources_is_told_of_and_only_its_own_guards_are_missed(tmp_path: Path) -> None:
    async def change() -> tuple[list[Event], list[Any]]:
        told: list[Event] = []
        missing: list[Any] = []
        (group,) = configuration(["n1"]).groups
        shorter = replace(group, resources=group.resources[:-1])
        with (
            mock.patch.object(acts, "Units", CalmUnits),
            mock.patch.object(acts, "Leases", lambda: Leases(tmp_path)),
        ):
            async with asyncio.TaskGroup() as tasks:
                hands = acts.Acts(told.append, missing.append, tasks)
                await hands.adopt((group,))
                await hands.reload((shorter,))
                await hands.adopt((shorter,))
        return told, missing

    told, missing = asyncio.run(change())
    assert [type(event) for event in told] == [Adopted, Observed]
    assert isinstance(told[1], Observed)
    assert told[1].states == STATES[:-1]
    assert missing[-1] == ()
    assert len(missing) == 2  # after the first adoption, and after the reload


def test_guards_are_looked_at_also_where_systemd_need_not_read_them_anew_but_what_runs_comes_first(
    tmp_path: Path,
) -> None:
    async def look() -> list[Any]:
        missing: list[Any] = []
        groups = configuration(["n1"]).groups
        with (
            mock.patch.object(acts, "Units", CalmUnits),
            mock.patch.object(acts, "Leases", lambda: Leases(tmp_path)),
        ):
            async with asyncio.TaskGroup() as tasks:
                hands = acts.Acts(lambda _: missing.append("read"), missing.append, tasks)
                hands.look_at_guards(groups)
                await hands.adopt(groups)
        return missing

    (group,) = configuration(["n1"]).groups
    assert asyncio.run(look()) == ["read", ((group.base, UNITS[-1]),)]


@pytest.mark.parametrize(
    ("said", "active", "job", "cause"),
    [
        (ProbeState.BAD, "active", "", "u: saw"),
        (ProbeState.DEGRADED, "active", "", "u: saw"),
        (ProbeState.NOT_READY, "active", "", "u: saw"),
        (ProbeState.DEGRADED, "active", "stop", ""),
        (ProbeState.DEGRADED, "inactive", "", ""),
        (ProbeState.GOOD, "active", "", ""),
    ],
)
def test_what_a_probe_saw_is_told_as_the_cause_while_the_unit_runs(
    said: ProbeState, active: str, job: str, cause: str
) -> None:
    async def merge() -> UnitState:
        async with asyncio.TaskGroup() as tasks:
            hands = acts.Acts(lambda _: None, lambda _: None, tasks)
            hands._texts["g", "u"] = "saw"
            state = UnitState(unit="u", load="loaded", active=active, job=job, processes=True, cause=None)
            with mock.patch.object(hands.probes, "state_of", lambda *_: said):
                return hands._with_probe("g", state)

    state = asyncio.run(merge())
    assert (state.cause.text if state.cause else "", state.probe) == (cause, said)


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
