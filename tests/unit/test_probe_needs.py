"""Probes that need others say nothing while those are not good; OnFail=alert fails nothing."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from standfast import journal
from standfast.configuration.model import Group, Level, OnFail, Probe, Resource
from standfast.probes.verdict import Outcome, Try
from standfast.resourced import probes
from standfast.resourced.probe_judge import combine, linked
from standfast.resourced.probes import Probes
from standfast.vocabulary import ProbeState
from unit.probing import UNIT, in_loop, probe
from unit.test_probes import Told, group

OUTCOMES = {"g": Outcome.GOOD, "b": Outcome.BAD, "u": Outcome.UNKNOWN}
FAST = {"fail_after": 1, "start_timeout_ms": 0}


def said(tries: dict[str, str], **fields: dict[str, Any]) -> tuple[str, str]:
    """What the probes of these names say together after these tries; `fields` beside what they all have."""
    several = linked([probe(name=name, **{**FAST, **fields.get(name, {})}) for name in tries])
    for judge in several:
        for index, letter in enumerate(tries[judge.probe.name]):
            judge.tried(Try(outcome=OUTCOMES[letter], text=f"{judge.probe.name} {letter}"), index * 1000)
    state, text = combine(several)
    return state.value, text


PAGE = {"needs": ("db",)}
SHOWN = {"level": Level.DEGRADED}
ALERT = {"on_fail": OnFail.ALERT}


@pytest.mark.parametrize(
    ("tries", "fields", "state", "text"),
    [
        ({"page": "g", "db": "g"}, {"page": PAGE}, "good", "page g; db g"),
        ({"page": "b", "db": "g"}, {"page": PAGE}, "bad", "page b"),
        ({"page": "b", "db": "b"}, {"page": PAGE}, "bad", "db b"),
        ({"page": "g", "db": "u"}, {"page": PAGE}, "unknown", "db u"),
        ({"page": "", "db": ""}, {"page": PAGE, "db": SHOWN}, "unknown", "not looked at while probe db is unknown"),
        (
            {"page": "b", "db": "b"},
            {"page": PAGE, "db": SHOWN},
            "degraded",
            "db b; probe page is not looked at while probe db is bad",
        ),
        (
            {"page": "b", "db": "b"},
            {"page": PAGE, "db": ALERT},
            "degraded",
            "db b; probe page is not looked at while probe db is bad",
        ),
        (
            {"page": "b", "db": "u"},
            {"page": PAGE, "db": SHOWN},
            "degraded",
            "probe page is not looked at while probe db is unknown",
        ),
        (
            {"page": "", "port": "", "db": "b"},
            {"page": {"needs": ("port",)}, "port": PAGE, "db": SHOWN},
            "degraded",
            "db b; probe page is not looked at while probe port is unknown; "
            "probe port is not looked at while probe db is bad",
        ),
        ({"page": "g", "db": "b", "other": "b"}, {"page": PAGE, "db": SHOWN}, "bad", "other b"),
        ({"page": "b"}, {"page": ALERT}, "degraded", "page b"),
        ({"page": "u", "other": "g"}, {"page": ALERT}, "good", "other g"),
        ({"page": "b", "other": "g"}, {"page": {**ALERT, "level": Level.READY}}, "not-ready", "page b"),
        ({"start": "g", "db": "b"}, {"start": {"level": Level.STARTUP, **PAGE}, "db": SHOWN}, "degraded", "db b"),
    ],
)
def test_what_several_probes_mean_together(
    tries: dict[str, str], fields: dict[str, dict[str, Any]], state: str, text: str
) -> None:
    assert said(tries, **fields) == (state, text)


@given(st.text("gbu", min_size=1, max_size=4), st.text("gbu", max_size=8), st.sampled_from([SHOWN, ALERT]))
def test_a_unit_never_fails_or_waits_for_a_probe_that_is_held_back(db: str, page: str, kind: dict[str, Any]) -> None:
    state, _ = said({"page": page, "db": db}, page=PAGE, db=kind)
    assert db.endswith("g") or state == "degraded"


@pytest.mark.parametrize(
    ("fields", "tries", "spoke"),
    [
        ({}, "b", False),
        ({}, "u", True),
        ({}, "g", True),
        ({"pass_after": 2}, "g", False),
        ({"pass_after": 2}, "gg", True),
        ({"peers": True}, "u", False),
        ({"peers": True}, "gu", True),
    ],
)
def test_a_start_that_nothing_is_known_of_yet_is_no_news(fields: dict[str, Any], tries: str, spoke: bool) -> None:
    (judge,) = linked([probe(**fields)])
    for letter in tries:
        judge.tried(Try(outcome=OUTCOMES[letter], text=letter), 0)
    assert judge.spoke == spoke


class Fake:
    """What each probe sees, and how often it was looked at."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **sees: str) -> None:
        self.sees = sees
        self.tries: list[str] = []
        self._tried = asyncio.Event()
        monkeypatch.setattr(probes, "check", self._check)

    async def _check(self, one: Probe) -> Try:
        self.tries.append(one.name)
        self._tried.set()
        letter = self.sees[one.name]
        if letter == "h":
            await asyncio.Event().wait()
        return Try(outcome=OUTCOMES[letter], text=f"{one.name} {letter}")

    async def until(self, true: Callable[[], bool]) -> None:
        """Looked at after each try."""
        async with asyncio.timeout(10):
            while not true():
                self._tried.clear()
                await self._tried.wait()


