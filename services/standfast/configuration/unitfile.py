"""systemd's file syntax; every value keeps the file and the line where it was written.

systemd.syntax(7), and systemd's src/shared/conf-parser.c where the manual is silent: a comment inside a
continuation is skipped and the continuation goes on; the backslash that ends a line becomes a space. Specifiers,
quotes and escapes inside a value stay as they are. Unlike systemd, which warns and goes on, a line that means
nothing is a problem here.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from standfast.configuration.model import ConfigurationError, Problem, Source

_WHITESPACE = " \t\n\r"
_COMMENTS = ("#", ";")
_LINE_ENDS = re.compile("\r\n|\n\r|\r|\n|\0")  # what systemd's read_line() takes as one end of a line
_UNSAFE = re.compile("[\x00-\x1f\x7f\"'\\\\]")  # systemd's string_is_safe()
_BYTE_ORDER_MARK = "\ufeff"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One KEY=VALUE; the line is where it begins."""

    key: str
    value: str
    source: Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One [NAME] as it stands in one file; the same name may come again and is a section of its own."""

    name: str
    entries: tuple[Entry, ...]
    source: Source


def parse(text: str, path: str) -> tuple[Section, ...]:
    """The sections of `text` in order; ConfigurationError with every line that means nothing."""
    sections, problems = scan(text, path)
    if problems:
        raise ConfigurationError(problems)
    return sections


def scan(text: str, path: str) -> tuple[tuple[Section, ...], tuple[Problem, ...]]:
    """What can be read of `text`, and every line that means nothing; below a broken [NAME] nothing is read."""
    sections: list[tuple[str, list[Entry], Source]] = []
    problems: list[Problem] = []
    entries: list[Entry] | None = None
    for number, line in _logical_lines(text):
        source = Source(path=path, line=number)
        header = _header(line)
        key, equals, value = line.partition("=")
        if header is not None:
            entries = []
            sections.append((header, entries, source))
        elif line.startswith("["):
            problems.append(Problem(source=source, text=f"“{line}” is no section; write [NAME]"))
            entries = []
        elif not equals or not key.strip(_WHITESPACE):
            problems.append(Problem(source=source, text=f"“{line}” is neither [NAME] nor KEY=VALUE nor a comment"))
        elif entries is None:
            problems.append(Problem(source=source, text=f"{key.strip(_WHITESPACE)}= stands before any [NAME]"))
        else:
            entries.append(Entry(key=key.strip(_WHITESPACE), value=value.strip(_WHITESPACE), source=source))
    found = tuple(Section(name=name, entries=tuple(own), source=source) for name, own, source in sections)
    return found, tuple(problems)


def merge(main: Iterable[Section], dropins: Iterable[Iterable[Section]]) -> tuple[Section, ...]:
    """The sections of a file and then of its drop-ins (in the order of `dropin_order`), each kept apart."""
    return (*main, *(section for dropin in dropins for section in dropin))


def named(sections: Iterable[Section], name: str) -> tuple[Entry, ...]:
    """The entries of all sections called `name`, in order: for systemd they are one section."""
    return tuple(entry for section in sections if section.name == name for entry in section.entries)


def effective(entries: Iterable[Entry]) -> dict[str, tuple[Entry, ...]]:
    """The entries that count, by key: repeated ones add up, an empty value takes back what was written before."""
    found: dict[str, tuple[Entry, ...]] = {}
    for entry in entries:
        if entry.value:
            found[entry.key] = (*found.get(entry.key, ()), entry)
        else:
            found.pop(entry.key, None)
    return found


def dropin_folders(unit: str) -> tuple[str, ...]:
    """The names of the folders whose *.conf apply to `unit`, the strongest first.

    Its own, its template's, then the same for each prefix that ends in a dash, then its type's
    (systemd.unit(5); systemd's src/shared/dropin.c).
    """
    stem, dot, kind = unit.rpartition(".")
    prefix, at, instance = stem.partition("@")
    folders: list[str] = []
    while prefix:
        folders.append(f"{prefix}{at}{instance}{dot}{kind}.d")
        if at and instance:
            folders.append(f"{prefix}@{dot}{kind}.d")
        dash = prefix.rstrip("-").rfind("-")
        prefix = prefix[: dash + 1]
    return (*folders, f"{kind}.d")


def dropin_order(folders: Sequence[tuple[str, Iterable[str]]]) -> tuple[tuple[str, str], ...]:
    """(folder, file) of the drop-ins that apply, in the order in which systemd reads them.

    `folders` has the strongest first, each with the names of its files. Sorted by the file's name alone; of two
    with the same name only the one in the stronger folder counts.
    """
    chosen: dict[str, str] = {}
    for folder, names in folders:
        for name in names:
            if name.endswith(".conf") and not name.startswith("."):
                chosen.setdefault(name, folder)
    return tuple((chosen[name], name) for name in sorted(chosen))


def physical_lines(text: str) -> list[str]:
    """The lines of the text with their ends, counted as `scan` counts them."""
    ends = [found.end() for found in _LINE_ENDS.finditer(text)]
    lines = [text[start:end] for start, end in zip([0, *ends], [*ends, len(text)], strict=True)]
    return lines if lines[-1] else lines[:-1]


def last_line(lines: Sequence[str], number: int) -> int:
    """The number of the last line of the entry that begins at line `number`: continued, with comments in between."""
    begun = True
    while number < len(lines) and begun:
        line = lines[number - 1].rstrip("\r\n\0")
        begun = line.lstrip(_WHITESPACE).startswith(_COMMENTS) or _ends_escaped(line)
        number += begun
    return number


def _header(line: str) -> str | None:
    if line.startswith("[") and line.endswith("]") and len(line) > 2 and not _UNSAFE.search(line):
        return line[1:-1]
    return None


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Each line that says something, continuations joined, with the number of its first line."""
    begun = ""
    first = 0
    for number, raw in enumerate(_LINE_ENDS.split(text.removeprefix(_BYTE_ORDER_MARK)), start=1):
        if raw.lstrip(_WHITESPACE).startswith(_COMMENTS):
            continue
        first = first or number
        line = begun + raw
        if _ends_escaped(line):
            begun = line[:-1] + " "
            continue
        if stripped := line.strip(_WHITESPACE):
            yield first, stripped
        begun, first = "", 0
    if stripped := begun.strip(_WHITESPACE):
        yield first, stripped


def _ends_escaped(line: str) -> bool:
    return (len(line) - len(line.rstrip("\\"))) % 2 == 1
