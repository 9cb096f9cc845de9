"""What tests of probes share: a probe, a page that answers as a test wants, and a loop."""

import asyncio
import contextlib
import functools
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from typing import Any

from standfast.configuration.model import Probe
from standfast.probes.system_bus import close_system_bus

UNIT = "apache2.service"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n"
Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def in_loop(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    @functools.wraps(test)
    def run(*arguments: Any, **named: Any) -> None:
        asyncio.run(test(*arguments, **named))

    return run


def in_loop_on_bus(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """The connection that its tries shared is closed at the end, and no descriptor is left."""

    @functools.wraps(test)
    async def run(*arguments: Any, **named: Any) -> None:
        try:
            await test(*arguments, **named)
        finally:
            await close_system_bus()

    return in_loop(run)


def probe(url: str = "http://127.0.0.1/healthz", **fields: Any) -> Probe:
    return Probe(unit=UNIT, url=url, **{"name": "", "timeout_ms": 300, "interval_ms": 20, **fields})


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
async def serving(answer: Answer, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """The URL of a page that is answered so."""

    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, EOFError):
            await answer(reader, writer)
        writer.close()

    server = await asyncio.start_server(once, "127.0.0.1", 0, ssl=tls)
    async with server:
        port = server.sockets[0].getsockname()[1]
        yield f"https://localhost:{port}/healthz" if tls else f"http://127.0.0.1:{port}/healthz"


def serving_each(pages: Mapping[str, Answer]) -> contextlib.AbstractAsyncContextManager[str]:
    """The same for several pages by their path; yields the URL of /healthz."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        again = asyncio.StreamReader()
        again.feed_data(request)
        await pages[request.split()[1].decode()](again, writer)

    return serving(answer)
