"""Many groups on three nodes: all started, all of a lost node's running again, memory, and processor time at rest.

Wall-clock times mean something only on a machine that does nothing else: each has the load that the machine had, and
the processor time that all nodes together took, which a busy machine does not lengthen.
"""

import argparse
import os
import time
from collections.abc import Iterator, Sequence
from typing import Final

from standfast_lab.lab import Lab
from standfast_lab.place import LabError

from standfast_bench import footprint, many
from standfast_bench.cases import OURS, Case, Row
from standfast_bench.idle import at_rest
from standfast_bench.many import Many
from standfast_bench.rounds import Sample
from standfast_bench.sides import Standfast

LARGE: Final = Many(groups=500, resources=1)
DEEP: Final = Many(groups=100, resources=5)
REST_S: Final = 60.0


def measure(lab: Lab, groups: Many, prefix: str) -> Iterator[Sample]:
    """One round on a lab that serves; afterwards it has these groups, and all of its nodes again."""
    groups.push(lab)
    many.stop(lab)
    spent = _spent(lab)
    begun = many.start(lab)
    yield _taken(lab, f"{prefix}-start", groups, begun, spent)
    yield from memory(lab, prefix)
    yield from at_rest(lab, REST_S, prefix)
    yield _lost(lab, groups, prefix)


def _lost(lab: Lab, groups: Many, prefix: str) -> Sample:
    """The node that does not coordinate loses its power; it comes back after the measurement."""
    lost = lab.nodes()[-1]
    (place,) = (node for node in lab.place.nodes() if node.name == lost)
    moved = many.running_on(place)
    spent = _spent(lab)
    begun = time.monotonic()
    lab.kill(lost)
    sample = _taken(lab, f"{prefix}-lost", groups, begun, spent, f"{moved} of {groups.services} services were there")
    lab.wait(lambda: lab.is_booted(lost), 180, f"{lost} to be back")
    return sample


def _taken(lab: Lab, what: str, groups: Many, begun: float, spent: float, note: str = "") -> Sample:
    """Until all of the groups run, with how many did when."""
    curve = []
    load = os.getloadavg()[0]
    while (count := many.running(lab)) < groups.services:
        curve.append((time.monotonic() - begun, float(count)))
        if time.monotonic() - begun > many.RUNNING_WITHIN_S:
            return Sample(what=what, value=None, curve=tuple(curve), note=f"{count} run; {note}")
        time.sleep(0.05)
    value = time.monotonic() - begun
    cpu = f"{_spent(lab) - spent:.1f} s of processor time on all nodes, load {load:.1f}"
    return Sample(what=what, value=value, curve=(*curve, (value, float(count))), note=f"{note}; {cpu}".lstrip("; "))


def _spent(lab: Lab) -> float:
    """Processor time of all nodes so far; of one that was cut in between what it took is lost."""
    return sum(footprint.cpu_s(node, "") for node in lab.place.nodes())


def memory(lab: Lab, prefix: str) -> Iterator[Sample]:
    """The most that our daemons take on one node."""
    found = {node.name: footprint.ours(node) for node in lab.place.nodes()}
    sums = {name: sum(one.pss_mib for one in daemons.values()) for name, daemons in found.items()}
    worst = max(sums, key=lambda name: sums[name])
    note = ", ".join(f"{daemon} {one.pss_mib:.1f}" for daemon, one in found[worst].items())
    yield Sample(what=f"{prefix}-memory", value=sums[worst], note=f"{worst}: {note}")


def _rows(prefix: str, title: str, start_s: float, lost_s: float, mib: float, cpu_s: float) -> tuple[Row, ...]:
    return (
        Row(what=f"{prefix}-start", title=f"{title}: all started", budgets={OURS: start_s}, digits=1),
        Row(what=f"{prefix}-lost", title=f"{title}: a lost node's running again", budgets={OURS: lost_s}, digits=1),
        Row(what=f"{prefix}-memory", title=f"{title}: memory, PSS", budgets={OURS: mib}, unit="MiB", digits=1),
        Row(what=f"{prefix}-rest", title=f"{title}: processor time at rest", budgets={OURS: cpu_s}, unit="s/min"),
    )


CASES: Final = (
    Case(
        name="many",
        rows=_rows("many", "500 single-unit groups", 15, 8, 110, 0.2),
        sides={OURS: Standfast},
        measure=lambda side: tuple(measure(side.lab, LARGE, "many")),
        rounds=1,
    ),
    Case(
        name="deep",
        rows=_rows("deep", "100 groups of 5", 15, 8, 110, 0.2),
        sides={OURS: Standfast},
        measure=lambda side: tuple(measure(side.lab, DEEP, "deep")),
        rounds=1,
    ),
)


def main(words: Sequence[str]) -> int:
    """Prints each figure as it is known; the exit code: 1 where one is over its budget."""
    parser = argparse.ArgumentParser(prog="scale", description=__doc__)
    parser.add_argument("--case", action="append", choices=[case.name for case in CASES])
    parser.add_argument("--nodes", type=int, default=3)
    parser.add_argument("--groups", type=int, help="so many single-unit groups, in place of the cases")
    parser.add_argument("--keep", action="store_true", help="the lab stays")
    asked = parser.parse_args(words)
    lab = Lab(f"{os.environ.get('STANDFAST_LAB_NAME', 'bench')}-scale")
    rows = {row.what: row for case in CASES for row in case.rows}
    over = 0
    try:
        lab.up(asked.nodes)
        for name, groups in _asked(asked):
            for sample in measure(lab, groups, name):
                over += tell(rows[sample.what], sample)
    except LabError as error:
        print(f"scale: {error}")
        return 1
    finally:
        if not asked.keep:
            lab.down()
    return 1 if over else 0


def _asked(asked: argparse.Namespace) -> list[tuple[str, Many]]:
    if asked.groups:
        return [("many", Many(groups=asked.groups))]
    known = {"many": LARGE, "deep": DEEP}
    return [(name, known[name]) for name in asked.case or known]


def tell(row: Row, sample: Sample) -> bool:
    """It is printed; whether it is over its budget."""
    budget = row.budgets[OURS]
    over = sample.value is None or sample.value > budget
    value = "-" if sample.value is None else f"{sample.value:.{row.digits}f}"
    verdict = f"over the budget of {budget:g}" if over else f"budget {budget:g}"
    print(f"{row.title:<55} {value:>8} {row.unit:<6} ({verdict})  {sample.note}", flush=True)
    return over
