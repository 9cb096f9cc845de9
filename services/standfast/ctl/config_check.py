"""`standfast config check`: everything that is wrong with a configuration, at once; nothing is changed."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from standfast.ctl.streams import print_json
from standfast.operations.problems import CommandError, Exit, run

if TYPE_CHECKING:  # loaded when it runs: every other command would wait for it
    from standfast.configuration.model import Problem
    from standfast.operations.config_checking import Checked

FOLDER: Final = Path("/etc/standfast")


@click.command()
@click.argument("folder", metavar="[FOLDER]", type=click.Path(path_type=Path), default=FOLDER)
@click.option("--json", "as_json", is_flag=True, help="For programs: errors and warnings with file, line and text.")
def check(folder: Path, as_json: bool) -> None:
    """Say everything that is wrong with the files in /etc/standfast, or in FOLDER. Nothing is changed.

    The files are checked by themselves, and against this machine: what systemd makes of the units, which units and
    fence agents are missing here or start without the cluster, addresses that no interface has, mounts in fstab. Every
    other node does the same before a configuration comes into force. Each line names FILE:LINE; warnings are in
    nobody's way.

    Exit codes: 0 no error, 1 errors.
    """
    from standfast.operations.config_checking import check_folder

    checked = run(check_folder(folder), "Nothing was changed.")
    if as_json:
        print_json(_document(folder, checked))
    else:
        _show(folder, checked)
    if checked.errors:
        raise CommandError(Exit.REFUSED, f"{folder} cannot come into force: {_count(len(checked.errors), 'error')}.")


def _show(folder: Path, checked: "Checked") -> None:
    for problem in (*checked.errors, *checked.warnings):
        click.echo(str(problem))
    if not checked.errors:
        told = f", {_count(len(checked.warnings), 'warning')}" if checked.warnings else ""
        click.echo(f"{folder} has no error{told}: {checked.digest[:12]}")


def _document(folder: Path, checked: "Checked") -> dict[str, Any]:
    return {
        "folder": str(folder),
        "digest": checked.digest,
        "errors": [_entry(problem) for problem in checked.errors],
        "warnings": [_entry(problem) for problem in checked.warnings],
    }


def _entry(problem: "Problem") -> dict[str, Any]:
    return {"file": problem.source.path, "line": problem.source.line or None, "text": problem.text}


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
