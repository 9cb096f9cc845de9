"""What knet logs of its links, in a file of Corosync's logging (corosync.conf(5), logger_subsys KNET).

Corosync answers no question while it synchronises, and where rings churn it does nothing else; its log goes on.
"""

import contextlib
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

FILE: Final = Path("/run/standfast/corosync-links.log")
_LARGEST: Final = 256 * 1024  # bytes; Corosync appends, so that it may be emptied at any time
_CHANGE: Final = re.compile(rb"host: (\d+) link: (\d+) is (up|down)")


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkChange:
    peer: int  # node id
    link: int
    up: bool


class KnetLog:
    """Reads on from where it was; what was logged before it was made is not told."""

    def __init__(self, file: Path = FILE) -> None:
        self._file = file
        self._at = self._size()

    def changes(self) -> tuple[LinkChange, ...]:
        """The links that went up or down since the last call, in order; none while the file cannot be read."""
        if self._size() < self._at:
            self._at = 0  # it was emptied
        try:
            with self._file.open("rb") as log:
                log.seek(self._at)
                text = log.read()
        except OSError:
            return ()
        whole = text[: text.rfind(b"\n") + 1]  # a line that is being written is read the next time
        self._at += len(whole)
        if self._at > _LARGEST and len(whole) == len(text):
            self._empty()
        return tuple(
            LinkChange(peer=int(peer), link=int(link), up=word == b"up") for peer, link, word in _CHANGE.findall(whole)
        )

    def stamp(self) -> tuple[int, int] | None:
        """Differs from before once something was logged; None: there is no file."""
        try:
            found = self._file.stat()
        except OSError:
            return None
        return found.st_size, found.st_mtime_ns

    def _empty(self) -> None:
        with contextlib.suppress(OSError):
            os.truncate(self._file, 0)
            self._at = 0

    def _size(self) -> int:
        stamp = self.stamp()
        return stamp[0] if stamp else 0
