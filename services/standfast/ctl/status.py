"""`standfast status`: what the cluster is doing, as this node has it."""

import sys
from datetime import UTC, datetime
from typing import Final

import click

from standfast import published, status_report
from standfast.bus import Bus
from standfast.ctl import names as completing
from standfast.ctl.streams import is_terminal, print_json
from standfast.operations.names import unknown
from standfast.operations.problems import not_running, run
from standfast.status_report import Report

ANSWER_S: Final = 1.5  # a daemon answers from memory; one that hangs does not hold what the others tell


@click.command()
@click.argument("group", nargs=-1, shell_complete=completing.groups)
@click.option("-v", "--verbose", is_flag=True, help="Every resource and fence device, also those that are well.")
@click.option("-w", "--watch", "live", is_flag=True, help="Live on this terminal, until q or Ctrl-C.")
@click.option("--json", "as_json", is_flag=True, help="For programs: what is not known is null, times are UTC.")
def status(group: tuple[str, ...], verbose: bool, live: bool, as_json: bool) -> None:
    """What needs a person first, each with what to type; then nodes, groups and fencing.

    GROUP: only those groups, with all their resources.
    """
    whole = None if verbose and not group else group
    if live:
        _watch(group, whole, as_json=as_json)
        return
    made = run(read(group), "Nothing was changed.")
    if as_json:
        print_json(made)
        return
    from standfast.ctl import table  # rich takes a tenth of a second to load

    table.show(made, datetime.now(UTC), whole=whole)


def _watch(groups: tuple[str, ...], whole: tuple[str, ...] | None, *, as_json: bool) -> None:
    if as_json or not (is_terminal(sys.stdin) and is_terminal(sys.stdout)):
        raise click.UsageError("-w needs a terminal; for programs there are --json and the signals on the bus")
    from standfast.ctl.watching import watch

    run(read(groups), "Nothing was changed.")  # what is wrong from the start is told as ever
    run(watch(groups, whole), "Nothing was changed.")


async def read(groups: tuple[str, ...] = ()) -> Report:
    """The report, with these groups alone if there are any. Raises CommandError: nothing runs here, no such group."""
    async with await Bus.connect() as bus:
        return of_groups(await read_from(bus), groups)


async def read_from(bus: Bus) -> Report:
    """What all daemons tell now; one that does not answer is told as away. Raises CommandError: none runs."""
    snapshot = await published.read(bus, timeout_s=ANSWER_S)
    if all(daemon.why_away == "does not run" for daemon in snapshot.values()):
        raise not_running()
    return status_report.make(snapshot)


def of_groups(made: Report, names: tuple[str, ...]) -> Report:
    """The report with these groups, or sets of copies, alone. Raises CommandError for one that does not exist."""
    if not names or made["groups"] is None:
        return made
    sets = {one["name"]: one["groups"] for one in made["copies"]}
    known = [group["name"] for group in made["groups"]] + list(sets)
    for name in names:
        if name not in known:
            raise unknown("group", name, known)
    wanted = {one for name in names for one in (name, *sets.get(name, ()))}
    groups = [group for group in made["groups"] if group["name"] in wanted]
    return made | {
        "groups": groups,
        "copies": [one for one in made["copies"] if wanted & {one["name"], *one["groups"]}],
    }
