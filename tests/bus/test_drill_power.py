"""A fire drill's power cut, as fenced does it: the first level once, and no attempt of any loss."""

import pytest

from bus.fence_bench import Bench, fenced, run
from bus.private import PrivateBus, as_nobody
from standfast.bus import Bus, BusError, ErrorName
from standfast.fenced.service import INTERFACE, NAME, ROOT


def test_the_power_is_cut_by_the_first_level_and_nothing_is_proven(bench: Bench) -> None:
    async def main() -> None:
        async with fenced(bench) as (client, _):
            await client.bus.call(NAME, ROOT, INTERFACE, "CutPower", "s", "node1")
            assert (bench.is_off("1"), bench.is_off("2")) == (True, False)
            assert bench.calls() == ["bmc:1 off"]
            assert await client.attempts() == []
            assert bench.history() == []

    run(main)


def test_a_device_that_does_not_obey_is_an_error_and_no_other_level_is_asked(bench: Bench) -> None:
    async def main() -> None:
        async with fenced(bench) as (client, _):
            bench.behave("bmc", "dead")
            with pytest.raises(BusError, match=r"could not be cut: bmc:1: .*no connection") as caught:
                await client.bus.call(NAME, ROOT, INTERFACE, "CutPower", "s", "node1")
            assert caught.value.name == ErrorName.FAILED
            assert bench.calls() == ["bmc:1 off"]
            with pytest.raises(BusError, match="No node node9 is configured"):
                await client.bus.call(NAME, ROOT, INTERFACE, "CutPower", "s", "node9")

    run(main)


async def doubts(client_bus: Bus, node: str) -> list[str]:
    (found,) = await client_bus.call(NAME, ROOT, INTERFACE, "DrillDoubts", "s", node)
    return list(found)


def test_only_a_device_whose_last_test_was_good_is_relied_on(bench: Bench) -> None:
    async def main() -> None:
        async with fenced(bench) as (client, _):
            assert await doubts(client.bus, "node1") == []
            bench.behave("bmc", "dead")
            await client.bus.call(NAME, ROOT, INTERFACE, "Test", "s", "bmc", timeout_s=20)
            (doubt,) = await doubts(client.bus, "node1")
            assert doubt.startswith("Fence device bmc is in doubt (node1: ")
            assert doubt.endswith("standfast fence test bmc")
            assert await doubts(client.bus, "") == []

    run(main)


def test_a_device_that_was_never_tested_is_not_relied_on(bench: Bench) -> None:
    (bench.folder / "bmc.slow").touch()  # its first test does not end

    async def main() -> None:
        async with fenced(bench, tested=False) as (client, _):
            assert await doubts(client.bus, "node1") == [
                "Fence device bmc was not tested yet: standfast fence test bmc"
            ]

    run(main)


def test_a_device_that_switches_no_power_cuts_none(bench: Bench) -> None:
    bench.metadata(on='automatic="1" on_target="1"')

    async def main() -> None:
        async with fenced(bench) as (client, _):
            assert "switches no power" in " ".join(await doubts(client.bus, "node1"))

    run(main)


def test_nobody_but_root_cuts_power(bench: Bench, private_bus: PrivateBus) -> None:
    async def ask() -> list[str]:
        said = []
        async with await Bus.connect() as bus:
            for method in ("CutPower", "DrillDoubts"):
                with pytest.raises(BusError) as caught:
                    await bus.call(NAME, ROOT, INTERFACE, method, "s", "node1")
                said.append(caught.value.name)
        return said

    async def main() -> None:
        async with fenced(bench):
            assert await as_nobody(ask) == [ErrorName.ACCESS_DENIED] * 2
            assert bench.calls() == []

    run(main)
