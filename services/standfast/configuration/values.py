"""What one written value means: time spans, booleans, lists. A wrong one raises ValueError with what to write."""

import difflib
import ipaddress
import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from standfast.configuration.expressions import check_expression
from standfast.configuration.model import Plug

# systemd.time(7), in milliseconds; a month is 30.44 days and a year 365.25 days there
_UNITS_MS: dict[str, Fraction] = {
    unit: Fraction(factor)
    for units, factor in (
        ("us usec µs μs", "0.001"),
        ("ms msec", "1"),
        (" s sec second seconds", "1000"),
        ("m min minute minutes", "60000"),
        ("h hr hour hours", "3600000"),
        ("d day days", "86400000"),
        ("w week weeks", "604800000"),
        ("M month months", "2630016000"),
        ("y year years", "31557600000"),
    )
    for unit in units.split(" ")
}
_SPAN_PIECE = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?![0-9.])\s*([A-Za-zµμ]*)\s*")
_BOOLEANS = {
    **dict.fromkeys(("1", "yes", "y", "true", "t", "on"), True),
    **dict.fromkeys(("0", "no", "n", "false", "f", "off"), False),
}
_LONGEST_SECONDS_MS = 3_600_000
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")
_HOST = re.compile(r"(?=.{1,253}\Z)[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*")
_PROGRAM = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*")
_INTERFACE = re.compile(r"[^\s/:%]{1,15}")
# Standfast's own, each with what to write instead: an agent must not delay, choose or be told a secret by Option=
_RESERVED_OPTIONS = {
    "action": "Standfast chooses it",
    "delay": "use Delay=, or FenceDelay= of the node",
    "passwd": "use PasswordFile=",
    "password": "use PasswordFile=",
}

