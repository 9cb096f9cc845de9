"""Fresh seeds on all cores until the time is over: `PYTHONPATH=services:tests python3 -m sim.run --seconds 60`.

A violation ends it: it is cut down, told with one command that reproduces it, and the exit code is 1.
"""

import argparse
import multiprocessing
import os
import queue
import secrets
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from multiprocessing.synchronize import Event
from pathlib import Path

from sim.audit import Violation
from sim.shrink import shrunk
from sim.walk import History, walk
from sim.world import World

TOLD_S = 10.0
SHRINK_S = 120.0


@dataclass(slots=True, kw_only=True)
class Tally:
    """What was run."""

    seeds: int = 0
    events: int = 0
    seconds: float = 0.0  # of one core
    simulated_ms: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)

    def add(self, other: "Tally") -> None:
        self.seeds += other.seeds
        self.events += other.events
        self.seconds += other.seconds
        self.simulated_ms += other.simulated_ms
        self.counts += other.counts
        self.faults += other.faults

    @property
    def line(self) -> str:
        speed = self.events / max(self.seconds, 1e-9)
        return f"{self.seeds} seeds, {self.events:,} events, {speed:,.0f} events a second on one core"

    @property
    def table(self) -> str:
        rows = [
            ("seeds", f"{self.seeds:,}"),
            ("seeds per second and core", f"{self.seeds / max(self.seconds, 1e-9):.1f}"),
            ("events", f"{self.events:,}"),
            ("events per second and core", f"{self.events / max(self.seconds, 1e-9):,.0f}"),
            ("hours simulated", f"{self.simulated_ms / 3_600_000:,.1f}"),
            *((name, f"{count:,}") for name, count in self.counts.items()),
            *((f"fault: {kind}", f"{count:,}") for kind, count in sorted(self.faults.items())),
        ]
        return "\n".join(f"{name:32}{value:>14}" for name, value in rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A seed that broke an invariant."""

    history: History
    invariant: str
    text: str
    journal: list[str]


Said = Tally | Found


def tally(world: World, history: History, seconds: float) -> Tally:
    audit = world.audit
    counts = {
        "starts": audit.starts,
        "fencings": world.agents.shots,
        "withdrawals": world.links.memberships.withdrawals,
        "words of the arbiter": world.arbiter.judgements if world.arbiter is not None else 0,
        "resets by a watchdog": world.dogs.resets,
        "lies of agents": len(world.agents.lies),
        "versions in force": len(audit.versions.counts),
        "installations": audit.versions.installations,
        "terms opened": len(audit.terms),
        "records compared": len(audit.contents),
        "orders judged by the oracle": audit.truth.orders,
        "states judged by the oracle": audit.truth.checks,
        "moves judged in an outage": world.outside.checks,
        "stops by hand": world.administrators.stops,
        "orders judged where it is held by hand": world.administrators.checks,
    }
    return Tally(
        seeds=1,
        events=world.steps,
        seconds=seconds,
        simulated_ms=world.now,
        counts=Counter(counts),
        faults=Counter(fault.kind for fault in history.shape.faults),
    )


def work(
    first: int, stride: int, nodes: int | None, until: float, said: "multiprocessing.Queue[Said]", stop: Event
) -> None:
    """One core: every `stride`-th seed from `first` on."""
    seed = first
    while time.monotonic() < until and not stop.is_set():
        history = History(seed=seed, count=nodes)
        begun = time.process_time()
        try:
            world = walk(history)
        except Violation as violation:
            found = Found(
                history=history, invariant=violation.invariant, text=str(violation), journal=violation.journal
            )
            said.put(found)
            return
        said.put(tally(world, history, time.process_time() - begun))
        seed += stride


def run(seed: int, seconds: float, nodes: int | None, jobs: int) -> tuple[Tally, Found | None]:
    """Everything that was run, and the first violation."""
    context = multiprocessing.get_context("fork")
    said: multiprocessing.Queue[Said] = context.Queue()
    stop, until = context.Event(), time.monotonic() + seconds
    workers = [
        context.Process(target=work, args=(seed + job, jobs, nodes, until, said, stop), daemon=True)
        for job in range(jobs)
    ]
    for worker in workers:
        worker.start()
    total, found, told_at = Tally(), None, time.monotonic()
    while found is None and (any(worker.is_alive() for worker in workers) or not said.empty()):
        try:
            one = said.get(timeout=0.5)
        except queue.Empty:
            continue
        if isinstance(one, Found):
            found = one
        else:
            total.add(one)
        if time.monotonic() - told_at > TOLD_S:
            told_at = time.monotonic()
            print(f"{until - told_at:6.0f} s left: {total.line}", file=sys.stderr, flush=True)
    stop.set()
    for worker in workers:
        worker.terminate()
        worker.join()
    return total, found


def report(found: Found) -> None:
    """The violation, cut down, with all that is needed to see it again."""
    print(f"{found.invariant} is broken by seed {found.history.seed}: {found.history.command}", flush=True)
    violation = Violation(found.invariant, found.text, found.journal)
    small = shrunk(violation, found.history, SHRINK_S, lambda text: print(text, flush=True))
    print(f"commit {commit()}")
    print(small)


def commit() -> str:
    command = ["git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    try:
        result = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return result.stdout.strip()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, help="the first seed; without it a fresh one")
    parser.add_argument("--nodes", type=int, help="in every history; without it the seed says")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    asked = parser.parse_args()
    seed = secrets.randbits(40) if asked.seed is None else asked.seed
    print(f"seeds from {seed} on, {asked.seconds:.0f} s on {asked.jobs} cores, commit {commit()}", flush=True)
    total, found = run(seed, asked.seconds, asked.nodes, asked.jobs)
    print(total.table)
    if found is None:
        print("no invariant was broken")
        return 0
    report(found)
    return 1


if __name__ == "__main__":
    sys.exit(main())
