"""What the flight recorder keeps, line by line: enough to decide again what this node's coordinator decided.

A line is one of these as JSON. The record is written whole where a file begins and where it came from elsewhere; from
there on every update follows, so what the record was at any moment is worked out again. A plan is kept with all that it
was made of beside the record and the files of the configuration, which are named by their digests.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from standfast.resourced.codec import MessageError, decode, encode
from standfast.resourced.messages import Content, Update
from standfast.resourced.record import Record

FORMAT: Final = 1
LONGEST_LINE: Final = 64 << 20  # as much as a record that comes in pieces may have


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """A process began to record, or a file begins."""

    format: int
    node: str
    incarnation: str
    at: str  # as all of these: the wall clock, RFC 3339 UTC, for people only


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """The record of the term that is opened next, where it does not follow from what was written before."""

    record: Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A term is open on this node."""

    term: int
    nonce: str
    coordinator: str
    members: tuple[str, ...]
    position: int  # more than 0: it was open before the file began
    digest: str  # of the durable part of the record that it has
    at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """No term is open any more."""

    at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """An update of the term that is open; `now` is CLOCK_BOOTTIME of this node in ms."""

    now: int
    update: Update


@dataclass(frozen=True, slots=True, kw_only=True)
class Rested:
    """No update came for a while."""

    digest: str  # of the durable part of the record


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A plan on the record as it was then: the fields of `Situation`, versions by digest, and what came of it."""

    at: str
    configuration: str
    me: str
    now: int
    ring_nodes: tuple[str, ...]
    cold: bool
    orders_allowed: bool
    resting: tuple[str, ...]
    follows: bool  # its waits are those that the plan before this one left
    waits: Mapping[str, int]  # else
    quorate_since: int
    linked: tuple[str, ...]
    race_ms: int
    offered: str  # "" = none
    contents: tuple[Content, ...]
    overdue: tuple[str, ...]
    wanted: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """The core could not take an event, so the process ended."""

    at: str
    error: str
    event: str


Line = Begun | Whole | Opened | Ended | Applied | Rested | Planned | Failed


def line(value: Line) -> bytes:
    """The value as one line of a recording."""
    return encode(value) + b"\n"


def applied(now: int, update: bytes) -> bytes:
    """The line of `Applied` with an update as it came, which is not written again."""
    return b'{"is":"Applied","now":%d,"update":%b}\n' % (now, update)


def read_line(data: bytes) -> Line:
    """Raises MessageError for what is no line of a recording, or one of a later release."""
    found: Line = decode(Line, data, most=LONGEST_LINE)
    if isinstance(found, Begun) and found.format > FORMAT:
        raise MessageError("a later release wrote it")
    return found
