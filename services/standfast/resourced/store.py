"""Which configuration this node works with, and putting its units in place (DESIGN section 3).

In use is the one that the record says is in force: the files in /etc/standfast if they are it, else the last good
copy. What stands in /etc/standfast is offered; it comes into force when every node offers the same.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from standfast.configuration import install
from standfast.configuration.load import LAST_GOOD, ROOT, load, save_good
from standfast.configuration.model import Configuration, ConfigurationError, Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What was read: in use (None: nothing usable), offered (None: the files are broken), what is wrong with them."""

    used: Configuration | None
    offered: Configuration | None
    problems: tuple[Problem, ...]


def find(in_force: str) -> Found:
    """Read the files and the last good copy; `in_force` is the record's digest, "" = unknown."""
    offered, problems = _load(ROOT)
    if offered is not None and in_force in ("", offered.digest):
        return Found(used=offered, offered=offered, problems=())
    good = _load_good()
    return Found(used=good if good is not None else offered, offered=offered, problems=problems)


def _load(root: Path) -> tuple[Configuration | None, tuple[Problem, ...]]:
    try:
        return load(root), ()
    except ConfigurationError as error:
        return None, error.problems


def _load_good() -> Configuration | None:
    try:
        return load(LAST_GOOD, system=None)
    except ConfigurationError:
        return None


def put_in_place(configuration: Configuration, *, from_files: bool) -> bool:
    """The configuration is the last good one and its units are installed; True: systemd must reload.

    Raises ConfigurationError before anything changes when something of an administrator is in the way.
    """
    if from_files:
        save_good(checked=configuration.digest)
    return install.install(configuration, LAST_GOOD)


def unguarded(configuration: Configuration) -> tuple[str, ...]:
    """Units that would become resources by this configuration: no guard of ours is in place for them."""
    return install.unguarded(configuration.groups)


def installed() -> str:
    """Digest of the configuration whose units are installed, "" = none, or an installation was interrupted."""
    return install.installed_digest() or ""


def stamp(root: Path = ROOT) -> tuple[tuple[str, int, int], ...]:
    """Changes whenever a file below `root` does: name, size and time of change in ns."""
    found = []
    for folder, _, names in os.walk(root):
        for name in names:
            path = Path(folder, name)
            try:
                status = path.stat()
            except FileNotFoundError:
                continue
            found.append((str(path), status.st_size, status.st_mtime_ns))
    return tuple(sorted(found))
