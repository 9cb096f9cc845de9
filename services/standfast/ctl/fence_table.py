"""Plugs and ended attempts as people read them, within 80 columns."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import IO, Final

from rich.text import Text

from standfast.ctl.plain import local_time, plain_console, plain_table
from standfast.ctl.table import ago
from standfast.status_report import Report

_GOOD: Final = {"proven", "done"}


def show_plugs(
    plugs: Iterable[Report], now: datetime | None = None, file: IO[str] | None = None, width: int | None = None
) -> None:
    """What each plug said, on stdout (or `file`)."""
    table = plain_table("Node", "Fence device", "Says", "Answered")
    table.add_column("What", overflow="fold", ratio=1)
    for plug in plugs:
        says = Text(plug["says"], style="green" if plug["ok"] else "bold red")
        what = plug["text"] if plug["text"] != plug["says"] else ""
        answered = ago(plug["last_answer"], now or datetime.now(UTC))
        table.add_row(plug["node"] or "", plug["device"], says, answered, Text(what))
    plain_console(file, width).print(table)


def show_history(entries: Iterable[Report], file: IO[str] | None = None, width: int | None = None) -> None:
    """One line for each attempt, in this machine's time zone, on stdout (or `file`)."""
    table = plain_table("Time", "Node", "Loss", "Device", "Action", "Result", "Took")
    for entry in entries:
        result = Text(entry["result"], style="green" if entry["result"] in _GOOD else "bold red")
        took = f"{entry['duration_ms'] / 1000:.1f} s"
        row = (local_time(entry["time"]), entry["node"], entry["loss"], entry["device"] or "", entry["action"])
        table.add_row(*row, result, took)
    plain_console(file, width).print(table)
