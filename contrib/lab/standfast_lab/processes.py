"""Programs that the lab runs: short ones, and those that stay until it is taken down."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from .place import LabError


def run(*argv: str, check: bool = True, text: str | None = None) -> subprocess.CompletedProcess[str]:
    """Runs a program to its end; LabError with its words when `check` and it failed."""
    result = subprocess.run(argv, input=text, capture_output=True, text=True)
    if check and result.returncode != 0:
        words = (result.stderr.strip() or result.stdout.strip())[-2000:]
        raise LabError(f"{' '.join(argv)}: exit {result.returncode}: {words}")
    return result


def start_time(pid: int) -> str | None:
    """When the kernel started `pid`, in ticks since boot; None when it is gone or only waits to be reaped."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else fields[19]


def remember(file: Path, pid: int) -> None:
    """`file` names the process, so that a later command can tell it from another one with the same number."""
    temporary = file.with_suffix(".new")
    temporary.write_text(json.dumps({"pid": pid, "start": start_time(pid)}))
    temporary.replace(file)


def recall(file: Path) -> int | None:
    """The process that `file` names, if it still runs."""
    try:
        noted = json.loads(file.read_text())
    except (OSError, ValueError):
        return None
    return int(noted["pid"]) if noted["start"] and start_time(noted["pid"]) == noted["start"] else None


def end(file: Path, *, first: signal.Signals = signal.SIGKILL) -> None:
    """The process that `file` names does not run any more, and the file is gone."""
    pid = recall(file)
    if pid is not None:
        for number, seconds in ((first, 5.0), (signal.SIGKILL, 5.0)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
            until = time.monotonic() + seconds
            while recall(file) is not None and time.monotonic() < until:
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(pid, os.WNOHANG)  # ours when one process does both, as in the tests
                time.sleep(0.01)
            if recall(file) is None:
                break
        else:
            raise LabError(f"process {pid} ({file}) does not end")
    file.unlink(missing_ok=True)


def linger(file: Path, log: Path, argv: Sequence[str], *, namespace: str | None = None) -> None:
    """A program runs in a session of its own, below a network namespace if one is named, and `file` names it."""
    # nsenter, not `ip netns exec`: that one remounts /sys, and a node cannot be booted from there.
    inside = ["nsenter", f"--net=/run/netns/{namespace}", "--"] if namespace else []
    with log.open("ab") as output:
        process = subprocess.Popen(
            [*inside, *argv],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd="/",
            env=environment(),
            start_new_session=True,
        )
    remember(file, process.pid)


def python_module(module: str, *arguments: str) -> list[str]:
    """The command that runs one of the lab's own modules with the Python that runs now."""
    return [sys.executable, "-m", f"standfast_lab.{module}", *arguments]


def environment() -> dict[str, str]:
    """The environment of a lab's program: this package can be imported, and Debian's programs come first."""
    return {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "LANG": "C.UTF-8",
        "HOME": "/root",
        "TERM": os.environ.get("TERM", "dumb"),
        "PYTHONPATH": str(Path(__file__).resolve().parent.parent),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
