"""Reads one HTTP answer from a connection (RFC 9112)."""

import asyncio
import re
from dataclasses import dataclass
from typing import Final

from standfast.probes.connections import Connection
from standfast.probes.place import LARGEST_HEAD
from standfast.probes.verdict import BadAnswerError, excerpt

LARGEST_BODY: Final = 65_536  # bytes that are read and searched; the rest of a page is not looked at
_STATUS_LINE: Final = re.compile(r"HTTP/1\.[01] ([1-5][0-9][0-9])(?: .*)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    status: int
    headers: dict[str, str]  # by name in small letters; of several with one name the values, joined by ", "
    body: bytes  # its first LARGEST_BODY bytes


async def read_answer(connection: Connection) -> Answer:
    """The final answer. Raises BadAnswerError for what is not HTTP, OSError as the connection does."""
    status, headers = await _read_head(connection)
    return Answer(status=status, headers=headers, body=await _read_body(connection, status, headers))


async def _read_head(connection: Connection) -> tuple[int, dict[str, str]]:
    """Status and headers of the final answer; interim ones (1xx) are skipped."""
    while True:
        try:
            head = await connection.read_until(b"\r\n\r\n")
        except asyncio.IncompleteReadError as error:
            if not error.partial:
                raise BadAnswerError("the connection was closed without an answer") from error
            raise BadAnswerError(f"the answer is not HTTP: {excerpt(error.partial)}") from error
        except asyncio.LimitOverrunError as error:
            raise BadAnswerError(f"the answer's head is longer than {LARGEST_HEAD} bytes") from error
        first, *lines = head[:-4].decode("latin-1").split("\r\n")
        found = _STATUS_LINE.fullmatch(first)
        if found is None:
            raise BadAnswerError(f"the answer is not HTTP: {excerpt(first.encode('latin-1'))}")
        status = int(found[1])
        if status >= 200:
            return status, _headers(lines)


def _headers(lines: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        key, value = name.strip().lower(), value.strip()
        found[key] = f"{found[key]}, {value}" if key in found else value
    return found


async def _read_body(connection: Connection, status: int, headers: dict[str, str]) -> bytes:
    """The body, or its first LARGEST_BODY bytes."""
    if status in (204, 304):
        return b""
    if "chunked" in headers.get("transfer-encoding", "").lower():
        return await _read_chunks(connection)
    length = headers.get("content-length", "")
    if not length:
        return await _read_to_end(connection)
    if not (length.isascii() and length.isdigit()) or len(length) > 18:
        raise BadAnswerError(f"the answer's Content-Length is no number: {excerpt(length.encode())}")
    return await _read_exactly(connection, min(int(length), LARGEST_BODY))


async def _read_chunks(connection: Connection) -> bytes:
    body = b""
    while len(body) < LARGEST_BODY:
        try:
            line = await connection.read_until(b"\r\n")
            size = int(line.partition(b";")[0].strip(), 16)
        except (ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            raise BadAnswerError("the answer's chunks are malformed") from error
        if size <= 0:
            break
        body += await _read_exactly(connection, min(size, LARGEST_BODY))
        if size > LARGEST_BODY or await _read_exactly(connection, 2) != b"\r\n":
            break
    return body[:LARGEST_BODY]


async def _read_exactly(connection: Connection, size: int) -> bytes:
    try:
        return await connection.read_exactly(size)
    except asyncio.IncompleteReadError as error:
        raise BadAnswerError(f"the answer ended after {len(error.partial)} of {size} bytes") from error


async def _read_to_end(connection: Connection) -> bytes:
    body = b""
    while len(body) < LARGEST_BODY and (data := await connection.read(LARGEST_BODY - len(body))):
        body += data
    return body
