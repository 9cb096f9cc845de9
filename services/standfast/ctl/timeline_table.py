"""Incidents as people read them, within 80 columns."""

from collections.abc import Iterable
from typing import IO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from standfast.ctl.incidents import Incident


def show(incidents: Iterable[Incident], file: IO[str] | None = None, width: int | None = None) -> None:
    """One table for each incident on stdout (or `file`), in this machine's time zone."""
    console = Console(file=file, width=width, highlight=False, emoji=False, markup=False)
    for index, incident in enumerate(incidents):
        if index:
            console.print()
        console.print(_title(incident))
        console.print(_table(incident))


def _title(incident: Incident) -> Text:
    first, last = incident.entries[0], incident.entries[-1]
    title = Text(f"{first.at.astimezone():%Y-%m-%d}, {incident.since_start_ms(last)} ms", style="bold")
    if incident.slowest is not None:
        milliseconds, entry = incident.slowest
        title.append(f"; slowest step: {milliseconds} ms until {entry.event}")
    return title


def _table(incident: Incident) -> Table:
    table = Table(box=None, show_edge=False, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("Time", no_wrap=True)
    table.add_column("+ms", justify="right", no_wrap=True)
    table.add_column("Node", no_wrap=True)
    table.add_column("Event", overflow="fold")
    table.add_column("What", overflow="fold", ratio=1)
    for entry in incident.entries:
        time = f"{entry.at.astimezone():%H:%M:%S.%f}"[:-3]
        table.add_row(time, str(incident.since_start_ms(entry)), entry.node, entry.event, Text(entry.text))
    return table
