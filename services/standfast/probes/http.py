"""One GET of a page; http.client would need a thread for each try."""

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final
from urllib.parse import urljoin, urlsplit

from standfast.configuration.model import Probe
from standfast.configuration.values import parse_url
from standfast.probes.connections import connection_to
from standfast.probes.expressions import found
from standfast.probes.http_answer import Answer, read_answer
from standfast.probes.place import Place
from standfast.probes.tls import judge_certificate, tls_context
from standfast.probes.verdict import BadAnswerError, excerpt

if TYPE_CHECKING:
    from standfast.probes.login import Login

_REDIRECTS: Final = (301, 302, 303, 307, 308)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Page:
    """A URL, taken apart once and not for each try."""

    host: str
    port: int
    secure: bool
    request: bytes
    shown: str  # as people may see it: without user and password


def subject(probe: Probe) -> str:
    """The request, without user and password."""
    return f"GET {_page(probe.url).shown}" + (f" at {probe.socket}" if probe.socket else "")


async def look(probe: Probe, seen: bytearray) -> str:
    """The page after at most `probe.redirects` redirects is as expected. Raises as any checker does."""
    if probe.user is None:
        return await _look(probe, seen, None)
    from standfast.probes.login import hiding, login_of

    login = await login_of(probe)
    with hiding(login, seen):
        return await _look(probe, seen, login)


async def _look(probe: Probe, seen: bytearray, login: "Login | None") -> str:
    url = probe.url
    for _ in range(probe.redirects + 1):
        seen.clear()
        answer = await _get(probe, url, seen, login)
        where = answer.headers.get("location", "") if answer.status in _REDIRECTS else ""
        if not probe.redirects or not where:
            return _judge(probe, answer)
        url = _follow(url, where)
    raise BadAnswerError(f"more than {probe.redirects} redirects, the last one to {excerpt(_page(url).shown.encode())}")


def _follow(url: str, where: str) -> str:
    try:
        return parse_url(urljoin(url, where))
    except ValueError as error:
        raise BadAnswerError(f"it redirects to {excerpt(where.encode())}, which is no page") from error


async def _get(probe: Probe, url: str, seen: bytearray, login: "Login | None") -> Answer:
    page, first = _page(url), _page(probe.url)
    request = page.request
    if login is not None and (page.secure, page.host, page.port) == (first.secure, first.host, first.port):
        request = request.removesuffix(b"\r\n") + f"Authorization: Basic {login.basic}\r\n\r\n".encode()
    tls = await tls_context(probe) if page.secure else None
    place = Place(host=page.host, port=page.port, path=probe.socket, tls=tls, timeout_ms=probe.timeout_ms)
    with await connection_to(place, seen) as connection:
        if page.secure:
            judge_certificate(connection.certificate, probe.certificate_days)
        await connection.send(request)
        return await read_answer(connection)


@lru_cache(maxsize=1024)
def _page(url: str) -> _Page:
    parts = urlsplit(url)
    assert parts.hostname is not None
    secure = parts.scheme == "https"
    netloc = parts.netloc.rpartition("@")[2]
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    lines = (f"GET {path} HTTP/1.1", f"Host: {netloc}", "User-Agent: standfast", "Accept: */*", "Connection: close")
    return _Page(
        host=parts.hostname,
        port=parts.port or (443 if secure else 80),
        secure=secure,
        request="".join(f"{line}\r\n" for line in (*lines, "")).encode("ascii"),
        shown=parts._replace(netloc=netloc).geturl(),
    )


def _judge(probe: Probe, answer: Answer) -> str:
    told = f"status {answer.status}"
    if answer.status not in probe.status:
        raise BadAnswerError(f"{told}, expected {_statuses(probe.status)}")
    for header in probe.headers:
        value = answer.headers.get(header.name.lower())
        if value is None:
            raise BadAnswerError(f"{told}, but there is no header {header.name}")
        if not found(header.expression, value):
            text = f"{told}, but {header.name} does not match {header.expression}: {excerpt(value.encode())}"
            raise BadAnswerError(text)
    body = answer.body
    if probe.body is not None and not found(probe.body, body.decode("utf-8", "replace"), multiline=True):
        raise BadAnswerError(f"{told}, but the body does not match {probe.body}: {excerpt(body)}")
    if probe.json:
        from standfast.probes.json_value import judge_json

        judge_json(probe.json, body, told)
    return told


def _statuses(expected: frozenset[int]) -> str:
    numbers = sorted(expected)
    return ", ".join(map(str, numbers)) if len(numbers) < 6 else f"{numbers[0]} … {numbers[-1]}"
