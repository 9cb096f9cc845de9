"""Probes of databases: a login, a query and a value, whatever the other side does; and nothing is left behind."""

import asyncio
import contextlib
import functools
import gc
import importlib
import socket
import struct
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from standfast.configuration.model import Endpoint, Probe
from standfast.configuration.probe_values import parse_comparison
from standfast.probes import libraries, secrets
from standfast.probes.checking import check
from standfast.probes.verdict import Outcome, Try
from unit.certificates import Authority
from unit.database_servers import (
    PASSWORD,
    READY,
    SERVERS,
    hang,
    message,
    mysql,
    pg_error,
    pgsql,
    pgsql_with_scram,
    redis,
    refused,
)
from unit.probing import UNIT, Answer, in_loop, serving

NAMES = {"mysql": "MySQL", "pgsql": "PostgreSQL", "redis": "Redis"}
LONG_MS = 20_000  # where an answer comes, however busy the machine is


@pytest.fixture(autouse=True)
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A node with the password, and with the libraries in memory: what they cost is not a try's."""
    (tmp_path / "db.secret").write_text(PASSWORD)
    monkeypatch.setattr(secrets, "IN_FORCE", tmp_path)
    for kind in libraries.MODULES:
        importlib.import_module(f"standfast.probes.{kind}_client")
    yield tmp_path
    secrets._readings.clear()
    libraries._imports.clear()


def leaves_nothing(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """In a loop: no task, no socket and no complaint of the loop is left."""

    @functools.wraps(test)
    async def run(*arguments: Any, **named: Any) -> None:
        loop = asyncio.get_running_loop()
        complaints: list[dict[str, Any]] = []
        loop.set_exception_handler(lambda _, context: complaints.append(context))
        before = _descriptors()
        await test(*arguments, **named)
        if others := asyncio.all_tasks() - {asyncio.current_task()}:
            _, pending = await asyncio.wait(others, timeout=20)
            assert not pending
        gc.collect()
        for _ in range(5):
            await asyncio.sleep(0)
        assert not complaints
        assert _descriptors() == before

    return in_loop(run)


def _descriptors() -> set[str]:
    found = set()
    for one in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):  # the one that reads this folder
            found.add(str(one.readlink()))
    return {name for name in found if name.startswith("socket:")}


def probe(kind: str, url: str, **fields: Any) -> Probe:
    port = int(url.rpartition(":")[2].partition("/")[0])
    value = parse_comparison(fields.pop("value")) if "value" in fields else None
    given = {"user": "x", "password_file": "db.secret", "timeout_ms": LONG_MS, **fields}
    return Probe(name="", unit=UNIT, type=kind, connect=Endpoint(host="127.0.0.1", port=port), value=value, **given)


async def tried(kind: str, answer: Answer, **fields: Any) -> Try:
    async with serving(answer) as url:
        one = await check(probe(kind, url, **fields))
    assert PASSWORD not in one.text
    assert one.seen == b""
    assert one.text.startswith(f"{NAMES[kind]} 127.0.0.1:")
    return one


