"""Probes of name servers: what an answer means, whatever a server does."""

import asyncio
import contextlib
import random
import struct
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from standfast.configuration.model import Endpoint, Probe
from standfast.probes import dns_client as checker
from standfast.probes import libraries
from standfast.probes.checking import check
from standfast.probes.verdict import BadAnswerError, Outcome
from unit.probing import UNIT, in_loop

Answers = Callable[[bytes], bytes | None]
NAME = "www.example.org"


def reply(*records: str, rcode: str = "NOERROR", truncated: bool = False, asked: bool = True) -> Answers:
    """A name server with these records."""

    def answer(question: bytes) -> bytes:
        message = dns.message.make_response(dns.message.from_wire(question))
        message.set_rcode(dns.rcode.from_text(rcode))
        message.flags |= dns.flags.TC if truncated else 0
        message.answer = [
            dns.rrset.from_text(name, int(lifetime), *rest)
            for name, lifetime, *rest in (record.split(" ", 4) for record in records)
        ]
        if not asked:
            message.question = []
        return message.to_wire()

    return answer


def cut(answers: Answers, length: int) -> Answers:
    return lambda question: (answers(question) or b"")[:length]


class _Server(asyncio.DatagramProtocol):
    def __init__(self, answers: Answers) -> None:
        self._answers = answers

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport

    def datagram_received(self, data: bytes, address: Any) -> None:
        if (answer := self._answers(data)) is not None:
            self._transport.sendto(answer, address)


