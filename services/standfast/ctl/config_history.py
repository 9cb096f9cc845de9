"""`standfast config history` and `show`: which versions there were, and what is in them."""

import contextlib
from typing import Final

import click

from standfast.bus import Bus
from standfast.configuration.secrets import secret_names
from standfast.configuration.tree import Tree
from standfast.ctl import names as completing
from standfast.ctl.streams import print_json
from standfast.operations import config_nodes
from standfast.operations import config_versions as versions
from standfast.operations.config_versions import Known, Version
from standfast.operations.differences import text_lines
from standfast.operations.history import document, row, unconfirmed
from standfast.operations.problems import CommandError, Exit, run
from standfast.operations.wishes import find_resourced, names
from standfast.status_report import Report

NOTHING: Final = "Nothing was changed."

json_option = click.option("--json", "as_json", is_flag=True, help="For programs; times are UTC.")


@click.command()
@json_option
def history(as_json: bool) -> None:
    """The versions that were in force, the newest first, each with who brought it into force, when and what for."""
    known = run(_read(), NOTHING)
    if as_json:
        print_json(document(known))
        return
    from standfast.ctl import config_table  # rich takes a tenth of a second to load

    config_table.show_history(known.history)
    if known.unconfirmed:
        click.echo(unconfirmed_sentence(known))


@click.command()
@click.argument("version", metavar="[VERSION]", default="", shell_complete=completing.versions)
@click.argument("file", metavar="[FILE]", default="")
@json_option
def show(version: str, file: str, as_json: bool) -> None:
    """What VERSION is and which files it has; without it the one in force, and what each node has of it.

    With FILE its content, such as `config show 4 units/webserv.target`. Secrets are named, not shown.
    """
    known, one, tree, every = run(_look(version, file), NOTHING)
    if file:
        content = _content(tree, file, one.label)
        if as_json:
            print_json({"name": file, "digest": one.digest, "content": content.decode()})
        else:
            click.get_binary_stream("stdout").write(content)
        return
    made = row(known, one) | {"files": _files(tree), "unconfirmed": unconfirmed(known)}
    made["nodes"] = config_nodes.report(known, every) if made["in_force"] else None
    if as_json:
        print_json(made)
        return
    from standfast.ctl import config_table  # rich takes a tenth of a second to load

    config_table.show_version(made, one.label, known.label(one.base) if one.base else "")
    if known.unconfirmed and made["in_force"]:
        click.echo(unconfirmed_sentence(known))


def unconfirmed_sentence(known: Known) -> str:
    """What becomes of the version in force if nobody confirms it."""
    seconds = known.left_ms // 1000
    left = f"{seconds} s" if seconds < 120 else f"{seconds // 60} min"
    return f"In {left} {known.label(known.unconfirmed)} comes back, unless: standfast config confirm"


async def _read() -> Known:
    async with await Bus.connect() as bus:
        await find_resourced(bus)
        return await versions.read_known(bus)


async def _look(version: str, file: str) -> tuple[Known, Version, Tree | None, list[str]]:
    """The record's word, the version, its files (None: they cannot be read here), all nodes' names."""
    async with contextlib.AsyncExitStack() as stack:
        bus, known = await versions.look(stack)
        one = versions.pick(version, known, versions.stored())
        every = await names(bus, "org.standfast.Member1") if bus is not None else []
        try:
            tree: Tree | None = await versions.fetch(bus, one)
        except CommandError:
            if file:
                raise
            tree = None
        return known, one, tree, every


def _content(tree: Tree | None, name: str, label: str) -> bytes:
    """The file's bytes as they are. Raises CommandError: it is secret, no text, or not there."""
    assert tree is not None
    if name not in tree.files:
        raise CommandError(Exit.REFUSED, f"There is no file {name} in {label}: standfast config show")
    if name in secret_names(tree):
        raise CommandError(Exit.REFUSED, f"{name} is secret, so it is not shown.")
    if text_lines(tree.files[name].content) is None:
        raise CommandError(Exit.REFUSED, f"{name} is no text, so it is not shown.")
    return tree.files[name].content


def _files(tree: Tree | None) -> list[Report] | None:
    if tree is None:
        return None
    secret = secret_names(tree)
    return [
        {"name": name, "bytes": len(file.content), "mode": f"{file.mode:04o}", "secret": name in secret}
        for name, file in tree.files.items()
    ]
