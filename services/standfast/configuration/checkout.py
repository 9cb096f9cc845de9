"""The administrator's working copy (/etc/standfast) beside the version in force: what differs, and bringing it along.

A file that still is as in the version before follows to the version after; one that somebody edited is left alone. Each
file is replaced or removed in one step, so a call that was interrupted anywhere is ended by the same call again.
"""

import contextlib
from pathlib import Path, PurePosixPath
from typing import Final

from standfast.configuration.tree import File, Tree, read_file, read_tree
from standfast.files import make_folders, sync_folder, write_atomic

_ABSENT: Final = None
_ODD: Final = "odd"  # a folder, a link to one, or what cannot be read


def update(root: Path, before: Tree, after: Tree) -> tuple[str, ...]:
    """Files below `root` that are as in `before`, or already as in `after`, are as in `after`, modes too.

    The names that were left alone because they are neither; files that both do not know are not looked at. Raises
    OSError (a full disk): then the same call does the rest.
    """
    left = []
    # What goes first: a file may come where a folder was, or a folder where a file was.
    for name in sorted({*before.files, *after.files}, key=lambda name: (name in after.files, name)):
        old, new = before.files.get(name), after.files.get(name)
        here = _look(root, name)
        if here == _ODD or _content(here) not in (_content(old), _content(new)):
            left.append(name)
        elif new is None:
            _remove(root, name)
        elif not _has_room(root, name):
            left.append(name)
        elif here != new:
            make_folders((root / name).parent)
            write_atomic(root / name, new.content, new.mode)
    return tuple(sorted(left))


def drift(root: Path, in_force: Tree) -> tuple[str, ...]:
    """The names whose content differs between `root` and the version in force, in order; modes do not count."""
    here = read_tree(root)
    differing = {
        name
        for name in {*here.files, *in_force.files}
        if _content(here.files.get(name)) != _content(in_force.files.get(name))
    }
    unreadable = {problem.source.path for problem in here.problems} - {str(root)}
    return tuple(sorted(differing | unreadable))


def _look(root: Path, name: str) -> File | str | None:
    path = root / name
    if any(folder.is_symlink() for folder in _above(root, name)):
        return _ODD  # its files are elsewhere
    if not path.is_symlink() and not path.is_file():
        return _ODD if path.exists() and not path.is_dir() else _ABSENT
    try:
        return read_file(path, root)
    except (OSError, ValueError):
        return _ODD


def _content(file: File | str | None) -> bytes | None:
    return file.content if isinstance(file, File) else None


def _above(root: Path, name: str) -> list[Path]:
    """The folders between `root` and the file, the nearest first."""
    return [root / folder for folder in PurePosixPath(name).parents][:-1]


def _has_room(root: Path, name: str) -> bool:
    """No folder is where the file is to be, and no file where a folder above it is to be."""
    return not (root / name).is_dir() and all(not path.exists() or path.is_dir() for path in _above(root, name))


def _remove(root: Path, name: str) -> None:
    """The file is gone, and with it the folders that have nothing else in them."""
    path = root / name
    if path.is_file() or path.is_symlink():  # a mask leads to what is no file
        path.unlink()
    *folders, _ = above = [*_above(root, name), root]
    for folder in folders:
        with contextlib.suppress(OSError):  # something else is in it, or it is gone
            folder.rmdir()
    sync_folder(next(folder for folder in above if folder.is_dir()))
