"""Probes of mail servers: what is said and what it means, whatever a server does."""

import asyncio
import base64
import contextlib
import datetime
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from standfast.configuration.model import Endpoint, Probe
from standfast.probes import login
from standfast.probes.checking import check
from standfast.probes.login import Login
from standfast.probes.verdict import Outcome
from unit.certificates import Authority
from unit.probing import UNIT, in_loop

SECRET = "correct horse battery"
PLAIN = base64.b64encode(f"\0ann\0{SECRET}".encode()).decode()
EHLO = "250-mx.example.org\r\n250-SIZE 1000\r\n250-STARTTLS\r\n250-AUTH LOGIN PLAIN\r\n250 8BITMIME\r\n"
REPLIES = {
    "": "220 mx.example.org ESMTP\r\n",
    "EHLO": EHLO,
    "STARTTLS": "220 go on\r\n",
    "AUTH PLAIN": "235 welcome\r\n",
    "MAIL": "250 OK\r\n",
    "RCPT": "250 OK\r\n",
    "RSET": "250 OK\r\n",
    "QUIT": "221 bye\r\n",
}
End = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Server:
    """It answers each command by its first words; None: it hangs from there on."""

    def __init__(self, replies: Mapping[str, str | None], tls: ssl.SSLContext | None = None) -> None:
        self._replies, self._tls = {**REPLIES, **replies}, tls
        self.heard: list[str] = []
        self.over = asyncio.Event()

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, EOFError):
            await self._talk(reader, writer)
        writer.close()
        self.over.set()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        key = command = ""
        while True:
            reply = self._replies[key]
            if reply is None:
                await reader.read()
                return
            writer.write(reply.format(said=command).encode("latin-1"))
            await writer.drain()
            if key == "STARTTLS" and self._tls is not None:
                await writer.start_tls(self._tls)
            command = (await reader.readuntil(b"\r\n")).decode().rstrip()
            self.heard.append(command)
            key = next((key for key in self._replies if key and command.startswith(key)), "QUIT")


@contextlib.asynccontextmanager
async def serving(handle: End, tls: ssl.SSLContext | None = None) -> AsyncIterator[Endpoint]:
    async with await asyncio.start_server(handle, "127.0.0.1", 0, ssl=tls) as server:
        yield Endpoint(host="localhost", port=server.sockets[0].getsockname()[1])


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    async def password(probe: Probe) -> str | None:
        return SECRET if probe.password_file else None

    monkeypatch.setattr(login, "password", password)


def smtp(place: Endpoint, **fields: Any) -> Probe:
    return Probe(name="", unit=UNIT, type="smtp", connect=place, **{"timeout_ms": 5000, **fields})


