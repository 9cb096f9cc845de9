"""When a unit is called good or bad, whatever its probes see."""

import asyncio
import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from standfast import journal
from standfast.configuration.model import Group, Level, Probe, Resource
from standfast.probes import http
from standfast.probes.verdict import Outcome, Try
from standfast.resourced import probes
from standfast.resourced.probe_judge import Judge, against, combine
from standfast.resourced.probes import Probes
from standfast.vocabulary import ProbeState, UnitState
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


@example("gbggbggbugg", 1, 2)
@given(st.text("gbu", max_size=40), st.integers(1, 5), st.integers(1, 3))
def test_bad_needs_as_many_bad_tries_in_a_row(outcomes: str, fail_after: int, pass_after: int) -> None:
    states = judged(outcomes, fail_after=fail_after, pass_after=pass_after)
    for index, state in enumerate(states):
        became_bad = state == "b" and (index == 0 or states[index - 1] != "b")
        held = states[index - 1] == "u" and "b" * fail_after in outcomes[:index]  # it flaps, and is known again
        assert not became_bad or held or outcomes[: index + 1].endswith("b" * fail_after)
        assert state != "g" or "g" in outcomes[: index + 1]
        assert outcomes[index] != "u" or state == "u"


@pytest.mark.parametrize(
    ("outcomes", "fields", "doubts"),
    [
        ("gbbbg", {}, "-??b?"),  # what is bad is in doubt, and stays so for as many tries as make it bad
        ("gbgggg", {}, "-???--"),
        ("gbgbgb", {}, "-?????"),  # no word for each try of one that is bad every second time
        ("bbbg", {}, "----"),  # a start that takes its time is none
        ("bbbb", {"start_timeout_ms": 2_000}, "--??"),
        ("gbuuug", {}, "-???--"),
        ("gbgg", {"fail_after": 1}, "-b--"),
        ("gbbbg", {"level": Level.READY}, "-----"),
        ("bg", {"level": Level.STARTUP, "start_timeout_ms": 0}, "?-"),
    ],
)
def test_what_is_needed_is_in_doubt_from_the_first_bad_try_on(
    outcomes: str, fields: dict[str, Any], doubts: str
) -> None:
    kinds = {"g": Outcome.GOOD, "b": Outcome.BAD, "u": Outcome.UNKNOWN}
    one, said = Judge(probe(name="page", **fields)), ""
    for index, outcome in enumerate(outcomes):
        one.tried(Try(outcome=kinds[outcome], text=outcome), index * 1000)
        bad, doubt = against([one])
        assert doubt or not bad
        said += "b" if bad == ("page",) and outcome == "b" else "?" if doubt else "-"
    assert said == doubts


def judge(level: str, outcome: str) -> Judge:
    """One probe of that level after this one try; "" = before the first."""
    one = Judge(probe(level=Level(level), fail_after=1, start_timeout_ms=0))
    if outcome:
        one.tried(Try(outcome=Outcome(outcome), text=f"{level} {outcome}"), 0)
    return one


@pytest.mark.parametrize(
    ("several", "state", "text"),
    [
        ((), "none", ""),
        ((("live", "good"), ("live", "good")), "good", "live good; live good"),
        ((("live", "bad"),) * 5, "bad", "live bad; live bad; live bad; 2 more"),
        ((("live", "good"), ("live", "unknown")), "unknown", "live unknown"),
        ((("live", "good"), ("live", "")), "unknown", ""),
        ((("live", "good"), ("live", "unknown"), ("live", "bad")), "bad", "live bad"),
        ((("live", "good"), ("startup", "bad")), "bad", "startup bad"),
        ((("live", "good"), ("ready", "bad"), ("degraded", "bad")), "not-ready", "ready bad"),
        ((("live", "good"), ("ready", "good"), ("degraded", "bad")), "degraded", "degraded bad"),
        ((("live", "good"), ("ready", ""), ("degraded", "unknown")), "good", "live good"),
        ((("live", "unknown"), ("ready", "bad")), "unknown", "live unknown"),
        ((("live", "bad"), ("ready", "bad")), "bad", "live bad"),
        ((("ready", "unknown"), ("degraded", "")), "none", ""),
        ((("ready", "good"), ("degraded", "unknown")), "good", "ready good"),
    ],
)
def test_of_several_probes_the_worst_that_counts_is_told(
    several: tuple[tuple[str, str], ...], state: str, text: str
) -> None:
    assert combine([judge(*one) for one in several]) == (state, text)


