"""The versions on this node's disk as resourced uses them, and putting one in place (DESIGN section 3)."""

import contextlib
import os
import time
from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path
from typing import Final

from standfast.configuration import checkout, install, versions
from standfast.configuration.load import ROOT, check
from standfast.configuration.model import Configuration, ConfigurationError
from standfast.configuration.tree import Tree, read_tree
from standfast.resourced.leases import RUN

SPARE_S: Final = 86_400.0
READ: Final = RUN / "read"  # a boot takes it away; nobody else writes it


def load_version(digest: str) -> tuple[Configuration, Tree] | None:
    """A stored version as this machine judges it, and its files; None: it is not stored here whole.

    Raises ConfigurationError.
    """
    tree = versions.read(digest)
    return (check(tree), tree) if tree is not None else None


def load_decided(digest: str) -> Configuration | None:
    """A stored version that is in force: nothing is asked of this machine; None: it is not stored here whole.

    Raises ConfigurationError: the others accepted what this release does not understand.
    """
    tree = versions.read(digest)
    return check(tree, system=None) if tree is not None else None


def put_in_place(configuration: Configuration, past: Sequence[str] = ()) -> bool:
    """It is the version in force here, its units are installed, /etc/standfast shows it; True: systemd must reload.

    `past` are the digests of the versions that came into force, the newest first. Each step may be repeated: who dies
    in between does all of them again. Files that somebody edited are left alone.
    Raises ConfigurationError before anything changes when something of an administrator is in the way, or when the
    version is not stored here whole; OSError.
    """
    before, after = versions.read_in_force(), versions.read(configuration.digest)
    if after is not None:
        if problems := install.in_the_way(configuration.groups, after):
            raise ConfigurationError(problems)
        if before is not None:
            _note_what_came_and_went(before, past)
            _take_back_what_was_begun(before, after)
            versions.begin(after.digest)
            checkout.update(ROOT, before, after)
    versions.point(configuration.digest)
    return install.install(configuration)


def _take_back_what_was_begun(before: Tree, after: Tree) -> None:
    """What a call for a third version, interrupted before that was in force here, wrote into /etc/standfast is gone:
    nobody edited that."""
    begun = versions.read(versions.begun())
    if begun is not None and begun.digest not in (before.digest, after.digest):
        checkout.update(ROOT, begun, before)


def _note_what_came_and_went(before: Tree, past: Sequence[str]) -> None:
    """/etc/standfast shows, whole, a version that came into force and went while this node was away: it was edited and
    pushed here. Nothing is left to do with that edit, so it is taken back as one that was begun."""
    here = read_tree(ROOT).digest
    if here in takewhile(lambda digest: digest != before.digest, past):
        versions.begin(here)


def unguarded(configuration: Configuration) -> tuple[str, ...]:
    """Units that would become resources by this configuration: no guard of ours is in place for them."""
    return install.unguarded(configuration.groups)


def installed() -> str:
    """Digest of the version whose units are installed, "" = none, or an installation was interrupted."""
    return install.installed_digest() or ""


def take_read(note: Path = READ) -> str:
    """Digest of the version whose units systemd has read since they were put in place, "" = none that is known.

    It is told once: whoever dies before `note_read` has systemd read them again.
    """
    try:
        digest = note.read_text()
    except (FileNotFoundError, UnicodeDecodeError):
        digest = ""
    note.unlink(missing_ok=True)
    return digest


def note_read(digest: str, note: Path = READ) -> None:
    """systemd has read the units of this version. Where that cannot be noted it reads them once more."""
    with contextlib.suppress(OSError):
        note.write_text(digest)


class Drift:
    """Which files in /etc/standfast differ from the version in force; they are read when one of them was touched."""

    def __init__(self) -> None:
        self._seen: tuple[object, ...] = ()
        self._names: tuple[str, ...] = ()
        self.took_s = 0.0  # of a processor: the last look at what was touched

    def names(self) -> tuple[str, ...]:
        """Blocks."""
        began = time.thread_time()
        seen = (versions.in_force(), _touched())
        self.took_s = time.thread_time() - began
        if seen != self._seen:
            in_force = versions.read_in_force()
            self._names = checkout.drift(ROOT, in_force) if in_force is not None else ()
            self._seen = seen
        return self._names


def _touched() -> tuple[tuple[str, int, int], ...]:
    """Name, size and time of change in ns of every file in /etc/standfast, of a link itself; every few seconds, and
    there may be hundreds."""
    found, folders = [], [str(ROOT)]
    while folders:
        with contextlib.suppress(OSError), os.scandir(folders.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
                    continue
                with contextlib.suppress(OSError):  # gone meanwhile, or a broken disk: then it cannot be read either
                    status = entry.stat(follow_symlinks=False)
                    found.append((entry.path, status.st_size, status.st_mtime_ns))
    return tuple(sorted(found))


def prune(keep: set[str]) -> None:
    """Versions that nobody may want again are gone; one that has just come may be about to be pushed."""
    versions.prune(keep, spare_s=SPARE_S)
