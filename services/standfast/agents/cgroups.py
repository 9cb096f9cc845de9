"""A control group for each fence agent, so that nothing that it starts outlives it (cgroups(7), version 2).

A process leaves its process group with setsid(2), its control group only if root lets it: `cgroup.kill` (Linux 5.14)
ends all that is in there at once, also what forks meanwhile.
"""

import asyncio
import contextlib
import itertools
from pathlib import Path
from typing import Final

from standfast import journal

FIRST_TRY_S: Final = 0.02
TRIES: Final = 10  # doubling: the last one 10 s after the first; what is left then the next agent's group tries again
_PREFIX: Final = "agent-"
_LINE_FIELDS: Final = 5  # of mountinfo before its optional fields: the fifth is the mount point (proc(5))


class Cgroup:
    """One agent's group; `processes` is the file through which a process joins it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.processes = path / "cgroup.procs"

    def kill(self) -> None:
        """Everything in it was sent SIGKILL."""
        with contextlib.suppress(OSError):  # it is gone already
            (self._path / "cgroup.kill").write_text("1")

    def remove(self) -> bool:
        """Everything in it was killed and it is gone; False: something there is not dead yet."""
        self.kill()
        try:
            self._path.rmdir()
        except FileNotFoundError:
            return True
        except OSError:
            return False
        return True


class Cgroups:
    """Makes groups below `own`, which must be this process's alone (Delegate= of its unit); None: there is none."""

    def __init__(self, own: Path | None) -> None:
        self._own = own
        self._numbers = itertools.count(1)
        self._told = False
        self._sweep()

    def make(self) -> Cgroup | None:
        """An empty group; None, told once in the journal: agents run in a process group only."""
        if self._own is None:
            self._tell("this process has no control group of version 2")
            return None
        path = self._own / f"{_PREFIX}{next(self._numbers)}"
        try:
            with contextlib.suppress(FileExistsError):  # what a fenced before us left there does not die
                path.mkdir()
            if not (path / "cgroup.kill").exists():
                path.rmdir()
                self._tell(f"there is no {path / 'cgroup.kill'}")
                return None
        except OSError as error:
            self._tell(f"{path} cannot be made: {error.strerror}")
            return None
        return Cgroup(path)

    def remove(self, group: Cgroup) -> None:
        """Everything in it is killed; it is removed as soon as that is dead."""
        self._remove(group, FIRST_TRY_S, TRIES)

    def _remove(self, group: Cgroup, delay_s: float, tries: int) -> None:
        if not group.remove() and tries:
            asyncio.get_running_loop().call_later(delay_s, self._remove, group, delay_s * 2, tries - 1)

    def _sweep(self) -> None:
        """What a fenced before us left is killed."""
        for path in sorted(self._own.glob(f"{_PREFIX}*")) if self._own is not None else ():
            Cgroup(path).remove()

    def _tell(self, why: str) -> None:
        if not self._told:
            self._told = True
            text = f"Fence agents get no control group of their own, so a child of one may outlive it: {why}."
            journal.write(journal.Event.FENCE_AGENT_LOOSE, journal.Level.WARNING, text)


def own_cgroup(proc: Path = Path("/proc/self")) -> Path | None:
    """The folder of this process's control group of version 2; None where there is none."""
    try:
        groups = (proc / "cgroup").read_text().splitlines()
        mounts = (proc / "mountinfo").read_text().splitlines()
    except OSError:
        return None
    own = next((line.removeprefix("0::") for line in groups if line.startswith("0::")), None)
    where = next((_mount_point(line) for line in mounts if " - cgroup2 " in line), None)
    return Path(where + own.rstrip("/")) if own is not None and where is not None else None


def _mount_point(line: str) -> str:
    return line.split(" ")[_LINE_FIELDS - 1]
