"""Votes, arbiter, health and watchdog as people read them, within 80 columns."""

from collections.abc import Iterable, Sequence
from typing import IO, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from standfast.attention import going_without
from standfast.ctl.plain import plain_console
from standfast.status_report import Report

_QUORATE: Final = {True: ("quorate", "green"), False: ("not quorate", "bold red"), None: ("quorum unknown", "yellow")}
_ARBITER: Final = {
    "votes": ("votes for this view", "green"),
    "silent": ("gives no vote to this view: corosync-qdevice-tool -s says why", "bold yellow"),
    "away": ("is not asked: corosync-qdevice.service does not run here", "bold red"),
}


def show(report: Report, file: IO[str] | None = None, width: int | None = None) -> None:
    """The whole report on stdout (or `file`); colours only on a terminal."""
    console = plain_console(file, width)
    console.print(_headline(report))
    if report["flags"]:
        console.print(f"Votequorum's flags: {', '.join(report['flags'])}")
    if report["without"]:
        console.print(Text(going_without(report), style="bold yellow"))
    if report["arbiter"]:
        words = _ARBITER.get(report["arbiter"]["state"], (report["arbiter"]["state"], ""))
        console.print(Text.assemble(f"The arbiter {report['arbiter']['host']} ", words))
    console.print()
    console.print(_nodes(report["nodes"]))
    if report["health"]:
        console.print()
        _show_health(console, report["health"], report["node"] or "This node")
    if report["watchdog"]:
        console.print()
        console.print(_watchdog(report["watchdog"]))


def _headline(report: Report) -> Text:
    line = Text.assemble((report["cluster"] or "no configuration", "bold"), ", ", _QUORATE[report["quorate"]])
    if report["votes"] is not None:
        line.append(f", {report['votes']} of {report['expected_votes']} votes, {report['needed_votes']} needed")
    line.append(f", view {report['view']}" if report["view"] else ", no view")
    return line.append(f", seen from {report['node'] or 'here'}")


def _table(*header: str) -> Table:
    table = Table(box=None, show_edge=False, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for title in header:
        table.add_column(title, overflow="fold", justify="right" if title in ("Votes", "Score", "Time") else "left")
    return table


def _nodes(nodes: Iterable[Report]) -> Table:
    table = _table("Node", "Votes", "In this view", "State")
    for node in nodes:
        here = Text("yes", style="green") if node["present"] else Text("no", style="bold red")
        table.add_row(node["name"], str(node["votes"]), here, node["state"] or "unknown")
    return table


def _show_health(console: Console, health: Report, node: str) -> None:
    word = ("healthy", "green") if health["healthy"] else ("not healthy", "bold red")
    rest = f": score {health['score']}, {health['minimum']} needed"
    console.print(Text.assemble(f"{node} is ", word, rest))
    table = _table("Heuristic", "Score", "Seen last")
    for one in health["heuristics"]:
        table.add_row(one["name"], Text(str(one["score"]), style="" if one["score"] else "bold red"), one["seen"])
    console.print(table)


def _watchdog(rows: Sequence[Report]) -> Table:
    table = _table("Proof by watchdog", "Time", "Why")
    for row in rows:
        table.add_row(row["name"], f"{row['ms'] / 1000:.3f} s", row["why"])
    return table
