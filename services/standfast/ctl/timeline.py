"""`standfast timeline`: what happened, from the journals."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

import click

from standfast.ctl import names as completing
from standfast.ctl.streams import print_json

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
    from standfast.operations.timeline import choose, group_of, read, report  # the parser is needed here only

    entries = read(since)
    if all_nodes:
        from standfast.operations.journals import with_other_nodes

        entries = with_other_nodes(entries, since)
    found = choose(entries, what)
    found = found[-number:]
    group = group_of(what)
    if as_json:
        print_json([report(incident, group) for incident in found])
        return
    if not found:
        when = " since then" if since else ""
        click.echo(f"Nothing happened{f' to {what}' if what else ''}{when} that this node's journal knows of.")
        return
    from standfast.ctl.timeline_table import show  # rich takes a tenth of a second to load

    show(found, group)
