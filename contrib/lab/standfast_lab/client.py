"""A client of the cluster that asks every 20 ms, each time over a new connection, and notes every answer."""

import asyncio
import json
import sys
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path

EVERY_S = 0.02
TIMEOUT_S = 1.0
LATE = f"no answer within {TIMEOUT_S} s"
STALLED_S = 5.0  # so long a busy machine may let a server wait for its turn


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request; times are CLOCK_MONOTONIC seconds."""

    t_start: float
    t_end: float
    ok: bool  # status 200 within TIMEOUT_S; a refused connection is not
    text: str  # the page's first line, or what went wrong


def read(log: Path) -> list[Request]:
    """All requests that have ended so far, by the time they began."""
    lines = log.read_text().splitlines(keepends=True) if log.exists() else []
    whole = (line for line in lines if line.endswith("\n"))  # the last one may be under way
    return sorted((Request(**json.loads(line)) for line in whole), key=lambda request: request.t_start)


def outage_s(requests: Iterable[Request], since: float = 0.0, until: float = float("inf")) -> float:
    """Seconds from the last good answer to the first good one after it, the longest such gap.

    Only answers between `since` and `until` (CLOCK_MONOTONIC) count; a gap that is open at either end counts from
    the first request, to the last one's end. 0.0 without any request.
    """
    inside = [request for request in requests if since <= request.t_end <= until]
    if not inside:
        return 0.0
    good = sorted(request.t_end for request in inside if request.ok)
    edges = [min(request.t_start for request in inside), *good, max(request.t_end for request in inside)]
    return max(later - earlier for earlier, later in pairwise(edges))


def failures(requests: Iterable[Request], since: float = 0.0, until: float = float("inf")) -> list[Request]:
    """The requests begun between `since` and `until` that were refused or answered badly.

    One that is only late is among them where no good answer at all came for STALLED_S.
    """
    inside = [request for request in requests if since <= request.t_start <= until]
    stalled = outage_s(inside) > STALLED_S
    return [request for request in inside if not request.ok and (stalled or request.text != LATE)]


async def _ask(host: str, path: str) -> tuple[bool, str]:
    """Whether the page came with status 200, and its first line or the status line."""
    reader, writer = await asyncio.open_connection(host, 80)
    try:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        answer = (await reader.read(1 << 20)).decode(errors="replace")
        while more := await reader.read(1 << 20):
            answer += more.decode(errors="replace")
    finally:
        writer.close()
    head, _, body = answer.partition("\r\n\r\n")
    status = head.partition("\r\n")[0]
    if status.split()[1:2] != ["200"]:
        return False, status or "the connection was closed without an answer"
    return True, body.strip().partition("\n")[0]


async def _note(host: str, path: str, log: Path) -> None:
    t_start = time.monotonic()
    try:
        async with asyncio.timeout(TIMEOUT_S):
            ok, text = await _ask(host, path)
    except TimeoutError:
        ok, text = False, LATE
    except OSError as error:
        ok, text = False, str(error)
    request = Request(t_start=t_start, t_end=time.monotonic(), ok=ok, text=text)
    with log.open("a") as lines:
        lines.write(json.dumps(asdict(request)) + "\n")


async def ask_for_ever(host: str, path: str, log: Path) -> None:
    """Never returns; a request that takes long does not delay the next one."""
    begun = time.monotonic()
    count = 0
    async with asyncio.TaskGroup() as group:
        while True:
            group.create_task(_note(host, path, log))
            count += 1
            await asyncio.sleep(max(0.0, begun + count * EVERY_S - time.monotonic()))


if __name__ == "__main__":
    asyncio.run(ask_for_ever(sys.argv[1], sys.argv[2], Path(sys.argv[3])))
