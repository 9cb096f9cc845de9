"""Probes of units: what systemd says of them."""

import asyncio
from typing import Any

import pytest

from bus.private import PrivateBus
from fakes.systemd import FakeSystemd
from standfast.bus import Bus, BusError, ErrorName
from standfast.configuration.model import Probe
from standfast.probes.checking import check
from standfast.probes.system_bus import cannot_check, system_bus
from standfast.probes.verdict import Outcome, Try
from unit.probing import in_loop_on_bus as in_loop


def of(**fields: Any) -> Probe:
    return Probe(name="", unit="a.service", type="unit", **{"timeout_ms": 2000, **fields})


@pytest.mark.parametrize(
    ("fields", "outcome", "text"),
    [
        ({}, Outcome.GOOD, "a.service: it is active"),
        ({"status_text": "^Ready: [0-9]+ jobs"}, Outcome.GOOD, "a.service: it is active, and its status matches"),
        ({"status_text": "^Draining"}, Outcome.BAD, "a.service: its status does not match ^Draining: “Ready: 3 jobs”"),
        ({"watched": "b.timer"}, Outcome.BAD, "b.timer: it is inactive, expected active"),
        ({"watched": "b.timer", "active_state": "inactive"}, Outcome.GOOD, "b.timer: it is inactive"),
        ({"watched": "none.service"}, Outcome.BAD, "none.service: it is inactive, expected active"),
    ],
)
@in_loop
async def test_the_state_and_the_status_are_judged(
    private_bus: PrivateBus, fields: dict[str, Any], outcome: Outcome, text: str
) -> None:
    systemd = FakeSystemd()
    systemd.add("a.service", active="active", status_text="Ready: 3 jobs")
    systemd.add("b.timer")
    await systemd.serve(private_bus.address)
    one = await check(of(**fields))
    await systemd.leave()
    assert one.outcome is outcome, one.text
    assert one.text.startswith(text)


@in_loop
async def test_a_systemd_that_is_away_or_hangs_says_nothing_about_the_unit(private_bus: PrivateBus) -> None:
    away = await check(of())
    async with await Bus.connect(private_bus.address) as silent:
        silent.take_call = lambda *_: True
        await silent.claim("org.freedesktop.systemd1")
        hung = await check(of(timeout_ms=300))
    private_bus.kill()
    gone = await check(of())
    assert (away.outcome, gone.outcome) == (Outcome.UNKNOWN, Outcome.UNKNOWN)
    assert away.text.startswith("a.service: systemd cannot be asked: ")
    assert hung == Try(outcome=Outcome.UNKNOWN, text="a.service: systemd does not answer")


async def connections(private_bus: PrivateBus) -> int:
    async with await Bus.connect(private_bus.address) as bus:
        (names,) = await bus.call("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "ListNames")
    return sum(name.startswith(":") for name in names)


@in_loop
async def test_all_tries_share_one_connection_and_make_another_one_when_it_is_lost(private_bus: PrivateBus) -> None:
    systemd = FakeSystemd()
    systemd.add("a.service", active="active")
    for _ in range(2):
        await systemd.serve(private_bus.address)
        before = await connections(private_bus)
        tries = await asyncio.gather(*(check(of()) for _ in range(20)))
        assert {one.outcome for one in tries} == {Outcome.GOOD}
        assert await connections(private_bus) == before + 1
        shared = await system_bus()
        private_bus.kill()
        await shared.wait_closed()
        private_bus.start()


@in_loop
async def test_a_systemd_that_hangs_ends_every_try_in_its_time(private_bus: PrivateBus) -> None:
    async with await Bus.connect(private_bus.address) as silent:
        silent.take_call = lambda *_: True
        await silent.claim("org.freedesktop.systemd1")
        for _ in range(2):  # more than may be under way at once, on our side and then on the bus's
            tries = await asyncio.gather(*(check(of(timeout_ms=400)) for _ in range(100)))
            assert {one.outcome for one in tries} == {Outcome.UNKNOWN}
        silent.take_call = None
        quick = await check(of(timeout_ms=10_000))
    assert quick.text.startswith("a.service: systemd cannot be asked: ")


def test_a_call_that_ran_out_of_its_own_time_is_a_systemd_that_does_not_answer() -> None:
    late = BusError(ErrorName.TIMED_OUT, "systemd did not answer Get within 5 s.")
    assert str(cannot_check(late, "systemd cannot be asked")) == "systemd does not answer"


@in_loop
async def test_a_try_that_is_cancelled_leaves_the_others_their_connection(private_bus: PrivateBus) -> None:
    systemd = FakeSystemd()
    systemd.add("a.service", active="active")
    await systemd.serve(private_bus.address)
    first, second = (asyncio.create_task(check(of())) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    assert (await second).outcome is Outcome.GOOD
    await asyncio.wait([first])
    assert first.cancelled()


@in_loop
async def test_what_a_bus_that_hangs_has_not_taken_stays_small(private_bus: PrivateBus) -> None:
    bus = await system_bus()
    private_bus.pause()
    try:
        bus.emit("/", "a.b", "c", "s", "x" * 1_000_000)
        one = await check(of(timeout_ms=200))
    finally:
        private_bus.resume()
    assert bus.closed.is_set()
    assert one == Try(outcome=Outcome.UNKNOWN, text="a.service: systemd does not answer")
