"""When a server had its data open, and a node a file system mounted, as their own logs on every node tell."""

import math
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from itertools import pairwise

from standfast_lab.lab import Lab, monotonic_of


class Mark(Enum):
    """What a line of a log says."""

    BEGINS = auto()
    RECOVERS = auto()  # what it found was not closed cleanly
    ENDS = auto()
    IN_USE = auto()  # somebody else has it


Patterns = Mapping[str, Mark]
MARIADB: Patterns = {
    "Starting MariaDB": Mark.BEGINS,
    "Starting crash recovery": Mark.RECOVERS,
    "Shutdown complete": Mark.ENDS,
    "Unable to lock": Mark.IN_USE,
}
POSTGRESQL: Patterns = {
    "starting PostgreSQL": Mark.BEGINS,
    "automatic recovery in progress": Mark.RECOVERS,
    "database system is shut down": Mark.ENDS,
    "lock file .* already exists": Mark.IN_USE,
}
PROCESS: Patterns = {"Main process exited|Failed with result|Deactivated successfully": Mark.ENDS}
MOUNT: Patterns = {
    "^Mounting ": Mark.BEGINS,
    "Deactivated successfully": Mark.ENDS,
    "Failed with result": Mark.IN_USE,
}
POWER: Patterns = {"power off: done|PID 1 has ended": Mark.ENDS}
_POSTGRESQL_LOG = "var/log/postgresql/postgresql-15-main.log"
_POSTGRESQL_LINE = re.compile(r"^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+) UTC (.*)")
_POWER_LINE = re.compile(r"^([\d.]+) (.*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of a log that matters; `at` is CLOCK_MONOTONIC seconds."""

    at: float
    mark: Mark
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """One instance on one node; times are CLOCK_MONOTONIC seconds."""

    node: str
    begun: float
    ended: float  # infinite while it lasts
    recovered: bool


def lives(node: str, lines: Iterable[Line]) -> list[Life]:
    """What the lines of one node's logs tell."""
    found: list[Life] = []
    begun, recovered = math.nan, False
    for line in sorted(lines, key=lambda one: one.at):
        if line.mark is Mark.RECOVERS:
            recovered = True
        elif line.mark in (Mark.BEGINS, Mark.ENDS):
            if not math.isnan(begun):
                found.append(Life(node=node, begun=begun, ended=line.at, recovered=recovered))
            begun, recovered = (line.at if line.mark is Mark.BEGINS else math.nan), False
    if not math.isnan(begun):
        found.append(Life(node=node, begun=begun, ended=math.inf, recovered=recovered))
    return found


def wrong(by_node: Mapping[str, Iterable[Line]]) -> list[str]:
    """Two instances at once, and whatever says that somebody else has it, as sentences."""
    found = [f"{node}: {line.text}" for node, lines in by_node.items() for line in lines if line.mark is Mark.IN_USE]
    for one, other in pairwise(of_all(by_node)):
        if other.begun < one.ended:
            found.append(f"one began on {other.node} {one.ended - other.begun:.3f} s before it ended on {one.node}")
    return found


def of_all(by_node: Mapping[str, Iterable[Line]]) -> list[Life]:
    """All instances, by when they began."""
    every = [life for node, lines in by_node.items() for life in lives(node, lines)]
    return sorted(every, key=lambda life: life.begun)


def mariadb(lab: Lab, node: str, since: float) -> list[Line]:
    """What the node's MariaDB told since then; with its process's end, and the node's."""
    told = _journal(lab, node, since, MARIADB, "SYSLOG_IDENTIFIER=mariadbd")
    return told + _journal(lab, node, since, PROCESS, "_PID=1", "UNIT=mariadb.service") + _power(lab, node, since)


def postgresql(lab: Lab, node: str, since: float) -> list[Line]:
    """The same of PostgreSQL, whose log is a file."""
    offset = time.time() - time.monotonic()
    told = []
    for found in _lines(lab, node, _POSTGRESQL_LOG):
        at = datetime.fromisoformat(f"{found[1]}+00:00").timestamp() - offset
        told += _marked(at, found[2], POSTGRESQL)
    ended = _journal(lab, node, since, PROCESS, "_PID=1", "UNIT=postgresql@15-main.service")
    return [line for line in told if line.at >= since] + ended + _power(lab, node, since)


def mounts(lab: Lab, node: str, unit: str, since: float) -> list[Line]:
    """When the node began to mount it, and when it was gone there."""
    return _journal(lab, node, since, MOUNT, "_PID=1", f"UNIT={unit}") + _power(lab, node, since)


def _lines(lab: Lab, node: str, log: str) -> Iterator[re.Match[str]]:
    file = lab.root(node) / log
    for line in file.read_text(errors="replace").splitlines() if file.exists() else ():
        if found := _POSTGRESQL_LINE.match(line):
            yield found


def _journal(lab: Lab, node: str, since: float, patterns: Patterns, *matches: str) -> list[Line]:
    entries = lab.journal(node, *matches, since=time.time() - time.monotonic() + since - 1)
    told = [line for one in entries for line in _marked(monotonic_of(one), str(one.get("MESSAGE", "")), patterns)]
    return [line for line in told if line.at >= since]


def _power(lab: Lab, node: str, since: float) -> list[Line]:
    lines = (lab.place.find(node).folder / "supervisor.out").read_text().splitlines()
    split = [found for found in map(_POWER_LINE.match, lines) if found]
    told = [line for found in split for line in _marked(float(found[1]), found[2], POWER)]
    return [line for line in told if line.at >= since]


def _marked(at: float, text: str, patterns: Patterns) -> list[Line]:
    return [Line(at=at, mark=mark, text=text) for pattern, mark in patterns.items() if re.search(pattern, text)][:1]
