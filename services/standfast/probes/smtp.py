"""A mail server: it greets, and as far as wanted speaks TLS, lets a user in, and is ready to take mail (RFC 5321).

Nothing is ever sent by it: what begins with MAIL FROM ends with RSET.
"""

import asyncio
import re
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from standfast.configuration.model import Probe
from standfast.probes.connections import Connection, connection_to
from standfast.probes.login import Login, hiding, login_of, to_base64
from standfast.probes.place import LARGEST_HEAD, Place
from standfast.probes.tls import judge_certificate, tls_context
from standfast.probes.verdict import BadAnswerError, excerpt

if TYPE_CHECKING:
    import ssl

_LINE: Final = re.compile(rb"([2-5][0-9][0-9])(?:([ -])(.*))?")
_MOST_LINES: Final = 100  # of one reply


@dataclass(frozen=True, slots=True)
class _Reply:
    """One or more lines with one code."""

    lines: tuple[bytes, ...]  # without the code

    @property
    def words(self) -> str:
        return excerpt(self.lines[-1])

    def offers(self, keyword: bytes) -> tuple[bytes, ...] | None:
        """The words after `keyword` in an answer to EHLO; None: it is not there."""
        for line in self.lines[1:]:
            first, *words = line.upper().split() or [b""]
            if first == keyword:
                return tuple(words)
        return None


@dataclass(frozen=True, slots=True)
class _Talk:
    """Commands and replies, in turn."""

    connection: Connection

    async def say(self, command: str, *good: int, shown: str = "") -> _Reply:
        """The reply, whose code is one of `good`; in place of a secret command `shown` is told."""
        await self.connection.send(f"{command}\r\n".encode())
        return await self.hear(shown or command, *good)

    async def hear(self, after: str, *good: int) -> _Reply:
        """The next reply."""
        lines: list[bytes] = []
        while len(lines) < _MOST_LINES:
            line = await self._line(after)
            found = _LINE.fullmatch(line)
            if found is None:
                raise BadAnswerError(f"after {after} it says {excerpt(line)}, which is not SMTP")
            lines.append(found[3] or b"")
            if found[2] == b"-":
                continue
            if int(found[1]) not in good:
                raise BadAnswerError(f"after {after} it says {excerpt(line)}")
            return _Reply(tuple(lines))
        raise BadAnswerError(f"after {after} it says more than {_MOST_LINES} lines")

    async def _line(self, after: str) -> bytes:
        try:
            return (await self.connection.read_until(b"\n")).rstrip(b"\r\n")
        except asyncio.IncompleteReadError as error:
            said = f", and all that came is {excerpt(error.partial)}" if error.partial else ""
            raise BadAnswerError(f"the connection was closed after {after}{said}") from error
        except asyncio.LimitOverrunError as error:
            raise BadAnswerError(f"after {after} it says a line of more than {LARGEST_HEAD} bytes") from error


def subject(probe: Probe) -> str:
    """Where it connects to, and how."""
    return f"SMTP {probe.connect}" + (" with TLS" if probe.tls else " with StartTLS" if probe.start_tls else "")


async def look(probe: Probe, seen: bytearray) -> str:
    """All that is wanted can be done, and nothing is sent. Raises as any checker does."""
    assert probe.connect is not None
    login = await login_of(probe)
    tls = await tls_context(probe) if probe.tls or probe.start_tls else None
    host, port = probe.connect.host, probe.connect.port
    place = Place(host=host, port=port, tls=tls if probe.tls else None, timeout_ms=probe.timeout_ms)
    with hiding(login, seen), await connection_to(place, seen) as connection:
        return await _converse(_Talk(connection), probe, tls, login)


async def _converse(talk: _Talk, probe: Probe, tls: "ssl.SSLContext | None", login: Login | None) -> str:
    greeting = await talk.hear("connecting", 220)
    told = f"it greets {greeting.words}"
    offer = await _introduce(talk)
    if tls is not None and probe.start_tls:
        offer = await _start_tls(talk, probe, offer, tls)
    judge_certificate(talk.connection.certificate, probe.certificate_days)
    if login is not None:
        await _log_in(talk, offer, login)
        told += f", and {login.user} can log in"
    if probe.recipient is not None:
        await talk.say("MAIL FROM:<>", 250)
        await talk.say(f"RCPT TO:<{probe.recipient}>", 250, 251, 252)
        await talk.say("RSET", 250)
        told += f", and it takes mail for {probe.recipient}"
    await talk.connection.send(b"QUIT\r\n")  # what it says to that is of no interest
    return told


async def _introduce(talk: _Talk) -> _Reply:
    return await talk.say(f"EHLO {socket.gethostname()}", 250)


async def _start_tls(talk: _Talk, probe: Probe, offer: _Reply, tls: "ssl.SSLContext") -> _Reply:
    """What it offers over TLS; what was said before does not count any more (RFC 3207)."""
    assert probe.connect is not None
    if offer.offers(b"STARTTLS") is None:
        raise BadAnswerError("it does not offer STARTTLS")
    await talk.say("STARTTLS", 220)
    await talk.connection.start_tls(tls, probe.connect.host)
    return await _introduce(talk)


async def _log_in(talk: _Talk, offer: _Reply, login: Login) -> None:
    ways = offer.offers(b"AUTH") or ()
    if b"PLAIN" in ways:
        await talk.say(f"AUTH PLAIN {login.plain}", 235, shown=f"AUTH PLAIN as {login.user}")
    elif b"LOGIN" in ways:
        await talk.say("AUTH LOGIN", 334)
        await talk.say(to_base64(login.user), 334, shown="the user's name")
        await talk.say(to_base64(login.password), 235, shown=f"AUTH LOGIN as {login.user}")
    else:
        offered = f"only {excerpt(b' '.join(ways))}" if ways else "no AUTH"
        raise BadAnswerError(f"it offers {offered}; a login needs PLAIN or LOGIN there")
