"""TLS as a probe wants it: whom it believes, what it shows; ssl is imported when it is used (5 MiB).

The files may be on a file system that hangs: one thread reads them for all probes, so that no more than one is lost.
"""

import asyncio
import math
import stat
import time
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

from standfast.configuration.model import Probe
from standfast.probes.verdict import BadAnswerError, CannotCheckError

if TYPE_CHECKING:
    import ssl

Result = TypeVar("Result")
_AT_ONCE: Final = 16_384  # bytes of a record (RFC 8446)
_MOST_CONTEXTS: Final = 32  # that are kept; one with the system's authorities has 0.8 MiB
_LARGEST_FILE: Final = 1 << 20  # bytes; all authorities of Debian's ca-certificates have 220 kB
_READING_SHARE: Final = 0.8  # of a try's time: a file system that hangs is not the service
_DAY_S: Final = 86_400


class _Files(NamedTuple):
    authorities: str | None
    certificate: str | None
    key: str | None


_made: dict[_Files, tuple[tuple[object, ...], "ssl.SSLContext"]] = {}  # used by the one thread only


async def tls_context(probe: Probe) -> "ssl.SSLContext":
    """For the connections of this try; a file that was renewed counts. Raises CannotCheckError, naming the file."""
    files = _Files(probe.ca_file, probe.client_certificate, probe.client_key)
    if not any(files):
        return _system()
    reading = asyncio.get_running_loop().run_in_executor(_reader(), _context, files)
    try:
        async with asyncio.timeout(probe.timeout_ms * _READING_SHARE / 1000):
            return await reading
    except TimeoutError as error:
        named = " and ".join(filter(None, files))
        raise CannotCheckError(f"{named} cannot be read in time: some file system does not answer") from error


class Tls:
    """TLS over what `send` and `receive` carry; asyncio's own takes a quarter of a MiB for each connection."""

    def __init__(
        self,
        context: "ssl.SSLContext",
        name: str,
        send: Callable[[bytes], Awaitable[None]],
        receive: Callable[[], Awaitable[bytes]],
    ) -> None:
        import ssl

        self._send = send
        self._receive = receive
        self._wants = ssl.SSLWantReadError
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._object = context.wrap_bio(self._incoming, self._outgoing, server_hostname=name)

    @property
    def certificate(self) -> Mapping[str, Any]:
        return self._object.getpeercert() or {}

    async def shake_hands(self) -> None:
        """Raises OSError and EOFError."""
        await self._until_done(self._object.do_handshake)

    async def send(self, data: bytes) -> None:
        await self._until_done(partial(self._object.write, data))

    async def receive(self) -> bytes:
        """What has come; nothing at the end, also of a peer that did not take its leave."""
        try:
            return await self._until_done(partial(self._object.read, _AT_ONCE))
        except EOFError:
            return b""

    async def _until_done(self, act: Callable[[], Result]) -> Result:
        while True:
            try:
                done = act()
            except self._wants:
                await self._flush()
                data = await self._receive()
                if not data:
                    raise EOFError from None
                self._incoming.write(data)
            else:
                await self._flush()
                return done

    async def _flush(self) -> None:
        if data := self._outgoing.read():
            await self._send(data)


def judge_certificate(certificate: Mapping[str, Any], days: int | None) -> None:
    """The other side's certificate is good for so many days more. Raises BadAnswerError."""
    if days is None:
        return
    import ssl

    until = certificate["notAfter"]
    left = math.floor((ssl.cert_time_to_seconds(until) - time.time()) / _DAY_S)
    if left < days:
        raise BadAnswerError(f"its certificate is good for {left} more days only, until {until}")


@lru_cache(maxsize=1)
def _system() -> "ssl.SSLContext":
    return _make(_Files(None, None, None))


@lru_cache(maxsize=1)
def _reader() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix="certificates")


def _context(files: _Files) -> "ssl.SSLContext":
    stamps = tuple(_stamp(path) for path in files if path)
    known = _made.get(files)
    if known is not None and known[0] == stamps:
        return known[1]
    context = _make(files)
    _made.pop(files, None)
    while len(_made) >= _MOST_CONTEXTS:
        del _made[next(iter(_made))]
    _made[files] = stamps, context
    return context


def _stamp(path: str) -> tuple[int, int, int]:
    """It is another one when the file was written or replaced."""
    try:
        found = Path(path).stat()
    except OSError as error:
        raise CannotCheckError(f"{path} cannot be read: {error.strerror}") from error
    if not stat.S_ISREG(found.st_mode) or found.st_size > _LARGEST_FILE:
        raise CannotCheckError(f"{path} is no file with certificates or a key")
    return found.st_ino, found.st_mtime_ns, found.st_size


def _make(files: _Files) -> "ssl.SSLContext":
    import ssl

    try:
        context = ssl.create_default_context(cafile=files.authorities)
    except OSError as error:
        raise CannotCheckError(f"{files.authorities} has no certificate in PEM: {_reason(error)}") from error
    if files.certificate:
        try:
            # a key with a password of its own would be asked for on a terminal
            context.load_cert_chain(files.certificate, files.key, password=lambda: "")
        except OSError as error:
            named = f"{files.certificate} is no certificate with"
            if files.key:
                named = f"{files.certificate} and {files.key} are no certificate and"
            raise CannotCheckError(f"{named} its key in PEM: {_reason(error)}") from error
    return context


def _reason(error: OSError) -> str:
    """An error of OpenSSL is an OSError too."""
    said: str | None = getattr(error, "reason", None)
    return said.replace("_", " ").lower() if said else error.strerror or "it is something else"
