"""What the values mean that only probes have. A wrong one raises ValueError with what to write."""

import contextlib
import ipaddress
import json
import re
from typing import Any, Final

from standfast.configuration.expressions import check_expression
from standfast.configuration.model import Comparison, Endpoint, HeaderTest, JsonTest
from standfast.configuration.values import Kind, parse_choice, parse_expression, parse_host, parse_integer

_HEADER_NAME: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_ESCAPES: Final = {rb"\r": b"\r", rb"\n": b"\n", rb"\t": b"\t", rb"\0": b"\0", rb"\\": b"\\"}
_RECORDS: Final = ("A", "AAAA", "CNAME", "MX", "NS", "PTR", "SOA", "SRV", "TXT")
_RECORD_NAME: Final = re.compile(r"(?=.{1,253}\Z)[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*\.?")
_STEPS: Final = re.compile(r"(?:^|\.)([^][.\s=!<>]+)|\[([0-9]{1,6})\]")


def parse_header(text: str) -> HeaderTest:
    """`Content-Type: ^text/`: a header's name and a regular expression searched in its value."""
    name, colon, expression = text.partition(":")
    if not colon or not _HEADER_NAME.fullmatch(name.strip()) or not expression.strip():
        raise ValueError(f"“{text}” is no header; write NAME: REGULAR EXPRESSION")
    return HeaderTest(name=name.strip(), expression=parse_expression(expression.strip()))


def parse_json_test(text: str) -> JsonTest:
    """`status.db[0].state == "up"`: where the value is, a comparison, and a value as JSON writes it."""
    found = re.fullmatch(r"([^=!<>]+?)\s*(==|!=|<=|>=|<|>)\s*(.+)", text)
    if not found:
        raise ValueError(f'“{text}” is no comparison; write for example status.db[0].state == "up"')
    path, comparison, written = found.groups()
    value = _parse_value(comparison, written)
    return JsonTest(path=_parse_path(path), comparison=comparison, value=value, text=text)


def parse_comparison(text: str) -> Comparison:
    """`<= 5`: a comparison, and a value as JSON writes it."""
    found = re.fullmatch(r"(==|!=|<=|>=|<|>)\s*(.+)", text)
    if not found:
        raise ValueError(f'“{text}” is no comparison; write for example <= 5 or == "up"')
    comparison, written = found.groups()
    return Comparison(comparison=comparison, value=_parse_value(comparison, written), text=text)


def _parse_value(comparison: str, written: str) -> str | int | float | bool | None:
    try:
        value: str | int | float | bool | None = json.loads(written)
    except ValueError:
        raise ValueError(f'{written} is no value of JSON; write for example 3, true, null or "up"') from None
    if isinstance(value, list | dict):
        raise ValueError(f'{written} is no single value; write for example 3 or "up"')  # noqa: TRY004 - of the text
    if comparison in ("<", "<=", ">", ">=") and (value is None or isinstance(value, bool)):
        raise ValueError(f"{written} has no order; write == or !=")
    return value


def _parse_path(text: str) -> tuple[str | int, ...]:
    steps: list[Any] = []
    position = 0
    while step := _STEPS.match(text, position):
        steps.append(step[1] if step[1] is not None else int(step[2]))
        position = step.end()
    if not steps or position != len(text):
        raise ValueError(f"“{text}” is no path; write names with dots between them and [NUMBER], such as db[0].state")
    return tuple(steps)


def parse_socket(text: str) -> str:
    """A Unix socket's path."""
    if not re.fullmatch(r"/[^\0]*[^/\0]", text) or len(text.encode()) > 107:  # unix(7)
        raise ValueError(f"“{text}” is no path of a socket; write for example /run/app.sock, at most 107 bytes")
    return text


def parse_path(text: str) -> str:
    """An absolute path."""
    if not re.fullmatch(r"/[^\0]*", text) or ".." in text.split("/") or len(text.encode()) > 4_095:
        raise ValueError(f"“{text}” is no absolute path; write for example /srv/data/alive")
    return text


