"""What became of a cluster.conf, as people read it, within 80 columns."""

import shlex
from collections.abc import Iterable, Iterator
from typing import IO, Final

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from standfast.ctl.import_folder import Outcome
from standfast.ctl.plain import plain_console
from standfast.rhcs.report import Became, Kind

_INDENT: Final = (0, 0, 0, 2)
_HEADINGS: Final = {
    Kind.TO_DO: ("To do before it is used", "bold yellow"),
    Kind.LEFT_OUT: ("Left out", "bold red"),
    Kind.DIFFERS: ("Not quite the same", "bold"),
}


def show(outcome: Outcome, file: IO[str] | None = None, width: int | None = None) -> None:
    """The whole report on stdout (or `file`); colours only on a terminal."""
    console = plain_console(file, width)
    console.print(_became(outcome.made.became))
    for kind, (heading, style) in _HEADINGS.items():
        _list(console, heading, style, (str(one) for one in outcome.made.findings if one.kind is kind))
    _list(console, "Wrong", "bold red", map(str, outcome.problems))
    _list(console, "Missing on this machine", "bold yellow", map(str, outcome.here))
    _list(console, "To install on every node", "bold", filter(None, (" ".join(outcome.made.packages),)))
    console.print()
    for line in _next(outcome):
        console.print(Text(line))


def _next(outcome: Outcome) -> Iterator[str]:
    """What to type then; a command is on a line of its own."""
    into = shlex.quote(str(outcome.into))
    yield f"{len(outcome.names)} files in {outcome.into}: correct them there. What this machine has against them then:"
    yield f"  standfast config check {into}"
    if outcome.in_cluster:
        yield (
            "This machine is in a cluster: copy to /etc/standfast what that one is to have of them, such as units and "
            "[Domain] sections, not corosync.key; then:"
        )
        yield "  standfast config push"
        return
    yield "To begin a cluster with them, on one of its nodes; the others are reached over ssh:"
    yield f"  cp -r {into}/. /etc/standfast/ && standfast init"


def _became(became: Iterable[Became]) -> Table:
    table = Table(box=None, show_edge=False, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("Line", justify="right", no_wrap=True)
    table.add_column("What stood there", overflow="fold", ratio=2)
    table.add_column("What it is now", overflow="fold", ratio=3)
    for one in became:
        table.add_row(str(one.source.line), Text(one.what), Text(one.now))
    return table


def _list(console: Console, heading: str, style: str, lines: Iterable[str]) -> None:
    found = list(lines)
    if not found:
        return
    console.print()
    console.print(Text(f"{heading}:", style=style))
    for line in found:
        console.print(Padding(Text(line), _INDENT))
