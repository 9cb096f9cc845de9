"""What a command waits for: on a terminal a line that lives, in a pipe a line for each change; on stderr."""

import os
import sys
import time
from typing import Final

import click

from standfast.ctl.streams import is_terminal

_CLEAR: Final = "\r\x1b[K"


class Progress:
    """The last line counts its seconds on a terminal, until it is settled; nothing else may be written meanwhile."""

    def __init__(self) -> None:
        self._begun = time.monotonic()
        self._live = is_terminal(sys.stderr)
        self._seen: list[str] = []
        self._last = ""
        self._last_s = 0.0

    def tell(self, waiting: str) -> None:
        """Every line of it that is a new one is shown."""
        lines = waiting.split("\n")
        for line in lines:
            if line not in self._seen:
                self.settle()
                self._last, self._last_s = line, time.monotonic() - self._begun
                self._show()
        self._seen = lines

    def tick(self) -> None:
        """The line that lives shows how long it has been since the beginning."""
        if self._live and self._last:
            self._write(_CLEAR + self._cut(f"{time.monotonic() - self._begun:5.1f} s  {self._last}"))

    def settle(self) -> None:
        """What was shown last stands whole, and the next line is free."""
        if self._live and self._last:
            self._write(f"{_CLEAR}{self._last_s:5.1f} s  {self._last}\n")
        self._last = ""

    def _show(self) -> None:
        if self._live:
            self.tick()
        else:
            click.echo(f"{self._last_s:5.1f} s  {self._last}", err=True)

    def _cut(self, text: str) -> str:
        columns = os.get_terminal_size(sys.stderr.fileno()).columns or 80
        return text if len(text) < columns else f"{text[: columns - 4]}..."

    def _write(self, text: str) -> None:
        sys.stderr.write(text)
        sys.stderr.flush()


class Terminal:
    """Who typed the command is told on stderr; it is what `standfast` sets telling.listener to."""

    def tell(self, sentence: str) -> None:
        click.echo(sentence, err=True)

    def wait(self) -> Progress:
        return Progress()
