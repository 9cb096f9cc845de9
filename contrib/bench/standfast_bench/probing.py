"""Many probes of one kind, made as a node makes them: what they cost this process, and how late they are."""

import asyncio
import gc
import json
import time
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from statistics import median
from typing import Any

from standfast import journal
from standfast.configuration.model import Group, Probe, Resource
from standfast.configuration.probes import read_probes
from standfast.configuration.unitfile import parse
from standfast.probes.system_bus import close_system_bus
from standfast.probes.verdict import Outcome, Try
from standfast.resourced import probes
from standfast_bench.samples import sample


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """`count` probes as in `text`, beside `hung` ones as in `hung_text`; one [X-Probe] in each."""

    text: str
    count: int
    seconds: float
    hung_text: str = ""
    hung: int = 0


@dataclass(slots=True, kw_only=True)
class Seen:
    """Of the probes that do not hang."""

    wall_s: float = 0.0
    cpu_s: float = 0.0
    latency_s: list[float] = field(default_factory=list)
    late_s: list[float] = field(default_factory=list)
    memory_kib: tuple[int, int] = (0, 0)  # PSS before the first try and at the end
    strange: str = ""  # what one saw that was not good


class _Timed(probes.Probes):
    """How late each try began is in `late_s`."""

    def __init__(self, tasks: asyncio.TaskGroup, late_s: list[float]) -> None:
        super().__init__(tasks, lambda *_: None)
        self._late_s = late_s

    async def _until(self, due: float) -> None:
        await super()._until(due)
        self._late_s.append(asyncio.get_running_loop().time() - due)


def read(text: str) -> tuple[Probe, ...]:
    """The probes of a unit file. Raises ValueError with what is wrong in it."""
    problems: list[Any] = []
    found = read_probes("bench.service", parse(text, "bench"), problems)
    if problems or not found:
        raise ValueError("; ".join(one.text for one in problems) or "there is no [X-Probe]")
    return found


def make(case: str) -> None:
    """Prints what was seen of a case, both as JSON."""
    journal.SOCKET = Path("/nonexistent")  # what changes is told on stderr
    print(json.dumps(asdict(asyncio.run(_make(Case(**json.loads(case)))))))


async def _make(case: Case) -> Seen:
    seen = Seen()
    before = _memory_kib()
    try:
        async with asyncio.TaskGroup() as tasks:
            good = _Timed(tasks, seen.late_s)
            hung = probes.Probes(tasks, lambda *_: None)
            _start(hung, case.hung_text, case.hung)
            _time_tries(seen, case)
            _start(good, case.text, case.count)
            while len(seen.latency_s) < 2 * case.count:  # noqa: ASYNC110 - those that start together spread first
                await asyncio.sleep(0.01)
            await _measure(seen, case.seconds)
            good.forget("bench")
            hung.forget("bench")
    finally:
        await close_system_bus()
    seen.memory_kib = (before, _memory_kib())
    return seen


def _start(those: probes.Probes, text: str, count: int) -> None:
    if not count:
        return
    (probe,) = read(text)
    units = [f"bench-{number:03}.service" for number in range(count)]
    resources = tuple(Resource(unit=unit, probes=(replace(probe, unit=unit),)) for unit in units)
    those.watch(sample(Group, name="bench", resources=resources))
    those.start("bench")


def _time_tries(seen: Seen, case: Case) -> None:
    """From now on the latency of each try that does not hang is noted."""
    check = probes.check  # type: ignore[attr-defined] # it is replaced there, where it is used
    hung = read(case.hung_text)[0].url if case.hung else None

    async def timed(probe: Probe) -> Try:
        begin = time.perf_counter()
        one = await check(probe)
        if probe.url != hung:
            seen.latency_s.append(time.perf_counter() - begin)
            seen.strange = seen.strange if one.outcome is Outcome.GOOD else one.text
        return one

    probes.check = timed  # type: ignore[attr-defined]


async def _measure(seen: Seen, seconds: float) -> None:
    gc.collect()
    for numbers in (seen.latency_s, seen.late_s):
        numbers.clear()
    wall, cpu = time.perf_counter(), time.process_time()
    await asyncio.sleep(seconds)
    seen.wall_s, seen.cpu_s = time.perf_counter() - wall, time.process_time() - cpu


def _memory_kib() -> int:
    """PSS: what is shared with other processes counts in part."""
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


def spread(seconds: list[float]) -> tuple[float, float, float]:
    """Minimum, median, maximum in milliseconds."""
    if not seconds:
        return 0.0, 0.0, 0.0
    return min(seconds) * 1000, median(seconds) * 1000, max(seconds) * 1000
