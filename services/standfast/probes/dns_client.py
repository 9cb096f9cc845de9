"""dnspython 2.3.0 on connections of ours; imported for probes of name servers only (see libraries).

It writes and reads the messages; its own sockets do not hear that nobody listens.
"""

import asyncio
import struct
from typing import Final

import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype

from standfast.configuration.model import Endpoint, Probe
from standfast.probes.connections import connection_to
from standfast.probes.datagrams import ask
from standfast.probes.expressions import found
from standfast.probes.place import Place
from standfast.probes.verdict import BadAnswerError, excerpt

_LARGEST: Final = 4_096  # bytes of an answer; to read the worst of that size takes 80 ms


async def look(probe: Probe, seen: bytearray) -> str:
    """Asks over UDP, and over TCP when the answer did not fit; what was seen. Raises as any checker does."""
    assert probe.connect is not None
    assert probe.question is not None
    name, kind = probe.question
    query = dns.message.make_query(name, kind)
    answer = _read(await ask(probe.connect, query.to_wire(), seen, probe.timeout_ms), query)
    if answer.flags & dns.flags.TC:
        seen.clear()
        answer = _read(await _ask_by_tcp(probe.connect, query.to_wire(), seen, probe.timeout_ms), query)
    if answer.rcode() != dns.rcode.NOERROR:
        raise BadAnswerError(f"the answer is {dns.rcode.to_text(answer.rcode())}")
    wanted = [line for record in answer.answer if record.rdtype == dns.rdatatype.from_text(kind) for line in record]
    if not wanted:
        raise BadAnswerError(f"the answer has no record of type {kind}")
    return _judge(probe, _lines(answer), ", ".join(one.to_text() for one in wanted))


def _judge(probe: Probe, lines: bytes, shown: str) -> str:
    if probe.expect is None:
        return f"the answer is {excerpt(shown.encode())}"
    if not found(probe.expect, lines, multiline=True):
        raise BadAnswerError(f"the answer does not match {probe.expect}: {excerpt(lines)}")
    return f"the answer matches {probe.expect}"


def _lines(answer: dns.message.Message) -> bytes:
    """A record on each line: its name, type and value."""
    lines = (
        f"{record.name} {dns.rdatatype.to_text(record.rdtype)} {one.to_text()}"
        for record in answer.answer
        for one in record
    )
    return "\n".join(lines).encode()


def _read(data: bytes, query: dns.message.Message) -> dns.message.Message:
    if len(data) > _LARGEST:
        raise BadAnswerError(f"the answer has {len(data)} bytes; more than {_LARGEST} are not read")
    try:
        answer = dns.message.from_wire(data)
    except (dns.exception.DNSException, ValueError, struct.error) as error:
        raise BadAnswerError(f"the answer is malformed: {error or type(error).__name__}") from error
    if not query.is_response(answer):
        raise BadAnswerError("the answer is to another question")
    return answer


async def _ask_by_tcp(place: Endpoint, question: bytes, seen: bytearray, timeout_ms: int) -> bytes:
    with await connection_to(Place(host=place.host, port=place.port, timeout_ms=timeout_ms), seen) as connection:
        await connection.send(struct.pack("!H", len(question)) + question)
        (length,) = struct.unpack("!H", await connection.read_exactly(2))
        if length > _LARGEST:
            raise BadAnswerError(f"the answer has {length} bytes; more than {_LARGEST} are not read")
        try:
            return await connection.read_exactly(length)
        except asyncio.IncompleteReadError as error:
            raise BadAnswerError(f"the answer ended after {len(error.partial)} of {length} bytes") from error
