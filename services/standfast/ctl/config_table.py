"""Versions of the configuration as people read them, within 80 columns."""

from collections.abc import Iterable, Sequence
from typing import IO, Final

from rich.table import Table
from rich.text import Text

from standfast.ctl.plain import local_time, plain_console, plain_table
from standfast.operations.config_versions import Version
from standfast.status_report import Report

_DIGITS: Final = 12


def show_history(history: Sequence[Version], file: IO[str] | None = None, width: int | None = None) -> None:
    """One line for each version, in this machine's time zone, on stdout (or `file`)."""
    if not history:
        plain_console(file, width).print("No version was in force yet.")
        return
    table = plain_table("Version", "Digest", "In force since", "By")
    table.add_column("Why", overflow="fold", ratio=1)
    for index, one in enumerate(history):
        number = Text(str(one.number), style="bold green" if index == 0 else "")
        table.add_row(number, one.digest[:_DIGITS], local_time(one.at), one.by, Text(one.why))
    plain_console(file, width).print(table)


def show_version(made: Report, label: str, base: str, file: IO[str] | None = None, width: int | None = None) -> None:
    """Who, when, why; what each node has of it; its files."""
    console = plain_console(file, width)
    state = Text("in force", style="green") if made["in_force"] else Text("not in force")
    console.print(Text.assemble((f"V{label[1:]}", "bold"), ", ", state))
    console.print(Text(f"digest    {made['digest']}"), soft_wrap=True)
    for word, value in (("since", local_time(made["in_force_since"] or "")), ("by", made["by"]), ("why", made["why"])):
        if value:
            console.print(Text(f"{word:<10}{value}"))
    if base:
        console.print(Text(f"based on  {base}"))
    if made["nodes"]:
        console.print()
        show_nodes(made["nodes"], file, width)
    console.print()
    if made["files"] is None:
        console.print("Its files can be read by root, on a node that has them.")
    else:
        console.print(_files(made["files"]))


def show_nodes(nodes: Iterable[Report], file: IO[str] | None = None, width: int | None = None) -> None:
    """Whether each node has the version in force, and what was edited there since."""
    table = plain_table("Node", "Version in force")
    table.add_column("Edited in /etc/standfast since", overflow="fold", ratio=1)
    for node in nodes:
        table.add_row(node["name"], _installed(node), Text(", ".join(node["drifted"]), style="yellow"))
    plain_console(file, width).print(table)


def _installed(node: Report) -> Text:
    if not node["present"]:
        return Text("not here; it takes it when it is back", style="yellow")
    if node["installed"]:
        return Text("installed", style="green")
    why = f": {node['objections'][0]}" if node["objections"] else ""
    return Text(f"not installed{why}", style="bold red")


def _files(files: Iterable[Report]) -> Table:
    table = Table(box=None, show_edge=False, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("Bytes", justify="right", no_wrap=True)
    table.add_column("File", overflow="fold")
    table.add_column("")
    for one in files:
        table.add_row(str(one["bytes"]), Text(one["name"]), "secret" if one["secret"] else "")
    return table