def parse_question(text: str) -> tuple[str, str]:
    """`www.example.org AAAA`: a name, or an address for PTR, and the type of its record, which is A without one."""
    name, _, kind = text.partition(" ")
    kind = kind.strip().upper() or "A"
    if kind not in _RECORDS:
        raise ValueError(f"{kind} is no type of record that can be asked for; write one of {', '.join(_RECORDS)}")
    if kind == "PTR":
        with contextlib.suppress(ValueError):
            return ipaddress.ip_address(name).reverse_pointer, kind
    if not _RECORD_NAME.fullmatch(name) and name != ".":
        raise ValueError(f"“{name}” is no name that can be looked up; write for example www.example.org")
    return name, kind


def parse_credential(text: str) -> str:
    """A credential's name (systemd.exec(5))."""
    if not re.fullmatch(r"[A-Za-z0-9_.-]{1,255}", text) or text.startswith("."):
        raise ValueError(f"“{text}” is no credential's name; write letters, digits, “-”, “_” and “.”")
    return text


def parse_mailbox(text: str) -> str:
    """NAME@HOST."""
    if not re.fullmatch(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+@[A-Za-z0-9.-]+", text):
        raise ValueError(f"“{text}” is no mail address; write NAME@HOST")
    return text


def parse_size(text: str) -> int:
    """Bytes, with K, M or G for the powers of 1024."""
    found = re.fullmatch(r"([1-9][0-9]{0,11})([KMG]?)", text)
    if not found:
        raise ValueError(f"“{text}” is no size; write for example 64M")
    return int(found[1]) << 10 * " KMG".index(found[2] or " ")


def parse_endpoint(text: str) -> Endpoint:
    """HOST:PORT, with an IPv6 address in brackets."""
    host, colon, port = text.rpartition(":")
    bare = host.removeprefix("[").removesuffix("]")
    if not colon or not host or (":" in bare and not (host.startswith("[") and host.endswith("]"))):
        raise ValueError(f"“{text}” is no place; write HOST:PORT, such as 127.0.0.1:5432 or [::1]:5432")
    return Endpoint(host=parse_host(bare), port=parse_integer(port, 1, 65_535))


def parse_bytes(text: str) -> bytes:
    """A text as UTF-8 with the escapes \\r \\n \\t \\0 \\\\ and \\xHH for any byte."""

    def one(found: re.Match[bytes]) -> bytes:
        if found[1]:
            return bytes((int(found[1], 16),))
        if found[0] not in _ESCAPES:
            raise ValueError(f"“{found[0].decode()}” is no escape; write \\r \\n \\t \\0 \\\\ or \\xHH")
        return _ESCAPES[found[0]]

    return re.sub(rb"\\(?:x([0-9a-fA-F]{2})|[\x00-\x7f]?)", one, text.encode())


def parse_bytes_expression(text: str) -> str:
    """A regular expression over bytes as Python's re module takes it."""
    return check_expression(text, over_bytes=True)


FROM: Final = Kind(label="self or peers", parse=lambda text: parse_choice(text, ("self", "peers"), later=()) == "peers")
HEADERS: Final = Kind(label="NAME: regular expression, one line for each", parse=parse_header, combine=tuple)
JSON_TESTS: Final = Kind(
    label='path, comparison and value, such as `db[0].state == "up"`, one line for each',
    parse=parse_json_test,
    combine=tuple,
)
SOCKET: Final = Kind(label="path of a Unix socket", parse=parse_socket)
ENDPOINT: Final = Kind(label="HOST:PORT", parse=parse_endpoint)
BYTES: Final = Kind(label="text with \\r, \\n, \\t, \\0 and \\xHH", parse=parse_bytes)
BYTES_EXPRESSION: Final = Kind(label="regular expression over bytes", parse=parse_bytes_expression)
COMPARISON: Final = Kind(label='comparison and value, such as `<= 5` or `== "up"`', parse=parse_comparison)
PATH: Final = Kind(label="absolute path", parse=parse_path)
QUESTION: Final = Kind(label="name and type of record", parse=parse_question)
CREDENTIAL: Final = Kind(label="credential's name", parse=parse_credential)
MAILBOX: Final = Kind(label="mail address", parse=parse_mailbox)
SIZE: Final = Kind(label="bytes, with K, M or G", parse=parse_size)
FROM_PEERS: Final = Kind(label="self or peers", parse=lambda text: parse_choice(text, ("self", "peers"), ()) == "peers")
