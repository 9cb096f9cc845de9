"""The file in which Corosync keeps the number of its last ring (`system.state_dir` of cmap_keys(7))."""

import contextlib
import os
import struct
from pathlib import Path
from typing import Final

STATE: Final = Path("/var/lib/corosync")
_SEQUENCE: Final = struct.Struct("=Q")


def stored_sequence(node: int, state: Path = STATE) -> int | None:
    """The sequence number of the ring that Corosync of this node began to form last, None where that is not known.

    It is written before the ring is operational. So it tells of rings that are given up before anybody is told of them,
    and also while Corosync synchronises and answers no question.
    """
    with contextlib.suppress(OSError, struct.error):  # it is being written, or Corosync never ran
        (sequence,) = _SEQUENCE.unpack(_read(f"{state}/ringid_{node}"))
        return int(sequence)
    return None


def _read(path: str) -> bytes:
    """Each second: a file object would take three times as many system calls."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(descriptor, _SEQUENCE.size + 1)
    finally:
        os.close(descriptor)
