"""The flight recorder's files: bounded, in memory, and in nobody's way.

They are in /run, so writing waits for no disk; a full one is told nowhere, the recording goes on when there is room.
What it costs a failover is in contrib/docs/performance.md.
"""

import contextlib
import os
from pathlib import Path
from typing import Final

from standfast import journal
from standfast.resourced.core import Core
from standfast.resourced.events import Event
from standfast.resourced.flight import FORMAT, Begun, Failed, line
from standfast.resourced.recording import Recording

FOLDER: Final = Path("/run/standfast/flight")
NOW: Final = "now.jsonl"
BEFORE: Final = "before.jsonl"
LARGEST_BYTES: Final = 2 << 20  # then it becomes BEFORE, in the place of the one before
LONGEST_EVENT: Final = 64 << 10  # characters of one that the core could not take
AGAIN_MS: Final = 10_000  # after a write that failed


class Recorder:
    def __init__(self, node: str, incarnation: str, folder: Path = FOLDER) -> None:
        self._node, self._incarnation = node, incarnation
        self._folder = folder
        self._recording: Recording | None = None
        self._file: int | None = None
        self._size = 0
        self._blind_until: int | None = 0  # when it is tried again, ms; None: never

    def look(self, core: Core, event: Event) -> None:
        """After each step of the core: what it changed is recorded, if that can be. Never raises."""
        if self._blind_until is None or core.now < self._blind_until:
            return
        try:
            if self._recording is None:
                self._recording = Recording(self._begun(core.at), core.coordinator.made)
            if lines := self._recording.look(core, event):
                self._write(b"".join(lines))
        except OSError:
            self._close()
            self._blind_until = core.now + AGAIN_MS
        except Exception as error:  # the cluster goes on without its recorder, whatever is wrong with that
            self._close()
            self._blind_until = None
            text = f"The flight recorder of this node has stopped: {error!r}"
            journal.write(journal.Event.RECORDER_STOPPED, journal.Level.WARNING, text)

    def failed(self, core: Core, event: Event, error: Exception) -> None:
        """What this process ends over is recorded, if that can be."""
        with contextlib.suppress(OSError):
            told = repr(event)[:LONGEST_EVENT]
            self._write(line(Failed(at=core.at, error=repr(error)[:LONGEST_EVENT], event=told)))

    def _begun(self, at: str) -> Begun:
        return Begun(format=FORMAT, node=self._node, incarnation=self._incarnation, at=at)

    def _write(self, data: bytes) -> None:
        """It is in the file whole, or OSError and not at all."""
        if self._file is None:
            self._file = self._open()
            self._size = os.fstat(self._file).st_size
        written = os.write(self._file, data)
        if written < len(data):
            os.ftruncate(self._file, self._size)
            raise OSError("no room")
        self._size += written
        if self._size >= LARGEST_BYTES:
            self._close()
            (self._folder / NOW).replace(self._folder / BEFORE)

    def _open(self) -> int:
        with contextlib.suppress(FileExistsError):
            self._folder.mkdir(mode=0o700)
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        return os.open(self._folder / NOW, flags, 0o600)

    def _close(self) -> None:
        """What comes next begins anew."""
        self._recording = None
        if self._file is not None:
            os.close(self._file)
            self._file = None
