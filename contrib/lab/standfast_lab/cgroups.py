"""A cgroup for each node: nodes that share one would see, and signal, each other's units."""

import contextlib
import os
import signal
import time
from pathlib import Path

from .place import LabError, NodePlace, Place


def roots() -> tuple[Path, ...]:
    """Where systemd keeps its tree: version 2, and version 1's named hierarchy if the host still mounts it.

    Not the controllers of version 1: a cpu cgroup of its own would take a node's real-time budget, and Corosync's
    priority with it.
    """
    found = []
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, where, kind, options, *_ = line.split()
        if kind == "cgroup2" or (kind == "cgroup" and "name=systemd" in options.split(",")):
            found.append(Path(where))
    return tuple(found)


def renew(node: NodePlace) -> tuple[Path, ...]:
    """The node's cgroups are there and empty; returns their cgroup.procs, one in each hierarchy."""
    clear(node)
    files = []
    for root in roots():
        folder = root / node.cgroup
        folder.mkdir(parents=True, exist_ok=True)
        files.append(folder / "cgroup.procs")
    return tuple(files)


def clear(node: NodePlace, timeout_s: float = 10.0) -> None:
    """No process of the node runs, and its cgroups are gone."""
    for root in roots():
        _remove(root / node.cgroup, timeout_s)


def remove(lab: Place) -> None:
    """No process of any of the lab's nodes runs, also when the lab's folder is lost, and no cgroup is left."""
    for root in roots():
        _remove(root / "standfast-lab" / lab.name, 10.0)
        with contextlib.suppress(OSError):
            (root / "standfast-lab").rmdir()  # refused while another lab is in there


def _remove(folder: Path, timeout_s: float) -> None:
    until = time.monotonic() + timeout_s
    while folder.exists():
        for below in sorted((folder, *folder.rglob("*/")), key=lambda path: -len(path.parts)):
            _kill(below)
            with contextlib.suppress(OSError):
                below.rmdir()
        if folder.exists():
            if time.monotonic() > until:
                raise LabError(f"cgroup {folder} does not get empty")
            time.sleep(0.02)


def _kill(folder: Path) -> None:
    try:
        pids = (folder / "cgroup.procs").read_text().split()
    except OSError:
        return
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(pid), signal.SIGKILL)
