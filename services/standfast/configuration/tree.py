"""The files of a configuration, read once: what is checked, what is counted and what is stored are the same bytes."""

import hashlib
import os
import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from standfast.configuration.model import Problem, Source
from standfast.configuration.system import template

LARGEST_FILE_BYTES: Final = 1 << 20
LARGEST_TREE_BYTES: Final = 8 << 20
_LONGEST_NAME_BYTES = 245  # 255, less what a file that is being written is called by
_LONGEST_PATH = 1024
_MASK = Path("/dev/null")
_TOO_LARGE = "is larger than 1 MiB; large data does not belong here"
# What editors and dpkg leave behind is no configuration, as for systemd (src/basic/path-util.c): opening a file
# in an editor must not make this node's configuration differ from the others'.
_LEFT_BEHIND = ("~", ".swp", ".bak", ".old", ".new", ".rpmnew", ".rpmsave", ".rpmorig", ".ucf-new", ".ucf-old")
_LEFT_BY_DPKG = (".dpkg-old", ".dpkg-new", ".dpkg-tmp", ".dpkg-dist", ".dpkg-bak", ".dpkg-backup", ".dpkg-remove")


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    content: bytes
    mode: int  # permission bits


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """All files by their name below the root ("units/webserv.target"), in the order of the names."""

    files: Mapping[str, File]
    problems: tuple[Problem, ...]  # what could not be read

    @property
    def digest(self) -> str:
        """SHA-256 in hex over the names and the content of every file, secrets included; modes do not count."""
        whole = hashlib.sha256()
        for name, file in self.files.items():
            for part in (os.fsencode(name), file.content):
                whole.update(len(part).to_bytes(8, "big") + part)
        return whole.hexdigest()

    def lacks(self, name: str) -> bool:
        """There is no such file, not even one that could not be read."""
        return name not in self.files and all(problem.source.path != name for problem in self.problems)

    def folder(self, name: str) -> tuple[str, ...]:
        """The names of the files directly in `name`, without it."""
        prefix = f"{name}/"
        below = (path.removeprefix(prefix) for path in self.files if path.startswith(prefix))
        return tuple(path for path in below if "/" not in path)


def read_tree(root: Path) -> Tree:
    """Every file below `root`; what is no readable file is a problem, never an exception."""
    files: dict[str, File] = {}
    problems: list[Problem] = []
    whole = 0
    for path in _walk(root, problems):
        name = str(path.relative_to(root))
        try:
            if refusal := name_refusal(name):
                raise ValueError(refusal)
            files[name] = read_file(path, root)
        except (OSError, ValueError) as error:
            text = _unreadable(error) if isinstance(error, OSError) else str(error)
            problems.append(_problem(name, text))
            continue
        whole += len(files[name].content)
        if whole > LARGEST_TREE_BYTES:
            text = "all files together are larger than 8 MiB; large data does not belong here"
            problems.append(Problem(source=Source(path=str(root), line=0), text=text))
            break
    ordered = {name: files[name] for name in sorted(files)}
    return Tree(files=ordered, problems=tuple(problems))


def replace_files(tree: Tree, contents: Mapping[str, str | bytes]) -> Tree:
    """The tree as it were with these contents, by name, in the place of its files or beside them; nothing is written.

    What was wrong with a file that is replaced is forgotten; a name that could not be read there is a problem.
    """
    files = dict(tree.files)
    problems = [problem for problem in tree.problems if problem.source.path not in contents]
    for name, content in contents.items():
        # Half of a surrogate pair is no text: it becomes bytes that the check refuses, with their line.
        written = content.encode(errors="surrogatepass") if isinstance(content, str) else content
        too_large = _TOO_LARGE if len(written) > LARGEST_FILE_BYTES else None
        if refusal := name_refusal(name) or _place_refusal(name, tree.files) or too_large:
            problems.append(Problem(source=Source(path=name, line=0), text=refusal))
        else:
            # A new one has no mode yet: it is not told to be open to others before it is written.
            files[name] = File(content=written, mode=files[name].mode if name in files else 0o600)
    return Tree(files={name: files[name] for name in sorted(files)}, problems=tuple(problems))


def mode_of_new(name: str) -> int:
    """What a new file may be read by: what is beside cluster.conf is a secret."""
    return 0o644 if "/" in name or name == "cluster.conf" else 0o600


