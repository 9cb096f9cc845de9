"""`standfast timeline`: what happened, from this node's journal."""

import json
import os
from typing import Any, Final

import click

from standfast.ctl.incidents import Entry, Incident, about, entry_of, gather
from standfast.ctl.problems import CommandError, Exit

# Anyone may write an entry with our fields; these journald itself sets.
UNITS: Final = tuple(f"standfast-{name}.service" for name in ("membershipd", "quorumd", "fenced", "resourced", "drain"))
LIMIT: Final = 5000  # entries that are read


@click.command()
@click.argument("group", default="")
@click.option(
    "-n",
    "--incidents",
    "number",
    default=3,
    show_default=True,
    metavar="NUMBER",
    help="How many, counted from the last one.",
)
@click.option("--json", "as_json", is_flag=True, help="For programs: times are UTC.")
def timeline(group: str, number: int, as_json: bool) -> None:
    """What happened, incident by incident: cause, detected, decided, fenced, stopped, started.

    With GROUP only incidents in which that group had a part.
    """
    found = gather(_read())
    found = (about(group, found) if group else found)[-max(number, 1) :]
    if as_json:
        click.echo(json.dumps([_report(incident) for incident in found], indent=1, ensure_ascii=False))
        return
    if not found:
        click.echo(f"Nothing happened{f' to {group}' if group else ''} that this node's journal knows of.")
        return
    from standfast.ctl.timeline_table import show  # rich takes a tenth of a second to load

    show(found)


def _read() -> list[Entry]:
    """Our entries, the oldest first. Raises CommandError where the journal may not be read."""
    from systemd import journal

    found: list[Entry] = []
    with journal.Reader() as reader:
        reader.add_match(*(f"_SYSTEMD_UNIT={unit}" for unit in UNITS), "_UID=0")
        reader.seek_tail()
        while len(found) < LIMIT and (fields := reader.get_previous()):
            if "STANDFAST_EVENT" in fields:
                found.append(entry_of(fields))
    if not found and os.geteuid() != 0:
        text = "You may not read the journal: try again as root or as a member of the group systemd-journal."
        raise CommandError(Exit.NO_RIGHTS, text)
    return sorted(found, key=lambda entry: entry.at)


def _report(incident: Incident) -> list[dict[str, Any]]:
    return [
        {
            "time": entry.at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "ms": incident.since_start_ms(entry),
            "node": entry.node or None,
            "event": entry.event,
            "group": entry.group or None,
            "incident": entry.incident or None,
            "text": entry.text,
        }
        for entry in incident.entries
    ]