Combine = Callable[[tuple[Any, ...]], Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One type of value: `parse` reads what stands on one line, `combine` makes one value of all lines."""

    label: str  # for the table of keys
    parse: Callable[[str], Any]
    combine: Combine = lambda parsed: parsed[-1]


def parse_span(text: str, minimum_ms: int = 0, maximum_ms: int | None = None) -> int:
    """Milliseconds of a time span as systemd writes it: "2.2s", "1h 30min", a bare number is seconds."""
    total = Fraction(0)
    position = 0
    while piece := _SPAN_PIECE.match(text, position):
        if piece[2] not in _UNITS_MS:
            raise ValueError(f"“{piece[2]}” is no unit of time; write ms, s, min or h")
        total += Fraction(piece[1]) * _UNITS_MS[piece[2]]
        position = piece.end()
    if position == 0 or position != len(text):
        raise ValueError(f"“{text}” is no time span; write for example 2.2s or 10min")
    if total.denominator != 1:
        raise ValueError(f"{text} is no whole number of milliseconds")
    if total < minimum_ms:
        raise ValueError(f"{text} is shorter than {show_span(minimum_ms)}, which is the least that can work")
    if maximum_ms is not None and total > maximum_ms:
        raise ValueError(f"{text} is longer than {show_span(maximum_ms)}, which is the most that makes sense")
    return int(total)


def show_span(span_ms: int) -> str:
    """The shortest way to write `span_ms` in one unit."""
    for unit, factor in (("h", 3_600_000), ("min", 60_000), ("s", 1000)):
        if span_ms and span_ms % factor == 0:
            return f"{span_ms // factor}{unit}"
    return f"{span_ms // 1000}.{span_ms % 1000 // 100}s" if span_ms % 100 == 0 else f"{span_ms}ms"


def parse_seconds(text: str) -> int:
    """A time span of whole seconds, in milliseconds."""
    if (found := parse_span(text, minimum_ms=1000, maximum_ms=_LONGEST_SECONDS_MS)) % 1000:
        raise ValueError(f"{text} is no whole number of seconds, and the kernel counts in them")
    return found


def parse_watchdog(text: str) -> str:
    """A device's path, or "auto"."""
    if text != "auto" and not re.fullmatch(r"/[^\s\0]*[^/\s\0]", text):
        raise ValueError(f"“{text}” is neither auto nor a device; write for example /dev/watchdog0")
    return text


def parse_boolean(text: str) -> bool:
    """systemd's words for true and false."""
    if text.lower() not in _BOOLEANS:
        raise ValueError(f"“{text}” is neither yes nor no")
    return _BOOLEANS[text.lower()]


def parse_integer(text: str, minimum: int, maximum: int) -> int:
    """A decimal number within the limits."""
    if not re.fullmatch(r"-?[0-9]{1,9}", text) or not minimum <= int(text) <= maximum:
        raise ValueError(f"“{text}” is no number from {minimum} to {maximum}")
    return int(text)


def parse_choice(text: str, choices: tuple[str, ...], later: tuple[str, ...]) -> str:
    """One of `choices`; what is in `later` is a word of the design that this version does not do."""
    if text in later:
        raise ValueError(f"{text} is not supported yet; write {' or '.join(choices)}")
    if text not in choices:
        close = difflib.get_close_matches(text.lower(), choices, n=1)
        hint = f"did you mean {close[0]}?" if close else f"write {' or '.join(choices)}"
        raise ValueError(f"“{text}” is not known; {hint}")
    return text


def parse_name(text: str) -> str:
    """A name of ours: it ends up in file names, in Corosync's configuration and in D-Bus paths."""
    if not _NAME.fullmatch(text):
        raise ValueError(f"“{text}” is no name; use letters, digits, “-”, “_” and “.”, at most 63 of them")
    return text


def parse_address(text: str) -> str:
    """An address of a node in its shortest form."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        raise ValueError(f"“{text}” is no IP address") from None
    if address.is_multicast or address.is_unspecified or "%" in text:
        raise ValueError(f"{text} is no address that a node can have for itself")
    return str(address)


def parse_host(text: str) -> str:
    """Another machine, by address or by name; it ends up in Corosync's configuration and on ssh's command line."""
    try:
        return parse_address(text)
    except ValueError:
        if _HOST.fullmatch(text) and not re.fullmatch(r"[0-9.]+", text):
            return text
    raise ValueError(f"“{text}” is no host; write a name or an IP address")


def parse_fence(text: str) -> tuple[Plug, ...]:
    """One level: `ipmi-node1`, or `pdu-a:7 pdu-b:7`."""
    plugs = []
    for word in text.split():
        device, colon, plug = word.partition(":")
        if not device or (colon and not plug):
            raise ValueError(f"“{word}” is neither DEVICE nor DEVICE:PLUG")
        plugs.append(Plug(device=device, plug=plug or None))
    return tuple(plugs)


def parse_option(text: str) -> tuple[str, str]:
    """NAME=VALUE for a fence agent; an error shows no value: it may be a secret in the wrong place."""
    name, equals, value = text.partition("=")
    name = name.strip()
    if not equals or not re.fullmatch(r"[A-Za-z0-9_-]+", name):
        raise ValueError("write NAME=VALUE with a name of letters, digits, “-” and “_”")
    if name in _RESERVED_OPTIONS:
        raise ValueError(f"{name} cannot be set here; {_RESERVED_OPTIONS[name]}")
    return name, value.strip()


def parse_program(text: str) -> str:
    """A program's name, never a path."""
    if not _PROGRAM.fullmatch(text):
        raise ValueError(f"“{text}” is no program's name; write a name in /usr/sbin such as fence_ipmilan, no path")
    return text


def parse_command(text: str) -> tuple[str, ...]:
    """A program's path and its arguments, quoted as for a shell, which it is not run by."""
    try:
        words = tuple(shlex.split(text))
    except ValueError as error:
        raise ValueError(f"“{text}” is no command: {str(error).lower()}") from None
    if not words or not words[0].startswith("/") or "\0" in text:
        raise ValueError(f"“{text}” is no command; begin with the program's path, such as /usr/bin/ping")
    return words


def parse_file(text: str) -> str:
    """The name of a file beside cluster.conf."""
    if "/" in text or text.startswith(".") or text in ("cluster.conf", "units", "corosync.key"):
        raise ValueError(f"“{text}” is no name of a file beside cluster.conf")
    return text


def parse_url(text: str) -> str:
    """An http or https address with a host."""
    try:
        parts = urlsplit(text)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or not text.isascii() or re.search(r"\s", text):
        raise ValueError(f"“{text}” is no URL; write for example http://127.0.0.1/healthz")
    return text


def parse_statuses(text: str) -> frozenset[int]:
    """HTTP statuses and ranges of them: `200 204 300-399`."""
    found: set[int] = set()
    for word in text.split():
        first, _, last = word.partition("-")
        low, high = parse_integer(first, 100, 599), parse_integer(last or first, 100, 599)
        if low > high:
            raise ValueError(f"{word} is empty; write {high}-{low}")
        found |= set(range(low, high + 1))
    return frozenset(found)


def parse_expression(text: str) -> str:
    """A regular expression as Python's re module takes it."""
    return check_expression(text)


def parse_interface(text: str) -> str:
    """A network interface's name as the kernel allows it."""
    if not _INTERFACE.fullmatch(text) or text in (".", ".."):
        raise ValueError(f"“{text}” is no name of a network interface")
    return text


def _flat(parsed: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(item for items in parsed for item in items)


def _words(parse: Callable[[str], str]) -> Callable[[str], tuple[str, ...]]:
    return lambda text: tuple(parse(word) for word in text.split())


def span(minimum: str = "0", maximum: str | None = None) -> Kind:
    """A time span within the limits, in milliseconds."""
    limits = "time span" if parse_span(minimum) == 0 else f"time span, at least {minimum}"
    maximum_ms = None if maximum is None else parse_span(maximum)
    return Kind(label=limits, parse=partial(parse_span, minimum_ms=parse_span(minimum), maximum_ms=maximum_ms))


def integer(minimum: int, maximum: int) -> Kind:
    """A number within the limits."""
    label = f"number, {minimum} to {maximum}"
    return Kind(label=label, parse=partial(parse_integer, minimum=minimum, maximum=maximum))


def one_of(*choices: str, later: tuple[str, ...] = ()) -> Kind:
    """One of a closed set of words."""
    return Kind(label=" or ".join(choices), parse=partial(parse_choice, choices=choices, later=later))


def member_of(choices: type[StrEnum], later: tuple[str, ...] = ()) -> Kind:
    """One of an enum's members, by its value."""
    words = tuple(word for word in choices if word not in later)
    return Kind(label=" or ".join(words), parse=lambda text: choices(parse_choice(text, words, later)))


BOOLEAN = Kind(label="yes or no", parse=parse_boolean)
TWO_NODE = Kind(label="yes or no; without it yes for two nodes that have no other tie breaker", parse=parse_boolean)
NAME = Kind(label="name", parse=parse_name)
NAMES = Kind(label="list of names", parse=_words(parse_name), combine=_flat)
UNITS = Kind(label="list of units", parse=_words(str), combine=_flat)
ADDRESS = Kind(label="IP address", parse=parse_address)
ADDRESSES = Kind(label="IP address, one line for each link", parse=parse_address, combine=tuple)
HOST = Kind(label="host name or IP address", parse=parse_host)
FENCE = Kind(label="DEVICE or DEVICE:PLUG, one line for each level", parse=parse_fence, combine=tuple)
OPTIONS = Kind(label="NAME=VALUE, one line for each", parse=parse_option, combine=dict)
PROGRAM = Kind(label="program's name", parse=parse_program)
COMMAND = Kind(label="program's path and arguments", parse=parse_command)
MINIMUM = Kind(
    label="number, 1 to 10000; it is the node's, so it is written in one of them; without it half of all scores",
    parse=partial(parse_integer, minimum=1, maximum=10_000),
)
FILE = Kind(label="file's name", parse=parse_file)
URL = Kind(label="URL", parse=parse_url)
STATUSES = Kind(
    label="list of numbers or ranges, 100 to 599",
    parse=parse_statuses,
    combine=lambda parsed: frozenset[int]().union(*parsed),
)
EXPRESSION = Kind(label="regular expression", parse=parse_expression)
SECONDS = Kind(label="time span, whole seconds", parse=parse_seconds)
WATCHDOG = Kind(label="device, or auto", parse=parse_watchdog)
INTERFACE = Kind(label="network interface", parse=parse_interface)
TEXT = Kind(label="text", parse=str)
