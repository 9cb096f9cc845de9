"""`standfast simulate`: what the cluster would do if something happened, as its own plan has it; nothing is changed."""

import json
import re
from pathlib import Path
from typing import Any, Final

import click

from standfast.bus import Bus
from standfast.ctl import names as completing
from standfast.ctl.simulate_wish import NOUNS
from standfast.ctl.streams import print_json
from standfast.ctl.words import Noun
from standfast.operations.names import unknown
from standfast.operations.problems import CommandError, Exit, run
from standfast.operations.rights import call_with_rights
from standfast.operations.wishes import check_node, find_resourced, groups_and_sets
from standfast.published import GROUPS, ROOT
from standfast.status_report import Report

INTERFACE: Final = "org.standfast.Groups1"
FOLDER: Final = Path("/etc/standfast")
ANSWER_S: Final = 60.0  # of a large cluster
LARGEST_BYTES: Final = 1 << 20
_UNIT: Final = re.compile(r".+\.(service|socket|mount|automount|swap|timer|path|target)")
_PLAIN: Final = re.compile(r"cluster\.conf|corosync\.key|.+\.secret")

json_option = click.option("--json", "as_json", is_flag=True, help="For programs: steps, and groups as they would be.")


@click.group(cls=Noun, invoke_without_command=True, no_args_is_help=True)
@click.option(
    "--replay",
    "file",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="What happened once more: FILE is of `standfast report`, or of the flight recorder.",
)
@click.option("--json", "as_json", is_flag=True, help="For programs, with --replay.")
@click.pass_context
def simulate(context: click.Context, file: Path | None, as_json: bool) -> None:
    """What the cluster would do if something happened now. Nothing is changed.

    Whatever is ordered is taken to succeed at once: the times are what settings make the cluster wait.

    With --replay a recorded incident is gone through again, on any machine with Standfast installed: every change is
    applied and every decision made anew. Exit code 0: they are the same; 1: they are not, or cannot all be compared.
    """
    if file is not None:
        if context.invoked_subcommand is not None:
            raise click.UsageError("--replay goes through what happened: it takes no hypothesis.")
        from standfast.ctl.replay import replay

        replay(file, as_json)
    elif context.invoked_subcommand is None or as_json:
        raise click.UsageError("--json stands behind the hypothesis, or goes with --replay FILE.")


for _noun in NOUNS:
    simulate.add_command(_noun)


@simulate.command()
@click.argument("node", shell_complete=completing.nodes)
@json_option
def node_dies(node: str, as_json: bool) -> None:
    """NODE loses its power."""
    _show(run(_ask("Simulate", "ss", "node-dies", node), "Nothing was changed."), as_json)


@simulate.command()
@click.argument("group", shell_complete=completing.groups)
@json_option
def group_fails(group: str, as_json: bool) -> None:
    """GROUP fails where it runs."""
    _show(run(_ask("Simulate", "ss", "group-fails", group), "Nothing was changed."), as_json)


@simulate.command()
@click.argument("node", shell_complete=completing.nodes)
@json_option
def standby(node: str, as_json: bool) -> None:
    """NODE is put in standby."""
    _show(run(_ask("Simulate", "ss", "standby", node), "Nothing was changed."), as_json)


@simulate.command()
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path))
@json_option
def configuration(files: tuple[Path, ...], as_json: bool) -> None:
    """Every node has these FILEs in /etc/standfast.

    A unit's file belongs into units/, and a path that has units/ or UNIT.d/ in it is taken from there on; cluster.conf
    is what it is.
    """
    contents = {name_below(path): _content(path) for path in files}
    _show(run(_ask("SimulateConfiguration", "a{ss}", contents), "Nothing was changed."), as_json)


def name_below(path: Path) -> str:
    """The file's name below /etc/standfast. Raises click.UsageError where its path does not tell."""
    whole = Path.cwd() / path
    if whole.is_relative_to(FOLDER):
        return str(whole.relative_to(FOLDER))
    folders = path.parts[:-1]
    for index, folder in enumerate(folders):
        if folder == "units" or folder == "cluster.conf.d":
            return "/".join(path.parts[index:])
    if folders and folders[-1].endswith(".d"):
        return "/".join(("units", *path.parts[-2:]))
    if _UNIT.fullmatch(path.name):
        return f"units/{path.name}"
    if _PLAIN.fullmatch(path.name):
        return path.name
    text = f"{path}: its name does not tell where it belongs in {FOLDER}; write for example units/{path.name}"
    raise click.UsageError(text)


def _content(path: Path) -> str:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise CommandError(Exit.REFUSED, f"{path} cannot be read: {error.strerror}.") from error
    if len(content) > LARGEST_BYTES:
        raise CommandError(Exit.REFUSED, f"{path} is larger than 1 MiB.")
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise CommandError(Exit.REFUSED, f"{path} is no UTF-8.") from error
    if "\0" in text:
        raise CommandError(Exit.REFUSED, f"{path} has a NUL in it: it is no text.")
    return text


async def _ask(method: str, signature: str, *arguments: Any) -> Report:
    """resourced's document."""
    async with await Bus.connect() as bus:
        await find_resourced(bus)
        if method == "Simulate":
            await _check_name(bus, *map(str, arguments))
        (text,) = await call_with_rights(
            bus, GROUPS, ROOT, INTERFACE, method, signature, *arguments, timeout_s=ANSWER_S
        )
    made: Report = json.loads(text)
    return made


async def _check_name(bus: Bus, what: str, name: str) -> None:
    if what == "group-fails":
        groups = await groups_and_sets(bus)
        if name not in groups:
            raise unknown("group", name, groups)
    else:
        await check_node(bus, name)


def _show(made: Report, as_json: bool) -> None:
    if as_json:
        print_json(made)
        return
    from standfast.ctl.simulate_table import show  # rich takes a tenth of a second to load

    show(made)
