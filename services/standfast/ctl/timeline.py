"""`standfast timeline`: what happened, from the journals."""

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import click

from standfast.ctl import names as completing
from standfast.ctl.problems import CommandError, Exit
from standfast.ctl.streams import print_json
from standfast.ctl.words import unknown

if TYPE_CHECKING:
    from standfast.incidents import Entry, Incident

_LOSS: Final = re.compile(r"\d+\.\d+")
_SPAN: Final = re.compile(r"(\d{1,9}) ?(s|min|h|d|w)")
_SECONDS: Final = {"s": 1, "min": 60, "h": 3600, "d": 86_400, "w": 604_800}


def _since(_: click.Context, __: click.Parameter, text: str) -> datetime | None:
    """How far back: a span of time, a day or a moment of this machine's clock."""
    if not text:
        return None
    try:
        if found := _SPAN.fullmatch(text):
            return datetime.now(UTC) - timedelta(seconds=int(found[1]) * _SECONDS[found[2]])
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        raise click.BadParameter(f"“{text}” is no time; write 30min, 2h, 7d, 2026-01-31 or 2026-01-31T03:00") from None


@click.command()
@click.argument("what", metavar="[GROUP|INCIDENT]", default="", shell_complete=completing.groups)
@click.option("-n", "number", type=click.IntRange(1), default=3, show_default=True, help="How many, the last ones.")
@click.option("--since", metavar="TIME", default="", callback=_since, help="Only since TIME: 2h, 7d, 2026-01-31T03:00.")
@click.option("--all-nodes", is_flag=True, help="Also what the other nodes' journals have; asked over ssh.")
@click.option("--json", "as_json", is_flag=True, help="For programs: times are UTC.")
def timeline(what: str, number: int, since: datetime | None, all_nodes: bool, as_json: bool) -> None:
    """What happened, incident by incident: cause, detected, decided, fenced, stopped, started, probe good.

    With GROUP only what it, or its copies, had a part in; with INCIDENT, the number of a loss such as 8.1, that one.
    Any node that was there can tell it. --all-nodes adds what each node saw alone; clocks that differ are corrected.
    """
    from standfast.incidents import about, gather, with_loss

    entries = _read(since)
    if all_nodes:
        from standfast.ctl.timeline_nodes import with_other_nodes

        entries = with_other_nodes(entries, since)
    found = gather(entries)
    if _LOSS.fullmatch(what):
        found = with_loss(what, found)
    elif what:
        found = about(what, found)
    if what and not found:
        _refuse_unknown(what, entries)
    found = found[-number:]
    group = "" if _LOSS.fullmatch(what) else what
    if as_json:
        print_json([_report(incident, group) for incident in found])
        return
    if not found:
        when = " since then" if since else ""
        click.echo(f"Nothing happened{f' to {what}' if what else ''}{when} that this node's journal knows of.")
        return
    from standfast.ctl.timeline_table import show  # rich takes a tenth of a second to load

    show(found, group)


def _read(since: datetime | None) -> "list[Entry]":
    """Our entries, the oldest first. Raises CommandError where the journal may not, or cannot, be read."""
    from standfast.incidents import reading

    try:
        return reading.read(since=since)
    except PermissionError as error:
        raise CommandError(Exit.NO_RIGHTS, str(error)) from error
    except OSError as error:
        text = f"This node's journal cannot be read ({error.strerror or error}): journalctl --verify"
        raise CommandError(Exit.REFUSED, text) from error


def _refuse_unknown(what: str, entries: "list[Entry]") -> None:
    """Raises CommandError unless it is a group that nothing happened to."""
    from standfast.vocabulary import copies_of

    if _LOSS.fullmatch(what):
        losses = list(dict.fromkeys(entry.incident for entry in entries if entry.event == "node-lost"))
        raise unknown("incident", what, losses)
    known = {entry.group for entry in entries if entry.group} | _groups_in_force()
    if not copies_of(what, known):
        raise unknown("group or incident", what, sorted(known))


def _groups_in_force() -> set[str]:
    from standfast.configuration.load import load_in_force

    configuration, _ = load_in_force(system=None)
    return {group.name for group in configuration.groups} if configuration is not None else set()


def _report(incident: "Incident", group: str) -> dict[str, Any]:
    from standfast.incidents import slowest, steps

    made = steps(incident, group)
    slow = slowest(made)
    return {
        "losses": sorted(incident.losses),
        "groups": sorted({entry.group for entry in incident.entries if entry.group}),
        "begun": _time(made[0].at if made else incident.entries[0].at),
        "ms": sum(step.ms for step in made),
        "slowest": slow.name.value if slow is not None else None,
        "steps": [
            {
                "step": step.name.value,
                "time": _time(step.at),
                "ms": step.ms,
                "node": step.node or None,
                "event": step.entry.event,
                "text": step.entry.text,
            }
            for step in made
        ],
        "entries": [
            {
                "time": _time(entry.at),
                "ms": incident.since_start_ms(entry),
                "node": entry.node or None,
                "journal": entry.host or None,
                "event": entry.event,
                "group": entry.group or None,
                "resource": entry.resource or None,
                "incident": entry.incident or None,
                "decision": entry.decision or None,
                "position": entry.position or None,
                "parent": entry.parent or None,
                "text": entry.text,
            }
            for entry in incident.entries
        ],
    }


def _time(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
