"""Probes: what a page's answers mean, and when a unit is called good or bad."""

import asyncio
import contextlib
import errno
import functools
import socket
import struct
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from standfast import http_check
from standfast.configuration.model import Group, Probe, Resource
from standfast.http_check import Outcome, Try, check
from standfast.resourced import probes
from standfast.resourced.probes import Judge, Probes, combine
from standfast.vocabulary import ProbeState

UNIT = "apache2.service"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n"
Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def in_loop(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    @functools.wraps(test)
    def run(*arguments: Any, **named: Any) -> None:
        asyncio.run(test(*arguments, **named))

    return run


def probe(url: str = "http://127.0.0.1/healthz", **fields: Any) -> Probe:
    return Probe(name="", unit=UNIT, url=url, **{"timeout_ms": 300, "interval_ms": 20, **fields})


def send(*parts: bytes, pause_s: float = 0.0) -> Answer:
    """A server that reads a request and then sends these parts."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(pause_s)

    return answer


async def hang(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await reader.read()


async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@contextlib.asynccontextmanager
async def serving(answer: Answer) -> AsyncIterator[str]:
    """The URL of a page that is answered so."""

    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, EOFError):
            await answer(reader, writer)
        writer.close()

    server = await asyncio.start_server(once, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/healthz"


CASES: list[tuple[str, Answer, dict[str, Any], Outcome, str]] = [
    ("good", send(OK), {}, Outcome.GOOD, "status 200"),
    ("good in pieces", send(OK[:9], OK[9:30], OK[30:], pause_s=0.02), {"body": "^ok$"}, Outcome.GOOD, "status 200"),
    ("good to the end", send(b"HTTP/1.0 200 Fine\r\n\r\nok\n"), {"body": "^ok"}, Outcome.GOOD, "status 200"),
    ("no content", send(b"HTTP/1.1 204 \r\n\r\n"), {"status": frozenset({204})}, Outcome.GOOD, "status 204"),
    ("interim", send(b"HTTP/1.1 100 Continue\r\n\r\n" + OK), {}, Outcome.GOOD, "status 200"),
    (
        "chunked",
        send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n2;x=y\r\nk\n\r\n0\r\n\r\n"),
        {"body": "^ok$"},
        Outcome.GOOD,
        "status 200",
    ),
    (
        "endless body",
        send(b"HTTP/1.1 200 OK\r\n\r\nok\n" + b"x" * 200_000),
        {"body": "^ok"},
        Outcome.GOOD,
        "status 200",
    ),
    (
        "wrong status",
        send(b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n"),
        {},
        Outcome.BAD,
        "status 503, expected 200",
    ),
    ("wrong body", send(OK), {"body": "^fine"}, Outcome.BAD, "status 200, but the body does not match ^fine: “ok”"),
    ("hung", hang, {}, Outcome.BAD, "no answer within 0.3 s"),
    ("slow", send(*(OK[i : i + 1] for i in range(len(OK))), pause_s=0.02), {}, Outcome.BAD, "no answer within 0.3 s"),
    ("reset", reset, {}, Outcome.BAD, "the connection was reset"),
    ("closed", send(), {}, Outcome.BAD, "the connection was closed without an answer"),
    ("cut", send(OK[:-2]), {}, Outcome.BAD, "the answer ended after 1 of 3 bytes"),
    ("not HTTP", send(b"SSH-2.0-OpenSSH\x1b\r\n"), {}, Outcome.BAD, "the answer is not HTTP: “SSH-2.0-OpenSSH”"),
    ("bad status line", send(b"HTTP/1.1 2000 OK\r\n\r\n"), {}, Outcome.BAD, "the answer is not HTTP"),
    ("bad length", send(b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"), {}, Outcome.BAD, "is no number: “-1”"),
    (
        "bad chunk",
        send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n"),
        {},
        Outcome.BAD,
        "chunks are malformed",
    ),
    ("endless head", send(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 9000), {}, Outcome.BAD, "head is longer than"),
]


@pytest.mark.parametrize(
    ("answer", "fields", "outcome", "text"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
@in_loop
async def test_an_answer_is_judged_and_told(
    answer: Answer, fields: dict[str, Any], outcome: Outcome, text: str
) -> None:
    async with serving(answer) as url:
        one = await check(probe(url, **fields))
    assert one.outcome is outcome, one.text
    assert one.text.startswith(f"GET {url}: ")
    assert text in one.text


@in_loop
async def test_a_refused_connection_is_bad() -> None:
    async with serving(hang) as url:
        pass
    assert await check(probe(url)) == Try(outcome=Outcome.BAD, text=f"GET {url}: connection refused")


@in_loop
async def test_a_password_in_the_url_is_not_told() -> None:
    async with serving(send(OK)) as url:
        one = await check(probe(url.replace("http://", "http://admin:secret@")))
    assert one == Try(outcome=Outcome.GOOD, text=f"GET {url}: status 200")


@in_loop
async def test_the_request_names_host_path_and_query() -> None:
    seen = b""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal seen
        seen = await reader.readuntil(b"\r\n\r\n")
        writer.write(OK)

    async with serving(answer) as url:
        await check(probe(f"{url}?deep=1"))
    assert seen.startswith(b"GET /healthz?deep=1 HTTP/1.1\r\nHost: 127.0.0.1:")


@in_loop
async def test_a_name_that_cannot_be_looked_up_says_nothing_about_the_unit(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", fail)
    one = await check(probe("http://www.example.com/"))
    assert one.outcome is Outcome.UNKNOWN
    assert "www.example.com cannot be looked up" in one.text


@in_loop
async def test_a_shortage_of_our_own_says_nothing_about_the_unit(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: Any, **__: Any) -> Any:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(asyncio, "open_connection", fail)
    assert (await check(probe())).outcome is Outcome.UNKNOWN


@in_loop
async def test_a_process_that_slept_through_the_timeout_says_nothing_about_the_unit() -> None:
    async with serving(hang) as url:
        task = asyncio.create_task(check(probe(url)))
        await asyncio.sleep(0.05)
        time.sleep(0.8)  # noqa: ASYNC251 - that is the fault
        one = await task
    assert one.outcome is Outcome.UNKNOWN
    assert "not scheduled" in one.text


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
        return await http_check.check(one)

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