def name_refusal(name: str) -> str | None:
    """Why no file of the configuration can be called `name` (below its folder, with "/"), or None."""
    path = PurePosixPath(name)
    try:
        longest = max((len(part.encode()) for part in path.parts), default=0)
    except UnicodeEncodeError:
        return "is no name in UTF-8; call it otherwise"
    if "\0" in name or path.is_absolute() or ".." in path.parts or str(path) != name or not path.parts:
        return "is no name below the configuration's folder; write for example units/webserv.target"
    if longest > _LONGEST_NAME_BYTES or len(name) > _LONGEST_PATH:
        return f"is too long; a file or folder here may have a name of {_LONGEST_NAME_BYTES} bytes"
    if any(map(_left_behind, path.parts)):
        return "is a name that editors and packages leave behind, so it would not be read; call it otherwise"
    return None


def _walk(root: Path, problems: list[Problem]) -> Iterator[Path]:
    def failed(error: OSError) -> None:
        path = Path(error.filename)
        name = str(root) if path == root else str(path.relative_to(root))
        problems.append(_problem(name, _unreadable(error)))

    for folder, folders, names in os.walk(root, onerror=failed):
        folders[:] = sorted(name for name in folders if not _left_behind(name))
        for path in (Path(folder) / name for name in folders):
            name = str(path.relative_to(root))
            if path.is_symlink():
                problems.append(_problem(name, "is a link to a folder; make it a folder"))
            elif re.fullmatch(r"units/[^/]+(?<!\.d)", name) and os.access(path, os.R_OK) and not any(path.iterdir()):
                text = "is an empty folder where a unit's file was expected; put the file there, or remove it"
                problems.append(_problem(name, text))
        yield from (Path(folder) / name for name in sorted(names) if not _left_behind(name))


def _place_refusal(name: str, files: Mapping[str, File]) -> str | None:
    """Why there can be no file `name` beside these, or None."""
    if any(other.startswith(f"{name}/") for other in files):
        return "is a folder; name the file in it"
    above = next((str(folder) for folder in PurePosixPath(name).parents if str(folder) in files), None)
    return f"cannot be below {above}, which is a file; call it otherwise" if above else None


def _left_behind(name: str) -> bool:
    return name.startswith(".") or name.endswith(_LEFT_BEHIND + _LEFT_BY_DPKG)


def read_file(path: Path, root: Path) -> File:
    """The file at `path` below `root`. Raises OSError, and ValueError when it is no plain file or too large."""
    real = _follow(path, root)
    if real == _MASK:  # as `systemctl mask` does; an empty file says the same to systemd
        return File(content=b"", mode=0o644)
    descriptor = os.open(real, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW)
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise ValueError("is no file; nothing but files and folders is replicated")
        content = file.read(LARGEST_FILE_BYTES + 1)
    if len(content) > LARGEST_FILE_BYTES:
        raise ValueError(_TOO_LARGE)
    return File(content=content, mode=status.st_mode & 0o777)


def _follow(path: Path, root: Path) -> Path:
    """The file itself: a link counts as a copy of what it leads to. Raises ValueError where that means something else.

    Out of the tree the other nodes have something else there; one unit linked to another is no second unit for
    systemd but a second name of it, which a copy is not.
    """
    if not path.is_symlink():
        return path
    target = path.readlink()
    try:
        real = path.resolve(strict=True)
    except FileNotFoundError:
        raise ValueError(f"is a link to {target}, which is not there; put the file itself here, or remove it") from None
    except (RuntimeError, OSError):  # RuntimeError before Python 3.13
        raise ValueError(f"is a link to {target} that leads back to itself; put the file itself here") from None
    if real != _MASK and not real.is_relative_to(root.resolve()):
        raise ValueError(f"is a link to {target}, which is not replicated; put the file itself here")
    if path.parent == root / "units" and real != _MASK and real.name not in (path.name, template(path.name)):
        text = f"is a link to {target}, so that systemd takes both for one unit"
        raise ValueError(f"{text}; put a file of its own here, or write {real.name} wherever {path.name} is meant")
    return real


def _unreadable(error: OSError) -> str:
    hint = "; try again as root" if isinstance(error, PermissionError) and os.geteuid() != 0 else ""
    return f"cannot be read: {error.strerror or error}{hint}"


def _problem(name: str, text: str) -> Problem:
    """Of a file of this name, whatever bytes that is made of."""
    return Problem(source=Source(path=os.fsencode(name).decode(errors="replace"), line=0), text=text)
