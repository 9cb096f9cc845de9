"""`standfast import`: a cluster.conf of RHCS becomes a folder that can be /etc/standfast."""

import ipaddress
import json
import secrets
import shutil
import socket
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import click

from standfast.configuration.load import LAST_GOOD, ROOT, load
from standfast.configuration.model import ConfigurationError, Problem
from standfast.configuration.system import System
from standfast.configuration.values import parse_address
from standfast.ctl.problems import CommandError, Exit
from standfast.files import sync_folder, write_atomic
from standfast.rhcs.document import LARGEST_BYTES, DocumentError
from standfast.rhcs.report import Imported, NewFile
from standfast.rhcs.translate import translate

_DEFAULT: Final = Path("standfast-import")
_KEY_BYTES: Final = 1024  # as corosync-keygen makes it
_NOT_THERE: Final = (ROOT, LAST_GOOD.parent, Path("/etc/systemd"))


@click.command(name="import")
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@click.option(
    "--into",
    metavar="DIR",
    type=click.Path(path_type=Path),
    default=_DEFAULT,
    help="The folder to make.",
    show_default=True,
)
@click.option(
    "--address",
    "given",
    metavar="NODE=ADDRESS",
    multiple=True,
    help="An address of a node, once for each of its links; without it the node's name is looked up here.",
)
@click.option("--json", "as_json", is_flag=True, help="For programs: what became of what, findings, problems.")
def import_(file: Path, into: Path, given: tuple[str, ...], as_json: bool) -> None:
    """Make a configuration of FILE, a cluster.conf of the Red Hat Cluster Suite.

    Nodes, votes, fence devices, failover domains, services and their resources become cluster.conf and units in DIR,
    which must be empty or not there; passwords go to files of mode 0600. What has no counterpart is listed with its
    line and advice. Nothing else is touched, neither /etc/standfast nor the cluster: read the list, edit DIR, then
    copy it to /etc/standfast of every node.

    Exit codes: 0 written, and it passes the check; 1 it does not, or FILE or DIR cannot be used; 2 usage.
    """
    _refuse_folder(into)
    addresses = _given_addresses(given)
    try:
        name = str(file).encode(errors="replace").decode()
        made = translate(_content(file), name, lambda node, names: addresses.get(node) or _look_up(names))
    except DocumentError as error:
        raise CommandError(Exit.REFUSED, f"{error}.") from error
    files = {**made.files, "corosync.key": NewFile(content=secrets.token_bytes(_KEY_BYTES), mode=0o600)}
    write_folder(into, files)
    problems, here = check(into)
    _show(file, into, made, sorted(files), problems, here, as_json)
    if problems:
        text = f"{into} was written and does not pass the check yet: {len(problems)} to correct, named above."
        raise CommandError(Exit.REFUSED, text)


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


def check(into: Path) -> tuple[tuple[Problem, ...], tuple[Problem, ...]]:
    """What is wrong with the folder anywhere, and what besides on this machine (a unit that is not installed)."""
    everywhere = _problems(into, None)
    return everywhere, tuple(one for one in _problems(into, System()) if one not in everywhere)


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


def _given_addresses(given: Sequence[str]) -> Mapping[str, Sequence[str]]:
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


def _show(
    file: Path,
    into: Path,
    made: Imported,
    names: Sequence[str],
    problems: Sequence[Problem],
    here: Sequence[Problem],
    as_json: bool,
) -> None:
    if as_json:
        document = _document(file, into, made, names, problems, here)
        click.echo(json.dumps(document, indent=1, ensure_ascii=False))
        return
    from standfast.ctl.import_table import show  # rich takes a tenth of a second to load

    show(into, made, names, problems, here)


def _document(
    file: Path,
    into: Path,
    made: Imported,
    names: Sequence[str],
    problems: Sequence[Problem],
    here: Sequence[Problem],
) -> Mapping[str, Any]:
    return {
        "file": str(file),
        "into": str(into),
        "files": list(names),
        "became": [{"line": one.source.line, "what": one.what, "now": one.now} for one in made.became],
        "findings": [
            {"kind": one.kind.value, "line": one.source.line, "what": one.what, "text": one.text}
            for one in made.findings
        ],
        "problems": list(map(str, problems)),
        "problems_here": list(map(str, here)),
    }
