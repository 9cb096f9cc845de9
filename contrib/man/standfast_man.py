"""The manual pages of the commands, the keys, the metrics and the bus, which are made from the code.

`PYTHONPATH=services:contrib/rhcs python3 contrib/man/standfast_man.py` writes them. NAME.in has the prose, with a line
@WHAT@ where the code has the word; a test compares the pages with what is made here.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import bus_pages
import click
import rhcs_pages
from roff import escape

from standfast.configuration.keys import KEYS, Key, Scope
from standfast.console.meanings import meanings
from standfast.ctl.__main__ import main as standfast
from standfast.metrics.families import PARTS
from standfast.operations.problems import Exit

HERE: Final = Path(__file__).parent
METRICS_PAGE: Final = HERE.parent / "docs/metrics.md"
_TABLES: Final = "<!-- made by contrib/man/standfast_man.py -->"
_TABLES_END: Final = "<!-- until here -->"
EXITS: Final = {
    Exit.DONE: "Done.",
    Exit.REFUSED: "Refused, or failed; a sentence on standard error says why.",
    Exit.USAGE: "The command was not understood.",
    Exit.NOT_RUNNING: "Standfast does not run on this node.",
    Exit.NOT_QUORATE: "The nodes here may not act: they hold no more than half of the votes.",
    Exit.NO_RIGHTS: "It needs root or a polkit action, which the sentence names.",
    Exit.UNKNOWN: "It timed out, or it may or may not come true.",
}


def pages() -> dict[str, str]:
    """Every made page by its file's name."""
    return {
        "standfast.1": _fill("standfast.1", COMMANDS="\n".join(_commands()), EXITS="\n".join(_exits())),
        "standfast.conf.5": _fill("standfast.conf.5", KEYS="\n".join(_keys())),
        "standfast-metrics.8": _fill("standfast-metrics.8", METRICS="\n".join(_metrics())),
        **bus_pages.pages(),
        **rhcs_pages.pages(),
    }


def metrics_page() -> str:
    """contrib/docs/metrics.md with its tables as the code has them."""
    head, mark, rest = METRICS_PAGE.read_text().partition(_TABLES)
    _, end, tail = rest.partition(_TABLES_END)
    return "".join((head, mark, "\n", *_metric_tables(), end, tail))


def _metrics() -> Iterator[str]:
    for part, families in PARTS.items():
        yield f'.SS "{escape(part)}"'
        for family in families:
            labels = f" {{{', '.join(family.labels)}}}" if family.labels else ""
            yield f".TP\n\\fB{escape(family.name)}\\fR{escape(labels)} ({family.kind})\n{escape(family.help)}"


def _metric_tables() -> Iterator[str]:
    for part, families in PARTS.items():
        yield f"\n### {part}\n\n| metric | labels | kind | meaning |\n|---|---|---|---|\n"
        for family in families:
            yield f"| `{family.name}` | {', '.join(family.labels)} | {family.kind} | {family.help} |\n"
    yield "\n"


def commands(group: click.Group = standfast, *, above: str = "standfast") -> Iterator[tuple[str, click.Command]]:
    """Every command that does something by itself, and its words."""
    context = click.Context(group)
    for name in sorted(group.list_commands(context)):
        words, command = f"{above} {name}", group.get_command(context, name)
        assert command is not None, words
        if not isinstance(command, click.Group) or command.invoke_without_command:
            yield words, command
        if isinstance(command, click.Group):
            yield from commands(command, above=words)


def _fill(name: str, **made: str) -> str:
    text = (HERE / f"{name}.in").read_text()
    for word, content in made.items():
        text = text.replace(f"@{word}@", content)
    source = f'.\\" Made by contrib/man/standfast_man.py from {name}.in and the code; do not edit it by hand.\n'
    return source + text


def _commands() -> Iterator[str]:
    context = click.Context(standfast)
    for name in sorted(standfast.list_commands(context)):
        command = standfast.get_command(context, name)
        yield f".SS {escape(name)}"
        if isinstance(command, click.Group):
            yield _paragraphs(command)
        below = f"standfast {name}"
        for words, one in commands():
            if f"{words} ".startswith(f"{below} "):
                yield from _command(words, one)


def _command(words: str, command: click.Command) -> Iterator[str]:
    arguments = [f"\\fI{escape(one.make_metavar())}\\fR" for one in command.params if isinstance(one, click.Argument)]
    options = [one for one in command.params if isinstance(one, click.Option) and not one.hidden]
    given = [f"\\fB{escape(words)}\\fR", *arguments, *(["[\\fIOPTION\\fR...]"] if options else [])]
    yield ".TP\n" + " ".join(given)
    if not isinstance(command, click.Group):
        yield _paragraphs(command)
    if options:
        yield ".RS"
        for option in options:
            record = option.get_help_record(click.Context(command, info_name=words))
            assert record is not None, words
            yield f".TP\n\\fB{escape(record[0])}\\fR\n{escape(record[1])}"
        yield ".RE"


def _paragraphs(command: click.Command) -> str:
    return "\n.sp\n".join(escape(_joined(paragraph)) for paragraph in (command.help or "").split("\n\n"))


def _joined(paragraph: str) -> str:
    return " ".join(paragraph.split())


def _exits() -> Iterator[str]:
    for code in Exit:
        yield f".TP\n.B {int(code)}\n{escape(EXITS[code])}"


def _keys() -> Iterator[str]:
    told = meanings()
    for scope in Scope:
        yield f'.SH "{escape(scope)}"'
        for key in KEYS:
            if key.scope is scope and key.field is not None:
                yield f".TP\n\\fB{key.name}=\\fR {escape(_takes(key))}\n{escape(told[scope.value, key.name])}"


def _takes(key: Key) -> str:
    default = "; required" if key.required else f"; {key.default} by default" if key.default else ""
    types = f"; of Type={' and '.join(key.types)}" if key.types else ""
    return f"({key.kind.label}{default}{types})"


if __name__ == "__main__":
    for name, text in pages().items():
        (HERE / name).write_text(text)
    METRICS_PAGE.write_text(metrics_page())
