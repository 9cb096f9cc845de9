"""One GET of a page over asyncio streams; http.client would need a thread for each try."""

import re
from typing import Final
from urllib.parse import SplitResult, urljoin, urlsplit

from standfast.configuration.model import Probe
from standfast.configuration.values import parse_url
from standfast.probes.http_answer import Answer, read_answer
from standfast.probes.streams import Place, check_certificate, connected
from standfast.probes.verdict import BadAnswerError, excerpt

_REDIRECTS: Final = (301, 302, 303, 307, 308)


def subject(probe: Probe) -> str:
    """The request, without user and password."""
    return f"GET {_shown(probe.url)}" + (f" at {probe.socket}" if probe.socket else "")


async def look(probe: Probe, seen: bytearray) -> str:
    """The page after at most `probe.redirects` redirects is as expected. Raises as any checker does."""
    url = probe.url
    for _ in range(probe.redirects + 1):
        seen.clear()
        answer = await _get(probe, url, seen)
        where = answer.headers.get("location", "") if answer.status in _REDIRECTS else ""
        if not probe.redirects or not where:
            return _judge(probe, answer)
        url = _follow(url, where)
    raise BadAnswerError(f"more than {probe.redirects} redirects, the last one to {excerpt(_shown(url).encode())}")


def _follow(url: str, where: str) -> str:
    try:
        return parse_url(urljoin(url, where))
    except ValueError as error:
        raise BadAnswerError(f"it redirects to {excerpt(where.encode())}, which is no page") from error


async def _get(probe: Probe, url: str, seen: bytearray) -> Answer:
    parts = urlsplit(url)
    assert parts.hostname is not None
    secure = parts.scheme == "https"
    port = parts.port or (443 if secure else 80)
    place = Place(host=parts.hostname, port=port, path=probe.socket, secure=secure, timeout_ms=probe.timeout_ms)
    async with connected(place, seen) as (reader, writer):
        if secure:
            check_certificate(writer, probe.certificate_days)
        writer.write(_request(parts))
        await writer.drain()
        return await read_answer(reader)


def _request(url: SplitResult) -> bytes:
    path = (url.path or "/") + (f"?{url.query}" if url.query else "")
    host = url.netloc.rpartition("@")[2]
    lines = (f"GET {path} HTTP/1.1", f"Host: {host}", "User-Agent: standfast", "Accept: */*", "Connection: close")
    return "".join(f"{line}\r\n" for line in (*lines, "")).encode("ascii")


def _judge(probe: Probe, answer: Answer) -> str:
    told = f"status {answer.status}"
    if answer.status not in probe.status:
        raise BadAnswerError(f"{told}, expected {_statuses(probe.status)}")
    for header in probe.headers:
        value = answer.headers.get(header.name.lower())
        if value is None:
            raise BadAnswerError(f"{told}, but there is no header {header.name}")
        if not re.search(header.expression, value):
            text = f"{told}, but {header.name} does not match {header.expression}: {excerpt(value.encode())}"
            raise BadAnswerError(text)
    body = answer.body
    if probe.body is not None and not re.search(probe.body, body.decode("utf-8", "replace"), re.MULTILINE):
        raise BadAnswerError(f"{told}, but the body does not match {probe.body}: {excerpt(body)}")
    if probe.json:
        from standfast.probes.json_value import judge_json

        judge_json(probe.json, body, told)
    return told


def _statuses(expected: frozenset[int]) -> str:
    numbers = sorted(expected)
    return ", ".join(map(str, numbers)) if len(numbers) < 6 else f"{numbers[0]} … {numbers[-1]}"


def _shown(url: str) -> str:
    """The URL as people may see it: without user and password."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
