"""The record's file: written whole before anything is said that stands on it."""

from pathlib import Path

from standfast.files import write_atomic
from standfast.resourced.codec import MessageError, decode
from standfast.resourced.core import Disk

RECORD = Path("/var/lib/standfast/record")


class RecordError(Exception):
    """The record cannot be read; the text says what to do."""


def read(path: Path = RECORD) -> Disk:
    """What is on disk; no file at all is a node without a record."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return Disk(highest_term=0, record=None)
    try:
        disk: Disk = decode(Disk, data)
    except MessageError as error:
        text = f"{path} is damaged ({error}): move it away; this node then takes the record of the others"
        raise RecordError(text) from error
    return disk


def write(data: bytes, path: Path = RECORD) -> bool:
    """The record is on disk; False: it could not be written, the old one is still whole."""
    try:
        write_atomic(path, data)
    except OSError:
        return False
    return True
