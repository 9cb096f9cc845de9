"""Probes of pages: what an answer means, whatever a server does."""

import asyncio
import base64
import datetime
import errno
import json
import socket
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from standfast.configuration.model import HeaderTest, Probe
from standfast.configuration.probe_values import parse_json_test
from standfast.probes import login
from standfast.probes.checking import check
from standfast.probes.verdict import Outcome, Try
from unit.certificates import make_certificate
from unit.probing import OK, Answer, hang, in_loop, probe, reset, send, serving, serving_each

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
    (
        "slow",
        send(*(OK[i : i + 1] for i in range(len(OK))), pause_s=0.02),
        {},
        Outcome.BAD,
        "no whole answer within 0.3 s, only “HTTP",
    ),
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
    def fail(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    one = await check(probe("http://www.example.com/"))
    assert one.outcome is Outcome.UNKNOWN
    assert "www.example.com cannot be looked up" in one.text


@in_loop
async def test_a_shortage_of_our_own_says_nothing_about_the_unit(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> Any:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(socket, "socket", fail)
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


def page(body: Any, headers: str = "") -> Answer:
    content = json.dumps(body).encode()
    return send(f"HTTP/1.1 200 OK\r\nContent-Length: {len(content)}\r\n{headers}\r\n".encode() + content)


STATE = {"db": [{"state": "up", "lag": 0.5, "rows": 3, "ok": True, "error": None}]}


@pytest.mark.parametrize(
    ("test", "text"),
    [
        ('db[0].state == "up"', ""),
        ('db[0].state != "down"', ""),
        ("db[0].lag <= 0.5", ""),
        ("db[0].rows > 2", ""),
        ("db[0].rows == 3.0", ""),
        ("db[0].ok == true", ""),
        ("db[0].error == null", ""),
        ('db[0].state < "v"', ""),
        ('db[0].state == "down"', 'but db[0].state == "down" does not hold: it is “"up"”'),
        ("db[0].lag < 0.5", "but db[0].lag < 0.5 does not hold: it is “0.5”"),
        ("db[0].ok == 1", "but db[0].ok == 1 does not hold: it is “true”"),
        ("db[0].state > 1", "does not hold"),
        ("db[1].state == 1", "but there is no [1] for db[1].state == 1"),
        ("db.state == 1", "but there is no state for db.state == 1"),
        ("[0] == 1", "but there is no [0] for [0] == 1"),
    ],
)
@in_loop
async def test_a_value_in_the_body_is_found_and_compared(test: str, text: str) -> None:
    async with serving(page(STATE)) as url:
        one = await check(probe(url, json=(parse_json_test(test),)))
    assert one.outcome is (Outcome.BAD if text else Outcome.GOOD), one.text
    assert text in one.text


@in_loop
async def test_a_body_that_is_no_json_is_bad() -> None:
    for body in (b"<html>", b"[" * 60_000, b"\xff\xfe{", b"9" * 5000):
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        async with serving(send(head + body)) as url:
            one = await check(probe(url, json=(parse_json_test("state == 1"),)))
        assert one.outcome is Outcome.BAD
        assert "but the body is no JSON" in one.text


@pytest.mark.parametrize(
    ("name", "expression", "text"),
    [
        ("content-TYPE", "^application/json", ""),
        ("Via", "^a, b$", ""),
        ("Content-Type", "^text", "but Content-Type does not match ^text: “application/json”"),
        ("Server", ".", "but there is no header Server"),
    ],
)
@in_loop
async def test_a_header_is_searched(name: str, expression: str, text: str) -> None:
    async with serving(page({}, "Content-Type: application/json\r\nVia: a\r\nVia: b\r\n")) as url:
        one = await check(probe(url, headers=(HeaderTest(name=name, expression=expression),)))
    assert one.outcome is (Outcome.BAD if text else Outcome.GOOD), one.text
    assert text in one.text


@in_loop
async def test_redirects_are_followed_as_often_as_allowed() -> None:
    def moved(where: str) -> Answer:
        return send(f"HTTP/1.1 302 Found\r\nLocation: {where}\r\nContent-Length: 0\r\n\r\n".encode())

    pages = {"/healthz": moved("/a"), "/a": moved("b?x=1"), "/b?x=1": send(OK), "/c": moved("gopher://x/")}
    async with serving_each(pages) as url:
        assert "status 302, expected 200" in (await check(probe(url))).text
        assert (await check(probe(url, redirects=2))).outcome is Outcome.GOOD
        short = await check(probe(url, redirects=1))
        strange = await check(probe(url.replace("healthz", "c"), redirects=3))
    assert (short.outcome, strange.outcome) == (Outcome.BAD, Outcome.BAD)
    assert short.text.endswith(f"more than 1 redirects, the last one to “{url.replace('healthz', 'b?x=1')}”")
    assert strange.text.endswith("it redirects to “gopher://x/”, which is no page")


@in_loop
async def test_a_good_answer_that_is_slow_is_bad() -> None:
    parts = (OK[:9], OK[9:])
    async with serving(send(*parts, pause_s=0.1)) as url:
        slow = await check(probe(url, timeout_ms=5000, slow_after_ms=50))
        fast = await check(probe(url, timeout_ms=5000, slow_after_ms=4000))
    assert (slow.outcome, fast.outcome) == (Outcome.BAD, Outcome.GOOD)
    assert "status 200, but it took 1" in slow.text
    assert slow.text.endswith(" ms, longer than 50 ms")
    assert 100 <= fast.latency_ms < 4000


@in_loop
async def test_a_unix_socket_is_asked(tmp_path: Path) -> None:
    path = str(tmp_path / "app.sock")

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await send(OK)(reader, writer)
        writer.close()

    async with await asyncio.start_unix_server(answer, path):
        one = await check(probe("http://app/healthz", socket=path))
    assert one == Try(outcome=Outcome.GOOD, text=f"GET http://app/healthz at {path}: status 200")
    gone = await check(probe("http://app/healthz", socket=f"{path}x"))
    assert gone == Try(outcome=Outcome.BAD, text=f"GET http://app/healthz at {path}x: No such file or directory")


@pytest.mark.parametrize(
    ("days", "wanted", "outcome", "text"),
    [
        (20, 10, Outcome.GOOD, "status 200"),
        (20, None, Outcome.GOOD, "status 200"),
        (20, 30, Outcome.BAD, "its certificate is good for 19 more days only, until "),
        (-1, 30, Outcome.BAD, "its certificate is not good: certificate has expired"),
    ],
)
@in_loop
async def test_a_certificate_that_ends_soon_is_told(
    days: int, wanted: int | None, outcome: Outcome, text: str, tmp_path: Path
) -> None:
    server = make_certificate(tmp_path, datetime.timedelta(days=days))
    ca_file = str(tmp_path / "certificate.pem")
    async with serving(send(OK), server) as url:
        one = await check(probe(url, ca_file=ca_file, certificate_days=wanted, timeout_ms=5000))
    assert one.outcome is outcome, one.text
    assert text in one.text


@in_loop
async def test_what_came_is_kept_also_when_the_rest_did_not() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 6000)
        await hang(reader, writer)

    async with serving(answer) as url:
        one = await check(probe(url))
    assert one.outcome is Outcome.BAD
    assert one.seen == (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 6000)[:4096]


@in_loop
async def test_a_resolver_that_hangs_says_nothing_about_the_unit(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: answer.wait())
    one = await check(probe("http://www.example.com/"))
    answer.set()
    assert one.outcome is Outcome.UNKNOWN
    assert one.text.endswith("www.example.com cannot be looked up: no name server answers")


@pytest.fixture
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    async def password(probe: Probe) -> str | None:
        return "correct horse" if probe.password_file else None

    monkeypatch.setattr(login, "password", password)


USER = {"user": "ann", "password_file": "page.secret"}
TOKEN = base64.b64encode(b"ann:correct horse").decode()


@pytest.mark.usefixtures("secret")
@in_loop
async def test_a_user_is_named_to_the_first_place_only() -> None:
    heard: dict[str, list[bytes]] = {"first": [], "other": []}

    def answering(name: str, answer: Answer) -> Answer:
        async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            request = await reader.readuntil(b"\r\n\r\n")
            heard[name].append(request)
            again = asyncio.StreamReader()
            again.feed_data(request)
            await answer(again, writer)

        return once

    def moved(where: str) -> Answer:
        return send(f"HTTP/1.1 302 Found\r\nLocation: {where}\r\nContent-Length: 0\r\n\r\n".encode())

    async with serving(answering("other", send(OK))) as other:
        for where, told in (("/next", "more than 1 redirects"), (other, "status 200")):
            async with serving(answering("first", moved(where))) as url:
                one = await check(probe(url, redirects=1, timeout_ms=5000, **USER))
            assert told in one.text
        async with serving(answering("first", send(OK))) as url:
            assert (await check(probe(url, timeout_ms=5000))).outcome is Outcome.GOOD
    shown = f"\r\nAuthorization: Basic {TOKEN}\r\n".encode()
    assert [shown in request for request in heard["first"]] == [True, True, True, False]
    assert [b"uthorization" in request for request in heard["other"]] == [False]


@pytest.mark.usefixtures("secret")
@pytest.mark.parametrize("told", ["{}", "x" * 40 + "{}", '{{"a": "{}"}}', "correct horse"])
@in_loop
async def test_a_page_that_says_the_password_again_makes_nobody_tell_it(told: str) -> None:
    body = told.format(f"Basic {TOKEN}").encode()
    headers = f"HTTP/1.1 200 OK\r\nX-Seen: Basic {TOKEN}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    wants: tuple[dict[str, Any], ...] = (
        {"body": "^fine"},
        {"headers": (HeaderTest(name="X-Seen", expression="fine"),)},
        {"json": (parse_json_test("a == 1"),)},
        {"status": frozenset({500})},
    )
    async with serving(send(headers + body)) as url:
        for wanted in wants:
            one = await check(probe(url, timeout_ms=5000, **USER, **wanted))
            assert one.outcome is Outcome.BAD
            for said in ("correct horse", TOKEN, TOKEN[:9]):
                assert said not in one.text
                assert said.encode() not in one.seen
            assert b"***" in one.seen


@in_loop
async def test_a_user_whose_password_nobody_has_says_nothing_about_the_unit() -> None:
    one = await check(probe(user="ann"))
    assert one.outcome is Outcome.UNKNOWN
    assert one.text.endswith("there is no password of ann; write PasswordFile= or Credential=")
