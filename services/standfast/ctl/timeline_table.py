"""Incidents as people read them, within 80 columns."""

from collections.abc import Iterable
from datetime import datetime
from typing import IO

from rich.table import Table
from rich.text import Text

from standfast.ctl.plain import plain_console
from standfast.incidents import Incident, Step, StepName, slowest, steps


def show(incidents: Iterable[Incident], group: str = "", file: IO[str] | None = None, width: int | None = None) -> None:
    """For each incident its steps and its entries on stdout (or `file`), in this machine's time zone."""
    console = plain_console(file, width)
    for index, incident in enumerate(incidents):
        if index:
            console.print()
        made = steps(incident, group)
        console.print(_title(incident, made))
        if len(made) > 1:
            console.print(_steps(made))
        console.print(_entries(incident))


def _title(incident: Incident, made: tuple[Step, ...]) -> Text:
    begun = made[0].at if made else incident.entries[0].at
    parts = [f"{begun.astimezone():%Y-%m-%d}"]
    if incident.losses:
        parts.append(f"loss {', '.join(sorted(incident.losses))}")
    if len(made) > 1:
        parts.append(f"{sum(step.ms for step in made)} ms")
    title = ", ".join(parts)
    if (slow := slowest(made)) is not None:
        title += f"; slowest step: {slow.name.value}, {slow.ms} ms"
    return Text(shown(title), style="bold")


def _steps(made: tuple[Step, ...]) -> Table:
    table = _table("Time", "ms", "Step", "What")
    slow = slowest(made)
    for step in made:
        style = "bold" if step is slow else ""
        ms = "" if step is made[0] else str(step.ms)
        table.add_row(_clock(step.at), ms, _name(step), Text(shown(what(step))), style=style)
    return table


def _name(step: Step) -> str:
    return "probe good" if step.name is StepName.GOOD else step.name.value


def what(step: Step) -> str:
    """What a step was, in a few words; of a cause only what is known of it."""
    entry = step.entry
    match step.name, entry.event:
        case StepName.CAUSE, "view-changed" | "node-lost":
            return f"{' and '.join(entry.lost.split()) or entry.node} heard for the last time"
        case StepName.CAUSE, "probe-changed":
            return f"{entry.resource}: its probe was good for the last time"
        case StepName.GOOD, "group-started":
            return f"{entry.group} serves on {entry.node}"
    return entry.text


def _entries(incident: Incident) -> Table:
    table = _table("Time", "+ms", "Node", "Event", "What")
    for entry in incident.entries:
        ms = str(incident.since_start_ms(entry))
        table.add_row(_clock(entry.at), ms, shown(entry.node), shown(entry.event), Text(shown(entry.text)))
    return table


def _table(*titles: str) -> Table:
    """The last column takes what is left."""
    table = Table(box=None, show_edge=False, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for title in titles[:-1]:
        narrow = title in ("Time", "ms", "+ms", "Step")
        table.add_column(
            title, justify="right" if "ms" in title else "left", no_wrap=narrow, overflow="fold", max_width=20
        )
    table.add_column(titles[-1], overflow="fold", ratio=1)
    return table


def _clock(at: datetime) -> str:
    return f"{at.astimezone():%H:%M:%S.%f}"[:-3]


def shown(text: str) -> str:
    """What a terminal would obey is shown instead."""
    return "".join(letter if letter.isprintable() else "�" for letter in " ".join(text.split()))
