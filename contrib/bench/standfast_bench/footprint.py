"""What our daemons take on a node of a lab: read from outside of it, so that reading costs the node nothing.

Pages that nodes share, for they have one image, count in parts: on a machine of its own a node takes some MiB more.
"""

import contextlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from standfast_lab.cgroups import roots
from standfast_lab.place import NodePlace

DAEMONS: Final = ("membershipd", "quorumd", "fenced", "resourced")
PLACES: Final = {
    **{name: f"system.slice/standfast-{name}.service" for name in DAEMONS},
    "corosync": "system.slice/corosync.service",
    "dbus": "system.slice/dbus.service",
    "systemd": "init.scope",
}
AGENTS: Final = "agents"  # of fencing: fenced runs each in a control group below its own


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """By one service; `cpu_s`: all that it and what it replaced ever took."""

    cpu_s: float
    pss_mib: float
    private_mib: float  # what no other process has as well: it does not change with who else runs
    descriptors: int
    tasks: int


def place(node: NodePlace, name: str) -> Path:
    """The control group of one of PLACES, or of anything below the node."""
    unified = next(root for root in roots() if (root / "cgroup.controllers").exists())
    return unified / node.cgroup / "payload" / PLACES.get(name, name)


def cpu_s(node: NodePlace, name: str) -> float:
    """Processor time of what is in the group now; 0 when there is none. systemd makes it anew at each start.
    That of AGENTS is in fenced's group too, and is not fenced's."""
    if name in ("fenced", AGENTS):
        own = sum(_threads_s(process) for process in _processes(place(node, "fenced")))
        return own if name == "fenced" else max(_group_s(node, "fenced") - own, 0.0)
    return _group_s(node, name)


def _group_s(node: NodePlace, name: str) -> float:
    try:
        first = (place(node, name) / "cpu.stat").read_text().splitlines()[0]
    except OSError:
        return 0.0
    return int(first.split()[1]) / 1e6


def taken(node: NodePlace, name: str) -> Taken:
    """By all processes of one of PLACES."""
    kib = dict.fromkeys(("Pss", "Private_Clean", "Private_Dirty"), 0)
    descriptors = tasks = 0
    for process in processes(node, name):
        with contextlib.suppress(OSError):  # it ended meanwhile
            for line in (process / "smaps_rollup").read_text().splitlines()[1:]:
                figure, _, value = line.partition(":")
                if figure in kib:
                    kib[figure] += int(value.split()[0])
            descriptors += len(os.listdir(process / "fd"))  # noqa: PTH208 - only how many
            tasks += len(os.listdir(process / "task"))  # noqa: PTH208
    return Taken(
        cpu_s=cpu_s(node, name),
        pss_mib=kib["Pss"] / 1024,
        private_mib=(kib["Private_Clean"] + kib["Private_Dirty"]) / 1024,
        descriptors=descriptors,
        tasks=tasks,
    )


def processes(node: NodePlace, name: str) -> list[Path]:
    """Those of one of PLACES, in /proc."""
    return [process for process in _processes(place(node, name)) if process.exists()]


def _threads_s(process: Path) -> float:
    """Processor time of the threads that it has now (the first number of schedstat, see proc(5))."""
    seconds = 0.0
    with contextlib.suppress(OSError):  # it ended meanwhile
        for thread in (process / "task").iterdir():
            seconds += int((thread / "schedstat").read_text().split()[0]) / 1e9
    return seconds


def _processes(group: Path) -> list[Path]:
    try:
        return [Path("/proc", pid) for pid in (group / "cgroup.procs").read_text().split()]
    except OSError:
        return []


def ours(node: NodePlace) -> Mapping[str, Taken]:
    """By each of our daemons."""
    return {name: taken(node, name) for name in DAEMONS}
