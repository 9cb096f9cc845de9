"""When a unit is called good or bad, whatever its probes see."""

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from standfast.configuration.model import Group, Probe, Resource
from standfast.probes import checking
from standfast.probes.verdict import Outcome, Try
from standfast.resourced import probes
from standfast.resourced.probes import Judge, Probes, combine
from standfast.vocabulary import ProbeState
from unit.probing import OK, UNIT, in_loop, probe, send, serving


def judged(outcomes: str, **fields: Any) -> str:
    """The states after each of the tries, one a second: g(ood), b(ad), u(nknown)."""
    kinds = {"g": Outcome.GOOD, "b": Outcome.BAD, "u": Outcome.UNKNOWN}
    judge = Judge(probe(**fields))
    states = (judge.tried(Try(outcome=kinds[one], text=one), index * 1000).value for index, one in enumerate(outcomes))
    return "".join(state[0] for state in states)


@pytest.mark.parametrize(
    ("outcomes", "fields", "states"),
    [
        ("g", {}, "g"),
        ("gbbbb", {}, "gggbb"),
        ("gbbgbbb", {}, "ggggggb"),
        ("gbbubbb", {}, "ggguuub"),
        ("gbbbg", {}, "gggbg"),
        ("gbbbgg", {"pass_after": 2}, "uuubbg"),
        ("ggbbbgg", {"pass_after": 2}, "ugggbbg"),
        ("bbbbbbb", {"start_timeout_ms": 3000}, "uuuuubb"),
        ("bbbbgbbb", {}, "uuuugggb"),
        ("ubbb", {"start_timeout_ms": 0}, "uuub"),
        ("gu", {}, "gu"),
        ("gb", {"fail_after": 1}, "gb"),
    ],
)
def test_tries_are_counted_as_the_design_says(outcomes: str, fields: dict[str, Any], states: str) -> None:
    assert judged(outcomes, **fields) == states


@given(st.text("gbu", max_size=40), st.integers(1, 5), st.integers(1, 3))
def test_bad_needs_as_many_bad_tries_in_a_row(outcomes: str, fail_after: int, pass_after: int) -> None:
    states = judged(outcomes, fail_after=fail_after, pass_after=pass_after)
    for index, state in enumerate(states):
        became_bad = state == "b" and (index == 0 or states[index - 1] != "b")
        assert not became_bad or outcomes[: index + 1].endswith("b" * fail_after)
        assert state != "g" or "g" in outcomes[: index + 1]
        assert outcomes[index] != "u" or state == "u"


def test_of_several_probes_the_worst_counts() -> None:
    good, bad, unknown = ProbeState.GOOD, ProbeState.BAD, ProbeState.UNKNOWN
    assert combine(()) is ProbeState.NONE
    assert combine((good, good)) is good
    assert combine((good, unknown)) is unknown
    assert combine((good, unknown, bad)) is bad


class Told:
    """What `Probes` told, and a wait for it."""

    def __init__(self) -> None:
        self.results: list[tuple[str, str, ProbeState, str]] = []
        self._changed = asyncio.Event()

    def __call__(self, group: str, unit: str, state: ProbeState, text: str) -> None:
        self.results.append((group, unit, state, text))
        self._changed.set()

    async def until(self, count: int) -> None:
        async with asyncio.timeout(5):
            while len(self.results) < count:
                self._changed.clear()
                await self._changed.wait()

    @property
    def states(self) -> list[ProbeState]:
        return [result[2] for result in self.results]


def group(*several: Probe) -> Group:
    return Group(
        name="webserv",
        description="",
        resources=(Resource(unit="standfast-ip@192.0.2.100.service"), Resource(unit=UNIT, probes=several)),
    )


@in_loop
async def test_each_change_is_told_once_with_what_was_seen() -> None:
    parts = [OK]

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await send(*parts)(reader, writer)

    told = Told()
    async with serving(answer) as url, asyncio.TaskGroup() as tasks:
        several = Probes(tasks, told)
        several.watch(group(probe(url)))
        assert several.state_of("webserv", UNIT) is ProbeState.UNKNOWN
        several.start("webserv")
        await told.until(1)
        await asyncio.sleep(0.1)
        parts[:] = [b"HTTP/1.1 500 No\r\n\r\n"]
        await told.until(2)
        parts[:] = [OK]
        await told.until(3)
        assert several.state_of("webserv", UNIT) is ProbeState.GOOD
        assert several.state_of("webserv", "standfast-ip@192.0.2.100.service") is ProbeState.NONE
        several.stop("webserv")
    assert told.states == [ProbeState.GOOD, ProbeState.BAD, ProbeState.GOOD]
    assert told.results[1] == ("webserv", UNIT, ProbeState.BAD, f"GET {url}: status 500, expected 200")


@in_loop
async def test_stopped_probes_tell_nothing_and_a_new_start_begins_unknown() -> None:
    told = Told()
    async with serving(send(OK)) as url, asyncio.TaskGroup() as tasks:
        several = Probes(tasks, told)
        several.watch(group(probe(url)))
        several.start("webserv")
        await told.until(1)
        several.stop("webserv")
        assert several.state_of("webserv", UNIT) is ProbeState.UNKNOWN
        await asyncio.sleep(0.1)
        assert len(told.results) == 1
        several.start("webserv")
        await told.until(2)
        several.forget("webserv")
    assert told.states == [ProbeState.GOOD, ProbeState.GOOD]


@in_loop
async def test_new_settings_reach_probes_that_run() -> None:
    told = Told()
    async with serving(send(OK)) as url, asyncio.TaskGroup() as tasks:
        several = Probes(tasks, told)
        several.watch(group(probe(url)))
        several.start("webserv")
        await told.until(1)
        several.watch(group(probe(url, body="^fine", start_timeout_ms=0)))
        await told.until(2)
        several.stop("webserv")
    assert told.states == [ProbeState.GOOD, ProbeState.BAD]


@in_loop
async def test_an_error_in_the_checker_is_unknown_and_the_next_try_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    left = [RuntimeError("a bug")]

    async def check(one: Probe) -> Try:
        if left and told.results:
            raise left.pop()
        return await checking.check(one)

    monkeypatch.setattr(probes, "check", check)
    told = Told()
    async with serving(send(OK)) as url, asyncio.TaskGroup() as tasks:
        several = Probes(tasks, told)
        several.watch(group(probe(url)))
        several.start("webserv")
        await told.until(3)
        several.stop("webserv")
    assert told.states == [ProbeState.GOOD, ProbeState.UNKNOWN, ProbeState.GOOD]
    assert told.results[1][3] == f"the probe of {UNIT} itself failed: RuntimeError: a bug"