def several_of(*names: Probe, tasks: asyncio.TaskGroup, told: Told) -> Probes:
    one = Probes(tasks, told)
    one.watch(group(*names))
    one.start("webserv")
    return one


@in_loop
async def test_a_page_is_not_read_while_its_database_is_bad_and_again_when_it_is_good(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told, fake = Told(), Fake(monkeypatch, page="g", db="g")
    async with asyncio.TaskGroup() as tasks:
        several = several_of(
            probe(name="page", needs=("db",), fail_after=2),
            probe(name="db", level=Level.DEGRADED, fail_after=2),
            tasks=tasks,
            told=told,
        )
        await told.until(1)
        fake.sees |= {"db": "b", "page": "b"}
        await told.until(2)
        made = fake.tries.count("page")
        await fake.until(lambda: fake.tries[-5:] == ["db"] * 5)
        assert fake.tries.count("page") <= made + 1  # one may have been under way
        fake.sees |= {"db": "g", "page": "g"}
        await told.until(3)
        several.stop("webserv")
    assert told.states[0] is ProbeState.GOOD
    assert told.states[1] is ProbeState.DEGRADED
    assert ProbeState.BAD not in told.states
    assert told.results[1][3] == "db b; probe page is not looked at while probe db is bad"


@in_loop
async def test_a_bad_page_counts_only_while_its_database_is_good_at_that_moment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The database's own probe looks so seldom that it does not know yet."""
    told, fake = Told(), Fake(monkeypatch, page="g", db="g")
    async with asyncio.TaskGroup() as tasks:
        several = several_of(
            probe(name="page", needs=("db",), fail_after=1),
            probe(name="db", fail_after=1, interval_ms=3_600_000),
            tasks=tasks,
            told=told,
        )
        await told.until(1)
        fake.sees |= {"db": "b", "page": "b"}
        seen = len(fake.tries)
        await fake.until(lambda: fake.tries[seen:].count("db") >= 3)
        assert told.states == [ProbeState.GOOD]
        fake.sees["db"] = "g"
        await told.until(2)
        several.stop("webserv")
    assert told.results[1] == ("webserv", UNIT, ProbeState.BAD, "page b")


@in_loop
async def test_a_start_waits_for_the_page_only_as_long_as_its_database_may_still_be_good(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told, fake = Told(), Fake(monkeypatch, page="g", db="b")
    async with asyncio.TaskGroup() as tasks:
        several = several_of(
            probe(name="page", needs=("db",)),
            probe(name="db", level=Level.DEGRADED, start_timeout_ms=100, fail_after=1),
            tasks=tasks,
            told=told,
        )
        await told.until(2)
        several.stop("webserv")
    assert [result[2:] for result in told.results] == [
        (ProbeState.DEGRADED, "probe page is not looked at while probe db is unknown"),
        (ProbeState.DEGRADED, "db b; probe page is not looked at while probe db is bad"),
    ]
    assert "page" not in fake.tries


@in_loop
async def test_two_pages_that_were_tried_once_do_not_wake_each_other_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    turns: list[Probes] = []
    turn = Probes.turn

    def counted(several: Probes) -> None:
        turns.append(several)
        turn(several)

    monkeypatch.setattr(Probes, "turn", counted)
    told, fake = Told(), Fake(monkeypatch, first="g", second="g", db="g")
    async with asyncio.TaskGroup() as tasks:
        several = several_of(
            probe(name="first", needs=("db",), interval_ms=3_600_000),
            probe(name="second", needs=("db",), interval_ms=3_600_000),
            probe(name="db", on_fail=OnFail.ALERT, fail_after=1),
            tasks=tasks,
            told=told,
        )
        await told.until(1)
        fake.sees["db"] = "b"
        await told.until(2)
        turns.clear()
        await fake.until(lambda: fake.tries[-5:] == ["db"] * 5)
        several.stop("webserv")
    assert len(turns) < 10


@in_loop
async def test_the_journal_says_once_that_nobody_looks_and_shouts_for_an_alert(monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[tuple[journal.Level, str]] = []
    monkeypatch.setattr(journal, "write", lambda _, level, text, **__: written.append((level, text)))
    told, fake = Told(), Fake(monkeypatch, page="g", db="g")
    async with asyncio.TaskGroup() as tasks:
        several = several_of(
            probe(name="page", needs=("db",)),
            probe(name="db", on_fail=OnFail.ALERT, fail_after=1),
            tasks=tasks,
            told=told,
        )
        await told.until(1)
        fake.sees |= {"db": "b", "page": "b"}
        await told.until(2)
        await fake.until(lambda: fake.tries[-3:] == ["db"] * 3)
        several.stop("webserv")
    assert sorted(written[:2]) == [
        (journal.Level.INFO, f"probe db of {UNIT} is good: db g"),
        (journal.Level.INFO, f"probe page of {UNIT} is good: page g"),
    ]
    assert written[2:] == [
        (journal.Level.ERROR, f"probe db of {UNIT} is bad: db b"),
        (journal.Level.WARNING, f"probe page of {UNIT} is unknown: not looked at while probe db is bad"),
    ]


def alias(name: str = "alias", **fields: Any) -> Probe:
    """It takes what the probe db of db.service says."""
    return Probe(name=name, unit=UNIT, type="probe", watched="db.service", other="db", **fields)


def database(**fields: Any) -> Group:
    one = replace(probe(name="db", **{**FAST, **fields}), unit="db.service")
    return Group(name="data", description="", resources=(Resource(unit="db.service", probes=(one,)),))


@in_loop
async def test_another_probes_result_is_taken_at_once_and_unknown_where_it_does_not_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told, fake = Told(), Fake(monkeypatch, db="g")
    async with asyncio.TaskGroup() as tasks:
        several = several_of(alias(interval_ms=3_600_000), tasks=tasks, told=told)
        several.watch(database())
        assert several.state_of("webserv", UNIT) is ProbeState.UNKNOWN
        several.start("data")
        await told.until(2)
        fake.sees["db"] = "b"
        await told.until(4)
        several.stop("data")
        await told.until(5)
        several.stop("webserv")
    web = [result[2:] for result in told.results if result[1] == UNIT]
    assert web == [
        (ProbeState.GOOD, "probe db of db.service is good: db g"),
        (ProbeState.BAD, "probe db of db.service is bad: db b"),
        (ProbeState.UNKNOWN, "probe db of db.service does not run on this node"),
    ]


@in_loop
async def test_a_page_that_needs_another_units_database_is_held_back_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    told, fake = Told(), Fake(monkeypatch, db="g", page="g")
    async with asyncio.TaskGroup() as tasks:
        several = several_of(
            probe(name="page", needs=("alias",), fail_after=1), alias(level=Level.DEGRADED), tasks=tasks, told=told
        )
        several.watch(database(interval_ms=200))
        several.start("data")
        await told.until(2)
        fake.sees |= {"db": "b", "page": "b"}
        await told.until(4)
        several.stop("webserv")
        several.stop("data")
    assert [result[2] for result in told.results if result[1] == UNIT][-1] is ProbeState.DEGRADED
    assert (UNIT, ProbeState.BAD) not in [result[1:3] for result in told.results]
