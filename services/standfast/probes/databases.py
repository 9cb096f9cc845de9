"""What the probes of databases share: where they connect to, how much is read, and what a good first value is."""

import contextlib
import re
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from standfast.configuration.model import Probe
from standfast.probes.comparing import holds
from standfast.probes.connections import Connection, connection_to
from standfast.probes.login import Login, hiding
from standfast.probes.place import Place
from standfast.probes.secrets import password
from standfast.probes.tls import judge_certificate, tls_context
from standfast.probes.verdict import BadAnswerError, excerpt

if TYPE_CHECKING:
    import ssl

LARGEST_ANSWER: Final = 262_144  # bytes that are read in one try
_NAMES: Final = {"mysql": "MySQL", "pgsql": "PostgreSQL", "redis": "Redis"}
_LONGEST_WORDS: Final = 120  # of a server's own
# possessive: else 256 KiB of digits before a letter would be tried in every way, for half an hour
_NUMBER: Final = re.compile(r"[-+]?(\d++\.?\d*+|\.\d++)([eE][-+]?\d{1,4})?")
_TRUTH: Final = {"t": True, "true": True, "1": True, "f": False, "false": False, "0": False}


class Stream:
    """A reader and a writer in one, as libraries want them; it ends a try that reads too much."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._left = LARGEST_ANSWER
        self._unsent = bytearray()

    async def read(self, most: int) -> bytes:
        """As of asyncio's StreamReader. Raises BadAnswerError too."""
        await self.drain()
        data = await self._connection.read(most)
        self._take(len(data))
        return data

    async def readexactly(self, size: int) -> bytes:
        """As of asyncio's StreamReader. Raises BadAnswerError too."""
        self._take(size)
        await self.drain()
        return await self._connection.read_exactly(size)

    def write(self, data: bytes) -> None:
        """It is sent before anything is read."""
        self._unsent += data

    def writelines(self, parts: Iterable[bytes]) -> None:
        """The same of several."""
        self._unsent += b"".join(parts)

    async def drain(self) -> None:
        """All is sent."""
        data, self._unsent = bytes(self._unsent), bytearray()
        if data:
            await self._connection.send(data)

    def _take(self, size: int) -> None:
        self._left -= size
        if self._left < 0:
            raise BadAnswerError(f"its answer is longer than {LARGEST_ANSWER // 1024} KiB")


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A connection to a database on which nothing was said yet."""

    probe: Probe
    connection: Connection
    stream: Stream
    password: str | None
    tls: "ssl.SSLContext | None"

    @property
    def is_private(self) -> bool:
        """A password may be said as it is: a Unix socket, or TLS that has begun."""
        return self.probe.socket is not None or bool(self.connection.certificate)

    async def begin_tls(self) -> None:
        """TLS is spoken from now on, and the certificate was looked at. Raises BadAnswerError, OSError."""
        assert self.tls is not None
        assert self.probe.connect is not None
        await self.stream.drain()
        await self.connection.start_tls(self.tls, self.probe.connect.host)
        judge_certificate(self.connection.certificate, self.probe.certificate_days)

    async def leave(self, goodbye: bytes) -> None:
        """The server was told that this is the end: it would write every cut connection into its log."""
        self.stream.write(goodbye)
        with contextlib.suppress(OSError):  # the answer was good; who is gone by now is found by the next try
            await self.stream.drain()


def subject(probe: Probe) -> str:
    """The kind of server, and where it is."""
    return f"{_NAMES[probe.type]} {probe.connect or probe.socket}"


@contextlib.asynccontextmanager
async def session(probe: Probe, *, tls_at_once: bool = False) -> AsyncIterator[Session]:
    """A connection that is cut at the end. Nothing of what comes is kept for people: answers may be secret."""
    context = await tls_context(probe) if probe.tls else None
    secret = await password(probe)
    host, port = (probe.connect.host, probe.connect.port) if probe.connect else ("", 0)
    place = Place(host=host, port=port, path=probe.socket, timeout_ms=probe.timeout_ms)
    nothing = bytearray()
    login = Login(probe.user or "", secret) if secret else None
    with hiding(login, nothing), await connection_to(place, nothing) as connection:
        stream = Stream(connection)
        own = Session(probe=probe, connection=connection, stream=stream, password=secret, tls=context)
        if context is not None and tls_at_once:
            await own.begin_tls()
        yield own


def judge(probe: Probe, row: list[Any] | None) -> str:
    """The first value of the first row is as wanted; None: there was no row. Raises BadAnswerError."""
    if not row:
        raise BadAnswerError("the answer has no row")
    if probe.value is None:
        return "it answers the query"
    text = readable(row[0])
    if not holds(_typed(text, probe.value.value), probe.value.comparison, probe.value.value):
        shown = "null" if text is None else excerpt(text.encode())
        raise BadAnswerError(f"{probe.value.text} does not hold: it is {shown}")
    return f"{probe.value.text} holds"


def readable(value: Any) -> str | None:
    """A value as text."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else None if value is None else str(value)


def _typed(text: str | None, wanted: Any) -> Any:
    """Databases answer with texts; what one means depends on what it is compared with."""
    if text is not None and isinstance(wanted, bool):
        return _TRUTH.get(text.strip().lower(), text)
    if text is not None and isinstance(wanted, int | float) and _NUMBER.fullmatch(text.strip()):
        return Decimal(text.strip())
    return text


def said(words: str) -> str:
    """A server's own words on why not."""
    plain = "".join(char if char.isprintable() else " " for char in words)
    return f"it says “{plain[:_LONGEST_WORDS].strip().removesuffix('.')}”"
