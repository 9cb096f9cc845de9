"""Which configuration this node works with, and putting its units in place (DESIGN section 3).

In use is the version that the record says is in force. What stands in /etc/standfast is offered; it comes into force
when every node offers the same.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from standfast.configuration import versions
from standfast.configuration.guards import DROPIN
from standfast.configuration.install import SYSTEM, install, installed_digest
from standfast.configuration.load import ROOT, check, load, load_in_force
from standfast.configuration.model import Configuration, ConfigurationError, Problem, Source
from standfast.configuration.tree import read_tree


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What was read: in use (None: nothing usable), offered (None: the files are broken), what is wrong with them."""

    used: Configuration | None
    offered: Configuration | None
    problems: tuple[Problem, ...]


def find(in_force: str) -> Found:
    """Read the files and the version in force; `in_force` is the record's digest, "" = unknown."""
    offered, problems = _load(ROOT)
    used = _load_version(in_force or versions.in_force())
    if used is None and offered is not None and offered.digest == in_force:
        used = offered  # it came into force while this node was away
    return Found(used=used or load_in_force(system=None)[0], offered=offered, problems=problems)


def _load(root: Path) -> tuple[Configuration | None, tuple[Problem, ...]]:
    try:
        return load(root), ()
    except ConfigurationError as error:
        return None, error.problems


def _load_version(digest: str) -> Configuration | None:
    tree = versions.read(digest)
    try:
        return check(tree, system=None) if tree is not None else None
    except ConfigurationError:
        return None


def put_in_place(configuration: Configuration, *, from_files: bool) -> bool:
    """The configuration is in force on this node and its units are installed; True: systemd must reload.

    Raises ConfigurationError before anything changes when something of an administrator is in the way.
    """
    if from_files:
        tree = read_tree(ROOT)
        if tree.digest != configuration.digest:
            text = "the files were changed while they were read"
            raise ConfigurationError((Problem(source=Source(path=str(ROOT), line=0), text=text),))
        versions.store(tree)
    versions.point(configuration.digest)
    return install(configuration)


def unguarded(configuration: Configuration) -> tuple[str, ...]:
    """Units that would become resources by this configuration: no guard of ours is in place for them."""
    units = [resource.unit for group in configuration.groups for resource in group.resources]
    return tuple(unit for unit in units if not (SYSTEM / f"{unit}.d" / DROPIN).exists())


def installed() -> str:
    """Digest of the configuration whose units are installed, "" = none, or an installation was interrupted."""
    return installed_digest() or ""


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