MAIL = {"recipient": "postmaster@example.org"}
USER = {"user": "ann", "password_file": "mail.secret"}
SHORT = {"timeout_ms": 300}
CASES: list[tuple[str, Mapping[str, str | None], dict[str, Any], Outcome, str]] = [
    ("good", {}, {}, Outcome.GOOD, "it greets “mx.example.org ESMTP”"),
    ("long greeting", {"": "220-mx\r\n220-is\n220 here\r\n"}, {}, Outcome.GOOD, "it greets “here”"),
    ("takes mail", {}, MAIL, Outcome.GOOD, "and it takes mail for postmaster@example.org"),
    ("lets in", {}, USER, Outcome.GOOD, "and ann can log in"),
    ("busy", {"": "421 too busy\r\n"}, {}, Outcome.BAD, "after connecting it says “421 too busy”"),
    ("refuses", {"": "554 not you\r\n"}, {}, Outcome.BAD, "after connecting it says “554 not you”"),
    (
        "knows no EHLO",
        {"EHLO": "502 what\r\n"},
        {},
        Outcome.BAD,
        f"after EHLO {socket.gethostname()} it says “502",
    ),
    (
        "no such user",
        {"RCPT": "550-5.1.1\r\n550 5.1.1 nobody\r\n"},
        MAIL,
        Outcome.BAD,
        "after RCPT TO:<postmaster@example.org> it says “550 5.1.1 nobody”",
    ),
    ("disk full", {"MAIL": "452 no space\r\n"}, MAIL, Outcome.BAD, "after MAIL FROM:<> it says “452 no space”"),
    ("wrong password", {"AUTH PLAIN": "535 no\r\n"}, USER, Outcome.BAD, "after AUTH PLAIN as ann it says “535 no”"),
    ("no AUTH", {"EHLO": "250 mx\r\n"}, USER, Outcome.BAD, "it offers no AUTH; a login needs PLAIN or LOGIN there"),
    ("other AUTH", {"EHLO": "250-x\r\n250 AUTH NTLM\r\n"}, USER, Outcome.BAD, "it offers only “NTLM”"),
    ("no TLS", {"EHLO": "250 mx\r\n"}, {"start_tls": True}, Outcome.BAD, "it does not offer STARTTLS"),
    ("TLS is broken", {"STARTTLS": "454 no\r\n"}, {"start_tls": True}, Outcome.BAD, "after STARTTLS it says “454 no”"),
    ("hung", {"": None}, SHORT, Outcome.BAD, "no answer within 0.3 s"),
    ("hung later", {"RCPT": None}, {**MAIL, **SHORT}, Outcome.BAD, "no whole answer within 0.3 s, only “220 mx"),
    ("half", {"": "220-mx\r\n"}, SHORT, Outcome.BAD, "no whole answer within 0.3 s, only “220-mx”"),
    ("malformed", {"": "HTTP/1.1 400 Bad\r\n"}, {}, Outcome.BAD, "“HTTP/1.1 400 Bad”, which is not SMTP"),
    ("binary", {"": "\x00\xff\r\n"}, {}, Outcome.BAD, "which is not SMTP"),
    ("many lines", {"EHLO": "250-x\r\n" * 1000}, {}, Outcome.BAD, "says more than 100 lines"),
    ("long line", {"": "220 " + "x" * 100_000}, {}, Outcome.BAD, "says a line of more than 32768 bytes"),
]


