"""The versions of the configuration on this node's disk, and which of them is in force here.

    /var/lib/standfast/versions/DIGEST/    the files of one version, whole
    /var/lib/standfast/config              a link to versions/DIGEST: what every daemon reads, and Corosync and systemd
    /var/lib/standfast/next                a link to the one that /etc/standfast was brought to, or was about to be

A version is made beside its place and renamed into it, and the link is replaced in one step, so both are whole at any
time, also after a power cut. Secrets keep their modes; who knows a unit's name may read it (`systemctl cat`), but not
list what there is. All functions take the folder of both, block, and raise OSError when the disk refuses: then what
was there before is there whole.
"""

import contextlib
import fcntl
import os
import re
import shutil
import time
from collections.abc import Collection, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

from standfast.configuration.model import ConfigurationError, Problem, Source
from standfast.configuration.secrets import secret_names
from standfast.configuration.system import IN_FORCE as IN_FORCE
from standfast.configuration.tree import Tree, read_tree
from standfast.files import make_folders, sync_folder, write_atomic

FOLDER: Final = IN_FORCE.parent
_VERSIONS: Final = "versions"
_NEXT: Final = "next"
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_HIDDEN: Final = 0o711


def store(tree: Tree, folder: Path = FOLDER) -> None:
    """The version `tree` is stored whole, with these modes; a damaged one is mended where it is.

    Whatever they are, nobody else reads a secret or writes a file: modes do not count for the digest, so one that is
    in force could be opened by the same files with others. Raises ConfigurationError: a file of it could not be read.
    """
    if tree.problems:
        raise ConfigurationError(tree.problems)
    place = _place(tree.digest, folder)
    make_folders(folder)
    make_folders(place.parent, _HIDDEN)
    closed = _closed(tree)
    with _alone(place.parent):
        if read_tree(place) != closed:
            _make(closed, place)
        sync_folder(place.parent)  # also for a call that was interrupted before it could


def read(digest: str, folder: Path = FOLDER) -> Tree | None:
    """The version of this digest; None: it is not here, or damaged."""
    if not _DIGEST.fullmatch(digest):
        return None
    tree = read_tree(_place(digest, folder))
    return tree if not tree.problems and tree.digest == digest else None


def stored(folder: Path = FOLDER) -> tuple[str, ...]:
    """The digests of the versions that are here; read() tells whether one is whole."""
    with contextlib.suppress(FileNotFoundError):
        return tuple(sorted(path.name for path in (folder / _VERSIONS).iterdir() if _DIGEST.fullmatch(path.name)))
    return ()


def point(digest: str, folder: Path = FOLDER) -> None:
    """This version is in force here. Raises ConfigurationError when it is not stored whole; then nothing changed."""
    if read(digest, folder) is None:
        text = f"version {digest[:12]} is not whole on this node, so it cannot be put in force here; push it again"
        raise ConfigurationError((Problem(source=Source(path=str(folder / _VERSIONS), line=0), text=text),))
    _lead(IN_FORCE.name, digest, folder)


def begin(digest: str, folder: Path = FOLDER) -> None:
    """This version, which is stored, is about to come into force here: begun() says so also after a power cut."""
    _lead(_NEXT, digest, folder)


def begun(folder: Path = FOLDER) -> str:
    """The digest of the version that was about to come into force here last; "" = none that is stored."""
    return _followed(_NEXT, folder)


def in_force(folder: Path = FOLDER) -> str:
    """The digest of the version that is in force here, whether whole or damaged; "" = none."""
    return _followed(IN_FORCE.name, folder)


def _lead(name: str, digest: str, folder: Path) -> None:
    link, target = folder / name, Path(_VERSIONS, digest)
    with _alone(folder / _VERSIONS):
        if not link.is_symlink() or link.readlink() != target:
            _replace_link(link, target)
        sync_folder(folder)


def _followed(name: str, folder: Path) -> str:
    link = folder / name
    if not link.is_symlink():
        return ""
    digest = link.readlink().name
    there = link.readlink() == Path(_VERSIONS, digest) and _DIGEST.fullmatch(digest) and link.is_dir()
    return digest if there else ""


def read_in_force(folder: Path = FOLDER) -> Tree | None:
    """The files that are in force here, all of one version; None: none are. A damaged one has another digest."""
    digest = in_force(folder)
    return read_tree(_place(digest, folder)) if digest else None


def prune(keep: Collection[str], folder: Path = FOLDER, *, spare_s: float = 0.0) -> None:
    """Of all versions only those of `keep` are here, the one in force, and who came in the last `spare_s` seconds;
    nothing is left of interrupted calls."""
    versions = folder / _VERSIONS
    if not versions.is_dir():
        return
    with _alone(versions):
        kept, recent = {*keep, in_force(folder)}, time.time() - spare_s
        for path in versions.iterdir():
            came_lately = _DIGEST.fullmatch(path.name) and path.stat().st_mtime > recent
            if path.name not in kept and not came_lately:
                _discard(path)
        sync_folder(versions)


def _closed(tree: Tree) -> Tree:
    secret = secret_names(tree)
    modes = {name: file.mode & (0o600 if name in secret else 0o775) for name, file in tree.files.items()}
    return replace(tree, files={name: replace(file, mode=modes[name]) for name, file in tree.files.items()})


def _place(digest: str, folder: Path) -> Path:
    return folder / _VERSIONS / digest


def _make(tree: Tree, place: Path) -> None:
    if place.is_dir() and not place.is_symlink():
        _fill(place, tree)  # the link may lead here: the folder stays, each file is replaced in one step
        return
    temporary = place.with_name(f".{place.name}.new")
    _discard(temporary)
    try:
        temporary.mkdir(mode=_HIDDEN)
        _fill(temporary, tree)
        _discard(place)
        temporary.rename(place)
    except BaseException:
        _discard(temporary)
        raise


def _replace_link(link: Path, target: Path) -> None:
    temporary, aside = (link.with_name(f".{link.name}.{word}") for word in ("new", "old"))
    _discard(temporary)
    temporary.symlink_to(target)
    if link.is_dir() and not link.is_symlink():  # somebody copied a folder there
        _discard(aside)
        link.rename(aside)
    temporary.replace(link)
    _discard(aside)


def _fill(place: Path, tree: Tree) -> None:
    """`place` has exactly these files, each replaced in one step where it is another one."""
    wanted = {place / name: file for name, file in tree.files.items()}
    folders = {folder for path in wanted for folder in path.parents if folder.is_relative_to(place)}
    for path in sorted(place.rglob("*"), reverse=True):
        is_folder = path.is_dir() and not path.is_symlink()
        if path not in (folders if is_folder else wanted):
            _discard(path)
    for path, file in wanted.items():
        make_folders(path.parent)
        write_atomic(path, file.content, file.mode)
    place.chmod(_HIDDEN)
    for inner in folders - {place}:
        inner.chmod(0o755)
    for inner in sorted(folders):
        sync_folder(inner)


def _discard(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


@contextlib.contextmanager
def _alone(versions: Path) -> Iterator[None]:
    """No other process changes the versions or the link meanwhile."""
    descriptor = os.open(versions, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
