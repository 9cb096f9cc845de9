"""The record's file: written whole before anything is said that stands on it."""

from pathlib import Path

from standfast import journal
from standfast.files import write_atomic
from standfast.resourced.codec import MessageError, decode
from standfast.resourced.record import Disk

RECORD = Path("/var/lib/standfast/record")


def read(path: Path = RECORD) -> Disk:
    """What is on disk; no file at all is a node without a record.

    A damaged file is moved aside and told: this node then takes the record of the others, and does not count where
    only disks have one.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return Disk(highest_term=0, record=None)
    try:
        disk: Disk = decode(Disk, data)
    except MessageError as error:
        aside = path.with_suffix(".damaged")
        path.replace(aside)
        text = f"{path} is damaged ({error}) and was moved to {aside}; this node takes the record of the others"
        journal.write(journal.Event.RECORD_DAMAGED, journal.Level.ERROR, text)
        return Disk(highest_term=0, record=None)
    return disk


def write(data: bytes, path: Path = RECORD) -> bool:
    """The record is on disk; False: it could not be written, the old one is still whole."""
    try:
        write_atomic(path, data)
    except OSError:
        return False
    return True
