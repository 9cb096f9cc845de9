"""Probes of TCP: what is answered, whatever a server does."""

import asyncio
import datetime
import socket
import struct
from pathlib import Path
from typing import Any

import pytest

from standfast.configuration.model import Endpoint, Probe
from standfast.probes import connections
from standfast.probes.checking import check
from standfast.probes.place import Place
from standfast.probes.verdict import Outcome, Try
from unit.certificates import make_certificate
from unit.probing import UNIT, Answer, hang, in_loop, serving


def greet(*parts: bytes, pause_s: float = 0.0, wait: bool = False) -> Answer:
    """A server that speaks first and then hangs up, or waits."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(pause_s)
        if wait:
            await reader.read()

    return answer


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"you said " + await reader.readline())
    await reader.read()


async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def tcp(url: str, host: str = "127.0.0.1", **fields: Any) -> Probe:
    port = int(url.rpartition(":")[2].partition("/")[0])
    connect = Endpoint(host=host, port=port)
    return Probe(name="", unit=UNIT, type="tcp", connect=connect, **{"timeout_ms": 300, **fields})


SSH = {"expect": "^SSH-2[.]0-"}
CASES: list[tuple[str, Answer, dict[str, Any], Outcome, str]] = [
    ("accepted", hang, {}, Outcome.GOOD, "connected"),
    ("good", greet(b"SSH-2.0-x\r\n", wait=True), SSH, Outcome.GOOD, "the answer matches ^SSH-2[.]0-"),
    ("good in pieces", greet(b"SS", b"H-2.", b"0-x", pause_s=0.02), SSH, Outcome.GOOD, "the answer matches"),
    ("sent", echo, {"send": b"\xff\n", "expect": r"^you said \xff$"}, Outcome.GOOD, "the answer matches"),
    ("hung", hang, SSH, Outcome.BAD, "no answer within 0.3 s"),
    ("slow", greet(*[b"S"] * 40, pause_s=0.02), SSH, Outcome.BAD, "no whole answer within 0.3 s, only “SSS"),
    ("reset", reset, SSH, Outcome.BAD, "the connection was reset"),
    ("closed", greet(), SSH, Outcome.BAD, "the connection was closed without an answer"),
    ("malformed", greet(b"\x00\xffHTTP"), SSH, Outcome.BAD, "the answer does not match ^SSH-2[.]0-: “"),
    ("endless", greet(b"x" * 200_000), SSH, Outcome.BAD, "the answer does not match"),
    (
        "not TLS",
        greet(b"220 smtp\r\n", wait=True),
        {"tls": True, "timeout_ms": 5000},
        Outcome.BAD,
        "wrong version number",
    ),
    ("hung in TLS", hang, {"tls": True, "timeout_ms": 1000}, Outcome.BAD, "no answer within 1 s"),
]


@pytest.mark.parametrize(
    ("answer", "fields", "outcome", "text"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
@in_loop
async def test_an_answer_is_judged_and_told(
    answer: Answer, fields: dict[str, Any], outcome: Outcome, text: str
) -> None:
    async with serving(answer) as url:
        one = await check(tcp(url, **fields))
    assert one.outcome is outcome, one.text
    assert one.text.startswith(("TCP 127.0.0.1:", "TLS 127.0.0.1:"))
    assert text in one.text.lower() or text in one.text


@in_loop
async def test_a_refused_connection_is_bad() -> None:
    async with serving(hang) as url:
        pass
    one = tcp(url)
    assert await check(one) == Try(outcome=Outcome.BAD, text=f"TCP {one.connect}: connection refused")


async def _connect_from_there(own: socket.socket, where: tuple[str, int]) -> None:
    """As the kernel does when it happens to give the client the port that it asks."""
    own.bind(where)
    await asyncio.get_running_loop().sock_connect(own, where)


@in_loop
async def test_a_socket_that_is_connected_to_itself_has_reached_nobody() -> None:
    async with serving(hang) as url:
        pass
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(connections, "_connect", _connect_from_there)
        one = await check(tcp(url))
    assert (one.outcome, one.text.partition(": ")[2]) == (Outcome.BAD, "connection refused")


@in_loop
async def test_a_unix_socket_is_asked(tmp_path: Path) -> None:
    path = str(tmp_path / "app.sock")
    async with await asyncio.start_unix_server(greet(b"SSH-2.0-"), path):
        one = await check(tcp("http://x:22/", "app", socket=path, **SSH))
    assert one == Try(outcome=Outcome.GOOD, text=f"TCP app:22 at {path}: the answer matches ^SSH-2[.]0-")


@pytest.mark.parametrize(
    ("days", "host", "outcome", "text"),
    [
        (40, "localhost", Outcome.GOOD, "the answer matches"),
        (20, "localhost", Outcome.BAD, "its certificate is good for 19 more days only"),
        (-1, "localhost", Outcome.BAD, "its certificate is not good: certificate has expired"),
        (40, "127.0.0.1", Outcome.BAD, "its certificate is not good: IP address mismatch"),
    ],
)
@in_loop
async def test_tls_is_spoken_and_the_certificate_looked_at(
    days: int, host: str, outcome: Outcome, text: str, tmp_path: Path
) -> None:
    server = make_certificate(tmp_path, datetime.timedelta(days=days))
    ca_file = str(tmp_path / "certificate.pem")
    async with serving(greet(b"SSH-2.0-", wait=True), server) as url:
        one = await check(tcp(url, host, tls=True, ca_file=ca_file, certificate_days=30, timeout_ms=5000, **SSH))
    assert one.outcome is outcome, one.text
    assert text in one.text


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@in_loop
async def test_a_connection_that_is_refused_is_closed_though_its_error_is_kept() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        place = Place(host="127.0.0.1", port=unused.getsockname()[1], timeout_ms=1000)
        before = descriptors()
        with pytest.raises(ConnectionRefusedError) as caught:
            await connections.connection_to(place, bytearray())
        assert caught.tb is not None  # it keeps the frame with the socket
        assert descriptors() == before
