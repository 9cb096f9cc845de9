"""resourced offers new files when fenced of its node found nothing against them, and else says why not."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from bus.private import PrivateBus
from fakes.network import FakeNetwork
from sim.machine import configuration
from standfast.bus import BusError, ErrorName
from standfast.resourced import disk, store
from standfast.resourced import service as module
from standfast.resourced.fencer import Fencer
from standfast.resourced.record import Disk
from standfast.resourced.restarts import Restarts
from standfast.resourced.service import Service
from standfast.resourced.store import Found
from unit.cluster import fresh

IN_FORCE = configuration(["n1"])  # digest d1, as in the record
NEW = replace(IN_FORCE, digest="d2")
PROBLEM = "cluster.conf:23: fence_pdu knows no option plgu; did you mean plug?"


class Bench:
    """What stands in /etc/standfast, and what fenced says of it."""

    def __init__(self) -> None:
        self.files = IN_FORCE
        self.says: tuple[str, tuple[str, ...]] | None = None  # None: it is away

    async def check(self, _: Fencer) -> tuple[str, tuple[str, ...]]:
        if self.says is None:
            raise BusError(ErrorName.SERVICE_UNKNOWN, "fenced is away")
        return self.says

    def find(self, in_force: str = "d1") -> Found:
        assert in_force == "d1"
        return Found(used=IN_FORCE, offered=self.files, problems=())


@pytest.fixture
def bench(private_bus: PrivateBus, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Bench:
    bench = Bench()
    monkeypatch.setattr(module, "Restarts", lambda: Restarts(tmp_path / "crashes"))
    monkeypatch.setattr(disk, "read", lambda: Disk(highest_term=0, record=fresh("n1")))
    monkeypatch.setattr(store, "stamp", lambda: ())
    monkeypatch.setattr(store, "installed", lambda: "d1")
    monkeypatch.setattr(store, "find", bench.find)
    monkeypatch.setattr(Fencer, "check", lambda fencer: bench.check(fencer))
    return bench


def test_new_files_are_offered_when_fenced_has_nothing_against_them(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    async def main() -> None:
        async with asyncio.TaskGroup() as tasks:
            service = Service(node="n1", found=bench.find(), network=FakeNetwork({1: 1}).nodes[1], tasks=tasks)
            assert service.core.offered is IN_FORCE, "what is in force needs no question"
            bench.files = NEW
            await service.reload()
            assert service.core.offered is None, "nobody has asked the agents"
            bench.says = ("d2", (PROBLEM,))
            await service.reload()
            assert service.core.offered is None
            bench.says = ("d2", ())
            await service.reload()
            assert service.core.offered is NEW
            assert service.core.configuration is IN_FORCE, "it is used when it is in force"
            bench.files, bench.says = IN_FORCE, None
            await service.reload()
            assert service.core.offered is IN_FORCE

    asyncio.run(main())
    said = capsys.readouterr().err
    assert said.count(f"{PROBLEM}; what is in force is used until then [configuration-problem]") == 1


def test_files_that_were_changed_while_it_was_away_are_not_offered_unasked(bench: Bench) -> None:
    async def main() -> None:
        bench.files = NEW
        async with asyncio.TaskGroup() as tasks:
            service = Service(node="n1", found=bench.find(), network=FakeNetwork({1: 1}).nodes[1], tasks=tasks)
            assert service.core.offered is None
            bench.says = ("d2", ())
            await service.reload()
            assert service.core.offered is NEW

    asyncio.run(main())
