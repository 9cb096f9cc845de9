"""What `standfast import` does with files: reads one, writes a folder of them, has it checked."""

import ipaddress
import secrets
import shutil
import socket
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click

from standfast.configuration import versions
from standfast.configuration.load import IN_FORCE, ROOT, load
from standfast.configuration.model import ConfigurationError, Problem
from standfast.configuration.system import System
from standfast.configuration.values import parse_address
from standfast.files import sync_folder, write_atomic
from standfast.operations.problems import CommandError, Exit
from standfast.rhcs.document import LARGEST_BYTES, DocumentError
from standfast.rhcs.report import Imported, NewFile
from standfast.rhcs.translate import translate

_KEY_BYTES: Final = 1024  # as corosync-keygen makes it
_NOT_THERE: Final = (ROOT, IN_FORCE.parent, Path("/etc/systemd"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A folder that was written, and what is to be told of it."""

    file: str
    into: Path
    made: Imported
    names: tuple[str, ...]  # of its files
    problems: tuple[Problem, ...]  # what is wrong with it anywhere
    here: tuple[Problem, ...]  # what besides on this machine: a unit or an agent that is not installed
    in_cluster: bool  # this machine has a configuration in force


def import_file(file: Path, into: Path, addresses: Mapping[str, Sequence[str]]) -> Outcome:
    """`into` holds the configuration. `addresses`: by a node's name, those that are given; others are looked up.

    Raises CommandError: the file or the folder cannot be used; then nothing was written.
    """
    _refuse_folder(into)
    name = str(file).encode(errors="replace").decode()
    try:
        made = translate(_content(file), name, lambda node, names: addresses.get(node) or _look_up(names))
    except DocumentError as error:
        raise CommandError(Exit.REFUSED, f"{error}.") from error
    files = {**made.files, "corosync.key": NewFile(content=secrets.token_bytes(_KEY_BYTES), mode=0o600)}
    write_folder(into, files)
    everywhere = _problems(into, None)
    here = tuple(one for one in _problems(into, System()) if one not in everywhere)
    return Outcome(
        file=name,
        into=into,
        made=made,
        names=tuple(sorted(files)),
        problems=everywhere,
        here=here,
        in_cluster=bool(versions.in_force()),
    )


def write_folder(into: Path, files: Mapping[str, NewFile]) -> None:
    """`into` holds these files, all or none of them. Raises CommandError where the disk refuses."""
    into = into.resolve()
    try:
        into.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{into.name}.", dir=into.parent))  # 0700 until all is there
        try:
            for name, file in files.items():
                path = temporary / name
                path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
                write_atomic(path, file.content, file.mode)
            for folder in (temporary, *(path for path in temporary.rglob("*") if path.is_dir())):
                folder.chmod(0o755)
            temporary.rename(into)  # onto an empty folder, or onto nothing
            sync_folder(into.parent)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise
    except OSError as error:
        raise CommandError(Exit.REFUSED, f"{into} cannot be written: {error.strerror}.") from error


def _problems(into: Path, system: System | None) -> tuple[Problem, ...]:
    try:
        load(into, system=system)
    except ConfigurationError as error:
        return error.problems
    return ()


def _content(file: Path) -> bytes:
    """One byte more than is allowed at most: the parser says what is wrong then."""
    try:
        with file.open("rb") as opened:
            return opened.read(LARGEST_BYTES + 1)
    except OSError as error:
        raise CommandError(Exit.REFUSED, f"{file} cannot be read: {error.strerror}.") from error


def _refuse_folder(into: Path) -> None:
    real = into.resolve()
    if any(real == folder or real.is_relative_to(folder) for folder in _NOT_THERE):
        raise CommandError(Exit.REFUSED, f"{into} is in use by the cluster; import elsewhere, read it, then copy it.")
    if into.is_symlink() or (into.exists() and not into.is_dir()):
        raise CommandError(Exit.REFUSED, f"{into} is no folder; name another one with --into.")
    if into.is_dir() and any(into.iterdir()):
        raise CommandError(Exit.REFUSED, f"{into} is not empty; name another folder with --into, or empty it.")


def parse_addresses(given: Sequence[str]) -> Mapping[str, Sequence[str]]:
    """The values of --address by node. Raises click.UsageError."""
    found: dict[str, list[str]] = {}
    for one in given:
        node, equals, address = one.partition("=")
        if not equals or not node:
            raise click.UsageError(f"--address {one}: write NODE=ADDRESS")
        try:
            found.setdefault(node, []).append(parse_address(address))
        except ValueError as error:
            raise click.UsageError(f"--address {one}: {error}") from None
    return found


def _look_up(names: Sequence[str]) -> list[str]:
    """An address for each name, "" where there is none but this machine's own loopback."""
    return [_address(name) for name in names]


def _address(name: str) -> str:
    try:
        found = [str(entry[4][0]) for entry in socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)]
    except (OSError, UnicodeError):
        return ""
    usable = [one for one in found if "%" not in one and not ipaddress.ip_address(one).is_loopback]
    return min(usable, key=lambda one: ipaddress.ip_address(one).version, default="")
