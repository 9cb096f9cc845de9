"""The kernel's table of what is mounted (proc(5)): read without touching anything that is mounted."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

OWN: Final = Path("/proc/self/mountinfo")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mounted:
    """One mounted file system."""

    device: str  # MAJOR:MINOR; the major 0 is no block device's
    point: str
    kind: str  # ext4, nfs4 …
    source: str  # what was mounted: /dev/sdb1, nas:/export …


def read_mounts(table: Path = OWN) -> tuple[Mounted, ...]:
    """In the order of the table: of two at one point the later one is on top. Raises OSError."""
    found = []
    for line in table.read_bytes().splitlines():
        mount, _, what = line.partition(b" - ")
        device, _, point = mount.split()[2:5]
        kind, source = map(_unescape, what.split(b" ")[:2])
        found.append(Mounted(device=device.decode(), point=_unescape(point), kind=kind, source=source))
    return tuple(found)


def _unescape(field: bytes) -> str:
    """Without the octal escapes."""
    found = re.sub(rb"\\([0-7]{3})", lambda octal: bytes([int(octal[1], 8)]), field)
    return found.decode(errors="surrogateescape")
