"""Fresh random histories on all cores until the time is over: `PYTHONPATH=services:tests python3 -m sim.run`.

Prints what was done; a violation prints its invariant, seed, commit and the one command that shows it again.
"""

import argparse
import multiprocessing
import os
import secrets
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass

from sim.audit import Violation
from sim.walk import walk

PATIENCE_S = 60.0  # a history that was begun may end


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """One history."""

    seed: int
    nodes: int
    steps: int
    seconds: float  # of one core
    told: Counter[str]
    violation: str = ""


def history(seed: int, nodes: int) -> Done:
    """Run one; a violation is part of the answer."""
    began = time.process_time()
    try:
        world = walk(seed, nodes)
    except Violation as violation:
        return Done(seed=seed, nodes=nodes, steps=0, seconds=0.0, told=Counter(), violation=str(violation))
    told = Counter(_kind(line.split(" ", 1)[1]) for line in (line.strip() for line in world.journal))
    return Done(seed=seed, nodes=nodes, steps=world.steps, seconds=time.process_time() - began, told=told)


KINDS = {
    " is off": "power cuts and fencings",
    " boots": "boots",
    "resourced on": "daemons killed or hung",
    "cut:": "partitions and heals",
    "Corosync on": "Corosync dead or hung",
    "operator on": "wishes of operators",
    "fenced on": "agents run",
    "starts webserv": "starts",
    " is open": "terms opened, by member",
    " is asked to leave": "leaves",
    "web.service on": "units failed",
}


def _kind(line: str) -> str:
    return next((kind for mark, kind in KINDS.items() if mark in line), "")


def _worker(until: float, nodes: int, results: "multiprocessing.Queue[Done]") -> None:
    while time.monotonic() < until:
        results.put(history(secrets.randbits(40), nodes or secrets.choice((2, 3, 3, 4, 5))))


def run(seconds: float, nodes: int, jobs: int) -> int:
    """0: no invariant fell."""
    until = time.monotonic() + seconds
    results: multiprocessing.Queue[Done] = multiprocessing.Queue()
    workers = [multiprocessing.Process(target=_worker, args=(until, nodes, results)) for _ in range(jobs)]
    for worker in workers:
        worker.start()
    done: list[Done] = []
    shown = time.monotonic()
    while any(worker.is_alive() for worker in workers) or not results.empty():
        if results.empty():
            time.sleep(0.05)
            continue
        done.append(results.get())
        if done[-1].violation:
            break
        if time.monotonic() - shown >= 10:
            shown = time.monotonic()
            print(f"{len(done)} histories, {max(until - shown, 0):.0f} s to go", flush=True)
    for worker in workers:
        worker.terminate()
        worker.join(PATIENCE_S)
    _report(done, jobs)
    return 1 if any(one.violation for one in done) else 0


def _report(done: list[Done], jobs: int) -> None:
    for one in done:
        if one.violation:
            commit = subprocess.run(
                ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
            )
            print(f"at commit {commit.stdout.strip() or 'unknown'}: {one.violation}")
    told: Counter[str] = sum((one.told for one in done), Counter())
    steps, busy = sum(one.steps for one in done), sum(one.seconds for one in done)
    print(f"{len(done)} seeds, {steps} events, {steps / max(busy, 0.001):.0f} a second on one core, {jobs} at once")
    for kind in (kind for kind in KINDS.values() if told[kind]):
        print(f"  {told[kind]:>9}  {kind}")


def main() -> int:
    parser = argparse.ArgumentParser(prog="sim.run", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="how long (3600: the hour that a release wants)")
    parser.add_argument("--nodes", type=int, default=0, help="of every cluster; 0: 2 to 5, at random")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    arguments = parser.parse_args()
    return run(arguments.seconds, arguments.nodes, arguments.jobs)


if __name__ == "__main__":
    sys.exit(main())