@pytest.mark.parametrize(
    ("state", "serves"),
    [("good", True), ("none", True), ("degraded", True), ("not-ready", True), ("unknown", False), ("bad", False)],
)
def test_what_is_only_shown_keeps_nothing_from_serving(state: str, serves: bool) -> None:
    unit = UnitState(
        unit=UNIT, load="loaded", active="active", job="", processes=True, cause=None, probe=ProbeState(state)
    )
    assert unit.serving == serves


def flapping(pattern: str, step_ms: int, start: Judge | None = None, at_ms: int = 0) -> tuple[Judge, str]:
    """A judge after these tries, and its states: upper case while it flaps."""
    kinds = {"g": Outcome.GOOD, "b": Outcome.BAD, "u": Outcome.UNKNOWN}
    one = start or Judge(probe(fail_after=1, start_timeout_ms=0))
    states = ""
    for index, outcome in enumerate(pattern):
        word = one.tried(Try(outcome=kinds[outcome], text=outcome), at_ms + index * step_ms).value[0]
        states += word.upper() if one.flaps else word
    return one, states


def test_a_probe_that_flaps_is_held_as_it_was_until_it_is_steady() -> None:
    one, states = flapping("gbgbgbgbubb", 1000)
    assert states == "gbgbGGGGUGG"
    _, states = flapping("bbbbbbbb", 10_000, one, at_ms=20_000)
    assert states == "GGGGGbbb"  # its last change was at 7 s


def test_few_changes_or_slow_ones_are_no_flapping() -> None:
    assert flapping("gbgbbbb", 1000)[1] == "gbgbbbb"
    assert flapping("gbgbgbgb", 21_000)[1] == "gbgbgbgb"


def test_the_first_word_and_a_failure_of_the_checker_are_no_change_of_mind() -> None:
    assert not flapping("gugugugugugug", 1000)[0].flaps
    assert flapping("bgbgb", 1000)[1] == "bgbgB"
    assert flapping("bgbg", 1000)[1] == "bgbg"


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
        await told.until(3)  # it is good and in doubt, then bad
        parts[:] = [OK]
        await told.until(4)
        assert several.state_of("webserv", UNIT) is ProbeState.GOOD
        assert several.state_of("webserv", "standfast-ip@192.0.2.100.service") is ProbeState.NONE
        several.stop("webserv")
    assert told.states[:4] == [ProbeState.GOOD, ProbeState.GOOD, ProbeState.BAD, ProbeState.GOOD]
    assert told.results[2] == ("webserv", UNIT, ProbeState.BAD, f"GET {url}: status 500, expected 200")


@in_loop
async def test_what_each_probe_saw_last_can_be_read_while_it_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    latencies = iter((11, 12, 13))
    done = asyncio.Event()
    turned: list[tuple[str, str]] = []

    async def check(_: Probe) -> Try:
        latency = next(latencies, 0)
        if not latency:
            done.set()
            await asyncio.Event().wait()
        return Try(outcome=Outcome.GOOD, text=f"seen {latency}", latency_ms=latency)

    monkeypatch.setattr(probes, "check", check)
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        several = Probes(tasks, Told(), lambda *one: turned.append(one))
        several.watch(group(probe(name="page", interval_ms=1)))
        assert several.rows("webserv", UNIT) == several.rows("other", UNIT) == []
        several.start("webserv")
        ((*begun, _, since),) = several.rows("webserv", UNIT)
        assert begun == ["page", "http", "live", "unknown", ""]
        assert since.endswith("Z")
        await done.wait()
        ((*now, _),) = several.rows("webserv", UNIT)
        assert now == ["page", "http", "live", "good", "seen 13", 13]
        several.stop("webserv")
        assert several.rows("webserv", UNIT) == []
    assert turned == [("webserv", UNIT)]


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
        await told.until(3)
        several.stop("webserv")
    assert told.states == [ProbeState.GOOD, ProbeState.UNKNOWN, ProbeState.BAD]


