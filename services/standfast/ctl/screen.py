"""A terminal that one command has for itself for a while: drawn anew, never scrolled, given back as it was."""

import contextlib
import os
import signal
import sys
import termios
import tty
from collections.abc import Callable, Sequence
from typing import Any, Final

_ENTER: Final = "\x1b[?1049h\x1b[?25l"  # the alternate screen, without a cursor
_LEAVE: Final = "\x1b[?25h\x1b[?1049l"
_HOME: Final = "\x1b[H"
_REST_OF_LINE: Final = "\x1b[K"
_REST_OF_SCREEN: Final = "\x1b[J"
_PLAIN: Final = "\x1b[0m"


class Screen:
    """Between `with` and its end the terminal is ours; `size` is asked anew for each drawing."""

    def __init__(self) -> None:
        self._modes: list[Any] = []

    def __enter__(self) -> "Screen":
        self._modes = termios.tcgetattr(sys.stdin.fileno())
        self._take()
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError, termios.error):  # it may be gone
            self._give_back()

    def _take(self) -> None:
        tty.setcbreak(sys.stdin.fileno())  # Ctrl-C and Ctrl-Z remain what they are
        self._write(_ENTER)

    def _give_back(self) -> None:
        self._write(_LEAVE)
        termios.tcsetattr(sys.stdin.fileno(), termios.TCSADRAIN, self._modes)

    def suspend(self) -> None:
        """Ctrl-Z: the shell has its terminal until `fg`."""
        self._give_back()
        os.kill(os.getpid(), signal.SIGSTOP)
        self._take()

    @property
    def size(self) -> tuple[int, int]:
        """Columns and lines now."""
        found = os.get_terminal_size(sys.stdout.fileno())
        return max(found.columns, 20), max(found.lines, 3)

    def draw(self, lines: Sequence[str], foot: str) -> None:
        """These lines are shown, as many as there is room for, and `foot` in the last line."""
        columns, rows = self.size
        room = rows - 1
        if len(lines) > room:
            left = len(lines) - room + 1
            lines = [*lines[: room - 1], f"{left} more lines: make the window larger, or type standfast status"]
            lines[-1] = lines[-1][:columns]
        body = "".join(f"{line}{_PLAIN}{_REST_OF_LINE}\r\n" for line in lines)
        self._write(f"{_HOME}{body}{_REST_OF_SCREEN}\x1b[{rows};1H{foot[: columns - 1]}")

    def _write(self, text: str) -> None:
        sys.stdout.write(text)
        sys.stdout.flush()


def keys(handler: Callable[[bytes], None]) -> Callable[[], None]:
    """For a loop's reader: `handler` gets what was typed, b"" at the end of the input."""

    def read() -> None:
        try:
            handler(os.read(sys.stdin.fileno(), 64))
        except BlockingIOError:
            return
        except OSError:  # the terminal is gone
            handler(b"")

    return read
