"""Mount units: the name says where (systemd.unit(5), "String Escaping")."""

import posixpath
import re
import string
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from standfast.configuration.model import Group, Problem, Source

# file systems that mount(8) leaves to a program /sbin/mount.TYPE, and the package of Debian that has it
_HELPERS: Final[Mapping[str, str]] = {"cifs": "cifs-utils", "nfs": "nfs-common", "nfs4": "nfs-common"}
_PLAIN = frozenset((string.ascii_letters + string.digits + ":_.").encode())


def mount_point(unit: str) -> str | None:
    """Where a mount unit mounts, None for another unit."""
    stem = unit.removesuffix(".mount")
    if stem == unit:
        return None
    if stem == "-":
        return "/"
    return "/" + _unescape(stem.replace("-", "/"), rb"\\x([0-9a-fA-F]{2})", 16)


def mount_unit(where: str) -> str:
    """The name of the unit that mounts at the path `where`, as `systemd-escape --path --suffix=mount` says it."""
    path = clean_path(where).strip("/").encode(errors="surrogateescape")
    stem = "".join(
        "-" if byte == ord("/") else chr(byte) if byte in _PLAIN and (index or byte != ord(".")) else f"\\x{byte:02x}"
        for index, byte in enumerate(path)
    )
    return f"{stem or '-'}.mount"


def clean_path(path: str) -> str:
    """Without needless slashes and dots."""
    return "/" + posixpath.normpath(path).lstrip("/")


def type_refusal(kind: str, programs: Path) -> str | None:
    """Why a file system of this type cannot be mounted here, or None; `programs` is /usr/sbin."""
    if kind not in _HELPERS or (programs / f"mount.{kind}").exists():
        return None
    return f"Type={kind} needs {programs}/mount.{kind}, which is not here; install it (Debian: {_HELPERS[kind]})"


def fstab_problems(groups: Iterable[Group], text: str, path: str) -> Iterator[Problem]:
    """`text` is fstab(5): what mounts a resource's mount point without the cluster.

    At every boot systemd would start the mount, and its guard would fail the boot's file systems. A line with noauto
    that has the unit to itself only describes it.
    """
    owners = {resource.unit: group.name for group in groups for resource in group.resources}
    for number, line in enumerate(text.splitlines(), start=1):
        fields = line.split()
        if len(fields) < 4 or line.lstrip().startswith("#") or not fields[1].startswith("/"):
            continue
        where = _unescape(fields[1], rb"\\([0-7]{3})", 8)
        options = fields[3].split(",")
        unit = mount_unit(where)
        if unit in owners and not ("noauto" in options and "x-systemd.automount" not in options):
            told = f"mounts {where} at every boot, and {unit} is a resource of group {owners[unit]}; remove the line"
            yield Problem(source=Source(path=path, line=number), text=told)


def _unescape(escaped: str, escape: bytes, base: int) -> str:
    """The text with each `escape` replaced by the byte that its digits say."""
    data = re.sub(escape, lambda found: bytes([int(found[1], base) & 0xFF]), escaped.encode(errors="surrogateescape"))
    return data.decode(errors="surrogateescape")
