"""`standfast config diff`: what differs between two versions, or between one and /etc/standfast."""

import click

from standfast.ctl import names as completing
from standfast.ctl.streams import print_json
from standfast.operations.config_versions import read_two
from standfast.operations.differences import Difference, compare
from standfast.operations.problems import Exit, run


@click.command()
@click.argument("old", metavar="[VERSION]", default="", shell_complete=completing.versions)
@click.argument("new", metavar="[VERSION]", default="", shell_complete=completing.versions)
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def diff(old: str, new: str, as_json: bool) -> None:
    """What is different in /etc/standfast from the version in force, or from VERSION; or between two VERSIONs.

    VERSION is a number that `config history` shows, or the first digits of a digest. Secrets are named, not shown.
    Exit codes: 0 there is no difference, 1 there is one; else as always.
    """
    before, after = run(read_two(old, new), "Nothing was changed.")
    found = compare(before, after)
    if as_json:
        print_json(list(map(_report, found)))
    else:
        show(found)
    if found:
        raise click.exceptions.Exit(Exit.REFUSED)


def show(differences: tuple[Difference, ...], *, err: bool = False) -> None:
    """As diff(1) -u does, on stdout or stderr; colours only on a terminal."""
    for difference in differences:
        if difference.hidden:
            click.secho(f"{difference.name}: {difference.change}, {difference.hidden}", bold=True, err=err)
        for line in difference.lines:
            click.echo(_coloured(line), err=err)


def _coloured(line: str) -> str:
    if line.startswith(("--- ", "+++ ")):
        return click.style(line, bold=True)
    colour = {"+": "green", "-": "red", "@": "cyan"}.get(line[:1])
    return click.style(line, fg=colour) if colour else line


def _report(one: Difference) -> dict[str, str | None]:
    return {
        "name": one.name,
        "change": one.change.value,
        "hidden": one.hidden or None,
        "diff": "\n".join((*one.lines, "")) if one.lines else None,
    }
