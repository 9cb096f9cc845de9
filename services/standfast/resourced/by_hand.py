"""Which resources an administrator stopped, beyond the life of this process: by-hand/UNIT below /run/standfast.

A note holds when the unit came down: one that was up since then is another matter. A note that cannot be written, since
/run is full, is remembered for as long as this process lives.
"""

import contextlib
from pathlib import Path

from standfast.resourced.leases import RUN


class Notes:
    """By unit: when it came down, µs of CLOCK_MONOTONIC as systemd told it."""

    def __init__(self, root: Path = RUN) -> None:
        self._folder = root / "by-hand"
        self._noted = _read(self._folder)

    def down_at(self, unit: str) -> int | None:
        """None: no administrator stopped it."""
        return self._noted.get(unit)

    def add(self, unit: str, down_at: int) -> None:
        if self._noted.get(unit) == down_at:
            return
        self._noted[unit] = down_at
        with contextlib.suppress(OSError):
            self._folder.mkdir(mode=0o755, parents=True, exist_ok=True)
            (self._folder / unit).write_text(f"{down_at}\n")

    def remove(self, unit: str) -> None:
        if self._noted.pop(unit, None) is not None:
            with contextlib.suppress(OSError):
                (self._folder / unit).unlink(missing_ok=True)


def _read(folder: Path) -> dict[str, int]:
    found = {}
    with contextlib.suppress(OSError):
        for path in sorted(folder.iterdir()):
            with contextlib.suppress(OSError, ValueError):  # a full /run leaves an empty one: it says nothing
                found[path.name] = int(path.read_text())
    return found
