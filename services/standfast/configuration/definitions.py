"""What systemd acts on of a resource's files in units/, so that a new version restarts only what it changes."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from itertools import zip_longest

from standfast.configuration.model import Group
from standfast.configuration.unitfile import Section

_READ_AT_A_START = ("X-Address", "X-Ocf")  # by the units' own programs
_ACTS_ON_NOTHING = {("Unit", "Description"), ("Unit", "Documentation")}


def definition(files: Mapping[str, tuple[Section, ...]]) -> str:
    """SHA-256 in hex over the settings of one unit; "": its files, if there are any, set nothing.

    `files` are those in units/ that apply to it, by their names below it, in systemd's order. What only Standfast
    reads does not count, nor what only people or `systemctl enable` read (a resource is never enabled). Of a file
    without any section its name counts: there it masks the unit, or a package's drop-in.
    """
    settings: dict[str, list[tuple[str, str]]] = {}
    for section in (section for sections in files.values() for section in sections):
        entries = [(entry.key, entry.value) for entry in section.entries if _acts(section.name, entry.key)]
        if entries:
            settings.setdefault(section.name, []).extend(entries)
    masks = [name for name, sections in files.items() if not sections]
    if not settings and not masks:
        return ""
    return hashlib.sha256(json.dumps([settings, masks], sort_keys=True).encode()).hexdigest()


def first_changed(old: Group, new: Group) -> int | None:
    """The place in `old` of the first resource that is another one in `new`, or is defined otherwise; behind its last
    one where `new` only adds some. None: they are the same, in the same order."""
    pairs = zip_longest(_defined(old), _defined(new))
    return next((place for place, (before, after) in enumerate(pairs) if before != after), None)


def _acts(section: str, key: str) -> bool:
    if section.startswith("X-") or key.startswith("X-"):
        return section in _READ_AT_A_START
    return section != "Install" and (section, key) not in _ACTS_ON_NOTHING


def _defined(group: Group) -> Iterable[tuple[str, str]]:
    return ((resource.unit, resource.definition) for resource in group.resources)