@contextlib.asynccontextmanager
async def serving(over_udp: Answers, over_tcp: Answers | None = None, length: int | None = None) -> AsyncIterator[int]:
    """Both on one port; `length` is what is told over TCP, None: the right one."""

    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        (size,) = struct.unpack("!H", await reader.readexactly(2))
        answer = (over_tcp or over_udp)(await reader.readexactly(size))
        if answer is None:
            await reader.read()
        else:
            writer.write(struct.pack("!H", len(answer) if length is None else length) + answer)
        writer.close()

    async with await asyncio.start_server(once, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(lambda: _Server(over_udp), ("127.0.0.1", port))
        try:
            yield port
        finally:
            transport.abort()


def probe(port: int, question: tuple[str, str] = (NAME, "A"), **fields: Any) -> Probe:
    connect = Endpoint(host="127.0.0.1", port=port)
    return Probe(name="", unit=UNIT, type="dns", connect=connect, question=question, **{"timeout_ms": 5000, **fields})


@pytest.fixture(autouse=True)
def nothing_imported() -> None:
    """A task of another test's loop."""
    libraries._imports.clear()


A = f"{NAME}. 60 IN A 192.0.2.7"
ALIAS = f"{NAME}. 60 IN CNAME web.example.org."
MAIL = (f"{NAME}. 60 IN MX 10 a.example.org.",)
SHORT = {"timeout_ms": 300}
CASES: list[tuple[str, Answers, dict[str, Any], Outcome, str]] = [
    ("good", reply(A), {}, Outcome.GOOD, "the answer is “192.0.2.7”"),
    ("matches", reply(A), {"expect": r"^www\.example\.org\. A 192\.0\.2\.7$"}, Outcome.GOOD, "the answer matches"),
    (
        "alias",
        reply(ALIAS, "web.example.org. 1 IN A 192.0.2.8"),
        {"expect": "8$"},
        Outcome.GOOD,
        "the answer matches",
    ),
    ("mail", reply(*MAIL), {"question": (NAME, "MX")}, Outcome.GOOD, "the answer is “10 a.example.org.”"),
    (
        "other",
        reply(A),
        {"expect": "192.0.2.9"},
        Outcome.BAD,
        "the answer does not match 192.0.2.9: “www",
    ),
    ("no name", reply(rcode="NXDOMAIN"), {}, Outcome.BAD, "the answer is NXDOMAIN"),
    ("broken", reply(rcode="SERVFAIL", asked=False), {}, Outcome.BAD, "the answer is SERVFAIL"),
    ("refused", reply(rcode="REFUSED"), {}, Outcome.BAD, "the answer is REFUSED"),
    ("empty", reply(), {}, Outcome.BAD, "the answer has no record of type A"),
    ("alias of nothing", reply(ALIAS), {}, Outcome.BAD, "the answer has no record of type A"),
    ("silent", lambda _: None, SHORT, Outcome.BAD, "no answer within 0.3 s"),
    ("malformed", lambda _: b"\0\1\2", {}, Outcome.BAD, "the answer is malformed"),
    ("no DNS", lambda _: b"HTTP/1.1 400 Bad Request\r\n\r\n", {}, Outcome.BAD, "the answer is malformed"),
    ("cut", cut(reply(A), 40), {}, Outcome.BAD, "the answer is malformed"),
    ("endless", lambda _: b"x" * 60_000, {}, Outcome.BAD, "the answer has 60000 bytes; more than 4096 are not read"),
    ("its own question", lambda question: question, {}, Outcome.BAD, "the answer is to another question"),
    ("another id", lambda question: reply(A)(b"ab" + question[2:]) or b"", {}, Outcome.BAD, "to another question"),
]


@pytest.mark.parametrize(
    ("answers", "fields", "outcome", "text"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
@in_loop
async def test_an_answer_is_judged_and_told(
    answers: Answers, fields: dict[str, Any], outcome: Outcome, text: str
) -> None:
    async with serving(answers) as port:
        one = await check(probe(port, **fields))
    assert one.outcome is outcome, one.text
    assert one.text.startswith(f"DNS 127.0.0.1:{port}, www.example.org ")
    assert text in one.text


MANY = reply(*(f"{NAME}. 60 IN TXT {'x' * 200}{number}" for number in range(15)))
TEXTS = {"question": (NAME, "TXT"), "expect": "x14"}


@pytest.mark.parametrize(
    ("over_tcp", "length", "fields", "outcome", "text"),
    [
        (MANY, None, {}, Outcome.GOOD, "the answer matches x14"),
        (lambda _: None, None, {"timeout_ms": 500}, Outcome.BAD, "no answer within 0.5 s"),
        (MANY, 4090, {}, Outcome.BAD, "of 4090 bytes"),
        (MANY, 9000, {}, Outcome.BAD, "the answer has 9000 bytes"),
        (MANY, 100, {}, Outcome.BAD, "the answer is malformed"),
        (lambda _: b"", None, {}, Outcome.BAD, "the answer is malformed"),
        (reply(truncated=True), None, {}, Outcome.BAD, "the answer has no record of type TXT"),
    ],
)
@in_loop
async def test_what_does_not_fit_into_a_datagram_is_asked_for_again(
    over_tcp: Answers, length: int | None, fields: dict[str, Any], outcome: Outcome, text: str
) -> None:
    async with serving(reply(truncated=True), over_tcp, length) as port:
        one = await check(probe(port, **{**TEXTS, **fields}))
    assert one.outcome is outcome, one.text
    assert text in one.text


@in_loop
async def test_nobody_there_is_bad() -> None:
    async with serving(reply(A)) as port:
        pass
    one = await check(probe(port))
    assert (one.outcome, one.text) == (Outcome.BAD, f"DNS 127.0.0.1:{port}, www.example.org A: connection refused")


@in_loop
async def test_without_its_library_a_probe_is_unknown_and_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: str) -> None:
        raise ModuleNotFoundError(name="dns")

    monkeypatch.setattr(libraries, "import_module", fail)
    one = await check(probe(53))
    assert one.outcome is Outcome.UNKNOWN
    assert one.text.endswith("needs a library that is not on this node: apt install python3-dnspython")


def test_whatever_comes_is_read_or_malformed() -> None:
    """The seed is fixed; dnspython may raise nothing that would be taken for our own fault."""
    walk = random.Random(6)
    query = dns.message.make_query(NAME, "A")
    good = reply(A, ALIAS, *MAIL, f'{NAME}. 60 IN TXT "a b"', f"{NAME}. 1 IN SRV 1 1 53 a.")(query.to_wire()) or b""
    malformed = 0
    for _ in range(2000):
        data = bytearray(good)
        for _ in range(walk.randint(1, 6)):
            data[walk.randrange(2, len(data))] = walk.randrange(256)
        try:
            answer = checker._read(bytes(data), query)
        except BadAnswerError:
            malformed += 1
        else:
            checker._lines(answer)
    assert 500 < malformed < 2000


def test_the_largest_answer_is_read_before_anybody_waits() -> None:
    """Long names by pointers are what costs most."""
    query = dns.message.make_query(NAME, "A")
    labels = b"\1a" * 115
    records = b"\xc0\x0c" + struct.pack("!HHIH", 5, 1, 1, len(labels) + 1) + labels + b"\0"
    first = len(query.to_wire()) + 12
    count = (checker._LARGEST - len(query.to_wire()) - len(records)) // 12
    records += count * (struct.pack("!H", 0xC000 | first) + struct.pack("!HHIH", 99, 1, 1, 0))
    head = struct.pack("!HHHHHH", query.id, 0x8180, 1, count + 1, 0, 0)
    data = head + query.to_wire()[12:] + records
    assert 4000 < len(data) <= checker._LARGEST
    begin = time.process_time()
    answer = checker._read(data, query)
    checker._lines(answer)
    assert time.process_time() - begin < 1.0
