"""An hour of looks at what hangs leaves as much behind as the first one did."""

import asyncio
import contextlib
import os
from collections import Counter
from collections.abc import Callable, Coroutine
from operator import le
from pathlib import Path

import pytest

from fakes.direct import DirectBus, simulated_loop
from fakes.systemd import FakeSystemd
from standfast import journal
from standfast.configuration.model import Group, Probe, Resource
from standfast.probes import transient
from standfast.probes.transient import unit_of
from standfast.resourced.probes import Probes
from standfast.vocabulary import ProbeState

HOUR_S = 3600
PROBES = tuple(
    Probe(name=kind, unit="srv.mount", type=kind, path="/srv/a", command=("/bin/check",), start_timeout_ms=1000)
    for kind in ("file", "mount", "exec")
)
GROUP = Group(name="files", description="", resources=(Resource(unit="srv.mount", probes=PROBES),))


@pytest.fixture(autouse=True)
def no_journal(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(journal, "SOCKET", tmp_path / "none")


def simulate(main: Callable[[], Coroutine[None, None, None]]) -> None:
    with asyncio.Runner(loop_factory=simulated_loop) as runner:
        runner.run(main())


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def threads() -> int:
    return len(list(Path("/proc/self/task").iterdir()))


class Bench:
    """Probes that look, and a systemd whose transient services hang."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.systemd = FakeSystemd(transient="hang")
        self.bus = DirectBus(self.systemd)
        self.told: list[ProbeState] = []
        monkeypatch.setattr(transient, "system_bus", self._system_bus)
        monkeypatch.setattr(transient, "name_of_process", lambda pid: "standfast-look")
        monkeypatch.setattr("standfast.probes.file_system.name_of_process", lambda pid: "standfast-look")

    async def _system_bus(self) -> DirectBus:
        return self.bus

    def started(self) -> Counter[str]:
        return Counter(call[1] for call in self.systemd.calls if call[0] == "StartTransientUnit")

    async def most(self) -> tuple[int, ...]:
        """The most that there was of each in a minute."""
        found = []
        for _ in range(600):
            await asyncio.sleep(0.1)
            found.append(self.left())
        return tuple(map(max, zip(*found, strict=True)))

    def left(self) -> tuple[int, ...]:
        """Whatever could pile up."""
        systemd = transient._systemd
        assert systemd is not None
        tasks = len(asyncio.all_tasks())
        return descriptors(), threads(), tasks, len(self.systemd.units), len(systemd.jobs._waiting), len(systemd._gone)

    def heard(self, _: str, __: str, state: ProbeState, ___: str) -> None:
        self.told.append(state)


def test_an_hour_of_looks_that_hang_starts_one_process_for_each_probe_and_leaves_no_more_than_the_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def main() -> None:
        bench = Bench(monkeypatch)
        number = len(PROBES)
        # the journal's socket; for each probe a pipe's ends, its task and one that waits for output, and its unit
        most = (descriptors() + 1 + 2 * number, threads(), 1 + 2 * number, number, number, number)
        async with asyncio.TaskGroup() as tasks:
            probes = Probes(tasks, bench.heard)
            probes.watch(GROUP)
            probes.start(GROUP.name)
            await asyncio.sleep(10)
            calls = bench.bus.calls
            await asyncio.sleep(HOUR_S)
            found = await bench.most()
            assert all(map(le, found, most)), (found, most)
            assert bench.bus.calls - calls > 3 * HOUR_S / 2.2  # it looked all the time
            assert len(bench.systemd.units) == len(PROBES)
            assert bench.told[-1] is ProbeState.BAD
            tries = bench.started()
            assert set(tries) == {unit_of(probe) for probe in PROBES}

            bench.systemd.transient = "end"  # what hung is gone, and from now on each look ends at once
            for name in tuple(bench.systemd.units):
                bench.systemd.end_transient(name, -9)
            ending = tasks.create_task(end_all(bench.systemd))
            await asyncio.sleep(10)
            probes.stop(GROUP.name)
            await asyncio.sleep(1)
            ending.cancel()
            assert not bench.systemd.units
            assert bench.left()[3:] == (0, 0, 0)

    simulate(main)


async def end_all(systemd: FakeSystemd) -> None:
    """Each service answers as a good look does and ends."""
    while True:
        await asyncio.sleep(0.05)
        for name, unit in tuple(systemd.units.items()):
            assert unit.properties is not None
            with contextlib.suppress(OSError):  # nobody reads it any more
                into = os.open(unit.properties["StandardOutputFile"], os.O_WRONLY)
                os.write(into, b"begun\ngood 50 0\n")
                os.close(into)
            if unit.job[0]:
                systemd.end_transient(name)


def test_the_same_hour_piles_up_where_each_look_has_a_name_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """The test above can fail."""
    numbers = iter(range(100_000))
    monkeypatch.setattr(transient, "unit_of", lambda probe: f"probe-{next(numbers)}.service")

    async def main() -> None:
        bench = Bench(monkeypatch)
        async with asyncio.TaskGroup() as tasks:
            probes = Probes(tasks, bench.heard)
            probes.watch(GROUP)
            probes.start(GROUP.name)
            await asyncio.sleep(60)
            assert len(bench.systemd.units) > 50
            probes.stop(GROUP.name)

    simulate(main)
