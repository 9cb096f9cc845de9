"""What would happen, as people read it, within 80 columns."""

from collections.abc import Sequence
from typing import IO, Final

from rich.table import Table
from rich.text import Text

from standfast.ctl.plain import plain_console
from standfast.status_report import Report

_BAD: Final = {"supposed", "quorum-lost", "lost", "disabled", "not-in-force", "waits", "cut-off"}
_GOOD: Final = {"start", "restart", "configuration"}


def show(made: Report, file: IO[str] | None = None, width: int | None = None) -> None:
    """The steps, then a line for each group that would change, on stdout (or `file`)."""
    console = plain_console(file, width)
    console.print(_steps(made["steps"]))
    console.print()
    lines = [line for group in made["groups"] if (line := outcome(group))]
    for line in lines or ["No group would change."]:
        console.print(Text(line, style="bold"))
    for effect in made.get("effects", ()):
        if line := interruption(effect):
            console.print(Text(line))


def interruption(effect: Report) -> str:
    """For how long the group would not be served, "" = nothing is done with it."""
    kind, ms, known = effect["kind"], effect["interruption_ms"], effect["measured"]
    if kind in ("untouched", "stop"):
        return ""
    if kind == "start":
        return f"{effect['group']} is not served now: {known}" if known else ""
    if ms is None:
        return f"{effect['group']} would not be served for a while; {known}"
    for_how_long = f"{ms} ms" if ms < 1000 else f"{ms / 1000:.1f} s"
    return f"{effect['group']} would not be served for {for_how_long}" + (f": {known}" if known else "")


def outcome(group: Report) -> str:
    """What would become of the group, "" = nothing else than it is."""
    name, before, after = group["name"], group["before"], group["after"]
    if before == after and not group["touched"]:
        return ""
    if after is None:
        return f"{name} would be no group any more"
    if after["phase"] == "started":
        again = ", as now" if before == after else ""
        return f"{name} would run on {after['owner']}{again}"
    why = f": {group['waits_for'][0]['text']}" if group["waits_for"] else ""
    where = f" on {after['owner']}" if after["owner"] else ""
    return f"{name} would be {after['phase']}{where}{why}"


def _steps(steps: Sequence[Report]) -> Table:
    table = Table(box=None, show_edge=False, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("After", justify="right", no_wrap=True)
    table.add_column("What", overflow="fold", ratio=2)
    table.add_column("Where", overflow="fold")
    table.add_column("Why", overflow="fold", ratio=3)
    settings = any(reason["setting"] for step in steps for reason in step["reasons"])
    if settings:
        table.add_column("Setting", style="dim", overflow="fold", ratio=2)
    for step in steps:
        cells = [f"{step['at_ms'] / 1000:.1f} s", _what(step), step["node"], _why(step["reasons"])]
        table.add_row(*cells, *([_settings(step["reasons"])] if settings else []))
    return table


def _what(step: Report) -> Text:
    style = "yellow" if step["kind"] in _BAD else "green" if step["kind"] in _GOOD else ""
    return Text(step["text"], style=style)


def _why(reasons: Sequence[Report]) -> Text:
    return Text("; ".join(reason["text"] for reason in reasons))


def _settings(reasons: Sequence[Report]) -> Text:
    return Text("\n".join(dict.fromkeys(reason["setting"] for reason in reasons if reason["setting"])))
