"""As much of HTTP as Prometheus needs: GET and HEAD, one answer for each connection, few connections at a time."""

import asyncio
import contextlib
import http.client
import io
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from email.message import Message
from http import HTTPStatus
from typing import Final

CONNECTIONS: Final = 16  # one more is told to come again
_HEAD_BYTES: Final = 16_384
_WHOLE_S: Final = 20.0  # from the first byte to the last one: longer than anybody's scrape may take
_HEAD_S: Final = 5.0
_LINGER_S: Final = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What one request is answered."""

    status: HTTPStatus = HTTPStatus.OK
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


Ask = Callable[[str, Message], Awaitable[Answer]]  # path without a query, headers of the request


def refusal(status: HTTPStatus, text: str = "") -> Answer:
    """An answer that says what is wrong."""
    words = f"{status.value} {status.phrase}" + (f": {text}" if text else "") + "\n"
    return Answer(status=status, body=words.encode(), headers={"Content-Type": "text/plain; charset=utf-8"})


class Server:
    """Answers what `ask` says; it can be listened with on several addresses."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._open = 0

    async def listen(self, host: str | None, port: int) -> asyncio.Server:
        """Requests to host and port are answered from now on; None: all addresses. Raises OSError."""
        return await asyncio.start_server(self._serve, host, port, limit=_HEAD_BYTES, backlog=CONNECTIONS)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open += 1
        try:
            if self._open > CONNECTIONS:
                _write(writer, refusal(HTTPStatus.SERVICE_UNAVAILABLE, "too many connections"))
                return
            async with asyncio.timeout(_WHOLE_S):
                answer, with_body = await self._answer(reader)
                _write(writer, answer, with_body=with_body)
                await writer.drain()
                await _gone(reader, writer)
        except (OSError, TimeoutError, EOFError):
            pass  # whoever asked is gone, or takes too long
        finally:
            self._open -= 1
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader) -> tuple[Answer, bool]:
        """The answer, and whether its body is wanted."""
        try:
            async with asyncio.timeout(_HEAD_S):
                head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.LimitOverrunError:
            return refusal(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE), True
        line, _, rest = head.partition(b"\r\n")
        words = line.decode("latin-1").split(" ")
        if len(words) != 3 or not words[2].startswith("HTTP/1."):
            return refusal(HTTPStatus.BAD_REQUEST), True
        method, target, _ = words
        if method not in ("GET", "HEAD"):
            return refusal(HTTPStatus.METHOD_NOT_ALLOWED), True
        try:
            headers = http.client.parse_headers(io.BytesIO(rest))
        except http.client.HTTPException:
            return refusal(HTTPStatus.BAD_REQUEST), True
        return await self._ask(target.partition("?")[0], headers), method == "GET"


def _write(writer: asyncio.StreamWriter, answer: Answer, *, with_body: bool = True) -> None:
    headers = {"Content-Length": str(len(answer.body)), "Connection": "close"} | dict(answer.headers)
    lines = [f"HTTP/1.1 {answer.status.value} {answer.status.phrase}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    writer.write("\r\n".join([*lines, "", ""]).encode() + (answer.body if with_body else b""))


async def _gone(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """The other end has all of it and closed: what we close before that may be lost on its way."""
    writer.write_eof()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_LINGER_S):
            await reader.read(1)
