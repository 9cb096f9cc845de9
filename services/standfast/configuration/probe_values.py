"""What the values mean that only probes have. A wrong one raises ValueError with what to write."""

import json
import re
from typing import Any, Final

from standfast.configuration.model import HeaderTest, JsonTest
from standfast.configuration.values import Kind, parse_expression

_HEADER_NAME: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
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
    try:
        value = json.loads(written)
    except ValueError:
        raise ValueError(f'{written} is no value of JSON; write for example 3, true, null or "up"') from None
    if isinstance(value, list | dict):
        raise ValueError(f'{written} is no single value; write for example 3 or "up"')  # noqa: TRY004 - of the text
    if comparison in ("<", "<=", ">", ">=") and (value is None or isinstance(value, bool)):
        raise ValueError(f"{written} has no order; write == or !=")
    return JsonTest(path=_parse_path(path), comparison=comparison, value=value, text=text)


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


HEADERS: Final = Kind(label="NAME: regular expression, one line for each", parse=parse_header, combine=tuple)
JSON_TESTS: Final = Kind(
    label='path, comparison and value, such as `db[0].state == "up"`, one line for each',
    parse=parse_json_test,
    combine=tuple,
)
SOCKET: Final = Kind(label="path of a Unix socket", parse=parse_socket)
