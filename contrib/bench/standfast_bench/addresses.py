"""Starts and stops units that serve addresses, all at once, as a group's target does."""

import re
import shutil
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path

from standfast_bench.on_a_node import BENCH, in_a_lab

HERE = "--here"
SERVER = "standfast-addresses.service"
CPU = Path("/sys/fs/cgroup/cpu.stat")  # of the whole node
PSS = re.compile(r"^Pss:\s+(\d+) kB$", re.MULTILINE)


def main(arguments: list[str]) -> int:
    """Makes a lab of one node, measures there, and takes the lab away; its exit code."""
    if arguments[:1] == [HERE]:
        measure(int(arguments[1]))
        return 0
    count = arguments[0] if arguments else "100"
    with in_a_lab("addresses") as (lab, name):
        shutil.copytree(BENCH, lab.root(name) / "srv/bench")
        told = lab.sh(name, "/srv/bench/addresses", HERE, count, timeout_s=300)
        print(told.stdout, end="")
    return 0


def measure(count: int) -> None:
    """In a node whose eth1 has 198.51.100.0/24."""
    units = [f"standfast-ip@198.51.100.{100 + number}.service" for number in range(count)]
    print(f"{count} addresses")
    _time("start", units)
    of_units = sum(_pss_kib(pid) for unit in units for pid in _processes(f"system-standfast\\x2dip.slice/{unit}"))
    of_server = sum(_pss_kib(pid) for pid in _processes(SERVER))
    print(f"memory (PSS) {of_units + of_server} KiB: {of_units / count:.0f} a unit, {of_server} of {SERVER}")
    _time("stop", units)


def _time(verb: str, units: Iterable[str]) -> None:
    """How long the job of all units took, and the CPU time of everything in the node."""
    cpu, begin = _cpu_s(), time.monotonic()
    subprocess.run(["systemctl", verb, *units], check=True)
    print(f"{verb:<6}{time.monotonic() - begin:6.2f} s, {_cpu_s() - cpu:.2f} s of CPU time")


def _cpu_s() -> float:
    return int(CPU.read_text().split()[1]) / 1e6


def _processes(group: str) -> list[str]:
    return (Path("/sys/fs/cgroup/system.slice") / group / "cgroup.procs").read_text().split()


def _pss_kib(pid: str) -> int:
    found = PSS.search(Path(f"/proc/{pid}/smaps_rollup").read_text())
    assert found
    return int(found[1])
