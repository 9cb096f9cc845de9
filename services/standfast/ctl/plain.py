"""Plain tables of the commands: no lines, as wide as the terminal, times of this machine."""

from datetime import datetime
from typing import IO

from rich.console import Console
from rich.table import Table

from standfast.ctl.streams import may_colour


def plain_console(file: IO[str] | None, width: int | None, *, for_terminal: bool = False) -> Console:
    """Prints what it is given and nothing of its own; `file` None: stdout, `width` None: the terminal's.

    for_terminal: what is written into the file will be shown on this terminal.

    Every console of the commands is made here: colours only on a terminal, and nowhere with --no-color.
    """
    return Console(
        file=file,
        width=width,
        highlight=False,
        emoji=False,
        markup=False,
        force_terminal=True if for_terminal else None,
        color_system="auto" if may_colour() else None,
    )


def plain_table(*titles: str) -> Table:
    """A table with these columns; long cells are folded."""
    table = Table(box=None, show_edge=False, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for title in titles:
        table.add_column(title, overflow="fold")
    return table


def local_time(text: str) -> str:
    """RFC 3339 as the local time; what is none is shown as it is."""
    try:
        return f"{datetime.fromisoformat(text).astimezone():%Y-%m-%d %H:%M:%S}"
    except ValueError:
        return text
