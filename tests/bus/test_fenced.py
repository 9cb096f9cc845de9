"""fenced on a private bus, with power switches that are files and agents that are shell scripts."""

import asyncio
import contextlib
import os
from typing import Any

import pytest

from bus.fence_bench import Bench, Client, fenced, open_term, run
from bus.private import PrivateBus, as_nobody, until
from standfast.bus import Bus, BusError, ErrorName, Signal
from standfast.configuration.model import Configuration, FenceDevice
from standfast.fenced import attempts
from standfast.fenced.service import INTERFACE, NAME, ROOT


def test_off_is_proven_by_a_status_after_it(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    async def main() -> None:
        async with fenced(bench) as (client, _):
            await client.begin()
            row = await client.ended()
            assert row[:6] == ["8.1", "node1", "incarnation of node1", "off", "proven", "bmc"]
            assert bench.is_off("1")
            assert not bench.is_off("2")
            assert bench.calls() == ["bmc:1 off", "bmc:1 status"]
            await until(lambda: bool(bench.history()))

    run(main)
    (entry,) = bench.history()
    assert (entry["loss"], entry["state"], entry["device"]) == ("8.1", "proven", "bmc")
    told = capsys.readouterr().err
    assert told.index("[fence-begun]") < told.index("[fence-proven]")


def test_the_next_level_is_begun_in_an_open_term(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    async def main() -> None:
        async with fenced(bench) as (client, _):
            await open_term(8)
            bench.behave("bmc", "dead")
            await client.begin()
            assert (await client.ended())[4:6] == ["proven", "pdu"]
            assert bench.calls() == ["bmc:1 off", "pdu:1 off", "pdu:1 status"]

    run(main)
    assert "fence device bmc:1: off failed: exit code 1: Failed: no connection" in capsys.readouterr().err


@pytest.mark.parametrize("resourced", ["absent", "between terms"])
def test_no_further_level_is_begun_outside_an_open_term(
    bench: Bench, resourced: str, capsys: pytest.CaptureFixture[str]
) -> None:
    async def main() -> None:
        async with fenced(bench) as (client, _):
            if resourced == "between terms":
                await open_term(0)
            bench.behave("bmc", "dead")
            await client.begin()
            row = await client.ended()
            assert row[4] == "failed"
            assert "no term is open here" in row[6]
            assert bench.calls() == ["bmc:1 off"]

    run(main)
    (told,) = (line for line in capsys.readouterr().err.splitlines() if "[fence-failed]" in line)
    assert told.startswith("<5>"), "the record's entry of the same failure is the one that alerts are run for"


def test_where_an_operator_goes_on_without_nodes_every_level_is_begun(bench: Bench) -> None:
    """The first device of a dead node is often as dead as the node."""

    async def main() -> None:
        async with fenced(bench) as (client, _):
            await open_term(0, ["node1"])
            bench.behave("bmc", "dead")
            await client.begin()
            assert (await client.ended())[4:6] == ["proven", "pdu"]

    run(main)


def test_a_device_that_lies_about_off_proves_nothing(bench: Bench) -> None:
    async def main() -> None:
        async with fenced(bench) as (client, _):
            await open_term(8)
            bench.behave("bmc", "lying")
            await client.begin()
            assert (await client.ended())[4:6] == ["proven", "pdu"]
            assert bench.calls()[:2] == ["bmc:1 off", "bmc:1 status"]

    run(main)


def test_a_failed_attempt_is_begun_again_at_once_when_asked_again(bench: Bench) -> None:
    async def main() -> None:
        async with fenced(bench) as (client, _):
            await open_term(8)
            for device in ("bmc", "pdu"):
                bench.behave(device, "dead")
            await client.begin()
            assert (await client.ended())[4] == "failed"
            assert bench.calls() == ["bmc:1 off", "pdu:1 off"]
            bench.behave("pdu", "works")
            await client.begin()
            assert (await client.attempts())[0][4] == "running"
            assert (await client.ended())[4] == "proven"

    run(main)


def test_no_secret_reaches_the_bus_the_journal_or_the_history(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    (bench.folder / "secret").write_text("s3cret")
    bench.configuration = bench.configure(password_file="secret")
    for device in ("bmc", "pdu"):
        bench.behave(device, "telling")

    async def main() -> None:
        async with fenced(bench) as (client, _):
            await open_term(8)
            await client.begin()
            row = await client.ended()
            assert "login with ***" in row[6]
            objects = await client.bus.managed_objects(NAME, ROOT)
            shown = await client.bus.get_all(NAME, ROOT, INTERFACE)
            rows = await client.ask("Test", "s", "") + await client.ask("History", "su", "", 0)
            assert "s3cret" not in f"{objects} {shown} {rows}"
            await until(lambda: bool(bench.history()))

    run(main)
    assert "s3cret" not in (bench.folder / "history").read_text()
    told = capsys.readouterr().err
    assert "login with ***" in told
    assert "s3cret" not in told


def test_the_same_order_again_changes_nothing_while_it_runs_and_after_it_is_proven(bench: Bench) -> None:
    async def main() -> None:
        async with fenced(bench) as (client, _):
            for _ in range(5):
                await client.begin()
            await client.ended()
            bench.power("1", "on")  # it came back
            await client.begin()
            await asyncio.sleep(0.3)
            assert not bench.is_off("1")
            assert bench.calls() == ["bmc:1 off", "bmc:1 status"]

    run(main)


def test_on_switches_on_what_is_off_and_nothing_else(bench: Bench) -> None:
    async def main() -> None:
        async with fenced(bench) as (client, _):
            await client.begin()
            await client.ended()
            await client.begin(action="on")
            assert (await client.ended(action="on"))[4] == "done"
            assert not bench.is_off("1")
            assert [call for call in bench.calls() if call.endswith(" on")] == ["bmc:1 on"]

    run(main)


@pytest.mark.parametrize(
    ("fence_delay_ms", "delays_ms", "said"),
    [
        (800, (300, 0), "waits 0.8 s: FenceDelay= of node1"),
        (300, (0, 800), "waits 0.8 s: Delay= of fence device pdu"),
    ],
)
def test_the_longest_delay_is_waited_once_before_the_first_off(
    bench: Bench, fence_delay_ms: int, delays_ms: tuple[int, int], said: str
) -> None:
    bench.configuration = bench.configure(fence_delay_ms=fence_delay_ms, delays_ms=delays_ms)

    async def main() -> None:
        async with fenced(bench) as (client, _):
            await open_term(8)
            bench.behave("bmc", "dead")
            texts: list[str] = []

            def hear(signal: Signal) -> None:
                texts.extend(row[6] for row in signal.arguments[1].get("Attempts", ()))

            await client.bus.subscribe(NAME, hear, path=ROOT, member="PropertiesChanged")
            begun = asyncio.get_running_loop().time()
            await client.begin()
            assert (await client.ended())[4] == "proven"
            assert asyncio.get_running_loop().time() - begun >= 0.8
            assert texts.index(said) < texts.index("bmc:1 is asked: off.")
            assert [text for text in texts if text.startswith("waits")] == [said], "once in the round"
            assert bench.calls() == ["bmc:1 off", "pdu:1 off", "pdu:1 status"]

    run(main)


def test_on_waits_for_no_delay(bench: Bench) -> None:
    bench.power("1", "off")
    bench.configuration = bench.configure(fence_delay_ms=300_000)

    async def main() -> None:
        async with fenced(bench) as (client, _):
            await client.begin(action="on")
            assert (await client.ended(action="on"))[4] == "done"

    run(main)


def test_an_attempt_does_not_wait_for_a_test_that_hangs(bench: Bench) -> None:
    (bench.folder / "bmc.slow").touch()

    async def main() -> None:
        async with fenced(bench, tested=False) as (client, _):
            await until(lambda: "bmc:1 status" in bench.calls())
            (bench.folder / "bmc.slow").unlink()
            begun = asyncio.get_running_loop().time()
            await client.begin()
            assert (await client.ended())[4] == "proven"
            assert asyncio.get_running_loop().time() - begun < 2

    run(main)


def test_two_losses_at_once_take_turns_on_a_device(bench: Bench) -> None:
    async def main() -> None:
        async with fenced(bench) as (client, _):
            await client.begin("8.1", "node1")
            await client.begin("8.2", "node2")
            for loss in ("8.1", "8.2"):
                assert (await client.ended(loss))[4] == "proven"
            assert bench.is_off("1")
            assert bench.is_off("2")

    run(main)


def test_devices_are_tested_at_start_and_shown(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    bench.behave("pdu", "dead")

    async def main() -> None:
        async with fenced(bench) as (client, _):
            device = await client.device("bmc")
            assert (device["Name"], device["Agent"], device["Ok"]) == ("bmc", "fence_file", True)
            assert (device["Answer"], device["Verified"]) == ("node1: on; node2: on", True)
            device = await client.device("pdu")
            assert not device["Ok"]
            assert device["Answer"].startswith("node1: exit code 1: Failed: no connection")

    run(main)
    told = capsys.readouterr().err
    assert told.count("[fence-device-silent]") == 1
    assert "Fence device pdu does not answer" in told


def test_devices_are_tested_again_and_again_without_the_configuration_being_read_for_it(bench: Bench) -> None:
    """With hundreds of groups reading it takes 0.1 s of a processor."""

    async def main() -> None:
        async with fenced(bench, test_every_s=0.2) as (client, _):
            await until(lambda: bench.loads == 2)  # at the start, and with the bus
            for behaviour, ok in (("dead", False), ("", True)):
                bench.behave("bmc", behaviour)
                await tells(client, ok=ok)
            asked = bench.asked_for_metadata()
            os.utime(bench.folder / "fence_file", ns=(1, 1))  # it was replaced
            await until(lambda: bench.asked_for_metadata() > asked)
            assert bench.loads == 2

    async def tells(client: Client, *, ok: bool) -> None:
        async with asyncio.timeout(10):
            while (await client.device("bmc"))["Ok"] is not ok:  # noqa: ASYNC110 - another process's word
                await asyncio.sleep(0.02)

    run(main)


def test_a_reload_tests_what_is_new_and_withdraws_what_is_gone(bench: Bench) -> None:
    async def main() -> None:
        async with fenced(bench) as (client, service):
            assert bench.configuration is not None
            bmc, _ = bench.configuration.devices
            new = FenceDevice(name="ups", agent="fence_file", options={"ip": "ups", "ssl_insecure": "1"})
            bench.configuration = Configuration(
                cluster=bench.configuration.cluster,
                nodes=bench.configuration.nodes,
                devices=(bmc, new),
                domains=(),
                groups=(),
                digest="1",
            )
            service.reload()
            async with asyncio.timeout(5):
                while True:
                    with contextlib.suppress(BusError):
                        if (await client.device("ups"))["LastTest"]:
                            break
                    await asyncio.sleep(0.02)
            assert not (await client.device("ups"))["Verified"]
            with pytest.raises(BusError, match="no object"):
                await client.device("pdu")

    run(main)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("8.1", "node9", "i", "off"), ErrorName.REFUSED),
        (("8.1", "node1", "i", "reboot"), ErrorName.INVALID_ARGUMENTS),
        (("", "node1", "i", "off"), ErrorName.INVALID_ARGUMENTS),
        (("8.1", "node1", "x" * 5000, "off"), ErrorName.INVALID_ARGUMENTS),
    ],
)
def test_an_order_that_makes_no_sense_is_refused_in_one_sentence(
    bench: Bench, arguments: tuple[str, ...], error: ErrorName
) -> None:
    async def main() -> None:
        async with fenced(bench, tested=False) as (client, _):
            with pytest.raises(BusError) as caught:
                await client.bus.call(NAME, ROOT, INTERFACE, "Begin", "ssss", *arguments)
            assert caught.value.name == error
            assert await client.attempts() == []

    run(main)


def test_only_root_may_fence(bench: Bench) -> None:
    async def stranger() -> list[Any]:
        client = Client(await Bus.connect())
        try:
            await client.begin()
        except BusError as error:
            return [error.name, await client.attempts()]
        return ["fenced"]

    async def main() -> None:
        async with fenced(bench):
            assert await as_nobody(stranger) == [ErrorName.ACCESS_DENIED, []]
            assert bench.calls() == []

    run(main)


def test_without_a_configuration_it_is_on_the_bus_and_says_so(bench: Bench) -> None:
    bench.configuration = None

    async def main() -> None:
        async with fenced(bench, tested=False) as (client, _):
            with pytest.raises(BusError, match="no configuration"):
                await client.begin()
            bench.configuration = bench.configure()
            await client.begin()  # reads anew what it does not know
            assert (await client.ended())[4] == "proven"

    run(main)


def test_an_attempt_outlives_a_lost_bus(bench: Bench, private_bus: PrivateBus) -> None:
    (bench.folder / "pdu.slow").touch()

    async def main() -> None:
        async with fenced(bench, tested=False) as (client, _):
            await client.begin()
            private_bus.kill()
            await until(lambda: bench.is_off("1"))
            private_bus.start()
            async with asyncio.timeout(5):
                while True:
                    try:
                        client = Client(await Bus.connect())
                        row = await client.ended(timeout_s=1)
                        break
                    except (BusError, TimeoutError):
                        await asyncio.sleep(0.05)
            assert row[4] == "proven"

    run(main)


def test_ended_attempts_leave_the_list(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempts, "SHOWN_AFTER_END_S", 0.2)

    async def main() -> None:
        async with fenced(bench, tested=False) as (client, _):
            await client.begin()
            await client.ended()
            async with asyncio.timeout(5):
                while await client.attempts():  # noqa: ASYNC110 - another process's word
                    await asyncio.sleep(0.05)

    run(main)


def test_ended_attempts_make_room_for_a_new_one(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempts, "MOST_ATTEMPTS", 2)

    async def main() -> None:
        async with fenced(bench) as (client, _):
            await client.begin("1.1")
            await client.ended("1.1")
            (bench.folder / "bmc.slow").touch()
            await client.begin("2.1")
            await client.begin("3.1")
            assert [row[0] for row in await client.attempts()] == ["2.1", "3.1"]
            with pytest.raises(BusError, match="wait until some of them"):
                await client.begin("4.1")

    run(main)
