"""A person's terminal in which one command runs."""

import asyncio
import fcntl
import os
import re
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from types import TracebackType

from bus.private import REPOSITORY

_ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_HOME = "\x1b[H"


class Terminal:
    """`words` are typed at a prompt; what is shown is kept in `text`."""

    def __init__(self, *words: str, columns: int = 80, lines: int = 24, **variables: str) -> None:
        self.text = ""
        self._words = [sys.executable, "-m", "standfast.ctl", *words]
        self._size = columns, lines
        self._variables = variables
        self._master = -1
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Terminal":
        self._master, slave = os.openpty()
        self.resize(*self._size)
        self.modes = termios.tcgetattr(slave)
        environment = {**os.environ, "PYTHONPATH": str(REPOSITORY / "services"), "TERM": "xterm", "LANG": "C.UTF-8"}
        for name in ("COLUMNS", "LINES", "NO_COLOR"):
            environment.pop(name, None)
        self.process = subprocess.Popen(
            self._words,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=environment | self._variables,
            preexec_fn=lambda: os.login_tty(slave) if hasattr(os, "login_tty") else _control(slave),
        )
        self._slave = slave
        os.set_blocking(self._master, False)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        assert self.process is not None
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self._master)
        os.close(self._slave)

    def type(self, keys: str) -> None:
        os.write(self._master, keys.encode())

    def resize(self, columns: int, lines: int) -> None:
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    @property
    def frame(self) -> list[str]:
        """The lines of what was drawn last, as a person sees them."""
        return _ESCAPE.sub("\n", self.text.rpartition(_HOME)[2]).replace("\r", "").split("\n")

    @property
    def plain(self) -> str:
        """All that was ever shown, without colours, with single spaces."""
        return " ".join(_ESCAPE.sub("", self.text).split())

    async def until(self, condition: Callable[[], object], what: str, timeout_s: float = 20.0) -> None:
        """The condition holds for what is shown."""
        end = time.monotonic() + timeout_s
        while not condition():
            self._read()
            assert time.monotonic() < end, f"{what} was waited for; shown: {self.text[-3000:]!r}"
            await asyncio.sleep(0.01)

    async def shows(self, words: str, timeout_s: float = 20.0) -> None:
        """The words are in what was drawn last."""
        await self.until(lambda: words in " ".join(" ".join(self.frame).split()), words, timeout_s)

    async def told(self, words: str, timeout_s: float = 20.0) -> None:
        """The words were shown at some time."""
        await self.until(lambda: words in self.plain, words, timeout_s)

    async def ended(self, timeout_s: float = 20.0) -> int:
        """The command's exit code."""
        process = self.process
        assert process is not None
        await self.until(lambda: process.poll() is not None, "the end of the command", timeout_s)
        self._read()
        return process.returncode

    def modes_now(self) -> list[object]:
        return termios.tcgetattr(self._slave)

    def _read(self) -> None:
        try:
            while data := os.read(self._master, 65536):
                self.text += data.decode(errors="replace")
        except (BlockingIOError, OSError):
            return


def _control(slave: int) -> None:
    os.setsid()
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
