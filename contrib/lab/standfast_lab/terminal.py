"""A command in a node as somebody types it: on a terminal, which shows what it prints and answers what it asks."""

import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from . import shell
from .place import LabError, NodePlace

COLUMNS, ROWS = 100, 40
ENDED_WITHIN_S = 10.0  # once nobody has the terminal open any more


def run(
    node: NodePlace, *command: str, answers: Mapping[str, str], timeout_s: float, columns: int = COLUMNS
) -> subprocess.CompletedProcess[str]:
    """The command has ended; its `stdout` is everything that the terminal was sent, colours and all.

    `answers`: what is typed each time when what was sent ends with these characters. Raises LabError when there is no
    end within `timeout_s`, or the node is off.
    """
    argv = shell.inside(node, command)
    with _terminal(columns) as (master, slave):
        environment = shell.ENVIRONMENT | {"TERM": "xterm-256color"}
        # Without a controlling terminal: what asks on /dev/tty, as ssh does for a password, fails instead.
        process = subprocess.Popen(
            argv, stdin=slave, stdout=slave, stderr=slave, env=environment, start_new_session=True
        )
        os.close(slave)
        sent = bytearray()
        try:
            for part in _follow(master, answers, time.monotonic() + timeout_s):
                sent += part
            status = process.wait(ENDED_WITHIN_S)
        except (TimeoutError, subprocess.TimeoutExpired):
            end = sent[-2000:].decode(errors="replace")
            raise LabError(f"{node.name}: {command[-1]}: no end after {timeout_s:g} s: {end}") from None
        finally:
            process.kill()
            process.wait()
    return subprocess.CompletedProcess(argv, status, sent.decode(errors="replace"), "")


@contextmanager
def _terminal(columns: int) -> Iterator[tuple[int, int]]:
    """Both ends of a new one; the second one is closed by whoever gave it away."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, columns, 0, 0))
    try:
        yield master, slave
    finally:
        os.close(master)


def _follow(master: int, answers: Mapping[str, str], deadline: float) -> Iterator[bytes]:
    """What is sent until nobody has the terminal open any more; TimeoutError at the deadline."""
    last = b""
    while True:
        ready, _, _ = select.select([master], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            raise TimeoutError
        try:
            part = os.read(master, 1 << 16)
        except OSError:  # EIO: the last one has closed it
            return
        yield part
        last = (last + part)[-200:]
        for question, answer in answers.items():
            if last.endswith(question.encode()):
                os.write(master, answer.encode())
                last = b""
