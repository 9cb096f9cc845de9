"""What fenced did, one JSON line for each ended attempt, for `fence history` and people; nothing depends on it."""

import json
import os
from pathlib import Path
from typing import Final

from standfast.files import write_atomic

LARGEST_BYTES: Final = 256 * 1024
KEPT_BYTES: Final = 128 * 1024


class History:
    """The file is bounded: past LARGEST_BYTES its older half goes."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def append(self, **fields: str | int) -> None:
        """The line is in the file. Blocks on the disk: call it in a thread. Raises OSError."""
        line = json.dumps(fields, ensure_ascii=False, sort_keys=True).encode() + b"\n"
        self._path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        descriptor = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            size = os.fstat(descriptor).st_size
            if size and os.pread(descriptor, 1, size - 1) != b"\n":
                line = b"\n" + line  # a power cut left half a line
            size += os.write(descriptor, line)
        finally:
            os.close(descriptor)
        if size > LARGEST_BYTES:
            kept = self._path.read_bytes()[-KEPT_BYTES:]
            write_atomic(self._path, kept.partition(b"\n")[2])

    def last(self, node: str, most: int) -> list[dict[str, str | int]]:
        """The newest `most` lines about `node` ("": about any), oldest first. Blocks on the disk. Raises OSError."""
        entries = [entry for entry in self.entries() if node in ("", entry.get("node"))]
        return entries[len(entries) - min(most, len(entries)) :]

    def entries(self) -> list[dict[str, str | int]]:
        """All lines, oldest first; one that a power cut left half is skipped."""
        entries = []
        try:
            lines = self._path.read_bytes().splitlines()
        except FileNotFoundError:
            return []
        for line in lines:
            try:
                entry = json.loads(line)
            except ValueError:
                continue
            if isinstance(entry, dict):
                entries.append(entry)
        return entries
