"""What a look's own process writes, read as it comes, so that the process is never held up by us."""

import asyncio
import contextlib
import os
from collections.abc import Callable
from typing import Final

_PIECE: Final = 65_536
_MOST_READ: Final = 1 << 20  # bytes; whoever writes more waits, and is out of time then


class Output:
    """A pipe between `with` and its end; `data` has the first `kept` bytes, `whole` is set once they are `complete`.

    Its name is opened by systemd for the process: no descriptor is handed over the bus, and no file is left behind.
    We hold the writing end too, so it never ends: that the process has ended is systemd's to say.
    """

    def __init__(self, kept: int, complete: Callable[[bytes], bool] = lambda _: False) -> None:
        self.data = bytearray()
        self.whole = asyncio.Event()
        self._kept = kept
        self._complete = complete
        self._read = 0
        self._loop = asyncio.get_running_loop()

    def __enter__(self) -> "Output":
        self._from, self._into = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._loop.add_reader(self._from, self._take)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.remove_reader(self._from)
        os.close(self._from)
        os.close(self._into)

    @property
    def name(self) -> str:
        """What to open for writing."""
        return f"/proc/{os.getpid()}/fd/{self._into}"

    @property
    def too_long(self) -> bool:
        """More was written than anybody reads."""
        return self._read >= _MOST_READ

    def drain(self) -> None:
        """Everything that was written is read."""
        with contextlib.suppress(BlockingIOError):
            while not self.too_long:
                self._read_piece()

    def _take(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self._read_piece()
        if self.too_long:
            self._loop.remove_reader(self._from)

    def _read_piece(self) -> None:
        piece = os.read(self._from, _PIECE)
        self._read += len(piece)
        self.data += piece[: max(self._kept - len(self.data), 0)]
        if self._complete(bytes(self.data)):
            self.whole.set()
