"""The files of a configuration, read once: what is checked, what is counted and what is stored are the same bytes."""

import hashlib
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from standfast.configuration.model import Problem, Source

LARGEST_FILE_BYTES: Final = 1 << 20
_LONGEST_NAME_BYTES = 245  # 255, less what a file that is being written is called by
_LONGEST_PATH = 1024
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

    def folder(self, name: str) -> tuple[str, ...]:
        """The names of the files directly in `name`, without it."""
        prefix = f"{name}/"
        below = (path.removeprefix(prefix) for path in self.files if path.startswith(prefix))
        return tuple(path for path in below if "/" not in path)


def read_tree(root: Path) -> Tree:
    """Every file below `root`; what is no readable file is a problem, never an exception."""
    files: dict[str, File] = {}
    problems: list[Problem] = []
    for path in _walk(root, problems):
        name = str(path.relative_to(root))
        try:
            files[name] = read_file(path)
        except (OSError, ValueError) as error:
            text = error.strerror or "cannot be read" if isinstance(error, OSError) else str(error)
            problems.append(Problem(source=Source(path=name, line=0), text=text))
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


def name_refusal(name: str) -> str | None:
    """Why no file of the configuration can be called `name` (below its folder, with "/"), or None."""
    path = PurePosixPath(name)
    try:
        longest = max((len(os.fsencode(part)) for part in path.parts), default=0)
    except UnicodeEncodeError:
        return "is no name that a file can have"
    if "\0" in name or path.is_absolute() or ".." in path.parts or str(path) != name or not path.parts:
        return "is no name below the configuration's folder; write for example units/webserv.target"
    if longest > _LONGEST_NAME_BYTES or len(name) > _LONGEST_PATH:
        return f"is too long; a file or folder here may have a name of {_LONGEST_NAME_BYTES} bytes"
    if any(map(_left_behind, path.parts)):
        return "is a name that editors and packages leave behind, so it would not be read; call it otherwise"
    return None


def read_file(path: Path) -> File:
    """The file at `path`. Raises OSError, and ValueError when it is no plain file or too large."""
    if os.path.realpath(path) == "/dev/null":  # as `systemctl mask` does; an empty file says the same to systemd
        return File(content=b"", mode=0o644)
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise ValueError("is no file; nothing but files and folders is replicated")
        content = file.read(LARGEST_FILE_BYTES + 1)
    if len(content) > LARGEST_FILE_BYTES:
        raise ValueError(_TOO_LARGE)
    return File(content=content, mode=status.st_mode & 0o777)


def _walk(root: Path, problems: list[Problem]) -> Iterator[Path]:
    def failed(error: OSError) -> None:
        path = Path(error.filename)
        name = str(root) if path == root else str(path.relative_to(root))
        problems.append(Problem(source=Source(path=name, line=0), text=error.strerror or "cannot be read"))

    for folder, folders, names in os.walk(root, onerror=failed):
        folders[:] = sorted(name for name in folders if not _left_behind(name))
        for name in folders:
            if (Path(folder) / name).is_symlink():
                source = Source(path=str((Path(folder) / name).relative_to(root)), line=0)
                problems.append(Problem(source=source, text="is a link to a folder; make it a folder"))
        yield from (Path(folder) / name for name in sorted(names) if not _left_behind(name))


def _place_refusal(name: str, files: Mapping[str, File]) -> str | None:
    """Why there can be no file `name` beside these, or None."""
    if any(other.startswith(f"{name}/") for other in files):
        return "is a folder; name the file in it"
    above = next((str(folder) for folder in PurePosixPath(name).parents if str(folder) in files), None)
    return f"cannot be below {above}, which is a file; call it otherwise" if above else None


def _left_behind(name: str) -> bool:
    return name.startswith(".") or name.endswith(_LEFT_BEHIND + _LEFT_BY_DPKG)