@in_loop
async def test_an_error_in_the_checker_is_unknown_and_the_next_try_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    left, look = [RuntimeError("a bug")], http.look

    async def fail(one: Probe, seen: bytearray) -> str:
        if left and told.results:
            raise left.pop()
        return await look(one, seen)

    monkeypatch.setattr(http, "look", fail)
    told = Told()
    async with serving(send(OK)) as url, asyncio.TaskGroup() as tasks:
        several = Probes(tasks, told)
        several.watch(group(probe(url)))
        several.start("webserv")
        await told.until(3)
        several.stop("webserv")
    assert told.states == [ProbeState.GOOD, ProbeState.UNKNOWN, ProbeState.GOOD]
    assert told.results[1][3] == f"the probe of {UNIT} itself failed: RuntimeError: a bug"


@in_loop
async def test_a_startup_probe_is_made_until_it_succeeds_and_not_again(monkeypatch: pytest.MonkeyPatch) -> None:
    tries: list[str] = []
    enough = asyncio.Event()

    async def check(one: Probe) -> Try:
        tries.append(one.name)
        if tries[-4:] == ["live"] * 4:
            enough.set()
        good = one.name == "live" or len(tries) > 6
        return Try(outcome=Outcome.GOOD if good else Outcome.BAD, text=one.name)

    monkeypatch.setattr(probes, "check", check)
    told = Told()
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        several = Probes(tasks, told)
        several.watch(group(probe(level=Level.STARTUP, name="start"), probe(name="live")))
        several.start("webserv")
        await told.until(1)
        assert several.state_of("webserv", UNIT) is ProbeState.GOOD
        started = tries.count("start")
        await enough.wait()
        several.stop("webserv")
    assert tries.count("start") == started
    assert told.states == [ProbeState.GOOD]


@in_loop
async def test_one_hung_probe_delays_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    async def check(one: Probe) -> Try:
        if one.name == "hangs":
            await asyncio.Event().wait()
        return Try(outcome=Outcome.GOOD, text=one.name)

    monkeypatch.setattr(probes, "check", check)
    told = Told()
    async with asyncio.TaskGroup() as tasks:
        several = Probes(tasks, told)
        several.watch(replace(group(probe(name="hangs")), name="other"))
        several.watch(group(probe()))
        several.start("other")
        several.start("webserv")
        await told.until(1)
        assert several.state_of("other", UNIT) is ProbeState.UNKNOWN
        several.stop("other")
        several.stop("webserv")
    assert [result[0] for result in told.results] == ["webserv"]


@in_loop
async def test_the_journal_has_changes_only_and_says_that_a_probe_flaps(monkeypatch: pytest.MonkeyPatch) -> None:
    outcomes = iter("uugggbgbgbgbgb")
    done = asyncio.Event()
    written: list[tuple[journal.Event, str]] = []
    kinds = {"g": Outcome.GOOD, "b": Outcome.BAD, "u": Outcome.UNKNOWN}

    async def check(_: Probe) -> Try:
        letter = next(outcomes, "")
        if not letter:
            done.set()
            await asyncio.Event().wait()
        return Try(outcome=kinds[letter], text=f"seen {letter}")

    def write(event: journal.Event, _: journal.Level, text: str, **fields: str) -> None:
        said = fields.pop("probe")
        assert ("silent_ms" in fields) == (said == "bad"), "how long ago it was good last"
        assert fields.pop("silent_ms", "0").isdigit()
        assert fields == {"group": "webserv", "resource": UNIT}
        written.append((event, text))

    monkeypatch.setattr(probes, "check", check)
    monkeypatch.setattr(journal, "write", write)
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        several = Probes(tasks, Told())
        several.watch(group(probe(name="page", fail_after=1, interval_ms=1, level=Level.READY)))
        several.start("webserv")
        await done.wait()
        several.stop("webserv")
    label = f"probe page of {UNIT}"
    changed = journal.Event.PROBE_CHANGED
    assert written == [
        (changed, f"{label} is unknown (ready): seen u"),
        (changed, f"{label} is good (ready): seen g"),
        (changed, f"{label} is bad (ready): seen b"),
        (changed, f"{label} is good (ready): seen g"),
        (changed, f"{label} is bad (ready): seen b"),
        (journal.Event.PROBE_FLAPS, f"{label} flaps and is held as good: look at what it asks: seen g"),
    ]


