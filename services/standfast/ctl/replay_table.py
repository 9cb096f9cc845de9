"""A replayed incident as people read it: what happened and what was decided, then whether it is the same again."""

from collections.abc import Iterator
from typing import IO, Final

from rich.table import Table
from rich.text import Text

from standfast.ctl.plain import plain_console, plain_table
from standfast.status_report import Report

_STYLES: Final = {"term": "dim", "update": "", "decided": "bold", "differs": "bold red", "failed": "bold red"}
_MARKS: Final = {"decided": "decided", "differs": "DIFFERS", "failed": "FAILED"}
_MOST_STEPS: Final = 300
_AFTER: Final = 10  # steps after the first that differs
_LONGEST: Final = 400  # characters of one
_MOST: Final = 20  # sentences of each side of a difference


def show(made: Report, file: IO[str] | None = None, width: int | None = None) -> None:
    """One node after the other, on stdout (or `file`), within 80 columns."""
    console = plain_console(file, width)
    for node in made["nodes"]:
        if len(made["nodes"]) > 1:
            console.print(Text(f"As {node['node'] or 'a node'} recorded it", style="bold"))
        steps = _shown(node["steps"])
        if steps:
            if steps[0] is not node["steps"][0]:
                console.print(f"{len(node['steps'])} steps in all; --json has them.", style="dim")
            console.print(_table(steps))
            console.print()
        for line, style in _lines(node):
            console.print(Text(line, style=style))
        console.print()


def _shown(steps: list[Report]) -> list[Report]:
    """The last ones, or those up to a little after the first that differs."""
    first = next((number for number, step in enumerate(steps) if step["kind"] == "differs"), len(steps))
    end = first + _AFTER
    return steps[max(0, min(end, len(steps)) - _MOST_STEPS) : end]


def _table(steps: list[Report]) -> Table:
    table = plain_table("Time (UTC)", "Place", "", "What")
    for step in steps:
        cells = (_time(step["at"]), step["place"], _MARKS.get(step["kind"], ""), step["text"][:_LONGEST])
        table.add_row(*(Text(cell, style=_STYLES.get(step["kind"], "")) for cell in cells))
    return table


def _lines(node: Report) -> Iterator[tuple[str, str]]:
    yield counted(node), ""
    if node["gaps"]:
        yield (
            f"In {node['gaps']} places something of the recording is missing; what follows was not compared.",
            "yellow",
        )
    for digest, count in node["unknown"].items():
        why = node["problems"].get(digest, "its files are not here")
        yield f"{count} plans could not be made again without version {digest[:12]}: {why}", "yellow"
    if node["differences"]:
        yield from _difference(node["differences"])
    elif node["result"] == "same":
        yield "The same decisions.", "bold green"
    elif node["result"] == "incomplete":
        yield "What could be compared is the same, but not everything could be.", "bold yellow"
    else:
        who = ", ".join(node["coordinators"]) or "nobody"
        yield f"This node decided nothing in this time: {who} did. Replay a report of that node.", "bold yellow"


def counted(node: Report) -> str:
    """How much was gone through."""
    return (
        f"{node['updates']} updates applied, {node['digests']} digests compared, {node['plans']} plans made again with "
        f"{node['decisions']} decisions."
    )


def _difference(differences: list[Report]) -> Iterator[tuple[str, str]]:
    first = differences[0]
    more = f" (the first of {len(differences)} differences)" if len(differences) > 1 else ""
    yield f"Not the same: {first['what']} at {first['place']}, {first['at']}{more}.", "bold red"
    for title, side in (("recorded", first["recorded"]), ("now", first["replayed"])):
        for text in side[:_MOST] or ("nothing",):
            yield f"  {title}: {text}", ""
        if len(side) > _MOST:
            yield f"  {title}: … and {len(side) - _MOST} more", ""


def _time(at: str) -> str:
    """The time of the day: the whole is in the JSON."""
    return at[11:23] if len(at) >= 23 else at
