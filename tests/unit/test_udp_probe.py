"""Probes of UDP: what is answered, whatever a server does."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from standfast.configuration.model import Endpoint, Probe
from standfast.probes.checking import check
from standfast.probes.verdict import Outcome, Try
from unit.probing import UNIT, in_loop

Answers = Callable[[bytes], list[bytes]]


class _Server(asyncio.DatagramProtocol):
    def __init__(self, answers: Answers, after_s: float) -> None:
        self._answers, self._after_s = answers, after_s

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport

    def datagram_received(self, data: bytes, address: Any) -> None:
        for answer in self._answers(data):
            asyncio.get_running_loop().call_later(self._after_s, self._transport.sendto, answer, address)


@contextlib.asynccontextmanager
async def answering(answers: Answers, after_s: float = 0.0) -> AsyncIterator[Probe]:
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: _Server(answers, after_s), ("127.0.0.1", 0)
    )
    try:
        yield udp(transport.get_extra_info("sockname")[1])
    finally:
        transport.close()


def udp(port: int) -> Probe:
    connect = Endpoint(host="127.0.0.1", port=port)
    return Probe(
        name="", unit=UNIT, type="udp", connect=connect, send=b"ping\xff", expect=r"^pong\xff$", timeout_ms=300
    )


CASES: list[tuple[str, Answers, float, Outcome, str]] = [
    ("good", lambda data: [data.replace(b"i", b"o")], 0.0, Outcome.GOOD, r"the answer matches ^pong\xff$"),
    ("late but good", lambda data: [data.replace(b"i", b"o")], 0.05, Outcome.GOOD, "the answer matches"),
    ("bad", lambda data: [data], 0.0, Outcome.BAD, r"the answer does not match ^pong\xff$: “ping�”"),
    ("malformed", lambda _: [b"\x00" * 60_000], 0.0, Outcome.BAD, "the answer does not match"),
    ("two answers", lambda _: [b"pong\xff", b"x"], 0.0, Outcome.GOOD, "the answer matches"),
    ("hung", lambda _: [], 0.0, Outcome.BAD, "no answer within 0.3 s"),
    ("too slow", lambda _: [b"pong\xff"], 1.0, Outcome.BAD, "no answer within 0.3 s"),
]


@pytest.mark.parametrize(
    ("answers", "after_s", "outcome", "text"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
@in_loop
async def test_an_answer_is_judged_and_told(answers: Answers, after_s: float, outcome: Outcome, text: str) -> None:
    async with answering(answers, after_s) as probe:
        one = await check(probe)
    assert one.outcome is outcome, one.text
    assert one.text.startswith(f"UDP {probe.connect}: ")
    assert text in one.text
    assert len(one.seen) <= 4096


@in_loop
async def test_a_port_where_nobody_listens_is_bad() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    one = udp(port)
    assert await check(one) == Try(outcome=Outcome.BAD, text=f"UDP {one.connect}: connection refused")
