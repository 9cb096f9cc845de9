"""As much of PostgreSQL's protocol as a probe needs (PostgreSQL's manual, chapter "Frontend/Backend Protocol").

No library of Debian 12 is fit for a try each second in a process that must never block: architecture.md says why.
"""

import hashlib
import struct
from typing import Final

from standfast.probes.databases import LARGEST_ANSWER, Session, said
from standfast.probes.scram import MECHANISM, Scram
from standfast.probes.verdict import BadAnswerError, CannotCheckError

_VERSION: Final = 196_608  # 3.0
_TLS_REQUEST: Final = 80_877_103
_TERMINATE: Final = b"X\0\0\0\4"
_LONG: Final = struct.Struct("!I")
_HEAD: Final = struct.Struct("!cI")
_KINDS: Final = b"RESNKZTDCIAtnGHWdc123sv"  # of messages that a server sends
_PASSED_OVER: Final = b"NSKA"  # notices, settings, the key for a cancellation
_OK, _CLEAR, _MD5, _SASL, _SASL_MORE, _SASL_END = 0, 3, 5, 10, 11, 12
_MALFORMED: Final = "its answer is not PostgreSQL's"


class Wire:
    """A session in which PostgreSQL's protocol is spoken. It raises what a connection does, and as any checker does."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._stream = session.stream

    async def log_in(self) -> None:
        """The server takes queries now."""
        probe = self._session.probe
        assert probe.user is not None
        if self._session.tls is not None:
            await self._begin_tls()
        settings = {"user": probe.user, "database": probe.database or probe.user, "application_name": "standfast"}
        words = b"".join(word.encode() + b"\0" for pair in settings.items() for word in pair)
        self._stream.write(_LONG.pack(len(words) + 9) + _LONG.pack(_VERSION) + words + b"\0")
        await self._authenticate(probe.user, self._session.password)
        await self._until(b"Z")

    async def first_row(self, query: str) -> list[bytes | None] | None:
        """The first row of the query's answer, None: there is none; in a transaction that can change nothing.

        The server ends it by itself when nobody waits for it any more: else its processes would pile up.
        """
        limit = f"SET LOCAL statement_timeout = {self._session.probe.timeout_ms}"
        self._send(b"Q", f"BEGIN READ ONLY; {limit}; {query}".encode() + b"\0")
        kind, body = await self._until(b"DZ")
        await self._session.leave(_TERMINATE)
        return _row(body) if kind == b"D" else None

    def _send(self, kind: bytes, body: bytes) -> None:
        self._stream.write(kind + _LONG.pack(len(body) + 4) + body)

    async def _begin_tls(self) -> None:
        self._stream.write(_LONG.pack(8) + _LONG.pack(_TLS_REQUEST))
        answer = await self._stream.readexactly(1)
        if answer == b"N":
            raise BadAnswerError("it offers no TLS")
        if answer != b"S":
            raise BadAnswerError(_MALFORMED)
        await self._session.begin_tls()

    async def _authenticate(self, user: str, password: str | None) -> None:
        scram = Scram(password or "")
        while True:
            _, body = await self._until(b"R")
            kind, data = _number(body), body[4:]
            if kind == _OK:
                return
            if password is None:
                raise CannotCheckError("it wants a password; add PasswordFile= or Credential=")
            if kind == _CLEAR:
                if not self._session.is_private:
                    raise CannotCheckError("it wants the password in clear text, which needs TLS=yes or Socket=")
                self._send(b"p", password.encode() + b"\0")
            elif kind == _MD5:
                self._send(b"p", _md5(user, password, data[:4]) + b"\0")
            elif kind == _SASL and MECHANISM.encode() in data.split(b"\0"):
                first = scram.first()
                self._send(b"p", MECHANISM.encode() + b"\0" + _LONG.pack(len(first)) + first)
            elif kind == _SASL_MORE:
                self._send(b"p", await scram.final(data))
            elif kind == _SASL_END:
                scram.verify(data)
            else:
                raise CannotCheckError(f"it wants a login of kind {kind}, which probes do not know")

    async def _until(self, kinds: bytes) -> tuple[bytes, bytes]:
        """The next message of these kinds; what the server says against us is raised."""
        while True:
            kind, size = _HEAD.unpack(await self._stream.readexactly(_HEAD.size))
            if kind not in _KINDS or size < 4 or (size > LARGEST_ANSWER and kind != b"D"):
                raise BadAnswerError(_MALFORMED)
            body = await self._stream.readexactly(size - 4)
            if kind == b"E":
                raise BadAnswerError(said(_words(body)))
            if kind in kinds:
                return kind, body
            if b"R" in kinds and kind not in _PASSED_OVER:
                raise BadAnswerError(_MALFORMED)


def _number(body: bytes) -> int:
    if len(body) < 4:
        raise BadAnswerError(_MALFORMED)
    return int(_LONG.unpack_from(body)[0])


def _row(body: bytes) -> list[bytes | None]:
    """The values of a row as texts, of which only the first one is looked at."""
    count, size = struct.unpack_from("!Hi", body) if len(body) >= 6 else (0, -1)
    if count and size > len(body) - 6:
        raise BadAnswerError(_MALFORMED)
    return [body[6 : 6 + size] if size >= 0 else None] if count else []


def _words(body: bytes) -> str:
    """The message of an error; its details may tell what is in a table."""
    fields = {field[:1]: field[1:] for field in body.split(b"\0")}
    return fields.get(b"M", b"").decode("utf-8", "replace")


def _md5(user: str, password: str, salt: bytes) -> bytes:
    inner = hashlib.md5((password + user).encode(), usedforsecurity=False).hexdigest()
    return b"md5" + hashlib.md5(inner.encode() + salt, usedforsecurity=False).hexdigest().encode()
