"""The endpoint: one answer for everybody who asks at the same time, within seconds whatever hangs."""

import asyncio
import importlib.metadata
import time
from email.message import Message
from http import HTTPStatus
from pathlib import Path
from typing import Final

from standfast.bus import Bus, BusError
from standfast.metrics import exposition, samples
from standfast.metrics.exposition import Format
from standfast.metrics.following import Follower
from standfast.metrics.samples import Sample
from standfast.metrics.serving import Answer, refusal
from standfast.published import DAEMONS, GROUPS, MEMBERSHIP, Daemon, Snapshot, read_daemon

DAEMON_S: Final = 4.0  # that a daemon has for its answer: less than any usual scrape_timeout
FRESH_S: Final = 0.5  # who asks sooner after the last reading gets what that had: the daemons have other work
_PAGE: Final = b"<title>Standfast</title><h1>Standfast</h1><p><a href='/metrics'>Metrics</a>\n"


class Service:
    """Reads the daemons when somebody asks, and counts what the journal tells."""

    def __init__(self, file: Path) -> None:
        self.follower = Follower(file)
        self._bus: Bus | None = None
        self._reading = asyncio.Lock()
        self._read_at = float("-inf")
        self._samples: list[Sample] = []
        self._encoded: dict[Format, Answer] = {}  # of these samples

    async def answer(self, path: str, headers: Message) -> Answer:
        """What a request for this path is answered."""
        if path == "/":
            return Answer(body=_PAGE, headers={"Content-Type": "text/html; charset=utf-8"})
        if path != "/metrics":
            return refusal(HTTPStatus.NOT_FOUND, "the metrics are at /metrics")
        async with self._reading:
            if time.monotonic() - self._read_at > FRESH_S:
                self._samples = await self._read()
                self._read_at, self._encoded = time.monotonic(), {}
        wanted = exposition.format_for(headers.get("Accept", ""), headers.get("Accept-Encoding", ""))
        if wanted not in self._encoded:
            body, said = exposition.encode(self._samples, self.follower.counted, wanted)
            self._encoded[wanted] = Answer(body=body, headers=said)
        return self._encoded[wanted]

    async def _read(self) -> list[Sample]:
        begun = time.monotonic()
        snapshot = await self._snapshot()
        duration_s = time.monotonic() - begun
        made, known = samples.make(snapshot), samples.known_of(snapshot)
        await self.follower.catch_up(known)
        return [
            *made,
            *_info(snapshot),
            Sample("read_duration_seconds", (), duration_s),
            Sample("journal_read", (), self.follower.counted is not None),
        ]

    async def _snapshot(self) -> Snapshot:
        """What each daemon says; one that does not answer holds up none of the others."""
        try:
            async with asyncio.timeout(DAEMON_S):
                if self._bus is None or self._bus.closed.is_set():
                    self._bus = await Bus.connect()
        except (BusError, TimeoutError):
            return {name: _away("the message bus does not answer") for name in DAEMONS}
        bus = self._bus
        daemons = await asyncio.gather(*(_read_daemon(bus, name) for name in DAEMONS))
        if any(daemon.why_away for daemon in daemons):
            await bus.close()  # the bus keeps a place for each answer that never comes, and has few
        return dict(zip(DAEMONS, daemons, strict=True))


async def _read_daemon(bus: Bus, name: str) -> Daemon:
    try:
        return await read_daemon(bus, name, timeout_s=DAEMON_S)
    except BusError as error:
        return _away(error.text)


def _away(why: str) -> Daemon:
    return Daemon(root={}, objects={}, why_away=why)


def _info(snapshot: Snapshot) -> list[Sample]:
    root = snapshot[GROUPS].root or snapshot[MEMBERSHIP].root
    return [Sample("info", (str(root["Cluster"]), str(root["Node"]), _VERSION), 1)] if root else []


def _version() -> str:
    try:
        return importlib.metadata.version("standfast")
    except importlib.metadata.PackageNotFoundError:
        return ""  # run from a work tree


_VERSION: Final = _version()
