"""A unit file or cluster.conf changed in one place; everything else stays byte for byte. Pure.

A section's block is its lines up to its last entry, with the comment that stands right above it and the one that stands
right below. What is between two blocks belongs to neither and stays where it is.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from standfast.configuration.unitfile import Entry, Section, effective, last_line, physical_lines, scan

RECORDS: Final = ("Node", "FenceDevice", "Domain", "Heuristic")  # one section for each Name=
_KEY: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*")
_HEADER: Final = re.compile(r"[^\x00-\x1f\x7f\"'\\\[\]]+")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_COMMENT: Final = re.compile(r"[ \t]*[#;]")
_MARK: Final = "\ufeff"  # of the order of bytes; it stays first


class EditError(Exception):
    """The edit cannot be made: one sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Block:
    """Numbers of lines, counted from 0; `end` is the first one behind it."""

    start: int
    header: int
    last: int  # behind its last entry
    end: int
    section: Section


class Text:
    """One file; each method leaves it changed or raises EditError."""

    def __init__(self, text: str, path: str) -> None:
        self._path = path
        self._mark = _MARK if text.startswith(_MARK) else ""
        text = text.removeprefix(_MARK)
        self._bare = bool(text) and not physical_lines(text)[-1].endswith(("\n", "\r"))
        self._ending = next((one for one in ("\r\n", "\n", "\r") if one in text), "\n")
        self._lines = physical_lines(text + self._ending if self._bare else text)

    def __str__(self) -> str:
        text = "".join(self._lines)
        return self._mark + (text.removesuffix(self._ending) if self._bare else text)

    @property
    def is_empty(self) -> bool:
        """Nothing but white space is left."""
        return not any(line.strip() for line in self._lines)

    def set(self, section: str, name: str, key: str, values: Sequence[str]) -> None:
        """The key has these values, a line for each; those that it has already stay as they are written."""
        _check_key(key)
        wanted = [_checked(value) for value in values]
        if wanted and not name and section not in RECORDS and not self._find(section, name):
            self.add(section, "")
        blocks = self._find(section, name)
        if not blocks and wanted:
            raise EditError(f"there is no [{section}] {name}".rstrip())
        if blocks:
            self._replace(section, blocks[0].header if name else None, key, wanted)

    def add(self, section: str, name: str, after: str = "") -> None:
        """There is such a section, with Name= if it has a name: the last of all, or behind the one called `after`."""
        if not _HEADER.fullmatch(section) or section != section.strip():
            raise EditError(f"“{section}” is no section; write for example Node, or X-Probe web")
        if name and self._find(section, name):
            raise EditError(f"there is a [{section}] {name} already")
        if not name and section in RECORDS:
            raise EditError(f"a [{section}] needs a name")
        place = self._one(section, after).end if after else len(self._lines)
        lines = [f"[{section}]", *([f"Name={_checked(name)}"] if name else [])]
        made = [f"{line}{self._ending}" for line in lines]
        before = len(self._find_all(section))
        self._lines[place:place] = [self._ending, *made] if self._lines else made
        if len(self._find_all(section)) != before + 1:
            raise EditError(f"the text ends in a way that no [{section}] can be added: edit the text")

    def drop(self, section: str, name: str) -> None:
        """The section is gone, with the comment right above it and one empty line."""
        block = self._one(section, name)
        start = block.start
        if start and not self._lines[start - 1].strip():
            start -= 1
        del self._lines[start : block.end]

    def move(self, section: str, name: str, before: str) -> None:
        """The section stands before the one called `before`; "": behind the last of its kind."""
        blocks = self._blocks()
        kind = [number for number, block in enumerate(blocks) if block.section.name == section]
        moved = self._one(section, name)
        source = next(number for number in kind if blocks[number] == moved)
        if before == name:
            return
        target = next(number for number in kind if blocks[number] == self._one(section, before)) if before else kind[-1]
        if before and target > source:
            target -= 1
        order = [number for number in range(len(blocks)) if number != source]
        order.insert(target, source)
        texts = [self._lines[blocks[number].start : blocks[number].end] for number in order]
        made: list[str] = []
        end = 0
        for block, text in zip(blocks, texts, strict=True):
            made += self._lines[end : block.start] + text
            end = block.end
        said = sorted(map(_said, self._sections()))
        self._lines = made + self._lines[end:]
        if sorted(map(_said, self._sections())) != said:
            raise EditError(f"[{section}] {name} cannot be moved as the text is: edit the text")

    # where things are

    def _sections(self) -> tuple[Section, ...]:
        return scan("".join(self._lines), self._path)[0]

    def _blocks(self) -> list[_Block]:
        found: list[_Block] = []
        sections = self._sections()
        for number, section in enumerate(sections):
            following = sections[number + 1] if number + 1 < len(sections) else None
            header = section.source.line - 1
            last = last_line(self._lines, section.entries[-1].source.line) if section.entries else header + 1
            floor = found[-1].end if found else 0
            start = header
            while start > floor and _COMMENT.match(self._lines[start - 1]):
                start -= 1
            found.append(_Block(start=start, header=header, last=last, end=self._end(last, following), section=section))
        return found

    def _end(self, last: int, following: Section | None) -> int:
        """Behind the comment that stands right below, unless it stands right above the next section."""
        end = last
        while end < len(self._lines) and _COMMENT.match(self._lines[end]):
            end += 1
        return last if following is not None and end == following.source.line - 1 else end

    def _find_all(self, section: str) -> list[_Block]:
        return [block for block in self._blocks() if block.section.name == section]

    def _find(self, section: str, name: str) -> list[_Block]:
        """The sections that are meant: of one that is no record all of that name are one to systemd."""
        blocks = self._find_all(section)
        if name:
            return [block for block in blocks if _named(block.section) == name][:1]
        if section in RECORDS and len(blocks) > 1:
            raise EditError(f"there are {len(blocks)} sections [{section}]: say which by its name")
        return blocks

    def _one(self, section: str, name: str) -> _Block:
        found = self._find(section, name)
        if not found:
            raise EditError(f"there is no [{section}] {name}".rstrip())
        return found[0]

    # lines of one key

    def _entries(self, blocks: Sequence[_Block], key: str) -> list[Entry]:
        """The lines of the key that count: those behind the last empty one."""
        entries = [entry for block in blocks for entry in block.section.entries if entry.key == key]
        empty = [number for number, entry in enumerate(entries) if not entry.value]
        return entries[empty[-1] + 1 :] if empty else entries

    def _replace(self, section: str, header: int | None, key: str, wanted: Sequence[str]) -> None:
        """In the section whose header stands there; None: in all of that name."""

        def now() -> list[_Block]:
            return [one for one in self._find_all(section) if header in (None, one.header)]

        entries = self._entries(now(), key)
        for entry in reversed(entries[len(wanted) :]):
            self._take_out(entry)
        for entry, value in reversed(list(zip(entries, wanted, strict=False))):
            if _plain(entry.value) != _plain(value):
                self._write(entry, value)
        if more := wanted[len(entries) :]:
            there = self._entries(now(), key)
            place = last_line(self._lines, there[-1].source.line) if there else now()[0].last
            self._lines[place:place] = [f"{key}={value}{self._ending}" for value in more]
        if [_plain(entry.value) for entry in self._entries(now(), key)] != list(map(_plain, wanted)):
            raise EditError(f"{key}= of [{section}] cannot be changed by a form as the text is: edit the text")

    def _write(self, entry: Entry, value: str) -> None:
        first, end = entry.source.line - 1, last_line(self._lines, entry.source.line)
        line = self._lines[first]
        head = re.match(r"[^=]*=[ \t]*", line)
        assert head is not None, line
        comments = [one for one in self._lines[first + 1 : end] if _COMMENT.match(one)]
        self._lines[first:end] = [f"{head[0]}{value}{self._ending}", *comments]

    def _take_out(self, entry: Entry) -> None:
        first, end = entry.source.line - 1, last_line(self._lines, entry.source.line)
        self._lines[first:end] = [one for one in self._lines[first + 1 : end] if _COMMENT.match(one)]


def _named(section: Section) -> str:
    names = effective(section.entries).get("Name")
    return names[-1].value if names else ""


def _said(section: Section) -> tuple[str, ...]:
    return (section.name, *(f"{entry.key}={entry.value}" for entry in section.entries))


def _plain(value: str) -> str:
    """As it counts: a line that was continued has more blanks."""
    return " ".join(value.split())


def _check_key(key: str) -> None:
    if not _KEY.fullmatch(key):
        raise EditError(f"“{key}” is no key; it has letters, digits and dashes")


def _checked(value: str) -> str:
    text = value.strip(" \t")
    if _CONTROL.search(text):
        raise EditError(f"“{text!r}” has a character that no value can have")
    if not text:
        raise EditError("a value is empty: leave the line out")
    if text.endswith("\\"):
        raise EditError(f"“{text}” ends in a backslash, by which the next line would belong to it")
    return text
