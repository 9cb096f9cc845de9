"""A .tar.gz of plain files, written the same way each time, and read without trust in who wrote it.

What `standfast report` writes has a README and a folder for each node.
"""

import contextlib
import gzip
import io
import os
import tarfile
import zlib
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, Final

FLIGHT: Final = "flight"  # below a node's folder: the files of its flight recorder
REDACTED: Final = "redacted"  # beside them: a secret was taken out of them, so their digests are of something else
CONFIGURATION: Final = "configuration"  # and a folder for each version, called by its digest
MOST_FILES: Final = 20_000
LARGEST_BYTES: Final = 256 << 20  # of all files together
_TOO_LARGE: Final = f"unpacks to more than {LARGEST_BYTES >> 20} MiB"
_MODE: Final = 0o600


class ArchiveError(Exception):
    """It is no archive that can be used: half a sentence, which follows its name."""


def write(file: BinaryIO, contents: Mapping[str, bytes], at: int) -> None:
    """All files by name, sorted, for their owner's eyes, of the time `at` (seconds). Raises OSError."""
    with (
        gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=at) as packed,
        tarfile.TarFile(mode="w", fileobj=packed, format=tarfile.PAX_FORMAT) as tar,
    ):
        for name in sorted(contents):
            member = tarfile.TarInfo(name)
            member.size, member.mode, member.mtime = len(contents[name]), _MODE, at
            tar.addfile(member, io.BytesIO(contents[name]))


def write_file(path: Path, contents: Mapping[str, bytes], at: int) -> None:
    """The archive is at `path`, whole. Raises OSError: then nothing is left of it, and what was there before stays."""
    temporary = path.with_name(f".{path.name}.new")
    try:
        with open(temporary, "wb", opener=_private) as file:
            write(file, contents, at)
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise


def read(file: BinaryIO) -> dict[str, bytes]:
    """Every file by its name. Raises ArchiveError; OSError where `file` cannot be read."""
    found: dict[str, bytes] = {}
    try:
        bounded: Any = _Bounded(gzip.GzipFile(fileobj=file))  # nothing but read() is called of a stream
        with tarfile.open(mode="r|", fileobj=bounded) as tar:
            for member in tar:
                if len(found) >= MOST_FILES:
                    raise ArchiveError(f"has more than {MOST_FILES} files")
                if not member.isdir():
                    name = _name(member)
                    found[name] = _content(tar, member)
    except (tarfile.TarError, zlib.error, EOFError, gzip.BadGzipFile, UnicodeError, ValueError, OverflowError) as error:
        raise ArchiveError(f"is no whole archive ({error})") from error
    return found


class _Bounded:
    """What is unpacked, up to a limit: a few kilobytes can say terabytes."""

    def __init__(self, packed: gzip.GzipFile) -> None:
        self._packed = packed
        self._left = LARGEST_BYTES + MOST_FILES * 2048

    def read(self, size: int) -> bytes:
        data = self._packed.read(min(size, self._left + 1))
        self._left -= len(data)
        if self._left < 0:
            raise ArchiveError(_TOO_LARGE)
        return data


def _name(member: tarfile.TarInfo) -> str:
    path = PurePosixPath(member.name)
    if not member.isreg() or path.is_absolute() or ".." in path.parts or not path.parts or "\0" in member.name:
        raise ArchiveError(f"has something in it that no report has ({member.name[:80]!a})")
    return str(path)


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = tar.extractfile(member)
    assert file is not None, "it is a plain file"
    if member.size > LARGEST_BYTES:
        raise ArchiveError(_TOO_LARGE)
    data = file.read()
    if len(data) != member.size:
        raise ArchiveError("is cut off")
    return data


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC, _MODE)
