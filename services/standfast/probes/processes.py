"""What the kernel says of the processes of a unit that does not answer: one line for people, it decides nothing."""

import contextlib
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Final

_SLICE: Final = Path("/sys/fs/cgroup/system.slice")
_MOST: Final = 64  # processes that are looked at
_STATES: Final = {
    "T": "is stopped",
    "t": "is held by a debugger",
    "Z": "is a zombie",
    "D": "waits for a disk or a file system",
}  # proc(5)


def condition(unit: str, root: Path = _SLICE, proc: Path = Path("/proc")) -> str:
    """The first process that cannot answer, as in "its process 312 (nginx) is stopped"; "" when none is known."""
    for pid in islice(_processes(unit, root, proc), _MOST):
        with contextlib.suppress(OSError):
            head, _, rest = (proc / pid / "stat").read_text(errors="replace").rpartition(")")
            if rest[1:2] in _STATES:
                return f"its process {pid} ({head.partition('(')[2]}) {_STATES[rest[1]]}"
    return ""


def _processes(unit: str, root: Path, proc: Path) -> Iterator[str]:
    """Those of its control group, and their children: a zombie is in no control group."""
    template, at, _ = unit.partition("@")
    folder = root / f"system-{template}.slice" if at else root
    with contextlib.suppress(OSError), (folder / unit / "cgroup.procs").open() as lines:
        for pid in map(str.strip, lines):
            yield pid
            with contextlib.suppress(OSError):
                yield from (proc / pid / "task" / pid / "children").read_text().split()