def test_a_checker_is_in_memory_only_when_such_a_probe_was_made() -> None:
    program = (
        "import sys, asyncio, standfast.resourced.probes, standfast.probes.checking as checking\n"
        "from standfast.configuration.model import Probe\n"
        "before = {name for name in sys.modules if name.startswith('standfast.probes.')}\n"
        "one = Probe(name='', unit='', type='link', interface='lo')\n"
        "asyncio.run(checking.check(one))\n"
        "after = {name for name in sys.modules if name.startswith('standfast.probes.')}\n"
        "print(*sorted(before), '|', *sorted(after - before))\n"
    )
    environment = {"PYTHONPATH": ":".join(sys.path)}
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment, check=True)
    before, after = shown.stdout.split("|")
    assert before.split() == ["standfast.probes.checking", "standfast.probes.verdict"]
    assert after.split() == ["standfast.probes.link"]


class Paced(Probes):
    """It knows how long the pauses were meant to be; none of them ends. `paused`: there were so many."""

    def __init__(self, tasks: asyncio.TaskGroup, enough: int) -> None:
        super().__init__(tasks, Told())
        self.pauses_s: list[float] = []
        self.paused = asyncio.Event()
        self._enough = enough

    async def _until(self, due: float) -> None:
        self.pauses_s.append(due - asyncio.get_running_loop().time())
        if len(self.pauses_s) == self._enough:
            self.paused.set()
        if self.pauses_s[-1] > 0:
            await asyncio.Event().wait()


@pytest.mark.parametrize(("outcome", "pause_s"), [(Outcome.GOOD, 600), (Outcome.BAD, 0.05)])
@in_loop
async def test_probes_that_start_together_begin_at_once_and_then_spread(
    outcome: Outcome, pause_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def check(one: Probe) -> Try:
        return Try(outcome=outcome, text=one.name)

    monkeypatch.setattr(probes, "check", check)
    monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: 0.0)
    async with asyncio.TaskGroup() as tasks:
        several = Paced(tasks, 200)
        several.watch(group(*(probe(name=f"p{number}", interval_ms=600_000) for number in range(200))))
        several.start("webserv")
        await several.paused.wait()
        several.stop("webserv")
    assert 0.5 * pause_s <= min(several.pauses_s) < 0.7 * pause_s
    assert 1.3 * pause_s < max(several.pauses_s) <= 1.5 * pause_s


async def pauses_after_a_slow_try(outcome: Outcome, count: int, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Its first try takes as long as five intervals."""
    now = 0.0

    async def check(one: Probe) -> Try:
        nonlocal now
        now += 0.0 if now else 50.0
        return Try(outcome=outcome, text=one.name)

    monkeypatch.setattr(probes, "check", check)
    monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: now)
    async with asyncio.TaskGroup() as tasks:
        several = Paced(tasks, count)
        several.watch(group(probe(interval_ms=10_000)))
        several.start("webserv")
        await several.paused.wait()
        several.stop("webserv")
    return several.pauses_s


@in_loop
async def test_tries_that_a_slow_loop_missed_are_not_made_up_for(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses_s = await pauses_after_a_slow_try(Outcome.GOOD, 2, monkeypatch)
    assert pauses_s == [0, pytest.approx(10, rel=probes.JITTER)]


@in_loop
async def test_a_try_that_could_not_be_made_is_not_made_again_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    (pause_s,) = await pauses_after_a_slow_try(Outcome.UNKNOWN, 1, monkeypatch)
    assert pause_s == pytest.approx(0.05, rel=probes.FIRST_JITTER)
