"""Probes of units: what systemd says of them."""

from typing import Any

import pytest

from bus.private import PrivateBus
from fakes.systemd import FakeSystemd
from standfast.bus import Bus
from standfast.configuration.model import Probe
from standfast.probes.checking import check
from standfast.probes.verdict import Outcome, Try
from unit.probing import in_loop


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
