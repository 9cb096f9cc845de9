"""What a version would do, as people read it, within 80 columns."""

from collections.abc import Sequence
from typing import IO, Final

from rich.table import Table
from rich.text import Text

from standfast.ctl.plain import plain_console
from standfast.status_report import Report

_STYLES: Final = {
    "start": "green",
    "stop": "bold red",
    "move": "yellow",
    "restart": "yellow",
    "restart-part": "yellow",
    "refused": "bold red",
    "corosync": "bold yellow",
}


def show(rows: Sequence[Report], file: IO[str] | None = None, width: int | None = None) -> None:
    """A table of the groups that are touched, then the others by name and why, then every other change, on
    stdout."""
    console = plain_console(file, width)
    groups = [row for row in rows if row["about"] == "group"]
    touched = [row for row in groups if row["kind"] != "untouched"]
    others = [row for row in groups if row["kind"] == "untouched"]
    if touched:
        console.print(_table(touched))
        console.print()
    names = ", ".join(row["subject"] for row in others)
    console.print(Text(f"Untouched: {names}" if touched and others else "" if touched else "No group is touched."))
    for row in others:
        if row["reason"]:
            console.print(Text(f"{row['subject']}: ").append(_why(row)))
    for row in rows:
        if row["about"] != "group":
            console.print(_line(row))


def _table(rows: Sequence[Report]) -> Table:
    table = Table(box=None, show_edge=False, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("Group", overflow="fold")
    table.add_column("What", no_wrap=True)
    table.add_column("Where", overflow="fold")
    table.add_column("Not served", no_wrap=True)
    table.add_column("Why", overflow="fold", ratio=1)
    for row in rows:
        what = Text(row["kind"], style=_STYLES.get(row["kind"], ""))
        table.add_row(row["subject"], what, _where(row), _interruption(row), _why(row))
    return table


def _where(row: Report) -> str:
    if row["kind"] == "move":
        return f"{row['source']} to {row['target']}"
    return str(row["target"] or row["source"])


def _interruption(row: Report) -> str:
    """How long, as far as it is known."""
    ms = row["interruption_ms"]
    if row["kind"] in ("start", "stop"):
        return "" if row["kind"] == "start" else "from then on"
    if ms is None:
        return "unknown"
    return f"{ms} ms" if ms < 1000 else f"{ms / 1000:.1f} s"


def _why(row: Report) -> Text:
    setting = f" ({row['setting']})" if row["setting"] else ""
    lines = [row["reason"] + setting]
    if row["kind"] == "restart-part":
        lines.append(", ".join(row["resources"]))
    return Text("\n".join(lines)).append(f"\n{row['measured']}" if row["measured"] else "", style="dim")


def _line(row: Report) -> Text:
    setting = f" ({row['setting']})" if row["setting"] else ""
    return Text(
        row["reason"] + setting, style={"refused": "bold red", "corosync": "bold yellow"}.get(row["kind"], "bold")
    )
