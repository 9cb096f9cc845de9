"""What happens, in the lines that RHCS wrote to syslog: people grep for them. `rgmanager.service` runs it."""

import re
import socket
import syslog
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from standfast.incidents.entry import Entry, entry_of
from standfast.incidents.reading import reader
from standfast_rhcs.cluster import PREFIX

MANAGER: Final = "clurgmgrd"
FENCED: Final = "fenced"
_UNIT: Final = re.compile(r"[\w@:.\\-]+\.(?:service|socket|mount|target|path|timer|swap|slice|scope)\b")
_LEVELS: Final = {"err": syslog.LOG_ERR, "warning": syslog.LOG_WARNING, "notice": syslog.LOG_NOTICE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line as syslog gets it."""

    text: str
    level: str = "notice"
    program: str = MANAGER

    def __str__(self) -> str:
        return self.text if self.program == FENCED else f"<{self.level}> {self.text}"


@dataclass(slots=True)
class Translator:
    """Entries of Standfast in, lines of RHCS out: those that it wrote on this node. Pure."""

    here: str  # this node's name
    failed: set[str] = field(default_factory=set)  # groups that are being recovered here

    def lines(self, entry: Entry) -> Iterator[Line]:
        service = f"{PREFIX}{entry.group}"
        here = entry.node == self.here
        match entry.event, entry.decision:
            case "node-lost" | "node-left", _ if not here:
                yield Line(text=f"State change: {entry.node} DOWN")
            case "node-back", _ if not here:
                yield Line(text=f"State change: {entry.node} UP")
            case "group-failed", _ if here:
                yield from self._failed(entry)
            case "order", "stop" | "restart" if here:
                yield from self._stopping(entry, service)
            case "order", "start" if here:
                yield Line(text=f"Starting stopped service {service}")
            case "group-started", _ if here:
                self.failed.discard(entry.group)
                yield Line(text=f"Service {service} started")
            case "group-stopped", _ if entry.group not in self.failed:
                yield Line(text=f"Service {service} is stopped")
            case "group-blocked" | "group-disabled", _:
                yield Line(text=f"#12: RG {service} failed; intervention required: {entry.text}", level="err")
            case "fence-begun", _:
                yield Line(text=f"fencing node {entry.node}", program=FENCED)
            case "fence-proven" | "fence-failed", _:
                result = "success" if entry.event == "fence-proven" else "failed"
                yield Line(text=f"fence {entry.node} {result}", program=FENCED)

    def _failed(self, entry: Entry) -> Iterator[Line]:
        self.failed.add(entry.group)
        found = _UNIT.search(entry.cause)
        unit = found.group() if found else f"{entry.group}.target"
        yield Line(text=f"unit:{unit}: status of {unit} failed ({entry.cause})", level="err")
        yield Line(text=f'status on unit "{unit}" returned 1 (generic error)')

    def _stopping(self, entry: Entry, service: str) -> Iterator[Line]:
        yield Line(text=f"Stopping service {service}")
        if entry.group in self.failed:
            yield Line(text=f"Service {service} is recovering")


def main(_: Sequence[str]) -> int:
    """Follows the journal from now on; it never ends."""
    translator = Translator(here=socket.gethostname())
    with reader() as ours:
        ours.seek_tail()
        ours.get_previous()
        while True:
            ours.wait()
            while fields := ours.get_next():
                if "STANDFAST_EVENT" in fields:
                    translator.here = str(fields.get("STANDFAST_NODE") or translator.here)
                    _write(translator.lines(entry_of(fields)))


def _write(lines: Iterator[Line]) -> None:
    for line in lines:
        syslog.openlog(line.program, syslog.LOG_PID, syslog.LOG_DAEMON)
        syslog.syslog(_LEVELS[line.level], str(line))