@pytest.mark.parametrize(
    ("replies", "fields", "outcome", "text"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
@in_loop
async def test_an_answer_is_judged_and_told(
    replies: Mapping[str, str | None], fields: dict[str, Any], outcome: Outcome, text: str
) -> None:
    async with serving(Server(replies).talk) as place:
        one = await check(smtp(place, **fields))
    assert one.outcome is outcome, one.text
    assert one.text.startswith(f"SMTP localhost:{place.port}")
    assert text in one.text


@in_loop
async def test_no_mail_is_ever_sent() -> None:
    server = Server({})
    async with serving(server.talk) as place:
        one = await check(smtp(place, **MAIL, **USER))
        async with asyncio.timeout(60):
            await server.over.wait()
    assert one.outcome is Outcome.GOOD, one.text
    hello, plain, *rest = server.heard
    assert (hello, plain) == (f"EHLO {socket.gethostname()}", f"AUTH PLAIN {PLAIN}")
    assert rest == ["MAIL FROM:<>", "RCPT TO:<postmaster@example.org>", "RSET", "QUIT"]


@in_loop
async def test_the_older_login_is_made_where_nothing_else_is_offered() -> None:
    word = base64.b64encode(SECRET.encode()).decode()
    replies = {"EHLO": "250-mx\r\n250 AUTH LOGIN\r\n", "AUTH LOGIN": "334 VXNlcg==\r\n", "YW5u": "334 UGFz\r\n"}
    server = Server({**replies, word: "235 come in\r\n"})
    async with serving(server.talk) as place:
        one = await check(smtp(place, **USER))
    assert one.outcome is Outcome.GOOD, one.text
    assert server.heard[1:4] == ["AUTH LOGIN", "YW5u", word]


@pytest.mark.parametrize("reply", ["500 unknown: {said}\r\n", "500 {said}", "500-{said}", f"535 {SECRET} is wrong\r\n"])
@in_loop
async def test_a_server_that_says_the_password_again_makes_nobody_tell_it(reply: str) -> None:
    async with serving(Server({"AUTH PLAIN": reply}).talk) as place:
        one = await check(smtp(place, **USER, **SHORT))
    assert one.outcome is Outcome.BAD
    for said in (PLAIN, PLAIN[:12], SECRET, SECRET[:8]):
        assert said not in one.text
        assert said.encode() not in one.seen
    assert b"***" in one.seen


async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.close()


async def close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"220 mx\r\n")
    await reader.readline()
    writer.write(b"250-m")
    await writer.drain()
    writer.close()


@in_loop
async def test_a_connection_that_ends_is_bad() -> None:
    async with serving(reset) as place:
        told = await check(smtp(place))
    assert (told.outcome, told.text) == (Outcome.BAD, f"SMTP {place}: the connection was reset")
    refused = await check(smtp(place))
    assert (refused.outcome, refused.text) == (Outcome.BAD, f"SMTP {place}: connection refused")
    async with serving(close) as place:
        told = await check(smtp(place))
    assert told.outcome is Outcome.BAD
    assert told.text.endswith("and all that came is “250-m”")


@pytest.mark.parametrize(
    ("names", "days", "fields", "outcome", "text"),
    [
        ("DNS:localhost", 30, {}, Outcome.GOOD, "it greets “mx.example.org ESMTP”, and ann can log in"),
        ("DNS:localhost", 5, {"certificate_days": 10}, Outcome.BAD, "its certificate is good for 4 more days only"),
        ("DNS:localhost", -1, {}, Outcome.BAD, "its certificate is not good: certificate has expired"),
        ("DNS:elsewhere", 30, {}, Outcome.BAD, "its certificate is not good: Hostname mismatch"),
        ("DNS:localhost", 30, {"ca_file": None}, Outcome.BAD, "its certificate is not good: unable to get local iss"),
    ],
)
@in_loop
async def test_tls_is_spoken_from_the_beginning_or_from_starttls_on(
    names: str, days: int, fields: dict[str, Any], outcome: Outcome, text: str, tmp_path: Path
) -> None:
    authority = Authority(tmp_path)
    tls = authority.server(names, datetime.timedelta(days=days))
    wanted = {"ca_file": str(authority.file), **USER, **fields}
    late, early = Server({}, tls), Server({})
    async with serving(late.talk) as place:
        told = await check(smtp(place, start_tls=True, **wanted))
    assert (told.outcome, text in told.text) == (outcome, True), told.text
    assert late.heard[:2] == [f"EHLO {socket.gethostname()}", "STARTTLS"]
    assert any(line.startswith("AUTH") for line in late.heard) is (outcome is Outcome.GOOD)
    async with serving(early.talk, tls) as place:
        told = await check(smtp(place, tls=True, **wanted))
    assert (told.outcome, text in told.text) == (outcome, True), told.text
    assert "STARTTLS" not in early.heard


@in_loop
async def test_a_server_that_hangs_in_the_middle_of_tls_is_bad_and_leaves_nothing() -> None:
    before = asyncio.all_tasks()
    ended = asyncio.Event()

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(REPLIES[""].encode())
        await reader.readline()
        writer.write(EHLO.encode())
        await reader.readline()
        writer.write(b"220 go on\r\n")
        with contextlib.suppress(OSError):
            await reader.read()
        ended.set()
        writer.close()

    async with serving(hang) as place:
        told = await check(smtp(place, start_tls=True, timeout_ms=500))
        async with asyncio.timeout(60):
            await ended.wait()
    assert told.outcome is Outcome.BAD
    assert "no whole answer within 0.5 s" in told.text
    await asyncio.sleep(0)
    assert {task for task in asyncio.all_tasks() - before if "hang" not in repr(task)} == set()


def test_what_is_short_is_not_hidden() -> None:
    assert login._hide(b"250 ok no", Login("ann", "no")) == b"250 ok no"
    assert login._hide(b"a secre and secret and secrets", Login("ann", "secrets")) == b"a secre and *** and ***"
    assert SECRET not in repr(Login("ann", SECRET))
