"""As much of three servers as probes talk to, each as a test wants it."""

import asyncio
import base64
import contextlib
import hashlib
import hmac
import os
import ssl
import struct
from collections.abc import Callable

from unit.probing import Answer

PASSWORD = "hidden-word"
ROW = b"5"
MYSQL_QUIT = b"\1"


async def hang(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    while await reader.read(4096):
        pass


def mysql(
    row: bytes | None = ROW,
    *,
    plugin: bytes = b"mysql_native_password",
    after_login: bytes = b"\0\0\0\2\0\0\0",
    answer: bytes | None = None,
    silent_query: bool = False,
    tls: ssl.SSLContext | None = None,
    heard: list[bytes] | None = None,
) -> Answer:
    """A MariaDB that lets everybody in; `answer` is the first packet after the query."""
    capabilities = 0x000FFFFF if tls else 0x000FF7FF
    salt = b"12345678abcdefghijkl\0"
    greeting = b"\x0a5.5.5-10.11.6-MariaDB\0" + struct.pack("<I", 7) + salt[:8] + b"\0"
    greeting += struct.pack("<HBHHB", capabilities & 0xFFFF, 45, 2, capabilities >> 16, len(salt)) + bytes(10)
    greeting += salt[8:] + plugin + b"\0"
    column = b"\3def\0\0\0\1x\0\x0c" + struct.pack("<HIBHBH", 45, 1024, 0xFD, 0, 0, 0)
    end = b"\xfe\0\0\2\0"
    rows = [] if row is None else [bytes((len(row),)) + row]

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        def write(number: int, *packets: bytes) -> None:
            for packet in packets:
                writer.write(struct.pack("<I", len(packet))[:3] + bytes((number,)) + packet)
                number += 1

        async def read() -> bytes:
            head = await reader.readexactly(4)
            return await reader.readexactly(int.from_bytes(head[:3], "little"))

        if tls is not None:
            writer.transport.pause_reading()  # type: ignore[attr-defined]  # TLS follows at once, and is not to be read
            write(0, greeting)
            await _take(writer, 36)
            await writer.start_tls(tls)
        else:
            write(0, greeting)
        await read()
        write(3 if tls else 2, after_login)
        while query := await read():
            if heard is not None:
                heard.append(query[1:])
            if query == MYSQL_QUIT:
                return
            if query[1:].startswith(b"SET SESSION"):
                write(1, b"\0\0\0\2\0\0\0")
            elif silent_query:
                await hang(reader, writer)
            elif answer is not None:
                write(1, answer)
            else:
                write(1, b"\1", column, end, *rows, end)

    return serve


async def _take(writer: asyncio.StreamWriter, size: int) -> None:
    """So much, and no more, was read from the kernel."""
    descriptor = writer.get_extra_info("socket").fileno()
    while size:
        with contextlib.suppress(BlockingIOError):
            size -= len(os.read(descriptor, size))
        await asyncio.sleep(0.001)


def refused(code: int, words: str) -> bytes:
    return b"\xff" + struct.pack("<H", code) + b"#28000" + words.encode()


def message(kind: bytes, body: bytes = b"") -> bytes:
    return kind + struct.pack("!I", len(body) + 4) + body


def pg_error(words: str) -> bytes:
    return message(b"E", b"SFATAL\0C28P01\0M" + words.encode() + b"\0\0")


READY = message(b"Z", b"I")
LET_IN = message(b"R", struct.pack("!I", 0)) + message(b"S", b"server_version\00015\0") + READY


def pgsql(
    row: bytes | None = ROW,
    *,
    login: bytes = LET_IN,
    answer: bytes | None = None,
    silent_query: bool = False,
    tls: ssl.SSLContext | None = None,
    heard: list[bytes] | None = None,
) -> Answer:
    """A PostgreSQL that lets everybody in."""
    rows = b"" if row is None else message(b"D", struct.pack("!HI", 1, len(row)) + row)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _startup(reader)
        if tls is not None:
            writer.write(b"S")
            await writer.start_tls(tls)
            await _startup(reader)
        writer.write(login)
        query = await _pg_message(reader)
        if heard is not None:
            heard.append(query)
        if silent_query:
            await hang(reader, writer)
        writer.write(answer if answer is not None else message(b"T", b"\0\0") + rows + message(b"C", b"x\0") + READY)
        while more := await reader.read(4096):
            if heard is not None:
                heard.append(more)

    return serve


def pgsql_with_scram(password: str = PASSWORD, rounds: int = 4096, *, knows: bool = True) -> Answer:
    """One that asks for the password as PostgreSQL does, and may not know it itself."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _startup(reader)
        writer.write(message(b"R", struct.pack("!I", 10) + b"SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0"))
        first = (await _pg_message(reader)).partition(b"\0")[2][4:].decode()
        bare = first.removeprefix("n,,")
        nonce = bare.partition("r=")[2] + "server"
        salt = b"0123456789abcdef"
        said = f"r={nonce},s={base64.b64encode(salt).decode()},i={rounds}"
        writer.write(message(b"R", struct.pack("!I", 11) + said.encode()))
        final = (await _pg_message(reader)).decode()
        without, _, proof = final.rpartition(",p=")
        salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, rounds)
        signed = ",".join((bare, said, without)).encode()
        key = hmac.digest(salted, b"Client Key", "sha256")
        mask = hmac.digest(hashlib.sha256(key).digest(), signed, "sha256")
        if base64.b64decode(proof) != bytes(one ^ other for one, other in zip(key, mask, strict=True)):
            writer.write(pg_error('password authentication failed for user "x"'))
            return
        signature = hmac.digest(hmac.digest(salted, b"Server Key", "sha256"), signed, "sha256")
        proven = b"v=" + base64.b64encode(signature if knows else bytes(32))
        writer.write(message(b"R", struct.pack("!I", 12) + proven) + LET_IN)
        await _pg_message(reader)
        writer.write(message(b"D", b"\0\1\0\0\0\1" + ROW) + READY)
        await hang(reader, writer)

    return serve


async def _startup(reader: asyncio.StreamReader) -> None:
    (size,) = struct.unpack("!I", await reader.readexactly(4))
    await reader.readexactly(size - 4)


async def _pg_message(reader: asyncio.StreamReader) -> bytes:
    _, size = struct.unpack("!cI", await reader.readexactly(5))
    return await reader.readexactly(size - 4)


def redis(answer: bytes = b"+PONG\r\n", *, login: bytes = b"+OK\r\n", silent_query: bool = False) -> Answer:
    """A Redis that lets everybody in."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while words := await _command(reader):
            if words[0] in (b"AUTH", b"SELECT"):
                writer.write(login)
            elif silent_query:
                await hang(reader, writer)
            else:
                writer.write(answer)

    return serve


async def _command(reader: asyncio.StreamReader) -> list[bytes]:
    words: list[bytes] = []
    if not (head := await reader.readline()):
        return words
    for _ in range(int(head[1:])):
        size = int((await reader.readline())[1:])
        words.append((await reader.readexactly(size + 2))[:-2])
    return words


SERVERS: dict[str, Callable[..., Answer]] = {"mysql": mysql, "pgsql": pgsql, "redis": redis}
