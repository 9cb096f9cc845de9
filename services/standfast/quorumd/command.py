"""Runs a heuristic's command in a cgroup of its own, with a timeout that holds, and leaves nothing of it behind.

It has no more rights than quorumd (whose unit may not gain privileges or make namespaces), nothing on stdin, and nobody
reads what it prints. One that cannot be killed, because it hangs in the kernel, is waited for by nobody.
"""

import asyncio
import contextlib
import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from standfast.configuration.model import Heuristic
from standfast.quorumd.health import Outcome, Seen

CGROUPS: Final = Path("/sys/fs/cgroup")
# The shell goes into the cgroup before it becomes the command, so that no child of it can be outside.
# sh's own exit codes: 126 = cannot be executed, 127 = is not there.
_ENTER: Final = 'echo 0 >"$0" || exit 126; exec "$@"'
_ENVIRONMENT: Final = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LC_ALL": "C.UTF-8"}
_LOOK_AGAIN_S: Final = 0.02
_CANNOT_BE_RUN: Final = {126: "cannot be executed", 127: "is not there"}


def own_cgroup(proc: Path = Path("/proc"), cgroups: Path = CGROUPS) -> Path | None:
    """Where this process may make cgroups (its unit has Delegate=); None: there is no cgroup v2 here."""
    lines = (proc / "self/cgroup").read_text().splitlines()
    path = next((line.removeprefix("0::") for line in lines if line.startswith("0::")), None)
    folder = cgroups / path.lstrip("/") if path is not None else None
    return folder if folder is not None and (folder / "cgroup.procs").exists() else None


class Commands:
    """The commands of heuristics by name; at most one of each at a time."""

    def __init__(self, parent: Path | None) -> None:
        self._parent = parent
        self._running: dict[str, _Command] = {}

    async def look(self, heuristic: Heuristic) -> Seen:
        """What the command's end says; it is over within the timeout, whatever the command does."""
        name, command, timeout_s = heuristic.name, heuristic.command, heuristic.timeout_ms / 1000
        left = self._running.get(name)
        if left is not None and not await left.ended(timeout_s):
            return Seen(outcome=Outcome.UNKNOWN, text=f"{command[0]} of an earlier look hangs and cannot be killed")
        try:
            running = self._running[name] = _Command(command, self._parent, f"heuristic-{name}")
        except OSError as error:
            return Seen(outcome=Outcome.UNKNOWN, text=f"{command[0]} cannot be started: {error.strerror}")
        try:
            async with asyncio.timeout(timeout_s):
                exit_code = await asyncio.shield(running.exit_code)
        except TimeoutError:
            return Seen(outcome=Outcome.UNKNOWN, text=f"{command[0]} hangs: no end after {timeout_s:g} s")
        finally:
            running.kill()
            running.gone()
        return _seen(command[0], exit_code)


class _Command:
    """A running command with all that it starts; it is reaped whenever it ends, also long after it was given up."""

    def __init__(self, command: Sequence[str], parent: Path | None, name: str) -> None:
        self._cgroup = _make_cgroup(parent, name)
        entry = str(self._cgroup / "cgroup.procs") if self._cgroup else os.devnull
        self._process = subprocess.Popen(
            ["/bin/sh", "-c", _ENTER, entry, *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            env=_ENVIRONMENT,
            cwd="/",
        )
        self._descriptor = os.pidfd_open(self._process.pid)
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._descriptor, self._on_end)
        self.exit_code: asyncio.Future[int] = self._loop.create_future()

    def kill(self) -> None:
        """Everything in its cgroup is killed; without one, everything in its process group while it lives."""
        if self._cgroup is not None:
            with contextlib.suppress(OSError):
                (self._cgroup / "cgroup.kill").write_text("1")
        if self._process.returncode is None:  # not reaped, so its id is nobody else's
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    async def ended(self, timeout_s: float) -> bool:
        """Nothing of it runs any more; that was waited for, for it may have been killed a moment ago."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while not self.gone():  # noqa: ASYNC110 - a cgroup that becomes empty tells nobody here
                    await asyncio.sleep(_LOOK_AGAIN_S)
        return self.gone()

    def gone(self) -> bool:
        """Nothing of it runs any more."""
        if self._process.returncode is None:
            return False
        if self._cgroup is not None:
            try:
                self._cgroup.rmdir()
            except FileNotFoundError:
                pass
            except OSError:
                return False  # what it had started dies just now, or hangs
        return True

    def _on_end(self) -> None:
        self._loop.remove_reader(self._descriptor)
        os.close(self._descriptor)
        self.kill()  # what it left behind
        exit_code = self._process.wait()
        if not self.exit_code.done():
            self.exit_code.set_result(exit_code)


def _make_cgroup(parent: Path | None, name: str) -> Path | None:
    """None where none can be made: then the process group must do."""
    if parent is None:
        return None
    folder = parent / name
    try:
        folder.mkdir(exist_ok=True)
    except OSError:
        return None
    return folder


def _seen(program: str, exit_code: int) -> Seen:
    if exit_code in _CANNOT_BE_RUN:
        return Seen(outcome=Outcome.UNKNOWN, text=f"{program} {_CANNOT_BE_RUN[exit_code]}")
    if exit_code < 0:
        return Seen(outcome=Outcome.UNKNOWN, text=f"{program} was killed by signal {-exit_code}")
    outcome = Outcome.BAD if exit_code else Outcome.GOOD
    return Seen(outcome=outcome, text=f"{program} ended with exit code {exit_code}")
