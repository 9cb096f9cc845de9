"""One action of an agent, within a time. Its process group is killed after that; what it left behind, systemd's way."""

import contextlib
import os
import select
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from standfast.ocf.agent import Code

_KEPT: Final = 4096  # of what it says on stderr
_LONGEST: Final = 200  # of what is told of that
_REAPED_S: Final = 1.0  # a process that hangs in the kernel is not waited for
_STDERR: Final = 2
_REASON: Final = "ocf-exit-reason:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    code: int  # negative: the signal that killed it
    said: str = ""  # its reason, or its last words; one line


@dataclass(slots=True)
class _Words:
    """The end of what an agent says, also passed on to the journal as it comes."""

    pipe: int
    kept: bytes = b""
    open: bool = field(default=True)

    def read(self) -> None:
        try:
            data = os.read(self.pipe, 65536)
        except BlockingIOError:
            return
        self.open = bool(data)
        self.kept = (self.kept + data)[-_KEPT:]
        with contextlib.suppress(OSError):
            os.write(_STDERR, data)

    def line(self) -> str:
        lines = [line.strip() for line in self.kept.decode(errors="replace").splitlines() if line.strip()]
        reasons = [line.partition(_REASON)[2].strip() for line in lines if _REASON in line]
        last = (reasons or lines)[-1:]
        return "".join(char if char.isprintable() else " " for char in "".join(last))[:_LONGEST]


def run(command: Sequence[str], environment: Mapping[str, str], timeout_s: float) -> Answer:
    """What the agent answered. What it started and left runs on, and what that says still goes to the journal."""
    deadline = time.monotonic() + max(timeout_s, 0.0)
    reader, writer = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    os.set_blocking(writer, True)
    words = _Words(reader)
    try:
        process = subprocess.Popen(
            command,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=_STDERR,  # ours is for the one word that a probe reads
            stderr=writer,
            process_group=0,
            cwd="/",
        )
    except OSError as error:
        code = Code.PERMISSIONS if isinstance(error, PermissionError) else Code.NOT_INSTALLED
        os.close(reader)
        return Answer(code=code, said=f"{command[0]}: {error.strerror}")
    finally:
        os.close(writer)
    ended = _wait(process, words, deadline)
    if ended == Code.SUCCESS and words.open:
        _pass_on(reader)
    os.close(reader)
    return Answer(code=ended, said=words.line())


def _wait(process: subprocess.Popen[bytes], words: _Words, deadline: float) -> int:
    ended = os.pidfd_open(process.pid)
    poll = select.poll()
    poll.register(ended, select.POLLIN)
    poll.register(words.pipe, select.POLLIN)
    try:
        while (left_s := deadline - time.monotonic()) > 0:
            ready = {descriptor for descriptor, _ in poll.poll(left_s * 1000)}
            if words.pipe in ready:
                words.read()
                if not words.open:
                    poll.unregister(words.pipe)
            if ended in ready:
                if words.open:
                    words.read()  # its last words
                return process.wait()
    finally:
        os.close(ended)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_REAPED_S)
    return Code.TIMED_OUT


def _pass_on(pipe: int) -> None:
    """A daemon that the agent started has its stderr: closed, it would end with SIGPIPE at its next word."""
    os.set_blocking(pipe, True)
    with contextlib.suppress(OSError):
        subprocess.Popen(["/bin/cat"], stdin=pipe, stdout=_STDERR, process_group=0, cwd="/")
