"""Types `standfast status` on a node again and again, while all is well and while it is not."""

import os
import platform
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any, Final

from standfast_bench.on_a_node import BENCH, in_a_lab

HERE: Final = "--here"
NODES: Final = 3
COMMANDS: Final = (("standfast", "status"), ("standfast", "status", "--json"), ("standfast", "--version"))


def main(arguments: list[str]) -> int:
    """Makes a lab of three nodes, measures on node1, and takes the lab away; its exit code."""
    if arguments[:1] == [HERE]:
        measure(int(arguments[1]))
        return 0
    runs = arguments[0] if arguments else "30"
    with in_a_lab("status", nodes=NODES) as (lab, name):
        shutil.copytree(BENCH, lab.root(name) / "srv/bench")

        def tell(what: str) -> None:
            print(f"\n{what}", flush=True)
            told = lab.sh(name, "/srv/bench/status", HERE, runs, timeout_s=600)
            print(told.stdout, end="", flush=True)

        _situations(lab, name, tell)
    return 0


def _situations(lab: Any, name: str, tell: Callable[[str], None]) -> None:
    from standfast_lab import observe

    tell("all is well")
    fenced = observe.signal_all(lab, name, "standfast-fenced.service", "STOP")
    told = lab.sh(name, "bash", "-c", "TIMEFORMAT=%Rs; time standfast status >/dev/null").stderr
    print(f"\nfenced of this node hangs: {' '.join(told.split())}", flush=True)
    lab.sh(name, "kill", "-s", "CONT", *map(str, fenced), check=False)
    for node in lab.nodes():
        if node != name:
            lab.kill(node)
    lab.wait(lambda: '"term": null' in lab.sh(name, "standfast", "status", "--json").stdout, 30, "the term to end")
    tell("no term is open: the other nodes have no power, so this one is not quorate")


def measure(runs: int) -> None:
    """On this machine: the wall clock of whole processes, from fork to exit."""
    print(f"{runs} runs, Python {platform.python_version()}, load {os.getloadavg()[0]:.1f}")
    for command in COMMANDS:
        taken = sorted(_once_ms(command) for _ in range(runs))
        figures = f"{taken[0]:5.0f} {statistics.median(taken):5.0f} {taken[-1]:5.0f} ms (min, median, max)"
        print(f"{' '.join(command):<24}{figures}")


def _once_ms(command: tuple[str, ...]) -> float:
    begun = time.perf_counter()
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False)
    taken = (time.perf_counter() - begun) * 1000
    if done.returncode:
        sys.exit(f"{' '.join(command)}: exit code {done.returncode}: {done.stderr.decode()}")
    return taken
