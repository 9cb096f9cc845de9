"""The measured durations on disk: of use to people only, so losing them costs nothing but an estimate."""

from pathlib import Path
from typing import Final

from standfast.files import write_atomic
from standfast.resourced.codec import MessageError, decode, encode
from standfast.resourced.durations import Durations

DURATIONS: Final = Path("/var/lib/standfast/durations.json")
MAXIMUM_BYTES: Final = 8 << 20


def read(path: Path = DURATIONS) -> Durations:
    """What is on disk; a file that is missing or damaged is as none."""
    try:
        found: Durations = decode(Durations, path.read_bytes(), MAXIMUM_BYTES)
    except (OSError, MessageError):
        return Durations()
    return found


def write(durations: Durations, path: Path = DURATIONS) -> bool:
    """They are on disk; False: they could not be written, and the file is as it was. Blocks: not for the loop."""
    try:
        write_atomic(path, encode(durations), mode=0o644)
    except OSError:
        return False
    return True
