"""What differs between two versions of the configuration. Nothing of what is secret in either is in it."""

import difflib
import io
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from standfast.configuration.secrets import secret_names
from standfast.configuration.tree import File, Tree
from standfast.operations.config_versions import Named

_NO_TEXT: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]|\r(?!\n)")  # a terminal would act on it


class Change(StrEnum):
    """What became of a file."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One file that differs; `lines` of a unified diff without line ends, or why its content is not shown."""

    name: str
    change: Change
    lines: tuple[str, ...] = ()
    hidden: str = ""  # "secret", "no text", "empty"


def compare(before: Named, after: Named) -> tuple[Difference, ...]:
    """Every file with another content, by name. Nothing of what is secret in either of the two is in it."""
    old, new = before.tree, after.tree
    secret = secret_names(old) | secret_names(new)
    return tuple(
        _difference(name, old, new, before.label, after.label, secret=name in secret)
        for name in sorted(old.files.keys() | new.files.keys())
        if _content(old, name) != _content(new, name)
    )


def unified(differences: tuple[Difference, ...]) -> str:
    """All of them as diff(1) -u writes it, without colours; a line for each that is not shown."""
    lines: list[str] = []
    for one in differences:
        lines += [f"{one.name}: {one.change}, {one.hidden}"] if one.hidden else one.lines
    return "".join(f"{line}\n" for line in lines)


def summary(differences: tuple[Difference, ...]) -> list[str]:
    """A line for each file."""
    return [f"{one.change} {one.name}" + _counted(one) for one in differences]


def _counted(one: Difference) -> str:
    if one.hidden:
        return f" ({one.hidden})"
    more = sum(line.startswith("+") for line in one.lines[2:])
    less = sum(line.startswith("-") for line in one.lines[2:])
    return f" (+{more} -{less})"


def _difference(name: str, old: Tree, new: Tree, before: str, after: str, *, secret: bool) -> Difference:
    contents = _content(old, name), _content(new, name)
    change = Change.ADDED if contents[0] is None else Change.REMOVED if contents[1] is None else Change.CHANGED
    if secret:
        return Difference(name=name, change=change, hidden="secret")
    texts = [text_lines(content or b"") for content in contents]
    if texts[0] is None or texts[1] is None:
        return Difference(name=name, change=change, hidden="no text")
    first = f"{before}/{name}" if change is not Change.ADDED else os.devnull
    second = f"{after}/{name}" if change is not Change.REMOVED else os.devnull
    lines = tuple(_told(difflib.unified_diff(texts[0], texts[1], first, second)))
    return Difference(name=name, change=change, lines=lines, hidden="" if lines else "empty")


def text_lines(content: bytes) -> list[str] | None:
    """The lines with their ends; None where it is no text that a terminal can be given."""
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return None
    return None if _NO_TEXT.search(text) else io.StringIO(text).readlines()


def _told(lines: Iterator[str]) -> Iterator[str]:
    for line in lines:
        yield line.removesuffix("\n")
        if not line.endswith("\n"):
            yield "\\ No newline at end of file"


def _content(tree: Tree, name: str) -> bytes | None:
    file: File | None = tree.files.get(name)
    return None if file is None else file.content
