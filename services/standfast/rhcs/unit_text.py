"""The text of unit files and of cluster.conf, and systemd's ways to escape; pure."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

_PLAIN_WORD: Final = re.compile(r"[A-Za-z0-9_@:,./=+-]+")
_NOT_IN_UNIT_NAMES: Final = re.compile(r"[^A-Za-z0-9:_.]")
_LONGEST_NAME: Final = 63


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One [NAME] with its lines, each a key and a value as they are to be written."""

    name: str
    lines: tuple[tuple[str, str], ...]


def section(name: str, *lines: tuple[str, str]) -> Section:
    """A section; a line without a value is left out."""
    return Section(name=name, lines=tuple(line for line in lines if line[1]))


def render(comment: str, sections: Iterable[Section]) -> str:
    """The text of a file that begins with `comment` (one line)."""
    parts = [f"# {''.join(char if char.isprintable() else '?' for char in comment)}\n"]
    for one in sections:
        parts.append(f"[{one.name}]\n" + "".join(f"{key}={value}\n" for key, value in one.lines))
    return "\n".join(parts)


def specifiers(value: str) -> str:
    """`value` where systemd would expand %."""
    return value.replace("%", "%%")


def word(value: str) -> str:
    """`value` as one word of ExecStart=."""
    return _quoted(value.replace("$", "$$"))


def variable(name: str, value: str) -> str:
    """NAME=VALUE as one word of Environment=, which expands no $."""
    return _quoted(f"{name}={value}")


def _quoted(value: str) -> str:
    escaped = specifiers(value)
    if _PLAIN_WORD.fullmatch(escaped):
        return escaped
    return '"' + escaped.replace("\\", "\\\\").replace('"', '\\"') + '"'


def mount_unit(path: str) -> str:
    """The name of the mount unit for an absolute path (systemd.unit(5), `systemd-escape --path`)."""
    stripped = "/".join(part for part in path.split("/") if part)
    if not stripped:
        return "-.mount"
    return f"{_escaped(stripped)}.mount"


def _escaped(path: str) -> str:
    text = "".join("-" if char == "/" else _escaped_char(char) for char in path)
    return f"\\x2e{text[1:]}" if text.startswith(".") else text


def _escaped_char(char: str) -> str:
    if not _NOT_IN_UNIT_NAMES.search(char):
        return char
    return "".join(f"\\x{byte:02x}" for byte in char.encode())


def plain_name(text: str) -> str:
    """A name of ours that is as near to `text` as can be: letters, digits, “-”, “_” and “.”, at most 63."""
    plain = re.sub(r"[^A-Za-z0-9_.-]+", "-", text.strip())
    plain = re.sub(r"^[^A-Za-z0-9]+", "", plain)[:_LONGEST_NAME].rstrip("-.")
    return plain or "unnamed"


class Names:
    """Names of ours for names of RHCS, no two alike."""

    def __init__(self) -> None:
        self._taken: dict[str, int] = {}  # with how many were like it

    def claim(self, wanted: str) -> str:
        """A name for `wanted` that nobody else has."""
        base = plain_name(wanted)
        name = base
        while name in self._taken:
            self._taken[base] += 1
            name = f"{base[: _LONGEST_NAME - 6]}-{self._taken[base]}"
        self._taken[name] = 1
        return name
