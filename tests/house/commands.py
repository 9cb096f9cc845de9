"""Commands that sentences name, and whether they exist: ours by click's tree, others by the package that has them."""

import difflib
import re
from collections.abc import Iterator

import click

from standfast.ctl.__main__ import main

# program: the package of Debian that has it; "" = every system with systemd has it
PROGRAMS = {
    "corosync-qdevice-tool": "corosync-qdevice",
    "corosync-qnetd-tool": "corosync-qnetd",
    "corosync-quorumtool": "corosync",
    "df": "",
    "dpkg": "",
    "ip": "iproute2",
    "journalctl": "",
    "sha256sum": "",
    "systemctl": "",
}
VALUE = "{}"  # what stands for a value that is known only when the sentence is made
_MARKS = "`\"'“”;,()?!\n—"
_NAMED = re.compile(rf"(?<![\w/.:@=-])standfast ((?:[^{_MARKS}.:]|[.:](?=[^\s{_MARKS}]))*)")


def named(text: str) -> Iterator[list[str]]:
    """Every command of ours that the text names, as words, with what follows it up to the next mark."""
    for found in _NAMED.finditer(text):
        yield found[1].split()


def fault(words: list[str], *, whole: bool) -> str:
    """What is wrong with `standfast WORDS …`; "" = click would take it. Prose may follow the command.

    Not `whole`: it may be named without its arguments.
    """
    command: click.Command = main
    path, rest = ["standfast"], list(words)
    while isinstance(command, click.Group):
        below = command.get_command(click.Context(command), rest[0]) if rest else None
        if below is None:
            alone = not whole and not rest
            if command.invoke_without_command:  # prose may follow, unless it is a slip of the pen
                alone = not difflib.get_close_matches(
                    rest[0] if rest else "", command.list_commands(click.Context(command)), 1, 0.7
                )
            return "" if alone else f"there is no “{' '.join([*path, *rest[:1]])}”"
        path.append(rest.pop(0))
        command = below
    values, unknown = _values(command, rest)
    if unknown:
        return f"“{' '.join(path)}” has no option {unknown}"
    arguments = [one for one in command.params if isinstance(one, click.Argument)]
    if whole and values < sum(one.required for one in arguments):
        return f"“{' '.join(path)}” needs more arguments"
    if values > len(arguments) and all(one.nargs == 1 for one in arguments):
        return f"“{' '.join(path)}” takes no {values} arguments"
    return ""


def _values(command: click.Command, rest: list[str]) -> tuple[int, str]:
    """How many arguments are given before prose begins, and an option that the command has not."""
    options = {name: one for one in command.params if isinstance(one, click.Option) for name in one.opts}
    values = 0
    while rest and (rest[0].startswith("-") or _is_value(rest[0])):
        word = rest.pop(0)
        if word in options:
            del rest[: 0 if options[word].is_flag else 1]
        elif word.startswith("-"):
            return values, word
        else:
            values += 1
    return values, ""


def _is_value(word: str) -> bool:
    """A place to fill in (NODE, LOSS …), or what is made with the sentence."""
    return bool(re.fullmatch(r"[A-Z][A-Z_@|]*", word)) or "{" in word or "…" in word