def sending(data: bytes, pause_s: float = 0.0) -> Answer:
    """It sends this without being asked, byte for byte if there is a pause."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for part in (data[at : at + 1] for at in range(len(data))) if pause_s else (data,):
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(pause_s)
        await hang(reader, writer)

    return answer


async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


async def close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    pass


@pytest.mark.parametrize("kind", NAMES)
@leaves_nothing
async def test_a_server_that_answers_is_good(kind: str) -> None:
    one = await tried(kind, SERVERS[kind]())
    assert (one.outcome, one.text.partition(": ")[2]) == (Outcome.GOOD, "it answers the query")


@pytest.mark.parametrize("kind", NAMES)
@pytest.mark.parametrize(
    ("answer", "timeout_ms", "text"),
    [
        (hang, 200, "no answer within 0.2 s"),
        (reset, LONG_MS, "the connection was reset"),
        (close, LONG_MS, "the connection was reset"),
    ],
    ids=["hung", "reset", "closed"],
)
@leaves_nothing
async def test_a_server_that_does_not_speak_is_bad(kind: str, answer: Answer, timeout_ms: int, text: str) -> None:
    one = await tried(kind, answer, timeout_ms=timeout_ms)
    assert (one.outcome, one.text.partition(": ")[2]) == (Outcome.BAD, text)


@pytest.mark.parametrize(
    ("kind", "begin"), [("mysql", b"\x50\0\0\0\x0a"), ("pgsql", b"R\0\0\0\x64"), ("redis", b"+")], ids=NAMES
)
@leaves_nothing
async def test_a_server_that_is_slow_is_bad(kind: str, begin: bytes) -> None:
    one = await tried(kind, sending(begin + bytes(70), 0.02), timeout_ms=200)
    assert (one.outcome, one.text.partition(": ")[2]) == (Outcome.BAD, "no answer within 0.2 s")


@pytest.mark.parametrize("kind", NAMES)
@leaves_nothing
async def test_one_that_hangs_after_the_login_is_bad(kind: str) -> None:
    one = await tried(kind, SERVERS[kind](silent_query=True), timeout_ms=500)
    assert (one.outcome, one.text.partition(": ")[2]) == (Outcome.BAD, "no answer within 0.5 s")


@pytest.mark.parametrize("kind", NAMES)
@pytest.mark.parametrize("pause_s", [0.0, 0.05], ids=["at the greeting", "in the query"])
@leaves_nothing
async def test_a_cancelled_try_leaves_nothing(kind: str, pause_s: float) -> None:
    arrived = asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        arrived.set()
        await (SERVERS[kind](silent_query=True) if pause_s else hang)(reader, writer)

    async with serving(answer) as url:
        task = asyncio.create_task(check(probe(kind, url)))
        await arrived.wait()
        await asyncio.sleep(pause_s)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


@pytest.mark.parametrize("kind", NAMES)
@leaves_nothing
async def test_a_refused_connection_is_bad(kind: str) -> None:
    async with serving(hang) as url:
        pass
    one = await check(probe(kind, url))
    assert (one.outcome, one.text.rpartition(": ")[2]) == (Outcome.BAD, "connection refused")


MALFORMED = [
    ("mysql", sending(b"HTTP/1.1 400 Bad Request\r\n\r\n")),
    ("mysql", sending(b"\x05\0\0\0\x0a8.0\xff")),
    ("mysql", sending(b"\1\0\0\0\x0a")),
    ("mysql", mysql(answer=b"\xfc")),
    ("pgsql", sending(b"HTTP/1.1 400 Bad Request\r\n\r\n")),
    ("pgsql", sending(message(b"R", b"\0"))),
    ("pgsql", sending(b"R\0\0\0\0")),
    ("pgsql", sending(READY)),
    ("pgsql", pgsql(answer=message(b"D", b"\0\1\0\0\0\x09x"))),
    ("redis", sending(b"HTTP/1.1 400 Bad Request\r\n\r\n")),
    ("redis", redis(b":five\r\n")),
    ("redis", redis(b"$x\r\n")),
    ("redis", redis(b"*1\r\n" * 5000)),
]


@pytest.mark.parametrize(("kind", "answer"), MALFORMED, ids=[f"{kind}{at}" for at, (kind, _) in enumerate(MALFORMED)])
@leaves_nothing
async def test_what_is_no_answer_of_such_a_server_is_bad(kind: str, answer: Answer) -> None:
    one = await tried(kind, answer, timeout_ms=3000)
    assert (one.outcome, one.text.partition(": ")[2]) == (Outcome.BAD, f"its answer is not {NAMES[kind]}'s")


@pytest.mark.parametrize(
    ("kind", "answer", "text"),
    [
        ("mysql", sending(b"\x1a\0\0\0" + refused(1040, "Too many connections")[:26]), "Too many connect"),
        ("mysql", mysql(after_login=refused(1045, f"Access denied: {PASSWORD}.")), "it says “Access denied: ***”"),
        ("mysql", mysql(answer=refused(1146, "Table 'x' doesn't exist")), "it says “Table 'x' doesn't exist”"),
        ("pgsql", sending(pg_error("sorry, too many clients already")), "it says “sorry, too many clients already”"),
        ("pgsql", pgsql_with_scram("another"), 'it says “password authentication failed for user "x"”'),
        ("pgsql", pgsql(answer=pg_error("no table")), "it says “no table”"),
        ("redis", redis(login=b"-WRONGPASS invalid username-password pair\r\n"), "it says “WRONGPASS invalid"),
        ("redis", redis(b"-LOADING Redis is loading the dataset in memory\r\n"), "it says “Redis is loading"),
    ],
)
@leaves_nothing
async def test_a_server_that_refuses_is_bad_in_its_own_words(kind: str, answer: Answer, text: str) -> None:
    one = await tried(kind, answer)
    assert one.outcome is Outcome.BAD
    assert text in one.text


@pytest.mark.parametrize("kind", ["mysql", "pgsql", "redis"])
@pytest.mark.parametrize(
    ("value", "answer", "outcome", "text"),
    [
        ("== 5", b"5", Outcome.GOOD, "== 5 holds"),
        ("== 0.1", b"0.10", Outcome.GOOD, "== 0.1 holds"),
        ("< 5", b"5", Outcome.BAD, "< 5 does not hold: it is “5”"),
        ('== "up"', b"up", Outcome.GOOD, '== "up" holds'),
        ('== "up"', b"down" * 30, Outcome.BAD, '== "up" does not hold: it is “' + "down" * 15 + "”"),
        ("> 3", b"many", Outcome.BAD, "> 3 does not hold: it is “many”"),
        ("!= 1", b"NaN", Outcome.GOOD, "!= 1 holds"),
        ("== true", b"t", Outcome.GOOD, "== true holds"),
        ("== false", b"1", Outcome.BAD, "== false does not hold: it is “1”"),
    ],
)
@leaves_nothing
async def test_the_first_value_is_compared(kind: str, value: str, answer: bytes, outcome: Outcome, text: str) -> None:
    row = b"$%d\r\n%s\r\n" % (len(answer), answer) if kind == "redis" else answer
    one = await tried(kind, SERVERS[kind](row), value=value)
    assert (one.outcome, one.text.partition(": ")[2]) == (outcome, text)


@pytest.mark.parametrize(
    ("kind", "answer"), [("mysql", mysql(None)), ("pgsql", pgsql(None)), ("redis", redis(b"*0\r\n"))]
)
@leaves_nothing
async def test_an_answer_without_a_row_is_bad(kind: str, answer: Answer) -> None:
    one = await tried(kind, answer, value="== 1")
    assert (one.outcome, one.text.partition(": ")[2]) == (Outcome.BAD, "the answer has no row")


@pytest.mark.parametrize(
    ("kind", "answer"),
    [
        ("mysql", mysql(answer=b"\1" + bytes(300_000))),
        ("pgsql", pgsql(answer=b"D" + struct.pack("!I", 1 << 30))),
        ("redis", redis(b"$1000000000\r\n" + bytes(1_000_000))),
    ],
)
@leaves_nothing
async def test_an_answer_that_is_too_long_is_not_read(kind: str, answer: Answer) -> None:
    one = await tried(kind, answer)
    assert (one.outcome, one.text.partition(": ")[2]) == (Outcome.BAD, "its answer is longer than 256 KiB")


@leaves_nothing
async def test_many_rows_are_not_read() -> None:
    rows = message(b"D", b"\0\1\0\0\0\1" + b"5") * 1_000_000
    assert (await tried("pgsql", pgsql(answer=rows), value="== 5")).outcome is Outcome.GOOD


@leaves_nothing
async def test_what_redis_answers_is_searched() -> None:
    answer = redis(b"*2\r\n$6\r\nmaster\r\n:3\r\n")
    good = await tried("redis", answer, query="ROLE", expect="^master\n3$")
    assert (good.outcome, good.text.partition(": ")[2]) == (Outcome.GOOD, "the answer matches ^master\n3$")
    bad = await tried("redis", answer, query="ROLE", expect="^slave")
    assert (bad.outcome, bad.text.partition(": ")[2]) == (Outcome.BAD, "the answer does not match ^slave")


@leaves_nothing
async def test_both_sides_of_postgresql_prove_that_they_know_the_password() -> None:
    assert (await tried("pgsql", pgsql_with_scram())).outcome is Outcome.GOOD
    impostor = await tried("pgsql", pgsql_with_scram(knows=False))
    assert impostor.outcome is Outcome.BAD
    assert "somebody else answers in its place" in impostor.text
    endless = await tried("pgsql", pgsql_with_scram(rounds=1_000_000))
    assert endless.outcome is Outcome.UNKNOWN
    assert "its login needs 1000000 rounds of hashing" in endless.text


@leaves_nothing
async def test_a_server_is_asked_to_change_nothing_and_to_end_what_nobody_waits_for_and_told_of_the_end() -> None:
    heard: list[bytes] = []
    await tried("mysql", mysql(heard=heard), query="SELECT x", timeout_ms=LONG_MS)
    await tried("pgsql", pgsql(heard=heard), query="SELECT x", timeout_ms=LONG_MS)
    async with asyncio.timeout(LONG_MS / 1000):
        while len(heard) < 5:  # noqa: ASYNC110 - a list tells nobody; the last word is not waited for
            await asyncio.sleep(0)
    assert heard == [
        b"SET SESSION tx_read_only = 1, max_statement_time = 20.0",
        b"SELECT x",
        b"",  # COM_QUIT
        b"BEGIN READ ONLY; SET LOCAL statement_timeout = 20000; SELECT x\0",
        message(b"X"),
    ]


@pytest.mark.parametrize(
    ("kind", "answer", "outcome", "text"),
    [
        ("mysql", mysql(plugin=b"mysql_clear_password"), Outcome.UNKNOWN, "wants a login by 'mysql_clear_password'"),
        ("mysql", mysql(after_login=b"\xfemysql_clear_password\0\0"), Outcome.UNKNOWN, "'mysql_clear_password'"),
        ("mysql", mysql(answer=b"\xfb/etc/shadow"), Outcome.BAD, "it asks for a file of this node"),
        ("pgsql", pgsql(login=message(b"R", b"\0\0\0\3")), Outcome.UNKNOWN, "the password in clear text"),
    ],
)
@leaves_nothing
async def test_a_server_gets_nothing_that_it_should_not(kind: str, answer: Answer, outcome: Outcome, text: str) -> None:
    one = await tried(kind, answer)
    assert one.outcome is outcome
    assert text in one.text


@pytest.mark.parametrize(("kind", "answer"), [("mysql", mysql()), ("pgsql", sending(b"N"))])
@leaves_nothing
async def test_a_server_without_tls_gets_no_password_where_it_is_wanted(kind: str, answer: Answer) -> None:
    one = await tried(kind, answer, tls=True)
    assert (one.outcome, one.text.partition(": ")[2]) == (Outcome.BAD, "it offers no TLS")


@pytest.mark.parametrize("kind", NAMES)
@leaves_nothing
async def test_tls_is_spoken_and_the_certificate_looked_at(kind: str, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    here, elsewhere = authority.server("IP:127.0.0.1"), authority.server("DNS:elsewhere")
    for context, days, outcome, text in (
        (here, 3, Outcome.GOOD, "it answers the query"),
        (here, 300, Outcome.BAD, "its certificate is good for 29 more days only"),
        (elsewhere, 3, Outcome.BAD, "its certificate is not good: IP address mismatch"),
    ):
        fields = {"tls": True, "ca_file": str(authority.file), "certificate_days": days, "timeout_ms": LONG_MS}
        server = redis() if kind == "redis" else SERVERS[kind](tls=context)
        async with serving(server, context if kind == "redis" else None) as url:
            one = await check(probe(kind, url, **fields))
        assert one.outcome is outcome, one.text
        assert text in one.text


@pytest.mark.parametrize(("kind", "package"), [("mysql", "python3-aiomysql"), ("redis", "python3-redis")])
@leaves_nothing
async def test_without_its_library_a_probe_is_unknown_and_says_what_to_install(
    kind: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: str) -> None:
        raise ModuleNotFoundError(name=libraries.MODULES[kind])

    monkeypatch.setattr(libraries, "import_module", fail)
    one = await tried(kind, hang)
    assert one.outcome is Outcome.UNKNOWN
    assert one.text.endswith(f"Type={kind} needs a library that is not on this node: apt install {package}")


@pytest.mark.parametrize("kind", NAMES)
@leaves_nothing
async def test_without_its_password_a_probe_is_unknown(kind: str, node: Path) -> None:
    (node / "db.secret").unlink()
    one = await tried(kind, hang)
    assert one.outcome is Outcome.UNKNOWN
    assert one.text.endswith("PasswordFile=db.secret cannot be read: No such file or directory")


@pytest.mark.parametrize("kind", NAMES)
@leaves_nothing
async def test_a_unix_socket_is_asked(kind: str, tmp_path: Path) -> None:
    path = str(tmp_path / "db.sock")

    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, EOFError):
            await SERVERS[kind]()(reader, writer)
        writer.close()

    async with await asyncio.start_unix_server(once, path):
        one = Probe(name="", unit=UNIT, type=kind, socket=path, user="x", timeout_ms=LONG_MS)
        assert await check(one) == Try(outcome=Outcome.GOOD, text=f"{NAMES[kind]} {path}: it answers the query")
